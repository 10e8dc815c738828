//! The workflow in `examples/ci`, run step by step as GitHub's runner would run it.

use std::fmt::Write;
use support::{
    Actions, JobRun, Program, Project, StepRun, TestDatabase, Verdict, assert_golden,
    on_background, program,
};
use tokio_postgres::{Client, NoTls};
use url::Url;

const WORKFLOW: &str = ".github/workflows/migrate.yml";

/// A password that a URL, a shell, Markdown and a workflow command would each write in their own way.
const PASSWORD: &str = "guess: p@ss%0A::w/örd#";

/// A checkout, a database that belongs to the role that migrates it, and its URL as a secret has it.
struct Pipeline {
    project: Project,
    database: TestDatabase,
    url: Url,
    /// Texts that differ from run to run, and what stands for them in golden files.
    known: Vec<(String, &'static str)>,
}

impl Pipeline {
    fn new() -> Self {
        let database = TestDatabase::create();
        let role = database.role_with_password("migrator", "");
        database.execute(&format!(
            "SET password_encryption = 'scram-sha-256'; ALTER ROLE {role} PASSWORD '{PASSWORD}'; \
             ALTER DATABASE {} OWNER TO {role}; GRANT CREATE ON SCHEMA public TO {role}",
            database.name()
        ));
        let mut url = Url::parse(&database.url_as(&role)).unwrap();
        // The crate leaves a percent sign alone, as it may belong to an escape.
        url.set_password(Some(&PASSWORD.replace('%', "%25")))
            .unwrap();
        let known = vec![
            (role, "<role>"),
            (database.name().to_owned(), "<database>"),
            (format!(":{}", url.port().unwrap()), ":<port>"),
        ];
        Self {
            project: Project::new().copy_of("examples/ci"),
            database,
            url,
            known,
        }
    }

    /// What a push to the main branch starts.
    fn push(&self) -> Vec<JobRun> {
        let actions = self.actions("STAGING_DATABASE_URL");
        actions.run(|_| {})
    }

    /// What a person starts for production; the gate is where the environments' reviewers are asked.
    fn release(&self, gate: impl FnMut(&str)) -> Vec<JobRun> {
        let actions = self.actions("PRODUCTION_DATABASE_URL");
        actions.given("inputs.environment", "production").run(gate)
    }

    /// With the wheel where `.ci/wheel` has built one, otherwise with the command that Cargo built.
    fn actions(&self, secret: &str) -> Actions {
        let actions = Actions::of(self.project.path(), WORKFLOW);
        let actions = actions.given(&format!("secrets.{secret}"), self.url.as_str());
        match std::env::var("DEVFLOW_TEST_WHEEL") {
            Ok(wheel) => {
                let (url, hash) = wheel.split_once("#sha256=").unwrap();
                actions
                    .given("vars.DEVFLOW_WHEEL_URL", url)
                    .given("vars.DEVFLOW_WHEEL_SHA256", hash)
            }
            Err(_) => actions.with_installed(&program(Program::Devflow)),
        }
    }

    /// Replaces a text in devflow.yml.
    fn configure(&self, settings: &str) {
        let config = self.project.read("devflow.yml");
        let config = config.replace(
            "    format: sql\n",
            &format!("    format: sql\n    {settings}\n"),
        );
        self.project.write("devflow.yml", config);
    }

    /// Compares what a runner was told with a golden file.
    fn assert_told(&self, name: &str, jobs: &[JobRun]) {
        let mut text = String::new();
        for job in jobs {
            writeln!(text, "# {}: {:?}", job.name, job.verdict).unwrap();
            for step in job.steps.iter().filter(|step| is_ours(step)) {
                text += &self.told(step);
            }
        }
        assert_golden(&format!("pipeline/{name}.md"), &text);
        self.assert_nothing_kept();
    }

    /// Whoever may read the ledger learns no password from it.
    fn assert_nothing_kept(&self) {
        if self.database.has("schema_migrations") {
            let rows = "SELECT string_agg(row::text, '') FROM schema_migrations row";
            let rows = self.database.value(rows);
            for password in [PASSWORD, self.url.password().unwrap_or_default()] {
                assert!(!rows.contains(password), "{rows}");
            }
        }
    }

    fn told(&self, step: &StepRun) -> String {
        let outputs = step.outputs.iter();
        let outputs: String = outputs
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        let document = step.outcome.json();
        let all = format!(
            "\n## {}: exit {}\n\n--- stderr\n{}--- outputs\n{outputs}--- summary\n{}",
            step.name, step.outcome.code, step.outcome.stderr, step.summary
        );
        let digest = document["plan"]["digest"].as_str();
        let version = document["database"]["server_version"].as_str();
        let version = version.and_then(|text| text.split(' ').next());
        let run = document["run"].as_str();
        let told = [(run, "<run>"), (digest, "<digest>"), (version, "<version>")];
        let told = told
            .iter()
            .filter_map(|(value, name)| Some(((*value)?, *name)));
        let known = self
            .known
            .iter()
            .map(|(value, name)| (value.as_str(), *name));
        let all = known.chain(told).fold(all, |text, (value, name)| {
            // As it is, and as Markdown has it.
            text.replace(value, name)
                .replace(&value.replace('_', "\\_"), name)
        });
        without_times(&without_moments(&all))
    }
}

/// Whether the step runs devflow.
fn is_ours(step: &StepRun) -> bool {
    !["Install devflow", "Build the application", "Deploy"].contains(&step.name.as_str())
}

/// So do the moments at which the ledger's rows were written.
fn without_moments(text: &str) -> String {
    let mut parts = text.split(", at 20");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once('Z').unwrap();
        shown = format!("{shown}, at <moment>{rest}");
    }
    shown
}

