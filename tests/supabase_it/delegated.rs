//! `format: supabase`: the Supabase CLI applies, and devflow says what the table has gained.

use crate::scene::Scene;
use std::collections::BTreeSet;
use std::time::Duration;
use support::{Running, SupabaseCli, wait_until_within};

/// On a busy machine each call of the CLI takes its time.
const PATIENCE: Duration = Duration::from_secs(120);

const TABLE: (&str, &str) = ("20240101000000_table.sql", "create table t (i int);\n");
const ROW: (&str, &str) = ("20240102000000_row.sql", "insert into t values (1);\n");

/// The arguments of every process that runs beneath this one.
fn arguments_below(running: &Running) -> Vec<String> {
    let mut found = vec![running.process().pid()];
    let mut arguments = Vec::new();
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        next += 1;
        let children = format!("/proc/{parent}/task/{parent}/children");
        let children = std::fs::read_to_string(children).unwrap_or_default();
        found.extend(children.split_whitespace().flat_map(str::parse::<u32>));
        let line = std::fs::read(format!("/proc/{parent}/cmdline")).unwrap_or_default();
        arguments.push(String::from_utf8_lossy(&line).replace('\0', " "));
    }
    arguments
}

#[test]
fn what_the_table_gained_is_reported_and_recorded() {
    for cli in SupabaseCli::ALL {
        let scene = Scene::new(cli, &[TABLE, ROW]);
        let report = scene.migrate().run().expect(0).json();
        assert_eq!(report["supabase"]["version"], cli.version());
        let path = report["supabase"]["path"].as_str().unwrap();
        assert!(path.ends_with("node_modules/.bin/supabase"), "{path}");
        assert_eq!(report["applied"][1]["file"], ROW.0);
        assert_eq!(
            scene.recorded(),
            ["20240101000000 table", "20240102000000 row"]
        );
        assert_eq!(
            scene.events(),
            ["20240101000000 applied", "20240102000000 applied"]
        );
        let again = scene.migrate().run().expect(0).json();
        assert_eq!(again["already_applied"], 2);
        let theirs = cli.push(&scene.project, scene.url()).run().expect(0);
        assert!(theirs.stdout.contains("\"upToDate\":true"), "{theirs:?}");
    }
}

/// Without a target the CLI of today takes the local stack, and that of yesterday the linked project.
#[test]
fn the_target_is_in_the_arguments_of_each_push_and_the_password_in_those_of_no_process() {
    for cli in SupabaseCli::ALL {
        let scene = Scene::new(cli, &[TABLE, ROW]);
        let mut run = scene.migrate().spawn();
        let mut seen = BTreeSet::new();
        wait_until_within(PATIENCE, "the run ends", || {
            seen.extend(arguments_below(&run));
            run.has_ended()
        });
        let _done = run.wait().expect(0);
        let is_push = |line: &&String| line.contains("db push");
        let pushes: Vec<_> = seen.iter().filter(is_push).collect();
        assert!(pushes.len() >= 2, "{seen:?}");
        let target = format!(
            "{}={}",
            cli.target(),
            scene.url().split(':').next().unwrap()
        );
        let is_aimed = |line: &&&String| line.contains(&target);
        assert!(pushes.iter().all(|line| is_aimed(&line)), "{pushes:?}");
        for line in &seen {
            assert!(!line.contains("p@ss") && !line.contains("p%40ss"), "{line}");
        }
    }
}

/// The CLI's own guard is a key of its table, which comes too late for a file that commits by itself.
#[test]
fn five_runs_at_once_apply_a_file_that_commits_by_itself_once() {
    let alone = (
        "20240102000000_row.sql",
        "begin;\ninsert into t values (1);\ncommit;\n",
    );
    let scene = Scene::new(SupabaseCli::Current, &[TABLE, alone]);
    let runs: Vec<_> = (0..5).map(|_| scene.migrate().spawn()).collect();
    let reports: Vec<_> = runs
        .into_iter()
        .map(|run| run.wait().expect(0).json())
        .collect();
    let applied = reports
        .iter()
        .map(|report| report["applied"].as_array().unwrap().len());
    assert_eq!(applied.sum::<usize>(), 2, "{reports:#?}");
    assert_eq!(scene.database.value("SELECT count(*) FROM t"), "1");
}

