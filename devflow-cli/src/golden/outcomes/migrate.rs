//! What `migrate` can come to.

use super::{applied, at, file, path, stopped};
use crate::outcome::*;
use devflow_migrations::{Effect, EffectReader};
use devflow_runtime::MigrationSet;

pub(super) const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Two are applied; what else there is differs.
fn two_applied() -> Work {
    Work {
        already_applied: Some(12),
        done: vec![
            applied("20260131090507_users.sql", 12.4),
            applied("20260131090601_größe.sql", 1_203.7),
        ],
        ..Work::default()
    }
}

pub(in crate::golden) fn migrate() -> Outcome {
    let mut migrate = two_applied();
    migrate.done[1].notices = vec![Notice {
        severity: "NOTICE".to_owned(),
        sqlstate: "00000".to_owned(),
        message: "column \"size\" was empty\n::error::in 3 rows \u{1b}[31m##[group]".to_owned(),
        hint: Some("fill it".to_owned()),
    }];
    let mut outcome = at(Body::Migrate(migrate));
    outcome.remarks = vec![Remark::new("using DIRECT_URL, past the pooler")];
    outcome.findings = vec![Finding {
        code: "renamed",
        refused: false,
        version: "20260101000000".to_owned(),
        path: Some(path("20260101000000_first.sql")),
        message: "supabase/migrations/20260101000000_first.sql was applied as 20260101000000_one.sql; its text is the same".to_owned(),
        help: None,
    }];
    outcome
}

pub(in crate::golden) fn nothing_to_do() -> Outcome {
    let mut outcome = at(Body::Migrate(Work {
        already_applied: Some(14),
        ..Work::default()
    }));
    outcome.elapsed_ms = 6.1;
    outcome
}

pub(in crate::golden) fn to_a_target() -> Outcome {
    let mut migrate = two_applied();
    migrate.pending = vec![file("20260201000000_orders.sql")];
    at(Body::Migrate(migrate))
}

pub(super) fn failure() -> Failure {
    Failure {
        file: file("20260201000000_orders.sql"),
        sqlstate: Some("42703".to_owned()),
        message: "column \"naem\" does not exist".to_owned(),
        detail: Some("Failing row contains (1, ann@example.org).".to_owned()),
        hint: Some("Perhaps you meant to reference the column \"users.name\".".to_owned()),
        context: None,
        waited_for: None,
        snippet: Some(Snippet {
            line: 12,
            column: 17,
            text: Some("\tselect '日本語', naem from users;".to_owned()),
        }),
        statement: Some(3),
        completed: None,
        recorded: true,
        notices: vec![Notice {
            severity: "WARNING".to_owned(),
            sqlstate: "01000".to_owned(),
            message: "this takes a while".to_owned(),
            hint: None,
        }],
    }
}

pub(in crate::golden) fn migrate_failed() -> Outcome {
    let mut migrate = two_applied();
    migrate.failure = Some(Box::new(failure()));
    migrate.pending = vec![
        file("20260201000000_orders.sql"),
        file("20260202000000_items.sql"),
    ];
    let trouble = Trouble::new(
        Kind::MigrationFailed,
        "migration_failed",
        "supabase/migrations/20260201000000_orders.sql failed",
    );
    at(Body::Migrate(migrate))
        .troubled(trouble.help("correct the file and run again: it goes on from here"))
}

pub(in crate::golden) fn failed_outside() -> Outcome {
    let mut file = file("20260201000000_orders_index.sql");
    file.mode = Some("no-transaction");
    let failure = Failure {
        sqlstate: Some("23505".to_owned()),
        message: "could not create unique index \"orders_number\"".to_owned(),
        hint: None,
        snippet: None,
        completed: Some(2),
        recorded: false,
        notices: Vec::new(),
        file: file.clone(),
        ..failure()
    };
    let migrate = Work {
        already_applied: Some(14),
        failure: Some(Box::new(failure)),
        pending: vec![file],
        ..Work::default()
    };
    let trouble = Trouble::new(Kind::MigrationFailed, "migration_failed", "it failed");
    at(Body::Migrate(migrate)).troubled(
        trouble.help("what is complete stays; the next run stops here until a person has decided"),
    )
}

