//! The migrated database that tests copy.

use super::workshop::{Made, Workshop, comment, drop_database, open};
use crate::error::Result;
use crate::literal::{identifier, text};
use crate::migrator::Migrator;
use crate::run::jittered;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// What the comment of a template begins with; the database that it was made from follows, then the time.
const COMMENT: &str = "devflow template, made from ";

/// How many templates stay: branches that are worked on at the same time have one each.
const KEPT: usize = 10;

/// How often a test looks whether another has made the template.
const PAUSE: Duration = Duration::from_millis(50);

/// The migrated database of one set.
pub(super) struct Template {
    name: String,
}

impl Template {
    pub(super) fn of(migrator: &Migrator) -> Self {
        let target = migrator.target.as_ref().map(ToString::to_string);
        let mut hasher = Sha256::new();
        for part in [
            "devflow template 1",
            &migrator.set.applied_digest(),
            migrator.table.schema(),
            migrator.table.table(),
            &target.unwrap_or_default(),
        ] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let digits: String = digest[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            name: format!("devflow_template_{digits}"),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn look(&self) -> String {
        let name = text(&self.name);
        format!("SELECT EXISTS (SELECT FROM pg_database WHERE datname = {name})")
    }

    /// Makes the template, or waits for whoever makes it, unless it is there.
    pub(super) async fn ensure(&self, workshop: &mut Workshop, migrator: &Migrator) -> Result<()> {
        let look = self.look();
        let lock = |verb: &str| {
            let key = format!("hashtextextended({}, 0)", text(&self.name));
            format!("SELECT {verb}({key})")
        };
        loop {
            if is_true(workshop, &look).await? {
                return Ok(());
            }
            if is_true(workshop, &lock("pg_try_advisory_lock")).await? {
                break;
            }
            tokio::time::sleep(jittered(PAUSE)).await;
        }
        // Whoever had the lock until now may have made it.
        let made = match is_true(workshop, &look).await? {
            true => Ok(()),
            false => self.make(workshop, migrator).await,
        };
        let _unlocked = workshop.ask(&lock("pg_advisory_unlock")).await?;
        made
    }

    /// Migrates a new database, then gives it the template's name: there is no template that is half made.
    async fn make(&self, workshop: &mut Workshop, migrator: &Migrator) -> Result<()> {
        let Made::Database(name) = workshop.make(None).await? else {
            return Ok(());
        };
        let result = self.fill(workshop, migrator, &name).await;
        if result.is_err() {
            let _dropped = drop_database(&mut workshop.session, &name).await;
        }
        workshop.unlock(&name).await?;
        // A process that is connected to another database has another lock, and may have come first.
        match is_true(workshop, &self.look()).await? {
            true => Ok(()),
            false => result,
        }
    }

    async fn fill(&self, workshop: &mut Workshop, migrator: &Migrator, name: &str) -> Result<()> {
        let url = workshop.url_of(name);
        let _report = Box::pin(migrator.run(&url)).await?;
        warm(migrator, &url).await?;
        self.drop_old(workshop).await?;
        let (from, to) = (identifier(name), identifier(&self.name));
        let made_from = format!("{COMMENT}{}", workshop.home);
        for step in [
            format!("ALTER DATABASE {from} ALLOW_CONNECTIONS false"),
            comment(name, &made_from),
            format!("ALTER DATABASE {from} RENAME TO {to}"),
        ] {
            let _done = workshop.ask(&step).await?;
        }
        Ok(())
    }

    /// Drops the oldest templates. Who copies one of them at this moment makes it again.
    async fn drop_old(&self, workshop: &mut Workshop) -> Result<()> {
        let made_from = text(&format!("{COMMENT}{}", workshop.home));
        let rows = workshop
            .ask(&format!(
                "SELECT datname FROM pg_database WHERE shobj_description(oid, 'pg_database') = {made_from} \
                 ORDER BY oid::bigint DESC OFFSET {}",
                KEPT - 1
            ))
            .await?;
        for name in rows.iter().filter_map(|row| row.get(0)) {
            drop_database(&mut workshop.session, name).await?;
        }
        Ok(())
    }
}

/// The first session after a catalog's change writes a file with what every session has to know of the catalogs. It is copied
/// with the others where files are copied, and the first session of each copy need not write its own.
async fn warm(migrator: &Migrator, url: &str) -> Result<()> {
    open(migrator, url).await?.close().await;
    Ok(())
}

async fn is_true(workshop: &mut Workshop, sql: &str) -> Result<bool> {
    let rows = workshop.ask(sql).await?;
    Ok(rows.first().and_then(|row| row.get(0)) == Some("t"))
}
