//! The documented workflow, with the step by which its page installs the Supabase CLI.

use crate::scene::{PASSWORD, Scene};
use support::{Actions, JobRun, Program, Project, SupabaseCli, Verdict, program};

const WORKFLOW: &str = ".github/workflows/migrate.yml";

/// The step as the page shows it.
fn install_step(page: &str) -> &str {
    let step = page.split("```yaml\n").nth(1).unwrap();
    step.split("```").next().unwrap()
}

/// The example's checkout, changed as its page says.
fn checkout() -> Project {
    let project = Project::new().copy_of("examples/ci");
    let config = project.read("devflow.yml");
    let kept = config.lines().filter(|line| !line.contains("tracking_"));
    let config: String = kept.map(|line| format!("{line}\n")).collect();
    let config = config.replace("format: sql\n", "format: supabase\n");
    project.write("devflow.yml", config);
    let (workflow, page) = (project.read(WORKFLOW), project.read("README.md"));
    let last = "          echo \"$RUNNER_TEMP/devflow/bin\" >> \"$GITHUB_PATH\"\n";
    assert_eq!(workflow.matches(last).count(), 3);
    let step = last.to_owned() + install_step(&page);
    project.write(WORKFLOW, workflow.replace(last, &step));
    project
}

fn assert_succeeded(jobs: &[JobRun], names: &[&str]) {
    for name in names {
        let job = jobs.iter().find(|job| job.name == *name).unwrap();
        let said: Vec<_> = job.steps.iter().map(|step| &step.outcome).collect();
        assert_eq!(job.verdict, Verdict::Success, "{name}: {said:#?}");
    }
    for outcome in jobs
        .iter()
        .flat_map(|job| &job.steps)
        .map(|step| &step.outcome)
    {
        assert!(!outcome.stderr.contains(PASSWORD), "{outcome:?}");
    }
}

#[test]
fn the_documented_workflow_runs_with_the_supabase_cli() {
    let scene = Scene::new(SupabaseCli::Current, &[]);
    let project = checkout();
    let actions = |secret: &str| {
        let actions = Actions::of(project.path(), WORKFLOW);
        let actions = actions.given(&format!("secrets.{secret}"), scene.url());
        actions.with_installed(&program(Program::Devflow))
    };
    let mut asked = 0;
    let release = actions("PRODUCTION_DATABASE_URL").given("inputs.environment", "production");
    let jobs = release.run(|_| asked += 1);
    assert_succeeded(
        &jobs,
        &["plan-production", "migrate-production", "deploy-production"],
    );
    assert_eq!(asked, 2);
    assert_eq!(scene.recorded().len(), 5);
    let jobs = actions("STAGING_DATABASE_URL").run(|_| {});
    assert_succeeded(&jobs, &["migrate-staging", "deploy-staging"]);
    let migrate = jobs
        .iter()
        .find(|job| job.name == "migrate-staging")
        .unwrap();
    let report = migrate.step("Migrate").outcome.json();
    assert_eq!(report["already_applied"], 5);
    assert_eq!(report["supabase"]["version"], "3.1.0");
}
