//! A run's identity: what the ledger, the lock's holder and the log call it.

use crate::migrator::Migrator;
use serde_json::Value;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A run's identity.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// 16 hex digits.
    pub(crate) id: String,
    /// `devflow <run> <host> <start>`, in at most 63 bytes.
    pub(crate) application_name: String,
    /// The ledger's `run` column.
    pub(crate) json: String,
}

/// PostgreSQL cuts names after this many bytes.
const NAME_BYTES: usize = 63;

impl Run {
    pub(crate) fn new(migrator: &Migrator) -> Self {
        let id = format!("{:016x}", random());
        let host = whoami::hostname().unwrap_or_else(|_| "unknown".to_owned());
        let start = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let actor = migrator.actor.clone().unwrap_or_default();
        let environment = Some(migrator.environment.clone()).filter(|name| !name.is_empty());
        let claims = [
            ("id", Some(id.clone())),
            ("devflow", Some(env!("CARGO_PKG_VERSION").to_owned())),
            ("host", Some(host.clone())),
            ("application", migrator.application.clone()),
            ("actor", actor.name),
            ("ci_run_url", actor.run_url),
            ("approval", actor.approval),
            ("environment", environment),
        ];
        let claims = claims
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
        let json = Value::Object(claims.collect());
        Self {
            application_name: application_name(&id, &host, start),
            json: json.to_string(),
            id,
        }
    }
}

impl Run {
    /// Adds what became known, or replaces it.
    pub(crate) fn claim(&mut self, key: &str, value: impl Into<Value>) {
        if let Ok(Value::Object(mut claims)) = serde_json::from_str(&self.json) {
            claims.insert(key.to_owned(), value.into());
            self.json = Value::Object(claims).to_string();
        }
    }
}

fn application_name(id: &str, host: &str, start: u64) -> String {
    let start = start.to_string();
    let room = NAME_BYTES - "devflow ".len() - id.len() - start.len() - 2;
    let host: String = host
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '?' })
        .take(room)
        .collect();
    format!("devflow {id} {host} {start}")
}

/// Random enough to tell runs apart and to spread waiters: the standard library seeds each state from the system.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Between half and one and a half times `pause`.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let thousandths = u32::try_from(500 + random() % 1000).unwrap_or(1000);
    pause * thousandths / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn application_names_fit_postgresql() {
        let name = application_name("0123456789abcdef", &"hö".repeat(60), 1_900_000_000);
        assert_eq!(name.len(), NAME_BYTES);
        assert!(name.ends_with(" 1900000000"), "{name}");
    }

    #[test]
    fn jitter_stays_between_half_and_one_and_a_half() {
        for _ in 0..1000 {
            let pause = jittered(Duration::from_millis(250));
            assert!((125..375).contains(&pause.as_millis()), "{pause:?}");
        }
    }
}
