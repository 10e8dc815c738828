//! What a migration waits for, and who is in its way.

use crate::shown::shown;
use std::fmt;
use std::time::Duration;

/// A lock that a migration waits for, and the sessions in its way, as far as the role may see.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockWait {
    /// What is to be locked, as `pg_locks` calls it: `relation`, `transactionid`, `virtualxid` …
    pub kind: String,
    /// How: `ACCESS EXCLUSIVE`, `SHARE` …
    pub mode: String,
    /// The table or index, where it is one.
    pub table: Option<String>,
    /// The sessions in its way.
    pub blockers: Vec<Blocker>,
}

/// A session in the way of a migration. What the role may not see is empty or `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocker {
    /// The server process; 0 for a prepared transaction, which has none.
    pub pid: i32,
    /// Its `application_name`.
    pub application: String,
    /// Its role.
    pub role: String,
    /// `active`, `idle in transaction` …
    pub state: Option<String>,
    /// How long its transaction has been going on.
    pub transaction_age: Option<Duration>,
    /// The beginning of its current or last statement. It can hold row data: shown to the one who runs, never stored.
    pub query: Option<String>,
}

impl LockWait {
    /// Whether it is the same wait, however old it is by now.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let pids = |wait: &Self| -> Vec<_> { wait.blockers.iter().map(|one| one.pid).collect() };
        let lock = |wait: &Self| (wait.kind.clone(), wait.mode.clone(), wait.table.clone());
        lock(self) == lock(other) && pids(self) == pids(other)
    }
}

/// `AccessExclusiveLock` as SQL spells it.
pub(crate) fn mode(name: &str) -> String {
    let mut words = String::new();
    for letter in name.strip_suffix("Lock").unwrap_or(name).chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_uppercase());
    }
    words
}

impl fmt::Display for LockWait {
    /// What others wrote is made harmless: anybody may call a session or a table anything. `{:#}` shows the sessions'
    /// statements as well.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, mode, .. } = self;
        let table = self.table.as_deref().map(shown);
        match (kind.as_str(), table) {
            ("relation", Some(table)) => write!(f, "{mode} on {table}")?,
            (_, Some(table)) => write!(f, "{mode} on a {kind} of {table}")?,
            ("transactionid" | "virtualxid", None) => write!(f, "another transaction to end")?,
            (_, None) => write!(f, "{mode} on a lock of the kind {kind}")?,
        }
        for (index, blocker) in self.blockers.iter().enumerate() {
            let before = if index == 0 { ", held by" } else { ";" };
            f.write_str(before)?;
            f.write_str(" ")?;
            blocker.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return f.write_str("a prepared transaction");
        }
        write!(f, "server process {}", self.pid)?;
        if !self.application.is_empty() {
            write!(f, " ({})", shown(&self.application))?;
        }
        if !self.role.is_empty() {
            write!(f, ", role {}", shown(&self.role))?;
        }
        if let Some(state) = &self.state {
            write!(f, ", {}", shown(state))?;
        }
        if let Some(age) = self.transaction_age {
            write!(f, ", in a transaction since {}", Age(age))?;
        }
        match &self.query {
            Some(query) if f.alternate() => {
                write!(f, ": {}", shown(&one_line(query)))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn one_line(query: &str) -> String {
    query.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A duration in its largest whole unit.
struct Age(Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            seconds @ ..120 => write!(f, "{seconds} s"),
            seconds @ ..7200 => write!(f, "{} min", seconds / 60),
            seconds => write!(f, "{} h", seconds / 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_says_what_for_and_who_is_in_the_way() {
        let blocker = Blocker {
            pid: 123,
            application: "psql\u{1b}".to_owned(),
            role: "app".to_owned(),
            state: Some("idle in transaction".to_owned()),
            transaction_age: Some(Duration::from_secs(725)),
            query: Some("SELECT *\n  FROM users".to_owned()),
        };
        let unseen = Blocker {
            pid: 124,
            application: String::new(),
            role: String::new(),
            state: None,
            transaction_age: None,
            query: None,
        };
        let wait = LockWait {
            kind: "relation".to_owned(),
            mode: mode("AccessExclusiveLock"),
            table: Some("public.users".to_owned()),
            blockers: vec![blocker, unseen],
        };
        assert_eq!(
            format!("{wait:#}"),
            "ACCESS EXCLUSIVE on public.users, held by server process 123 (psql\\u{1b}), role app, idle in transaction, \
             in a transaction since 12 min: SELECT * FROM users; server process 124"
        );
        assert!(!wait.to_string().contains("SELECT"), "{wait}");
        let other = LockWait {
            kind: "virtualxid".to_owned(),
            mode: mode("ShareLock"),
            table: None,
            blockers: Vec::new(),
        };
        assert_eq!(other.to_string(), "another transaction to end");
        assert!(wait.is_like(&wait) && !wait.is_like(&other));
    }
}
