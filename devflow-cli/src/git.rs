//! The few questions that git is asked, by its command line and never by a shell.

use crate::outcome::Trouble;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Variables by which a hook's git names its own repository, relative to another folder than ours.
const OF_A_HOOK: [&str; 5] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
];

/// The repository that a folder belongs to.
pub(crate) struct Git {
    folder: PathBuf,
}

/// A commit's whole name: hex digits only, so that it can be no option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit(String);

/// A file of a commit's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeFile {
    pub(crate) name: String,
    /// The whole name of its content; `None` for what is no regular file.
    pub(crate) blob: Option<String>,
}

impl Git {
    /// The repository of this folder.
    ///
    /// # Errors
    /// `git_missing`, or `no_repository`.
    pub(crate) fn of(folder: PathBuf) -> Result<Self, Trouble> {
        let git = Self { folder };
        let output = git.ask(&["rev-parse", "--git-dir"])?;
        match output.status.success() {
            true => Ok(git),
            false => Err(
                refused("no_repository", "git finds no repository here", &output).help(
                    "--base compares with a branch of the repository that the migrations are in",
                ),
            ),
        }
    }

    /// The commit that a branch, a tag or any other revision names.
    ///
    /// # Errors
    /// `unknown_base`, or `shallow_clone` where the history was not fetched.
    pub(crate) fn commit(&self, revision: &str) -> Result<Commit, Trouble> {
        let name = format!("{revision}^{{commit}}");
        let question = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &name,
        ];
        // Older versions of git take no notice of the end of the options.
        let is_option = revision.starts_with('-');
        let output = (!is_option).then(|| self.ask(&question)).transpose()?;
        match output.as_ref().and_then(Commit::of) {
            Some(commit) => Ok(commit),
            None if self.is_shallow()? => Err(shallow()),
            None => {
                let message = format!("git knows no commit {revision:?}");
                Err(Trouble::usage("unknown_base", message)
                    .help("fetch it first, as `git fetch origin main` does for origin/main"))
            }
        }
    }

    /// The commit at which this branch left the other.
    ///
    /// # Errors
    /// `no_common_history`, or `shallow_clone` where the history was not fetched.
    pub(crate) fn fork(&self, base: &Commit) -> Result<Commit, Trouble> {
        let output = self.ask(&["merge-base", &base.0, "HEAD"])?;
        match Commit::of(&output) {
            Some(commit) => Ok(commit),
            None if self.is_shallow()? => Err(shallow()),
            None => Err(refused(
                "no_common_history",
                "this branch and the base have no commit in common",
                &output,
            )),
        }
    }

    /// The files of our folder, without those of folders in it, as they are in a commit.
    ///
    /// # Errors
    /// `git_failed`.
    pub(crate) fn files(&self, commit: &Commit) -> Result<Vec<TreeFile>, Trouble> {
        let output = self.ask(&["ls-tree", "-z", &commit.0])?;
        if !output.status.success() {
            return Err(refused("git_failed", "git cannot list the files", &output));
        }
        let lines = output.stdout.split(|byte| *byte == 0);
        Ok(lines.filter_map(TreeFile::of).collect())
    }

    /// The contents of blobs, in their order; `None` for one that git has not.
    ///
    /// # Errors
    /// `git_failed`.
    pub(crate) fn contents(&self, blobs: &[String]) -> Result<Vec<Option<Vec<u8>>>, Trouble> {
        let mut command = self.command(&["cat-file", "--batch"]);
        let spawned = command.stdin(Stdio::piped()).spawn();
        let output = spawned.and_then(|mut child| {
            let questions = blobs.join("\n") + "\n";
            let mut input = child.stdin.take();
            std::thread::scope(|scope| {
                // Both pipes are small: whoever only writes before reading may wait for ever.
                scope.spawn(move || {
                    let input = input.as_mut();
                    // Should git end early, its answer is too short, and that is noticed.
                    input.map(|input| input.write_all(questions.as_bytes()))
                });
                child.wait_with_output()
            })
        });
        let output = output.map_err(|error| missing(&error))?;
        let contents = batch(&output.stdout, blobs.len());
        contents.ok_or_else(|| refused("git_failed", "git cannot read the files", &output))
    }

    fn is_shallow(&self) -> Result<bool, Trouble> {
        let output = self.ask(&["rev-parse", "--is-shallow-repository"])?;
        Ok(output.stdout.starts_with(b"true"))
    }

    fn ask(&self, arguments: &[&str]) -> Result<Output, Trouble> {
        let output = self.command(arguments).stdin(Stdio::null()).output();
        output.map_err(|error| missing(&error))
    }

    fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new("git");
        command
            .current_dir(&self.folder)
            .args(arguments)
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in OF_A_HOOK {
            command.env_remove(name);
        }
        command
    }
}

