//! Error replies in Valkey's words, each on one line.

use std::io::Write;

use bytes::Bytes;

use crate::message::ErrorReply;

/// The most bytes that are repeated of an unknown command's name, and of its arguments together.
const SHOWN: usize = 128;

/// Appends the error's line with its end.
pub(crate) fn write_error(error: &ErrorReply, out: &mut Vec<u8>) {
    let start = out.len() + 1;
    out.push(b'-');
    match error {
        ErrorReply::Failed(text) => push(out, format_args!("ERR {text}")),
        ErrorReply::Coded(text) => out.extend_from_slice(text.as_bytes()),
        ErrorReply::Unknown(request) => write_unknown(&request.name, &request.args, out),
        ErrorReply::Misuse { command, .. } => write_misuse(command, out),
        ErrorReply::Forbidden(_) => push(out, format_args!("NOPERM {error}")),
        ErrorReply::Unavailable(_) => push(out, format_args!("ERR {error}")),
        ErrorReply::OutcomeUnknown(name) => {
            let name = name.to_ascii_uppercase();
            let text = format_args!("store connection lost; \"{name}\"");
            push(out, format_args!("ERR {text} may or may not have been applied."));
        }
    }
    while out.len() > start && matches!(out.last(), Some(b'\r' | b'\n')) {
        out.pop();
    }
    end_line(start, out);
}

/// Ends the line that begins at `start`. Line ends within it are replaced, so that it cannot end
/// earlier.
pub(crate) fn end_line(start: usize, out: &mut Vec<u8>) {
    for byte in &mut out[start..] {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Repeats arguments while the repeated text, with quotes and blanks, is shorter than [`SHOWN`]
/// bytes. Each argument is cut to the remaining length.
fn write_unknown(name: &[u8], args: &[Bytes], out: &mut Vec<u8>) {
    out.extend_from_slice(b"ERR unknown command '");
    out.extend_from_slice(c_string(name, SHOWN));
    out.extend_from_slice(b"', with args beginning with: ");
    let start = out.len();
    for argument in args {
        let Some(left @ 1..) = SHOWN.checked_sub(out.len() - start) else { break };
        out.push(b'\'');
        out.extend_from_slice(c_string(argument, left));
        out.extend_from_slice(b"' ");
    }
}

/// The bytes that C's `%.*s` prints: up to a NUL.
fn c_string(bytes: &[u8], max: usize) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(max)];
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

fn write_misuse(command: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"ERR wrong number of arguments for '");
    out.extend(command.bytes().map(|byte| if byte == b' ' { b'|' } else { byte }));
    out.extend_from_slice(b"' command");
}

fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Request;

    fn line(error: &ErrorReply) -> String {
        let mut out = b"before\r\n".to_vec();
        write_error(error, &mut out);
        out[8..].escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\"")
    }

    #[test]
    fn every_error_has_its_line() {
        for (error, expected) in [
            (ErrorReply::Failed("syntax error".into()), r"-ERR syntax error\r\n"),
            (ErrorReply::Failed("a\r\nb\r\n\r\n".into()), r"-ERR a  b\r\n"),
            (ErrorReply::Coded("WRONGTYPE x".into()), r"-WRONGTYPE x\r\n"),
            (ErrorReply::Coded("\r\n".into()), r"-\r\n"),
            (
                ErrorReply::Misuse { command: "get", rule: "requires a key." },
                r"-ERR wrong number of arguments for 'get' command\r\n",
            ),
            (
                ErrorReply::Misuse { command: "client setname", rule: "requires a name." },
                r"-ERR wrong number of arguments for 'client|setname' command\r\n",
            ),
            (
                ErrorReply::Forbidden("cleardb"),
                r#"-NOPERM "cleardb" command is for administrators.\r\n"#,
            ),
            (
                ErrorReply::Unavailable("connection refused".into()),
                r"-ERR store unavailable: connection refused\r\n",
            ),
            (
                ErrorReply::OutcomeUnknown("set"),
                r#"-ERR store connection lost; "SET" may or may not have been applied.\r\n"#,
            ),
        ] {
            assert_eq!(line(&error), expected);
        }
    }

    /// The replies of a Valkey 8.0.
    #[test]
    fn an_unknown_command_is_repeated_as_far_as_valkey_does() {
        let run = |letter: &str, count: usize| letter.repeat(count);
        for (name, args, shown, beginning) in [
            ("FOO", vec![], "FOO", String::new()),
            (
                "FOO",
                vec!["bar".into(), "b az".into(), String::new()],
                "FOO",
                "'bar' 'b az' '' ".into(),
            ),
            ("f\r\noo", vec!["a\nb".into()], "f  oo", "'a b' ".into()),
            ("f\0oo", vec!["a\r\nb\0c".into(), "d".into()], "f", "'a  b' 'd' ".into()),
            ("", vec!["it's".into()], "", "'it's' ".into()),
            ("FOO", vec![run("a", 128), "b".into()], "FOO", format!("'{}' ", run("a", 128))),
            ("FOO", vec![run("a", 300)], "FOO", format!("'{}' ", run("a", 128))),
            ("FOO", vec![run("a", 125), "b".into()], "FOO", format!("'{}' ", run("a", 125))),
            ("FOO", vec![run("a", 124), "bc".into()], "FOO", format!("'{}' 'b' ", run("a", 124))),
            (
                "FOO",
                vec![run("a", 100), run("b", 100), "c".into()],
                "FOO",
                format!("'{}' '{}' ", run("a", 100), run("b", 25)),
            ),
            ("FOO", vec!["a".into(); 50], "FOO", "'a' ".repeat(32)),
        ] {
            let args = args.into_iter().map(Bytes::from).collect();
            assert_eq!(
                line(&ErrorReply::Unknown(Box::new(Request {
                    name: name.as_bytes().into(),
                    args
                }))),
                format!(
                    r"-ERR unknown command '{shown}', with args beginning with: {beginning}\r\n"
                )
            );
        }
        let request =
            Request { name: run("f", 200).as_bytes().into(), args: crate::message::Args::new() };
        let long = ErrorReply::Unknown(Box::new(request));
        assert!(line(&long).starts_with(&format!("-ERR unknown command '{}',", run("f", 128))));
    }
}
