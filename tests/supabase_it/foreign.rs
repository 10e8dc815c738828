//! Files that the Supabase CLI applies and that devflow would not write: a project that has them goes on with either.

use crate::scene::Scene;
use crate::switching::{assert_applies, assert_settled, configure, files};
use support::SupabaseCli;

/// Each commits a part of what it does by itself.
const APPLIED: [(&str, &str); 2] = [
    (
        "20240101000000_own.sql",
        "create table a (i int);\ncommit;\ninsert into a values (1);\nbegin;\ninsert into a values (2);\ncommit;\n",
    ),
    (
        "20240102000000_mixed.sql",
        "create table b (i int);\ncreate index concurrently b_i on b (i);\ninsert into b values (1);\n",
    ),
];

fn own(table: &str) -> String {
    format!("begin;\ncreate table {table} (i int);\ncommit;\ninsert into {table} values (1);\n")
}

/// The CLI has applied what devflow refuses or warns of, and nobody can change it any more.
#[test]
fn a_project_with_files_that_commit_by_themselves_goes_on_in_either_format() {
    let cli = SupabaseCli::Current;
    let scene = Scene::new(cli, &APPLIED);
    let _pushed = cli.push(&scene.project, scene.url()).run().expect(0);
    assert_eq!(scene.recorded().len(), 2);
    let formats = ["supabase", "sql, ledger: supabase"];
    for (number, format) in formats.into_iter().enumerate() {
        configure(&scene, format);
        assert_settled(&scene);
        let name = format!("2024010{}000000_next.sql", number + 3);
        scene.write(&name, &format!("create table next_{number} ();\n"));
        assert_applies(&scene, &name);
    }
    for (number, format) in formats.into_iter().enumerate() {
        configure(&scene, format);
        let name = format!("2024010{}000000_own.sql", number + 5);
        let table = format!("own_{number}");
        scene.write(&name, &own(&table));
        let done = scene.migrate().run().expect(0).json();
        assert_eq!(files(&done["applied"]), [&name], "{done:#}");
        assert_eq!(done["findings"][0]["code"], "supabase_not_atomic");
        let rows = format!("SELECT count(*) FROM {table}");
        assert_eq!(scene.database.value(&rows), "1");
        assert_settled(&scene);
    }
    let theirs = cli.push(&scene.project, scene.url()).run().expect(0);
    assert!(theirs.stdout.contains("\"upToDate\":true"), "{theirs:?}");
    let twice = "SELECT count(*) FROM a";
    assert_eq!(scene.database.value(twice), "2");
}

/// A pending one that is not asked to run piece by piece is refused in both formats, with its line, before anything is there.
#[test]
fn a_pending_file_with_a_concurrent_index_among_others_is_refused() {
    let scene = Scene::new(SupabaseCli::Current, &APPLIED[1..]);
    for format in ["supabase", "sql, ledger: supabase"] {
        configure(&scene, format);
        let refused = scene.migrate().run().expect(2).json();
        let problem = &refused["error"]["problems"][0];
        assert_eq!(problem["code"], "not_in_transaction", "{refused:#}");
        assert_eq!(problem["line"], 2);
        assert_eq!(refused["error"]["kind"], "source");
        assert!(!scene.database.has("b") && scene.recorded().is_empty());
    }
    assert!(!scene.database.has("devflow.supabase_ledger"));
}
