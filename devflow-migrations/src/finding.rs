//! What the planner found to be different from what a run expects.

use crate::checksum::Checksum;
use crate::event::LedgerEvent;
use crate::text::Position;
use crate::version::Version;
use std::fmt;

/// One difference between the files and the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What was found.
    pub kind: FindingKind,
    /// Whether it stops the run.
    pub severity: Severity,
    /// The version as text; a damaged row's may not be one of ours.
    pub version: String,
    /// The path of the file, where we have one.
    pub path: Option<String>,
}

/// Whether a finding stops the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is applied.
    Refused,
    /// The run says so and goes on.
    Warning,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FindingKind {
    /// The file's checksum is not the one that was applied.
    Modified {
        /// The checksum in the ledger.
        recorded: String,
        /// The file's checksum now.
        found: Checksum,
    },
    /// Applied with the same checksum from a file of another name.
    Renamed {
        /// The name in the ledger.
        recorded: String,
    },
    /// Applied, not among the files, older than the newest of them.
    Missing {
        /// The name in the ledger.
        name: Option<String>,
        /// A file that has the same checksum under another version.
        twin: Option<String>,
    },
    /// Applied and newer than every file.
    Ahead {
        /// The name in the ledger.
        name: Option<String>,
        /// What decides, where only compatible builds may go on.
        skew: Option<Skew>,
    },
    /// Pending and older than the newest applied migration.
    OutOfOrder {
        /// The newest applied version.
        newest: Version,
    },
    /// A file outside a transaction began and has no end.
    HalfDone {
        /// The last event: started, progress or failed.
        event: LedgerEvent,
        /// How many of its statements are known complete.
        done: i32,
        /// How many statements the file has, where we have it.
        statements: Option<usize>,
        /// When the last event was written.
        at: String,
        /// The recorded error, as JSON.
        error: Option<String>,
        /// Why no run can go on with it; `None` where the next one does.
        obstacle: Option<Obstacle>,
    },
    /// To be reverted, and the file is not here.
    NoFile {
        /// The name in the ledger.
        name: Option<String>,
    },
    /// To be reverted, and the file has no down file beside it.
    NoDownFile,
    /// To be reverted by a down file that does not run in a transaction.
    DownOutside {
        /// The down file's path.
        path: String,
    },
    /// It locks tables that exist already, one after the other: it waits for the second while the first is locked.
    StrongLocks {
        /// The tables, in the order in which they are locked.
        tables: Vec<String>,
    },
    /// Pending on a Supabase project; it commits by itself, and was not asked to.
    NotAtomic,
    /// Pending here, and applied by what another history in the same database says.
    RecordedElsewhere {
        /// The table of the other history.
        table: String,
    },
    /// Pending, and there is nothing in it but comments.
    NoStatements,
    /// Another history of the same database has it as applied with another text.
    AppliedOtherwise {
        /// The table of the other history.
        table: String,
        /// The checksum there.
        recorded: String,
        /// The file's checksum now.
        found: Checksum,
    },
    /// By what another history of the same database says, it began and has no end.
    HalfDoneElsewhere {
        /// The table of the other history.
        table: String,
    },
    /// A ledger row that no run of devflow can have written.
    Damaged {
        /// The row's id; 0 where it has none.
        id: i64,
        /// What is wrong with it.
        message: String,
    },
}

/// A build that is older than a migration, and what that migration said of older builds when it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skew {
    /// The build's newest migration; none where it has none.
    pub newest: Option<Version>,
    /// The newest migration that a build must have at least; none where the migration said nothing.
    pub compatible_with: Option<Version>,
}

impl Skew {
    /// Whether the build works beside the migration.
    #[must_use]
    pub fn is_compatible(&self) -> bool {
        match (&self.newest, &self.compatible_with) {
            (Some(newest), Some(oldest)) => newest >= oldest,
            _ => false,
        }
    }
}

/// Why a person has to decide about a half-done file. Places are those of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// The file is gone.
    FileGone,
    /// The ledger does not say which statements it ran.
    NotRecorded,
    /// A binary's manifest lists the file, and has no text to take it up in.
    NoText,
    /// The file runs in a transaction now.
    InTransaction,
    /// This statement is complete, and the file has another one in its place now.
    Changed(Position),
    /// This statement is complete, and what it left in its session is gone with it.
    Session(Position),
    /// Whether this statement took effect cannot be seen.
    Unknown(Position),
    /// This statement failed, and may have committed something before.
    Partial(Position),
    /// The statement that was under way has been edited since.
    Replaced(Position),
}

