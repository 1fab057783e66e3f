//! Tests of the decoding of requests, frames and lines, in pieces of any size.

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::message::{Reply, Request};
use crate::protocol::Decoded;
use crate::protocol::resp::{Decoder, encode_request};

/// The results of a decoder for some input.
#[derive(Debug, PartialEq)]
struct Made {
    found: Vec<Decoded>,
    /// Bytes left in the buffer.
    left: usize,
}

/// The results for `input` in pieces of `step` bytes, and the most bytes held meanwhile.
fn decoded(input: &[u8], step: usize, max_request: usize) -> (Made, usize) {
    let (mut decoder, mut buffer) = (Decoder::new(max_request), BytesMut::new());
    let (mut found, mut held) = (Vec::new(), 0);
    for piece in input.chunks(step) {
        buffer.extend_from_slice(piece);
        while let Some(decoded) = decoder.decode(&mut buffer) {
            found.push(decoded);
        }
        held = held.max(buffer.len());
    }
    let left = buffer.len();
    assert_eq!(decoder.finish(&mut buffer), None);
    assert!(buffer.is_empty());
    (Made { found, left }, held)
}

/// Requests as their words with a bar between, errors as their texts.
fn shown(made: &Made) -> Vec<String> {
    let show = |decoded: &Decoded| match decoded {
        Decoded::Request(Request { name, args }) => std::iter::once(&name[..])
            .chain(args.iter().map(|arg| &arg[..]))
            .map(|word| word.escape_ascii().to_string())
            .collect::<Vec<_>>()
            .join("|"),
        Decoded::Refused(Reply::Error(error)) => format!("refused: {error}"),
        Decoded::Broken(Reply::Error(error)) => format!("broken: {error}"),
        other => panic!("{other:?}"),
    };
    made.found.iter().map(show).collect()
}

/// Asserts that `input` decodes to `expected`, in pieces of any size.
fn assert_decoded(input: &[u8], max_request: usize, expected: &[&str]) {
    for step in 1..=input.len() {
        let (made, _) = decoded(input, step, max_request);
        assert_eq!(shown(&made), expected, "{} by {step}", input.escape_ascii());
        assert_eq!(made.left, 0, "{} by {step}", input.escape_ascii());
    }
}

#[test]
fn frames_lines_and_empty_requests_may_follow_each_other() {
    assert_decoded(
        b"*1\r\n$4\r\nPING\r\n*0\r\n*-1\r\n*-7\r\n\r\n\n \t \r\n*3\r\n$3\r\nset\r\n$0\r\n\r\n$6\r\na\r\nb\0\xff\r\n\
          get k\r\n  PING \"a b\"\n*2\r\n$4\r\nECHO\r\n$4\r\n*1\r\n\r\n\"\"\n",
        0,
        &["PING", "set||a\\r\\nb\\x00\\xff", "get|k", "PING|a b", "ECHO|*1\\r\\n", ""],
    );
}

#[test]
fn half_a_request_at_the_end_is_neither_carried_out_nor_answered() {
    let whole = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
    for length in 1..whole.len() {
        assert_eq!(decoded(&whole[..length], length, 0).0.found, []);
    }
    for line in ["PING", "PING\r", "GET \"a"] {
        assert_eq!(decoded(line.as_bytes(), line.len(), 0).0.found, []);
    }
}

#[test]
fn what_is_no_resp_is_broken_with_valkeys_words() {
    let many = format!("*{}", "1".repeat(64 * 1024 - 1));
    let long = format!("*1\r\n${}", "1".repeat(64 * 1024 - 1));
    for (input, text) in [
        ("*\r\n", "invalid multibulk length"),
        ("*+1\r\n", "invalid multibulk length"),
        ("*01\r\n", "invalid multibulk length"),
        ("*-0\r\n", "invalid multibulk length"),
        ("*1048577\r\n", "invalid multibulk length"),
        ("*99999999999999999999\r\n", "invalid multibulk length"),
        ("*-99999999999999999999\r\n", "invalid multibulk length"),
        ("*1\r\n:4\r\n", "expected '$', got ':'"),
        ("*1\r\n'", "expected '$', got '''"),
        ("*1\r\n\r\n", "expected '$', got ' '"),
        ("*1\r\n$\r\n", "invalid bulk length"),
        ("*1\r\n$-1\r\n", "invalid bulk length"),
        ("*1\r\n$04\r\n", "invalid bulk length"),
        ("*1\r\n$536870913\r\n", "invalid bulk length"),
        ("x \"a\n", "unbalanced quotes in request"),
        ("x 'a'b\r\n", "unbalanced quotes in request"),
    ] {
        assert_decoded(input.as_bytes(), 0, &[&format!("broken: Protocol error: {text}")]);
    }
    let line = "x".repeat(64 * 1024);
    for (within, beyond, text) in [
        (many, "1", "too big mbulk count string"),
        (long, "1", "too big bulk count string"),
        (line, "x", "too big inline request"),
    ] {
        assert_eq!(decoded(within.as_bytes(), within.len(), 0).0.found, []);
        let beyond = format!("{within}{beyond}");
        for step in [1, 4096, beyond.len()] {
            let expected = format!("broken: Protocol error: {text}");
            assert_eq!(shown(&decoded(beyond.as_bytes(), step, 0).0), [expected]);
        }
    }
}

