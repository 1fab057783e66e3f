//! The structure of `src/`: no circle of files that import each other, no import against the
//! directions that ARCHITECTURE.md states, no folder that is too wide to be read, and no path in
//! ARCHITECTURE.md that does not exist.
//!
//! `known.rs` lists the wide folders, each with its reason. The list can only become shorter: the test
//! fails on a wide folder that is not listed, and on a listed folder that is wide no more.

mod direction;
mod example;
mod graph;
mod known;
mod module;
mod page;
mod token;
mod width;

use std::collections::BTreeSet;
use std::path::Path;

use graph::Imports;

const PAGE: &str = include_str!("../../ARCHITECTURE.md");

/// A walk through the code that is longer is none that a stranger remembers.
const MOST_STOPS: usize = 12;

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

#[test]
fn every_path_of_the_page_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(page::paths(PAGE).len() > 40, "the page names the parts, the stops and the tests");
    assert_eq!(page::missing(PAGE, root), [""; 0], "paths in ARCHITECTURE.md that do not exist");
}

/// The second walk leaves the first one and comes back to it, so that the numbers of its stops go on.
#[test]
fn no_walk_is_long_or_returns_to_a_file() {
    let stops = page::stops(PAGE);
    let numbers: Vec<usize> = stops.iter().map(|(number, _)| *number).collect();
    let of_first = numbers.iter().enumerate().take_while(|(at, number)| at + 1 == **number).count();
    let of_second = &numbers[of_first..];
    assert!(of_first <= MOST_STOPS && !of_second.is_empty(), "{numbers:?}");
    assert!(of_second.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
    assert!(of_second.iter().all(|number| *number <= of_first), "{numbers:?}");
    let files: BTreeSet<&str> = stops.iter().map(|(_, file)| *file).collect();
    assert_eq!(files.len(), stops.len(), "a file is visited twice: {stops:?}");
}
