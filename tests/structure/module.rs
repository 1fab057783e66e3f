//! The modules of a crate, read from its files: what each declares and imports. Code that is for
//! tests only is left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::token::tokens;

/// The names from the crate's root to a module or to something in it.
pub(crate) type Names = Vec<String>;

/// A module that has a file.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The file's path within the crate's folder.
    pub(crate) file: String,
    /// What it imports under which name, named or re-exported.
    pub(crate) uses: BTreeMap<String, Names>,
    /// All paths in its code, as they are written.
    pub(crate) paths: Vec<Names>,
    /// Modules with files of their own.
    children: Vec<String>,
}

/// Reads the module in `root`'s `lib.rs` and all that it declares.
pub(crate) fn read(root: &Path) -> BTreeMap<Names, Module> {
    let mut modules = BTreeMap::new();
    let mut open = vec![(Names::new(), root.join("lib.rs"))];
    while let Some((names, path)) = open.pop() {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{names:?}: {error}"));
        let mut module = Module {
            file: path.strip_prefix(root).expect("within").display().to_string(),
            ..Module::default()
        };
        module.read(&tokens(&text));
        for name in &module.children {
            let child = [&names[..], std::slice::from_ref(name)].concat();
            let path = file_of(root, &child);
            open.push((child, path));
        }
        modules.insert(names, module);
    }
    modules
}

fn file_of(root: &Path, names: &Names) -> PathBuf {
    let folder = root.join(names.join("/"));
    let file = folder.with_extension("rs");
    if file.is_file() { file } else { folder.join("mod.rs") }
}

impl Module {
    fn read(&mut self, mut rest: &[&str]) {
        while let [_, after @ ..] = rest {
            rest = match rest {
                ["#", "[", "cfg", "(", "test", ")", "]", item @ ..] => after_item(item),
                // `pub(super)` and the like import nothing.
                ["pub", "(", ..] => after_close(after),
                ["mod", name, ";", after @ ..] => {
                    self.children.push((*name).to_owned());
                    after
                }
                ["mod", name, "{", ..] => panic!("{} has {name} within, without a file", self.file),
                // Another crate's.
                ["use", "::", after @ ..] => after,
                ["use", tree @ ..] => self.import(tree, &[]),
                [name, ..] if name.starts_with(|it: char| it.is_alphabetic() || it == '_') => {
                    let length = 1 + after.chunks_exact(2).take_while(|it| is_next(it)).count() * 2;
                    self.paths.push(rest[..length].iter().step_by(2).map(name_of).collect());
                    &rest[length..]
                }
                _ => after,
            };
        }
    }

    /// Reads a tree of imports below `names`; gives what follows it.
    fn import<'a, 'b>(&mut self, mut rest: &'a [&'b str], names: &[String]) -> &'a [&'b str] {
        let mut names = names.to_owned();
        loop {
            rest = match rest {
                ["{", after @ ..] => {
                    let mut rest = after;
                    while !matches!(rest, ["}", ..]) {
                        rest = self.import(rest, &names);
                        rest = rest.strip_prefix(&[","]).unwrap_or(rest);
                    }
                    return &rest[1..];
                }
                // What it brings cannot be told from it alone: the module itself.
                ["*", after @ ..] => {
                    self.paths.push(names);
                    return after;
                }
                [name, "::", after @ ..] => {
                    names.push(name_of(name));
                    after
                }
                [name, after @ ..] => {
                    if *name != "self" {
                        names.push(name_of(name));
                    }
                    let (own, after) = match after {
                        ["as", own, after @ ..] => (name_of(own), after),
                        _ => (names.last().cloned().expect("a name"), after),
                    };
                    self.paths.push(names.clone());
                    // `as _` is the name of any number.
                    if own != "_" {
                        self.uses.insert(own, names);
                    }
                    return after;
                }
                [] => panic!("{}: an import without an end", self.file),
            };
        }
    }
}

fn name_of(token: &&str) -> String {
    (*token).to_owned()
}

fn is_next(pair: &[&str]) -> bool {
    pair[0] == "::" && pair[1].starts_with(|it: char| it.is_alphabetic() || it == '_')
}

/// What follows the item, the field or the statement that `rest` begins with.
fn after_item<'a, 'b>(mut rest: &'a [&'b str]) -> &'a [&'b str] {
    loop {
        rest = match rest {
            ["{", ..] => return after_close(rest),
            ["}", ..] | [] => return rest,
            [";" | ",", after @ ..] => return after,
            ["(" | "[", ..] => after_close(rest),
            [_, after @ ..] => after,
        };
    }
}

/// What follows the end of what is opened first.
fn after_close<'a, 'b>(rest: &'a [&'b str]) -> &'a [&'b str] {
    let mut open = 0;
    let is_end = |token: &&str| {
        match *token {
            "(" | "[" | "{" => open += 1,
            ")" | "]" | "}" => open -= 1,
            _ => {}
        }
        open == 0
    };
    let end = rest.iter().position(is_end).expect("an end");
    &rest[end + 1..]
}
