//! Each test gets a copy of a database that was migrated once.

#![cfg(feature = "history")]

use databases::{QUESTION, connect, migrator, server};
use devflow_runtime::testing::TestDatabase;

async fn body() {
    let database = TestDatabase::create(&migrator(), &server()).await.unwrap();
    let client = connect(database.url()).await;
    assert_eq!(client.simple_query(QUESTION).await.unwrap().len(), 3);
}

databases::tests!([tokio::test] () crate::body);
