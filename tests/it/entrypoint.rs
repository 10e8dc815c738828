//! Containers without an engine: the files in `examples/deploy`, and the processes that they start.

use crate::gate::{GATE, Gate};
use serde_yaml::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use support::{
    Command, Program, Project, Proxy, Running, Signal, TestDatabase, program, wait_until,
};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap()
}

fn yaml(file: &str) -> Value {
    let text = read(&format!("examples/deploy/{file}"));
    let mut document: Value = serde_yaml::from_str(&text).unwrap();
    document.apply_merge().unwrap();
    document
}

/// The image, the arguments and the seconds of grace of each container of ours.
fn containers() -> Vec<(String, Vec<String>, u64)> {
    let mut found = Vec::new();
    for file in ["compose.yml", "stack.yml"] {
        let document = yaml(file);
        let services = document["services"].as_mapping().unwrap();
        for service in services.values().filter(|service| is_ours(service)) {
            let grace = service["stop_grace_period"].as_str().unwrap();
            let grace = grace.strip_suffix('s').unwrap().parse().unwrap();
            found.push((text(&service["image"]), texts(&service["command"]), grace));
        }
    }
    for file in ["kubernetes/job.yml", "kubernetes/deployment.yml"] {
        let document = yaml(file);
        let pod = &document["spec"]["template"]["spec"];
        let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
        for list in ["initContainers", "containers"] {
            let containers = pod[list].as_sequence().into_iter().flatten();
            found.extend(containers.map(|one| (text(&one["image"]), texts(&one["args"]), grace)));
        }
    }
    found
}

fn is_ours(service: &Value) -> bool {
    !text(&service["image"]).starts_with("postgres:")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_sequence()
        .into_iter()
        .flatten()
        .map(text)
        .collect()
}

#[test]
fn the_containers_call_our_programs_as_they_want_to_be_called() {
    let containers = containers();
    assert_eq!(containers.len(), 7);
    for (image, arguments, grace) in containers {
        let program = match image.as_str() {
            "example-service" => program(Program::ExampleService),
            "links-migrations" => program(Program::Devflow),
            other => panic!("{other} is no image of ours"),
        };
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let command = Command::new(&program, Path::new("/")).args(&arguments);
        let _help = command.args(&["--help"]).run().expect(0);
        assert!(grace >= 30, "{image}");
    }
}

#[test]
fn the_images_run_without_root_and_without_a_shell() {
    for file in ["Dockerfile", "examples/service/Dockerfile"] {
        let text = read(file);
        let (_build, last) = text.rsplit_once("FROM ").unwrap();
        assert!(last.contains("\nUSER 65532:65532\n"), "{file}");
        for line in last
            .lines()
            .filter(|line| line.starts_with("ENTRYPOINT") || line.starts_with("CMD"))
        {
            let (_, words) = line.split_once(' ').unwrap();
            let words: Vec<String> = serde_json::from_str(words).unwrap();
            assert!(!words[0].ends_with("sh"), "{file}: {line}");
        }
        assert!(
            !last.contains("\nRUN "),
            "{file}: there is no shell to run it"
        );
        for image in text.lines().filter_map(|line| line.strip_prefix("FROM ")) {
            assert!(
                image.contains(':') && !image.contains(":latest"),
                "{file}: {image}"
            );
        }
    }
}

/// What the Job's controller does, as `kubernetes/job.yml` tells it to.
struct Job {
    arguments: Vec<String>,
    fails_at: BTreeSet<i64>,
    pods: u64,
}

impl Job {
    fn read() -> Self {
        let document = yaml("kubernetes/job.yml");
        let spec = &document["spec"];
        let rules = spec["podFailurePolicy"]["rules"].as_sequence().unwrap();
        let fails = rules
            .iter()
            .find(|rule| rule["action"] == "FailJob")
            .unwrap();
        let codes = fails["onExitCodes"]["values"].as_sequence().unwrap();
        Self {
            arguments: texts(&spec["template"]["spec"]["containers"][0]["args"]),
            fails_at: codes.iter().map(|code| code.as_i64().unwrap()).collect(),
            pods: spec["backoffLimit"].as_u64().unwrap() + 1,
        }
    }

