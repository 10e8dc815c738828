//! Behind a pooler, whose connections to the server are older than the run that they serve.

use crate::interruption::{GATED, gated, hold, wait_until_gated};
use crate::scene::Scene;
use support::{Pooler, Server, Signal, SupabaseCli};

/// A pooler that has opened every connection that a run will use.
fn warm_pooler(scene: &Scene) -> Pooler {
    let pooler = Pooler::start(Server::shared(), "transaction");
    let url = pooler.url(&scene.database.url());
    let _all: Vec<_> = (0..3).map(|_| hold(&url, "SELECT 1")).collect();
    pooler
}

#[test]
fn a_signal_ends_what_the_cli_does_on_a_connection_that_is_older_than_the_run() {
    for cli in SupabaseCli::ALL {
        let (scene, keeper) = gated(cli);
        let pooler = warm_pooler(&scene);
        let url = pooler.url(scene.url());
        let migrate = || scene.migrate().env("DATABASE_URL", &url);
        let mut run = migrate().spawn();
        wait_until_gated(&scene, &mut run);
        run.signal(Signal::TERM);
        let report = run.wait().expect(143).json();
        assert_eq!(report["failure"]["file"], GATED.0, "{report:#}");
        drop(keeper);
        assert!(!scene.database.has("made"));
        assert_eq!(scene.events(), ["20240102000000 failed"]);
        let _done = migrate().run().expect(0);
        assert_eq!(scene.recorded().len(), 2);
    }
}

/// The CLI's name is lost with the pooler, so that it is known by what it runs.
#[test]
fn after_a_kill_the_next_run_waits_for_what_the_server_was_sent() {
    let (scene, keeper) = gated(SupabaseCli::Current);
    let pooler = warm_pooler(&scene);
    let url = pooler.url(scene.url());
    let migrate = || scene.migrate().env("DATABASE_URL", &url);
    let mut killed = migrate().spawn();
    wait_until_gated(&scene, &mut killed);
    killed.signal(Signal::KILL);
    let next = migrate().spawn();
    next.wait_for_stderr("server process");
    drop(keeper);
    let report = next.wait().expect(0).json();
    assert_eq!(report["applied"][0]["file"], "20240103000000_next.sql");
    assert_eq!(scene.database.value("SELECT count(*) FROM gate"), "1");
}
