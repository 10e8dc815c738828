//! Why figures are not what the bar asks for: the report shows the reason of each line that is missed.

/// The line's title, and the reason.
pub(crate) const WHY: &[(&str, &str)] = &[
    (
        "Nothing pending, 1,000 migrations: server's time",
        "uncertain: two runs of 2026-11-23 had 4.5 and 7.4 ms, beside 4.2 and 4.8 with 100 migrations, with the same query; \
         the first of the two is within the bar, and so was `--growth` with 5.2 and 6.7",
    ),
    (
        "100 migrations",
        "uncertain: two runs of 2026-11-23 had 0.99 and 1.15 times psql, with samples of either from 0.16 to 0.41 s",
    ),
    (
        "Nothing pending, 1,000 migrations",
        "the server takes longer for the look than for sqlx's queries: in one message it holds owner, columns, key, comment, \
         triggers and rules of the ledger against what devflow makes, and hashes its rows; over 5 ms each way, where sqlx \
         has 13 round trips more, the same start takes a fifth of sqlx's time",
    ),
    (
        "Nothing pending, 1,000 migrations, command",
        "psql reads no migrations; the command opens and hashes 1,000 files to find what was modified. sqlx-cli, which reads \
         them too, also needs more than twice psql's time",
    ),
    (
        "Nothing pending: command's memory",
        "of the 7.7 MiB that it has while it waits for a server's first answer, 6.9 are pages of its program, which has 9.5 \
         MB where sqlx-cli has 7.9",
    ),
    (
        "Nothing pending: command's instructions",
        "3.7 M of them are SHA-256 in software: Valgrind's processor has no SHA instructions, and where they exist the \
         command uses them",
    ),
    (
        "50 replicas, first start",
        "a waiter asks again four times a second, so that the last learns up to 250 ms late that the work is done; and the \
         looks of the waiters, some 20 ms of the server's time for each replica, take processors from the one at work. sqlx \
         waits inside the server, where a waiter and the holder's CREATE INDEX CONCURRENTLY wait for each other",
    ),
    (
        "20,000 INSERTs",
        "reading, hashing and splitting the file and checking its syntax take 26 ms before anything is sent; the peers send \
         the text unread",
    ),
    (
        "50 MB file",
        "the client's processor time is 0.6 s, most of it to hash and split the text before the first group is sent; the \
         peers send the text unread, with two to four times the memory",
    ),
    (
        "50 MB file: client's memory",
        "7.7 MiB are the program; the rest beyond the file has not been taken apart, but the syntax check is 1 MiB of it at \
         most",
    ),
    (
        "Build with 1,000 migrations",
        "two builds' processor times differ by less than each of them does from one time to the next; no figure was had",
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
