//! One run, from its connection to its report: source, look, lock, plan, execute, report, in this order.

use crate::account::refused;
use crate::aftermath::Loss;
use crate::charset::Charset;
use crate::connect::Connector;
use crate::delegated::Hands;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer};
use crate::execute::{Executor, Stop};
use crate::interrupt::Interrupt;
use crate::ledger::{self, Creation, Facts, Found, LedgerTable, Look};
use crate::lock::{self, Hold, Link, Waited, Waiter, Watch};
use crate::migrator::Migrator;
use crate::precondition::{check_intact, check_pooled};
use crate::report::{Place, Report, StepReport};
use crate::retry::Retries;
use crate::role_limits::role_limits;
use crate::run::Run;
use crate::session::Session;
use crate::span::Spans;
use crate::step::Framing;
use crate::target::Target;
use crate::tell::Teller;
use crate::watch::Watcher;
use devflow_migrations::{Checksum, CleanPlan, Ledger, Plan, PlanDigest, Settings, plan};
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::Client;

/// How often a run looks again because another runner moved; each time that one has come further.
const ROUNDS: usize = 20;

const LOCK_WAIT: Duration = Settings::LOCK_WAIT;
const LOCK_RETRY_BUDGET: Duration = Settings::LOCK_RETRY_BUDGET;
const LOCK_TIMEOUT: Duration = Settings::LOCK_TIMEOUT;
const CONNECT_TIMEOUT: Duration = Settings::CONNECT_TIMEOUT;
const CONNECT_BUDGET: Duration = Settings::CONNECT_BUDGET;

/// One run: what it was asked, who it is, and what it has said so far.
pub(crate) struct Attempt<'a> {
    pub(crate) migrator: &'a Migrator,
    pub(crate) target: &'a Target,
    pub(crate) interrupt: Interrupt,
    pub(crate) teller: Teller<'a>,
    pub(crate) run: Run,
    pub(crate) table: LedgerTable,
    pub(crate) place: Place,
    pub(crate) began: Instant,
    /// What lies between the run and its server, since the first look.
    pub(crate) link: Link,
    waiting_since: Option<Instant>,
    /// The server's system identifier, once it was asked for.
    pub(crate) system: Option<String>,
    /// What this run has committed, over all its rounds.
    pub(crate) done: Vec<StepReport>,
    /// Who carries out the steps, where devflow does not.
    pub(crate) hands: Option<Hands<'a>>,
    /// The texts that were looked at and can be run.
    pub(crate) fit: HashSet<Checksum>,
}

