//! Arguments of the commands that show the ledger.

use super::{DatabaseArguments, version};
use clap::Args;
use clap::builder::{RangedU64ValueParser, TypedValueParser};
use devflow_runtime::Version;

#[derive(Debug, Clone, Args)]
pub(crate) struct ShowArguments<D: Args = DatabaseArguments> {
    /// The version, or the file's name
    #[arg(value_parser = version)]
    pub(crate) version: Version,
    #[command(flatten)]
    pub(crate) database: D,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct LogArguments<D: Args = DatabaseArguments> {
    #[command(flatten)]
    pub(crate) database: D,
    /// Shows at most this many rows
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = rows())]
    pub(crate) limit: usize,
}

fn rows() -> impl TypedValueParser<Value = usize> {
    RangedU64ValueParser::new().range(1..=1_000_000)
}
