//! Behind a PgBouncer: nothing is applied that its pooled sessions could spoil, and the way past it is named.

use support::{Command, Pooler, Project, Server, TestDatabase};

const CONFIG: &str = "\
version: \"1\"
database:
  migrations: { pooler: warn }
  environments:
    staging: { url_env: DATABASE_URL, direct_url_env: DIRECT_URL }
";

fn project() -> Project {
    Project::new()
        .file("devflow.yml", CONFIG)
        .migration("1_a.sql", "CREATE TABLE a ();")
}

fn devflow(project: &Project, arguments: &[&str], url: &str) -> Command {
    let command = project.devflow(arguments).args(&["--ci", "--json"]);
    command.env("DATABASE_URL", url)
}

#[test]
fn where_the_policy_says_so_work_is_refused_behind_a_pooler() {
    for pool_mode in ["transaction", "session"] {
        let database = TestDatabase::create();
        let pooler = Pooler::start(Server::shared(), pool_mode);
        let url = pooler.url(&database.url());
        let project = project();
        project.write("devflow.yml", CONFIG.replace("warn", "refuse"));
        for _ in 0..3 {
            let outcome = devflow(&project, &["db", "migrate"], &url).run();
            let said = outcome.expect_error(2, "behind_pooler");
            assert!(said.contains("direct_url_env"), "{said}");
        }
        assert!(database.sessions() > 0, "the pooler keeps its sessions");
        assert_eq!(database.advisory_locks(), 0);
        assert!(!database.has("schema_migrations") && !database.has("a"));
        let statements = database.statements();
        let stray = ["pg_try_advisory_lock", "CREATE", "BEGIN", "SET SESSION"];
        let stray = statements
            .iter()
            .find(|sql| stray.iter().any(|word| sql.contains(word)));
        assert_eq!(stray, None);
    }
}

#[test]
fn what_writes_nothing_works_behind_a_pooler() {
    for pool_mode in ["transaction", "session"] {
        let database = TestDatabase::create();
        let pooler = Pooler::start(Server::shared(), pool_mode);
        let url = pooler.url(&database.url());
        let project = project();
        let direct = devflow(&project, &["db", "migrate"], &database.url());
        let _outcome = direct.run().expect(0);
        let _outcome = devflow(&project, &["db", "migrate"], &url).run().expect(0);
        project.write("migrations/2_b.sql", "CREATE TABLE b ();");
        let status = devflow(&project, &["db", "status"], &url).run().expect(0);
        assert_eq!(status.json()["counts"]["pending"], 1);
        let plan = devflow(&project, &["db", "migrate", "--dry-run"], &url);
        assert_eq!(
            plan.run().expect(0).json()["pending"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        assert_eq!(database.events(), ["1 applied"]);
    }
}

#[test]
fn a_direct_url_leads_past_the_pooler() {
    let database = TestDatabase::create();
    let pooler = Pooler::start(Server::shared(), "transaction");
    let url = pooler.url(&database.url());
    let project = project();
    let migrate = devflow(&project, &["db", "migrate", "--env", "staging"], &url);
    let outcome = migrate.env("DIRECT_URL", &database.url()).run().expect(0);
    assert!(
        outcome.stderr.contains("using DIRECT_URL, past the pooler"),
        "{}",
        outcome.stderr
    );
    assert_eq!(database.events(), ["1 applied"]);
}
