//! Undoing migrations by their down files.

use crate::gate::{GATE, Gate, wait_until_asleep};
use crate::history::{assert_agree, assert_free, assert_sound, table};
use support::{Command, Project, Signal, TestDatabase, wait_until};

struct Reversible {
    project: Project,
    database: TestDatabase,
}

impl Reversible {
    /// Three migrations with their down files, applied.
    fn applied() -> Self {
        let project = (1..=3).fold(Project::new(), |project, number| {
            project
                .migration(&format!("{number}_m.up.sql"), &table(number))
                .migration(&format!("{number}_m.down.sql"), &down(number))
        });
        let reversible = Self {
            project,
            database: TestDatabase::create(),
        };
        let _done = reversible.devflow(&["migrate", "--ci"]).run().expect(0);
        reversible
    }

    fn devflow(&self, arguments: &[&str]) -> Command {
        let command = self.project.devflow(&["db"]).args(arguments);
        command.env("DATABASE_URL", &self.database.url())
    }

    fn write_down(&self, number: usize, sql: &str) {
        let path = format!("migrations/{number}_m.down.sql");
        self.project.write(&path, sql);
    }

    fn digest(&self, arguments: &[&str]) -> String {
        let plan = self.devflow(&[arguments, &["--dry-run", "--json"]].concat());
        let plan = plan.run().expect(0).json();
        plan["plan"]["digest"].as_str().unwrap().to_owned()
    }

    /// The ledger's events beyond the three with which it began.
    fn events(&self) -> Vec<String> {
        self.database.events().split_off(3)
    }
}

fn down(number: usize) -> String {
    format!("DROP TABLE public.m_{number};\n")
}

#[test]
fn the_newest_is_undone_and_pending_again() {
    let old = Reversible::applied();
    let shown = old.devflow(&["revert", "--dry-run"]).run().expect(0).stdout;
    assert!(shown.contains("- 3_m.down.sql"), "{shown}");
    assert!(old.events().is_empty() && old.database.has("m_3"));

    let done = old.devflow(&["revert", "--json"]).run().expect(0).json();
    assert_eq!(done["reverted"][0]["file"], "3_m.down.sql");
    assert_eq!(old.events(), ["3 reverted"]);
    let row = old.database.ledger().pop().unwrap();
    assert_eq!(row.name.as_deref(), Some("3_m.down.sql"));
    assert_eq!(
        row.checksum.as_deref(),
        done["reverted"][0]["checksum"].as_str()
    );
    assert!(row.execution_ms.is_some());
    assert_sound(&old.database);

    let status = old.devflow(&["status", "--json"]).run().expect(0).json();
    assert_eq!(status["migrations"][2]["state"], "pending");
    let again = old.devflow(&["migrate", "--ci"]).run().expect(0).stdout;
    assert!(again.contains("1 migration applied"), "{again}");
    assert_eq!(old.events(), ["3 reverted", "3 applied"]);
    assert_agree(&old.database);
}

#[test]
fn all_that_are_newer_than_a_version_are_undone_newest_first() {
    let old = Reversible::applied();
    let done = old.devflow(&["revert", "--to", "1"]).run().expect(0).stdout;
    assert!(done.contains("2 migrations reverted"), "{done}");
    assert_eq!(old.events(), ["3 reverted", "2 reverted"]);
    assert_sound(&old.database);
    let nothing = old.devflow(&["revert", "--to", "1"]).run().expect(0).stdout;
    assert!(nothing.contains("Nothing to revert"), "{nothing}");
    let _all = old.devflow(&["revert", "--to", "0"]).run().expect(0);
    assert_eq!(old.events(), ["3 reverted", "2 reverted", "1 reverted"]);
    assert!(!old.database.has("m_1"));
    let _none = old.devflow(&["revert"]).run().expect(0);
    let unknown = old.devflow(&["revert", "--to", "7", "--json"]).run();
    assert!(
        unknown
            .expect_error(2, "unknown_version")
            .contains("the newest is 3")
    );
}

#[test]
fn nothing_is_undone_when_one_of_them_cannot_be() {
    let old = Reversible::applied();
    old.project.remove("migrations/1_m.down.sql");
    old.write_down(2, "-- devflow: no-transaction\nDROP TABLE public.m_2;\n");
    old.project.write("migrations/3_m.up.sql", "SELECT 3;\n");
    for mode in [&[][..], &["--dry-run"]] {
        let revert = old.devflow(&[&["revert", "--to", "0", "--json"], mode].concat());
        let refused = revert.run().expect(4).json();
        let findings = refused["findings"].as_array().unwrap().iter();
        let codes: Vec<_> = findings.map(|finding| finding["code"].clone()).collect();
        assert_eq!(
            codes,
            ["modified", "down_outside_transaction", "no_down_file"]
        );
    }
    old.project.remove("migrations/3_m.up.sql");
    old.project.remove("migrations/3_m.down.sql");
    let refused = old.devflow(&["revert"]).run().expect(4).stderr;
    assert!(refused.contains("nothing was reverted"), "{refused}");
    assert!(
        refused.contains("3_m.up.sql is applied, and its file is not here"),
        "{refused}"
    );
    assert!(old.events().is_empty());
    assert_agree(&old.database);
}