pub(in crate::golden) fn modified() -> Finding {
    Finding {
        code: "modified",
        refused: true,
        version: "20260131090507".to_owned(),
        path: Some(path("20260131090507_users.sql")),
        message: "supabase/migrations/20260131090507_users.sql was changed after it was applied: checksum e3b0c44298fc… is now 9f86d081884c…".to_owned(),
        help: Some("restore the file as it was applied, and put the change into a new migration; or, if the database has what the file says now, record that: `devflow db repair --checksum 20260131090507`".to_owned()),
    }
}

pub(in crate::golden) fn refused() -> Outcome {
    let mut outcome = at(Body::Migrate(Work::default()));
    outcome.findings = vec![
        modified(),
        Finding {
            code: "ahead",
            refused: true,
            version: "20270101000000".to_owned(),
            path: None,
            message: "the database is ahead: 20270101000000_next.sql is applied and newer than every migration here".to_owned(),
            help: Some("use a checkout or a build that has this migration, or allow older ones with `ahead: warn`".to_owned()),
        },
    ];
    outcome.troubled(Trouble::new(
        Kind::Refused,
        "refused",
        "nothing was applied: 2 findings stop the run",
    ))
}

pub(in crate::golden) fn half_done() -> Outcome {
    let mut outcome = at(Body::Migrate(Work::default()));
    outcome.findings = vec![Finding {
        code: "half_done",
        refused: true,
        version: "20260201000000".to_owned(),
        path: Some(path("20260201000000_orders_index.sql")),
        message: "supabase/migrations/20260201000000_orders_index.sql is half done: 2 of 3 statements are complete, whether statement 3 at supabase/migrations/20260201000000_orders_index.sql:9:1 took effect is not known (last heard of 2026-02-01T10:00:00.000000Z)".to_owned(),
        help: Some("look at what is in the database; finish by hand what it does and say `devflow db repair --applied 20260201000000`, or undo what it did and say `devflow db repair --not-applied 20260201000000`: then the next run applies the whole file".to_owned()),
    }];
    outcome.troubled(Trouble::new(
        Kind::Refused,
        "refused",
        "nothing was applied: a finding stops the run",
    ))
}

pub(in crate::golden) fn lock_timeout() -> Outcome {
    let mut outcome = at(Body::Migrate(Work::default()));
    outcome.elapsed_ms = 600_004.0;
    outcome.troubled(
        Trouble::new(
            Kind::LockTimeout,
            "lock_timeout",
            "another run held devflow's lock for 10 min: devflow 81d4 web-1 (server process 4711, role deploy)",
        )
        .help("wait for it to finish, or look at it in pg_stat_activity"),
    )
}

pub(in crate::golden) fn cannot_connect() -> Outcome {
    let mut trouble = Trouble::new(
        Kind::Connect,
        "connection_refused",
        "cannot connect to db.example.org:5432",
    )
    .help("is the server running, and does the URL in DATABASE_URL name its port?");
    trouble.causes = vec!["connection refused (os error 111)".to_owned()];
    stopped(trouble)
}

pub(in crate::golden) fn interrupted() -> Outcome {
    let mut migrate = two_applied();
    migrate.failure = Some(Box::new(failure()));
    migrate.pending = vec![file("20260201000000_orders.sql")];
    at(Body::Migrate(migrate))
        .troubled(
            Trouble::interrupted(Signal::Interrupt)
                .help("what had not been committed was rolled back; run it again to go on"),
        )
        .interrupted_by(Some(Signal::Terminate))
}

pub(in crate::golden) fn unconfirmed() -> Outcome {
    let mut migrate = two_applied();
    migrate.unconfirmed = vec!["20260131090601".to_owned()];
    at(Body::Migrate(migrate)).troubled(
        Trouble::new(Kind::Broken, "connection_lost", "the connection was lost")
            .help("`devflow db status` shows what was committed once the server answers again"),
    )
}

pub(in crate::golden) fn plan() -> Plan {
    let mut index = file("20260202000000_orders_index.sql");
    index.mode = Some("no-transaction");
    Plan {
        digest: DIGEST.to_owned(),
        steps: vec![file("20260201000000_orders.sql"), index],
        effects: Vec::new(),
    }
}