impl Finding {
    /// A stable code; the same in text and in JSON.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.kind {
            FindingKind::Modified { .. } => "modified",
            FindingKind::Renamed { .. } => "renamed",
            FindingKind::Missing { .. } => "missing",
            FindingKind::Ahead { .. } => "ahead",
            FindingKind::OutOfOrder { .. } => "out_of_order",
            FindingKind::HalfDone { .. } => "half_done",
            FindingKind::NoFile { .. } => "no_file",
            FindingKind::NoDownFile => "no_down_file",
            FindingKind::DownOutside { .. } => "down_outside_transaction",
            FindingKind::StrongLocks { .. } => "strong_locks",
            FindingKind::NotAtomic => "supabase_not_atomic",
            FindingKind::RecordedElsewhere { .. } => "recorded_elsewhere",
            FindingKind::NoStatements => "no_statements",
            FindingKind::AppliedOtherwise { .. } => "applied_otherwise",
            FindingKind::HalfDoneElsewhere { .. } => "half_done_elsewhere",
            FindingKind::Damaged { .. } => "ledger_damaged",
        }
    }

    /// The next step.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let version = &self.version;
        match &self.kind {
            FindingKind::Modified { .. } => Some(format!(
                "restore the file as it was applied, and put the change into a new migration; or, if the database has what the file says now, record that: \
                 `devflow db repair --checksum {version}`"
            )),
            FindingKind::Renamed { .. } => None,
            FindingKind::Missing {
                twin: Some(twin), ..
            } => Some(format!(
                "{twin} has the same checksum: give it its old name back"
            )),
            FindingKind::Missing { twin: None, .. } => {
                Some("restore the file, or allow this with `missing: warn`".to_owned())
            }
            FindingKind::Ahead {
                skew: Some(skew), ..
            } => skew.help(),
            FindingKind::Ahead { skew: None, .. } => Some(
                "use a checkout or a build that has this migration, or allow older ones with `ahead: warn`"
                    .to_owned(),
            ),
            FindingKind::OutOfOrder { .. } => Some(
                "give the file a newer version, or allow late files with `out_of_order: allow`"
                    .to_owned(),
            ),
            FindingKind::StrongLocks { .. } => Some(
                "give each table a file of its own, or accept it with `-- devflow: strong-locks`"
                    .to_owned(),
            ),
            FindingKind::NotAtomic => Some(
                "take its BEGIN, COMMIT and ROLLBACK out, and it is applied as a whole or not at all; or begin it with `-- pg-delta: transaction=false` to say that it is meant so"
                    .to_owned(),
            ),
            FindingKind::NoStatements => Some(
                "write it before it is applied, for afterwards it may not be changed; or delete it".to_owned(),
            ),
            FindingKind::HalfDone {
                obstacle: Some(obstacle),
                ..
            } => Some(obstacle.help(version)),
            FindingKind::HalfDone { obstacle: None, .. } => (self.severity == Severity::Refused)
                .then(|| {
                    format!(
                        "finish it first with `devflow db migrate`; or {}",
                        decide(version)
                    )
                }),
            FindingKind::NoFile { .. } => {
                Some("revert it with a build that has the file".to_owned())
            }
            FindingKind::NoDownFile => {
                Some("write the down file beside it, or undo it with a new migration".to_owned())
            }
            FindingKind::DownOutside { .. } => Some(format!(
                "undo it by hand, and record that: `devflow db repair --not-applied {version}`"
            )),
            FindingKind::RecordedElsewhere { .. } => Some(
                "`devflow db adopt` records here what is applied there, and runs nothing"
                    .to_owned(),
            ),
            FindingKind::AppliedOtherwise { .. } => Some(format!(
                "restore the file as it was applied there; or record it here as it is now: `devflow db repair --applied {version}`"
            )),
            FindingKind::HalfDoneElsewhere { .. } => Some(format!(
                "finish it with the configuration that began it; or {}",
                decide(version)
            )),
            FindingKind::Damaged { .. } => Some(
                "somebody else wrote to the ledger; compare it with a backup before going on"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = &self.version;
        let path = self.path.as_deref().unwrap_or(version);
        match &self.kind {
            FindingKind::Modified { recorded, found } => {
                let (recorded, found) = (short(recorded), short(&found.to_string()).to_owned());
                write!(
                    f,
                    "{path} was changed after it was applied: checksum {recorded}… is now {found}…"
                )
            }
            FindingKind::Renamed { recorded } => {
                write!(f, "{path} was applied as {recorded}; its text is the same")
            }
            FindingKind::Missing { name, .. } => {
                write!(
                    f,
                    "{} is applied, and its file is gone",
                    name.as_deref().unwrap_or(version)
                )
            }
            FindingKind::Ahead { name, skew } => {
                let name = name.as_deref().unwrap_or(version);
                write!(
                    f,
                    "the database is ahead: {name} is applied and newer than every migration here"
                )?;
                skew.iter().try_for_each(|skew| write!(f, ", {skew}"))
            }
            FindingKind::OutOfOrder { newest } => {
                write!(
                    f,
                    "{path} is pending and older than {newest}, which is applied"
                )
            }
            FindingKind::HalfDone {
                event,
                done,
                statements,
                at,
                obstacle,
                ..
            } => {
                let of = statements
                    .map(|count| format!(" of {count}"))
                    .unwrap_or_default();
                let next = done + 1;
                let obstacle = match obstacle {
                    Some(obstacle) => obstacle.describe(path, *event, next),
                    None => format!("and a run goes on at statement {next}"),
                };
                write!(
                    f,
                    "{path} is half done: {done}{of} statements are complete, {obstacle} (last heard of {at})"
                )
            }
            FindingKind::NoFile { name } => {
                let name = name.as_deref().unwrap_or(version);
                write!(f, "{name} is applied, and its file is not here")
            }
            FindingKind::NoDownFile => write!(f, "{path} is applied and has no down file"),
            FindingKind::DownOutside { path } => {
                write!(
                    f,
                    "{path} does not run in a transaction, and a revert has to"
                )
            }
            FindingKind::StrongLocks { tables } => {
                let names = tables.join(", ");
                write!(
                    f,
                    "{path} locks {} tables that exist already ({names}): while it waits for one of them, whoever uses \
                     those before it waits too",
                    tables.len()
                )
            }
            FindingKind::NotAtomic => write!(
                f,
                "{path} is not applied as a whole: it begins or ends transactions itself, and what it has committed before a failure stays"
            ),
            FindingKind::RecordedElsewhere { table } => {
                write!(f, "{path} is pending here, and {table} has it as applied")
            }
            FindingKind::AppliedOtherwise {
                table,
                recorded,
                found,
            } => {
                let (recorded, found) = (short(recorded), short(&found.to_string()).to_owned());
                write!(
                    f,
                    "{path} is not what {table} has as applied: checksum {recorded}… there, {found}… here"
                )
            }
            FindingKind::HalfDoneElsewhere { table } => {
                write!(f, "{path} is half done by what {table} says")
            }
            FindingKind::Damaged { id: 0, message } => {
                write!(f, "the ledger is damaged: {message}")
            }
            FindingKind::NoStatements => write!(f, "{path} is pending and has no statement"),
            FindingKind::Damaged { id, message } => {
                write!(
                    f,
                    "the ledger is damaged at row {id} (version {version}): {message}"
                )
            }
        }
    }
}

