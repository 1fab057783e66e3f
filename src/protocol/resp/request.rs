//! Requests as the client writes them.

/// Appends `name` with `args` as one frame.
pub fn encode_request(name: &[u8], args: &[impl AsRef<[u8]>], out: &mut Vec<u8>) {
    head(b'*', 1 + args.len(), out);
    word(name, out);
    for arg in args {
        word(arg.as_ref(), out);
    }
}

fn word(bytes: &[u8], out: &mut Vec<u8>) {
    head(b'$', bytes.len(), out);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn head(kind: u8, number: usize, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}
