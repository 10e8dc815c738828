//! The server's log, cut into entries.

use std::fs;
use std::path::Path;

/// One entry of the server's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The process that wrote it.
    pub pid: u32,
    /// The session's application name at that moment; `[unknown]` before it is known.
    pub application: String,
    /// From the level on: `LOG:  statement: SELECT 1`. Later lines of a statement follow as they were sent.
    pub message: String,
}

impl LogEntry {
    /// The SQL text of a message that a client sent; `None` for entries of other kinds.
    #[must_use]
    pub fn statement(&self) -> Option<&str> {
        let logged = self.message.strip_prefix("LOG:  ")?;
        logged.strip_prefix("statement: ").or_else(|| {
            logged
                .strip_prefix("execute ")?
                .split_once(": ")
                .map(|(_, sql)| sql)
        })
    }
}

/// The entries about one database, oldest first. The log's prefix is that of the supervisor's settings.
pub(crate) fn entries(log: &Path, database: &str) -> Vec<LogEntry> {
    let text = fs::read(log).expect("the server's log can be read");
    let text = String::from_utf8_lossy(&text);
    let mut entries: Vec<(bool, LogEntry)> = Vec::new();
    for line in text.lines() {
        // PostgreSQL begins the further lines of an entry with a tab.
        match (line.strip_prefix('\t'), parse(line)) {
            (None, Some((of, entry))) => entries.push((of == database, entry)),
            (further, _) => {
                if let Some((_, entry)) = entries.last_mut() {
                    entry.message.push('\n');
                    entry.message.push_str(further.unwrap_or(line));
                }
            }
        }
    }
    let ours = entries.into_iter().filter(|(ours, _)| *ours);
    ours.map(|(_, entry)| entry).collect()
}

/// `2026-01-31 09:05:07.123 UTC [42] db=NAME app=NAME | LOG:  …`
fn parse(line: &str) -> Option<(&str, LogEntry)> {
    let (prefix, message) = line.split_once(" | ")?;
    let (prefix, application) = prefix.split_once(" app=")?;
    let (prefix, database) = prefix.split_once(" db=")?;
    let pid = prefix.rsplit_once('[')?.1.strip_suffix(']')?.parse().ok()?;
    let entry = LogEntry {
        pid,
        application: application.to_owned(),
        message: message.to_owned(),
    };
    Some((database, entry))
}
