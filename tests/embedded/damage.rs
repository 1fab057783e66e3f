//! Files that were cut, overwritten or lost.

use std::fs;
use std::path::Path;

use kvsock::message::Reply;

use crate::support::{Opened, options};

/// The newest journal file.
fn journal(directory: &Path) -> std::path::PathBuf {
    let journals = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    journals.filter(|path| path.extension().is_some_and(|it| it == "jnl")).max().unwrap()
}

/// Length of a journal without the zeros that it was made with.
fn written_len(journal: &Path) -> u64 {
    let content = fs::read(journal).unwrap();
    content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
}

#[test]
fn a_journal_that_lost_its_tail_is_recovered() {
    for cut in [1, 7, 30, 200, 5_000] {
        let directory = tempfile::tempdir().unwrap();
        let store = Opened::new(options(directory.path()));
        for key in 0..100 {
            store.run("SET", &[format!("k{key:03}"), "v".repeat(100)]);
        }
        store.close();
        let journal = journal(directory.path());
        let len = written_len(&journal) - cut;
        fs::OpenOptions::new().write(true).open(&journal).unwrap().set_len(len).unwrap();
        let store = Opened::new(options(directory.path()));
        let Reply::Integer(size) = store.ask("DBSIZE") else { panic!("a number") };
        let Reply::List(keys) = store.ask("KEYS") else { panic!("keys") };
        let Reply::Pairs(last) = store.run("LAST", &["1000"]) else { panic!("pairs") };
        assert!((1..100).contains(&size), "{cut} bytes took {size}");
        assert_eq!(usize::try_from(size).unwrap(), keys.len());
        assert_eq!(last.len(), keys.len());
        assert_eq!(store.run("SET", &["again", "1"]), Reply::OK);
        store.close();
        let store = Opened::new(options(directory.path()));
        assert_eq!(store.ask("DBSIZE"), Reply::Integer(size + 1));
        store.close();
    }
}

fn files_below(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// No file may be damaged in such a way that opening or reading panics or hangs.
#[test]
fn damaged_files_are_a_clear_error_or_harmless() {
    let home = tempfile::tempdir().unwrap();
    let original = home.path().join("db");
    let store = Opened::new(options(&original));
    for key in 0..350 {
        store.run("SET", &[format!("k{key:03}"), "v".repeat(50_000)]);
    }
    store.close();
    // Only zeros follow, which would be copied each time.
    let journal = journal(&original);
    let len = written_len(&journal);
    fs::OpenOptions::new().write(true).open(&journal).unwrap().set_len(len).unwrap();
    let mut damaged = 0;
    for file in files_below(&original) {
        for damage in ["overwritten", "cut", "removed"] {
            let copy = home.path().join("copy");
            copy_directory(&original, &copy);
            let target = copy.join(file.strip_prefix(&original).unwrap());
            match damage {
                "overwritten" => {
                    let mut content = fs::read(&target).unwrap();
                    let len = content.len().min(3_000_000);
                    content[..len].iter_mut().step_by(7).for_each(|byte| *byte ^= 0x55);
                    fs::write(&target, content).unwrap();
                }
                "cut" => {
                    let half = fs::metadata(&target).unwrap().len() / 2;
                    fs::OpenOptions::new()
                        .write(true)
                        .open(&target)
                        .unwrap()
                        .set_len(half)
                        .unwrap();
                }
                _ => fs::remove_file(&target).unwrap(),
            }
            match Opened::try_new(options(&copy)) {
                Ok(store) => {
                    store.run("GET", &["k001"]);
                    store.run("SET", &["k002", "x"]);
                    store.close();
                }
                Err(error) => {
                    damaged += 1;
                    let text = error.to_string();
                    assert!(text.contains("is damaged") && !text.contains('\n'), "{text}");
                }
            }
            fs::remove_dir_all(&copy).unwrap();
        }
    }
    assert!(damaged > 3, "only {damaged} damages were noticed");
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_directory(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
