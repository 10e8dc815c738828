//! SeaORM.

use crate::MIGRATIONS;
use devflow_runtime::Migrator;
use sea_orm::{Database, DatabaseConnection};

/// Migrates, and connects: one URL for both.
///
/// # Errors
/// When a migration fails, or the connection does.
pub async fn start(url: &str) -> anyhow::Result<DatabaseConnection> {
    Migrator::new(&MIGRATIONS).run(url).await?;
    Ok(Database::connect(url).await?)
}
