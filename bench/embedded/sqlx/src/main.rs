//! Applies the migrations that it embeds with sqlx, as a service does when it starts.
//!
//! A feature names the corpus; without one it is the single migration beside this package, which builds from a clean clone.

use sqlx::PgPool;
use sqlx::migrate::Migrator;

#[cfg(not(any(feature = "c100", feature = "c1000")))]
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");
#[cfg(feature = "c100")]
static MIGRATIONS: Migrator = sqlx::migrate!("../../target/corpora/c100/migrations");
#[cfg(feature = "c1000")]
static MIGRATIONS: Migrator = sqlx::migrate!("../../target/corpora/c1000/migrations");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL")?;
    let pool = PgPool::connect(&url).await?;
    MIGRATIONS.run(&pool).await?;
    pool.close().await;
    Ok(())
}
