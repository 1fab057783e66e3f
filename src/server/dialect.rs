//! The protocol of a connection: decided once, by its first byte or the first word of its first
//! line.
//!
//! Commands know the protocol only where its words differ, as in the replies to PING and HELP. The
//! reply to HELLO contains the change of protocol ([`Reply::Speaks`]). So the encoder changes at
//! the right reply, even within the reply to EXEC.

use bytes::BytesMut;

use crate::command::{Session, value_at};
use crate::message::{Protocol, Reply};
use crate::protocol::{Decoded, Outgoing, Progress, resp, text};

/// Longer values are sent without a copy; shorter ones are copied, which costs less.
const COPIED: usize = 8 * 1024;

/// The first byte of a RESP connection, unless its first line is a HELLO.
const RESP: u8 = b'*';

/// The command that begins a RESP connection with an inline request. The text protocol has no such
/// command.
const HELLO: &[u8] = b"hello";

/// The most blanks before it.
const BLANKS: usize = 32;

/// The protocol that the first bytes of a connection show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// Not decided yet.
    Unclear,
    Text,
    Resp,
}

/// Examines all bytes received so far.
fn sign(input: &[u8]) -> Sign {
    if input.first() == Some(&RESP) {
        return Sign::Resp;
    }
    let blanks = input.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if blanks > BLANKS {
        return Sign::Text;
    }
    let word = &input[blanks..];
    let begun = word.len().min(HELLO.len());
    if !word[..begun].eq_ignore_ascii_case(&HELLO[..begun]) {
        return Sign::Text;
    }
    match word.get(HELLO.len()..) {
        None | Some([] | [b'\r']) => Sign::Unclear,
        Some([b' ' | b'\t' | b'\n', ..] | [b'\r', b'\n', ..]) => Sign::Resp,
        Some(_) => Sign::Text,
    }
}

/// Whether the first bytes of a connection are RESP.
pub(super) fn is_resp(input: &[u8]) -> bool {
    sign(input) == Sign::Resp
}

/// The decoder and encoder of the connection's protocol.
pub(super) enum Dialect {
    /// The bytes so far, if any, may begin either protocol.
    Unknown {
        /// Bytes of one request, as sent.
        max_request: usize,
    },
    /// Lines.
    Text(text::Decoder),
    /// RESP.
    Resp(resp::Decoder, resp::Encoder),
}

impl Dialect {
    /// Decides the protocol by the first bytes, if it is not known yet and they show it.
    pub(super) fn learn(&mut self, input: &BytesMut, session: &mut Session) {
        let Dialect::Unknown { max_request } = *self else { return };
        match sign(input) {
            Sign::Unclear => {}
            Sign::Text => *self = Dialect::text(max_request),
            Sign::Resp => {
                session.speak(Protocol::Resp2);
                *self = Dialect::Resp(resp::Decoder::new(max_request), resp::Encoder::default());
            }
        }
    }

    fn text(max_request: usize) -> Dialect {
        Dialect::Text(text::Decoder::new(max_request, value_at))
    }

    /// The dialect of a connection that another daemon decoded up to `progress`.
    pub(super) fn resume(
        protocol: Option<Protocol>,
        progress: Progress,
        max_request: usize,
    ) -> Dialect {
        match protocol {
            None => Dialect::Unknown { max_request },
            Some(Protocol::Text) => {
                Dialect::Text(text::Decoder::resume(max_request, value_at, progress))
            }
            Some(protocol) => {
                let decoder = resp::Decoder::resume(max_request, progress);
                Dialect::Resp(decoder, resp::Encoder::new(protocol))
            }
        }
    }

    /// Whether the protocol is known.
    pub(super) fn is_known(&self) -> bool {
        !matches!(self, Dialect::Unknown { .. })
    }

    /// The state from which another daemon can decode the rest of the input.
    pub(super) fn progress(&self) -> Progress {
        match self {
            Dialect::Unknown { .. } => Progress::Request,
            Dialect::Text(decoder) => decoder.progress(),
            Dialect::Resp(decoder, _) => decoder.progress(),
        }
    }

    /// The next complete request, see the decoders.
    pub(super) fn decode(&mut self, input: &mut BytesMut) -> Option<Decoded> {
        match self {
            Dialect::Unknown { .. } => None,
            Dialect::Text(decoder) => decoder.decode(input),
            Dialect::Resp(decoder, _) => decoder.decode(input),
        }
    }

    /// The reply to the rest of the input at its end. A line that could still have become a HELLO
    /// counts as text.
    pub(super) fn finish(&mut self, input: &mut BytesMut) -> Option<Decoded> {
        if let Dialect::Unknown { max_request } = *self
            && !input.is_empty()
        {
            *self = Dialect::text(max_request);
        }
        match self {
            Dialect::Unknown { .. } => None,
            Dialect::Text(decoder) => decoder.finish(input),
            Dialect::Resp(decoder, _) => decoder.finish(input),
        }
    }

    /// Appends a reply.
    pub(super) fn encode(&mut self, reply: Reply, out: &mut Outgoing) {
        match (self, reply) {
            (Dialect::Resp(..), Reply::Value(value)) if value.len() > COPIED => {
                resp::write_length(b'$', value.len(), out.text());
                out.hand_on(value);
                out.text().extend_from_slice(b"\r\n");
            }
            (Dialect::Resp(_, encoder), reply) => encoder.encode(&reply, out.text()),
            (_, Reply::Value(value)) if value.len() > COPIED && text::is_raw(&value) => {
                out.hand_on(value);
                out.text().push(b'\n');
            }
            (_, reply) => text::encode_reply(&reply, out.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_of_hello_is_resp_and_any_other_is_text() {
        let resp: [&[u8]; 9] = [
            b"*1\r\n",
            b"HELLO 3\r\n",
            b"hello\n",
            b"HeLLo\r\n",
            b" \t hello\t2\n",
            b"hello \n",
            b"hello 3 AUTH default x SETNAME n\r\n",
            b"hello world\n",
            b"hello ",
        ];
        let text: [&[u8]; 11] = [
            b"hellox 3\n",
            b"hell\n",
            b"help\n",
            b"\nhello 3\n",
            b"\r\nhello 3\n",
            b"\"hello\" 3\n",
            b"hello\r3\n",
            b"hello\0\n",
            b"get hello\n",
            b" *1\r\n",
            b"\x16\x03",
        ];
        let blanks = [&[b' '; BLANKS + 1][..], b"hello\n"].concat();
        let text = text.into_iter().chain([&blanks[..]]).map(|line| (line, Sign::Text));
        for (line, expected) in resp.into_iter().map(|line| (line, Sign::Resp)).chain(text) {
            // Once decided, the protocol stays the same, however many bytes come at a time.
            let told = (1..=line.len()).map(|end| sign(&line[..end]));
            let mut told = told.skip_while(|sign| *sign == Sign::Unclear);
            assert!(told.all(|sign| sign == expected), "{}", line.escape_ascii());
            assert_eq!(sign(line), expected, "{}", line.escape_ascii());
        }
        assert_eq!(sign(b""), Sign::Unclear);
    }
}