#[test]
fn what_valkey_would_wait_for_or_take_is_broken_at_once() {
    for (input, text) in [
        (&b"*1\n"[..], "expected CR LF after a length"),
        (b"*1\rx", "expected CR LF after a length"),
        (b"*1\r\n$4\n", "expected CR LF after a length"),
        (b"*a", "invalid multibulk length"),
        (b"*\x16\x03", "invalid multibulk length"),
        (b"*1\r\n$x", "invalid bulk length"),
        (b"*1\r\n\0", "expected '$', got '\\x00'"),
        (b"*1\r\n\xff", "expected '$', got '\\xff'"),
        (b"*1\r\n$4\r\nPINGx", "expected CR LF after bulk data"),
        (b"*1\r\n$4\r\nPING\n", "expected CR LF after bulk data"),
        (b"*1\r\n$4\r\nPING\r\r", "expected CR LF after bulk data"),
        (b"\x16\x03\x01\x02\0", "control byte '\\x16' in inline request"),
        (b"PING\0", "control byte '\\x00' in inline request"),
        (b"POST / HTTP/1.1\r\n", "HTTP is not spoken here"),
        (b"pOsT\n", "HTTP is not spoken here"),
        (b"host: localhost\r\n", "HTTP is not spoken here"),
        (b"GET / HTTP/1.1\r\n", "HTTP is not spoken here"),
        (b"GET / HTTP/1.0\n", "HTTP is not spoken here"),
    ] {
        let expected = format!("broken: Protocol error: {text}");
        assert_decoded(input, 0, &[&expected]);
        // No later input is taken for a request.
        let followed = [input, b"\r\n*1\r\n$4\r\nPING\r\nPING\r\n"].concat();
        assert_decoded(&followed, 0, &[&expected]);
    }
    assert_decoded(
        b"postal\nget HTTP/1.1\n",
        0,
        &["postal", "broken: Protocol error: HTTP is not spoken here"],
    );
}

#[test]
fn a_request_over_the_limit_is_refused_once_and_the_connection_lives() {
    let refused = "refused: request longer than 20 bytes";
    // A request of 20 bytes; of 21 by one value; of 21 by another; and lines of 20 and 21 bytes.
    assert_decoded(b"*1\r\n$9\r\n123456789\r\n", 20, &["123456789"]);
    assert_decoded(b"*1\r\n$10\r\n1234567890\r\nPING\n", 20, &[refused, "PING"]);
    assert_decoded(b"*2\r\n$1\r\na\r\n$4\r\nabcd\r\nPING\n", 20, &[refused, "PING"]);
    assert_decoded(b"*3\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\nPING\n", 20, &[refused, "PING"]);
    assert_decoded(b"1234567890123456789\nPING\n", 20, &["1234567890123456789", "PING"]);
    assert_decoded(b"1234567890123456789\r\nPING\n", 20, &[refused, "PING"]);
    // Too long by the announced length alone, and by the number of arguments alone.
    assert_decoded(b"*1\r\n$11\r\n", 20, &[refused]);
    assert_decoded(b"*4\r\n", 20, &[refused]);
    // Dropped input is still checked.
    let broken = "broken: Protocol error: expected CR LF after bulk data";
    assert_decoded(b"*1\r\n$11\r\n12345678901\n", 20, &[refused, broken]);
    let broken = "broken: Protocol error: control byte '\\x01' in inline request";
    assert_decoded(b"12345678901234567890\x01\n", 20, &[refused, broken]);
}

