//! What a person decides about a version, and how it gets into the ledger.

use crate::gate::session;
use crate::history::{assert_agree, table};
use support::{Command, LedgerRow, Project, TestDatabase, on_background, wait_until};

/// Nobody can see what its second statement has committed by itself.
const HALF: &str = "-- devflow: no-transaction\nCREATE TABLE public.m_2 (id integer);\n\
                    DO $$ BEGIN COMMIT; PERFORM 1 / 0; END $$;\n";

struct Damaged {
    project: Project,
    database: TestDatabase,
}

impl Damaged {
    /// The first is applied, the second half done, the third pending.
    fn half_done() -> Self {
        let project = Project::new()
            .migration("1_one.sql", &table(1))
            .migration("2_two.sql", HALF)
            .migration("3_three.sql", &table(3));
        let damaged = Self {
            project,
            database: TestDatabase::create(),
        };
        let _failed = damaged.devflow(&["migrate", "--ci"]).run().expect(1);
        assert_eq!(damaged.last().summary(), "2 failed");
        damaged
    }

    fn devflow(&self, arguments: &[&str]) -> Command {
        let command = self.project.devflow(&["db"]).args(arguments);
        command.env("DATABASE_URL", &self.database.url())
    }

    fn last(&self) -> LedgerRow {
        self.database.ledger().pop().unwrap()
    }

    /// Asserts that a decision is refused with this code, and that nothing was written.
    fn assert_refused(&self, decision: &[&str], exit_code: i32, code: &str) -> String {
        let before = self.database.ledger();
        let repair = self.devflow(&[&["repair", "--json"], decision].concat());
        let said = repair.run().expect_error(exit_code, code);
        assert_eq!(self.database.ledger(), before, "{decision:?}");
        said
    }
}

#[test]
fn a_half_done_file_is_settled_either_way() {
    let damaged = Damaged::half_done();
    let stopped = damaged.devflow(&["migrate"]).run().expect(4).stderr;
    assert!(
        stopped.contains("devflow db repair --applied 2"),
        "{stopped}"
    );
    let shown = ["repair", "--applied", "2", "--dry-run"];
    let shown = damaged.devflow(&shown).run().expect(0).stdout;
    assert!(
        shown.contains("2_two.sql  failed (1 statement complete) → applied"),
        "{shown}"
    );
    assert_eq!(damaged.last().event, "failed");

    let refused = damaged.devflow(&["repair", "--applied", "2", "--ci", "--json"]);
    let said = refused.run().expect_error(7, "yes_required");
    assert!(said.contains("--yes"), "{said}");
    assert_eq!(damaged.last().event, "failed");

    let repair = damaged.devflow(&["repair", "--applied", "2", "--ci", "--yes", "--json"]);
    let repair = repair
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_ACTOR", "ann");
    let done = repair.run().expect(0).json();
    assert_eq!(done["repairs"][0]["before"]["event"], "failed");
    assert_eq!(done["repairs"][0]["before"]["statements_completed"], 1);
    assert_eq!(done["repairs"][0]["after"]["event"], "applied");
    let row = damaged.last();
    assert_eq!(row.summary(), "2 applied");
    let repair = &row.detail["repair"];
    assert_eq!(
        [&repair["decision"], &repair["from"], &repair["by"]],
        ["applied", "failed", "ann"]
    );
    let _done = damaged.devflow(&["migrate", "--ci"]).run().expect(0);
    assert_agree(&damaged.database);

    let damaged = Damaged::half_done();
    damaged.database.execute("DROP TABLE m_2");
    let _done = damaged
        .devflow(&["repair", "--not-applied", "2_two.sql"])
        .run()
        .expect(0);
    assert_eq!(damaged.last().summary(), "2 reverted");
    damaged.project.write("migrations/2_two.sql", table(2));
    let _done = damaged.devflow(&["migrate", "--ci"]).run().expect(0);
    assert_agree(&damaged.database);
}

