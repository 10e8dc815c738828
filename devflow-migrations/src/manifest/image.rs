//! Manifests in the bytes of an executable: ELF, Mach-O and PE alike, stripped or not.

use super::Manifest;
use super::seal::{FORMAT, HEAD_LENGTH, Head, LONGEST, MARKER_LENGTH, marker};
use crate::problem::{Problem, SourceError};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// How much of the file is held at a time.
const CHUNK: usize = 1 << 20;

/// Where UPX leaves its name in what it packs.
const BEGINNING: usize = 4096;

/// What the first bytes of an executable are.
const EXECUTABLES: [&[u8]; 7] = [
    b"\x7fELF",
    b"MZ",
    b"\xca\xfe\xba\xbe",
    b"\xcf\xfa\xed\xfe",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xfe\xed\xfa\xce",
];

impl Manifest {
    /// Reads every manifest of an executable, without running it; `shown` is its path as users know it.
    ///
    /// # Errors
    /// When there is no such file, it has no manifest, or one of them is damaged.
    pub fn read(path: &Path, shown: &str) -> Result<Vec<Self>, SourceError> {
        let mut file = open(path).map_err(|error| unreadable(shown, &error))?;
        Self::search(&mut file, shown)
    }

    /// Searches through all the bytes; a set that the compiler has kept twice counts once.
    pub(super) fn search(
        image: &mut (impl Read + Seek),
        shown: &str,
    ) -> Result<Vec<Self>, SourceError> {
        let failed = |error| unreadable(shown, &error);
        let mut packed = Vec::new();
        for place in places(image).map_err(failed)? {
            let found = unsealed(image, place).map_err(failed)?;
            let found = found.map_err(|fault| fault.problem(shown, place))?;
            if !packed.contains(&found) {
                packed.push(found);
            }
        }
        if packed.is_empty() {
            return Err(absent(image, shown));
        }
        let manifests = packed.iter().map(|packed| Self::unpack(packed));
        let manifests: Option<_> = manifests.collect();
        manifests.ok_or_else(|| Fault::Damaged.problem(shown, 0))
    }
}

fn open(path: &Path) -> io::Result<File> {
    // A pipe of that name would be waited for without end.
    match fs::metadata(path)?.is_file() {
        true => File::open(path),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

/// The offsets of every marker.
fn places(image: &mut impl Read) -> io::Result<Vec<u64>> {
    let marker = marker();
    let mut places = Vec::new();
    let (mut held, mut before) = (Vec::new(), 0);
    loop {
        let read = image.by_ref().take(CHUNK as u64).read_to_end(&mut held)?;
        if read == 0 {
            return Ok(places);
        }
        let found = occurrences(&held, &marker);
        places.extend(found.into_iter().map(|at| before + at as u64));
        // A marker may lie across two chunks, but is found in one of them only.
        let done = held.len().saturating_sub(MARKER_LENGTH - 1);
        before += done as u64;
        held.drain(..done);
    }
}

/// Where the marker occurs. Its last byte says how far to go on (Horspool's way): mostly by its whole length.
fn occurrences(bytes: &[u8], marker: &[u8; MARKER_LENGTH]) -> Vec<usize> {
    let mut step = [MARKER_LENGTH; 256];
    for (index, byte) in marker[..MARKER_LENGTH - 1].iter().enumerate() {
        step[usize::from(*byte)] = MARKER_LENGTH - 1 - index;
    }
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(window) = bytes.get(at..at + MARKER_LENGTH) {
        if window == marker {
            found.push(at);
        }
        at += step[usize::from(window[MARKER_LENGTH - 1])];
    }
    found
}

/// What is wrong with a manifest.
enum Fault {
    Damaged,
    Newer(u32),
}

/// The packed fields behind the marker at this offset.
fn unsealed(image: &mut (impl Read + Seek), place: u64) -> io::Result<Result<Vec<u8>, Fault>> {
    image.seek(SeekFrom::Start(place))?;
    let mut head = [0; HEAD_LENGTH];
    match image.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Ok(Err(Fault::Damaged));
        }
        read => read?,
    }
    let head = Head::of(&head);
    if head.length > LONGEST {
        return Ok(Err(Fault::Damaged));
    }
    let mut packed = Vec::new();
    image.take(head.length as u64).read_to_end(&mut packed)?;
    Ok(match head.fits(&packed) {
        false => Err(Fault::Damaged),
        true if head.format > FORMAT => Err(Fault::Newer(head.format)),
        true => Ok(packed),
    })
}

impl Fault {
    fn problem(&self, shown: &str, place: u64) -> SourceError {
        match self {
            Self::Damaged => problem(
                "manifest_damaged",
                shown,
                format!("the manifest at byte {place} is damaged or cut off"),
                "build or fetch the binary again",
            ),
            Self::Newer(format) => problem(
                "manifest_newer",
                shown,
                format!("the manifest has format {format}, and this devflow reads up to {FORMAT}"),
                "use a devflow as new as the one that the binary was built with",
            ),
        }
    }
}

