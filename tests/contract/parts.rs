//! Parts of values: ranges, bits, what two have in common; and numbers in them.

use kvsock::message::Reply;
use kvsock::store::Verb;

use crate::engine::{Home, Subject, error, value};

const NO_NUMBER: &str = "value is not an integer or out of range";
const TOO_LONG: &str = "string exceeds maximum allowed size (proto-max-bulk-len)";
const NO_FLOAT: &str = "value is not a valid float";
const NO_BIT: &str = "bit is not an integer or out of range";
const NO_OFFSET: &str = "bit offset is not an integer or out of range";

pub(crate) async fn values_grow_at_their_end(subject: &Subject) {
    let store = subject.open();
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::StrLen, &["k"], Reply::Integer(0)),
        (Verb::Append, &["k", ""], Reply::Integer(0)),
        (Verb::Exists, &["k"], Reply::Integer(1)),
        (Verb::Append, &["k", "Hello"], Reply::Integer(5)),
        (Verb::ExpireAt, &["k", "99999999999"], Reply::Integer(1)),
        (Verb::Append, &["k", "!"], Reply::Integer(6)),
        (Verb::Get, &["k"], value("Hello!")),
        (Verb::StrLen, &["k"], Reply::Integer(6)),
        (Verb::ExpireTime, &["k"], Reply::Integer(99_999_999_999)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn ranges_are_got_and_set(subject: &Subject) {
    let store = subject.open();
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::Set, &["k", "Hello"], Reply::OK),
        (Verb::GetRange, &["k", "0", "-1"], value("Hello")),
        (Verb::GetRange, &["k", "-3", "-1"], value("llo")),
        (Verb::GetRange, &["k", "-100", "-50"], value("H")),
        (Verb::GetRange, &["k", "-1", "-3"], value("")),
        (Verb::GetRange, &["none", "0", "1"], value("")),
        (Verb::GetRange, &["none", "0", "+1"], error(NO_NUMBER)),
        (Verb::SetRange, &["k", "1", "ipp"], Reply::Integer(5)),
        (Verb::Get, &["k"], value("Hippo")),
        (Verb::SetRange, &["k", "8", "x"], Reply::Integer(9)),
        (Verb::Get, &["k"], value("Hippo\0\0\0x")),
        (Verb::SetRange, &["none", "5", ""], Reply::Integer(0)),
        (Verb::SetRange, &["none", "-1", ""], error("offset is out of range")),
        (Verb::SetRange, &["none", "536870912", "x"], error(TOO_LONG)),
        (Verb::SetRange, &["none", "9223372036854775807", "x"], error(TOO_LONG)),
        (Verb::SetRange, &["k", "a", "x"], error(NO_NUMBER)),
        (Verb::Exists, &["none"], Reply::Integer(0)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn bits_are_set_got_and_counted(subject: &Subject) {
    let store = subject.open();
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::SetBit, &["b", "7", "1"], Reply::Integer(0)),
        (Verb::SetBit, &["b", "7", "0"], Reply::Integer(1)),
        (Verb::SetBit, &["b", "100", "0"], Reply::Integer(0)),
        (Verb::StrLen, &["b"], Reply::Integer(13)),
        (Verb::GetBit, &["b", "4294967295"], Reply::Integer(0)),
        (Verb::GetBit, &["b", "4294967296"], error(NO_OFFSET)),
        (Verb::SetBit, &["b", "a", "a"], error(NO_OFFSET)),
        (Verb::SetBit, &["b", "1", "2"], error(NO_BIT)),
        (Verb::Set, &["b", "foobar"], Reply::OK),
        (Verb::GetBit, &["b", "1"], Reply::Integer(1)),
        (Verb::BitCount, &["b"], Reply::Integer(26)),
        (Verb::BitCount, &["b", "1", "1", "BYTE"], Reply::Integer(6)),
        (Verb::BitCount, &["b", "5", "30", "bit"], Reply::Integer(17)),
        (Verb::BitCount, &["none", "0", "1"], Reply::Integer(0)),
        (Verb::BitCount, &["b", "5", "30", "FOO"], error("syntax error")),
        (Verb::BitCount, &["b", "a", "1"], error(NO_NUMBER)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn counting_takes_any_step(subject: &Subject) {
    let store = subject.open();
    let overflow = "increment or decrement would overflow";
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::IncrBy, &["n", "5"], Reply::Integer(5)),
        (Verb::DecrBy, &["n", "10"], Reply::Integer(-5)),
        (Verb::IncrBy, &["n", "01"], error(NO_NUMBER)),
        (Verb::DecrBy, &["n", "-9223372036854775808"], error("decrement would overflow")),
        (Verb::DecrBy, &["n", "9223372036854775807"], error(overflow)),
        (Verb::Get, &["n"], value("-5")),
    ];
    store.expect(steps).await;
}

pub(crate) async fn fractions_are_added_in_80_bits(subject: &Subject) {
    let store = subject.open();
    let infinite = "increment would produce NaN or Infinity";
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::IncrByFloat, &["f", "0.1"], value("0.1")),
        (Verb::IncrByFloat, &["f", "0.2"], value("0.3")),
        (Verb::IncrByFloat, &["f", "1e3"], value("1000.29999999999999999")),
        (Verb::IncrByFloat, &["f", "-1000.3"], value("0")),
        (Verb::IncrByFloat, &["f", "0x1p3"], value("8")),
        (Verb::IncrByFloat, &["f", "inf"], error(infinite)),
        (Verb::IncrByFloat, &["f", "nan"], error(NO_FLOAT)),
        (Verb::IncrByFloat, &["f", " 1"], error(NO_FLOAT)),
        (Verb::IncrByFloat, &["f", "1e4933"], error(NO_FLOAT)),
        (Verb::Set, &["f", "3.14159265358979323846", "EXAT", "99999999999"], Reply::OK),
        (Verb::IncrByFloat, &["f", "0"], value("3.14159265358979324")),
        (Verb::ExpireTime, &["f"], Reply::Integer(99_999_999_999)),
        (Verb::Set, &["f", "x"], Reply::OK),
        (Verb::IncrByFloat, &["f", "1"], error(NO_FLOAT)),
    ];
    store.expect(steps).await;
}

