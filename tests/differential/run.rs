//! One run: the commands of one seed go to two servers, and each reply is compared.
//!
//! After a difference both servers are emptied and all connections made anew, so that the next
//! difference is one of its own; a run so collects several kinds of them.

use std::collections::{BTreeSet, VecDeque};

use crate::compare::{Verdict, compare};
use crate::connection::Connection;
use crate::generate::{CONNECTIONS, Generator, Step, is};
use crate::report::{Difference, Exchange};
use crate::server::Server;
use crate::support::wire::frame::{bulk, elements};
use crate::tally::Tally;
use crate::word::Words;

/// How many exchanges of a connection are kept for the report.
const KEPT: usize = 20;

/// How many kinds of differences, and how many in all, end a run.
const MOST_KINDS: usize = 10;
const MOST: usize = 200;

/// What is run.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) seed: u64,
    pub(crate) commands: usize,
    pub(crate) resp3: bool,
    pub(crate) reference: &'a Server,
    pub(crate) subject: &'a Server,
}

/// A connection to each of the two servers, which are sent the same.
#[derive(Debug)]
struct Pair {
    reference: Connection,
    subject: Connection,
    /// What the open transaction holds.
    queued: Vec<Words>,
    last: VecDeque<Exchange>,
}

/// A run under way.
#[derive(Debug)]
struct Run<'a> {
    plan: &'a Plan<'a>,
    pairs: [Pair; CONNECTIONS],
    sent: usize,
    tally: Tally,
}

impl Plan<'_> {
    /// Runs, and gives one difference of each kind, and what was met.
    pub(crate) fn differences(&self) -> (Vec<Difference>, Tally) {
        let mut generator = Generator::new(self.seed, self.resp3, self.subject.engine());
        let mut run = Run { plan: self, pairs: self.pairs(), sent: 0, tally: Tally::default() };
        let (mut kinds, mut all, mut found) = (BTreeSet::new(), 0, Vec::new());
        while run.sent < self.commands && kinds.len() < MOST_KINDS && all < MOST {
            let (connection, step) = generator.next();
            if let Err(difference) = run.step(connection, &step) {
                all += 1;
                let hangs = difference.exchange.subject.starts_with(b"(no reply");
                if kinds.insert(difference.kind()) {
                    found.push(*difference);
                }
                if hangs {
                    // Waiting that long for each of many would end in a time-out without a report.
                    break;
                }
                run.start_anew();
                generator.reconnected();
            }
        }
        (found, run.tally)
    }

    fn pairs(&self) -> [Pair; CONNECTIONS] {
        [(); CONNECTIONS].map(|()| Pair {
            reference: Connection::open(&self.reference.socket(), self.resp3),
            subject: Connection::open(&self.subject.socket(), self.resp3),
            queued: Vec::new(),
            last: VecDeque::new(),
        })
    }
}

