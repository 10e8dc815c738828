//! Where a client's messages begin and end in the bytes that it sends.

/// A piece of what a client sent, cut at message boundaries.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// How many bytes it is long.
    pub(crate) length: usize,
    /// What the piece is.
    pub(crate) kind: PieceKind,
    /// Whether a message ends with it.
    pub(crate) ends: bool,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PieceKind {
    /// The first byte of a message that asks the server for work: it tells what kind of message it is.
    Begin { tag: u8 },
    /// Further bytes of the same message.
    Continue,
    /// Start-up, a password, the good-bye, and everything inside of TLS.
    Other,
}

/// Follows one client's bytes from the first one on.
#[derive(Debug, Default)]
pub(crate) struct ClientWire {
    state: State,
    header: Vec<u8>,
    rest: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Packets without a type: SSLRequest, GSSENCRequest, CancelRequest, StartupMessage.
    #[default]
    Startup,
    /// Messages that begin with a type.
    Messages { counted: bool },
    /// A TLS handshake began: nothing can be told apart any more.
    Opaque,
}

const PROTOCOL_3: u32 = 3 << 16;

impl ClientWire {
    /// Cuts the next bytes into pieces.
    pub(crate) fn pieces(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let piece = self.piece(&bytes[at..]);
            at += piece.length;
            pieces.push(piece);
        }
        pieces
    }

    fn piece(&mut self, bytes: &[u8]) -> Piece {
        if self.state == State::Startup
            && self.header.is_empty()
            && self.rest == 0
            && bytes[0] == 0x16
        {
            self.state = State::Opaque;
        }
        if self.state == State::Opaque {
            return other(bytes.len());
        }
        if self.rest > 0 {
            return self.body(bytes);
        }
        self.head(bytes)
    }

    /// The rest of a message whose length is known.
    fn body(&mut self, bytes: &[u8]) -> Piece {
        let length = self.rest.min(bytes.len());
        self.rest -= length;
        match self.state {
            State::Messages { counted: true } => Piece {
                length,
                kind: PieceKind::Continue,
                ends: self.rest == 0,
            },
            _ => other(length),
        }
    }

    /// One byte of what tells a message's length: few enough bytes that one at a time does not matter.
    fn head(&mut self, bytes: &[u8]) -> Piece {
        let first = self.header.is_empty();
        self.header.push(bytes[0]);
        if let (State::Messages { counted }, true) = (&mut self.state, first) {
            // `p` carries passwords, `X` says good-bye; neither asks for work.
            *counted = !matches!(bytes[0], b'p' | b'X');
        }
        let kind = match (self.state, first) {
            (State::Messages { counted: true }, true) => PieceKind::Begin { tag: bytes[0] },
            (State::Messages { counted: true }, false) => PieceKind::Continue,
            _ => PieceKind::Other,
        };
        self.finish_head();
        Piece {
            length: 1,
            kind,
            ends: kind != PieceKind::Other && self.header.is_empty() && self.rest == 0,
        }
    }

    fn finish_head(&mut self) {
        let startup = self.state == State::Startup;
        // A start-up packet's code is read together with its length, for it says what follows.
        let (skip, needed) = if startup { (0, 8) } else { (1, 5) };
        if self.header.len() < needed {
            return;
        }
        let length = number(&self.header[skip..skip + 4]);
        self.rest = (length as usize).saturating_sub(needed - skip);
        if startup && number(&self.header[4..8]) >> 16 == PROTOCOL_3 >> 16 {
            // The body of the start-up packet is still of the uncounted kind.
            self.state = State::Messages { counted: false };
        }
        self.header.clear();
    }
}

fn other(length: usize) -> Piece {
    Piece {
        length,
        kind: PieceKind::Other,
        ends: false,
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation() -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend([0, 0, 0, 8, 4, 210, 22, 47]);
        bytes.extend([0, 0, 0, 10, 0, 3, 0, 0, b'x', 0]);
        bytes.extend([b'p', 0, 0, 0, 6, b's', 0]);
        bytes.extend([b'Q', 0, 0, 0, 6, b'a', 0]);
        bytes.extend([b'Q', 0, 0, 0, 4]);
        bytes.extend([b'X', 0, 0, 0, 4]);
        bytes
    }

    fn begins(chunk: usize) -> (usize, usize) {
        let mut wire = ClientWire::default();
        let bytes = conversation();
        let pieces: Vec<Piece> = bytes
            .chunks(chunk)
            .flat_map(|bytes| wire.pieces(bytes))
            .collect();
        let total: usize = pieces.iter().map(|piece| piece.length).sum();
        assert_eq!(total, bytes.len());
        assert_eq!(pieces.iter().filter(|piece| piece.ends).count(), 2);
        let counted = |kind| pieces.iter().filter(|piece| piece.kind == kind).count();
        let continued: usize = pieces
            .iter()
            .filter(|piece| piece.kind == PieceKind::Continue)
            .map(|piece| piece.length)
            .sum();
        (counted(PieceKind::Begin { tag: b'Q' }), continued)
    }

    #[test]
    fn finds_the_messages_however_the_bytes_are_cut() {
        for chunk in [1, 2, 3, 7, 64] {
            assert_eq!(begins(chunk), (2, 10), "in chunks of {chunk}");
        }
    }

    #[test]
    fn counts_nothing_inside_of_tls() {
        let mut wire = ClientWire::default();
        wire.pieces(&[0, 0, 0, 8, 4, 210, 22, 47]);
        let pieces = wire.pieces(&[0x16, 3, 1, 0, 5, b'Q', 0, 0, 0, 4]);
        assert_eq!(pieces, [other(10)]);
    }
}
