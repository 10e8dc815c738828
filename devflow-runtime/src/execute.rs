//! From a clean plan to committed steps: the order of messages, and what to do when one is refused.

use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::failure::Part;
use crate::interrupt::Interrupt;
use crate::ledger::After;
use crate::lock::Hold;
use crate::report::{Notice, StepFailure, StepReport};
use crate::retry::Retries;
use crate::session::{Answer, Lost, Refusal, Reply, Session};
use crate::step::{Durability, Framing, INSIDE, INSIDE_STATEMENTS, pieces};
use crate::tell::Teller;
use crate::watch::Watcher;
use devflow_migrations::{Migration, Mode, Step};
use std::collections::VecDeque;
use std::time::Duration;

/// How many steps are under way at once on a database that serves nobody yet.
const DEPTH: usize = 32;

/// How much SQL is under way at once; a larger file goes alone.
const BYTES: usize = 4 << 20;

/// How many groups of a large file are under way at once.
const GROUPS: usize = 8;

/// Executes steps on a session that holds the lock.
pub(crate) struct Executor<'a, 'o> {
    pub(crate) session: &'a mut Session,
    pub(crate) framing: Framing<'a>,
    pub(crate) hold: &'a mut Hold,
    pub(crate) watcher: Watcher<'a>,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) teller: &'a mut Teller<'o>,
    /// The database had no ledger when the run began: it serves nobody yet.
    pub(crate) fresh: bool,
    pub(crate) retries: Retries,
    /// The newest row of the ledger when the plan was made.
    pub(crate) last_id: i64,
    /// How many steps the plan has.
    pub(crate) total: usize,
    /// How many steps have been sent.
    pub(crate) launched: usize,
    /// What has been committed. Durable once `make_durable` has returned something other than `Lost`.
    pub(crate) done: Vec<StepReport>,
}

/// Why execution ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A step failed and is rolled back.
    Failed(Box<StepFailure>),
    /// The run was interrupted; the step that was cancelled, if any, is rolled back.
    Interrupted(Option<Box<StepFailure>>),
    /// Another runner wrote to the ledger: look again.
    Moved,
    /// A step lost a wait for a lock and is rolled back: send it again after a pause.
    Again { index: usize, pause: Duration },
    /// A ledger row was refused; what had been committed before stays.
    Unwritten(Error),
    /// The run's lock is gone, and nothing more is begun; what had been committed before stays.
    Unlocked(Error),
    /// The connection is gone; whether what was under way took effect is not known yet.
    Lost(Lost),
}

impl Stop {
    /// The migration that failed or was cut off.
    pub(crate) fn failure(&self) -> Option<&StepFailure> {
        match self {
            Self::Failed(failure) | Self::Interrupted(Some(failure)) => Some(failure),
            Self::Interrupted(None)
            | Self::Moved
            | Self::Again { .. }
            | Self::Unwritten(_)
            | Self::Unlocked(_)
            | Self::Lost(_) => None,
        }
    }
}

/// One step's three messages, sent and not yet answered.
pub(crate) struct Flight {
    pub(crate) index: usize,
    pub(crate) begin: Reply,
    pub(crate) file: Reply,
    pub(crate) end: Reply,
}

/// The first refusal of a step.
pub(crate) struct Refused {
    pub(crate) part: Part,
    pub(crate) completed: usize,
    pub(crate) refusal: Refusal,
    pub(crate) notices: Vec<Notice>,
}

impl Executor<'_, '_> {
    /// Applies the steps in order. In a database without a ledger, steps are pipelined and commits are asynchronous but
    /// for the last, which makes the whole prefix durable; in every other, one step is under way at a time.
    pub(crate) async fn execute(&mut self, steps: &[Step]) -> Result<(), Stop> {
        let mut flights = VecDeque::new();
        let mut next = 0;
        loop {
            while next < steps.len() && self.may_launch(&steps[next], &flights, steps) {
                flights.push_back(self.launch(steps, next)?);
                next += 1;
            }
            let outcome = if let Some(flight) = flights.pop_front() {
                self.land(flight, &mut flights, steps).await
            } else if next == steps.len() {
                return Ok(());
            } else if self.interrupt.is_fired() {
                return Err(Stop::Interrupted(None));
            } else {
                next += 1;
                self.alone(steps, next - 1).await
            };
            match outcome {
                Err(Stop::Again { index, pause }) => {
                    self.interrupt.sleep(pause).await;
                    next = index;
                }
                outcome => outcome?,
            }
        }
    }

