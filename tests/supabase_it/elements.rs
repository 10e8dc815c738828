//! Each file's statements as the Supabase CLI keeps them, against devflow's own idea of them.

use devflow_migrations::MigrationSet;
use devflow_migrations::supabase::elements;
use support::{Project, SupabaseCli, TestDatabase};

/// What is easily split at the wrong place. Every file has to run by itself.
const FILES: &[(&str, &str)] = &[
    ("empty", ""),
    ("space", " \n\t;; ;\n"),
    ("comments_only", "-- nothing; here\n/* nor ; here */"),
    ("no_end", "select 1"),
    (
        "comments",
        "-- head; comment\n/* block ; /* nested ; */ still */ create table \"a;b\"(i int);;\nselect 1 ;   -- tail ; comment\n-- last; comment\n",
    ),
    (
        "comment_before_its_semicolon",
        "select 1 -- a; b\n;\nselect 2 /* ; */ ;",
    ),
    (
        "comment_between_semicolons",
        "select 1; /* alone */ ; select 2;; -- again\n; select 3",
    ),
    (
        "quotes",
        "select length(E'it\\'s;') ;\nselect length('back\\');\nselect 'it''s;', \"x;y\" from (select 1 as \"x;y\") t;\nselect U&'d\\0061;t', N'n;', B'01', X'1F';",
    ),
    (
        "quotes_that_go_on",
        "select 'a;'\n  'b;';\nselect E'a\\\\';\nselect '\\';select 2;",
    ),
    (
        "dollars",
        "do $outer$ begin execute $q$ select 1; $q$; end $outer$;\nselect $$;$$, $a$ $b$; $b$ $a$;\nprepare p(int) as select $1; deallocate p;\nselect 1 as a$b;select 2 as a$b$c;",
    ),
    (
        "atomic",
        "create function atomic_one() returns int language sql begin atomic select 1; select case when true then 1 else 2 end; end;\ncreate function fn_atomic() returns int language sql as $body$ select 1; $body$;\ncreate procedure atomic_two() begin atomic; end;\nselect 1;",
    ),
    (
        "operators",
        "select 1-- minus\n -1; select 1 / 2; select 2*/* times */3; select -(-1), 4 - -1;",
    ),
    (
        "carriage_returns",
        "select 1;\r\n-- b\r\nselect 'a\r\nb';\r\n",
    ),
    ("byte_order_mark", "\u{feff}select 1;\nselect 2;\n"),
    (
        "unicode",
        "create table \"é;ü\" (\"日本;語\" int);\nselect '🐘;' as é;\n",
    ),
    (
        "blocks_of_its_own",
        "-- devflow: no-transaction\nbegin;\ncreate table block (i int);\ncommit;\nselect 1;",
    ),
    (
        "wrapped",
        "-- why\nbegin;\ncreate table wrapped (i int);\ncommit;\n-- done\n",
    ),
    (
        "cases",
        "select case when true then 'a;' end; select 1 as \"end\"; select 1 begin;",
    ),
];

fn name(number: usize, label: &str) -> String {
    format!("{}_{label}.sql", 20_240_101_000_000 + number)
}

#[test]
fn the_cli_keeps_the_statements_that_devflow_expects() {
    for cli in SupabaseCli::ALL {
        let database = TestDatabase::create();
        let project = Project::new();
        for (number, (label, sql)) in FILES.iter().enumerate() {
            project.write(&format!("supabase/migrations/{}", name(number, label)), sql);
        }
        let url = format!("{}?sslmode=disable", database.url());
        let _pushed = cli.push(&project, &url).run().expect(0);
        let directory = project.path().join("supabase/migrations");
        let set = MigrationSet::read(&directory, "supabase/migrations").unwrap();
        let kept = database.rows(
            "SELECT version || '_' || name || '.sql', array_to_json(statements) FROM supabase_migrations.schema_migrations ORDER BY version",
        );
        let expected: Vec<_> = set
            .iter()
            .map(|migration| {
                let statements = serde_json::to_string(&elements(migration)).unwrap();
                [migration.file().to_owned(), statements]
            })
            .collect();
        assert_eq!(kept.len(), FILES.len(), "{cli:?}");
        for (kept, expected) in kept.iter().zip(&expected) {
            // The CLI keeps the ends of lines as they are; devflow reads them as one.
            let parsed = |text: &str| {
                serde_json::from_str::<Vec<String>>(&text.replace(r"\r\n", r"\n")).unwrap()
            };
            assert_eq!(
                (&kept[0], parsed(&kept[1])),
                (&expected[0], parsed(&expected[1])),
                "{cli:?}"
            );
        }
    }
}
