//! The decoding of requests by the daemon.

use bytes::BytesMut;

use super::frame::{Frame, take_plain};
use super::inline::Line;
use super::step::{Fault, Step};
use crate::message::Reply;
use crate::protocol::{Decoded, Progress};

/// Decodes requests from a buffer, in bounded memory.
#[derive(Debug)]
pub struct Decoder {
    /// The most bytes of a request as sent; 0 is unlimited.
    max_request: usize,
    present: Present,
}

/// The form of the request that is being received.
#[derive(Debug)]
enum Present {
    Nothing,
    Frame(Frame),
    Line(Line),
    /// The input cannot be decoded any further, and is dropped.
    Broken,
}

impl Decoder {
    /// A decoder of requests of up to `max_request` bytes as sent (0: unlimited).
    pub fn new(max_request: usize) -> Decoder {
        Decoder { max_request, present: Present::Nothing }
    }

    /// A decoder that resumes from the state of another, with the bytes that were left.
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

    /// The state from which another decoder can resume.
    pub fn progress(&self) -> Progress {
        match &self.present {
            Present::Nothing | Present::Broken => Progress::Request,
            Present::Line(line) => line.progress(),
            Present::Frame(frame) => frame.progress(),
        }
    }

    /// Takes the next request from the front of `buffer`; `None` if it is incomplete. Requests
    /// without words are skipped.
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

    /// The reply to the rest of `buffer` at the end of the input: none, since half a request is
    /// neither executed nor answered.
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
