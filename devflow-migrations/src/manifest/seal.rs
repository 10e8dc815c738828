//! How a manifest is found among a binary's bytes, and known to be whole.

pub(super) use crate::migrations::HEAD_LENGTH;
use sha2::{Digest, Sha256};
use std::hint::black_box;

/// The format that is written.
pub(super) const FORMAT: u32 = 2;

/// How long a manifest may be; some 200 000 migrations.
pub(super) const LONGEST: usize = 32 << 20;

pub(super) const MARKER_LENGTH: usize = 32;

/// The marker with every bit turned round, for a program that looks for the marker must not contain it.
const TURNED_MARKER: [u8; MARKER_LENGTH] = [
    0x0f, 0xfb, 0x7a, 0x50, 0xe3, 0x83, 0x01, 0xc7, 0x0b, 0x89, 0x32, 0x49, 0x27, 0xec, 0x45, 0x8b,
    0x23, 0x56, 0x54, 0x2b, 0x29, 0xd3, 0xf3, 0xac, 0x8c, 0x1b, 0x3c, 0xb1, 0x46, 0xba, 0x86, 0xf8,
];

/// What stands before the packed fields, taken apart.
pub(super) struct Head {
    pub(super) format: u32,
    pub(super) length: usize,
    sum: [u8; 32],
}

/// What every manifest begins with: random bytes, no two of them the same.
pub(super) fn marker() -> [u8; MARKER_LENGTH] {
    // The compiler would otherwise put the result into the program.
    black_box(TURNED_MARKER).map(|byte| !byte)
}

/// Puts marker, format, length and SHA-256 before packed fields.
pub(super) fn seal(packed: &[u8]) -> Vec<u8> {
    seal_as(FORMAT, packed)
}

pub(super) fn seal_as(format: u32, packed: &[u8]) -> Vec<u8> {
    let length = u32::try_from(packed.len()).unwrap_or(u32::MAX);
    let mut sealed = marker().to_vec();
    sealed.extend(format.to_be_bytes());
    sealed.extend(length.to_be_bytes());
    sealed.extend(sum(format, packed));
    sealed.extend(packed);
    sealed
}

impl Head {
    /// Takes a head apart; its marker has been found.
    pub(super) fn of(bytes: &[u8; HEAD_LENGTH]) -> Self {
        let number = |at: usize| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|index| bytes[at + index]);
            u32::from_be_bytes([a, b, c, d])
        };
        let mut sum = [0; 32];
        sum.copy_from_slice(&bytes[MARKER_LENGTH + 8..]);
        Self {
            format: number(MARKER_LENGTH),
            length: number(MARKER_LENGTH + 4) as usize,
            sum,
        }
    }

    /// Whether these are the bytes that were sealed.
    pub(super) fn fits(&self, packed: &[u8]) -> bool {
        packed.len() == self.length && sum(self.format, packed) == self.sum
    }
}

fn sum(format: u32, packed: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(format.to_be_bytes());
    hasher.update(packed);
    hasher.finalize().into()
}

#[cfg(test)]
pub(super) fn unsealed(bytes: &[u8]) -> &[u8] {
    &bytes[HEAD_LENGTH..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Binaries of every age have to be found.
    #[test]
    fn the_marker_stays_the_same_for_ever() {
        let digest = Sha256::digest(marker());
        assert_eq!(digest[..4], [237, 94, 15, 208]);
        let mut distinct = marker().to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), MARKER_LENGTH);
    }
}
