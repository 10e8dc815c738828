//! What the integration tests stand on: PostgreSQL servers, databases, a proxy, processes and golden files.
//!
//! A test takes a [`TestDatabase`] of its own from the server that all tests of a run share, so that all of them run in
//! parallel. [`PrivateServer`] is for those that stop, pause or configure a server. Whatever is missing on the machine
//! is a failed test that says what to install, never a test left out.

mod actions;
mod background;
mod cargo;
mod certificate;
mod chain;
mod command;
mod database;
mod golden;
mod installation;
mod ledger;
mod log;
mod pair;
mod pooler;
mod port;
mod private_server;
mod process;
mod programs;
mod project;
mod promise;
mod proxy;
mod published;
mod run;
mod schema;
mod server;
mod supabase;
pub mod supervisor;
mod terminal;
mod user;
mod wait;
mod wire;

pub use actions::{Actions, CompositeAction, JobRun, StepRun, Verdict};
pub use background::on_background;
pub use cargo::cargo;
pub use certificate::{Authority, Certificate};
pub use command::{Command, Outcome, Running};
pub use database::TestDatabase;
pub use golden::{assert_golden, compare_golden};
pub use installation::Installation;
pub use ledger::LedgerRow;
pub use log::LogEntry;
pub use pair::Pair;
pub use pooler::Pooler;
pub use private_server::{Paused, PrivateServer};
pub use process::Process;
pub use programs::{Program, program};
pub use project::Project;
pub use proxy::{Counts, Cut, Proxy};
pub use published::published_files;
pub use rustix::process::Signal;
pub use schema::validate;
pub use server::{Server, ServerOptions};
pub use supabase::SupabaseCli;
pub use wait::{wait_until, wait_until_within};
