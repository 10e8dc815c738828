//! A PgBouncer that one test has for itself.

use crate::port::free_port;
use crate::process::Process;
use crate::server::Server;
use crate::user::{User, temporary_folder};
use crate::wait::wait_until;
use rustix::process::Signal;
use std::fs;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use url::Url;

/// A PgBouncer in front of a server, stopped when the value is dropped.
#[derive(Debug)]
pub struct Pooler {
    child: Child,
    port: u16,
    _directory: TempDir,
}

const INSTALL: &str = "no pgbouncer was found. Install it: Debian and Ubuntu: apt-get install pgbouncer; \
    macOS: brew install pgbouncer";

impl Pooler {
    /// Starts PgBouncer with this `pool_mode` in front of a server, and waits until it listens.
    ///
    /// # Panics
    /// When it is not installed, or does not start.
    #[must_use]
    pub fn start(server: &Server, pool_mode: &str) -> Self {
        Self::start_with(server, &[("pool_mode", pool_mode)])
    }

    /// Starts PgBouncer with these settings in front of a server, and waits until it listens.
    ///
    /// # Panics
    /// When it is not installed, or does not start.
    #[must_use]
    pub fn start_with(server: &Server, settings: &[(&str, &str)]) -> Self {
        let user = User::other_than_root().unwrap_or_else(|message| panic!("{message}"));
        let directory =
            temporary_folder("devflow-pooler-", user).expect("a temporary folder can be made");
        let port = free_port().expect("a free port");
        let file = directory.path().join("pgbouncer.ini");
        fs::write(&file, file_of(server, settings, port)).expect("a file can be written");
        let mut command = Command::new(find());
        command.arg(&file).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
        let pooler = Self {
            child: command.spawn().expect("pgbouncer can be run"),
            port,
            _directory: directory,
        };
        wait_until("PgBouncer listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        pooler
    }

    /// The same URL, through the pooler.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let mut url = Url::parse(url).expect("the tests' URLs are URLs");
        let _fits = url.set_host(Some("127.0.0.1"));
        let _fits = url.set_port(Some(self.port));
        url.into()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        Process::new(self.child.id()).signal(Signal::QUIT);
        let _status = self.child.wait();
    }
}

/// What is set twice is as it was set last.
fn file_of(server: &Server, settings: &[(&str, &str)], port: u16) -> String {
    let (host, server_port) = server.address();
    let own = format!(
        "[databases]\n* = host={host} port={server_port} user=postgres\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = any\ndefault_pool_size = 3\n"
    );
    let lines = settings
        .iter()
        .map(|(name, value)| format!("{name} = {value}\n"));
    own + &lines.collect::<String>()
}

fn find() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Debian puts it where an ordinary user's PATH does not lead.
    folders.extend(["/usr/sbin", "/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from));
    let mut programs = folders.iter().map(|folder| folder.join("pgbouncer"));
    programs
        .find(|program| Path::is_file(program))
        .unwrap_or_else(|| panic!("{INSTALL}"))
}
