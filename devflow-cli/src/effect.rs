//! What statements do, in the words that terminals and runners share.

use devflow_migrations::{Blocked, Effect, EffectVerb, Lock, LockMode, Toll};

/// So many of the most important effects, in the file's order, and what was left out.
pub(crate) struct Chosen<'a> {
    pub(crate) shown: Vec<&'a Effect>,
    /// How many statements are not shown.
    pub(crate) more: usize,
    /// How many of those destroy data.
    pub(crate) more_destroying: usize,
}

impl<'a> Chosen<'a> {
    /// Where there are too many, those that destroy data come before those that keep others waiting, and these before the
    /// rest.
    pub(crate) fn of(effects: &'a [Effect], most: usize) -> Self {
        let mut by_weight: Vec<_> = effects.iter().collect();
        by_weight.sort_by_key(|effect| std::cmp::Reverse(weight(effect)));
        let rest = by_weight.split_off(most.min(by_weight.len()));
        by_weight.sort_by_key(|effect| effect.statement);
        Self {
            shown: by_weight,
            more: rest.iter().map(|effect| effect.count).sum(),
            more_destroying: rest
                .iter()
                .filter(|it| it.destroys)
                .map(|it| it.count)
                .sum(),
        }
    }
}

fn weight(effect: &Effect) -> u8 {
    let is_unknown = matches!(effect.verb, EffectVerb::RunsCode | EffectVerb::Unread);
    let blocks = effect
        .locks
        .iter()
        .any(|lock| !lock.is_new && lock.mode.blocks() > Blocked::Ddl);
    match (effect.destroys, blocks, is_unknown) {
        (true, ..) => 3,
        (false, true, _) => 2,
        (false, false, true) => 1,
        (false, false, false) => 0,
    }
}

/// `table users: adds column email text`: what stands behind the verb.
pub(crate) fn object(effect: &Effect) -> String {
    match effect.count {
        1 => of_one(effect),
        count => format!("{} ({count} times)", of_one(effect)),
    }
}

fn of_one(effect: &Effect) -> String {
    let mut text = effect.kind.clone().unwrap_or_default();
    if !effect.names.is_empty() {
        let space = if text.is_empty() { "" } else { " " };
        text += &format!("{space}{}", effect.names.join(", "));
    }
    let details = effect.details.join("; ");
    match (text.is_empty(), details.is_empty()) {
        (true, _) => details,
        (false, true) => text,
        (false, false) => {
            let colon = if details.starts_with("on ") {
                " "
            } else {
                ": "
            };
            format!("{text}{colon}{details}")
        }
    }
}

/// Locks of one mode that do the same to what they are on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LockGroup {
    pub(crate) mode: LockMode,
    pub(crate) on: Vec<String>,
    toll: Toll,
    is_new: bool,
}

impl LockGroup {
    /// The locks that somebody may notice: those that keep readers or writers waiting, and those held while all rows are
    /// looked at. On what the run itself makes nobody waits.
    pub(crate) fn of_note(effect: &Effect) -> Vec<Self> {
        let is_of_note = |lock: &&Lock| {
            !lock.is_new && (lock.mode.blocks() > Blocked::Ddl || lock.toll > Toll::None)
        };
        Self::of(effect.locks.iter().filter(is_of_note))
    }

    /// Every lock.
    pub(crate) fn all(effect: &Effect) -> Vec<Self> {
        Self::of(effect.locks.iter())
    }

    fn of<'a>(locks: impl Iterator<Item = &'a Lock>) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for lock in locks {
            let same = |group: &&mut Self| {
                (group.mode, group.toll, group.is_new) == (lock.mode, lock.toll, lock.is_new)
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.on.push(lock.on.to_string()),
                None => groups.push(Self {
                    mode: lock.mode,
                    on: vec![lock.on.to_string()],
                    toll: lock.toll,
                    is_new: lock.is_new,
                }),
            }
        }
        groups
    }

    /// Whether readers or writers wait for it.
    pub(crate) fn is_strong(&self) -> bool {
        !self.is_new && self.mode.blocks() > Blocked::Ddl
    }

    /// What stands behind its mode and what it is on: `blocks reads and writes; may rewrite it`.
    pub(crate) fn consequence(&self) -> String {
        let each = if self.on.len() == 1 { "it" } else { "each" };
        let toll = match self.toll {
            Toll::None => String::new(),
            Toll::Scan => format!("; may read all of {each}"),
            Toll::Rewrite => format!("; may rewrite {each}"),
        };
        match self.is_new {
            true => "made by this run: nobody waits".to_owned(),
            false => format!("blocks {}{toll}", self.mode.blocks().as_str()),
        }
    }
}
