//! Requests of RESP.

/// Words, of any bytes, as one request.
pub(crate) fn encode<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        bytes.extend(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend(word);
        bytes.extend(b"\r\n");
    }
    bytes
}

/// Words that are separated by one blank each, as one request.
pub(crate) fn request(words: &str) -> Vec<u8> {
    encode(&words.split(' ').collect::<Vec<_>>())
}