    /// Starts pods until one succeeds or the policy gives up; returns how each ended. `meanwhile` sees each as it runs.
    fn run(&self, deployed: &Deployed, mut meanwhile: impl FnMut(usize, &Running)) -> Vec<i32> {
        let mut ends = Vec::new();
        while (ends.len() as u64) < self.pods {
            let pod = deployed.start(&self.arguments);
            meanwhile(ends.len(), &pod);
            let code = pod.wait().code;
            ends.push(code);
            if code == 0 || self.fails_at.contains(&code.into()) {
                break;
            }
        }
        ends
    }
}

/// An image of the command with a project in it, and its database.
struct Deployed {
    project: Project,
    database: TestDatabase,
    url: String,
}

impl Deployed {
    /// The files of the example service; neither waits for the lock nor tries twice to connect.
    fn new() -> Self {
        let project = Project::new().copy_of("examples/service/migrations");
        let files = fs::read_dir(project.path()).unwrap();
        let names: Vec<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        for name in names {
            project.write(&format!("migrations/{name}"), project.read(&name));
            project.remove(&name);
        }
        project.write(
            "devflow.yml",
            "version: \"1\"\ndatabase:\n  migrations: { lock_wait: 0s, connect_budget: 0s }\n",
        );
        let database = TestDatabase::create();
        let url = database.url();
        Self {
            project,
            database,
            url,
        }
    }

    /// With a fifth migration that waits at the test's gate.
    fn with_gate(self) -> Self {
        let sql = format!("{GATE}CREATE TABLE gate ();\n");
        self.project.write("migrations/0005_gate.sql", sql);
        self
    }

    fn start(&self, arguments: &[String]) -> Running {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let command = self.project.devflow(&arguments);
        command.env("DATABASE_URL", &self.url).spawn()
    }
}

#[test]
fn a_job_tries_again_while_the_database_is_away() {
    let mut deployed = Deployed::new();
    let proxy = Proxy::start(deployed.database.server().address(), Duration::ZERO);
    deployed.url = deployed.database.url_through(&proxy);
    proxy.refuse();
    let mut pods = 0;
    let mut job = Job::read();
    job.pods = 2;
    let ends = job.run(&deployed, |_, _| pods += 1);
    assert_eq!((ends, pods), (vec![6, 6], 2));
    proxy.admit();
    assert_eq!(job.run(&deployed, |_, _| {}), [0]);
    assert_eq!(deployed.database.events().len(), 4);
}

/// The first pod meets another run and leaves; the second is killed in the middle of a migration; the third finds
/// nothing in the way.
#[test]
fn a_job_goes_on_after_another_run_and_after_a_kill() {
    let deployed = Deployed::new().with_gate();
    let (database, job) = (&deployed.database, Job::read());
    let mut gate = Some(Gate::shut(database));
    let other = deployed.start(&job.arguments);
    let kill_at_the_gate = |run: &Running, gate: &Gate| {
        gate.wait_until_reached(database);
        run.signal(Signal::KILL);
        wait_until("only the gate's lock is held", || {
            database.advisory_locks() == 1
        });
    };
    gate.as_ref().unwrap().wait_until_reached(database);
    let ends = job.run(&deployed, |pod, running| match (pod, &gate) {
        (0, Some(gate)) => {
            running.wait_for_stderr("was not free");
            kill_at_the_gate(&other, gate);
        }
        (1, Some(shut)) => {
            kill_at_the_gate(running, shut);
            gate = None;
        }
        _ => {}
    });
    assert_eq!(ends, [5, 137, 0]);
    let applied = [
        "1 applied",
        "2 applied",
        "3 applied",
        "4 applied",
        "5 applied",
    ];
    assert_eq!(database.events(), applied);
}

