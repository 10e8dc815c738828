//! One migration: its file, text, checksum and how it is to be run.

use crate::action::{Action, ActionKind};
use crate::checksum::Checksum;
use crate::limits::Limits;
use crate::name::FileName;
use crate::tables::Tables;
use crate::text::{Position, Span, Text};
use crate::unread::Unread;
use crate::version::Version;
use std::borrow::Cow;
use std::sync::Arc;

/// One migration, read and checked.
#[derive(Debug, Clone)]
pub struct Migration {
    pub(crate) version: Version,
    pub(crate) path: Cow<'static, str>,
    pub(crate) text: Text,
    pub(crate) checksum: Checksum,
    pub(crate) mode: Mode,
    pub(crate) wrapper: Option<Wrapper>,
    pub(crate) statements: Cow<'static, [Span]>,
    /// Of a file outside a transaction: what its statements do. Those beyond the last are plain.
    pub(crate) actions: Vec<Action>,
    pub(crate) limits: Limits,
    pub(crate) tables: Tables,
    pub(crate) compatible_with: Option<Version>,
    pub(crate) down: Option<Arc<Migration>>,
    /// Where the text was not looked into: how to do so. What the text holds is then asked of [`known`](Self::known) only.
    pub(crate) unread: Option<Unread>,
}

static PLAIN: Action = Action::PLAIN;

/// Whether devflow opens a transaction around the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The file and its ledger row commit together.
    Transaction,
    /// Each statement runs on its own: `-- devflow: no-transaction`, or only statements that PostgreSQL refuses in a
    /// transaction block.
    NoTransaction,
    /// The same without having asked for it: the file begins or ends transactions itself. Only where the ledger is the
    /// Supabase CLI's, which takes such files, is one read at all.
    OwnTransactions,
}

/// The one `BEGIN; … COMMIT;` that a file may wrap itself in; devflow's own transaction takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrapper {
    /// From `BEGIN` to its semicolon, inclusive.
    pub begin: Span,
    /// From `COMMIT` or `END` to its semicolon, inclusive.
    pub commit: Span,
}

