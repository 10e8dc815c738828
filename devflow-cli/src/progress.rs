//! What is said on stderr while a command runs.
//!
//! A stream that cannot be written is ignored here: it must never end a run half-way.

mod build;
mod detail;
mod group;
mod retry;

use crate::fence::Fence;
use crate::human::{self, line};
use crate::look::{Drawing, Look, Talk};
use crate::outcome::{Applied, Place, Remark};
use crate::style::{CAREFUL, QUIET, WAITING, fit, paint};
use crate::{duration, visible};
use build::Build;
use detail::Detail;
use devflow_runtime::{
    Event, Holder, IndexBuild, Migration, MigrationSet, Notice, Observer, Plan, StepReport, Verb,
};
use group::Group;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use retry::Retry;
use std::collections::VecDeque;
use std::io::Write;
use std::time::Duration;

/// What is said on stderr while a command runs.
pub(crate) struct Progress<'a> {
    err: &'a mut (dyn Write + Send),
    look: Look,
    fence: Fence,
    environment: Option<String>,
    place: Option<Place>,
    /// Whether the header has been shown.
    headed: bool,
    /// The remarks that have been shown.
    told: Vec<String>,
    /// What the plan does to each file.
    doing: &'static str,
    /// The width of the longest file name of the plan.
    widest: usize,
    /// The migrations that were sent and are not committed, each with its number.
    running: VecDeque<(usize, String)>,
    bar: Option<ProgressBar>,
    group: Group,
    retry: Retry,
    build: Build,
    detail: Detail,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(err: &'a mut (dyn Write + Send), look: Look) -> Self {
        Self {
            err,
            look,
            fence: Fence::new(look.reader),
            environment: None,
            place: None,
            headed: false,
            told: Vec::new(),
            doing: "applying",
            widest: 0,
            running: VecDeque::new(),
            bar: None,
            group: Group::default(),
            retry: Retry::default(),
            build: Build::default(),
            detail: Detail::new(),
        }
    }

    pub(crate) fn environment(&mut self, environment: Option<&str>) {
        self.environment = environment.map(str::to_owned);
    }

    /// Sets how long a server that is not there yet is waited for.
    pub(crate) fn server_wait(&mut self, limit: Option<Duration>) {
        self.retry.limit = limit;
    }

    /// Marks the header as shown.
    pub(crate) fn headed(&mut self) {
        self.headed = true;
    }

    /// How it is shown.
    pub(crate) fn look(&self) -> Look {
        self.look
    }

    /// Whether a terminal showed the header and every finished migration.
    pub(crate) fn was_watched(&self) -> bool {
        self.headed && self.look.progress == Drawing::Spinner && self.look.width.is_some()
    }

    /// Says a remark that is no warning, once.
    pub(crate) fn note(&mut self, text: &str) {
        match self.look.talk {
            Talk::Quiet => self.told.push(text.to_owned()),
            Talk::Ordinary | Talk::Verbose => self.remark(text),
        }
    }

    /// Says a remark, once.
    pub(crate) fn remark(&mut self, text: &str) {
        if !self.told.iter().any(|told| told == text) {
            self.say(line::remark(text));
            self.told.push(text.to_owned());
        }
    }

    /// Marks the remarks that have been said.
    pub(crate) fn mark_told(&self, remarks: &mut [Remark]) {
        for remark in remarks {
            remark.told |= self.told.contains(&remark.text);
        }
    }

    /// Shows text, above the spinner where there is one, and never folded.
    pub(crate) fn say(&mut self, text: String) {
        let end = self.group.close();
        self.write(end, text);
    }

    /// Shows text that a runner may fold.
    fn say_aside(&mut self, text: String) {
        let start = match self.look.progress {
            Drawing::Groups => self.group.open(),
            Drawing::Spinner | Drawing::Lines | Drawing::Nothing => String::new(),
        };
        self.write(start, text);
    }

    /// Writes a command of ours to the runner, and text.
    fn write(&mut self, command: String, text: String) {
        let text = command + &self.fence.around(fit(text, self.look.err_colour));
        if text.is_empty() {
            return;
        }
        let err = &mut self.err;
        let mut write = || {
            let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the spinner away, and ends the group.
    pub(crate) fn rest(&mut self) {
        let end = self.group.close();
        self.write(end, String::new());
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn head(&mut self) {
        if self.look.progress == Drawing::Spinner && !self.headed {
            self.headed = true;
            let header = human::header(self.environment.as_deref(), self.place.as_ref());
            self.say(header);
        }
    }

    fn spin(&mut self, message: String) {
        if self.look.progress != Drawing::Spinner {
            return;
        }
        let bar = self.bar.get_or_insert_with(spinner);
        bar.set_message(fit(message, self.look.err_colour));
    }

    fn planned(&mut self, plan: &Plan) {
        self.doing = match plan.verb() {
            Verb::Migrate => "applying",
            Verb::Baseline | Verb::Adopt => "recording",
            Verb::Revert => "reverting",
        };
        self.group.entitle(self.doing, plan.steps().len());
        let names = plan
            .steps()
            .iter()
            .map(|step| line::width(step.migration.file()));
        self.widest = names.max().unwrap_or(0);
    }

    fn started(&mut self, file: &str, number: usize, total: usize) {
        let count = paint(QUIET, format!("{number}/{total}"));
        let file = visible::line(file);
        match self.look.progress {
            Drawing::Nothing => {}
            Drawing::Lines | Drawing::Groups => {
                let doing = self.doing;
                self.say_aside(format!("{doing} {number}/{total} {file}\n"));
            }
            Drawing::Spinner => {
                self.head();
                self.running.push_back((number, format!("{count} {file}")));
                if self.running.len() == 1 {
                    self.show_running();
                }
            }
        }
    }

    /// The spinner names the oldest migration that runs, and its clock begins anew.
    fn show_running(&mut self) {
        self.name_running(String::new());
        match self.running.is_empty() {
            true => self.rest(),
            false => self.bar.iter().for_each(ProgressBar::reset_elapsed),
        }
    }

    fn name_running(&mut self, more: String) {
        if let Some((_, running)) = self.running.front() {
            self.spin(format!("{running}{more}"));
        }
    }

    fn finished(&mut self, step: &StepReport, number: usize) {
        if self.look.progress == Drawing::Spinner {
            let applied = Applied::of(step, &MigrationSet::default());
            self.say(line::applied(&applied, self.widest));
            self.committed(number);
        }
    }

    /// Goes on to what the server works at now.
    fn committed(&mut self, number: usize) {
        let sent = self.running.len();
        self.running.retain(|(sent, _)| *sent > number);
        if self.running.len() < sent {
            self.show_running();
        }
    }

    fn building(&mut self, migration: &Migration, build: &IndexBuild) {
        let text = visible::line(&build.to_string());
        match self.look.progress {
            Drawing::Lines | Drawing::Groups if self.build.is_news(build) => {
                let file = visible::line(migration.file());
                self.say_aside(format!("{file}: {text}\n"));
            }
            Drawing::Lines | Drawing::Groups | Drawing::Nothing => {}
            Drawing::Spinner => self.name_running(format!("  {}", paint(QUIET, text))),
        }
    }

    fn notice(&mut self, migration: &Migration, notice: &Notice) {
        let text = line::notice(&crate::outcome::Notice::of(notice));
        match self.look.progress {
            Drawing::Spinner => self.say(text),
            // Several migrations may be under way: each line says whose it is.
            Drawing::Groups => {
                let file = visible::line(migration.file());
                self.say_aside(format!("{file}: {}", text.trim_start()));
            }
            Drawing::Lines | Drawing::Nothing => {}
        }
    }

    /// Says what keeps a migration from going on.
    fn careful(&mut self, migration: &Migration, what: String) {
        let text = format!("{}: {what}", visible::line(migration.file()));
        self.say(format!("{}\n", paint(CAREFUL, text)));
    }

    fn waiting(&mut self, holder: Option<&Holder>, waited: Duration, limit: Duration) {
        let who = holder.map_or_else(String::new, |holder| {
            let application = visible::line(&holder.application);
            let role = visible::line(&holder.role);
            format!(
                ": {application}, server process {}, role {role}",
                holder.pid
            )
        });
        let limit = duration::of(limit);
        let since = match waited.as_secs() {
            0 => "waiting".to_owned(),
            _ => format!("still waiting after {}", duration::of(waited)),
        };
        match self.look.progress {
            Drawing::Nothing => {}
            Drawing::Lines | Drawing::Groups => self.say(format!(
                "{since} for another run to finish, at most {limit}{who}\n"
            )),
            Drawing::Spinner => {
                let text = format!("waiting for another run to finish, at most {limit}{who}");
                self.spin(paint(WAITING, text));
            }
        }
    }
}

impl Observer for Progress<'_> {
    fn event(&mut self, event: &Event<'_>) {
        if self.look.talk == Talk::Verbose
            && let Some(text) = self.detail.of(event)
        {
            self.write(String::new(), text);
        }
        match event {
            Event::Connected(place) => self.place = Some(Place::of(place)),
            Event::ConnectRetry { reason, pause } => {
                if let Some(text) = self.retry.text(reason, *pause, self.look.talk) {
                    self.say(text);
                }
            }
            Event::Retrying {
                migration,
                reason,
                waited_for,
                attempt,
                pause,
            } if self.look.talk != Talk::Quiet => {
                let waited =
                    waited_for.map_or_else(String::new, |wait| format!("; waited for {wait:#}"));
                let pause = duration::of(*pause);
                let (reason, waited) = (visible::line(reason), visible::line(&waited));
                self.careful(
                    migration,
                    format!("{reason}{waited}; attempt {attempt} in {pause}"),
                );
            }
            Event::Blocked {
                migration,
                wait,
                waited,
            } => {
                let (wait, waited) = (format!("{wait:#}"), duration::of(*waited));
                self.careful(
                    migration,
                    format!("waits for {}, {waited} so far", visible::line(&wait)),
                );
            }
            Event::Unanswered {
                migration,
                waited,
                reason,
            } => {
                let (reason, waited) = (visible::line(reason), duration::of(*waited));
                self.careful(
                    migration,
                    format!("no answer for {waited}, and a second connection fails: {reason}"),
                );
            }
            Event::Waiting {
                holder,
                waited,
                limit,
            } => self.waiting(*holder, *waited, *limit),
            Event::Planned(plan) => {
                self.rest();
                self.planned(plan);
            }
            Event::StepStarted {
                migration,
                number,
                total,
            } => {
                self.started(migration.file(), *number, *total);
            }
            Event::Notice { migration, notice } => self.notice(migration, notice),
            Event::IndexBuild {
                migration, build, ..
            } => self.building(migration, build),
            Event::StepCommitted { number, .. } => self.committed(*number),
            Event::StepFinished { step, number, .. } => self.finished(step, *number),
            Event::StepFailed(_) => self.rest(),
            Event::Relayed(text) if self.look.talk != Talk::Quiet => {
                self.say_aside(format!("supabase: {}\n", visible::line(text)));
            }
            Event::Remark(text) => self.remark(text),
            // A statement of many is no news to a person, but what the server did for it is over.
            Event::StatementDone { .. } => self.name_running(String::new()),
            // Newer events are unknown here.
            _ => {}
        }
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // The template is ours and valid; the default is the answer to the impossible.
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {elapsed} {wide_msg}") {
        bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