    fn may_launch(&self, step: &Step, flights: &VecDeque<Flight>, steps: &[Step]) -> bool {
        let depth = if self.fresh { DEPTH } else { 1 };
        let size = |step: &Step| step.migration.text().as_str().len();
        let under_way: usize = flights
            .iter()
            .map(|flight| size(&steps[flight.index]))
            .sum();
        !self.interrupt.is_fired()
            && step.migration.mode().is_atomic()
            && flights.len() < depth
            && under_way + size(step) <= BYTES
    }

    /// Sends a whole step in one go: one round trip.
    fn launch(&mut self, steps: &[Step], index: usize) -> Result<Flight, Stop> {
        self.check_lock()?;
        let migration = &steps[index].migration;
        self.announce(migration, index, steps.len());
        let end = self.end_message(steps, index);
        let mut send = |sql: &str| self.session.send(sql).map_err(Stop::Lost);
        Ok(Flight {
            index,
            begin: send(&self.framing.begin(index, migration.limits()))?,
            file: send(&format!("{INSIDE}{}", migration.executable()))?,
            end: send(&end)?,
        })
    }

    /// Nothing is begun without the lock.
    pub(crate) fn check_lock(&mut self) -> Result<(), Stop> {
        match self.hold.lost() {
            None => Ok(()),
            Some(lost) => Err(Stop::Unlocked(unlocked(lost))),
        }
    }

    pub(crate) fn announce(&mut self, migration: &Migration, index: usize, total: usize) {
        self.launched = index + 1;
        self.retries.begin();
        self.teller.tell(&Event::StepStarted {
            migration,
            number: index + 1,
            total,
        });
    }

    fn end_message(&self, steps: &[Step], index: usize) -> String {
        let step = &steps[index];
        let is_last = index + 1 == steps.len();
        let durability = match (is_last, self.fresh) {
            (true, _) => Durability::Now,
            (false, true) => Durability::Later,
            (false, false) => Durability::Own,
        };
        let (after, detail) = (self.after(steps, index), self.retries.detail(index));
        self.framing.end(index, step, after, durability, detail)
    }

