//! Spans as bytes: what a binary carries of a file's statements, and what costs the compiler nothing.

use crate::text::Span;

impl Span {
    /// Packs ordered spans: for each the gap before it and its length, seven bits a byte, lowest first.
    #[cfg(feature = "check")]
    pub(crate) fn pack(spans: &[Self]) -> Vec<u8> {
        let mut packed = Vec::new();
        let mut last = 0;
        for span in spans {
            push(&mut packed, span.start.saturating_sub(last));
            push(&mut packed, span.end.saturating_sub(span.start));
            last = span.end;
        }
        packed
    }

    /// Unpacks what `pack` made; stops at what it cannot have made.
    pub(crate) fn unpack(packed: &[u8]) -> Vec<Self> {
        let mut bytes = packed.iter().copied();
        let mut spans = Vec::new();
        let mut last: usize = 0;
        while let Some((gap, length)) = take(&mut bytes).zip(take(&mut bytes)) {
            let start = last.saturating_add(gap);
            last = start.saturating_add(length);
            spans.push(Self { start, end: last });
        }
        spans
    }
}

#[cfg(feature = "check")]
pub(crate) fn push(packed: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        packed.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    packed.push(number as u8);
}

pub(crate) fn take(bytes: &mut impl Iterator<Item = u8>) -> Option<usize> {
    let mut number = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let byte = bytes.next()?;
        number |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(all(test, feature = "check"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn spans_are_unpacked_as_they_were(steps in prop::collection::vec((0_usize..300_000_000, 0_usize..70_000), 0..20)) {
            let mut last = 0;
            let spans: Vec<_> = steps
                .into_iter()
                .map(|(gap, length)| {
                    let start = last + gap;
                    last = start + length;
                    Span { start, end: last }
                })
                .collect();
            prop_assert_eq!(Span::unpack(&Span::pack(&spans)), spans);
        }

        #[test]
        fn any_bytes_are_unpacked(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Span::unpack(&bytes);
        }
    }
}