#[test]
fn a_failure_names_the_file_and_the_statement_and_keeps_what_was_before() {
    let bad = (
        "20240103000000_bad.sql",
        "-- One that works.\nselect 1;\n\n  insert into nope values (1);\n",
    );
    for cli in SupabaseCli::ALL {
        let scene = Scene::new(cli, &[TABLE, ROW, bad]);
        let report = scene.migrate().run().expect(1).json();
        assert_eq!(report["error"]["code"], "migration_failed");
        let failure = &report["failure"];
        assert_eq!(failure["file"], bad.0);
        assert_eq!(failure["sqlstate"], "42P01");
        assert_eq!(
            (&failure["line"], &failure["column"]),
            (&4.into(), &3.into())
        );
        assert_eq!(failure["recorded"], true);
        assert_eq!(report["applied"].as_array().unwrap().len(), 2);
        assert_eq!(scene.events().last().unwrap(), "20240103000000 failed");
        scene.write(bad.0, "select 1;\n");
        let report = scene.migrate().run().expect(0).json();
        assert_eq!(report["applied"][0]["file"], bad.0);
        assert_eq!(scene.recorded().len(), 3);
    }
}

#[test]
fn a_dry_run_changes_nothing_and_its_digest_approves() {
    let scene = Scene::new(SupabaseCli::Current, &[TABLE, ROW]);
    let dry = ["db", "migrate", "--ci", "--json", "--dry-run"];
    let plan = scene.devflow(&dry).run().expect(0).json();
    assert_eq!(plan["pending"].as_array().unwrap().len(), 2);
    assert_eq!(plan["supabase"]["version"], "3.1.0");
    assert!(!scene.database.has("supabase_migrations.schema_migrations"));
    let digest = plan["plan"]["digest"].as_str().unwrap();
    let approve = |digest: &str| {
        let arguments = ["db", "migrate", "--ci", "--json", "--approve", digest];
        scene.devflow(&arguments).run()
    };
    let _other = approve(&"0".repeat(64)).expect_error(7, "plan_changed");
    assert!(!scene.database.has("t"));
    let _done = approve(digest).expect(0);
    assert_eq!(scene.recorded().len(), 2);
}

