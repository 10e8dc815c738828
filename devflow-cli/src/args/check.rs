//! Arguments of `devflow db check`.

use super::ProjectArguments;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) project: ProjectArguments,
    /// Compares with the branch that this one will be merged into, such as origin/main
    #[arg(long, value_name = "REVISION")]
    pub(crate) base: Option<String>,
    /// No colour; annotations in a job of GitHub Actions
    #[arg(long)]
    pub(crate) ci: bool,
}
