//! diesel, with diesel-async's pool.

use crate::MIGRATIONS;
use devflow_runtime::Migrator;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::deadpool::Pool;

/// Migrates, and opens a pool: one URL for both.
///
/// # Errors
/// When a migration fails, or the pool cannot be built.
pub async fn start(url: &str) -> anyhow::Result<Pool<AsyncPgConnection>> {
    Migrator::new(&MIGRATIONS).run(url).await?;
    let manager = AsyncDieselConnectionManager::new(url);
    Ok(Pool::builder(manager).build()?)
}
