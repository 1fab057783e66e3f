//! Makes a random command of a pattern of the grammar, whose notation `grammar.rs` explains.

use crate::word::{Source, Words};

/// One command of the pattern.
pub(crate) fn expand(source: &mut Source, pattern: &str) -> Words {
    let mut words = Words::new();
    add(source, pattern, &mut words);
    words
}

fn add(source: &mut Source, pattern: &str, words: &mut Words) {
    for item in split(pattern, ' ') {
        let Some(group) = item.strip_prefix('(') else {
            words.push(word(source, item));
            continue;
        };
        let (choices, mark) = group.rsplit_once(')').expect("a closing parenthesis");
        let times = match mark {
            "" => 1,
            "?" => source.below(2),
            "*" => source.below(5),
            "+" => 1 + source.below(4),
            _ => panic!("{mark} is no mark in {pattern}"),
        };
        let choices = split(choices, '|');
        for _ in 0..times {
            let choice = source.one(&choices);
            add(source, choice, words);
        }
    }
}

/// The parts between separators that stand outside parentheses.
fn split(pattern: &str, separator: char) -> Vec<&str> {
    let mut depth = 0;
    pattern
        .split(|character| {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            depth == 0 && character == separator
        })
        .filter(|part| !part.is_empty())
        .collect()
}

fn word(source: &mut Source, item: &str) -> Vec<u8> {
    if let Some(name) = item.strip_prefix('<').and_then(|item| item.strip_suffix('>')) {
        return source.word(name);
    }
    let mut word = item.as_bytes().to_vec();
    // Names and options are the same in any case; some replies show them as they came.
    match source.below(10) {
        0 => word.make_ascii_lowercase(),
        1 => word[0].make_ascii_lowercase(),
        _ => {}
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_gives_all_its_forms_and_no_others() {
        let mut source = Source::new(1);
        let mut forms = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let words = expand(&mut source, "a (b|c (0|1))? (x)+");
            forms.insert(words.join(&b' '));
        }
        let starts: &[&[u8]] = &[b"a", b"a b", b"a c 0", b"a c 1"];
        let ends: &[&[u8]] = &[b" x", b" x x", b" x x x", b" x x x x"];
        let all = starts.iter().flat_map(|start| ends.iter().map(|end| [*start, *end].concat()));
        assert_eq!(forms, all.collect());
    }
}
