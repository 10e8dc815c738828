//! Applies the migrations that it embeds with devflow, as a service does when it starts.
//!
//! A feature names the corpus; without one it is the single migration beside this package, which builds from a clean clone.

use devflow_runtime::{Migrations, Migrator, embed_migrations};

#[cfg(not(any(feature = "c100", feature = "c1000")))]
static MIGRATIONS: Migrations = embed_migrations!("migrations");
#[cfg(feature = "c100")]
static MIGRATIONS: Migrations = embed_migrations!("../../target/corpora/c100/migrations");
#[cfg(feature = "c1000")]
static MIGRATIONS: Migrations = embed_migrations!("../../target/corpora/c1000/migrations");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL")?;
    Migrator::new(&MIGRATIONS).run(&url).await?;
    Ok(())
}
