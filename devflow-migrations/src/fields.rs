//! Bytes with a number before them that says what they are: how a manifest and its migrations are packed.

#[cfg(feature = "check")]
use crate::packed::push;
use crate::packed::take;

/// Fields that were packed one behind the other; those that a reader does not know are skipped, so that later ones can be
/// added.
#[derive(Debug)]
pub(crate) struct Fields<'p>(Vec<(u8, &'p [u8])>);

impl<'p> Fields<'p> {
    /// Takes the bytes apart; `None` for what nobody can have packed.
    pub(crate) fn of(mut rest: &'p [u8]) -> Option<Self> {
        let mut fields = Vec::new();
        while let Some((field, after)) = rest.split_first() {
            let mut bytes = after.iter();
            let length = take(&mut bytes.by_ref().copied())?;
            let (value, others) = bytes.as_slice().split_at_checked(length)?;
            fields.push((*field, value));
            rest = others;
        }
        Some(Self(fields))
    }

    /// The first field of this number.
    pub(crate) fn get(&self, wanted: u8) -> Option<&'p [u8]> {
        self.all(wanted).next()
    }

    /// Every field of this number.
    pub(crate) fn all(&self, wanted: u8) -> impl Iterator<Item = &'p [u8]> {
        let fields = self.0.iter().filter(move |(field, _)| *field == wanted);
        fields.map(|(_, value)| *value)
    }

    /// The first field of this number, a text.
    pub(crate) fn text(&self, wanted: u8) -> Option<&'p str> {
        std::str::from_utf8(self.get(wanted)?).ok()
    }
}

/// Packs one field.
#[cfg(feature = "check")]
pub(crate) fn add(packed: &mut Vec<u8>, field: u8, value: &[u8]) {
    packed.push(field);
    push(packed, value.len());
    packed.extend_from_slice(value);
}

/// Packs a number as a field's value.
#[cfg(feature = "check")]
pub(crate) fn number(number: usize) -> Vec<u8> {
    let mut packed = Vec::new();
    push(&mut packed, number);
    packed
}