    /// The row that the step's row has to follow; none in an empty ledger.
    pub(crate) fn after<'s>(&self, steps: &'s [Step], index: usize) -> Option<After<'s>> {
        match index.checked_sub(1) {
            Some(before) => Some(After::Step(&steps[before], self.framing.verb.event())),
            None => (self.last_id > 0).then_some(After::Row(self.last_id)),
        }
    }

    async fn land(
        &mut self,
        flight: Flight,
        others: &mut VecDeque<Flight>,
        steps: &[Step],
    ) -> Result<(), Stop> {
        self.watcher.turn_to(&steps[flight.index].migration);
        let begin = self.outcome(flight.begin).await;
        let file = self.outcome(flight.file).await;
        let end = self.answer(flight.end).await;
        match landed(begin, vec![(0, file)], end) {
            Ok((execution_ms, notices)) => {
                self.finished(steps, flight.index, execution_ms, notices);
                Ok(())
            }
            Err(refused) => {
                let next_began = self.drain(others).await;
                Err(self.settle(steps, flight.index, *refused, next_began).await)
            }
        }
    }

    /// A step that nothing else is under way with: a file outside a transaction, or a large one.
    async fn alone(&mut self, steps: &[Step], index: usize) -> Result<(), Stop> {
        self.check_lock()?;
        self.watcher.turn_to(&steps[index].migration);
        self.announce(&steps[index].migration, index, steps.len());
        match steps[index].migration.mode() {
            // Boxed: few runs need it, and every run would carry its size.
            Mode::NoTransaction | Mode::OwnTransactions => {
                Box::pin(self.statements(steps, index)).await
            }
            Mode::Transaction => self.large(steps, index).await,
        }
    }

    /// A large file in groups of statements, in one transaction; on a refusal the rest is not sent.
    async fn large(&mut self, steps: &[Step], index: usize) -> Result<(), Stop> {
        let step = &steps[index];
        let text = step.migration.executable();
        let begin = self.framing.begin(index, step.migration.limits());
        let begin = self.ask(&begin).await;
        let mut answers = Vec::new();
        let mut replies = VecDeque::new();
        let mut failed = begin.error.is_some();
        for piece in pieces(&step.migration) {
            if replies.len() == GROUPS {
                failed |= self.next_answer(&mut replies, &mut answers).await;
            }
            if failed || self.interrupt.is_fired() {
                break;
            }
            let guard = if piece.start == 0 { INSIDE } else { "" };
            let message = format!("{guard}{}", &text[piece.clone()]);
            let reply = self.session.send(&message).map_err(Stop::Lost)?;
            replies.push_back((piece.start, reply));
        }
        while !replies.is_empty() {
            failed |= self.next_answer(&mut replies, &mut answers).await;
        }
        let end = match (failed, self.interrupt.is_fired()) {
            (false, false) => {
                let end = self.end_message(steps, index);
                self.ask(&end).await
            }
            (false, true) => return Err(self.cut_short(step, answers).await),
            (true, _) => Answer::default(),
        };
        match landed(begin, answers, end) {
            Ok((execution_ms, notices)) => {
                self.finished(steps, index, execution_ms, notices);
                Ok(())
            }
            Err(refused) => Err(self.settle(steps, index, *refused, false).await),
        }
    }

    async fn next_answer(
        &mut self,
        replies: &mut VecDeque<(usize, Reply)>,
        answers: &mut Vec<(usize, Answer)>,
    ) -> bool {
        let Some((from, reply)) = replies.pop_front() else {
            return false;
        };
        let answer = self.outcome(reply).await;
        let failed = answer.error.is_some();
        answers.push((from, answer));
        failed
    }

    pub(crate) fn finished(
        &mut self,
        steps: &[Step],
        index: usize,
        execution_ms: f64,
        notices: Vec<Notice>,
    ) {
        let migration = &steps[index].migration;
        for notice in &notices {
            self.teller.tell(&Event::Notice { migration, notice });
        }
        let step = StepReport {
            version: migration.version().clone(),
            path: migration.path().to_owned(),
            mode: migration.mode(),
            execution_ms,
            statements: migration.statements().len(),
            notices,
        };
        let (number, total) = (index + 1, steps.len());
        self.teller.tell(&Event::StepCommitted {
            step: &step,
            number,
            total,
        });
        // On a new database this commit is asynchronous: it is told as finished when it is durable.
        if !self.fresh {
            self.teller.tell(&Event::StepFinished {
                step: &step,
                number,
                total,
            });
        }
        self.done.push(step);
    }
}

/// The server's time and every notice of a step whose messages were all carried out; else the first refusal.
fn landed(
    begin: Answer,
    files: Vec<(usize, Answer)>,
    end: Answer,
) -> Result<(f64, Vec<Notice>), Box<Refused>> {
    let mut notices = begin.notices;
    if let Some(refusal) = begin.error {
        return Err(Box::new(Refused {
            part: Part::Begin,
            completed: 0,
            refusal,
            notices,
        }));
    }
    for (from, file) in files {
        notices.extend(file.notices);
        if let Some(refusal) = file.error {
            let guarded = from == 0;
            let guard = if guarded { INSIDE_STATEMENTS } else { 0 };
            let completed = file.completed.saturating_sub(guard);
            return Err(Box::new(Refused {
                part: Part::File { from, guarded },
                completed,
                refusal,
                notices,
            }));
        }
    }
    let execution_ms = milliseconds(&end);
    notices.extend(end.notices);
    if let Some(refusal) = end.error {
        let completed = end.completed;
        return Err(Box::new(Refused {
            part: Part::End,
            completed,
            refusal,
            notices,
        }));
    }
    Ok((execution_ms, notices))
}

pub(crate) fn unlocked(lost: &Lost) -> Error {
    let message = format!(
        "the connection that held devflow's lock was lost: {}",
        lost.0
    );
    Error::new(ErrorKind::Broken, "lock_lost", message).help(
        "what is listed as applied is committed, and nothing else was begun; run again to go on",
    )
}

/// What RETURNING said; its row is the last of the message.
pub(crate) fn milliseconds(answer: &Answer) -> f64 {
    let last = answer.rows.last().and_then(|row| row.get(0));
    last.and_then(|text| text.parse().ok()).unwrap_or_default()
}
