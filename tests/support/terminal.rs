//! A terminal for a program to run on.

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;

/// Both ends of a pseudo-terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// What a person sees and types.
    pub(crate) screen: File,
    /// What the program has.
    pub(crate) line: File,
}

impl Terminal {
    /// A terminal with this many columns.
    ///
    /// # Panics
    /// When the system has none to give.
    pub(crate) fn open(columns: u16) -> Self {
        let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal is free");
        grantpt(&screen).expect("the terminal is ours");
        unlockpt(&screen).expect("the terminal is ours");
        let size = Winsize {
            ws_row: 50,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&screen, size).expect("a terminal has a size");
        let name = ptsname(&screen, Vec::new()).expect("a terminal has a name");
        let line = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlags::NOCTTY.bits().cast_signed())
            .open(OsStr::from_bytes(name.as_bytes()))
            .expect("the terminal can be opened");
        Self {
            screen: File::from(screen),
            line,
        }
    }
}
