//! A run whose steps another program carries out. What it did is read from its table, and never believed.

mod backends;
mod hearing;
mod judgement;
mod opening;
mod vigil;

use crate::attempt::{Attempt, Round};
use crate::connect::Connector;
use crate::delegate::{Delegate, DelegateFailure, Engine, Errand, Said, Standing};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::execute::unlocked;
use crate::ledger::{self, Beside, LOCAL_SETTINGS, Record};
use crate::lock::{self, Hold, Link};
use crate::login::Login;
use crate::report::{PlanReport, StepReport};
use crate::retry::Retries;
use crate::session::Session;
use backends::{Manner, Sought};
use devflow_migrations::{LedgerEvent, Mode, Plan, PlanDigest, Step};
use hearing::{Hearing, Times};
use judgement::Case;
use opening::last_seq;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use vigil::{ANSWER, Vigil};

/// Who carries out the steps, and where.
pub(crate) struct Hands<'a> {
    pub(crate) delegate: &'a mut dyn Delegate,
    pub(crate) login: Login,
}

/// What is known of the delegate's work besides its end.
struct Work<'w> {
    sought: &'w Sought<'w>,
    times: &'w mut Times,
}

/// How the delegate's work ended.
pub(crate) enum Ending {
    Done,
    Failed(DelegateFailure),
    Interrupted,
}

/// What follows from it.
pub(crate) enum Verdict {
    Over,
    Again(Duration),
    LookAgain,
}

impl<'a> Attempt<'a> {
    /// Lets `delegate` carry out the steps.
    pub(crate) fn hand_over(&mut self, delegate: &'a mut dyn Delegate) -> Result<()> {
        if self.migrator.target.is_some() {
            let message = "the Supabase CLI applies everything that is pending: it knows no target";
            return Err(Error::new(ErrorKind::Usage, "supabase_target", message).help(
                "leave the target out, or let devflow apply the files itself, with `format: sql` and `ledger: supabase`",
            ));
        }
        let login = Login::of_target(self.target)?;
        self.hands = Some(Hands { delegate, login });
        Ok(())
    }

    /// Whether the delegate, where there is one, can carry out a plan that nothing else speaks against.
    pub(crate) fn check_hands(&self, plan: &Plan) -> Result<()> {
        match &self.hands {
            Some(hands) if plan.refused().next().is_none() => {
                let checked = hands.delegate.check(plan);
                checked.map_err(DelegateFailure::into_error)
            }
            _ => Ok(()),
        }
    }

    /// Holds a dry run against what the delegate would do, where there is one, and something that it would.
    pub(crate) async fn compare(
        &mut self,
        session: &mut Session,
        report: PlanReport,
    ) -> Result<PlanReport> {
        let is_clean = report.plan.refused().next().is_none() && !report.plan.steps().is_empty();
        if let Some(Hands { delegate, login }) = self.hands.take().filter(|_| is_clean) {
            let errand = self
                .errand(session, self.link, &report.plan, &login)
                .await?;
            self.preview(delegate, &errand).await?;
        }
        Ok(report)
    }

    /// Has a plan carried out. The lock is held, and given back by the caller.
    pub(crate) async fn delegate(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
        hold: &mut Hold,
        plan: &Plan,
        digest: Option<PlanDigest>,
    ) -> Result<Round> {
        let Some(mut hands) = self.hands.take() else {
            return Ok(Round::LookAgain);
        };
        let verdict = self
            .carry_out(connector, session, hold, &mut hands, plan)
            .await;
        self.hands = Some(hands);
        Ok(match verdict? {
            Verdict::Over => Round::Over(Box::new(self.report(plan, digest))),
            Verdict::Again(_) | Verdict::LookAgain => Round::LookAgain,
        })
    }

