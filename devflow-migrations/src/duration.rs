//! Durations as devflow.yml and directives spell them.

use std::time::Duration;

/// PostgreSQL keeps its time limits as milliseconds in 31 bits: almost 25 days.
const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

/// How a duration is spelled.
pub(crate) const EXPECTED: &str = "expected a number and a unit (ms, s, m or h), such as 5s";

/// Reads `250ms`, `5s`, `10m` or `1h`.
///
/// # Errors
/// What is wrong with it: a clause to follow the value.
pub fn parse(text: &str) -> Result<Duration, &'static str> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("is not a duration"),
    };
    if number.is_empty() {
        return Err("is not a duration");
    }
    number
        .parse()
        .ok()
        .and_then(|number: u64| number.checked_mul(unit))
        .map(Duration::from_millis)
        .filter(|duration| *duration <= LONGEST)
        .ok_or("is longer than 24 days")
}

/// Reads a limit that `none` turns off; zero, which PostgreSQL takes for none, is not taken here.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_limit(text: &str) -> Result<Duration, &'static str> {
    match text {
        "none" => Ok(Duration::ZERO),
        _ => match parse(text)? {
            Duration::ZERO => Err("is ambiguous: `none` turns the limit off"),
            limit => Ok(limit),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        assert_eq!(parse("2147483647ms"), Ok(LONGEST));
    }

    #[test]
    fn refuses_what_is_not_one() {
        for text in [
            "", "s", "10", "10 s", "-1s", "1.5s", "1h30m", "10S", "1d", "٣s",
        ] {
            assert_eq!(parse(text), Err("is not a duration"), "{text:?}");
        }
        for text in [
            "2147483648ms",
            "25h0",
            "600h",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
