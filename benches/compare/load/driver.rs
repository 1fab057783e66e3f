//! Many connections, each of which sends its next pipeline when the reply to the last is complete,
//! in any protocol: `valkey-benchmark` speaks but RESP. Every reply is compared to the byte.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;

use super::KEYS;
use super::connection::assert_same;
use super::dialect::{Batch, Dialect, Verb};
use crate::interrupt;
use crate::sample::{Latency, Sample};

/// Pipelines that are made beforehand, of keys far apart, and sent in turn.
const BATCHES: u64 = 64;
/// Longer than that nothing may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked, and by how many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub(crate) verb: Verb,
    pub(crate) size: usize,
    pub(crate) depth: u64,
    pub(crate) clients: u64,
}

/// Asks at least so many requests; the sample has no cost.
pub(crate) fn run(socket: &Path, dialect: Dialect, work: Work, requests: u64) -> Sample {
    let batches: Vec<Batch> = (0..BATCHES)
        .map(|number| {
            let keys = (0..work.depth).map(|place| (number * 7919 + place * 104_729) % KEYS);
            Batch::new(dialect, work.verb, work.size, keys)
        })
        .collect();
    let mut driver = Driver {
        epoll: epoll::create(CreateFlags::CLOEXEC).expect("a descriptor"),
        batches: &batches,
        lanes: (0..work.clients).map(|_| Lane::connect(socket)).collect(),
        left: requests.div_ceil(work.depth).max(work.clients),
        times: Vec::new(),
        buffer: vec![0; 256 * 1024],
    };
    let count = driver.left;
    let start = Instant::now();
    driver.drive();
    let elapsed = start.elapsed();
    assert_eq!(driver.times.len() as u64, count, "replies are missing");
    let latency = Latency::of(&mut driver.times);
    Sample { requests: count * work.depth, elapsed, latency, cost: None }
}

struct Driver<'a> {
    epoll: OwnedFd,
    batches: &'a [Batch],
    lanes: Vec<Lane>,
    /// Pipelines that are still to be sent.
    left: u64,
    times: Vec<Duration>,
    buffer: Vec<u8>,
}

/// A connection and the pipeline that is on its way.
struct Lane {
    stream: UnixStream,
    batch: usize,
    written: usize,
    read: usize,
    sent: Instant,
}

impl Driver<'_> {
    fn drive(&mut self) {
        for number in 0..self.lanes.len() {
            let data = EventData::new_u64(number as u64);
            epoll::add(&self.epoll, &self.lanes[number].stream, data, EventFlags::IN)
                .expect("a descriptor");
            self.lanes[number].batch = number % self.batches.len();
            self.send_next(number);
        }
        let count = self.times.len() as u64 + self.left + self.lanes.len() as u64;
        let mut events = Vec::with_capacity(1024);
        let patience = PATIENCE.try_into().expect("a short time");
        while (self.times.len() as u64) < count {
            interrupt::check();
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&patience)) {
                Ok(0) => panic!("no reply for {PATIENCE:?}"),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("epoll: {error}"),
            }
            for event in &events {
                let number = usize::try_from(event.data.u64()).expect("a number of ours");
                self.go_on(number);
            }
        }
    }

    /// Begins with another pipeline, if there is one.
    fn send_next(&mut self, number: usize) {
        if self.left > 0 {
            self.left -= 1;
            let lane = &mut self.lanes[number];
            lane.batch = (lane.batch + 1) % self.batches.len();
            (lane.written, lane.read, lane.sent) = (0, 0, Instant::now());
            self.write(number);
        }
    }

    fn go_on(&mut self, number: usize) {
        let lane = &mut self.lanes[number];
        let batch = &self.batches[lane.batch];
        if lane.written < batch.request.len() {
            self.write(number);
        }
        let lane = &mut self.lanes[number];
        match lane.stream.read(&mut self.buffer) {
            Ok(0) => panic!("the server ended a connection"),
            Ok(read) => {
                let end = batch.reply.len().min(lane.read + read);
                assert_same(&self.buffer[..read], &batch.reply[lane.read..end]);
                lane.read = end;
                if end == batch.reply.len() {
                    self.times.push(lane.sent.elapsed());
                    self.send_next(number);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("the server broke a connection: {error}"),
        }
    }

    /// Writes what the socket takes now, and comes back when it takes more.
    fn write(&mut self, number: usize) {
        let lane = &mut self.lanes[number];
        let request = &self.batches[lane.batch].request;
        let was_late = lane.written > 0;
        match lane.stream.write(&request[lane.written..]) {
            Ok(written) => lane.written += written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("the server does not read: {error}"),
        }
        let is_late = lane.written < request.len();
        if is_late || was_late {
            let flags = if is_late { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            let data = EventData::new_u64(number as u64);
            epoll::modify(&self.epoll, &lane.stream, data, flags).expect("it was added");
        }
    }
}

impl Lane {
    fn connect(socket: &Path) -> Lane {
        let stream = UnixStream::connect(socket).expect("it listens");
        stream.set_nonblocking(true).expect("a socket");
        Lane { stream, batch: 0, written: 0, read: 0, sent: Instant::now() }
    }
}
