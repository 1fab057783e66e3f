//! Reply lines as the client reads them, and any bytes as the values that such lines bring.

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::protocol::text::{ReplyLine, encode_reply, parse_list, parse_reply};

pub fn check(input: &[u8]) {
    let input = Bytes::copy_from_slice(input);
    check_value(&input);
    let words: Vec<Bytes> =
        input.split(|byte| *byte == b'\n').map(|it| input.slice_ref(it)).collect();
    for line in &words {
        check_line(line);
    }
    check_list(words);
}

/// What is read from any line is written as a line that says the same.
fn check_line(line: &Bytes) {
    for is_list in [false, true] {
        match parse_reply(line, is_list) {
            Ok(ReplyLine::Nil) => assert_eq!(written(&Reply::Nil), line),
            Ok(ReplyLine::Error(text)) => assert_eq!([b"ERROR: ", &text[..]].concat(), line[..]),
            Ok(ReplyLine::Value(text)) if is_list => assert_eq!(text, line),
            Ok(ReplyLine::Value(value)) => check_value(&value),
            Err(_) => assert!(!is_list && line.starts_with(b"\""), "only quotes are unbalanced"),
        }
    }
    if let Ok(words) = parse_list(line) {
        check_list(words);
    }
}

/// A value comes back equal, and is nothing else.
fn check_value(value: &Bytes) {
    let line = written(&Reply::Value(value.clone()));
    assert_eq!(parse_reply(&line, false), Ok(ReplyLine::Value(value.clone())), "{line:?}");
}

/// So do the words of a list, also those of pairs.
fn check_list(words: Vec<Bytes>) {
    let pairs = words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    let line = written(&Reply::Pairs(pairs));
    assert_eq!(pairs_of(&line), words[..words.len() / 2 * 2], "{line:?}");
    let line = written(&Reply::List(words.iter().cloned().map(Some).collect()));
    assert_eq!(parse_list(&line), Ok(words), "{line:?}");
}

/// Reads keys and values of `key:value key:value` back.
fn pairs_of(line: &Bytes) -> Vec<Bytes> {
    let (mut words, mut at) = (Vec::new(), 0);
    for end in [b':', b' '].into_iter().cycle() {
        if at >= line.len() {
            break;
        }
        let length = word_length(&line[at..], end);
        match parse_reply(&line.slice(at..at + length), false) {
            Ok(ReplyLine::Value(word)) => words.push(word),
            other => panic!("{other:?} among the pairs of {line:?}"),
        }
        at += length + 1;
    }
    words
}

/// The length of the word that `text` begins with: up to its closing quote, or up to `end`.
fn word_length(text: &[u8], end: u8) -> usize {
    if !text.starts_with(b"\"") {
        return text.iter().position(|byte| *byte == end).unwrap_or(text.len());
    }
    let mut at = 1;
    while text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// The line of a reply, without its end.
fn written(reply: &Reply) -> Bytes {
    let mut line = Vec::new();
    encode_reply(reply, &mut line);
    assert_eq!(line.pop(), Some(b'\n'), "a line ends");
    let control = line.iter().find(|byte| byte.is_ascii_control());
    assert_eq!(control, None, "in the line of {reply:?}");
    line.into()
}
