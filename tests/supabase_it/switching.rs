//! A project that changes its format and its ledger, and what the Supabase CLI would do with its files.

use crate::scene::{LEDGER, Scene};
use serde_json::Value;
use support::{Command, Project, SupabaseCli};

const CONFIGURED: [(&str, &str); 3] = [
    ("sql, ledger: devflow", "format: sql"),
    ("sql, ledger: supabase", "format: sql\n    ledger: supabase"),
    ("supabase", "format: supabase"),
];

/// What the project says of itself, by its name in [`CONFIGURED`].
pub(crate) fn configure(scene: &Scene, wanted: &str) {
    let found = CONFIGURED.iter().find(|(name, _)| *name == wanted).unwrap();
    scene.project.write(
        "devflow.yml",
        format!(
            "version: \"1\"\ndatabase:\n  migrations:\n    directory: supabase/migrations\n    {}\n",
            found.1
        ),
    );
}

/// A file that can take effect once only.
fn add(scene: &Scene, number: usize) -> String {
    let name = format!("2024010{number}000000_t{number}.sql");
    scene.write(&name, &format!("create table t{number} (i int);\n"));
    name
}

pub(crate) fn files(list: &Value) -> Vec<&str> {
    let files = list.as_array().unwrap().iter();
    files.map(|file| file["file"].as_str().unwrap()).collect()
}

/// Exactly the newest file is applied, and everything is by then.
pub(crate) fn assert_applies(scene: &Scene, file: &str) {
    let done = scene.migrate().run().expect(0).json();
    assert_eq!(files(&done["applied"]), [file], "{done:#}");
    assert_settled(scene);
}

pub(crate) fn assert_settled(scene: &Scene) {
    let status = scene.devflow(&["db", "status", "--check", "--json"]);
    let status = status.run().expect(0).json();
    assert_eq!(status["findings"], Value::Array(Vec::new()), "{status:#}");
    let states = status["migrations"].as_array().unwrap().iter();
    let mut states = states.map(|entry| entry["state"].as_str().unwrap());
    assert!(
        states.all(|state| ["applied", "baselined"].contains(&state)),
        "{status:#}"
    );
}

fn adopt(scene: &Scene) -> usize {
    let done = scene.devflow(&["db", "adopt", "--ci", "--json"]);
    let done = done.run().expect(0).json();
    files(&done["adopted"]).len()
}

#[test]
fn formats_and_ledgers_follow_each_other_and_run_nothing_again() {
    for cli in SupabaseCli::ALL {
        walk(cli);
    }
}

fn walk(cli: SupabaseCli) {
    let scene = Scene::new(cli, &[]);
    configure(&scene, "sql, ledger: devflow");
    assert_applies(&scene, &add(&scene, 1));

    configure(&scene, "supabase");
    let second = add(&scene, 2);
    let refused = scene.migrate().run().expect(4).json();
    assert_eq!(refused["findings"][0]["code"], "recorded_elsewhere");
    assert_eq!(adopt(&scene), 1);
    assert_applies(&scene, &second);

    configure(&scene, "sql, ledger: supabase");
    assert_settled(&scene);
    assert_applies(&scene, &add(&scene, 3));

    configure(&scene, "supabase");
    assert_settled(&scene);
    assert_applies(&scene, &add(&scene, 4));

    configure(&scene, "sql, ledger: devflow");
    let fifth = add(&scene, 5);
    assert_eq!(adopt(&scene), 3);
    assert_applies(&scene, &fifth);

    configure(&scene, "supabase");
    assert_eq!(adopt(&scene), 1);
    assert_settled(&scene);
    let theirs = cli.push(&scene.project, scene.url()).run().expect(0);
    assert!(theirs.stdout.contains("\"upToDate\":true"), "{theirs:?}");
}

/// Three runs of devflow's own and two that the CLI carries out: all of one lock.
#[test]
fn five_runs_of_both_formats_at_once_apply_everything_once() {
    let scene = Scene::new(SupabaseCli::Current, &[]);
    let tables = [add(&scene, 1), add(&scene, 2)];
    let alone = "begin;\ninsert into t1 values (1);\ncommit;\n";
    scene.write("20240103000000_alone.sql", alone);
    let native = Project::new();
    for file in tables
        .iter()
        .map(String::as_str)
        .chain(["20240103000000_alone.sql"])
    {
        let path = format!("supabase/migrations/{file}");
        native.write(&path, scene.project.read(&path));
    }
    configure(&scene, "sql, ledger: supabase");
    native.write("devflow.yml", scene.project.read("devflow.yml"));
    configure(&scene, "supabase");
    let arguments = ["db", "migrate", "--ci", "--json"];
    let runs: Vec<_> = (0..5)
        .map(|number| match number % 2 {
            0 => native.devflow(&arguments).env("DATABASE_URL", scene.url()),
            _ => scene.migrate(),
        })
        .map(Command::spawn)
        .collect();
    let reports = runs.into_iter().map(|run| run.wait().expect(0).json());
    let applied = reports.map(|report| files(&report["applied"]).len());
    assert_eq!(applied.sum::<usize>(), 3);
    assert_eq!(scene.database.value("SELECT count(*) FROM t1"), "1");
    assert_settled(&scene);
}

/// Each is refused before anything runs, and devflow itself can apply the file, or says the same.
#[test]
fn what_the_cli_would_pass_over_is_refused_before_it_runs() {
    let scene = Scene::new(SupabaseCli::Current, &[("20240101000000_a.sql", "")]);
    let code = |expected: i32| {
        let refused = scene.migrate().run().expect(expected).json();
        let error = &refused["error"];
        let problem = &error["problems"][0]["code"];
        let code = if problem.is_null() {
            &error["code"]
        } else {
            problem
        };
        code.as_str().unwrap().to_owned()
    };
    let off = "[db.migrations]\nenabled = false\n";
    scene.project.write("supabase/config.toml", off);
    assert_eq!(code(2), "supabase_disabled");
    scene.project.write("supabase/config.toml", "[db\n");
    assert_eq!(code(2), "supabase_config");
    // Without a schema `vault` there is nowhere to put it.
    let vault = "[db.vault]\nkey = \"hidden\"\n";
    scene.project.write("supabase/config.toml", vault);

    let lock = "create table l ();\nlock table l;\n";
    scene.write("20240102000000_lock.sql", lock);
    assert_eq!(code(2), "supabase_lock_table");
    assert!(!scene.database.has("l") && scene.recorded().is_empty());
    assert!(!scene.database.has(LEDGER), "written before the refusal");
    scene.write("old/20230101000000_a.sql", "create table nowhere ();\n");
    let wrapped = format!("begin;\n{lock}commit;\n");
    scene.write("20240102000000_lock.sql", &wrapped);
    let done = scene.migrate().run().expect(0);
    assert!(scene.database.has("l") && !scene.database.has("nowhere"));
    let overlooked = "supabase/migrations/old holds .sql files";
    assert!(done.stdout.contains(overlooked), "{done:?}");
}

/// Its line for a file whose statements run one by one means the same to both.
#[test]
fn the_clis_own_line_runs_a_file_outside_a_transaction() {
    let sql = "-- pg-delta: transaction=false\ncreate table c (i int);\nvacuum c;\ncreate index concurrently i on c (i);\n";
    for format in ["supabase", "sql, ledger: supabase"] {
        let scene = Scene::new(SupabaseCli::Current, &[("20240101000000_c.sql", sql)]);
        configure(&scene, format);
        let done = scene.migrate().run().expect(0).json();
        assert_eq!(done["applied"][0]["mode"], "no-transaction", "{done:#}");
        assert_settled(&scene);
    }
}
