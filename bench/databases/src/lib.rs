//! What every test of the comparison does, and 350 of them.

#![cfg(feature = "history")]

use devflow_runtime::{Migrations, Migrator, embed_migrations};

static MIGRATIONS: Migrations = embed_migrations!("../target/corpora/history/migrations");

/// The migrations of every test.
#[must_use]
pub fn migrator() -> Migrator {
    Migrator::new(&MIGRATIONS)
}

/// The server, and the database to start from.
///
/// # Panics
/// When it was not said.
#[must_use]
pub fn server() -> String {
    std::env::var("DATABASE_URL").expect("DATABASE_URL names the server")
}

/// A session on the database of this URL; it is over some time after the client is dropped.
///
/// # Panics
/// When there is none to be had.
pub async fn connect(url: &str) -> tokio_postgres::Client {
    let connected = tokio_postgres::connect(url, tokio_postgres::NoTls).await;
    let (client, connection) = connected.expect("the database can be connected to");
    tokio::spawn(connection);
    client
}

/// What a test asks of its database: something that only the last migrations can have left.
pub const QUESTION: &str = "SELECT count(*) FROM region_296_orders_states";

/// Writes 350 tests with this attribute, each of which hands its arguments to `$body`, an async function.
#[macro_export]
macro_rules! tests {
    ($attribute:tt ($($name:ident: $type:ty)?) $body:path) => {
        $crate::tests!(@groups $attribute ($($name: $type)?) $body; a b c d e f g);
    };
    (@groups $attribute:tt $arguments:tt $body:path; $($group:ident)*) => {
        $(mod $group { $crate::tests!(@tens $attribute $arguments $body; a b c d e); })*
    };
    (@tens $attribute:tt $arguments:tt $body:path; $($ten:ident)*) => {
        $(mod $ten { $crate::tests!(@ones $attribute $arguments $body; a b c d e f g h i j); })*
    };
    (@ones $attribute:tt $arguments:tt $body:path; $($one:ident)*) => {
        $($crate::tests!(@one $attribute $arguments $body; $one);)*
    };
    (@one $attribute:tt ($($name:ident: $type:ty)?) $body:path; $one:ident) => {
        # $attribute
        async fn $one($($name: $type)?) {
            $body($($name)?).await;
        }
    };
}
