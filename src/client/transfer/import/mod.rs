//! `kvsock import`: the pairs of an export into the store, line by line, in bounded memory.
//!
//! Pairs are stored in batches, each sent in one write. If the import is interrupted, the next one
//! repeats the batch whose outcome is unknown: storing a pair twice does no harm. Read `import`
//! below first, then `place` for `--resume`.

mod lines;
mod place;

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Seek, SeekFrom};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use indicatif::ProgressBar;

use self::lines::Lines;
use self::place::{Place, Source};
use super::key_space::choose_keys;
use super::named_file::NamedFile;
use super::record::Record;
use crate::client::channel::connection::{Connection, push_request};
use crate::client::channel::socket::DaemonSocket;
use crate::client::error::ClientError;
use crate::client::interrupt::Interrupt;
use crate::client::invocation::command_line::Import;
use crate::client::output::progress;
use crate::client::status::INTERRUPTED;
use crate::message::Reply;
use crate::store::glob_matches;

/// The most pairs of one batch, and their most bytes; a single pair may be larger.
const BATCH_PAIRS: usize = 256;
const BATCH_BYTES: usize = 1024 * 1024;

/// Stores all pairs that match the options.
pub(crate) fn import(socket: &DaemonSocket, asked: &Import) -> Result<ExitCode, ClientError> {
    let Some(path) = &asked.file else {
        if asked.resume {
            return Err(ClientError::Resume("standard input cannot be resumed".to_owned()));
        }
        let mut importer = Importer::new(socket, Interrupt::default(), asked)?;
        let input = Lines::new(io::stdin().lock(), "standard input", 0, 0);
        // The program that writes into the pipe may show a progress bar.
        importer.run(input, &ProgressBar::hidden(), |_| Ok(()))?;
        return Ok(importer.report());
    };
    let failed = ClientError::file(path);
    let mut file = File::open(path).map_err(&failed)?;
    // The state file cannot be created beside a descriptor such as /dev/stdin.
    let is_special =
        matches!(NamedFile::at(path), Ok(NamedFile::Special(_) | NamedFile::StandardOutput));
    if is_special || !file.metadata().map_err(&failed)?.is_file() {
        return Err(failed(io::Error::other("not a regular file; give it as standard input")));
    }
    let interrupt = Interrupt::on_any_end().map_err(ClientError::Terminal)?;
    let mut importer = Importer::new(socket, interrupt, asked)?;
    let mut source = Source::of(path, &mut file).map_err(&failed)?;
    let place = if asked.resume { source.resume()? } else { Place::START };
    file.seek(SeekFrom::Start(place.offset)).map_err(&failed)?;
    let name = path.display().to_string();
    let input = Lines::new(BufReader::new(file), &name, place.offset, place.line);
    let bar = progress::of_bytes(source.size());
    bar.set_position(place.offset);
    let done = importer.run(input, &bar, |place| source.keep(place));
    drop(bar);
    if matches!(done, Err(ClientError::Interrupted)) {
        eprintln!("kvsock: interrupted; \"import --resume\" goes on from here");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    done?;
    source.forget()?;
    Ok(importer.report())
}

struct Importer<'a> {
    connection: Connection,
    asked: &'a Import,
    counts: Counts,
}

/// The numbers of pairs by their result.
#[derive(Default)]
struct Counts {
    stored: u64,
    expired: u64,
    kept: u64,
}

impl<'a> Importer<'a> {
    fn new(
        socket: &DaemonSocket,
        interrupt: Interrupt,
        asked: &'a Import,
    ) -> Result<Importer<'a>, ClientError> {
        let mut connection = Connection::open(socket, interrupt)?;
        choose_keys(&mut connection, asked.all_users)?;
        Ok(Importer { connection, asked, counts: Counts::default() })
    }

    /// Stores all pairs of `input`. Calls `reached` with each place before which all pairs are
    /// stored.
    fn run(
        &mut self,
        mut input: Lines<'_>,
        bar: &ProgressBar,
        mut reached: impl FnMut(Place) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        loop {
            // The pairs before an invalid line are stored.
            let (batch, next) = self.batch(&mut input);
            if !batch.lines.is_empty() {
                self.connection.send(&batch.requests)?;
                for line in batch.lines {
                    let reply = self.connection.receive()?;
                    self.counts.add(&reply).map_err(|fault| input.fault(line, fault))?;
                }
            }
            let is_end = matches!(next, Ok(Next::End));
            if !is_end {
                reached(input.place())?;
            }
            bar.set_position(input.place().offset);
            next?;
            if is_end {
                return Ok(());
            }
        }
    }

    /// The next batch, and whether more follows.
    fn batch(&mut self, input: &mut Lines<'_>) -> (Batch, Result<Next, ClientError>) {
        let mut batch = Batch::default();
        let now = now();
        for _ in 0..BATCH_PAIRS {
            if batch.requests.len() >= BATCH_BYTES {
                break;
            }
            let record = match input.next() {
                Ok(Some(record)) => record,
                Ok(None) => return (batch, Ok(Next::End)),
                Err(error) => return (batch, Err(error)),
            };
            if !self.is_wanted(&record) {
                continue;
            }
            if record.expires.is_some_and(|expires| expires <= now) {
                self.counts.expired += 1;
                continue;
            }
            push_set(&record, self.asked.keep, &mut batch.requests);
            batch.lines.push(input.place().line);
        }
        (batch, Ok(Next::More))
    }

    fn is_wanted(&self, record: &Record) -> bool {
        self.asked.pattern.as_ref().is_none_or(|pattern| glob_matches(pattern, &record.key))
    }

    /// Prints the numbers of pairs for a person.
    fn report(&self) -> ExitCode {
        let Counts { stored, expired, kept } = self.counts;
        if io::stderr().is_terminal() {
            let expired = if expired > 0 { format!(", {expired} expired") } else { String::new() };
            let kept = if kept > 0 { format!(", {kept} there already") } else { String::new() };
            eprintln!("kvsock: {stored} pairs stored{expired}{kept}");
        }
        ExitCode::SUCCESS
    }
}

/// Requests that are sent in one write.
#[derive(Default)]
struct Batch {
    requests: Vec<u8>,
    /// The line number of each request.
    lines: Vec<u64>,
}

enum Next {
    More,
    End,
}

impl Counts {
    /// Counts a reply; an error reply is returned as an error.
    fn add(&mut self, reply: &Reply) -> Result<(), String> {
        match reply {
            Reply::Nil => self.kept += 1,
            Reply::Error(error) => return Err(error.to_string()),
            _ => self.stored += 1,
        }
        Ok(())
    }
}

fn push_set(record: &Record, keep: bool, out: &mut Vec<u8>) {
    let expires = record.expires.map(|expires| expires.to_string());
    let mut words: Vec<&[u8]> = vec![b"SET", &record.key, &record.value];
    if let Some(expires) = &expires {
        words.extend([b"PXAT", expires.as_bytes()]);
    }
    if keep {
        words.push(b"NX");
    }
    push_request(&words, out);
}

/// Unix time in milliseconds.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
