//! The command inside a service: `myservice migrate`, `myservice migrate status --json`.

use crate::args::{EmbeddedMigrate, EmbeddedTalk, Verb};
use crate::call::Call;
use crate::command::no_runtime;
use crate::look::{Attendance, Format};
use crate::outcome::Body;
use crate::secret::Secret;
use crate::settings::Service;
use crate::surroundings::Surroundings;
use clap::Args;
use devflow_runtime::Migrator;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// The arguments of a service's `migrate` subcommand, which is `devflow db` over the migrations that the service embeds.
///
/// By itself it applies what is pending, as `devflow db migrate` does, with `--dry-run`, `--json`, `--ci`, `--target`, `--approve`,
/// `--plan`, `--out`, `--wait`, `--yes`, `--quiet` and `--verbose`. Below it are `status`, `show`, `log`, `repair`, `baseline`, `adopt` and `revert`.
/// What is printed and the exit codes are the command's, from the same code; [`CODES`](crate::CODES) lists them. So where it says
/// `devflow db repair`, the service's own words are meant: `myservice migrate repair`. There is no `check`: the compiler has done
/// that.
///
/// With clap's derive it is a subcommand, or whatever else takes a type with [`clap::Args`]:
///
/// ```
/// use clap::{Parser, Subcommand};
/// use devflow_cli::Embedded;
///
/// #[derive(Parser)]
/// struct Arguments {
///     #[command(subcommand)]
///     command: Command,
/// }
///
/// #[derive(Subcommand)]
/// enum Command {
///     /// Serves
///     Serve,
///     /// Applies pending migrations; `migrate status` shows them
///     Migrate(Embedded),
/// }
///
/// let arguments = Arguments::parse_from(["myservice", "migrate", "status", "--json"]);
/// assert!(matches!(arguments.command, Command::Migrate(_)));
/// ```
///
/// With clap's builder:
///
/// ```
/// use clap::{Args, Command, FromArgMatches};
/// use devflow_cli::Embedded;
///
/// let migrate = Embedded::augment_args(Command::new("migrate"));
/// let service = Command::new("myservice").subcommand(migrate);
/// let matches = service.get_matches_from(["myservice", "migrate", "--dry-run"]);
/// let migrate = matches.subcommand_matches("migrate").map(Embedded::from_arg_matches);
/// assert!(matches!(migrate, Some(Ok(_))));
/// ```
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Embedded {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    migrate: EmbeddedMigrate,
    #[command(flatten)]
    talk: EmbeddedTalk,
}

impl Embedded {
    /// Runs the command on the database of `url`, and gives its exit code.
    ///
    /// Ledger, policies and environment are the migrator's: what the macro took from devflow.yml, and what its setters
    /// changed. `url` is asked once; what it fails with is reported as every other failure is, in JSON too, and must not show the
    /// URL. `--target`, `--approve`, `--plan` and `--wait` take the place of what the migrator says, and so does who asked.
    ///
    /// It works on a thread and a runtime of its own and returns when they have ended: it may be called inside a runtime,
    /// of which it then holds one thread. Meanwhile SIGHUP, SIGINT and SIGTERM belong to it: the first rolls back the
    /// migration that runs, records it and gives the lock back, the second ends the process.
    #[must_use]
    pub fn run<E: Display>(
        self,
        migrator: Migrator,
        url: impl FnOnce() -> Result<String, E>,
    ) -> ExitCode {
        let surroundings = Surroundings::of_this_process();
        let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
        ExitCode::from(self.run_in(migrator, url, &surroundings, &mut out, &mut err))
    }