#[test]
fn a_down_file_that_fails_is_rolled_back_and_its_migration_stays_applied() {
    let old = Reversible::applied();
    old.write_down(2, "DROP TABLE public.m_2;\nDROP TABLE public.nothing;\n");
    let failed = old.devflow(&["revert", "--to", "1", "--json"]).run();
    let failed = failed.expect(1).json();
    assert_eq!(failed["reverted"][0]["version"], "3");
    assert_eq!(failed["pending"][0]["version"], "2");
    let failure = &failed["failure"];
    assert_eq!(failure["file"], "2_m.down.sql");
    assert_eq!([&failure["line"], &failure["statement"]], [2, 2]);
    assert_eq!(failure["sqlstate"], "42P01");
    assert_eq!(old.events(), ["3 reverted"]);
    assert_sound(&old.database);
    let said = old.devflow(&["revert"]).run().expect(1).stderr;
    assert!(
        said.contains("the ledger still has its migration as applied"),
        "{said}"
    );
    old.write_down(2, &down(2));
    let _done = old.devflow(&["revert"]).run().expect(0);
    assert_sound(&old.database);
}

#[test]
fn a_revert_that_dies_in_the_middle_leaves_ledger_and_schema_in_agreement() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::KILL, 137)] {
        let old = Reversible::applied();
        old.write_down(2, &format!("{}SELECT pg_sleep(60);\n", down(2)));
        let running = old.devflow(&["revert", "--to", "0", "--ci"]).spawn();
        wait_until_asleep(&old.database);
        running.signal(signal);
        let _ended = running.wait().expect(code);
        assert_free(&old.database);
        assert_eq!(old.events(), ["3 reverted"]);
        assert_agree(&old.database);
        old.write_down(2, &down(2));
        let _done = old.devflow(&["revert", "--to", "0"]).run().expect(0);
        assert_eq!(old.events(), ["3 reverted", "2 reverted", "1 reverted"]);
    }
}

#[test]
fn of_two_reverts_at_once_the_second_undoes_nothing_that_it_did_not_see() {
    let old = Reversible::applied();
    old.write_down(3, &format!("{GATE}{}", down(3)));
    let gate = Gate::shut(&old.database);
    let first = old.devflow(&["revert", "--ci"]).spawn();
    gate.wait_until_reached(&old.database);
    let second = old.devflow(&["revert", "--ci", "--json"]).spawn();
    second.wait_for_stderr("waiting for another run");
    drop(gate);
    let _done = first.wait().expect(0);
    let overtaken = second.wait().expect_error(7, "plan_changed");
    assert!(overtaken.contains("revert --dry-run"), "{overtaken}");
    assert_eq!(old.events(), ["3 reverted"]);
    assert_sound(&old.database);
}

#[test]
fn a_guarded_environment_is_reverted_as_approved_or_not_at_all() {
    let guarded = |approval: &str| {
        let old = Reversible::applied();
        let config = format!(
            "version: \"1\"\ndatabase:\n  environments:\n    \
             production: {{ url_env: DATABASE_URL, require_approval: {approval} }}\n"
        );
        old.project.write("devflow.yml", config);
        old
    };
    let old = guarded("plan");
    let shut = old.devflow(&["revert", "--json"]).run();
    assert!(
        shut.expect_error(7, "approval_required")
            .contains("devflow db revert")
    );
    let digest = old.digest(&["revert"]);
    assert_ne!(digest, old.digest(&["migrate"]));
    let wrong = old.devflow(&["revert", "--to", "1", "--approve", &digest]);
    let _shut = wrong.run().expect(7);
    assert!(old.events().is_empty());
    let _done = old
        .devflow(&["revert", "--approve", &digest])
        .run()
        .expect(0);
    assert_eq!(old.events(), ["3 reverted"]);
    let approval = old.database.ledger().pop().unwrap().run["approval"].clone();
    assert_eq!(approval, "digest");
    // What was approved once is done once.
    let _shut = old
        .devflow(&["revert", "--approve", &digest])
        .run()
        .expect(7);

    let old = guarded("true");
    let _shut = old.devflow(&["revert", "--yes"]).run().expect(7);
    let mut asked = old.devflow(&["revert"]).spawn_on_terminal(80);
    asked.wait_for_stdout("Revert 1 migration?");
    asked.type_line("production");
    let _done = asked.wait().expect(0);
    wait_until("it is reverted", || old.events() == ["3 reverted"]);
}