#[test]
fn an_edited_file_and_one_that_is_gone_are_settled_in_one_go() {
    let damaged = Damaged::half_done();
    damaged
        .project
        .write("migrations/1_one.sql", "SELECT 'rewritten';\n");
    damaged.project.remove("migrations/2_two.sql");
    let refused = damaged
        .devflow(&["migrate", "--json"])
        .run()
        .expect(4)
        .json();
    assert_eq!(refused["findings"].as_array().unwrap().len(), 2);
    let decisions = ["--checksum", "1", "--not-applied", "2", "--applied", "3"];
    let repair = damaged.devflow(&[&["repair", "--json"], &decisions[..]].concat());
    let done = repair.run().expect(0).json();
    let events = |side: &str| {
        let repairs = done["repairs"].as_array().unwrap().iter();
        repairs
            .map(|repair| {
                repair[side]["event"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(events("before"), ["applied", "failed", ""]);
    assert_eq!(events("after"), ["repaired", "reverted", "applied"]);
    assert_eq!(done["repairs"][1]["path"], serde_json::Value::Null);
    let status = damaged.devflow(&["migrate", "--ci", "--json"]).run();
    assert_eq!(status.expect(0).json()["already_applied"], 2);
}

#[test]
fn a_decision_that_does_not_fit_is_refused_with_the_present_state() {
    let damaged = Damaged::half_done();
    let said = damaged.assert_refused(&["--applied", "1"], 4, "already_applied");
    assert!(said.contains("the ledger has it as applied"), "{said}");
    damaged.assert_refused(&["--not-applied", "3"], 4, "not_applied");
    damaged.assert_refused(&["--checksum", "3"], 4, "not_applied");
    damaged.assert_refused(&["--checksum", "1"], 4, "checksum_unchanged");
    damaged.assert_refused(&["--applied", "7"], 2, "unknown_version");
    // One that fits does not go without the other.
    damaged.assert_refused(&["--applied", "2", "--applied", "1"], 4, "already_applied");
    damaged.assert_refused(
        &["--applied", "2", "--not-applied", "002"],
        2,
        "decided_twice",
    );
    damaged.assert_refused(&[], 2, "usage");
    damaged.project.remove("migrations/2_two.sql");
    damaged.assert_refused(&["--applied", "2"], 4, "no_file");

    let database = TestDatabase::create();
    let repair = damaged
        .project
        .devflow(&["db", "repair", "--applied", "1", "--json"]);
    let said = repair.env("DATABASE_URL", &database.url()).run();
    assert!(
        said.expect_error(4, "no_ledger")
            .contains("devflow db baseline")
    );
    assert!(!database.has("schema_migrations"));
}

#[test]
fn a_damaged_ledger_is_not_repaired_over() {
    let damaged = Damaged::half_done();
    damaged.database.execute(
        "INSERT INTO schema_migrations (version, seq, event, at) VALUES ('1', 2, 'applied', now())",
    );
    damaged.assert_refused(&["--applied", "2"], 4, "ledger_damaged");
}

#[test]
fn of_two_repairs_at_once_one_is_recorded() {
    let damaged = Damaged::half_done();
    let both = [(); 2].map(|()| {
        let repair = damaged.devflow(&["repair", "--applied", "2", "--ci", "--yes", "--json"]);
        repair.spawn()
    });
    let mut codes = both.map(|running| running.wait().code);
    codes.sort_unstable();
    assert_eq!(codes, [0, 4]);
    assert_eq!(
        damaged.database.events(),
        [
            "1 applied",
            "2 started",
            "2 progress",
            "2 progress",
            "2 failed",
            "2 applied"
        ]
    );
}

#[test]
fn a_repair_that_another_writer_overtakes_without_the_lock_records_nothing() {
    let damaged = Damaged::half_done();
    let seq = damaged.last().seq + 1;
    let other = session(&damaged.database, "BEGIN");
    let insert = format!(
        "INSERT INTO schema_migrations (version, seq, event, at) VALUES ('2', {seq}, 'reverted', now())"
    );
    let other = on_background(async move {
        other.batch_execute(&insert).await.unwrap();
        other
    });
    let repair = damaged
        .devflow(&["repair", "--applied", "2", "--ci", "--yes", "--json"])
        .spawn();
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'";
    wait_until("the insert waits for the other's", || {
        damaged.database.value(waits) != "0"
    });
    on_background(async move { other.batch_execute("COMMIT").await.unwrap() });
    let said = repair.wait().expect_error(1, "ledger_moving");
    assert!(said.contains("nothing was recorded"), "{said}");
    assert_eq!(damaged.last().summary(), "2 reverted");
}

#[test]
fn what_has_a_digest_is_recorded_as_approved_or_not_at_all() {
    let damaged = Damaged::half_done();
    let config = "version: \"1\"\ndatabase:\n  environments:\n    \
                  production: { url_env: DATABASE_URL, require_approval: plan }\n";
    damaged.project.write("devflow.yml", config);
    let verbs: [(&[&str], &str); 2] = [
        (&["repair", "--not-applied", "2"], "digest"),
        (&["baseline", "3"], "plan"),
    ];
    for (verb, key) in verbs {
        let shut = damaged
            .devflow(&[verb, &["--yes", "--json"]].concat())
            .run();
        assert!(
            shut.expect_error(7, "approval_required")
                .contains("--dry-run")
        );
        let plan = damaged
            .devflow(&[verb, &["--dry-run", "--json"]].concat())
            .run();
        let plan = plan.expect(0).json();
        let digest = plan[key].as_str().or(plan[key]["digest"].as_str()).unwrap();
        let before = damaged.database.ledger();
        let other = "0".repeat(64);
        let wrong = damaged.devflow(&[verb, &["--approve", &other, "--json"]].concat());
        let said = wrong.run().expect_error(7, "plan_changed");
        assert!(said.contains(digest), "{said}");
        assert_eq!(damaged.database.ledger(), before);
        let _done = damaged
            .devflow(&[verb, &["--approve", digest]].concat())
            .run()
            .expect(0);
        assert_eq!(damaged.last().run["approval"], "digest");
    }
    let last = damaged.database.events().split_off(5);
    assert_eq!(last, ["2 reverted", "2 baselined", "3 baselined"]);
}

#[test]
fn on_a_terminal_a_person_sees_before_and_after_first() {
    let damaged = Damaged::half_done();
    let config =
        "version: \"1\"\ndatabase:\n  environments:\n    staging: { url_env: DATABASE_URL }\n";
    damaged.project.write("devflow.yml", config);
    let ask = || {
        let asked = damaged
            .devflow(&["repair", "--applied", "2"])
            .spawn_on_terminal(100);
        asked.wait_for_stdout("Record 1 decision in the ledger?");
        assert!(asked.stdout().contains('→'), "{}", asked.stdout());
        asked
    };
    let mut asked = ask();
    asked.type_line("n");
    let _declined = asked.wait().expect(7);
    assert_eq!(damaged.last().event, "failed");
    let mut asked = ask();
    asked.type_line("y");
    let _done = asked.wait().expect(0);
    assert_eq!(damaged.last().event, "applied");
}
