//! A plan that is written to a file, or read from one.

use clap::Args;
use std::path::PathBuf;

/// What every command takes whose plan can be handed over.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PlanFileArguments {
    /// Writes the plan that --dry-run shows to FILE, for --plan
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    pub(crate) out: Option<PathBuf>,
    /// Does exactly what FILE names, which --out wrote, or nothing, and says what differs
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) plan: Option<PathBuf>,
}
