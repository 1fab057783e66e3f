//! The paths that ARCHITECTURE.md names, and the stops of its walks.

use std::path::Path;

/// The chapter of the walks.
const WALKS: &str = "## A stranger's walk\n";

/// The first words of all texts in backticks that look like paths: they have a slash, and no
/// character that a path of this project does not have. Pictures and examples are passed over.
pub(crate) fn paths(page: &str) -> Vec<&str> {
    let prose = page.split("```").step_by(2);
    let quoted = prose.flat_map(|text| text.split('`').skip(1).step_by(2));
    let first = quoted.filter_map(|text| text.split_whitespace().next());
    first.filter(|word| word.contains('/') && word.chars().all(is_of_path)).collect()
}

fn is_of_path(character: char) -> bool {
    character.is_ascii_alphanumeric() || "/._-".contains(character)
}

/// The paths that are not in the project's folder.
pub(crate) fn missing<'a>(page: &'a str, root: &Path) -> Vec<&'a str> {
    paths(page).into_iter().filter(|path| !root.join(path).exists()).collect()
}

/// The stops of all walks, each with its number: lines that begin with a number and name a file.
pub(crate) fn stops(page: &str) -> Vec<(usize, &str)> {
    let chapter = page.split_once(WALKS).map_or("", |(_, rest)| rest);
    let chapter = chapter.split("\n## ").next().unwrap_or(chapter);
    let stop = |line| {
        let (number, text): (&str, &str) = str::split_once(line, ". ")?;
        Some((number.parse().ok()?, *paths(text).first()?))
    };
    chapter.lines().filter_map(stop).collect()
}
