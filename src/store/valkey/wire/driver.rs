//! The driver of a [`super::connection::Connection`]: writes all commands of the outbox in one
//! write, and gives each reply to the exchange that it belongs to.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, Sleep};

use super::error_text;
use super::exchange::{InFlight, Misplaced};
use super::outbox::Shared;
use super::stream::Stream;
use crate::message::Reply;
use crate::protocol::Outgoing;
use crate::protocol::resp::{ReplyDecoder, Taken};
use crate::store::valkey::cache::Cache;

/// Capacity for one read.
const READ: usize = 64 * 1024;
/// Capacity for one read within a long reply.
const READ_LONG: usize = 1024 * 1024;

/// Capacity that is kept for the next write or read.
const KEPT: usize = 256 * 1024;

/// The cause of the end when replies are out of step with requests.
const MISPLACED: &str = "the server said something that nobody asked";

/// Drives one connection until it ends.
pub(crate) struct Driver {
    stream: Box<dyn Stream>,
    shared: Arc<Shared>,
    reply_timeout: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Bytes that are being written.
    outgoing: Outgoing,
    /// The number of bytes written so far.
    sent: u64,
    /// The stream may hold bytes that are not flushed.
    must_flush: bool,
    /// Exchanges whose replies are outstanding, oldest first.
    in_flight: VecDeque<InFlight>,
    received: BytesMut,
    decoder: ReplyDecoder,
    /// Bytes of the current reply that room was made for.
    made_room: usize,
    /// The current reply is discarded because it exceeds the length limit.
    is_too_long: bool,
}

impl Driver {
    /// A driver that writes to `stream` what arrives in the shared outbox.
    pub(crate) fn new(
        stream: Box<dyn Stream>,
        shared: Arc<Shared>,
        reply_timeout: Option<Duration>,
        has_pushes: bool,
    ) -> Driver {
        let decoder =
            if has_pushes { ReplyDecoder::taking_pushes() } else { ReplyDecoder::default() };
        Driver {
            stream,
            shared,
            reply_timeout,
            timer: None,
            outgoing: Outgoing::default(),
            sent: 0,
            must_flush: false,
            in_flight: VecDeque::new(),
            received: BytesMut::new(),
            decoder,
            made_room: 0,
            is_too_long: false,
        }
    }