#[test]
fn what_the_cli_cannot_do_is_said_before_anything_runs() {
    let scene = Scene::new(SupabaseCli::Current, &[TABLE, ROW]);
    let target = [
        "db",
        "migrate",
        "--ci",
        "--json",
        "--target",
        "20240101000000",
    ];
    let _said = scene
        .devflow(&target)
        .run()
        .expect_error(2, "supabase_target");
    let revert = ["db", "revert", "--ci", "--json"];
    let _said = scene
        .devflow(&revert)
        .run()
        .expect_error(2, "supabase_revert");
    let socket = "postgres://ann@/shop?host=/nowhere";
    let migrate = scene.migrate().env("DATABASE_URL", socket).run();
    let _said = migrate.expect_error(2, "supabase_url");
    scene.project.remove("node_modules/.bin/supabase");
    let missing = scene.migrate().env("PATH", "/usr/bin:/bin").run();
    let _said = missing.expect_error(2, "supabase_cli_missing");
    let status = scene
        .devflow(&["db", "status", "--json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(status["counts"]["pending"], 2, "status needs no CLI");
    assert!(!scene.database.has("supabase_migrations.schema_migrations"));
}

/// The CLI says that nothing is pending then, and that this is success.
#[test]
fn migrations_that_the_clis_own_configuration_turns_off_are_not_taken_for_done() {
    let scene = Scene::new(SupabaseCli::Current, &[TABLE]);
    let off = "project_id = \"shop\"\n[db.migrations]\nenabled = false\n";
    scene.project.write("supabase/config.toml", off);
    let report = scene.migrate().run().expect(2).json();
    let problem = &report["error"]["problems"][0];
    assert_eq!(problem["code"], "supabase_disabled");
    assert_eq!(problem["line"], 3);
    assert!(!scene.database.has("supabase_migrations.schema_migrations"));
}

/// Somebody else's lock is waited for as long as `lock_retry_budget` says, and no reader waits behind the migration.
#[test]
fn a_lost_wait_for_a_lock_is_tried_again() {
    let change = (
        "20240102000000_column.sql",
        "alter table t add column j int;\n",
    );
    let scene = Scene::new(SupabaseCli::Current, &[TABLE]);
    let _done = scene.migrate().run().expect(0);
    scene.write(change.0, change.1);
    scene.configure("lock_timeout: 200ms");
    let reader = crate::interruption::hold(&scene.database.url(), "SELECT * FROM t");
    let run = scene.migrate().spawn();
    run.wait_for_stderr("attempt 2");
    drop(reader);
    let report = run.wait().expect(0).json();
    assert_eq!(report["applied"].as_array().unwrap().len(), 1);
    assert_eq!(scene.events().last().unwrap(), "20240102000000 applied");
}

#[test]
fn an_edit_of_an_applied_file_is_found_whoever_applied_it() {
    for cli in SupabaseCli::ALL {
        let scene = Scene::new(cli, &[TABLE]);
        let _by_hand = cli.push(&scene.project, scene.url()).run().expect(0);
        scene.write(TABLE.0, "create table t (i bigint);\n");
        let report = scene.migrate().run().expect(4).json();
        assert_eq!(report["findings"][0]["code"], "modified", "{report:#}");
        scene.write(TABLE.0, TABLE.1);
        scene.write(ROW.0, ROW.1);
        let _done = scene.migrate().run().expect(0);
        scene.write(ROW.0, "insert into t values (2);\n");
        let report = scene.migrate().run().expect(4).json();
        assert_eq!(report["findings"][0]["code"], "modified", "{report:#}");
    }
}

#[test]
fn a_file_out_of_order_is_applied_where_that_is_allowed() {
    let scene = Scene::new(
        SupabaseCli::Current,
        &[ROW.0, "20240103000000_c.sql"].map(|name| (name, "select 1;\n")),
    );
    let _done = scene.migrate().run().expect(0);
    scene.write(TABLE.0, TABLE.1);
    let report = scene.migrate().run().expect(4).json();
    assert_eq!(report["findings"][0]["code"], "out_of_order");
    scene.configure("out_of_order: allow");
    let report = scene.migrate().run().expect(0).json();
    assert_eq!(report["applied"][0]["file"], TABLE.0);
}

/// An index that gave up would stay behind, INVALID.
#[test]
fn an_index_that_is_built_concurrently_waits_as_long_as_it_takes() {
    let scene = Scene::new(SupabaseCli::Current, &[TABLE]);
    let _done = scene.migrate().run().expect(0);
    scene.configure("lock_timeout: 200ms");
    scene.write(
        "20240102000000_index.sql",
        "create index concurrently t_i on t (i);\n",
    );
    let writer = crate::interruption::hold(&scene.database.url(), "INSERT INTO t VALUES (1)");
    let run = scene.migrate().spawn();
    wait_until_within(
        PATIENCE,
        "the index has waited for longer than that",
        || {
            let waited = "SELECT count(*) FROM pg_stat_activity WHERE application_name = '@effect/sql-pg' \
             AND datname = current_database() AND wait_event_type = 'Lock' AND now() - query_start > interval '1 s'";
            scene.database.value(waited) == "1"
        },
    );
    drop(writer);
    let _done = run.wait().expect(0);
    assert_eq!(scene.recorded().len(), 2);
}

#[test]
fn a_migration_that_empties_the_clis_table_is_no_success() {
    let scene = Scene::new(SupabaseCli::Current, &[TABLE]);
    let _first = scene.migrate().run().expect(0);
    scene.write(
        "20240105000000_empty.sql",
        "truncate supabase_migrations.schema_migrations;\n",
    );
    let report = scene.migrate().run().expect(1).json();
    assert_eq!(report["error"]["code"], "supabase_rows_gone");
    let said = report["error"].to_string();
    assert!(said.contains("20240101000000"), "{said}");
    assert_eq!(scene.events().len(), 2, "what was applied is recorded");
    let _put_back = scene
        .devflow(&["db", "repair", "--applied", "20240101000000", "--yes"])
        .run()
        .expect(0);
    let report = scene.migrate().run().expect(0).json();
    assert_eq!(report["already_applied"], 2);
}

/// The one whose row is gone was applied, and would be again.
#[test]
fn a_migration_that_empties_the_clis_table_of_its_own_run_is_told_by_what_was_recorded_after() {
    let empty = (
        "20240102000000_empty.sql",
        "truncate supabase_migrations.schema_migrations;\n",
    );
    let scene = Scene::new(SupabaseCli::Current, &[TABLE, empty]);
    let report = scene.migrate().run().expect(1).json();
    assert_eq!(report["error"]["code"], "supabase_not_recorded");
    assert_eq!(report["failure"]["file"], TABLE.0);
    let help = report["error"]["help"].as_str().unwrap();
    let put_back = "devflow db repair --applied 20240101000000";
    assert!(help.contains(empty.0) && help.contains(put_back), "{help}");
    let arguments: Vec<_> = put_back.split(' ').skip(1).chain(["--yes"]).collect();
    let _put_back = scene.devflow(&arguments).run().expect(0);
    let report = scene.migrate().run().expect(0).json();
    assert_eq!(report["already_applied"], 2);
}
