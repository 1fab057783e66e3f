//! The history of requests, kept in a file.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustyline::Editor;
use rustyline::history::FileHistory;

use super::assist::Assist;
use crate::protocol::text::Words;

/// The number of requests that are kept.
pub(super) const DEPTH: usize = 1000;

/// Appends each request to the file at once, so that several prompts can share it.
#[derive(Debug)]
pub(super) struct Keeper {
    /// `None` if no file is possible: the history then ends with the program.
    file: Option<PathBuf>,
}

impl Keeper {
    /// Reads the history.
    pub(super) fn open(editor: &mut Editor<Assist, FileHistory>) -> Keeper {
        let file = place().filter(|file| create(file).is_ok());
        if let Some(file) = &file {
            // An invalid file counts as an empty history.
            let _ = editor.load_history(file);
        }
        Keeper { file }
    }

    /// Adds a request, unless it contains a secret.
    pub(super) fn keep(
        &mut self,
        editor: &mut Editor<Assist, FileHistory>,
        line: &str,
        words: Option<&Words>,
    ) {
        if line.trim().is_empty() || words.map_or_else(|| may_be_secret(line), is_secret) {
            return;
        }
        let added = editor.add_history_entry(line);
        if let Some(file) = &self.file
            && added.and_then(|_| editor.append_history(file)).is_err()
        {
            self.file = None;
        }
    }
}

/// Passwords appear in AUTH, in HELLO with the option AUTH, and in settings.
fn is_secret(words: &Words) -> bool {
    let is = |at: usize, name: &str| {
        words.get(at).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    is(0, "auth")
        || is(0, "acl")
        || is(0, "hello") && words.len() > 2
        || is(0, "config") && is(1, "set")
}

/// Like [`is_secret`], for a line that cannot be split into words.
fn may_be_secret(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    ["auth", "acl", "hello", "config"].iter().any(|name| line.contains(name))
}

/// `$XDG_STATE_HOME/kvsock/history`, or below `~/.local/state`.
fn place() -> Option<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("kvsock/history"))
}

/// Creates the file and its directories, for the owner alone.
///
/// A link to `/dev/null` turns the history off. `rustyline` changes the mode of any file it writes,
/// so that only a regular file is accepted.
fn create(file: &Path) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    match std::fs::metadata(file) {
        Ok(found) if !found.is_file() => return Err(io::Error::other("not a regular file")),
        _ => {}
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(file).map(drop)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::protocol::text::split_words;

    #[test]
    fn a_history_that_is_no_regular_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (file, null) = (dir.path().join("kvsock/history"), dir.path().join("null"));
        create(&file).unwrap();
        create(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        // Opening a FIFO would wait for its reader.
        let mode = rustix::fs::Mode::from_raw_mode(0o666);
        rustix::fs::mkfifoat(rustix::fs::CWD, &null, mode).unwrap();
        std::os::unix::fs::symlink(&null, &file).unwrap();
        assert!(create(&file).is_err());
    }

    #[test]
    fn requests_that_carry_secrets_are_known() {
        for (line, expected) in [
            ("auth x", true),
            ("AUTH default x", true),
            ("hello 3 auth default x", true),
            ("hello 3", false),
            ("config set requirepass x", true),
            ("config get maxmemory", false),
            ("get auth", false),
        ] {
            let words = split_words(&Bytes::from(line), |_| None).unwrap();
            assert_eq!(is_secret(&words), expected, "{line}");
        }
        assert!(may_be_secret("auth \"x") && !may_be_secret("get \"x"));
    }
}
