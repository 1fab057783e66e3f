//! Which protocol a connection speaks: its first byte tells, once and for all.

use bytes::BytesMut;

use crate::command::{Session, value_at};
use crate::message::{Protocol, Reply};
use crate::protocol::{Decoded, Outgoing, Progress, resp, text};

/// A longer value goes to the client as it is, a shorter one is copied, which costs less.
const COPIED: usize = 8 * 1024;

/// The first byte of a RESP connection.
pub(super) const RESP: u8 = b'*';

/// Requests out of bytes and replies into bytes, in the connection's protocol.
pub(super) enum Dialect {
    /// Nothing has come yet.
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
    /// Learns the protocol from the first byte, if there is one and it is not known yet.
    pub(super) fn learn(&mut self, input: &BytesMut, session: &mut Session) {
        if let (Dialect::Unknown { max_request }, Some(first)) = (&*self, input.first()) {
            *self = if *first == RESP {
                session.speak(Protocol::Resp2);
                Dialect::Resp(resp::Decoder::new(*max_request), resp::Encoder::default())
            } else {
                Dialect::Text(text::Decoder::new(*max_request, value_at))
            };
        }
    }

    /// The dialect of a connection that has come so far with another daemon.
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

    /// Where another daemon can go on with the rest of the input.
    pub(super) fn progress(&self) -> Progress {
        match self {
            Dialect::Unknown { .. } => Progress::Request,
            Dialect::Text(decoder) => decoder.progress(),
            Dialect::Resp(decoder, _) => decoder.progress(),
        }
    }

    /// The next whole request, see the decoders.
    pub(super) fn decode(&mut self, input: &mut BytesMut) -> Option<Decoded> {
        match self {
            Dialect::Unknown { .. } => None,
            Dialect::Text(decoder) => decoder.decode(input),
            Dialect::Resp(decoder, _) => decoder.decode(input),
        }
    }

    /// What the end of the input means for what is left of it.
    pub(super) fn finish(&mut self, input: &mut BytesMut) -> Option<Decoded> {
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
