//! Rust code as words and signs, without comments and literals.

/// The tokens of a file: words, `::`, and single characters.
pub(crate) fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match literal(rest) {
            Some(length) => length,
            None if is_word(first) => {
                let length = rest.find(|it| !is_word(it)).unwrap_or(rest.len());
                tokens.push(&rest[..length]);
                length
            }
            None => {
                let length = if rest.starts_with("::") { 2 } else { first.len_utf8() };
                tokens.extend((!first.is_whitespace()).then(|| &rest[..length]));
                length
            }
        };
        rest = &rest[length..];
    }
    tokens
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The length of a comment or a literal that `text` begins with.
fn literal(text: &str) -> Option<usize> {
    let until = |start: usize, end: &str| {
        let found = text[start..].find(end).unwrap_or_else(|| panic!("no {end} after {text:.40}"));
        Some(start + found + end.len())
    };
    // A prefix is a part of the literal: bytes, and strings for C.
    let quoted = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - quoted.len();
    let raw = quoted.strip_prefix('r').map(|raw| raw.trim_start_matches('#'));
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return until(2, "*/");
    }
    if prefix > 1 {
        return None;
    }
    if let Some(raw) = raw.filter(|raw| raw.starts_with('"')) {
        let hashes = quoted.len() - 1 - raw.len();
        return until(prefix + 1 + hashes + 1, &format!("\"{}", "#".repeat(hashes)));
    }
    if let Some(string) = quoted.strip_prefix('"') {
        return Some(prefix + 1 + escaped(string, '"'));
    }
    // Not a lifetime, which has no end.
    let character = quoted.strip_prefix('\'')?;
    let is_character = character.starts_with('\\') || character.chars().nth(1) == Some('\'');
    is_character.then(|| prefix + 1 + escaped(character, '\''))
}

/// How long the text is up to its end, which no backslash stands before.
fn escaped(text: &str, end: char) -> usize {
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            _ if character == end => return place + 1,
            _ => {}
        }
    }
    panic!("no {end} after {text:.40}");
}
