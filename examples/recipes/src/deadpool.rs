//! deadpool-postgres.

use crate::MIGRATIONS;
use deadpool_postgres::{Manager, Pool};
use devflow_runtime::Migrator;
use tokio_postgres::{Config, NoTls};

/// Migrates, and opens a pool: one configuration for both.
///
/// # Errors
/// When a migration fails, or the pool cannot be built.
pub async fn start(config: Config) -> anyhow::Result<Pool> {
    Migrator::new(&MIGRATIONS).run_on(&config).await?;
    let manager = Manager::new(config, NoTls);
    Ok(Pool::builder(manager).build()?)
}
