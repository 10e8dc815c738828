//! Time limits that somebody set on the role or the database.

use crate::attempt::Attempt;
use crate::ledger::LOCAL_SETTINGS;
use crate::lock::Link;
use crate::session::{Answer, Row};
use crate::shown::shown;
use std::time::Duration;

/// The limits that are set for this role in this database, each as the server would choose it: one row each.
pub(crate) fn role_limits() -> String {
    format!(
        "{LOCAL_SETTINGS} SELECT DISTINCT ON (name) name, value, \
           concat_ws(' in ', 'the role ' || r.rolname, 'the database ' || d.datname) AS place \
         FROM (SELECT s.*, split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value \
           FROM pg_db_role_setting s CROSS JOIN unnest(s.setconfig) c) s \
         LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase \
         WHERE coalesce(r.rolname = session_user, s.setrole = 0) AND coalesce(d.datname = current_database(), s.setdatabase = 0) \
           AND name IN ('lock_timeout', 'statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout') \
         ORDER BY name, s.setrole = 0, s.setdatabase = 0"
    )
}

impl Attempt<'_> {
    /// Says which limits of the role or the database a run does not keep to. What cannot be read is not said.
    pub(crate) fn remark_limits(&mut self, answer: &Answer, lock_timeout: Duration, link: Link) {
        let settings = &self.migrator.settings;
        let statement_timeout = settings.statement_timeout.unwrap_or_default();
        let remarks: Vec<_> = answer
            .rows
            .iter()
            .filter_map(|row| {
                let ours = match row.get(0)? {
                    "lock_timeout" => lock_timeout,
                    "statement_timeout" => statement_timeout,
                    _ => Duration::ZERO,
                };
                remark(row, ours, link)
            })
            .collect();
        for remark in remarks {
            self.teller.remark(remark);
        }
    }
}

/// Zero is no limit, in any unit.
fn remark(row: &Row, ours: Duration, link: Link) -> Option<String> {
    let (name, value, place) = (row.get(0)?, row.get(1)?, row.get(2)?);
    if value.starts_with('0') {
        return None;
    }
    let place = match place {
        "" => "every role",
        place => place,
    };
    let ours = match ours {
        Duration::ZERO => "no limit".to_owned(),
        ours => format!("{} ms", ours.as_millis()),
    };
    // A pooled session is not ours to set up.
    let outside = match link {
        Link::Direct => "",
        Link::Pooled => {
            ", but for files outside a transaction, which a pooler leaves under the former"
        }
    };
    Some(format!(
        "{name} is {value} for {}; migrations run with {ours}, devflow's own{outside}",
        shown(place)
    ))
}
