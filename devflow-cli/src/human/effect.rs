//! What a pending migration's statements do.

use super::line;
use crate::effect::{Chosen, LockGroup, object};
use crate::look::{Look, Talk};
use crate::style::{BAD, CAREFUL, QUIET, paint};
use crate::visible;
use devflow_migrations::{Effect, EffectVerb};

/// Of a longer file, so many statements are shown, unless everything was asked for.
const MOST: usize = 12;

/// The longest verb's width.
const VERB: usize = 9;

/// The statements of one file below its name.
pub(super) fn effects(effects: &[Effect], look: Look) -> String {
    let most = match look.talk {
        Talk::Verbose => usize::MAX,
        Talk::Ordinary | Talk::Quiet => MOST,
    };
    let chosen = Chosen::of(effects, most);
    let mut text: String = chosen.shown.iter().map(|it| effect(it, look)).collect();
    if chosen.more > 0 {
        text += &more(&chosen);
    }
    text
}

fn more(chosen: &Chosen<'_>) -> String {
    let destroying = match chosen.more_destroying {
        0 => String::new(),
        count => paint(BAD, format!(", {count} of them destroying data")),
    };
    let more = paint(QUIET, format!("… and {} more", chosen.more));
    let all = paint(QUIET, ": -v shows all");
    format!("      {more}{destroying}{all}\n")
}

fn effect(effect: &Effect, look: Look) -> String {
    let verb = effect.verb.word();
    let shown = visible::line(&object(effect));
    let shown = match look.width {
        Some(width) => line::cut(&shown, width.saturating_sub(VERB + 13)),
        None => shown,
    };
    let place = paint(QUIET, format!("{:>8}", format!("line {}", effect.line)));
    let style = match (effect.destroys, effect.verb) {
        (true, _) => BAD,
        (false, EffectVerb::RunsCode | EffectVerb::Unread) => CAREFUL,
        (false, _) => anstyle::Style::new(),
    };
    let verb = paint(style, format!("{verb:<VERB$}"));
    format!("    {place}  {verb} {shown}\n{}", notes(effect, look))
}

/// What a reviewer should know of a statement: that it destroys data, and its locks.
pub(super) fn notes(effect: &Effect, look: Look) -> String {
    let mut text = String::new();
    if effect.destroys {
        text += &note(&paint(BAD, "destroys data"));
    }
    let locks = match look.talk {
        Talk::Verbose => LockGroup::all(effect),
        Talk::Ordinary | Talk::Quiet => LockGroup::of_note(effect),
    };
    text.extend(locks.iter().map(lock));
    text
}

fn lock(lock: &LockGroup) -> String {
    let style = if lock.is_strong() { CAREFUL } else { QUIET };
    let mode = paint(style, lock.mode.as_str());
    let on = visible::line(&lock.on.join(", "));
    note(&format!("{mode} on {on}: {}", lock.consequence()))
}

fn note(text: &str) -> String {
    format!("{}{text}\n", " ".repeat(VERB + 15))
}
