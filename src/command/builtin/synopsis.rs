//! A synopsis in the form that COMMAND DOCS gives for arguments. Clients make hints from it.

use crate::message::Reply;

/// One argument for each word of the synopsis at its top level.
pub(crate) fn arguments(synopsis: &'static str) -> Vec<Reply> {
    parts(synopsis).into_iter().map(argument).collect()
}

/// Words and bracketed parts at the top level.
fn parts(text: &'static str) -> Vec<&'static str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '[' | '<' => depth += 1,
            ']' | '>' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

fn argument(part: &'static str) -> Reply {
    let repeated = part.strip_suffix("...");
    let one = repeated.unwrap_or(part);
    let optional = one.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let name = optional.unwrap_or(one);
    // A lone placeholder loses its brackets, since clients add their own.
    let shown = match name.strip_prefix('<').and_then(|inner| inner.strip_suffix('>')) {
        Some(inner) if !inner.contains('<') => inner,
        _ => name,
    };
    let flag = |name, is_set: bool| is_set.then_some(Reply::Status(name));
    let flags = [flag("optional", optional.is_some()), flag("multiple", repeated.is_some())];
    let mut fields = vec![
        (Reply::value("name"), Reply::value(shown)),
        (Reply::value("type"), Reply::value(if shown == "key" { "key" } else { "string" })),
        (Reply::value("display_text"), Reply::value(shown)),
    ];
    let flags: Vec<Reply> = flags.into_iter().flatten().collect();
    if !flags.is_empty() {
        fields.push((Reply::value("flags"), Reply::Set(flags)));
    }
    Reply::Map(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synopsis_is_cut_at_its_top_level() {
        assert_eq!(
            parts("<key> <value> [NX|XX] [EX <seconds>|KEEPTTL]"),
            ["<key>", "<value>", "[NX|XX]", "[EX <seconds>|KEEPTTL]"]
        );
        assert_eq!(
            parts("<key> <value> [<key> <value>]..."),
            ["<key>", "<value>", "[<key> <value>]..."]
        );
        assert_eq!(arguments("").len(), 0);
    }
}
