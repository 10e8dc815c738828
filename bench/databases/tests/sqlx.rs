//! sqlx's attribute: each test migrates a database of its own, which is dropped when it has passed.

#![cfg(feature = "history")]

use databases::QUESTION;
use sqlx::PgPool;

async fn body(pool: PgPool) {
    let rows = sqlx::query(QUESTION).fetch_all(&pool).await.unwrap();
    assert_eq!(rows.len(), 1);
}

macro_rules! tests {
    (groups: $($group:ident)*) => {
        $(mod $group { tests!(tens: a b c d e); })*
    };
    (tens: $($ten:ident)*) => {
        $(mod $ten { tests!(ones: a b c d e f g h i j); })*
    };
    (ones: $($one:ident)*) => {
        $(#[sqlx::test(migrations = "../target/corpora/history/migrations")]
        async fn $one(pool: sqlx::PgPool) {
            crate::body(pool).await;
        })*
    };
}

tests!(groups: a b c d e f g);
