//! Why figures are not what the bar asks for: the report shows the reason of each line that is missed.

/// The line's title, and the reason.
pub(crate) const WHY: &[(&str, &str)] = &[];

#[cfg(test)]
mod tests {
    use super::WHY;
    use crate::bar::BARS;

    #[test]
    fn each_reason_belongs_to_a_line_of_the_bar() {
        for (title, _) in WHY {
            assert!(BARS.iter().any(|bar| bar.title == *title), "{title}");
        }
    }
}
