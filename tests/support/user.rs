//! Whom servers run as.

use rustix::process::geteuid;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
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

/// A folder that goes with its value, in memory where there is room.
pub(crate) fn temporary_folder(prefix: &str, user: Option<User>) -> std::io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    let directory = builder.tempdir_in(parent(user.is_some()))?;
    if let Some(user) = user {
        chown(directory.path(), Some(user.uid), Some(user.gid))?;
    }
    Ok(directory)
}

/// How much has to be free in memory: a run needs about a quarter of it.
const ROOM: u64 = 2 << 30;

/// A database is nine hundred files, and making them takes a disk five times as long. Elsewhere root's own temporary folder
/// may be closed to the user that the server runs as.
fn parent(runs_as_another: bool) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let free = rustix::fs::statvfs(memory).map_or(0, |it| it.f_bavail * it.f_frsize);
    match (free >= ROOM, runs_as_another) {
        (true, _) => memory.to_owned(),
        (false, true) => "/tmp".into(),
        (false, false) => std::env::temp_dir(),
    }
}
