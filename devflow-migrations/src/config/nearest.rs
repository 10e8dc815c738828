//! Did you mean …?

/// Longer words are no slips of the pen.
const MAX_LENGTH: usize = 64;

/// A shorter beginning may be anything's.
const SHORTEST: usize = 3;

/// The candidate that `word` is probably a misspelling of.
///
/// Two words are near when at most a third of their letters differ, upper and lower case aside; or else when the one is the
/// other's beginning, three letters long at least: `prod`.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > MAX_LENGTH {
        return None;
    }
    let word = word.to_lowercase();
    let candidates = candidates.into_iter();
    let candidates: Vec<_> = candidates.filter(|it| it.len() <= MAX_LENGTH).collect();
    let misspelt = candidates
        .iter()
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| *candidate);
    let is_begun = |it: &&str| word.len() >= SHORTEST && it.to_lowercase().starts_with(&word);
    misspelt.or_else(|| candidates.iter().copied().find(is_begun))
}

fn distance(word: &str, candidate: &str) -> usize {
    strsim::osa_distance(word, &candidate.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_the_word_that_was_meant() {
        let words = ["staging", "production", "local"];
        assert_eq!(nearest("stagign", words), Some("staging"));
        assert_eq!(nearest("Production", words), Some("production"));
        assert_eq!(nearest("prod", words), Some("production"));
        assert_eq!(nearest("pr", words), None);
        assert_eq!(nearest("", words), None);
        assert_eq!(nearest(&"x".repeat(1000), words), None);
        assert_eq!(nearest("stagin", []), None);
    }
}