    async fn carry_out(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
        hold: &mut Hold,
        hands: &mut Hands<'_>,
        plan: &Plan,
    ) -> Result<Verdict> {
        refuse_half_done(plan)?;
        let Hands { delegate, login } = hands;
        let errand = self.errand(session, hold.link(), plan, login).await?;
        self.preview(&mut **delegate, &errand).await?;
        let engine = detail(&delegate.engine());
        let mut retries = Retries::new(self.lock_retry_budget());
        let mut times = Times::default();
        self.open_steps(session, plan, &engine).await?;
        loop {
            let before = ledger::versions(session).await?;
            let sought = Sought::from_now(session, hold.link(), plan).await?;
            hold.keep_awake(ANSWER).await;
            if let Some(lost) = hold.lost() {
                return Err(unlocked(lost));
            }
            retries.begin();
            let work = Work {
                sought: &sought,
                times: &mut times,
            };
            let ending = self
                .apply(session, hold, &mut **delegate, &errand, work)
                .await;
            let is_locked = self.regain(connector, session, hold).await?;
            sought.settle(session, ending.manner()).await?;
            let after = ledger::versions(session).await?;
            let gained = after.difference(&before).map(String::as_str).collect();
            self.account(session, plan, &gained, &times, &engine)
                .await?;
            let case = Case {
                plan,
                times: &times,
                engine: &engine,
            };
            let mut verdict = self.judge(session, case, ending, &mut retries).await;
            let gone = before.difference(&after).map(String::as_str).collect();
            verdict = verdict.and_then(|verdict| self.unless_gone(plan, gone, verdict));
            match verdict {
                Ok(Verdict::Again(pause)) if is_locked => self.interrupt.sleep(pause).await,
                verdict => {
                    self.close_steps(session, plan, &times, &engine).await;
                    return verdict;
                }
            }
        }
    }

    async fn errand<'e>(
        &mut self,
        session: &mut Session,
        link: Link,
        plan: &'e Plan,
        login: &'e Login,
    ) -> Result<Errand<'e>> {
        let vault = format!("{LOCAL_SETTINGS} SELECT to_regnamespace('vault') IS NOT NULL");
        let answer = session.ask(&vault).await.accept("look for the vault")?;
        // An index that is built concurrently waits for others, and one that gives up leaves itself behind, INVALID.
        let is_bounded = plan.steps().iter().all(is_transactional);
        let lock_timeout = match is_bounded {
            true => self.lock_timeout(),
            false => Duration::ZERO,
        };
        let statement_timeout = self.migrator.settings.statement_timeout.unwrap_or_default();
        let direct = |limit| (link == Link::Direct).then_some(limit);
        let mut findings = plan.findings().iter();
        Ok(Errand {
            plan,
            login,
            has_vault: answer.rows.first().and_then(|row| row.get(0)) == Some("t"),
            lock_timeout: direct(lock_timeout),
            statement_timeout: direct(statement_timeout),
            out_of_order: findings.any(|finding| finding.code() == "out_of_order"),
        })
    }

    /// What the delegate would do has to be what the plan is.
    async fn preview(&mut self, delegate: &mut dyn Delegate, errand: &Errand<'_>) -> Result<()> {
        let mut unheard = |_: Said<'_>| {};
        let preview = delegate.preview(errand, &mut unheard);
        let names = match self.interrupt.unless_fired(preview).await {
            None => return Err(lock::interrupted()),
            Some(names) => names.map_err(DelegateFailure::into_error)?,
        };
        let steps = errand.plan.steps().iter();
        let planned: Vec<_> = steps.map(|step| step.migration.file()).collect();
        match names == planned {
            true => Ok(()),
            false => Err(plan_differs(&planned, &names)),
        }
    }

    /// Lets the delegate work, and watches over it.
    async fn apply(
        &mut self,
        session: &mut Session,
        hold: &mut Hold,
        delegate: &mut dyn Delegate,
        errand: &Errand<'_>,
        work: Work<'_>,
    ) -> Ending {
        session.quiet().await;
        let mut vigil = Vigil::new(session, hold, work.sought, delegate.patience());
        let mut hearing = Hearing::new(&mut self.teller, errand.plan.steps(), work.times);
        let mut hear = |said: Said<'_>| hearing.hear(said);
        let applying = self
            .interrupt
            .unless_fired(delegate.apply(errand, &mut hear));
        let ended = vigil.over(applying).await;
        work.times.end();
        match ended {
            Some(None) => Ending::Interrupted,
            Some(Some(Ok(()))) => Ending::Done,
            Some(Some(Err(failure))) => Ending::Failed(failure),
            None => Ending::Failed(stuck(delegate.patience())),
        }
    }

    /// Says when the lock was lost meanwhile, and opens another session where this one was. The answer is whether the lock is
    /// held still.
    async fn regain(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
        hold: &mut Hold,
    ) -> Result<bool> {
        let is_lost = session.ended().is_some();
        let is_unlocked = match hold {
            Hold::Own => is_lost,
            Hold::Beside(_) => hold.lost().is_some(),
        };
        if is_unlocked {
            self.teller.remark(
                "the connection that held devflow's lock was lost while the Supabase CLI worked: another run may have begun meanwhile"
                    .to_owned(),
            );
        }
        if is_lost {
            let again = connector.uninterrupted();
            *session = again
                .connect(&mut |_, _| {})
                .await
                .map_err(|error| self.unseen(error))?;
            session.heed(false);
        }
        Ok(!is_unlocked)
    }

    /// Takes up what the table has gained of the plan, in the report and in the ledger.
    async fn account(
        &mut self,
        session: &mut Session,
        plan: &Plan,
        gained: &BTreeSet<&str>,
        times: &Times,
        engine: &Value,
    ) -> Result<()> {
        let steps = plan.steps().iter().enumerate();
        let steps: Vec<_> = steps
            .filter(|(_, step)| gained.contains(step.migration.recorded_version()))
            .collect();
        if steps.is_empty() {
            return Ok(());
        }
        let records: Vec<_> = steps
            .iter()
            .map(|(_, step)| Record {
                detail: Some(engine.to_string()),
                beside: Beside::Nothing,
                ..Record::of(
                    &step.migration,
                    last_seq(step),
                    LedgerEvent::Applied,
                    &self.run.json,
                )
            })
            .collect();
        for (index, step) in &steps {
            let step = done(step, times.took_ms(*index));
            let (number, total) = (index + 1, plan.steps().len());
            self.teller.tell(&Event::StepFinished {
                step: &step,
                number,
                total,
            });
            self.done.push(step);
        }
        let written = ledger::append(session, &self.table, &records).await;
        written.map_err(|error| error.with_report(self.report(plan, None)))
    }
}

