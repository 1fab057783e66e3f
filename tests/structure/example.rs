//! What the reader of imports makes of a small crate.

use std::collections::BTreeSet;
use std::fs;

use tempfile::TempDir;

use crate::graph::Imports;
use crate::page;

/// A crate of these files.
fn crate_of(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }
    root
}

fn imports(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let root = crate_of(files);
    let own = |(from, to): (&str, &str)| (from.to_owned(), to.to_owned());
    Imports::of(root.path()).all().map(own).collect()
}

/// A crate of two files, the second of which is empty: does the first import it?
#[track_caller]
fn check(text: &str, is_import: bool) {
    let found = imports(&[("lib.rs", "mod a;\nmod b;"), ("a.rs", text), ("b.rs", "")]);
    assert_eq!(found.contains(&("a.rs".to_owned(), "b.rs".to_owned())), is_import, "{text}");
}

#[test]
fn imports_are_found_wherever_they_stand() {
    check("use crate::b::Thing;", true);
    check("use super::b;", true);
    check("use super::{b::{self as c, Thing}, d};", true);
    check("pub use crate::b::*;", true);
    check("fn f() { crate::b::g() }", true);
    check("fn f(it: super::b::Thing) {}", true);
    check("fn f() { use crate::b::Thing; }", true);
    check("fn f() { println!(\"{}\", [crate::b::G]) }", true);
    check("#[cfg(test)]\nmod tests { fn f() {} }\nfn f() { crate::b::g() }", true);
    check("struct Thing { #[cfg(test)]\nwhole: bool, part: crate::b::Part }", true);
    check("fn f() {}", false);
}

#[test]
fn what_only_tests_import_and_what_is_another_crates_do_not_count() {
    check("#[cfg(test)]\nmod tests { use crate::b::Thing; }", false);
    check("#[cfg(test)]\nuse crate::b::Thing;", false);
    check("pub(in crate::b) struct Thing;", false);
    check("use b::Thing;", false);
    check("/// See [`crate::b`].\nstruct Thing;", false);
    check("/* crate::b */ fn f() {}", false);
    check("fn f<'a>() { (\"\\\"crate::b\", '\"', 'a', \"crate::b\") }", false);
    check("fn f() { (r#\"\" crate::b\"#, b\"crate::b\", '\\'') }", false);
}

#[test]
fn a_name_that_is_exported_again_is_that_of_its_own_file() {
    let folder = [
        ("lib.rs", "mod a;\nmod deep;"),
        ("a.rs", "use crate::deep::Renamed;\nuse crate::deep;\nfn f() { deep::Other::new() }"),
        (
            "deep/mod.rs",
            "mod one;\nmod two;\npub use self::one::Thing as Renamed;\npub use two::Other;",
        ),
        ("deep/one.rs", "use super::Other;"),
        ("deep/two.rs", ""),
    ];
    let expected = [
        ("a.rs", "deep/mod.rs"),
        ("a.rs", "deep/one.rs"),
        ("a.rs", "deep/two.rs"),
        ("deep/mod.rs", "deep/one.rs"),
        ("deep/mod.rs", "deep/two.rs"),
        ("deep/one.rs", "deep/two.rs"),
    ];
    assert_eq!(imports(&folder), expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
}

#[test]
fn circles_are_found_whole() {
    let root = crate_of(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\nmod e;"),
        ("a.rs", "use super::b::B;"),
        ("b.rs", "use super::c::C;"),
        ("c.rs", "use super::a::A;\nuse super::d::D;"),
        ("d.rs", "use super::e::E;"),
        ("e.rs", ""),
    ]);
    let circle = BTreeSet::from(["a.rs", "b.rs", "c.rs"].map(str::to_owned));
    assert_eq!(Imports::of(root.path()).circles(), [circle]);
}

#[test]
fn paths_and_stops_of_a_page_are_found() {
    let page = "Of `a/b.rs`, `a/run --list`, `mod.rs`, `A::b` and `GET x/y z`.\n```\n`no/path`\n```\n\
        ## A stranger's walk\n\n1. `a/b.rs` begins.\n2. `a/c.rs` goes on from `a/b.rs`.\n\n\
        ## Tests\n\n1. `a/d.rs` is none.\n";
    let root = crate_of(&[("a/b.rs", ""), ("a/run", ""), ("a/d.rs", "")]);
    let found = ["a/b.rs", "a/run", "a/b.rs", "a/c.rs", "a/b.rs", "a/d.rs"];
    assert_eq!(page::paths(page), found);
    assert_eq!(page::missing(page, root.path()), ["a/c.rs"]);
    assert_eq!(page::stops(page), [(1, "a/b.rs"), (2, "a/c.rs")]);
}
