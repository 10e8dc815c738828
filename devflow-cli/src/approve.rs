//! Approval: who has to say yes, to what, and how.

use crate::outcome::{Kind, Trouble};
use crate::settings::{Asked, Consent, Database, LOCAL};
use devflow_migrations::Approval;
use devflow_runtime::PlanDigest;

/// What stands between a command and the database.
#[derive(Debug, PartialEq)]
pub(crate) struct Gate {
    /// What a person is asked first.
    pub(crate) question: Option<Question>,
    /// The plan that was approved beforehand.
    pub(crate) digest: Option<PlanDigest>,
    /// How it was approved, for the ledger.
    pub(crate) approval: Option<&'static str>,
}

/// What a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// Yes or no.
    Ordinary,
    /// The environment's name, typed.
    Name,
}

impl Gate {
    /// The gate before a command such as `migrate`, or why it stays shut.
    pub(crate) fn of(
        database: &Database,
        consent: &Consent,
        command: &str,
    ) -> Result<Self, Trouble> {
        let name = database.environment.as_deref();
        match (database.approval, database.asked) {
            (Approval::Plan, _) => Self::of_plan(name, consent, command),
            (Approval::Yes, Asked::Person) => Ok(Self::asking(Question::Name, consent)),
            (Approval::Yes, Asked::Platform) => Ok(Self {
                question: None,
                digest: consent.digest.clone(),
                approval: Some("platform"),
            }),
            (Approval::Yes, Asked::Nobody) => Err(nobody(name)),
            (Approval::No, Asked::Person) if asks(name, consent) => {
                Ok(Self::asking(Question::Ordinary, consent))
            }
            (Approval::No, _) => Ok(Self {
                question: None,
                approval: consent.approval(),
                digest: consent.digest.clone(),
            }),
        }
    }

    fn asking(question: Question, consent: &Consent) -> Self {
        Self {
            question: Some(question),
            digest: consent.digest.clone(),
            approval: Some("terminal"),
        }
    }

    fn of_plan(name: Option<&str>, consent: &Consent, command: &str) -> Result<Self, Trouble> {
        if let Some(digest) = &consent.digest {
            return Ok(Self {
                question: None,
                digest: Some(digest.clone()),
                approval: consent.approval(),
            });
        }
        let name = name.unwrap_or_default();
        let message = format!("environment `{name}` takes approved plans only");
        let trouble = Trouble::new(Kind::ApprovalMissing, "approval_required", message);
        Err(trouble.help(format!(
            "the same `devflow db {command}` with `--dry-run` shows the plan and its digest; once it is approved, pass `--approve DIGEST`, or `--plan FILE` with the file that `--out FILE` wrote"
        )))
    }
}

/// Whether an environment that needs no approval is asked about: `local` never is, and without environments there is no
/// name to ask about.
fn asks(name: Option<&str>, consent: &Consent) -> bool {
    !consent.yes && consent.digest.is_none() && name.is_some_and(|name| name != LOCAL)
}

fn nobody(name: Option<&str>) -> Trouble {
    let name = name.unwrap_or_default();
    let message = format!("environment `{name}` needs an approval, and nobody is here to give it");
    Trouble::new(Kind::ApprovalMissing, "approval_required", message).help(
        "run it on a terminal, or with --ci in a job that the platform guards (such as a protected GitHub environment)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::settings::Files;
    use devflow_runtime::{Actor, Settings, TableName};
    use std::path::PathBuf;

    fn database(approval: Approval, asked: Asked, environment: Option<&str>) -> Database {
        Database {
            files: Files::Directory,
            environment: environment.map(str::to_owned),
            url: Secret::new(String::new()),
            directory: "migrations".into(),
            shown: "migrations".to_owned(),
            folder: PathBuf::new(),
            ledger: Default::default(),
            supabase: None,
            table: TableName::default(),
            policies: Settings::default(),
            wait: None,
            application: None,
            actor: Actor::default(),
            approval,
            asked,
            remarks: Vec::new(),
        }
    }

    /// What the gate does, in a few words.
    fn gate(
        approval: Approval,
        asked: Asked,
        environment: Option<&str>,
        consent: &Consent,
    ) -> String {
        match Gate::of(&database(approval, asked, environment), consent, "migrate") {
            Err(trouble) => trouble.code.to_owned(),
            Ok(Gate {
                question,
                digest,
                approval,
            }) => {
                let question =
                    question.map_or("none".to_owned(), |question| format!("{question:?}"));
                let digest = if digest.is_some() { " digest" } else { "" };
                format!("{question} {}{digest}", approval.unwrap_or("-"))
            }
        }
    }

    #[test]
    fn who_has_to_say_yes() {
        use {Approval::*, Asked::*};
        let nothing = Consent::default();
        let yes = Consent {
            yes: true,
            ..nothing.clone()
        };
        let approved = Consent {
            digest: PlanDigest::parse(&"ab".repeat(32)),
            ..nothing.clone()
        };
        let table: &[(Approval, Asked, Option<&str>, &Consent, &str)] = &[
            (No, Person, Some("local"), &nothing, "none -"),
            (No, Person, None, &nothing, "none -"),
            (No, Person, Some("staging"), &nothing, "Ordinary terminal"),
            (No, Person, Some("staging"), &yes, "none -"),
            (No, Person, Some("staging"), &approved, "none digest digest"),
            (No, Platform, Some("staging"), &nothing, "none -"),
            (No, Nobody, Some("staging"), &nothing, "none -"),
            (
                Approval::Yes,
                Person,
                Some("production"),
                &nothing,
                "Name terminal",
            ),
            (
                Approval::Yes,
                Person,
                Some("production"),
                &yes,
                "Name terminal",
            ),
            (
                Approval::Yes,
                Person,
                Some("production"),
                &approved,
                "Name terminal digest",
            ),
            (
                Approval::Yes,
                Person,
                Some("local"),
                &nothing,
                "Name terminal",
            ),
            (
                Approval::Yes,
                Platform,
                Some("production"),
                &nothing,
                "none platform",
            ),
            (
                Approval::Yes,
                Platform,
                Some("production"),
                &approved,
                "none platform digest",
            ),
            (
                Approval::Yes,
                Nobody,
                Some("production"),
                &yes,
                "approval_required",
            ),
            (
                Approval::Yes,
                Nobody,
                Some("production"),
                &approved,
                "approval_required",
            ),
            (Plan, Person, Some("production"), &yes, "approval_required"),
            (
                Plan,
                Platform,
                Some("production"),
                &nothing,
                "approval_required",
            ),
            (
                Plan,
                Platform,
                Some("production"),
                &approved,
                "none digest digest",
            ),
            (
                Plan,
                Nobody,
                Some("production"),
                &approved,
                "none digest digest",
            ),
        ];
        for (approval, asked, environment, consent, expected) in table {
            let found = gate(*approval, *asked, *environment, consent);
            assert_eq!(
                &found, expected,
                "{approval:?} {asked:?} {environment:?} {consent:?}"
            );
        }
    }
}