/// A part that two values have in common, as `LCS` tells it.
fn matching(a: [i64; 2], b: [i64; 2], len: i64) -> Reply {
    let range = |ends: [i64; 2]| Reply::Array(ends.map(Reply::Integer).to_vec());
    Reply::Array(vec![range(a), range(b), Reply::Integer(len)])
}

pub(crate) async fn what_two_values_have_in_common_is_found(subject: &Subject) {
    let store = subject.open();
    let matches = vec![matching([4, 7], [5, 8], 4), matching([2, 3], [0, 1], 2)];
    let found = |matches| {
        Reply::Map(vec![
            (value("matches"), Reply::Array(matches)),
            (value("len"), Reply::Integer(6)),
        ])
    };
    let both = "If you want both the length and indexes, please just use IDX.";
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::MSet, &["a", "ohmytext", "b", "mynewtext"], Reply::OK),
        (Verb::Lcs, &["a", "b"], value("mytext")),
        (Verb::Lcs, &["a", "b", "LEN"], Reply::Integer(6)),
        (Verb::Lcs, &["a", "none"], value("")),
        (Verb::Lcs, &["a", "b", "IDX", "WITHMATCHLEN"], found(matches.clone())),
        (
            Verb::Lcs,
            &["a", "b", "IDX", "MINMATCHLEN", "4", "WITHMATCHLEN"],
            found(matches[..1].to_vec()),
        ),
        (Verb::Lcs, &["a", "b", "LEN", "IDX"], error(both)),
        (Verb::Lcs, &["a", "b", "FOO"], error("syntax error")),
    ];
    store.expect(steps).await;
}

pub(crate) async fn too_long_values_are_not_compared(subject: &Subject) {
    let store = subject.open();
    for key in ["a", "b"] {
        store.set(key, vec![b'x'; 11_590]).await;
    }
    // A server has one thread for all clients, so the bound is a lower one there.
    let text = if matches!(subject.home, Home::Directory { .. }) {
        "Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
    } else {
        "LCS too expensive for the store: values of 11590 and 11590 bytes, whose product may be \
         8388608"
    };
    assert_eq!(store.one(Verb::Lcs, &[b"a", b"b", b"LEN"]).await, error(text));
}
