//! What no Supabase CLI of today can be brought to do: a script stands in for it.

use crate::scene::Scene;
use support::Authority;

const TABLE: (&str, &str) = ("20240101000000_table.sql", "create table t (i int);\n");

/// A script that is 3.1.0 by its word, previews what is pending, and then does this.
fn three(apply: &str) -> Scene {
    let script = format!(
        "case \"$*\" in\n\
         --version) echo 3.1.0 ;;\n\
         *--dry-run*) echo '{{\"migrations\":[\"{file}\"]}}' ;;\n\
         *) echo 'Applying migration {file}...' >&2; {apply} ;;\n\
         esac",
        file = TABLE.0
    );
    Scene::with_fake(&script, &[TABLE])
}

#[test]
fn success_without_a_record_is_an_error() {
    let scene = three(&format!("echo '{{\"migrations\":[\"{}\"]}}'", TABLE.0));
    let report = scene.migrate().run().expect(1).json();
    assert_eq!(report["error"]["code"], "supabase_not_recorded");
    assert_eq!(report["failure"]["file"], TABLE.0);
    assert_eq!(report["applied"].as_array().unwrap().len(), 0);
    assert_eq!(scene.events(), ["20240101000000 failed"]);
}

#[test]
fn an_end_without_an_answer_is_an_error() {
    for (apply, how) in [
        ("echo garbage", "exit code 0"),
        ("exit 3", "exit code 3"),
        ("kill -KILL $$", "exit code 137"),
    ] {
        let said = three(apply).migrate().run();
        let said = said.expect_error(1, "supabase_cli_crashed");
        assert!(said.contains(how), "{said}");
    }
}

#[test]
fn other_versions_are_refused_with_what_is_needed() {
    for version in ["2.109.1", "1.200.3", "4.0.0", "hello"] {
        let scene = Scene::with_fake(&format!("echo {version}"), &[TABLE]);
        let said = scene.migrate().run();
        let said = said.expect_error(2, "supabase_cli_version");
        assert!(said.contains(version) && said.contains("3.x"), "{said}");
    }
}

/// Between its preview and its run the folder has changed: it gets what was planned all the same.
#[test]
fn it_is_given_the_files_that_were_planned() {
    let scene = three(&format!(
        "echo 'drop table t;' >supabase/migrations/{}; while [ \"$1\" != --workdir ]; do shift; done; cat \"$2\"/supabase/migrations/* >&2; exit 1",
        TABLE.0
    ));
    let said = scene.migrate().run().expect(1);
    let seen = scene
        .project
        .read("supabase/migrations/20240101000000_table.sql");
    assert_eq!(seen, "drop table t;\n");
    assert!(
        said.stderr.contains("create table t (i int);"),
        "{}",
        said.stderr
    );
}

/// What it writes is shown harmless, a runner does not obey it, and the password is not in it in any spelling.
#[test]
fn what_it_says_is_passed_on_harmless() {
    let scene = three(
        "printf '::error::obey\\n\\033[31mred %s %s\\n' \"$PGPASSWORD\" 'guess%3A%20p%40ss%250A%2F%C3%B6rd%23' >&2; exit 1",
    );
    let run = scene.migrate().env("GITHUB_ACTIONS", "true").run();
    let said = run.expect(1).stderr;
    assert!(said.contains("supabase: ::error::obey"), "{said}");
    assert!(
        said.contains("\\u{1b}[31mred [redacted] [redacted]"),
        "{said}"
    );
}

#[test]
fn its_environment_holds_what_it_needs_and_nothing_of_the_jobs() {
    let scene = three("env >seen; exit 1");
    let run = scene.migrate().env("GITHUB_TOKEN", "t").env("CI", "true");
    let _crashed = run.run().expect(1);
    let seen = scene.project.read("seen");
    let mut names: Vec<_> = seen
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    names.retain(|(name, _)| !["PWD", "OLDPWD", "SHLVL", "_", "TMPDIR"].contains(name));
    names.sort_unstable();
    let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "DO_NOT_TRACK",
            "HOME",
            "NO_COLOR",
            "PATH",
            "PGPASSWORD",
            "PGSSLMODE",
            "SUPABASE_NO_UPDATE_NOTIFIER",
            "SUPABASE_TELEMETRY_DISABLED",
        ]
    );
}

/// What a program leaves behind keeps its streams open.
#[test]
fn what_it_leaves_behind_neither_delays_a_run_nor_outlives_it() {
    let scene = three("sleep 500 & echo $! >left; echo garbage");
    let _crashed = scene
        .migrate()
        .run()
        .expect_error(1, "supabase_cli_crashed");
    let left = scene.project.read("left");
    let line = std::fs::read_to_string(format!("/proc/{}/cmdline", left.trim()));
    assert!(!line.unwrap_or_default().contains("sleep"));
}

/// The CLI runs in the folder above supabase/, and devflow wherever it was called.
#[test]
fn a_file_of_certificates_is_the_one_that_devflow_would_read() {
    let scene = three("echo \"$*\" >seen; exit 1");
    scene
        .project
        .write("ca.pem", Authority::create("root").pem());
    let url = format!("{}&sslrootcert=ca.pem", scene.url());
    let run = scene.migrate().env("DATABASE_URL", &url).run();
    let _crashed = run.expect(1);
    let arguments = scene.project.read("seen");
    let path = arguments.split("sslrootcert=%2F").nth(1).unwrap();
    let path = path.split(['&', ' ']).next().unwrap();
    assert!(path.ends_with("ca.pem"), "{arguments}");
}