impl Run<'_> {
    fn step(&mut self, connection: usize, step: &Step) -> Result<(), Box<Difference>> {
        match step {
            Step::Batch(batch) => self.batch(connection, batch),
            Step::Iteration(options) => self.iteration(connection, options),
            Step::List => {
                self.plan.reference.plant_list();
                self.plan.subject.plant_list();
                Ok(())
            }
            Step::Size(batch) => {
                self.iteration(connection, &Words::new())?;
                let [first @ .., last] = &batch[..] else { return Ok(()) };
                self.batch(connection, first)?;
                // What a transaction gives is compared to the byte, as nothing in it is free now.
                self.pairs[connection].queued.clear();
                self.batch(connection, std::slice::from_ref(last))
            }
            Step::Open(line, batch) => self.open(connection, line.as_ref(), batch),
        }
    }

    /// Makes the connection anew.
    fn open(
        &mut self,
        connection: usize,
        line: Option<&Words>,
        batch: &[Words],
    ) -> Result<(), Box<Difference>> {
        let pair = &mut self.pairs[connection];
        pair.queued.clear();
        let servers = [self.plan.reference, self.plan.subject].map(Server::socket);
        let Some(words) = line else {
            [pair.reference, pair.subject] =
                servers.map(|socket| Connection::open(&socket, self.plan.resp3));
            return self.batch(connection, batch);
        };
        self.tally.openings += 1;
        [pair.reference, pair.subject] = servers.map(|socket| Connection::silent(&socket));
        let bytes = [words.join(&b' '), b"\r\n".to_vec()].concat();
        pair.reference.send_after(&bytes, batch);
        pair.subject.send_after(&bytes, batch);
        self.read(connection, [std::slice::from_ref(words), batch].concat().as_slice())
    }

    fn batch(&mut self, connection: usize, batch: &[Words]) -> Result<(), Box<Difference>> {
        let pair = &mut self.pairs[connection];
        pair.reference.send(batch);
        pair.subject.send(batch);
        self.read(connection, batch)
    }

    /// The replies to what was sent.
    fn read(&mut self, connection: usize, batch: &[Words]) -> Result<(), Box<Difference>> {
        for command in batch {
            let pair = &mut self.pairs[connection];
            let (reference, subject) = (pair.reference.reply(), pair.subject.reply());
            self.judge(connection, Exchange { command: command.clone(), reference, subject })?;
        }
        if batch.last().is_some_and(|command| is(command, "QUIT")) {
            self.expect_end(connection)?;
        }
        Ok(())
    }

    fn judge(&mut self, connection: usize, exchange: Exchange) -> Result<(), Box<Difference>> {
        self.sent += 1;
        let pair = &mut self.pairs[connection];
        if pair.last.len() == KEPT {
            pair.last.pop_front();
        }
        pair.last.push_back(exchange.clone());
        let verdict = compare(self.plan.subject.engine(), &exchange, &pair.queued);
        self.tally.count(&exchange, &pair.queued);
        if exchange.reference == b"+QUEUED\r\n" {
            pair.queued.push(exchange.command);
        } else if ["EXEC", "DISCARD", "RESET"].iter().any(|name| is(&exchange.command, name)) {
            pair.queued.clear();
        }
        match verdict {
            Verdict::Agree => Ok(()),
            Verdict::Differ(exchange) => Err(Box::new(self.difference(connection, exchange))),
        }
    }

    fn difference(&self, connection: usize, exchange: Exchange) -> Difference {
        let before = self.pairs[connection].last.iter().cloned().collect();
        Difference { number: self.sent, connection, exchange, before }
    }

    /// Both servers must have closed.
    fn expect_end(&mut self, connection: usize) -> Result<(), Box<Difference>> {
        let pair = &mut self.pairs[connection];
        let ends = [&mut pair.reference, &mut pair.subject].map(|side| side.ended().to_string());
        if ends.iter().any(|ended| ended != "true") {
            let [reference, subject] = ends.map(String::into_bytes);
            let command = vec![b"QUIT".to_vec(), b"(closed?)".to_vec()];
            let exchange = Exchange { command, reference, subject };
            return Err(Box::new(self.difference(connection, exchange)));
        }
        Ok(())
    }

    /// Each server's cursors are its own; what they lead to must be the same set.
    fn iteration(&mut self, connection: usize, options: &Words) -> Result<(), Box<Difference>> {
        let pair = &mut self.pairs[connection];
        let [reference, subject] =
            [&mut pair.reference, &mut pair.subject].map(|side| iterate(side, options));
        let command = [&[b"SCAN".to_vec(), b"(all)".to_vec()], options.as_slice()].concat();
        self.judge(connection, Exchange { command, reference, subject })
    }

    fn start_anew(&mut self) {
        for server in [self.plan.reference, self.plan.subject] {
            Connection::open(&server.socket(), false).ask(&["FLUSHALL"]);
        }
        self.pairs = self.plan.pairs();
    }
}

/// All that an iteration gives, as one text; or the reply that is none of an iteration.
fn iterate(side: &mut Connection, options: &Words) -> Vec<u8> {
    let mut cursor = b"0".to_vec();
    let mut all = BTreeSet::new();
    loop {
        let start = [b"SCAN".to_vec(), cursor];
        side.send(&[[&start, options.as_slice()].concat()]);
        let reply = side.reply();
        let parts = elements(&reply).unwrap_or_default();
        let page = parts.get(1).copied().and_then(elements);
        let (Some(next), Some(page)) = (parts.first().copied().and_then(bulk), page) else {
            return reply;
        };
        all.extend(page.into_iter().map(<[u8]>::to_vec));
        if next == b"0" {
            return all.into_iter().collect::<Vec<_>>().concat();
        }
        cursor = next.to_vec();
    }
}
