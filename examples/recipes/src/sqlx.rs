//! sqlx.

use crate::MIGRATIONS;
use devflow_runtime::Migrator;
use sqlx::{ConnectOptions, PgPool};

/// Migrates, and opens a pool: one URL for both.
///
/// # Errors
/// When a migration fails, or the pool's first connection does.
pub async fn start(url: &str) -> anyhow::Result<PgPool> {
    Migrator::new(&MIGRATIONS).run(url).await?;
    Ok(PgPool::connect(url).await?)
}

/// Migrates the database of a pool that is there already. `options` and the name of the application are no part of what
/// sqlx gives back, and a client certificate is refused.
///
/// # Errors
/// When a migration fails.
pub async fn migrate(pool: &PgPool) -> anyhow::Result<()> {
    let url = pool.connect_options().to_url_lossy();
    Migrator::new(&MIGRATIONS).run(url.as_str()).await?;
    Ok(())
}
