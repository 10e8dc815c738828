//! `devflow db check`: what is wrong with the files, and with the order that a merge would give them.

use crate::branch::{Base, Branch, Merged, version_of};
use crate::git::{Commit, Git, TreeFile};
use crate::human::line;
use crate::outcome::{Body, Check, Compared, File, Kind, Outcome, Remark, Trouble};
use crate::settings::{self, Binary};
use crate::stale;
use devflow_migrations::{Effect, EffectReader, SourceError, Text};
use devflow_runtime::{Checksum, MigrationSet};

pub(super) fn check(settings: &settings::Check) -> Result<Outcome, Trouble> {
    let ledger = settings.ledger;
    let set = MigrationSet::read_for(&settings.directory, &settings.shown, ledger)?;
    let mut check = Check {
        files: Some(set.len()),
        ..Check::default()
    };
    if let Some(binary) = &settings.binary {
        return Ok(compare(&set, binary, check));
    }
    let Some(name) = &settings.base else {
        set.check(ledger)?;
        return Ok(Outcome::new(Body::Check(check)));
    };
    let git = Git::of(settings.directory.clone())?;
    let tip = git.commit(name)?;
    let fork = git.fork(&tip)?;
    let base = Base {
        name,
        tip: branch(&git, &tip)?,
        fork: branch(&git, &fork)?,
        out_of_order: settings.policies.out_of_order.unwrap_or_default(),
        missing: settings.policies.missing.unwrap_or_default(),
    };
    let (mut reader, additions) = (EffectReader::default(), base.additions(&set));
    // What the base has may be applied, and then nobody can change it any more.
    let files = additions
        .iter()
        .flat_map(|up| std::iter::once(*up).chain(up.down().map(|down| &**down)));
    SourceError::check(files.flat_map(|file| file.problems(ledger)).collect())?;
    check.effects = additions
        .iter()
        .map(|added| Effect::together(reader.read(added)))
        .collect();
    check.new = additions.into_iter().map(File::of).collect();
    check.base = Some(Compared {
        name: name.clone(),
        commit: tip.as_str().to_owned(),
        merge_base: fork.as_str().to_owned(),
    });
    let mut outcome = Outcome::new(Body::Check(check));
    outcome.findings = base.findings(&set);
    outcome.trouble = refusal(&outcome, name);
    Ok(outcome)
}

/// An executable must embed what the directory holds.
fn compare(set: &MigrationSet, binary: &Binary, check: Check) -> Outcome {
    let mut outcome = Outcome::new(Body::Check(check));
    outcome.remarks.push(Remark::new(binary.remark()));
    outcome.findings = stale::findings(set, binary.set(), &binary.shown);
    outcome.trouble = (!outcome.findings.is_empty()).then(|| {
        let message = format!("{} is stale: it does not embed what is here", binary.shown);
        Trouble::new(Kind::Refused, "binary_stale", message)
    });
    outcome
}

fn refusal(outcome: &Outcome, base: &str) -> Option<Trouble> {
    let (count, verb) = match outcome.refused().count() {
        0 => return None,
        1 => (1, "stops"),
        count => (count, "stop"),
    };
    let found = line::count(count, "finding");
    let message = format!("{found} {verb} a deploy once this branch is merged into {base}");
    Some(Trouble::new(Kind::Refused, "refused", message))
}

/// The migrations of a commit.
fn branch(git: &Git, commit: &Commit) -> Result<Branch, Trouble> {
    let files = git.files(commit)?.into_iter();
    let files: Vec<_> = files
        .filter_map(|file| Some((version_of(&file.name)?, file)))
        .collect();
    let blobs: Vec<_> = files.iter().filter_map(|(_, it)| it.blob.clone()).collect();
    let mut contents = git.contents(&blobs)?.into_iter();
    let mut checksum = |file: &TreeFile| {
        let bytes = file.blob.as_ref().and_then(|_| contents.next().flatten())?;
        let text = Text::from_bytes(bytes).ok()?;
        Some(Checksum::of(text.as_str()))
    };
    let merged = files.into_iter().map(|(version, file)| {
        let checksum = checksum(&file);
        let name = file.name;
        (version, Merged { name, checksum })
    });
    Ok(merged.collect())
}
