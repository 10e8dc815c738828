//! Whom servers run as.

use rustix::process::geteuid;
use std::os::unix::fs::chown;
use std::process::Command;
use tempfile::TempDir;

/// Whom a server runs as where this process is root, which PostgreSQL and PgBouncer refuse to be.
#[derive(Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl User {
    pub(crate) fn other_than_root() -> Result<Option<Self>, String> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| {
                let uid = id("-u", name)?;
                Some(Self {
                    uid,
                    gid: id("-g", name)?,
                })
            })
            .map(Some)
            .ok_or_else(|| {
                "PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`"
                    .to_owned()
            })
    }
}

fn id(which: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([which, name]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// Root's own temporary folder may be closed to the user that the server runs as.
pub(crate) fn temporary_folder(prefix: &str, user: Option<User>) -> std::io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    match user {
        None => builder.tempdir(),
        Some(user) => {
            let directory = builder.tempdir_in("/tmp")?;
            chown(directory.path(), Some(user.uid), Some(user.gid))?;
            Ok(directory)
        }
    }
}