#[test]
fn a_request_over_the_limit_is_read_away_in_bounded_memory() {
    let (max_request, step) = (4096, 1000);
    let value = vec![b'x'; 1_000_000];
    let mut large = Vec::new();
    encode_request(b"SET", &[b"k", &value[..]], &mut large);
    let mut many = Vec::new();
    encode_request(b"DEL", &vec!["k"; 100_000], &mut many);
    let line = [&value[..60_000], b"\n"].concat();
    for input in [large, many, line] {
        let input = [&input[..], b"PING\n"].concat();
        let (made, held) = decoded(&input, step, max_request);
        assert_eq!(shown(&made), ["refused: request longer than 4096 bytes", "PING"]);
        assert!(held <= max_request + step, "held {held}");
    }
}

#[test]
fn a_line_over_the_limit_that_never_ends_is_broken_in_the_end() {
    let line = vec![b'x'; 70_000];
    for step in [1, 777, line.len()] {
        let (made, held) = decoded(&line, step, 100);
        assert_eq!(
            shown(&made),
            [
                "refused: request longer than 100 bytes",
                "broken: Protocol error: too big inline request"
            ]
        );
        assert!(held <= 100 + step);
    }
}

#[test]
fn a_long_request_in_small_pieces_takes_no_longer_than_its_length() {
    let mut input = Vec::new();
    encode_request(b"MSET", &vec!["k"; 300_000], &mut input);
    // A decoder that started anew with each piece would take hours.
    let (made, _) = decoded(&input, 3, 0);
    let [Decoded::Request(request)] = &made.found[..] else { panic!("no request") };
    assert_eq!(request.args.len(), 300_000);
}

#[test]
fn arguments_are_slices_of_what_was_received() {
    let mut buffer = BytesMut::from(&b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\nGET key\r\n"[..]);
    let received = buffer.as_ptr_range();
    let mut decoder = Decoder::new(0);
    for _ in 0..2 {
        let Some(Decoded::Request(request)) = decoder.decode(&mut buffer) else {
            panic!("no request")
        };
        assert!(received.contains(&request.args[0].as_ptr()));
    }
}

/// Bytes that resemble RESP.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let scrap = prop_oneof![
        vec(any::<u8>(), 0..8),
        "[*$][-+]?[0-9]{0,3}(\r\n|\n|\r)?".prop_map(String::into_bytes),
        "[a-z\"' \\\\\t]{0,8}(\r\n|\n)?".prop_map(String::into_bytes),
        Just(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".to_vec()),
        Just(b"*0\r\n".to_vec()),
    ];
    vec(scrap, 0..12).prop_map(|scraps| scraps.concat())
}

proptest! {
    #[test]
    fn every_request_that_is_encoded_is_decoded_in_whatever_pieces(
        requests in vec(vec(vec(any::<u8>(), 0..40), 1..12), 1..5),
        step in 1_usize..64,
    ) {
        let mut input = Vec::new();
        for words in &requests {
            encode_request(&words[0], &words[1..], &mut input);
        }
        let (made, _) = decoded(&input, step, 0);
        prop_assert_eq!(made.left, 0);
        prop_assert_eq!(made.found.len(), requests.len());
        for (found, words) in made.found.iter().zip(&requests) {
            let Decoded::Request(request) = found else { panic!("{found:?}") };
            let mut found = vec![request.name.to_vec()];
            found.extend(request.args.iter().map(|word| word.to_vec()));
            prop_assert_eq!(&found, words);
        }
    }

    #[test]
    fn any_bytes_come_to_the_same_in_whatever_pieces(
        input in soup(),
        step in 1_usize..20,
        max_request in prop_oneof![Just(0_usize), 1_usize..40],
    ) {
        let whole = decoded(&input, input.len().max(1), max_request).0;
        let (pieces, held) = decoded(&input, step, max_request);
        prop_assert_eq!(&pieces, &whole);
        if max_request > 0 {
            prop_assert!(held <= max_request + step + 32, "held {}", held);
        }
        let broken = whole.found.iter().position(|one| matches!(one, Decoded::Broken(_)));
        prop_assert!(broken.is_none_or(|at| at == whole.found.len() - 1 && whole.left == 0));
    }
}
