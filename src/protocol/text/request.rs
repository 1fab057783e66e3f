//! Requests as the client writes them.

use super::quote::write_quoted;

/// Appends the line that asks for `name` with `args`: whatever their bytes, the daemon reads
/// back just these.
pub fn encode_request(name: &[u8], args: &[impl AsRef<[u8]>], out: &mut Vec<u8>) {
    write_argument(name, out);
    for argument in args {
        out.push(b' ');
        write_argument(argument.as_ref(), out);
    }
    out.push(b'\n');
}

/// Quotes whatever is not plainly one word, so that it does not matter where the value stands.
fn write_argument(word: &[u8], out: &mut Vec<u8>) {
    let plain = |byte: &u8| matches!(byte, b'!'..=b'~' | 0x80..) && *byte != b'"';
    if !word.is_empty() && word.iter().all(plain) {
        out.extend_from_slice(word);
    } else {
        write_quoted(word, out);
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::*;

    use super::super::{Decoded, Decoder};
    use super::*;

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