impl Skew {
    fn help(&self) -> Option<String> {
        let newest = self.newest.as_ref()?;
        let said = match &self.compatible_with {
            Some(_) if self.is_compatible() => return None,
            Some(oldest) => format!("use a build whose newest migration is {oldest} or later"),
            None => "use a build that has this migration".to_owned(),
        };
        Some(format!(
            "{said}; a migration beside which older builds work says so before it is applied: `-- devflow: compatible-with {newest}`"
        ))
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.newest {
            None => f.write_str("of which there is none")?,
            Some(newest) => write!(f, "of which {newest} is the newest")?,
        }
        match &self.compatible_with {
            None => f.write_str("; it does not say that older builds work beside it"),
            Some(oldest) => write!(f, "; builds that have {oldest} work beside it"),
        }
    }
}

impl Obstacle {
    fn describe(self, path: &str, event: LedgerEvent, next: i32) -> String {
        let at = |Position { line, column }: Position| format!("{path}:{line}:{column}");
        match self {
            Self::NotRecorded | Self::FileGone if event == LedgerEvent::Failed => {
                format!("statement {next} failed")
            }
            Self::NotRecorded | Self::FileGone => {
                format!("whether statement {next} took effect is not known")
            }
            Self::NoText => "and a binary's manifest does not say which ones".to_owned(),
            Self::InTransaction => "and the file runs in a transaction now".to_owned(),
            Self::Changed(place) => {
                format!("and one of them has been changed since, at {}", at(place))
            }
            Self::Session(place) => format!(
                "and what the one at {} left in its session is gone with it",
                at(place)
            ),
            Self::Unknown(place) => format!(
                "whether statement {next} at {} took effect is not known",
                at(place)
            ),
            Self::Partial(place) => format!(
                "statement {next} at {} failed, and what it had committed by itself is not known",
                at(place)
            ),
            Self::Replaced(place) => format!(
                "statement {next} at {} was under way and has been changed since",
                at(place)
            ),
        }
    }

    fn help(self, version: &str) -> String {
        let decide = decide(version);
        match self {
            Self::FileGone => format!("restore the file and run again; or {decide}"),
            Self::NoText => {
                "leave `--binary` out where the files are: they show where a run goes on".to_owned()
            }
            Self::InTransaction | Self::Changed(_) | Self::Replaced(_) => {
                format!(
                    "put the file back as it was and run again: it goes on from there; or {decide}"
                )
            }
            Self::NotRecorded | Self::Session(_) | Self::Unknown(_) | Self::Partial(_) => {
                format!("look at what is in the database; {decide}")
            }
        }
    }
}

/// The two ways in which a person settles a half-done file.
fn decide(version: &str) -> String {
    format!(
        "finish by hand what it does and say `devflow db repair --applied {version}`, or undo what it did and say \
         `devflow db repair --not-applied {version}`: then the next run applies the whole file"
    )
}

fn short(checksum: &str) -> &str {
    checksum.get(..12).unwrap_or(checksum)
}