pub(in crate::golden) fn plan_changed() -> Outcome {
    let migrate = Work {
        already_applied: Some(14),
        pending: plan().steps,
        plan: Some(plan()),
        ..Work::default()
    };
    let trouble = Trouble::new(
        Kind::PlanChanged,
        "plan_changed",
        "the plan is not the approved one; nothing was applied",
    )
    .help("look at the plan again with --dry-run, and approve what it shows");
    let mut outcome = at(Body::Migrate(migrate)).troubled(trouble);
    outcome.differences = vec![
        Difference {
            code: "edited",
            version: Some("20260201000000".to_owned()),
            approved: Some("ab".repeat(32)),
            found: Some("cd".repeat(32)),
            message: "20260201000000_orders.sql was edited: its checksum was abababababab, and is cdcdcdcdcdcd".to_owned(),
        },
        Difference {
            code: "recorded",
            version: Some("20260131090507".to_owned()),
            approved: None,
            found: Some("repaired".to_owned()),
            message: "version 20260131090507 was repaired in between, at 2026-02-01T10:00:00.000000Z by ann".to_owned(),
        },
    ];
    outcome
}

pub(in crate::golden) fn approval_required() -> Outcome {
    stopped(
        Trouble::new(
            Kind::ApprovalMissing,
            "approval_required",
            "environment `staging` takes approved plans only",
        )
        .help("`devflow db migrate --env staging --dry-run` shows the plan and its digest"),
    )
}

pub(in crate::golden) fn usage_error() -> Outcome {
    let mut outcome = stopped(
        Trouble::usage("usage", "unexpected argument '--bogus' found")
            .help("Usage: devflow db migrate [OPTIONS]\n\nFor more information, try '--help'."),
    );
    outcome.environment = None;
    outcome
}

pub(in crate::golden) fn bad_files() -> Outcome {
    let mut trouble = Trouble::new(
        Kind::Source,
        "source",
        "the files have 2 problems; nothing was touched",
    );
    trouble.problems = vec![
        Problem {
            code: "transaction_control",
            path: path("20260201000000_orders.sql"),
            snippet: Some(Snippet {
                line: 3,
                column: 1,
                text: Some("COMMIT;".to_owned()),
            }),
            message: "COMMIT would end devflow's transaction half-way".to_owned(),
            help: Some("remove it: the file runs in one transaction".to_owned()),
        },
        Problem {
            code: "file_name",
            path: path("orders.sql"),
            snippet: None,
            message: "the name does not begin with a version".to_owned(),
            help: None,
        },
    ];
    stopped(trouble)
}

pub(in crate::golden) fn dry_run() -> Outcome {
    let mut pending = plan().steps;
    pending.push(file("20260301000000_later.sql"));
    at(Body::Migrate(Work {
        mode: Mode::DryRun,
        already_applied: Some(14),
        pending,
        plan: Some(Plan {
            effects: effects(&[ORDERS, INDEX]),
            ..plan()
        }),
        ..Work::default()
    }))
}

/// What a dry run shows of these texts.
pub(in crate::golden) fn effects(texts: &[&str]) -> Vec<Vec<Effect>> {
    let folder = tempfile::tempdir().unwrap();
    for (number, text) in texts.iter().enumerate() {
        let file = folder.path().join(format!("{}_a.sql", number + 1));
        std::fs::write(file, text).unwrap();
    }
    let set = MigrationSet::read(folder.path(), "migrations").unwrap();
    let mut reader = EffectReader::default();
    set.iter()
        .map(|migration| Effect::together(reader.read(migration)))
        .collect()
}

const ORDERS: &str = "\
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    \"user|`\" bigint NOT NULL REFERENCES users
);
CREATE INDEX orders_user ON orders (\"user|`\");

ALTER TABLE users
    ADD COLUMN email text, -- later NOT NULL
    ALTER COLUMN name TYPE varchar(200),
    DROP COLUMN nickname;
CREATE POLICY own ON orders USING (true);
GRANT SELECT ON orders TO app;
UPDATE users SET email = '日本語';
DO $$ BEGIN PERFORM 1; END $$;
DROP TABLE old_orders, older_orders;
SELECT refresh_all();
INSERT INTO kinds VALUES (1, 'a');
INSERT INTO kinds VALUES (2, 'b');
INSERT INTO kinds VALUES (3, 'c');
INSERT INTO kinds VALUES (4, 'd');
INSERT INTO kinds VALUES (5, 'e');
COMMENT ON TABLE orders IS 'x';
COMMENT ON COLUMN orders.id IS 'y';
CREATE TYPE state AS ENUM ('new');
SET LOCAL search_path = public;
DELETE FROM sessions;
";

const INDEX: &str = "\
CREATE INDEX CONCURRENTLY users_email ON users (email);
CREATE INDEX CONCURRENTLY ON orders (id);
";
