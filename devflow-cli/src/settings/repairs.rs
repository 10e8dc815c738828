//! What the arguments of `repair` decide.

use crate::args::RepairArguments;
use crate::outcome::Trouble;
use clap::Args;
use devflow_runtime::{Decision, Version};

/// Every decision, oldest version first, each version once.
pub(super) fn repairs<D: Args>(
    arguments: &RepairArguments<D>,
) -> Result<Vec<devflow_runtime::Repair>, Trouble> {
    let named = [
        (Decision::Applied, &arguments.applied),
        (Decision::NotApplied, &arguments.not_applied),
        (Decision::Checksum, &arguments.checksum),
    ];
    let mut repairs = Vec::new();
    for (decision, versions) in named {
        let decided = |version: &Version| devflow_runtime::Repair {
            version: version.clone(),
            decision,
        };
        repairs.extend(versions.iter().map(decided));
    }
    repairs.sort_by(|a, b| a.version.cmp(&b.version));
    match repairs
        .windows(2)
        .find(|pair| pair[0].version == pair[1].version)
    {
        None => Ok(repairs),
        Some(pair) => {
            let message = format!("version {} is named twice", pair[0].version);
            Err(Trouble::usage("decided_twice", message).help("decide once for each version"))
        }
    }
}