    /// Like [`run`](Self::run), for whoever says what surrounds the call and where its output goes.
    #[must_use]
    pub fn run_in<E: Display>(
        self,
        migrator: Migrator,
        url: impl FnOnce() -> Result<String, E>,
        surroundings: &Surroundings,
        out: &mut (dyn Write + Send),
        err: &mut (dyn Write + Send),
    ) -> u8 {
        let url = url().map(Secret::new);
        let service = Service {
            migrator,
            url: url.map_err(|error| format!("{error:#}")),
            surroundings,
        };
        let call = self.call(surroundings);
        let settings = match self.verb {
            None => service.migrate(self.migrate),
            Some(verb) => service.settle(verb),
        };
        // A runtime cannot be started on a thread that belongs to another one.
        let done = std::thread::scope(|scope| {
            let (call, out, err) = (call.clone(), &mut *out, &mut *err);
            let work = move || call.perform(settings, out, err);
            let thread = std::thread::Builder::new().spawn_scoped(scope, work)?;
            let code = thread.join();
            Ok(code.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        done.unwrap_or_else(|error| call.perform(Err(no_runtime(error)), out, err))
    }

    fn call<'a>(&self, surroundings: &'a Surroundings) -> Call<'a> {
        let manner = match &self.verb {
            None => &self.migrate.change.database,
            Some(verb) => verb.manner(),
        };
        Call::new(
            self.body(),
            Format::of(manner.json),
            Attendance::of(manner.ci),
            &self.talk.arguments(),
            surroundings,
        )
    }

    /// The empty outcome of the command.
    fn body(&self) -> Body {
        match &self.verb {
            None => Body::Migrate(self.migrate.change.work()),
            Some(verb) => verb.body(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{ArgAction, Command, FromArgMatches};
    use devflow_runtime::{LedgerKind, Migration, MigrationSet, Settings, TableName};
    use std::time::Duration;

    /// A service whose own flags have the short names of ours.
    fn service() -> Command {
        let flag = |name: &'static str, short| {
            let flag = clap::Arg::new(name).long(name).short(short).global(true);
            flag.action(ArgAction::SetTrue)
        };
        Command::new("myservice")
            .args([flag("vast", 'v'), flag("quaint", 'q')])
            .subcommand(Embedded::augment_args(Command::new("migrate")))
    }

    fn parse(words: &str) -> Result<Embedded, clap::Error> {
        let matches = service().try_get_matches_from(words.split(' '))?;
        let (_, migrate) = matches.subcommand().unwrap();
        Embedded::from_arg_matches(migrate)
    }

    /// Without a URL a call ends after its settings.
    fn call(words: &str) -> (u8, String) {
        let set = MigrationSet::default();
        let migrator = Migrator::with_set(set, TableName::default(), Settings::default());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let url = || Err("no URL here");
        let surroundings = Surroundings::default();
        let embedded = parse(words).unwrap();
        let code = embedded.run_in(migrator, url, &surroundings, &mut out, &mut err);
        out.extend(err);
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_builder_takes_it_beside_flags_of_its_own() {
        service().debug_assert();
        for verb in ["", " status", " log", " show 1", " repair --applied 1"] {
            let (code, said) = call(&format!("myservice -v migrate{verb} --json --quiet"));
            assert_eq!(code, 2);
            assert!(said.contains("\"url_not_set\""), "{said}");
            assert!(said.contains("no URL here"), "{said}");
        }
        let (code, said) = call("myservice migrate --dry-run");
        assert_eq!((code, said.contains("no URL here")), (2, true));
    }

    /// What devflow's own ledger would not take may be in a Supabase project.
    #[test]
    fn without_a_server_the_files_of_a_program_are_not_what_is_wrong() {
        let text = "select 1; commit; select 2".to_owned();
        let file = Migration::unchecked("m/1_a.sql".to_owned(), text).unwrap();
        let settings = Settings {
            connect_budget: Some(Duration::ZERO),
            ..Settings::default()
        };
        let set = MigrationSet::new(vec![file]).unwrap();
        let migrator = Migrator::with_set(set, TableName::default(), settings);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = parse("myservice migrate --json").unwrap().run_in(
            migrator.ledger(LedgerKind::Supabase),
            || Ok::<_, String>("postgres://127.0.0.1:1/app".to_owned()),
            &Surroundings::default(),
            &mut out,
            &mut err,
        );
        let said = String::from_utf8(out).unwrap();
        assert_eq!(code, 6, "{said}");
    }

    #[test]
    fn what_belongs_to_one_verb_is_not_taken_for_another() {
        for words in [
            "migrate --dry-run status",
            "migrate status --approve",
            "migrate repair",
            "migrate --env production",
        ] {
            assert!(parse(&format!("myservice {words}")).is_err(), "{words}");
        }
    }
}
