//! Applying by another program, while devflow holds its lock.

use crate::error::ErrorKind;
use crate::login::Login;
use devflow_migrations::Plan;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// Applies a plan's migrations in devflow's place, while devflow holds its lock.
///
/// Whatever it says of what it has done is not believed: the table that it writes is read afterwards.
pub trait Delegate: Send {
    /// Who it is, as the ledger's rows have it.
    fn engine(&self) -> Engine;

    /// How long it may have nothing at work on the server before it counts as stuck, and is dropped.
    fn patience(&self) -> Duration;

    /// Whether it can apply the files of a plan; unless it says otherwise, it can. It is asked before anything is written,
    /// and starts nothing.
    ///
    /// # Errors
    /// For what it cannot apply.
    fn check(&self, plan: &Plan) -> Result<(), DelegateFailure> {
        let _any = plan;
        Ok(())
    }

    /// What it would apply now, in its order: the files' own names. Changes nothing.
    fn preview<'a>(
        &'a mut self,
        errand: &'a Errand<'a>,
        hear: &'a mut (dyn FnMut(Said<'_>) + Send),
    ) -> Delegated<'a, Vec<String>>;

    /// Applies. Dropped before its end, it ends what it has started on this machine; what is on the server by then is
    /// settled by the run.
    fn apply<'a>(
        &'a mut self,
        errand: &'a Errand<'a>,
        hear: &'a mut (dyn FnMut(Said<'_>) + Send),
    ) -> Delegated<'a, ()>;
}

/// What a delegate is doing.
pub type Delegated<'a, T> = Pin<Box<dyn Future<Output = Result<T, DelegateFailure>> + Send + 'a>>;

/// Who applies, as the ledger's rows have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: String,
}

/// What a delegate is asked to do.
#[derive(Debug)]
#[non_exhaustive]
pub struct Errand<'a> {
    /// The plan, which is decided: it is to apply its steps and nothing else.
    pub plan: &'a Plan,
    /// Where.
    pub login: &'a Login,
    /// Whether the database has a schema `vault`.
    pub has_vault: bool,
    /// What the session's `lock_timeout` is to be; `None` where a pooler would not have it.
    pub lock_timeout: Option<Duration>,
    /// What the session's `statement_timeout` is to be; `None` where a pooler would not have it.
    pub statement_timeout: Option<Duration>,
    /// Whether migrations are among the steps that are older than the newest applied one.
    pub out_of_order: bool,
}

/// What a delegate tells while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// A line for people; control characters are as they came.
    Line(&'a str),
    /// It begins with the file of this name.
    Began(&'a str),
}

/// Why a delegate did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegateFailure {
    pub(crate) kind: ErrorKind,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) sqlstate: Option<String>,
    pub(crate) statement: Option<usize>,
    pub(crate) standing: Standing,
}

/// What a failure says of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing goes on there any more.
    Settled,
    /// Something may still be going on there.
    Unsettled,
    /// Another runner was faster.
    Overtaken,
}

impl DelegateFailure {
    /// A failure of this kind; `code` is a stable word.
    #[must_use]
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            message: message.into(),
            help: None,
            sqlstate: None,
            statement: None,
            standing: Standing::Settled,
        }
    }

    /// Says that it was cut short, so that the server may still be at work.
    #[must_use]
    pub fn cut_short(mut self) -> Self {
        self.standing = Standing::Unsettled;
        self
    }

    /// Says that another runner has applied what it was about to.
    #[must_use]
    pub fn overtaken(mut self) -> Self {
        self.standing = Standing::Overtaken;
        self
    }

    /// Names the next step.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says that the server refused, and with which SQLSTATE.
    #[must_use]
    pub fn refused_with(mut self, sqlstate: impl Into<String>) -> Self {
        self.sqlstate = Some(sqlstate.into());
        self
    }

    /// Says at which statement of the file it was refused, counted from 0.
    #[must_use]
    pub fn at_statement(mut self, index: usize) -> Self {
        self.statement = Some(index);
        self
    }
}
