//! Arguments of `devflow db check`.

use super::ProjectArguments;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) project: ProjectArguments,
    /// Compares with the branch that this one will be merged into, such as origin/main
    #[arg(long, value_name = "REVISION")]
    pub(crate) base: Option<String>,
    /// Compares with the list that is embedded in this executable: it must be what the directory holds
    #[arg(long, value_name = "FILE", conflicts_with = "base")]
    pub(crate) binary: Option<PathBuf>,
    /// No colour; annotations in a job of GitHub Actions
    #[arg(long)]
    pub(crate) ci: bool,
}
