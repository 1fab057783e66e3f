//! Requests out of a stream of bytes.

use bytes::BytesMut;

use super::frame::{Frame, take_plain};
use super::inline::Line;
use super::step::{Fault, Step};
use crate::message::Reply;
use crate::protocol::{Decoded, Progress};

/// Takes requests out of a buffer, in bounded memory.
#[derive(Debug)]
pub struct Decoder {
    /// Bytes a request may have as sent; 0 is unlimited.
    max_request: usize,
    present: Present,
}

/// What is being received.
#[derive(Debug)]
enum Present {
    Nothing,
    Frame(Frame),
    Line(Line),
    /// What the peer sends cannot be understood, and is dropped.
    Broken,
}

impl Decoder {
    /// A decoder of requests of up to `max_request` bytes as sent (0: unlimited).
    pub fn new(max_request: usize) -> Decoder {
        Decoder { max_request, present: Present::Nothing }
    }

    /// A decoder that goes on where another stopped, with the bytes that it left.
    pub fn resume(max_request: usize, progress: Progress) -> Decoder {
        let present = match progress {
            Progress::Request | Progress::Lines => Present::Nothing,
            Progress::RefusedLine { dropped } => Present::Line(Line::refused(dropped)),
            Progress::RefusedLength { left } => Present::Frame(Frame::refused(left, None)),
            Progress::RefusedData { length, left } => {
                Present::Frame(Frame::refused(left, Some(length)))
            }
        };
        Decoder { max_request, present }
    }

    /// Where another decoder can go on.
    pub fn progress(&self) -> Progress {
        match &self.present {
            Present::Nothing | Present::Broken => Progress::Request,
            Present::Line(line) => line.progress(),
            Present::Frame(frame) => frame.progress(),
        }
    }

    /// Takes the next request from the front of `buffer`; `None` if there is no whole one in
    /// it. Requests of no words are passed over.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Option<Decoded> {
        loop {
            let step = match &mut self.present {
                Present::Nothing => {
                    if let Some(request) = take_plain(buffer, self.max_request) {
                        return Some(Decoded::Request(request));
                    }
                    self.present = match buffer.first()? {
                        b'*' => Present::Frame(Frame::new()),
                        _ => Present::Line(Line::default()),
                    };
                    continue;
                }
                Present::Frame(frame) => frame.read(buffer, self.max_request),
                Present::Line(line) => line.read(buffer, self.max_request),
                Present::Broken => {
                    buffer.clear();
                    return None;
                }
            };
            match step {
                Ok(Step::Waiting) => return None,
                Ok(Step::TooLong) => return Some(self.too_long()),
                Ok(Step::Nothing) => self.present = Present::Nothing,
                Ok(Step::Whole(request)) => {
                    self.present = Present::Nothing;
                    return Some(Decoded::Request(request));
                }
                Err(fault) => return Some(self.broken(fault, buffer)),
            }
        }
    }

    /// What the end of input means for what is left in `buffer`: nothing, half a request is
    /// neither carried out nor answered.
    pub fn finish(&mut self, buffer: &mut BytesMut) -> Option<Decoded> {
        buffer.clear();
        self.present = Present::Broken;
        None
    }

    fn too_long(&self) -> Decoded {
        let text = format!("request longer than {} bytes", self.max_request);
        Decoded::Refused(Reply::failed(text))
    }

    fn broken(&mut self, fault: Fault, buffer: &mut BytesMut) -> Decoded {
        buffer.clear();
        self.present = Present::Broken;
        Decoded::Broken(Reply::failed(fault.to_string()))
    }
}
