//! The encoding of requests by the client.

use super::quote::write_quoted;

/// Appends the request line of `name` with `args`. The daemon reads exactly these back, whatever
/// their bytes and number.
pub fn encode_request(name: &[u8], args: &[impl AsRef<[u8]>], out: &mut Vec<u8>) {
    let is_plain = |byte: &u8| matches!(byte, b'!'..=b'~' | 0x80..) && *byte != b'"';
    // A connection that begins with `*` speaks RESP.
    if !matches!(name, [] | [b'*', ..]) && name.iter().all(is_plain) {
        out.extend_from_slice(name);
    } else {
        write_quoted(name, out);
    }
    for argument in args {
        // An unquoted value would include all arguments after it.
        out.push(b' ');
        write_quoted(argument.as_ref(), out);
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::*;

    use super::super::Decoder;
    use super::*;
    use crate::protocol::Decoded;

    #[test]
    fn no_line_begins_as_resp_does() {
        let mut line = Vec::new();
        encode_request(b"*1", &[""; 0], &mut line);
        assert_eq!(line, b"\"*1\"\n");
    }

    proptest! {
        #[test]
        fn every_byte_string_that_goes_in_comes_out_equal(
            key in proptest::collection::vec(any::<u8>(), 0..40),
            value in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            for name in ["set", "get"] {
                let mut line = Vec::new();
                encode_request(name.as_bytes(), &[&key, &value], &mut line);
                let mut decoder = Decoder::new(0, |name| (name == b"set").then_some(1));
                let mut buffer = BytesMut::from(&line[..]);
                let Some(Decoded::Request(request)) = decoder.decode(&mut buffer) else {
                    panic!("no request in {line:?}")
                };
                prop_assert!(buffer.is_empty());
                prop_assert_eq!(&request.name[..], name.as_bytes());
                prop_assert_eq!(request.args.len(), 2);
                prop_assert_eq!(&request.args[0][..], &key[..]);
                prop_assert_eq!(&request.args[1][..], &value[..]);
            }
        }
    }
}
