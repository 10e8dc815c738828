//! sqlx's attribute: each test migrates a database of its own, which is dropped when it has passed.

#![cfg(feature = "history")]

use databases::QUESTION;
use sqlx::PgPool;

async fn body(pool: PgPool) {
    let rows = sqlx::query(QUESTION).fetch_all(&pool).await.unwrap();
    assert_eq!(rows.len(), 1);
}

databases::tests!([sqlx::test(migrations = "../target/corpora/history/migrations")] (pool: sqlx::PgPool) crate::body);