impl Ending {
    /// A delegate that was cut off leaves the server at work.
    fn manner(&self) -> Manner {
        match self {
            Self::Interrupted => Manner::End,
            Self::Failed(failure) if failure.standing == Standing::Unsettled => Manner::End,
            Self::Done | Self::Failed(_) => Manner::Wait,
        }
    }
}

fn is_transactional(step: &Step) -> bool {
    step.migration.mode() == Mode::Transaction
}

fn detail(engine: &Engine) -> Value {
    json!({ "engine": engine.name, "engine_version": engine.version })
}

fn done(step: &Step, execution_ms: f64) -> StepReport {
    StepReport {
        version: step.migration.version().clone(),
        path: step.migration.path().to_owned(),
        mode: step.migration.mode(),
        execution_ms,
        statements: step.migration.statements().len(),
        notices: Vec::new(),
    }
}

/// The Supabase CLI begins every file at its beginning.
fn refuse_half_done(plan: &Plan) -> Result<()> {
    let Some(step) = plan.steps().iter().find(|step| step.resume.is_some()) else {
        return Ok(());
    };
    let message = format!(
        "nothing was applied: {} is half done, and the Supabase CLI would run it from its beginning",
        step.migration.path()
    );
    Err(Error::new(ErrorKind::Refused, "supabase_half_done", message).help(
        "let devflow finish it, with `format: sql` and `ledger: supabase`, or decide with `devflow db repair`",
    ))
}

/// Its sessions are ended before the lock is given back.
fn stuck(patience: Duration) -> DelegateFailure {
    let message = format!(
        "the Supabase CLI had nothing at work on the server for {} s, and was ended",
        patience.as_secs()
    );
    DelegateFailure::new(ErrorKind::Broken, "supabase_stuck", message)
        .help("what the table has by now is reported; run again: what is in the table is not applied twice")
        .cut_short()
}

fn plan_differs(planned: &[&str], names: &[String]) -> Error {
    let list = |names: &[&str]| match names {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    };
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let message = format!(
        "nothing was applied: the plan is {}, and the Supabase CLI would apply {}",
        list(planned),
        list(&names)
    );
    Error::new(ErrorKind::Refused, "supabase_plan_differs", message).help(
        "look at supabase/config.toml ([db.migrations] enabled), and at the names of the files: the CLI skips what does \
         not begin with digits and an underscore",
    )
}
