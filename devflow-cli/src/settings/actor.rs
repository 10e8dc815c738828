//! Who asks for a run, as far as the surroundings claim it.

use super::database::Asked;
use crate::surroundings::Surroundings;
use devflow_runtime::Actor;

/// Who asks for a run: the CI platform's actor and run, or the person at the terminal.
pub(super) fn actor(asked: Asked, surroundings: &Surroundings) -> Actor {
    let first = |names: &[&str]| {
        let found = names.iter().find_map(|name| surroundings.text(name));
        found.map(str::to_owned)
    };
    match asked {
        Asked::Platform => Actor {
            name: first(&["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER_ID"]),
            run_url: github_run(surroundings)
                .or_else(|| first(&["CI_JOB_URL", "CI_PIPELINE_URL", "BUILD_URL"])),
            approval: None,
        },
        Asked::Person => Actor {
            name: first(&["USER", "LOGNAME", "USERNAME"]),
            ..Actor::default()
        },
        Asked::Nobody => Actor::default(),
    }
}

fn github_run(surroundings: &Surroundings) -> Option<String> {
    let server = surroundings.text("GITHUB_SERVER_URL")?;
    let repository = surroundings.text("GITHUB_REPOSITORY")?;
    let run = surroundings.text("GITHUB_RUN_ID")?;
    Some(format!("{server}/{repository}/actions/runs/{run}"))
}