impl Commit {
    fn of(output: &Output) -> Option<Self> {
        let name = std::str::from_utf8(&output.stdout).ok()?.trim_end();
        let is_name = name.len() >= 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        (output.status.success() && is_name).then(|| Self(name.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TreeFile {
    /// Reads `<mode> <type> <name>TAB<path>`. A path that is not UTF-8 cannot be a migration's.
    fn of(line: &[u8]) -> Option<Self> {
        let (kind, name) = std::str::from_utf8(line).ok()?.split_once('\t')?;
        let mut words = kind.split(' ');
        let (mode, kind, blob) = (words.next()?, words.next()?, words.next()?);
        let is_regular = mode.starts_with("100");
        (kind == "blob").then(|| Self {
            name: name.to_owned(),
            blob: is_regular.then(|| blob.to_owned()),
        })
    }
}

/// Reads what `cat-file --batch` answers: `<name> <type> <size>LF<content>LF`, or `<name> missingLF`.
fn batch(mut answer: &[u8], count: usize) -> Option<Vec<Option<Vec<u8>>>> {
    let mut contents = Vec::with_capacity(count);
    for _ in 0..count {
        let end = answer.iter().position(|byte| *byte == b'\n')?;
        let head = std::str::from_utf8(&answer[..end]).ok()?;
        answer = &answer[end + 1..];
        if head.ends_with(" missing") {
            contents.push(None);
            continue;
        }
        let size: usize = head.rsplit(' ').next()?.parse().ok()?;
        contents.push(Some(answer.get(..size)?.to_vec()));
        answer = answer.get(size + 1..)?;
    }
    Some(contents)
}

fn missing(error: &io::Error) -> Trouble {
    let message = format!("git cannot be run: {error}");
    Trouble::usage("git_missing", message).help("install git; --base reads the other branch by it")
}

fn shallow() -> Trouble {
    let message = "the history that --base needs was not fetched: this is a shallow clone";
    Trouble::usage("shallow_clone", message)
        .help("fetch all of it: `fetch-depth: 0` below `with:` of actions/checkout, or `git fetch --unshallow`")
}

/// A refusal in git's own words.
fn refused(code: &'static str, message: &str, output: &Output) -> Trouble {
    let mut trouble = Trouble::usage(code, message);
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim();
    if !said.is_empty() {
        trouble.causes.push(said.to_owned());
    }
    trouble
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_holds_files_links_and_folders() {
        let read = |line: &str| TreeFile::of(line.as_bytes()).map(|file| (file.name, file.blob));
        assert_eq!(
            read("100644 blob 0a\t1_a b.sql"),
            Some(("1_a b.sql".to_owned(), Some("0a".to_owned())))
        );
        assert_eq!(
            read("120000 blob 0a\t2_b.sql"),
            Some(("2_b.sql".to_owned(), None))
        );
        assert_eq!(read("040000 tree 0a\told"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn a_batch_is_read_by_its_sizes() {
        let answer = b"0a blob 3\na\nb\n0b missing\n0c blob 0\n\n";
        assert_eq!(
            batch(answer, 3),
            Some(vec![Some(b"a\nb".to_vec()), None, Some(Vec::new())])
        );
        for short in [
            &b""[..],
            b"0a blob 3\na",
            b"0a blob 3\nabc",
            b"0a blob x\nabc\n",
        ] {
            assert_eq!(batch(short, 1), None);
        }
    }
}
