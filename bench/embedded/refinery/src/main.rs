//! Applies the migrations that it embeds with refinery, as a service does when it starts.
//!
//! A feature names the corpus; without one it is the single migration beside this package, which builds from a clean clone.

use tokio_postgres::NoTls;

mod embedded {
    #[cfg(not(any(feature = "c100", feature = "c1000")))]
    refinery::embed_migrations!("./migrations");
    #[cfg(feature = "c100")]
    refinery::embed_migrations!("../../target/corpora/c100/refinery");
    #[cfg(feature = "c1000")]
    refinery::embed_migrations!("../../target/corpora/c1000/refinery");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL")?;
    let (mut client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let applied = embedded::migrations::runner()
        .run_async(&mut client)
        .await?;
    drop(applied);
    drop(client);
    connection.await??;
    Ok(())
}
