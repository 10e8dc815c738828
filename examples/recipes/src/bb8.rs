//! bb8, with bb8-postgres.

use crate::MIGRATIONS;
use bb8::Pool;
use bb8_postgres::PostgresConnectionManager;
use devflow_runtime::Migrator;
use tokio_postgres::{Config, NoTls};

/// Migrates, and opens a pool: one configuration for both.
///
/// # Errors
/// When a migration fails, or the pool's first connection does.
pub async fn start(config: Config) -> anyhow::Result<Pool<PostgresConnectionManager<NoTls>>> {
    Migrator::new(&MIGRATIONS).run_on(&config).await?;
    let manager = PostgresConnectionManager::new(config, NoTls);
    Ok(Pool::builder().build(manager).await?)
}
