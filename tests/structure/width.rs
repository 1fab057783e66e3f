//! Folders with many entries.

use std::fs;
use std::path::Path;

/// A folder has about a dozen entries.
const MOST: usize = 14;

/// The folders under `root` with more entries than a folder should have, and how many they have.
pub(crate) fn wide(root: &Path) -> Vec<(String, usize)> {
    let mut wide = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry"));
        let entries: Vec<_> = entries.map(|entry| entry.path()).collect();
        if entries.len() > MOST {
            let name = folder.strip_prefix(root).expect("within").display().to_string();
            wide.push((name, entries.len()));
        }
        folders.extend(entries.into_iter().filter(|entry| entry.is_dir()));
    }
    wide
}
