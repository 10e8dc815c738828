//! What pending migrations do, in a job's summary: what a reviewer approves by.

use super::markdown::{code, plain};
use crate::effect::{Chosen, LockGroup, object};
use crate::outcome::File;
use devflow_migrations::Effect;

/// How many statements of one file a table shows; the JSON has all of them.
const ROWS: usize = 25;

/// A file and a table of its statements for each of so many; `None` where it is not known what they do.
pub(super) fn files(
    title: &str,
    files: &[File],
    effects: &[Vec<Effect>],
    most: usize,
) -> Option<String> {
    if effects.is_empty() {
        return None;
    }
    let mut text = format!("{title} ({}):\n\n", files.len());
    let each = files.iter().zip(effects).take(most);
    text.extend(each.map(|(file, effects)| table(file, effects)));
    Some(text)
}

fn table(file: &File, effects: &[Effect]) -> String {
    let apart = match file.mode {
        Some("no-transaction") => " · outside a transaction",
        _ => "",
    };
    let name = code(file.file());
    let mut text = format!("**{name}**{apart}\n\n");
    if effects.is_empty() {
        return text + "It has no statements.\n\n";
    }
    text += "| line | does | locks |\n| ---: | --- | --- |\n";
    let chosen = Chosen::of(effects, ROWS);
    text.extend(chosen.shown.iter().map(|effect| row(effect)));
    if chosen.more > 0 {
        let destroying = match chosen.more_destroying {
            0 => String::new(),
            count => format!(", {count} of them destroying data"),
        };
        text += &format!("\n… and {} more{destroying}\n", chosen.more);
    }
    text + "\n"
}

fn row(effect: &Effect) -> String {
    let mark = if effect.destroys {
        "❗ **destroys data**: "
    } else {
        ""
    };
    let does = format!("{mark}{} {}", effect.verb.word(), code(&object(effect)));
    let locks: Vec<_> = LockGroup::of_note(effect).iter().map(lock).collect();
    format!("| {} | {does} | {} |\n", effect.line, locks.join("<br>"))
}

fn lock(lock: &LockGroup) -> String {
    let mark = if lock.is_strong() { "⚠️ " } else { "" };
    format!(
        "{mark}{} on {}: {}",
        lock.mode.as_str(),
        code(&lock.on.join(", ")),
        plain(&lock.consequence())
    )
}
