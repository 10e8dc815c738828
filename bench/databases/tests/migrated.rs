//! Each test migrates a database of its own, and drops it.

#![cfg(feature = "history")]

use databases::{QUESTION, connect, migrator, server};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

static NUMBER: AtomicUsize = AtomicUsize::new(0);

async fn body() {
    let keeper = connect(&server()).await;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("migrated_{}_{number}", std::process::id());
    let create = format!("CREATE DATABASE {name}");
    keeper.simple_query(&create).await.unwrap();
    let (server, _) = server()
        .rsplit_once('/')
        .map(|(server, database)| (server.to_owned(), database.to_owned()))
        .unwrap();
    let url = format!("{server}/{name}");
    migrator().run(&url).await.unwrap();
    let client = connect(&url).await;
    assert_eq!(client.simple_query(QUESTION).await.unwrap().len(), 3);
    drop(client);
    // The server looks only ten times a second whether a session is over that stands in a DROP's way.
    let sessions = format!("SELECT FROM pg_stat_activity WHERE datname = '{name}'");
    while !keeper.query(&sessions, &[]).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let drop = format!("DROP DATABASE {name}");
    keeper.simple_query(&drop).await.unwrap();
}

databases::tests!([tokio::test] () crate::body);
