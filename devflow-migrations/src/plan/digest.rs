//! The digest of a plan: what an approval names.

use super::Plan;
use crate::checksum::Checksum;
use crate::settings::TableName;
use sha2::{Digest, Sha256};
use std::fmt;

/// Where a plan is to be applied; part of its digest.
#[derive(Debug, Clone, Copy)]
pub struct PlanPlace<'a> {
    /// The environment's name; empty where there is none.
    pub environment: &'a str,
    /// The database's name.
    pub database: &'a str,
    /// The server's system identifier, or `unknown` where the role may not ask.
    pub system: &'a str,
    /// The ledger's table.
    pub table: &'a TableName,
}

/// The SHA-256 of a plan and its place, in lower-case hex: what an approval names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlanDigest(String);

impl PlanDigest {
    /// Reads 64 hex digits of either case; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Checksum::from_hex(text).map(|digest| Self(digest.to_string()))
    }

    /// The 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlanDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Plan {
    /// The digest that an approval names.
    #[must_use]
    pub fn digest(&self, place: &PlanPlace<'_>) -> PlanDigest {
        self.contents(place).digest()
    }
}

impl PlanPlace<'_> {
    /// Hashes what is to be done here.
    pub(crate) fn digest(&self, what: &str, fields: Vec<String>) -> PlanDigest {
        let place = [
            what,
            self.environment,
            self.database,
            self.system,
            self.table.schema(),
            self.table.table(),
        ];
        PlanDigest::of(place.map(str::to_owned).into_iter().chain(fields))
    }
}

impl PlanDigest {
    /// Hashes fields, each preceded by its length, so that none runs into the next.
    pub(super) fn of(fields: impl Iterator<Item = String>) -> Self {
        let mut hasher = Sha256::new();
        for field in fields {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field.as_bytes());
        }
        Self(Checksum::from_bytes(hasher.finalize().into()).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LENIENT, STRICT, ledger, migration};
    use super::super::{Policy, plan};
    use super::*;
    use crate::migration::{Migration, Mode};
    use crate::set::MigrationSet;
    use crate::settings::{Ahead, Missing, OutOfOrder};
    use crate::version::Version;

    /// What a digest is made of.
    struct Digested {
        files: &'static str,
        rows: &'static [&'static str],
        policy: Policy,
        target: Option<&'static str>,
        environment: &'static str,
        database: &'static str,
        system: &'static str,
        table: (&'static str, &'static str),
        edit: fn(&mut Migration),
    }

    const DIGESTED: Digested = Digested {
        files: "1 2 3",
        rows: &["1 applied"],
        policy: STRICT,
        target: None,
        environment: "production",
        database: "app",
        system: "7300000000000000001",
        table: ("public", "schema_migrations"),
        edit: |_| {},
    };

    impl Digested {
        fn digest(&self) -> String {
            let mut migrations: Vec<_> = self.files.split(' ').map(migration).collect();
            migrations.iter_mut().for_each(self.edit);
            let set = MigrationSet::new(migrations).unwrap();
            let target = self.target.map(|target| Version::parse(target).unwrap());
            let table = TableName::new(self.table.0, self.table.1).unwrap();
            let plan = plan(&set, &ledger(self.rows), self.policy, target.as_ref());
            let digest = plan.digest(&PlanPlace {
                environment: self.environment,
                database: self.database,
                system: self.system,
                table: &table,
            });
            assert_eq!(PlanDigest::parse(digest.as_str()), Some(digest.clone()));
            digest.to_string()
        }
    }

    #[test]
    fn the_digest_of_a_plan_stays_the_same_for_ever() {
        assert_eq!(
            DIGESTED.digest(),
            "eab0367875e2e577d76f3de21401ce74ec7c302c4079e79d3ae5b84ff7cd20fb"
        );
    }

    #[test]
    fn the_digest_changes_with_everything_that_it_covers() {
        #[rustfmt::skip]
        let changed = [
            ("files", Digested { files: "1 2", ..DIGESTED }),
            ("ledger", Digested { rows: &["1 failed", "1 applied"], ..DIGESTED }),
            ("steps", Digested { rows: &["2 applied"], policy: LENIENT, ..DIGESTED }),
            ("out_of_order", Digested { policy: Policy { out_of_order: OutOfOrder::Allow, ..STRICT }, ..DIGESTED }),
            ("ahead", Digested { policy: Policy { ahead: Ahead::Warn, ..STRICT }, ..DIGESTED }),
            ("ahead: compatible_only", Digested { policy: Policy { ahead: Ahead::CompatibleOnly, ..STRICT }, ..DIGESTED }),
            ("missing", Digested { policy: Policy { missing: Missing::Warn, ..STRICT }, ..DIGESTED }),
            ("target", Digested { target: Some("1"), ..DIGESTED }),
            ("environment", Digested { environment: "staging", ..DIGESTED }),
            ("database", Digested { database: "app2", ..DIGESTED }),
            ("system", Digested { system: "unknown", ..DIGESTED }),
            ("schema", Digested { table: ("ops", "schema_migrations"), ..DIGESTED }),
            ("table", Digested { table: ("public", "migrations"), ..DIGESTED }),
            ("where a name ends", Digested { environment: "productiona", database: "pp", ..DIGESTED }),
            ("name", Digested { edit: |migration| migration.path = format!("m/{}_n.sql", migration.version).into(), ..DIGESTED }),
            ("checksum", Digested { edit: |migration| if migration.version.as_str() == "3" { migration.checksum = Checksum::of("") }, ..DIGESTED }),
            ("mode", Digested { edit: |migration| migration.mode = Mode::NoTransaction, ..DIGESTED }),
        ];
        let mut seen = vec![("nothing", DIGESTED.digest())];
        for (input, digested) in changed {
            let digest = digested.digest();
            for (other, earlier) in &seen {
                assert_ne!(*earlier, digest, "{input} and {other}");
            }
            seen.push((input, digest));
        }
    }

    #[test]
    fn the_digest_does_not_depend_on_the_folder() {
        let moved = Digested {
            edit: |migration| migration.path = format!("db/{}_m.sql", migration.version).into(),
            ..DIGESTED
        };
        assert_eq!(moved.digest(), DIGESTED.digest());
    }

    #[test]
    fn a_digest_is_64_hex_digits_of_either_case() {
        let digest = PlanDigest::parse(&"AB".repeat(32)).unwrap();
        assert_eq!(digest.as_str(), "ab".repeat(32));
        for text in ["", "ab", &"g".repeat(64), &"a".repeat(65)] {
            assert_eq!(PlanDigest::parse(text), None, "{text:?}");
        }
    }
}
