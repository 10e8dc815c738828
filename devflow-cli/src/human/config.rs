//! Settings and their origins, one a line.

use super::line;
use crate::outcome::{Origin, Setting};
use crate::style::{QUIET, STRONG, paint};
use crate::visible;

/// A line for each setting: key, value, origin.
pub(super) fn settings(settings: &[Setting]) -> String {
    let widest = |width: fn(&Setting) -> usize| settings.iter().map(width).max().unwrap_or(0);
    let keys = widest(|setting| setting.key.len());
    let values = widest(|setting| line::width(value(setting))).min(40);
    let line = |setting: &Setting| {
        let key = format!("{:keys$}", setting.key);
        let text = visible::line(value(setting));
        let padding = " ".repeat(values.saturating_sub(line::width(&text)));
        let origin = paint(QUIET, visible::line(&origin(&setting.origin)));
        format!("{}  {text}{padding}  {origin}\n", paint(STRONG, key))
    };
    settings.iter().map(line).collect()
}

fn value(setting: &Setting) -> &str {
    setting.value.as_deref().unwrap_or("-")
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Flag(at) => (*at).to_owned(),
        Origin::Variable(at) => format!("variable {at}"),
        Origin::File(at) | Origin::DotEnv(at) => at.clone(),
        Origin::Search => "searched for".to_owned(),
        Origin::Default => "default".to_owned(),
    }
}
