//! What each tool does where something is wrong: tried, not read.

use crate::corpus::{Corpus, Migration};
use crate::fault::{Fault, Result};
use crate::programs::program;
use crate::runner::{Form, RUNNERS_IN_ORDER, Runner};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::{PrivateServer, TestDatabase, wait_until};
use tempfile::TempDir;

/// A question, and how a tool is asked.
type Fact = (&'static str, fn(&Trial) -> Result<String>);

const FACTS: [Fact; 10] = [
    ("two runs at once, one slow migration", two_at_once),
    ("an applied file is edited", edited),
    ("a file older than the newest applied one is added", late),
    ("an applied file is gone", gone),
    ("two files have one version", twice),
    (
        "killed (`kill -9`) while a statement sleeps for 20 s",
        killed,
    ),
    (
        "a COMMIT within the file, and an error after it",
        committing,
    ),
    ("the third line is wrong", wrong),
    ("a server that accepts connections and says nothing", silent),
    ("a URL that cannot be parsed", unreadable),
];

const SERVED: &str = "CREATE TABLE a (id int);\n";
const SECOND: &str = "CREATE TABLE b (id int);\n";
const THIRD: &str = "CREATE TABLE c (id int);\n";

/// Whoever has not ended by then is said to wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// A tool in a folder of its own, and a database of its own.
struct Trial<'a> {
    runner: &'static Runner,
    program: PathBuf,
    folder: TempDir,
    database: TestDatabase,
    server: &'a PrivateServer,
}

/// How a run ended: without a code it did not.
struct End {
    code: Option<i32>,
    said: String,
    after: Duration,
}

/// Prints a row for each question and a column for each command.
pub(crate) fn print() -> Result<()> {
    let server = PrivateServer::start(&[]);
    let commands = RUNNERS_IN_ORDER
        .iter()
        .filter(|runner| matches!(runner.form, Form::Command(name) if name != "psql"));
    let commands: Vec<&'static Runner> = commands.collect();
    let names: Vec<&str> = commands.iter().map(|runner| runner.name).collect();
    println!("| what happens | {} |", names.join(" | "));
    println!("|{}", " --- |".repeat(names.len() + 1));
    for (question, ask) in FACTS {
        let answers = commands
            .iter()
            .map(|runner| ask(&Trial::new(runner, &server)?));
        let answers: Vec<String> = answers.collect::<Result<_>>()?;
        println!("| {question} | {} |", answers.join(" | "));
    }
    Ok(())
}

impl<'a> Trial<'a> {
    fn new(runner: &'static Runner, server: &'a PrivateServer) -> Result<Self> {
        let folder = TempDir::new().map_err(|error| Fault::new(format!("a folder: {error}")))?;
        Corpus::settle_in(folder.path())?;
        Ok(Self {
            runner,
            program: program(runner.form, Corpus::First)?,
            folder,
            database: TestDatabase::create_on(server.server()),
            server,
        })
    }

    fn write(&self, number: usize, name: &str, sql: &str) -> Result<()> {
        Migration::new(number, name, sql).write(self.folder.path())
    }

    fn url(&self) -> String {
        format!("{}?sslmode=disable", self.database.url())
    }

    fn start(&self, url: &str) -> Result<Child> {
        let broken = |error: io::Error| Fault::at(&self.program, error);
        let invocation = self.runner.apply(self.program.clone(), Corpus::First)?;
        let said = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("said"))
            .map_err(broken)?;
        Command::new(&self.program)
            .args(invocation.arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("DATABASE_URL", url)
            .stdin(Stdio::null())
            .stdout(said.try_clone().map_err(broken)?)
            .stderr(said)
            .spawn()
            .map_err(broken)
    }

    fn run(&self) -> Result<End> {
        self.run_with(&self.url())
    }

    fn run_with(&self, url: &str) -> Result<End> {
        drop(std::fs::remove_file(self.folder.path().join("said")));
        let child = self.start(url)?;
        self.end(child)
    }

    /// Waits for its end, but not for ever.
    fn end(&self, mut child: Child) -> Result<End> {
        let broken = |error: io::Error| Fault::at(&self.program, error);
        let started = Instant::now();
        let mut status = child.try_wait().map_err(broken)?;
        while status.is_none() && started.elapsed() < PATIENCE {
            sleep(Duration::from_millis(20));
            status = child.try_wait().map_err(broken)?;
        }
        if status.is_none() {
            child.kill().and_then(|()| child.wait()).map_err(broken)?;
        }
        let said = std::fs::read(self.folder.path().join("said")).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        eprintln!("--- {} {status:?}: {}", self.runner.name, said.trim());
        Ok(End {
            code: status.and_then(|status| status.code()),
            said,
            after: started.elapsed(),
        })
    }

    fn has(&self, table: &str) -> bool {
        self.database.has(table)
    }
}

impl End {
    fn words(&self) -> String {
        match self.code {
            Some(code) => format!("exit {code}"),
            None => format!("still waiting after {} s", PATIENCE.as_secs()),
        }
    }