/// How a round ended.
pub(crate) enum Round {
    Over(Box<Report>),
    LookAgain,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        migrator: &'a Migrator,
        target: &'a Target,
        interrupt: Interrupt,
        observer: &'a mut dyn Observer,
    ) -> Self {
        let table = LedgerTable::new(migrator.ledger, &migrator.table);
        Self {
            migrator,
            target,
            interrupt,
            teller: Teller::new(observer),
            run: Run::new(migrator),
            place: Place {
                table: table.shown.clone(),
                ..Place::default()
            },
            table,
            began: Instant::now(),
            link: Link::default(),
            waiting_since: None,
            system: None,
            done: Vec::new(),
            hands: None,
            fit: HashSet::new(),
        }
    }

    /// The span of this run.
    pub(crate) fn span(&mut self, verb: &'static str) -> tracing::Span {
        self.teller.spans = Spans::new(verb, &self.run.id);
        self.teller.spans.run()
    }

    /// Applies what is pending.
    pub(crate) async fn run(mut self) -> Result<Report> {
        let connector = self.begin()?;
        let session = self.connect(&connector).await?;
        self.run_in(&connector, session).await
    }

    /// The same, over a connection that is there already.
    pub(crate) async fn run_over(mut self, client: Client, link: Link) -> Result<Report> {
        let connector = self.begin()?;
        let session = connector.take_over(client, link).await?;
        self.run_in(&connector, session).await
    }

    fn begin(&mut self) -> Result<Connector<'a>> {
        self.check_request()?;
        self.remark_stale();
        self.connector()
    }

    async fn run_in(mut self, connector: &Connector<'_>, mut session: Session) -> Result<Report> {
        let result = self.rounds(connector, &mut session).await;
        session.close().await;
        result.map_err(|error| self.with_earlier_rounds(self.unless_interrupted(error)))
    }

    pub(crate) fn connector(&self) -> Result<Connector<'a>> {
        let settings = &self.migrator.settings;
        let mut connector = Connector::new(
            self.target,
            self.run.clone(),
            settings.statement_timeout.unwrap_or_default(),
            self.interrupt.clone(),
        )?;
        connector.timeout = settings
            .connect_timeout
            .or(self.target.connect_timeout)
            .unwrap_or(CONNECT_TIMEOUT);
        connector.budget = settings.connect_budget.unwrap_or(CONNECT_BUDGET);
        connector.patience = settings.connect_budget.unwrap_or(self.lock_wait());
        if let Some(limit) = self.migrator.server_wait {
            connector.await_server(limit);
        }
        Ok(connector)
    }

    pub(crate) async fn connect(&mut self, connector: &Connector<'_>) -> Result<Session> {
        let teller = &mut self.teller;
        let mut retrying =
            |reason: &str, pause| teller.tell(&Event::ConnectRetry { reason, pause });
        let session = self
            .interrupt
            .unless_fired(connector.connect(&mut retrying))
            .await;
        session.unwrap_or_else(|| Err(lock::interrupted()))
    }

    async fn rounds(&mut self, connector: &Connector<'_>, session: &mut Session) -> Result<Report> {
        for _ in 0..ROUNDS {
            session.heed(true);
            let look = self.look(session).await?;
            if let Round::Over(report) = self.round(connector, session, look).await? {
                return Ok(*report);
            }
        }
        Err(Error::new(
            ErrorKind::Broken,
            "ledger_moving",
            "other runners kept writing to the ledger while this one tried to",
        )
        .help("run again"))
    }

    /// The first message; what it says of the session goes into the report.
    pub(crate) async fn look(&mut self, session: &mut Session) -> Result<Look> {
        let look = ledger::look(session, &self.table).await?;
        self.link = Link::of(session, look.facts.marker.as_deref());
        self.table.standing = look.standing;
        let first = self.place.database.is_empty();
        self.place.database.clone_from(&look.facts.database);
        self.place.role.clone_from(&look.facts.role);
        self.place.pid = look.facts.pid;
        self.place.encrypted = look.facts.encrypted;
        if first {
            self.place.server = session.server();
            self.table.charset =
                Charset::of(session.parameter("server_encoding").unwrap_or("UTF8"));
            self.run.json = self.table.charset.hold(&self.run.json);
            self.place.server_version = session
                .parameter("server_version")
                .unwrap_or_default()
                .to_owned();
            self.teller.tell(&Event::Connected(&self.place));
            self.warn_about_transport(session, &look.facts);
            self.warn_about_down_files();
        }
        Ok(look)
    }

    fn warn_about_transport(&mut self, session: &Session, facts: &Facts) {
        let is_remote = !session.is_local();
        if is_remote && !facts.encrypted {
            let server = &self.place.server;
            self.teller.remark(format!(
                "the connection to {server} is not encrypted; add sslmode=require or stronger"
            ));
        }
    }

    async fn round(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
        look: Look,
    ) -> Result<Round> {
        let Look { facts, found, .. } = look;
        let shapes = match found {
            Found::Unusable(error) => return Err(error),
            Found::Nothing => Vec::new(),
            Found::Ledger { digest, shapes } => {
                if digest == self.digest_of_all() && self.migrator.approved.is_none() {
                    self.remark_distrust(&shapes, &facts);
                    return Ok(Round::Over(Box::new(self.report_all_applied())));
                }
                shapes
            }
        };
        let exists = !shapes.is_empty();
        let ledger = self.read(session, exists).await?;
        let glance = self.plan_run(session, &ledger).await;
        self.remark_behind(&glance);
        let is_idle = glance.steps().is_empty() && glance.refused().next().is_none();
        if is_idle && self.migrator.approved.is_none() {
            self.remark_distrust(&shapes, &facts);
            self.teller.warn(&glance);
            if !ledger.adoptions().is_empty() && self.may_write(&facts, &shapes) {
                Box::pin(self.adopt_in_passing(connector, session)).await;
            }
            return Ok(Round::Over(Box::new(self.report(&glance, None))));
        }
        self.check_fit(&glance)?;
        self.check_writable(&facts, &shapes, &glance)?;
        let watch = Watch::of(&glance, self.table.standing.own);
        let mut hold = match self.acquire(connector, session, &watch).await? {
            Waited::Locked(hold) => hold,
            Waited::LookAgain => return Ok(Round::LookAgain),
        };
        let result = self.locked(connector, session, &mut hold, exists).await;
        hold.release(session, &self.table).await;
        result
    }

    /// Takes the lock, or waits for it; `lock_wait` covers all rounds of the run together. The session may be another
    /// one afterwards.
    pub(crate) async fn acquire(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
        watch: &Watch<'_>,
    ) -> Result<Waited> {
        let mut waiter = Waiter {
            connector,
            table: &self.table,
            link: self.link,
            since: *self.waiting_since.get_or_insert_with(Instant::now),
            limit: self.lock_wait(),
            interrupt: &self.interrupt,
            teller: &mut self.teller,
        };
        let waited = Box::pin(waiter.acquire(session, watch)).await?;
        if matches!(waited, Waited::Locked(_)) {
            self.waiting_since = None;
        }
        Ok(waited)
    }

    pub(crate) fn lock_wait(&self) -> Duration {
        self.migrator.settings.lock_wait.unwrap_or(LOCK_WAIT)
    }

    pub(crate) fn lock_timeout(&self) -> Duration {
        let settings = &self.migrator.settings;
        settings.lock_timeout.unwrap_or(LOCK_TIMEOUT)
    }

    pub(crate) fn lock_retry_budget(&self) -> Duration {
        let settings = &self.migrator.settings;
        settings.lock_retry_budget.unwrap_or(LOCK_RETRY_BUDGET)
    }

    pub(crate) fn plan_with(&self, ledger: &Ledger) -> Plan {
        let migrator = self.migrator;
        plan(
            &migrator.set,
            ledger,
            migrator.policy(),
            migrator.target.as_ref(),
        )
    }

    /// Plans and executes. The lock is held; it is given back by the caller.
    async fn locked(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
        hold: &mut Hold,
        exists: bool,
    ) -> Result<Round> {
        // What was looked at before is old by then.
        if self.hands.is_some() && self.await_stragglers(session, hold.link()).await? {
            return Ok(Round::LookAgain);
        }
        // Answered together with what comes next.
        let limits = session.send(&role_limits());
        let ledger = self.read(session, exists).await?;
        let plan = self.plan_run(session, &ledger).await;
        let digest = self.check_approval(session, &plan, &ledger, exists).await?;
        self.teller.tell(&Event::Planned(&plan));
        self.check_fit(&plan)?;
        let mut clean = plan.into_clean().map_err(|plan| refused(&plan))?;
        check_intact(clean.plan().steps())?;
        check_pooled(clean.plan().steps(), hold.link())?;
        self.teller.warn(clean.plan());
        if !ledger.adoptions().is_empty() {
            clean = match self.adopt(session, &ledger, clean).await? {
                Some(clean) => clean,
                None => return Ok(Round::LookAgain),
            };
        } else if !clean.plan().steps().is_empty()
            && self.prepare(session).await? == Creation::Raced
        {
            return Ok(Round::LookAgain);
        }
        if let Ok(limits) = limits {
            let limits = session.answer(limits).await;
            if !clean.plan().steps().is_empty() {
                self.remark_limits(&limits, self.lock_timeout(), hold.link());
            }
        }
        // Boxed, as the other large parts of a run are: together they would fill the stack of a caller's task.
        if self.hands.is_some() && !clean.plan().steps().is_empty() {
            let plan = clean.into_plan();
            return Box::pin(self.delegate(connector, session, hold, &plan, digest)).await;
        }
        Box::pin(self.execute(connector, session, hold, clean, digest, !exists)).await
    }

    pub(crate) async fn execute(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
        hold: &mut Hold,
        clean: CleanPlan,
        digest: Option<PlanDigest>,
        fresh: bool,
    ) -> Result<Round> {
        let plan = clean.into_plan();
        // What a lost session left behind a pooler can be settled only one step at a time.
        let fresh = fresh && hold.link() == Link::Direct;
        let settings = &self.migrator.settings;
        let major = session.major_version();
        let standing = session.settings.clone();
        let lock_timeout = self.lock_timeout();
        let lock_retry_budget = self.lock_retry_budget();
        let mut executor = Executor {
            watcher: Watcher::new(connector, session, lock_timeout),
            session,
            framing: Framing {
                table: &self.table,
                id: &self.run.id,
                run: &self.run.json,
                lock_timeout,
                statement_timeout: settings.statement_timeout.unwrap_or_default(),
                server_major: major,
                verb: plan.verb(),
                link: hold.link(),
                settings: standing,
            },
            hold,
            interrupt: &self.interrupt,
            teller: &mut self.teller,
            fresh,
            retries: Retries::new(lock_retry_budget),
            last_id: plan.last_id(),
            total: plan.steps().len(),
            launched: 0,
            done: Vec::new(),
        };
        let outcome = executor.execute(plan.steps()).await;
        let outcome = executor.make_durable(outcome).await;
        let failure = outcome.as_ref().err().and_then(Stop::failure);
        executor.teller.spans.end(failure);
        let launched = executor.launched;
        let done = executor.done;
        self.done.extend(done);
        let stop = match outcome {
            Ok(()) => return Ok(Round::Over(Box::new(self.report(&plan, digest)))),
            Err(stop) => stop,
        };
        Err(match stop {
            Stop::Moved | Stop::Again { .. } => return Ok(Round::LookAgain),
            Stop::Lost(lost) => {
                let loss = Loss::of(session, &plan, launched, fresh, lost);
                return Box::pin(self.lost(connector, hold, loss)).await;
            }
            Stop::Failed(mut failure) => {
                self.suggest_baseline(session, &plan, &mut failure).await;
                self.failed(*failure, &plan)
            }
            Stop::Interrupted(failure) => self.interrupted(failure.map(|failure| *failure), &plan),
            Stop::Unwritten(error) | Stop::Unlocked(error) => {
                error.with_report(self.report(&plan, None))
            }
        })
    }
}
