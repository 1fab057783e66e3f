//! The inputs that the fuzzers are to begin with, and those that they found, of which what must
//! hold did not hold once; see `fuzz/run`.

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzzers' own programs reach it")]
mod target;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use target::{handover, location, resp_reply, resp_request, settings, text_reply, text_request};

/// What must hold of every input of a target.
type Check = fn(&[u8]);

/// Each by the name of its corpus and of its program.
const TARGETS: &[(&str, Check)] = &[
    ("handover", handover::check),
    ("location", location::check),
    ("resp_reply", resp_reply::check),
    ("resp_request", resp_request::check),
    ("settings", settings::check),
    ("text_reply", text_reply::check),
    ("text_request", text_request::check),
];

/// Fewer inputs are no corpus.
const FEWEST: usize = 10;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn inputs(target: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(corpus().join(target)).expect("a corpus of the target");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn what_must_hold_holds_of_every_input_that_is_kept() {
    let mut wrong = Vec::new();
    for (target, check) in TARGETS {
        let inputs = inputs(target);
        assert!(inputs.len() >= FEWEST, "{} inputs for {target}", inputs.len());
        for path in inputs {
            let input = fs::read(&path).expect("an input");
            if catch_unwind(|| check(&input)).is_err() {
                wrong.push(path);
            }
        }
    }
    assert!(wrong.is_empty(), "the panics above are those of {wrong:?}");
}

#[test]
fn every_corpus_is_of_a_target_that_has_its_program() {
    let names = |directory: PathBuf| -> BTreeSet<String> {
        let entries = fs::read_dir(directory).expect("a directory");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
    };
    let targets = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(corpus()), targets);
    assert_eq!(names(corpus().with_file_name("src").join("bin")), targets);
}