impl Migration {
    /// A file in one transaction that nobody has looked at, as a mistake in the checks would let it through; for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn unchecked(path: String, text: String) -> Option<Self> {
        let file = path.rsplit('/').next()?;
        let whole = Span {
            start: 0,
            end: text.len(),
        };
        let version = FileName::parse(file)?.ok()?.version;
        let checksum = Checksum::of(&text);
        let text = Text::from_bytes(text.into_bytes()).ok()?;
        Some(Self {
            statements: Cow::Owned(vec![whole]),
            ..Self::blank(version, Cow::Owned(path), text, checksum)
        })
    }

    /// One whose text holds nothing, as far as is known.
    pub(crate) fn blank(
        version: Version,
        path: Cow<'static, str>,
        text: Text,
        checksum: Checksum,
    ) -> Self {
        Self {
            version,
            path,
            text,
            checksum,
            mode: Mode::Transaction,
            wrapper: None,
            statements: Cow::Borrowed(&[]),
            actions: Vec::new(),
            limits: Limits::default(),
            tables: Tables::default(),
            compatible_with: None,
            down: None,
            unread: None,
        }
    }

    /// Itself, or what its text turns out to hold.
    fn known(&self) -> &Self {
        self.unread
            .as_ref()
            .map_or(self, |unread| unread.seen(self))
    }

    /// The version, canonical.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The file's path as users know it: relative to devflow.yml's folder where there is one, with forward slashes.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The file's own name.
    #[must_use]
    pub fn file(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The canonical text, which the checksum covers.
    #[must_use]
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// Whether the text is here: a binary's manifest has checksums only.
    #[must_use]
    pub fn has_text(&self) -> bool {
        !self.text.as_str().is_empty() || self.is_intact()
    }

    /// The SHA-256 of the canonical text.
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// Whether devflow opens a transaction around the file.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.known().mode
    }

    /// The file's own `BEGIN; … COMMIT;`, where it has one.
    #[must_use]
    pub fn wrapper(&self) -> Option<Wrapper> {
        self.known().wrapper
    }

    /// The statements, in order: each from its first to its last token, without its semicolon and outer comments.
    /// A wrapper's own `BEGIN` and `COMMIT` are not among them.
    #[must_use]
    pub fn statements(&self) -> &[Span] {
        &self.known().statements
    }

    /// What the statements of a file outside a transaction do.
    #[doc(hidden)]
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        &self.known().actions
    }

    /// What this statement does; of a file in a transaction every one is plain.
    #[must_use]
    pub fn action(&self, statement: usize) -> &Action {
        self.actions().get(statement).unwrap_or(&PLAIN)
    }

    /// Whether its statements must run in one session of the server's: outside a transaction, with settings or anything
    /// else that one of them leaves in the session for the next. Behind a transaction pooler there is no such session.
    #[must_use]
    pub fn needs_own_session(&self) -> bool {
        let leaves =
            |action: &Action| matches!(action.kind, ActionKind::Setting | ActionKind::Session);
        let leaves_something =
            self.actions().iter().any(leaves) || self.limits().statement_timeout.is_some();
        !self.mode().is_atomic() && leaves_something
    }

    /// What the file asks for itself, against the run's settings.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.known().limits
    }

    /// The newest migration that a build must have at least to work beside this one, where the file says so.
    #[must_use]
    pub fn compatible_with(&self) -> Option<&Version> {
        self.known().compatible_with.as_ref()
    }

    /// The tables that the file makes and locks.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.known().tables
    }

    /// Where this statement begins; past the last, where the file ends.
    #[must_use]
    pub fn place(&self, statement: usize) -> Position {
        let span = self.statements().get(statement);
        self.text
            .position(span.map_or(usize::MAX, |span| span.start))
    }

    /// The file that undoes this one, where it was read.
    #[must_use]
    pub fn down(&self) -> Option<&Arc<Migration>> {
        self.down.as_ref()
    }

    /// The text to send: the canonical text with its wrapper, if any, replaced by spaces so that positions hold.
    #[must_use]
    pub fn executable(&self) -> Cow<'_, str> {
        let text = self.text.as_str();
        let Some(wrapper) = self.wrapper() else {
            return Cow::Borrowed(text);
        };
        let mut blanked = String::with_capacity(text.len());
        let mut copied = 0;
        for span in [wrapper.begin, wrapper.commit] {
            blanked.push_str(&text[copied..span.start]);
            blanked.extend(
                text[span.range()]
                    .chars()
                    .map(|c| if c == '\n' { '\n' } else { ' ' }),
            );
            copied = span.end;
        }
        blanked.push_str(&text[copied..]);
        Cow::Owned(blanked)
    }

    /// Whether the text still is what its checksum says; false only when the binary itself is damaged.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        Checksum::of(self.text.as_str()) == self.checksum
    }
}

impl Mode {
    /// Whether the file commits as a whole, together with its ledger row.
    #[must_use]
    pub fn is_atomic(self) -> bool {
        match self {
            Self::Transaction => true,
            Self::NoTransaction | Self::OwnTransactions => false,
        }
    }

    /// The word for it in JSON, plans and digests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self.is_atomic() {
            true => "transaction",
            false => "no-transaction",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapper_is_blanked_and_positions_hold() {
        let text = "-- é\nBEGIN ;\nselect 1;\nCOMMIT;\n";
        let begin = Span { start: 6, end: 13 };
        let commit = Span { start: 24, end: 31 };
        let path = "migrations/1_a.sql".to_owned();
        let migration = Migration {
            wrapper: Some(Wrapper { begin, commit }),
            ..Migration::unchecked(path, text.to_owned()).unwrap()
        };
        assert_eq!(
            migration.executable(),
            "-- é\n       \nselect 1;\n       \n"
        );
        assert_eq!(migration.file(), "1_a.sql");
        assert!(migration.is_intact());
    }
}
