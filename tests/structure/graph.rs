//! Which file imports which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::module::{self, Module, Names};

/// The imports between the files of a crate.
#[derive(Debug)]
pub(crate) struct Imports(BTreeMap<String, BTreeSet<String>>);

impl Imports {
    /// Those of the crate in this folder.
    pub(crate) fn of(root: &Path) -> Imports {
        let crate_ = Crate(module::read(root));
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (names, module) in &crate_.0 {
            let paths = module.paths.iter().filter_map(|path| crate_.absolute(names, path));
            let files = paths.map(|path| crate_.owner(&path, MOST_EXPORTS).file.clone());
            let others = files.filter(|file| *file != module.file).collect();
            imports.insert(module.file.clone(), others);
        }
        Imports(imports)
    }

    /// Each import, as the file that imports and the file that is imported.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(from, all)| all.iter().map(|to| (from.as_str(), to.as_str())))
    }

    /// The circles: sets of files each of which imports, by way of others, every other one.
    pub(crate) fn circles(&self) -> Vec<BTreeSet<String>> {
        let reached: BTreeMap<&String, _> =
            self.0.keys().map(|it| (it, self.reached(it))).collect();
        let circle = |file: &String| {
            let others = reached[file].iter().filter(|other| reached[*other].contains(file));
            others.map(|other| (*other).clone()).collect::<BTreeSet<String>>()
        };
        let circles: BTreeSet<_> = self.0.keys().map(circle).collect();
        circles.into_iter().filter(|circle| !circle.is_empty()).collect()
    }

    /// What a file imports, and what that imports, and so on.
    fn reached(&self, file: &str) -> BTreeSet<&String> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&String> = self.0[file].iter().collect();
        while let Some(file) = open.pop() {
            if reached.insert(file) {
                open.extend(&self.0[file]);
            }
        }
        reached
    }

    /// A circle's imports.
    pub(crate) fn show(&self, circle: &BTreeSet<String>) -> String {
        let within = self.all().filter(|(from, to)| circle.contains(*from) && circle.contains(*to));
        let lines: Vec<_> = within.map(|(from, to)| format!("\n    {from} -> {to}")).collect();
        let files: Vec<_> = circle.iter().collect();
        format!("&{files:?}{}", lines.concat())
    }
}

/// How often a name may be exported again; more is a name that leads to itself.
const MOST_EXPORTS: usize = 8;

struct Crate(BTreeMap<Names, Module>);

impl Crate {
    /// The names from the root for a path that is written in a module; `None` for what is not the
    /// crate's.
    fn absolute(&self, module: &Names, path: &[String]) -> Option<Names> {
        let (first, rest) = path.split_first()?;
        let names = match first.as_str() {
            "crate" => rest.to_owned(),
            "self" => [module, rest].concat(),
            "super" => {
                let levels = path.iter().take_while(|name| *name == "super").count();
                [&module[..module.len().checked_sub(levels)?], &path[levels..]].concat()
            }
            child if self.0.contains_key(&[&module[..], &[child.to_owned()]].concat()) => {
                [module, path].concat()
            }
            // Within what was imported by this name, which may be a module.
            name if path.len() > 1 => {
                let import = self.0[module].uses.get(name).filter(|import| import[0] != name)?;
                return self.absolute(module, &[import, rest].concat());
            }
            _ => return None,
        };
        Some(names)
    }

    /// The module that has what these names name. A name that a module exports again is that of the
    /// module that it comes from.
    fn owner(&self, names: &[String], exports: usize) -> &Module {
        let modules = (0..=names.len()).rev().find(|count| self.0.contains_key(&names[..*count]));
        let (module, within) = names.split_at(modules.expect("the root"));
        let owner = &self.0[module];
        let Some((name, rest)) = within.split_first() else { return owner };
        let import = owner.uses.get(name).filter(|_| exports > 0);
        let origin = import.and_then(|import| self.absolute(&module.to_owned(), import));
        match origin {
            Some(origin) => self.owner(&[&origin[..], rest].concat(), exports - 1),
            None => owner,
        }
    }
}
