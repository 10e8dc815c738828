//! What is wrong with the arguments, and what was probably meant.

use super::Arguments;
use crate::outcome::Trouble;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};
use devflow_migrations::nearest;

/// Words that other tools have for our commands.
const OTHER_WORDS: [(&str, &str); 13] = [
    ("up", "migrate"),
    ("apply", "migrate"),
    ("run", "migrate"),
    ("deploy", "migrate"),
    ("down", "revert"),
    ("rollback", "revert"),
    ("undo", "revert"),
    ("create", "new"),
    ("add", "new"),
    ("info", "status"),
    ("history", "log"),
    ("validate", "check"),
    ("verify", "check"),
];

/// Clap's own words: the first paragraph is the message, the rest is what helps.
pub(super) fn trouble(error: &clap::Error) -> Trouble {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Trouble::usage("usage", "a command is missing").help(text);
    }
    let (message, help) = text.split_once("\n\n").unwrap_or((text, ""));
    let help = match tip(error) {
        Some(tip) if !help.contains("tip:") => format!("  tip: {tip}\n\n{help}"),
        _ => help.to_owned(),
    };
    let trouble = Trouble::usage("usage", message);
    match help.is_empty() {
        true => trouble,
        false => trouble.help(help),
    }
}

/// What clap does not know: the commands and flags that are elsewhere.
fn tip(error: &clap::Error) -> Option<String> {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let command = meant(word(ContextKind::InvalidSubcommand)?)?;
            Some(format!("did you mean `{command}`?"))
        }
        ErrorKind::UnknownArgument => {
            let flag = word(ContextKind::InvalidArg)?.strip_prefix("--")?;
            let usage = error.get(ContextKind::Usage)?.to_string();
            let is_known = of_status()
                .get_arguments()
                .any(|known| known.get_long() == Some(flag));
            (is_known && usage.contains("<COMMAND>"))
                .then(|| format!("flags follow the command: `devflow db status --{flag}`"))
        }
        _ => None,
    }
}

/// The whole command that a word stands for.
fn meant(word: &str) -> Option<String> {
    let other = OTHER_WORDS.iter().find(|(other, _)| *other == word);
    let word = other.map_or(word, |(_, ours)| ours);
    let devflow = Arguments::command();
    let commands: Vec<_> = devflow
        .get_subcommands()
        .flat_map(|command| std::iter::once((command, "")).chain(below(command)))
        .map(|(command, above)| (command.get_name(), above))
        .collect();
    let near = nearest(word, commands.iter().map(|(name, _)| *name))?;
    let (name, above) = commands.iter().find(|(name, _)| *name == near)?;
    Some(format!("devflow {above}{name}"))
}

/// The commands of a group, each with what stands before it.
fn below(group: &Command) -> impl Iterator<Item = (&Command, &'static str)> {
    group.get_subcommands().map(|command| (command, "db "))
}

/// A command that takes what most of them take.
fn of_status() -> Command {
    let devflow = Arguments::command();
    let db = devflow.find_subcommand("db");
    let status = db.and_then(|db| db.find_subcommand("status"));
    status.cloned().unwrap_or_default()
}
