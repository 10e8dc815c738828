//! How often a client had to wait: its messages and the server's answers, one after another.

use std::collections::VecDeque;

/// The longest chain of messages, each of which was sent after an answer to the one before had reached the client.
///
/// A message that was sent while others had no answer yet makes no chain longer than theirs: however many are under way
/// at once, the client has waited for none of them.
#[derive(Debug)]
pub(crate) struct Chain {
    /// How long the chain is behind what has reached the client.
    reached: usize,
    longest: usize,
    /// The chains behind the messages that the server has not answered in full; the start-up comes first.
    unanswered: VecDeque<usize>,
    server: ServerWire,
}

/// Where the server's messages begin and end.
#[derive(Debug, Default)]
enum ServerWire {
    /// Before the first message: a server that is asked for encryption answers with one letter.
    #[default]
    Start,
    Head(Vec<u8>),
    Body {
        tag: u8,
        rest: usize,
    },
    /// Encrypted.
    Opaque,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            reached: 0,
            longest: 0,
            unanswered: VecDeque::from([0]),
            server: ServerWire::default(),
        }
    }
}

impl Chain {
    /// The client has sent a message of this type; says by how much that makes the longest chain longer.
    pub(crate) fn sent(&mut self, tag: u8) -> usize {
        let length = self.reached + 1;
        match tag {
            b'Q' | b'S' | b'F' => self.unanswered.push_back(length),
            // Data for a COPY, which the message before it began.
            b'd' | b'c' | b'f' => {
                if let Some(newest) = self.unanswered.back_mut() {
                    *newest = length;
                }
            }
            _ => {}
        }
        let more = length.saturating_sub(self.longest);
        self.longest += more;
        more
    }

    /// The server has sent these bytes; says how long the chain is behind them.
    pub(crate) fn answered(&mut self, bytes: &[u8]) -> usize {
        let mut length = 0;
        let mut rest = bytes;
        while !rest.is_empty() && !matches!(self.server, ServerWire::Opaque) {
            length = self.unanswered.front().copied().unwrap_or(self.longest);
            let (taken, complete) = self.server.take(rest);
            rest = &rest[taken..];
            if complete == Some(b'Z') {
                self.unanswered.pop_front();
            }
        }
        length
    }

    /// An answer with a chain of this length behind it has reached the client.
    pub(crate) fn reached(&mut self, length: usize) {
        self.reached = self.reached.max(length);
    }
}

impl ServerWire {
    /// Takes some of the bytes; says how many, and the type of the message that is complete with them.
    fn take(&mut self, bytes: &[u8]) -> (usize, Option<u8>) {
        match self {
            Self::Opaque => (bytes.len(), None),
            Self::Start => {
                *self = match bytes[0] {
                    b'S' => Self::Opaque,
                    b'N' => Self::Start,
                    first => Self::Head(vec![first]),
                };
                (1, None)
            }
            Self::Head(head) => {
                head.push(bytes[0]);
                let &[tag, a, b, c, d] = head.as_slice() else {
                    return (1, None);
                };
                let length = u32::from_be_bytes([a, b, c, d]) as usize;
                (1, self.enter(tag, length.saturating_sub(4)))
            }
            Self::Body { tag, rest } => {
                let (tag, taken) = (*tag, bytes.len().min(*rest));
                let left = *rest - taken;
                (taken, self.enter(tag, left))
            }
        }
    }

    fn enter(&mut self, tag: u8, rest: usize) -> Option<u8> {
        let is_over = rest == 0;
        *self = match is_over {
            true => Self::Head(Vec::new()),
            false => Self::Body { tag, rest },
        };
        is_over.then_some(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: [u8; 6] = [b'Z', 0, 0, 0, 5, b'I'];

    /// A client that keeps this many messages under way, and sends the next with each answer.
    fn longest(messages: usize, window: usize) -> usize {
        let mut chain = Chain::default();
        let started = chain.answered(&[b"N".as_slice(), &READY].concat());
        chain.reached(started);
        let mut longest = 0;
        for _ in 0..window {
            longest += chain.sent(b'Q');
        }
        for _ in window..messages {
            let (head, body) = READY.split_at(3);
            let early = chain.answered(head);
            let length = chain.answered(body);
            assert_eq!(early, length);
            chain.reached(length);
            longest += chain.sent(b'Q');
        }
        longest
    }

    #[test]
    fn what_is_under_way_at_once_is_waited_for_together() {
        assert_eq!(longest(100, 1), 100);
        assert_eq!(longest(100, 32), 4);
        assert_eq!(longest(100, 100), 1);
    }

    #[test]
    fn messages_that_are_answered_together_are_one() {
        let mut chain = Chain::default();
        chain.answered(&READY);
        let sent: usize = b"PDSBES".iter().map(|tag| chain.sent(*tag)).sum();
        assert_eq!(sent, 1);
        for _ in 0..2 {
            let length = chain.answered(&[b'C', 0, 0, 0, 5, 0]);
            assert_eq!((length, chain.answered(&READY)), (1, 1));
        }
        chain.reached(1);
        assert_eq!(chain.sent(b'Q'), 1);
    }

    #[test]
    fn data_waits_for_the_server_to_ask_for_it() {
        let mut chain = Chain::default();
        chain.answered(&READY);
        chain.sent(b'Q');
        let asked = chain.answered(&[b'G', 0, 0, 0, 4]);
        chain.reached(asked);
        assert_eq!((chain.sent(b'd'), chain.sent(b'c')), (1, 0));
        assert_eq!(chain.answered(&READY), 2);
    }
}
