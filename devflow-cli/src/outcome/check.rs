//! What `devflow db check` came to.

use super::File;
use devflow_migrations::Effect;

/// What `devflow db check` came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Check {
    /// How many migrations there are, once they could be read.
    pub(crate) files: Option<usize>,
    /// The migrations that the base has not, where there is one.
    pub(crate) new: Vec<File>,
    /// What the statements of each of them do.
    pub(crate) effects: Vec<Vec<Effect>>,
    pub(crate) base: Option<Compared>,
}

/// The branch that was compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
    pub(crate) name: String,
    pub(crate) commit: String,
    /// The commit at which this branch left it.
    pub(crate) merge_base: String,
}
