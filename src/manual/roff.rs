//! Text in the language of manual pages, `groff_man(7)`.

/// `text` so that every character of it is shown as it stands, and can be copied.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '"' => out.push_str("\\(dq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            other => out.push(other),
        }
    }
    out
}

/// `text` as it is to be typed.
pub(super) fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escape(text))
}

/// The name of what somebody puts there.
pub(super) fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escape(text))
}

/// A paragraph that a tag hangs over; neither begins with a period or an apostrophe.
pub(super) fn tagged(tag: &str, text: &str) -> String {
    format!(".TP\n{tag}\n{text}\n")
}

/// Lines that stay as they are.
pub(super) fn example(lines: &[&str]) -> String {
    let mut out = ".PP\n.in +4n\n.EX\n".to_owned();
    for line in lines {
        let is_request = line.starts_with(['.', '\'']);
        out.push_str(if is_request { "\\&" } else { "" });
        out.push_str(&escape(line));
        out.push('\n');
    }
    out + ".EE\n.in\n"
}

/// Arguments as a synopsis has them: what is written `<key>` becomes the italic name `key`.
pub(super) fn synopsis(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, (name, after))) =
        rest.split_once('<').and_then(|(before, after)| Some((before, after.split_once('>')?)))
    {
        out.push_str(&escape(before));
        out.push_str(&italic(name));
        rest = after;
    }
    out + &escape(rest)
}

/// `text` as a sentence: its first letter large, and a full stop after it.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let text: String = first.into_iter().chain(letters).collect();
    let end = if text.ends_with('.') { "" } else { "." };
    escape(&text) + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_roff_is_shown_as_it_stands() {
        assert_eq!(
            escape(r#"a\n "b" 'c' --d ~ ^ `"#),
            r"a\en \(dqb\(dq \(aqc\(aq \-\-d \(ti \(ha \(ga"
        );
        assert_eq!(example(&[".env", "x"]), ".PP\n.in +4n\n.EX\n\\&.env\nx\n.EE\n.in\n");
    }

    #[test]
    fn a_synopsis_names_what_is_to_be_put_there() {
        assert_eq!(synopsis("<key> [EX <n>]"), r"\fIkey\fR [EX \fIn\fR]");
        assert_eq!(synopsis("<key>..."), r"\fIkey\fR...");
        assert_eq!(synopsis("a < b"), "a < b");
    }

    #[test]
    fn a_sentence_ends_with_one_full_stop() {
        assert_eq!(sentence("gives it"), "Gives it.");
        assert_eq!(sentence("Is it."), "Is it.");
    }
}