    /// Whether a migration was refused, was spoken of, or was passed over.
    fn about(&self, name: &str) -> String {
        match (self.code, self.said.contains(name)) {
            (Some(0), true) => "a line in its output, exit 0".to_owned(),
            (Some(0), false) => "not noticed, exit 0".to_owned(),
            _ => format!("refused, {}", self.words()),
        }
    }
}

fn two_at_once(trial: &Trial) -> Result<String> {
    trial.write(1, "first", &format!("SELECT pg_sleep(1);\n{SERVED}"))?;
    let children = [trial.start(&trial.url())?, trial.start(&trial.url())?];
    let ends: Result<Vec<End>> = children.into_iter().map(|child| trial.end(child)).collect();
    let well = ends?.iter().filter(|end| end.code == Some(0)).count();
    Ok(format!("{well} of 2 succeed"))
}

fn edited(trial: &Trial) -> Result<String> {
    trial.write(1, "first", SERVED)?;
    trial.run()?;
    trial.write(1, "first", &format!("{SERVED}-- an afterthought\n"))?;
    let end = trial.run()?;
    Ok(end.about("first"))
}

fn late(trial: &Trial) -> Result<String> {
    trial.write(1, "first", SERVED)?;
    trial.write(3, "third", THIRD)?;
    trial.run()?;
    trial.write(2, "second", SECOND)?;
    let end = trial.run()?;
    let what = match (trial.has("b"), end.code) {
        (true, _) => "applied",
        (false, Some(0)) => "skipped in silence",
        (false, _) => "refused",
    };
    Ok(format!("{what}, {}", end.words()))
}

fn gone(trial: &Trial) -> Result<String> {
    trial.write(1, "first", SERVED)?;
    trial.write(2, "second", SECOND)?;
    trial.run()?;
    Migration::new(2, "second", SECOND).remove(trial.folder.path())?;
    let end = trial.run()?;
    Ok(end.about("second"))
}

fn twice(trial: &Trial) -> Result<String> {
    trial.write(1, "first", SERVED)?;
    trial.write(1, "second", SECOND)?;
    let end = trial.run()?;
    let applied = usize::from(trial.has("a")) + usize::from(trial.has("b"));
    Ok(format!("{applied} of them applied, {}", end.words()))
}

fn killed(trial: &Trial) -> Result<String> {
    trial.write(1, "first", &format!("{SERVED}SELECT pg_sleep(20);\n"))?;
    let mut child = trial.start(&trial.url())?;
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    wait_until("the statement sleeps", || {
        trial.database.value(asleep) == "1"
    });
    let broken = |error: io::Error| Fault::at(&trial.program, error);
    child.kill().and_then(|()| child.wait()).map_err(broken)?;
    let started = Instant::now();
    while trial.database.value(asleep) != "0" && started.elapsed() < PATIENCE {
        sleep(Duration::from_millis(50));
    }
    let seconds = started.elapsed().as_secs_f64();
    wait_until("its session has ended", || trial.database.sessions() == 0);
    let outcome = if trial.has("a") {
        "then commits"
    } else {
        "rolled back"
    };
    Ok(format!("the server works on for {seconds:.0} s, {outcome}"))
}

fn committing(trial: &Trial) -> Result<String> {
    let sql = format!("{SERVED}COMMIT;\n{SECOND}SELECT 1 / 0;\n");
    trial.write(1, "first", &sql)?;
    let end = trial.run()?;
    let kept = match (trial.has("a"), trial.has("b")) {
        (false, false) => "nothing stays",
        (true, false) => "half of it stays",
        (_, true) => "all but the error stays",
    };
    Ok(format!("{kept}, {}", end.words()))
}

fn wrong(trial: &Trial) -> Result<String> {
    trial.write(
        1,
        "first",
        &format!("{SERVED}\nCREATE TABLE b (id nonsense);\n"),
    )?;
    let end = trial.run()?;
    // dbmate counts from the beginning of its file, where `-- migrate:up` is the first line.
    let place = match [":3:", "line: 4,"]
        .iter()
        .any(|place| end.said.contains(place))
    {
        true => "names the line",
        false => "does not name it",
    };
    Ok(format!("{place}, {}", end.words()))
}

fn silent(trial: &Trial) -> Result<String> {
    trial.write(1, "first", SERVED)?;
    let paused = trial.server.pause();
    let end = trial.run();
    drop(paused);
    let end = end?;
    Ok(match end.code {
        Some(code) => format!("exit {code} after {:.0} s", end.after.as_secs_f64()),
        None => end.words(),
    })
}

fn unreadable(trial: &Trial) -> Result<String> {
    trial.write(1, "first", SERVED)?;
    let end = trial.run_with("postgres://app:hunter2@localhost:port/shop")?;
    let shown = match end.said.contains("hunter2") {
        true => "shows the password",
        false => "keeps the password to itself",
    };
    Ok(format!("{shown}, {}", end.words()))
}
