//! Groups in the log of a GitHub Actions runner, which folds them.

use crate::human::line;

/// The group that is open, if any; its commands hold nothing that others wrote.
#[derive(Debug, Default)]
pub(super) struct Group {
    title: String,
    is_open: bool,
}

impl Group {
    /// Names the groups that follow after what is done to so many migrations.
    pub(super) fn entitle(&mut self, doing: &str, migrations: usize) {
        self.title = format!("{doing} {}", line::count(migrations, "migration"));
    }

    /// The command that opens a group, unless one is open.
    pub(super) fn open(&mut self) -> String {
        match std::mem::replace(&mut self.is_open, true) {
            true => String::new(),
            false => format!("::group::{}\n", self.title),
        }
    }

    /// The command that closes the group that is open.
    pub(super) fn close(&mut self) -> String {
        match std::mem::take(&mut self.is_open) {
            true => "::endgroup::\n".to_owned(),
            false => String::new(),
        }
    }
}
