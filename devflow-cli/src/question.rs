//! Asks a person.

use crate::approve::Question;
use crate::outcome::{Kind, Trouble};
use crate::progress::Progress;
use crate::signals::Signals;
use crate::style::{STRONG, paint};
use crate::visible;
use tokio::sync::oneshot;

impl Question {
    /// Asks, and waits for the answer or a signal.
    ///
    /// `what` is the whole question without its mark, such as `Apply 3 migrations to staging`.
    pub(crate) async fn ask(
        self,
        what: &str,
        environment: &str,
        progress: &mut Progress<'_>,
        signals: &Signals,
    ) -> Result<(), Trouble> {
        let environment = visible::line(environment);
        progress.say(match self {
            Self::Ordinary => format!("\n{} [y/N] ", paint(STRONG, format!("{what}?"))),
            Self::Name => format!(
                "\n{} Type the environment's name, {}: ",
                paint(STRONG, format!("{what}?")),
                paint(STRONG, &environment)
            ),
        });
        let answer = tokio::select! {
            signal = signals.first() => return Err(Trouble::interrupted(signal)),
            answer = answer() => answer,
        };
        if self.accepts(answer.trim(), &environment) {
            Ok(())
        } else {
            Err(Trouble::new(
                Kind::ApprovalMissing,
                "approval_declined",
                "not confirmed; nothing was done",
            ))
        }
    }

    fn accepts(self, answer: &str, environment: &str) -> bool {
        match self {
            Self::Ordinary => matches!(answer.to_lowercase().as_str(), "y" | "yes"),
            Self::Name => answer == environment,
        }
    }
}

/// One line of stdin, read on a thread of its own so that signals are heard meanwhile; empty at the end of the input.
async fn answer() -> String {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        // Unreadable input is no answer.
        let _ = std::io::stdin().read_line(&mut line);
        let _ = sender.send(line);
    });
    receiver.await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Question;

    #[test]
    fn only_a_yes_or_the_very_name_is_accepted() {
        for (question, answer, accepted) in [
            (Question::Ordinary, "y", true),
            (Question::Ordinary, "YES", true),
            (Question::Ordinary, "", false),
            (Question::Ordinary, "production", false),
            (Question::Name, "production", true),
            (Question::Name, "Production", false),
            (Question::Name, "y", false),
        ] {
            assert_eq!(question.accepts(answer, "production"), accepted, "{answer}");
        }
    }
}