#[test]
fn a_job_gives_up_at_once_where_another_try_would_change_nothing() {
    let deployed = Deployed::new();
    let job = Job::read();
    let run = || job.run(&deployed, |_, _| {});
    let file = "migrations/0005_bad.sql";
    deployed.project.write(file, "SELECT nothing;\n");
    assert_eq!(run(), [1]);
    deployed.project.write(file, "SELECT 1; COMMIT;\n");
    assert_eq!(run(), [2]);
    deployed.project.remove(file);
    deployed
        .project
        .write("migrations/0001_create_links.sql", "SELECT 1;\n");
    assert_eq!(run(), [4]);
}

/// Process number 1 has no default reactions: a signal that it does not handle is lost, and the kill comes at the end
/// of the grace period.
#[cfg(target_os = "linux")]
fn assert_handles_signals(running: &Running) {
    let status = fs::read_to_string(format!("/proc/{}/status", running.process().pid())).unwrap();
    let caught = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .unwrap();
    let caught = u64::from_str_radix(caught.trim(), 16).unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let bit = 1 << (signal.as_raw() - 1);
        assert!(caught & bit != 0, "{signal:?} is not handled");
    }
}

#[cfg(not(target_os = "linux"))]
fn assert_handles_signals(_running: &Running) {}

/// Stops a container's process, and returns its exit code.
fn stop(running: Running) -> i32 {
    let grace = containers()
        .iter()
        .map(|(_, _, grace)| *grace)
        .min()
        .unwrap();
    assert_handles_signals(&running);
    let begun = Instant::now();
    running.signal(Signal::TERM);
    let code = running.wait().code;
    let elapsed = begun.elapsed();
    assert!(elapsed < Duration::from_secs(grace) / 2, "{elapsed:?}");
    code
}

#[test]
fn a_container_that_is_stopped_ends_well_within_its_grace_period() {
    let deployed = Deployed::new().with_gate();
    let gate = Gate::shut(&deployed.database);
    let running = deployed.start(&Job::read().arguments);
    gate.wait_until_reached(&deployed.database);
    assert_eq!(stop(running), 143);
    assert_eq!(deployed.database.events().last().unwrap(), "5 failed");

    let database = TestDatabase::create();
    let service = Command::new(&program(Program::ExampleService), Path::new("/"))
        .env("DATABASE_URL", &database.url())
        .env("LISTEN_ADDR", "127.0.0.1:0")
        .spawn();
    service.wait_for_stderr("the database is up to date");
    assert_eq!(stop(service), 0);
}

/// The rows of the table of exit codes: the codes, and whether to try again.
fn advice() -> Vec<(Vec<i64>, String)> {
    let page = read("docs/deploy.md");
    let (_, table) = page
        .split_once("| exit | start the service? | try again? |")
        .unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let row = |row: &str| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let codes = cells[1].split(", ").map(|code| code.parse().unwrap());
        (codes.collect(), cells[3].to_owned())
    };
    rows.map(row).collect()
}

#[test]
fn the_page_advises_what_the_job_does_about_every_exit_code() {
    let advice = advice();
    let hopeless = advice.iter().filter(|(_, again)| again == "no");
    let hopeless: BTreeSet<i64> = hopeless.flat_map(|(codes, _)| codes.clone()).collect();
    assert_eq!(hopeless, Job::read().fails_at);
    let advised: BTreeSet<i64> = advice.iter().flat_map(|(codes, _)| codes.clone()).collect();
    let page = read("docs/cli.md");
    let (_, table) = page.split_once("| exit | when |").unwrap();
    for row in table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
    {
        for code in row.split('|').nth(1).unwrap().trim().split(", ") {
            assert!(advised.contains(&code.parse().unwrap()), "{code}");
        }
    }
}
