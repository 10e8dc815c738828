//! A migration's version: groups of digits, compared as numbers.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version in canonical form: groups of digits joined by dots, no group with leading zeros.
///
/// Versions are ordered group by group as numbers, never as text: `2` comes before `10`, and `1.9` before `1.10`.
/// `0001` and `1` are the same version.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version(Box<str>);

/// The most digits that a version may have.
pub const MAX_DIGITS: usize = 64;

/// Why a text is not a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidVersion {
    /// Something other than groups of digits joined by single dots.
    Malformed,
    /// More than [`MAX_DIGITS`] digits.
    TooLong,
}

impl Version {
    /// Parses `text` and drops the leading zeros of each group.
    ///
    /// # Errors
    /// [`InvalidVersion`] when `text` is not `digits(.digits)*`, or has more than 64 digits.
    pub fn parse(text: &str) -> Result<Self, InvalidVersion> {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        if digits > MAX_DIGITS {
            return Err(InvalidVersion::TooLong);
        }
        let mut canonical = String::with_capacity(text.len());
        for group in text.split('.') {
            if group.is_empty() || !group.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(InvalidVersion::Malformed);
            }
            if !canonical.is_empty() {
                canonical.push('.');
            }
            let significant = group.trim_start_matches('0');
            canonical.push_str(if significant.is_empty() {
                "0"
            } else {
                significant
            });
        }
        Ok(Self(canonical.into_boxed_str()))
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let mut ours = self.0.split('.');
        let mut theirs = other.0.split('.');
        loop {
            return match (ours.next(), theirs.next()) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (Some(a), Some(b)) => match a.len().cmp(&b.len()).then_with(|| a.cmp(b)) {
                    Ordering::Equal => continue,
                    unequal => unequal,
                },
            };
        }
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({})", self.0)
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for InvalidVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => {
                f.write_str("a version is digits, or groups of digits joined by dots")
            }
            Self::TooLong => write!(f, "a version has at most {MAX_DIGITS} digits"),
        }
    }
}

impl std::error::Error for InvalidVersion {}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn orders_groups_as_numbers() {
        let sorted = [
            "0",
            "1",
            "1.0",
            "1.9",
            "1.10",
            "1.93.1",
            "2",
            "10",
            "20240101120000",
        ];
        for pair in sorted.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn drops_leading_zeros_of_each_group() {
        assert_eq!(version("0042").as_str(), "42");
        assert_eq!(version("1.093").as_str(), "1.93");
        assert_eq!(version("000").as_str(), "0");
        assert_eq!(version("0001"), version("1"));
    }

    #[test]
    fn refuses_what_is_not_groups_of_digits() {
        for text in ["", ".", "1.", ".1", "1..2", "a", "1a", "-1", "1 ", "١"] {
            assert_eq!(
                Version::parse(text),
                Err(InvalidVersion::Malformed),
                "{text:?}"
            );
        }
        assert!(Version::parse(&"9".repeat(64)).is_ok());
        assert_eq!(
            Version::parse(&"9".repeat(65)),
            Err(InvalidVersion::TooLong)
        );
    }
}
