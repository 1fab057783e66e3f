//! The structure of `src/`: no circle of files that import each other, no import against the
//! directions that ARCHITECTURE.md states, no folder that is too wide to be read.
//!
//! `known.rs` lists the wide folders, each with its reason. The list can only become shorter: the test
//! fails on a wide folder that is not listed, and on a listed folder that is wide no more.

mod direction;
mod example;
mod graph;
mod known;
mod module;
mod token;
mod width;

use std::collections::BTreeSet;
use std::path::Path;

use graph::Imports;

fn source() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

/// Fails on what is new, and on what is gone, each with what to do about it.
#[track_caller]
fn compare<T: Ord>(found: Vec<T>, listed: Vec<T>, show: impl Fn(&T) -> String) {
    let (found, listed) = (BTreeSet::from_iter(found), BTreeSet::from_iter(listed));
    let shown = |items: &mut dyn Iterator<Item = &T>, what: &str| {
        items.map(|item| format!("\n{what}: {}", show(item))).collect::<Vec<_>>().concat()
    };
    let new = shown(&mut found.difference(&listed), "new, and to be undone");
    let gone = shown(&mut listed.difference(&found), "gone, and to be taken from known.rs");
    assert!(new.is_empty() && gone.is_empty(), "{new}{gone}");
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let imports = Imports::of(source());
    let circles: Vec<String> = imports.circles().iter().map(|it| imports.show(it)).collect();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn no_import_goes_against_the_directions() {
    let imports = Imports::of(source());
    let against: Vec<_> = imports.all().filter(|(from, to)| !direction::allows(from, to)).collect();
    assert!(against.is_empty(), "imports against the directions: {against:#?}");
}

#[test]
fn every_folder_can_be_read_at_a_glance() {
    let listed = known::WIDE.iter().map(|(folder, entries, _)| ((*folder).to_owned(), *entries));
    let show = |(folder, entries): &(String, usize)| format!("{folder:?} with {entries} entries");
    compare(width::wide(source()), listed.collect(), show);
}

#[test]
fn every_reason_and_direction_is_of_something() {
    assert!(known::WIDE.iter().all(|(_, _, why)| !why.is_empty()));
    for path in direction::paths() {
        let file = source().join(format!("{path}.rs"));
        assert!(source().join(&path).is_dir() || file.is_file(), "no {path} in src");
    }
}
