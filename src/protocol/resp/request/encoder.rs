//! The encoding of requests by the client.

use crate::protocol::resp::number::write_number;
use crate::protocol::resp::reply::encoder::write_bulk;

/// Appends the request of `name` with `args` of any bytes.
pub fn encode_request(name: &[u8], args: &[impl AsRef<[u8]>], out: &mut Vec<u8>) {
    write_number(b'*', args.len() + 1, out);
    write_bulk(name, out);
    for argument in args {
        write_bulk(argument.as_ref(), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_an_array_of_bulk_strings() {
        let mut out = Vec::new();
        encode_request(b"SET", &["k", "a\r\nb"], &mut out);
        encode_request(b"PING", &[""; 0], &mut out);
        encode_request(b"ECHO", &[""], &mut out);
        assert_eq!(
            out.escape_ascii().to_string(),
            r"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n"
        );
    }
}
