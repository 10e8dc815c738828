//! A service that has opened a connection of its own before it migrates.

use crate::MIGRATIONS;
use devflow_runtime::{Link, Migrator};
use tokio_postgres::{Client, Config};

/// Migrates over `client`, which was connected by `config`, directly and not through a pooler. It ends with the run.
///
/// # Errors
/// When it is in a transaction, or a migration fails.
pub async fn migrate(client: Client, config: &Config) -> anyhow::Result<()> {
    let migrator = Migrator::new(&MIGRATIONS);
    migrator.run_over(client, config, Link::Direct).await?;
    Ok(())
}
