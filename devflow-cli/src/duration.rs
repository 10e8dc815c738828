//! How long something took, for people.

use std::time::Duration;

/// Like [`of_ms`].
pub(crate) fn of(duration: Duration) -> String {
    of_ms(duration.as_secs_f64() * 1000.0)
}

/// A duration in the unit that fits it: `0.4 ms`, `12 ms`, `1.3 s`, `2 min 05 s`, `1 h 02 min`.
pub(crate) fn of_ms(ms: f64) -> String {
    // Rounding comes first, so that 999.7 ms is `1.0 s` and not `1000 ms`.
    let seconds = (ms / 1000.0).round();
    if ms < 0.95 {
        format!("{ms:.1} ms")
    } else if ms.round() < 1000.0 {
        format!("{ms:.0} ms")
    } else if (ms / 100.0).round() < 600.0 {
        format!("{:.1} s", ms / 1000.0)
    } else if seconds < 3600.0 {
        format!("{} min {:02} s", (seconds / 60.0).floor(), seconds % 60.0)
    } else {
        let minutes = (seconds / 60.0).floor();
        format!("{} h {:02} min", (minutes / 60.0).floor(), minutes % 60.0)
    }
}

#[cfg(test)]
mod tests {
    use super::of_ms;

    #[test]
    fn the_unit_fits_the_duration() {
        let table = [
            (0.0, "0.0 ms"),
            (0.42, "0.4 ms"),
            (0.96, "1 ms"),
            (12.4, "12 ms"),
            (999.7, "1.0 s"),
            (1_340.0, "1.3 s"),
            (59_960.0, "1 min 00 s"),
            (125_000.0, "2 min 05 s"),
            (3_720_000.0, "1 h 02 min"),
        ];
        for (ms, text) in table {
            assert_eq!(of_ms(ms), text, "{ms}");
        }
    }
}
