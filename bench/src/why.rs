//! Why figures are not what the bar asks for: the report shows the reason of each line that is missed.

/// The line's title, and the reason.
pub(crate) const WHY: &[(&str, &str)] = &[
    (
        "Nothing pending, 1,000 migrations: server's time",
        "between two runs of 2026-11-23 the figure went from 4.5 to 7.4 ms and that of 100 \
         migrations from 4.2 to 4.8; the first was within the bar, and nothing in the look had changed: neither is \
         certain",
    ),
    (
        "100 migrations",
        "another run of the same day had 0.99 times psql; the samples of either lie between 0.16 and 0.41 s, most of it PostgreSQL's \
         own work and the disk's, and the medians of two such ranges differ by chance",
    ),
    (
        "Nothing pending, 1,000 migrations",
        "the server takes 4.5 ms for the look, where sqlx's queries take 2: in one message it holds owner, columns, key, comment, \
         triggers and rules of both tables against what devflow makes, in a session whose catalog caches are empty; that does \
         not grow with the count, and it is earned back fivefold by the 13 round trips that are not made as soon as there is a link",
    ),
    (
        "Nothing pending, 1,000 migrations, command",
        "psql reads no migrations; the command opens and hashes 1,000 files to find what was modified, as sqlx-cli does",
    ),
    (
        "Nothing pending: command's memory",
        "its program has 9.5 MB, where sqlx-cli has 7.9: of what a short run touches, most is the program itself",
    ),
    (
        "Nothing pending: command's instructions",
        "half of them are SHA-256 in software, 3.7 M: Valgrind offers no SHA instructions, which the processors have that the \
         command runs on, and sqlx-cli's SHA-384 has none to lose",
    ),
    (
        "50 replicas, first start",
        "a waiter asks again four times a second, so that the last learn 250 ms late that the work is done, and meanwhile each of \
         the 50 takes a few ms of the processors that the one at work needs; sqlx waits inside the server, which deadlocks with \
         CREATE INDEX CONCURRENTLY (docs/guarantees.md)",
    ),
    (
        "20,000 INSERTs",
        "each statement is told from the next and hashed before anything is sent, and the file is sent in groups that name the \
         statement that failed; the peers send the text unread",
    ),
    (
        "50 MB file",
        "each statement is told from the next and hashed before anything is sent; the peers send the text unread, and hold \
         three to six times the memory on both sides",
    ),
    (
        "50 MB file: client's memory",
        "beside the text lies the list of its statements",
    ),
    (
        "1,000 migrations in the program",
        "beside its SQL each file has its checksum, its name, the places of its statements and the tables that it locks, some \
         120 bytes; sqlx adds more for the same files",
    ),
];

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
