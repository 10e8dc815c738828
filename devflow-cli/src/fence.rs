//! Keeps a CI runner from obeying what others wrote.

use crate::look::Reader;
use std::hash::{BuildHasher, RandomState};

/// Puts text between `::stop-commands::` and its end where a GitHub Actions runner reads along.
#[derive(Debug, Clone)]
pub(crate) struct Fence(Option<String>);

impl Fence {
    pub(crate) fn new(reader: Reader) -> Self {
        Self(match reader {
            Reader::Ordinary => None,
            Reader::GithubActions => Some(token()),
        })
    }

    /// The text, fenced where anything in it could be a command; it is empty or ends in a newline.
    pub(crate) fn around(&self, text: String) -> String {
        match &self.0 {
            Some(token) if text.contains("::") || text.contains("##[") => {
                format!("::stop-commands::{token}\n{text}::{token}::\n")
            }
            _ => text,
        }
    }
}

/// 128 bits that a migration cannot guess: the standard library keys its hashers from the system's randomness.
pub(crate) fn token() -> String {
    let half = |salt: u8| RandomState::new().hash_one(salt);
    format!("{:016x}{:016x}", half(1), half(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_is_told_to_stop_obeying_and_nobody_else_is() {
        let text = || "  notice: \n::error::x\n".to_owned();
        assert_eq!(Fence::new(Reader::Ordinary).around(text()), text());
        let fence = Fence::new(Reader::GithubActions);
        let fenced = fence.around(text());
        let token = fence.0.clone().unwrap();
        assert_eq!(
            fenced,
            format!("::stop-commands::{token}\n{}::{token}::\n", text())
        );
        assert_ne!(token, Fence::new(Reader::GithubActions).0.unwrap());
        for plain in ["", "a: b [c] #d\n"] {
            assert_eq!(fence.around(plain.to_owned()), plain);
        }
        let old = fence.around("a ##[error]b\n".to_owned());
        assert!(old.starts_with("::stop-commands::"), "{old}");
    }
}
