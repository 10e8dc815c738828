//! A service that keeps links, and brings its own database schema.
//!
//! `example-service` migrates and serves; it is alive meanwhile, and ready afterwards. `example-service migrate` only
//! migrates, for a container's entrypoint or a release step, and takes what `devflow db migrate` takes. Both may run in any number at once: one of them applies what is pending, and the others wait for it.

mod links;
mod probes;
mod telemetry;

use anyhow::Context;
use clap::{Parser, Subcommand};
use devflow_cli::Embedded;
use devflow_runtime::{ErrorKind, Migrations, Migrator, embed_migrations};
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;
use tokio::sync::watch::{self, Receiver};
use tracing::{error, info};
use tracing_subscriber::filter::LevelFilter;

/// The files in `migrations/`: checked by the compiler, and part of this binary.
static MIGRATIONS: Migrations = embed_migrations!();

/// Keeps links. Reads DATABASE_URL or DATABASE_URL_FILE, and LISTEN_ADDR (127.0.0.1:3000).
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Applies pending migrations and exits; `migrate status` shows them, `migrate help` what else there is
    Migrate(Embedded),
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let log = match arguments.command {
        // The subcommand says on stderr itself what it does.
        Some(Command::Migrate(_)) => LevelFilter::OFF,
        None => LevelFilter::INFO,
    };
    let spans = telemetry::start(log);
    let outcome = match arguments.command {
        Some(Command::Migrate(command)) => {
            Ok(command.run(Migrator::new(&MIGRATIONS), database_url))
        }
        None => serve_until_signalled().await,
    };
    if let Some(spans) = spans {
        spans.shutdown()?;
    }
    outcome
}

/// Serves; a signal that ends the migrations is the exit code.
async fn serve_until_signalled() -> anyhow::Result<ExitCode> {
    let database_url = database_url()?;
    let signals = listen();
    match serve(&database_url, &signals).await {
        Err(error) if is_interrupted(&error) => {
            error!("{error:#}");
            Ok(ExitCode::from(128 + *signals.borrow()))
        }
        outcome => outcome.map(|()| ExitCode::SUCCESS),
    }
}

/// Whether a signal ended the migrations: what had not been committed is rolled back and recorded.
fn is_interrupted(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<devflow_runtime::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::Interrupted)
}

/// DATABASE_URL, or else what the file holds that DATABASE_URL_FILE names, as an orchestrator hands out its secrets. A URL
/// holds a password, and everybody may see a process's arguments.
fn database_url() -> anyhow::Result<String> {
    if let Ok(url) = std::env::var("DATABASE_URL") {
        return Ok(url);
    }
    let file = std::env::var("DATABASE_URL_FILE").ok();
    let file = file.context("DATABASE_URL is not set, nor is DATABASE_URL_FILE")?;
    let url = std::fs::read_to_string(file);
    let url = url.context("the file that DATABASE_URL_FILE names cannot be read")?;
    Ok(url.trim().to_owned())
}

/// Listens, applies what is pending, and then answers more than probes; until the first signal.
async fn serve(database_url: &str, signals: &Receiver<u8>) -> anyhow::Result<()> {
    let migration = Migrator::new(&MIGRATIONS).spawn(database_url)?;
    let routes = probes::around(links::routes(database_url)?, migration.watch());
    let address = std::env::var("LISTEN_ADDR").unwrap_or("127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    announce(&listener)?;
    let server = axum::serve(listener, routes).with_graceful_shutdown(first(signals.clone()));
    let server = tokio::spawn(server.into_future());
    let report = migration.wait_until(first(signals.clone())).await?;
    info!(applied = report.steps.len(), "the database is up to date");
    Ok(server.await??)
}

/// Says where the service listens, for port 0 leaves the choice to the system.
#[expect(
    clippy::print_stdout,
    reason = "the line is for whoever started the service"
)]
fn announce(listener: &TcpListener) -> anyhow::Result<()> {
    println!("listening on http://{}", listener.local_addr()?);
    Ok(())
}

/// Listens for signals from here on: one that comes while nobody waits for it, as between migrating and serving, would
/// otherwise be lost.
fn listen() -> Receiver<u8> {
    let (heard, signals) = watch::channel(0);
    tokio::spawn(async move { heard.send_replace(signalled().await) });
    signals
}

/// Completes once there has been a signal.
async fn first(mut signals: Receiver<u8>) {
    if signals.wait_for(|signal| *signal > 0).await.is_err() {
        std::future::pending().await
    }
}

/// Completes at Ctrl-C or, on Unix, SIGTERM, with the signal's number.
async fn signalled() -> u8 {
    tokio::select! {
        _ = ctrl_c() => 2,
        () = terminated() => 15,
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