/// Durations differ from run to run.
fn without_times(text: &str) -> String {
    let mut parts = text.split(' ');
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric());
        let (unit, rest) = part.split_at(end.unwrap_or(part.len()));
        let before = shown.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        match before.len() < shown.len() && matches!(unit, "ms" | "s") {
            true => shown = format!("{before}<time>{rest}"),
            false => shown = format!("{shown} {part}"),
        }
    }
    shown
}

fn verdicts(jobs: &[JobRun]) -> Vec<(&str, Verdict)> {
    let ran = jobs.iter().filter(|job| job.verdict != Verdict::Skipped);
    ran.map(|job| (job.name.as_str(), job.verdict)).collect()
}

const BLOCKED: [(&str, Verdict); 2] = [
    ("build", Verdict::Success),
    ("migrate-staging", Verdict::Failure),
];

#[test]
fn a_push_migrates_staging_and_deploys() {
    let pipeline = Pipeline::new();
    let jobs = pipeline.push();
    let done = ["build", "migrate-staging", "deploy-staging"];
    assert_eq!(verdicts(&jobs), done.map(|job| (job, Verdict::Success)));
    pipeline.assert_told("push", &jobs);
}

#[test]
fn production_gets_the_plan_that_its_reviewers_saw() {
    let pipeline = Pipeline::new();
    let mut asked = Vec::new();
    let jobs = pipeline.release(|environment| {
        assert!(
            !pipeline.database.has("schema_migrations"),
            "nobody has agreed yet"
        );
        asked.push(environment.to_owned());
    });
    assert_eq!(asked, ["production-plan", "production"]);
    let done = [
        "build",
        "plan-production",
        "migrate-production",
        "deploy-production",
    ];
    assert_eq!(verdicts(&jobs), done.map(|job| (job, Verdict::Success)));
    pipeline.assert_told("release", &jobs);
    let run = &pipeline.database.ledger()[0].run;
    assert_eq!(run["actor"], "ann");
}

/// Another runner is faster than the reviewers.
#[test]
fn a_plan_that_is_not_the_approved_one_blocks_the_deploy() {
    let pipeline = Pipeline::new();
    let jobs = pipeline.release(|environment| {
        if environment == "production" {
            let others = [
                "db",
                "migrate",
                "--env",
                "local",
                "--ci",
                "--target",
                "20250120141500",
            ];
            let others = pipeline.project.devflow(&others);
            let _done = others
                .env("DATABASE_URL", pipeline.url.as_str())
                .env("GITHUB_ACTOR", "bob")
                .run()
                .expect(0);
        }
    });
    let migrate = jobs
        .iter()
        .find(|job| job.name == "migrate-production")
        .unwrap();
    assert_eq!(migrate.step("Migrate").outcome.code, 7);
    let blocked = ("migrate-production", Verdict::Failure);
    assert_eq!(verdicts(&jobs).last(), Some(&blocked));
    assert_eq!(pipeline.database.events().len(), 2);
    pipeline.assert_told("another_plan", &jobs);
}

#[test]
fn a_failed_migration_blocks_the_deploy() {
    let pipeline = Pipeline::new();
    let sql = "-- Who pays.\ncreate table invoices (\n  customer bigint references customers\n);\n";
    let file = "supabase/migrations/20250401000000_create_invoices.sql";
    pipeline.project.write(file, sql);
    let jobs = pipeline.push();
    assert_eq!(verdicts(&jobs), BLOCKED);
    pipeline.assert_told("failed_migration", &jobs);
}

#[test]
fn drift_blocks_the_deploy() {
    let pipeline = Pipeline::new();
    let _applied = pipeline.push();
    let file = "supabase/migrations/20250120141500_create_documents.sql";
    let edited = pipeline.project.read(file) + "-- One more word.\n";
    pipeline.project.write(file, edited);
    let jobs = pipeline.push();
    assert_eq!(verdicts(&jobs), BLOCKED);
    pipeline.assert_told("drift", &jobs);
}

/// A session that holds devflow's lock until it is dropped, and the number of its process.
fn hold_lock(database: &TestDatabase) -> (Client, String) {
    let url = format!("{}?application_name=another%20runner", database.url());
    on_background(async move {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let lock = "SELECT pg_backend_pid()::text, pg_advisory_lock(6145315754382216349)";
        let pid = client.query_one(lock, &[]).await.unwrap().get(0);
        (client, pid)
    })
}

#[test]
fn a_lock_that_stays_taken_blocks_the_deploy() {
    let mut pipeline = Pipeline::new();
    pipeline.configure("lock_wait: 1s");
    let (holder, pid) = hold_lock(&pipeline.database);
    pipeline.known.push((pid, "<pid>"));
    let jobs = pipeline.push();
    drop(holder);
    assert_eq!(verdicts(&jobs), BLOCKED);
    pipeline.assert_told("lock_timeout", &jobs);
}

#[test]
fn a_server_that_is_not_there_blocks_the_deploy() {
    let mut pipeline = Pipeline::new();
    pipeline.configure("connect_budget: 0s");
    pipeline.url.set_port(Some(9)).unwrap();
    pipeline.known.push((":9".to_owned(), ":<port>"));
    let jobs = pipeline.push();
    assert_eq!(verdicts(&jobs), BLOCKED);
    pipeline.assert_told("unreachable", &jobs);
}