    /// Takes over the contents of the outbox.
    fn take(&mut self, cx: &Context<'_>) {
        let mut outbox = self.shared.outbox();
        self.in_flight.append(&mut outbox.in_flight);
        if self.outgoing.is_empty() {
            // The two buffers swap their capacity, so that neither allocates again.
            std::mem::swap(&mut self.outgoing, &mut outbox.bytes);
        } else {
            self.outgoing.append(std::mem::take(&mut outbox.bytes));
        }
        if !outbox.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            outbox.waker = Some(cx.waker().clone());
        }
    }

    /// Writes until the outgoing bytes are gone or the stream is full.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            let stream = Pin::new(&mut self.stream);
            let writing = match self.outgoing.only_text() {
                Some(text) => stream.poll_write(cx, text),
                None => stream.poll_write_vectored(cx, &self.outgoing.slices()),
            };
            let written = ready!(writing)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.advance(written);
            self.sent += written as u64;
            self.must_flush = true;
            if self.outgoing.is_empty() {
                let mut room = std::mem::take(&mut self.outgoing).into_room();
                room.shrink_to(KEPT);
                self.outgoing = room.into();
            }
        }
        if self.must_flush {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.must_flush = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads until the stream is empty, and delivers the complete replies.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cow<'static, str>>> {
        loop {
            let most = self.make_room();
            let mut room = (&mut self.received).limit(most);
            let read = pin!(self.stream.read_buf(&mut room)).poll(cx);
            if ready!(read).map_err(|error| error_text::of_io(&error))? == 0 {
                return Poll::Ready(Err("connection closed by the server".into()));
            }
            self.hand_out()?;
        }
    }

    /// Makes room for one read, and returns the most bytes that the read may bring. A value keeps its
    /// whole buffer in memory. Therefore the buffer of a long value ends with the value, and no later
    /// reply shares it.
    fn make_room(&mut self) -> usize {
        let end = self.decoder.value_end();
        if end > READ {
            let missing = end.saturating_sub(self.received.len());
            self.received.reserve(missing.min(READ_LONG));
            return missing;
        }
        if self.received.capacity() > KEPT && self.received.len() < READ {
            self.received = BytesMut::from(&self.received[..]);
        }
        self.received.reserve(READ);
        READ
    }

    /// Delivers the complete replies.
    fn hand_out(&mut self) -> Result<(), Cow<'static, str>> {
        loop {
            let malformed = |_| Cow::Borrowed("malformed reply from the server");
            let taken = self.decoder.take(&mut self.received).map_err(malformed)?;
            let cache = self.shared.cache.get();
            if let Some(Taken::Push(push)) = &taken {
                if let Some(cache) = cache {
                    cache.hear(push);
                }
                continue;
            }
            let Some(exchange) = self.in_flight.front_mut() else {
                // No exchange is in flight.
                return match taken {
                    Some(Taken::Reply(Reply::Error(error))) => Err(error.to_string().into()),
                    None if !self.decoder.is_within_reply() => Ok(()),
                    _ => Err(MISPLACED.into()),
                };
            };
            let reply = match taken {
                Some(Taken::Reply(reply)) => {
                    let bytes = reply.data_len();
                    if exchange.make_room(bytes.saturating_sub(self.made_room)) {
                        Some(reply)
                    } else {
                        exchange.substitute(false, self.made_room)
                    }
                }
                Some(Taken::Skipped) => exchange.substitute(self.is_too_long, self.made_room),
                Some(Taken::Push(_)) => None,
                None if self.decoder.is_skipping() => {
                    if self.received.len() < READ {
                        // Frees the buffer that held the beginning of the reply.
                        self.received = BytesMut::from(&self.received[..]);
                    }
                    return Ok(());
                }
                None if !self.decoder.is_within_reply() => return Ok(()),
                None => {
                    let bytes = self.decoder.announced();
                    self.is_too_long = self.decoder.announced_data() > exchange.max_reply();
                    if !self.is_too_long && exchange.make_room(bytes.saturating_sub(self.made_room))
                    {
                        self.made_room = self.made_room.max(bytes);
                        return Ok(());
                    }
                    self.decoder.skip();
                    continue;
                }
            };
            (self.made_room, self.is_too_long) = (0, false);
            if exchange.put(reply, cache).map_err(|Misplaced| Cow::Borrowed(MISPLACED))?
                && let Some(exchange) = self.in_flight.pop_front()
            {
                exchange.finish();
            }
        }
    }

    /// Whether the oldest exchange has exceeded the reply timeout.
    fn poll_reply_timeout(&mut self, cx: &mut Context<'_>) -> Poll<Cow<'static, str>> {
        let (Some(reply_timeout), Some(oldest)) = (self.reply_timeout, self.in_flight.front())
        else {
            return Poll::Pending;
        };
        let end = oldest.at() + reply_timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        while timer.as_mut().poll(cx).is_ready() {
            if end <= Instant::now() {
                return Poll::Ready(format!("no reply within {reply_timeout:?}").into());
            }
            timer.as_mut().reset(end);
        }
        Poll::Pending
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Cow<'static, str>> {
        self.take(cx);
        let ended = self.shared.ending.cause().cloned();
        if ended.is_none()
            && let Poll::Ready(Err(error)) = self.poll_send(cx)
        {
            return Poll::Ready(error_text::of_io(&error));
        }
        // Replies that arrived before the connection was ended still count.
        if let Poll::Ready(Err(cause)) = self.poll_receive(cx) {
            return Poll::Ready(cause);
        }
        if let Some(cause) = ended {
            return Poll::Ready(cause);
        }
        self.poll_reply_timeout(cx)
    }

    /// Ends all exchanges in flight, and closes the outbox.
    fn end(&mut self) {
        self.shared.cache.get().into_iter().for_each(Cache::clear);
        let mut outbox = self.shared.outbox();
        outbox.is_closed = true;
        let unsent = std::mem::take(&mut outbox.in_flight);
        outbox.bytes = Outgoing::default();
        drop(outbox);
        for exchange in self.in_flight.drain(..).chain(unsent) {
            let cause = self.shared.ending.cause().cloned().unwrap_or_default();
            exchange.lose(cause, self.sent);
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let cause = ready!(self.poll_end(cx));
        self.shared.ending.end(cause);
        self.end();
        Poll::Ready(())
    }
}