fn unreadable(shown: &str, error: &io::Error) -> SourceError {
    let message = match error.kind() {
        io::ErrorKind::NotFound => "the binary is not there".to_owned(),
        _ => format!("cannot read the binary: {error}"),
    };
    let help = "name an executable that a service was built into, such as target/release/service";
    problem("binary_unreadable", shown, message, help)
}

/// Why there may be no manifest.
fn absent(image: &mut (impl Read + Seek), shown: &str) -> SourceError {
    let mut beginning = Vec::new();
    // What cannot be read once more gives no hint.
    let _hint = image
        .seek(SeekFrom::Start(0))
        .and_then(|_| image.take(BEGINNING as u64).read_to_end(&mut beginning));
    let is_packed = beginning
        .windows(4)
        .any(|it| it == b"UPX!" || it == b"UPX0");
    let (why, help) = if is_packed {
        (
            "UPX has packed it",
            "look at the binary before it is packed, or at what `upx -d` makes of it",
        )
    } else if EXECUTABLES.iter().any(|magic| beginning.starts_with(magic)) {
        (
            "it was built without embed_migrations!(), or by a devflow that listed nothing yet",
            "name the executable that applies the migrations, and build it with a current devflow",
        )
    } else {
        (
            "it is no executable",
            "name the executable itself, not an archive or a script that starts it",
        )
    };
    let message = format!("no migrations are listed in this file: {why}");
    problem("manifest_missing", shown, message, help)
}

fn problem(code: &'static str, path: &str, message: String, help: &str) -> SourceError {
    Problem {
        code,
        path: path.to_owned(),
        position: None,
        message,
        line: None,
        help: Some(help.to_owned()),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::seal::{seal, seal_as};
    use crate::plan::tests::migration;
    use crate::set::MigrationSet;
    use crate::settings::{LedgerKind, TableName};
    use std::io::Cursor;

    fn manifest(version: &str, directory: &str) -> Vec<u8> {
        let set = MigrationSet::new(vec![migration(version)]).unwrap();
        Manifest::bytes(&set, directory, &TableName::default(), LedgerKind::Devflow)
    }

    fn search(image: &[u8]) -> Result<Vec<String>, &'static str> {
        let found = Manifest::search(&mut Cursor::new(image), "./service");
        let names =
            |found: Vec<Manifest>| found.iter().map(|it| it.directory().to_owned()).collect();
        found.map(names).map_err(|error| error.problems()[0].code)
    }

    #[test]
    fn a_manifest_is_found_wherever_it_lies() {
        let manifest = manifest("1", "a");
        for before in [
            0,
            1,
            CHUNK - 40,
            CHUNK - 31,
            CHUNK - 1,
            CHUNK,
            2 * CHUNK - 7,
        ] {
            for after in [0, 1, CHUNK] {
                let image = [&vec![0x7f; before][..], &manifest, &vec![0; after]].concat();
                assert_eq!(search(&image).unwrap(), ["a"], "{before} {after}");
            }
        }
    }

    #[test]
    fn several_sets_are_found_and_a_copy_counts_once() {
        let (a, b, edited) = (manifest("1", "a"), manifest("1", "b"), manifest("2", "a"));
        let image = [&a[..], b"\0\0", &b, &a, &edited].concat();
        assert_eq!(search(&image).unwrap(), ["a", "b", "a"]);
    }

    #[test]
    fn a_manifest_that_is_not_whole_is_refused() {
        let whole = manifest("1", "a");
        for end in MARKER_LENGTH..whole.len() {
            assert_eq!(search(&whole[..end]), Err("manifest_damaged"), "{end}");
        }
        for place in MARKER_LENGTH..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x40;
            assert_eq!(search(&damaged), Err("manifest_damaged"), "{place}");
        }
        let nonsense = seal(b"\x01\x02");
        assert_eq!(search(&nonsense), Err("manifest_damaged"));
        assert_eq!(search(&whole[..20]), Err("manifest_missing"));
    }

    #[test]
    fn a_later_format_is_named() {
        assert_eq!(
            search(&seal_as(FORMAT + 1, b"anything")),
            Err("manifest_newer")
        );
    }

    #[test]
    fn says_why_there_may_be_none() {
        let why = |image: &[u8]| {
            let error = Manifest::search(&mut Cursor::new(image), "x").unwrap_err();
            assert_eq!(error.problems()[0].code, "manifest_missing");
            error.problems()[0].message.clone()
        };
        assert!(why(b"\x7fELF\x02\0\0UPX!").contains("UPX"));
        assert!(why(b"\x7fELF\x02").contains("embed_migrations"));
        assert!(why(b"#!/bin/sh\n").contains("no executable"));
        assert!(why(b"").contains("no executable"));
        let code = |path: &str| {
            Manifest::read(Path::new(path), path)
                .unwrap_err()
                .problems()[0]
                .code
        };
        assert_eq!(code("/nowhere/service"), "binary_unreadable");
        assert_eq!(code("/"), "binary_unreadable");
    }
}
