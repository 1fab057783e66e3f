//! `kvsock export`: every pair as a line of JSON, in bounded memory.
//!
//! A scan returns the keys in batches. For each batch, the lengths of the values are requested
//! first, and then the values in groups of bounded size. A group is a transaction, so that each
//! value matches its expiry.

use std::collections::HashSet;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use bytes::Bytes;
use indicatif::ProgressBar;

use super::destination::Destination;
use super::key_space::choose_keys;
use super::named_file::NamedFile;
use super::record::Record;
use super::scan::{Scan, bytes_of, unexpected};
use crate::client::channel::connection::{Connection, push_request};
use crate::client::channel::socket::DaemonSocket;
use crate::client::error::ClientError;
use crate::client::interrupt::Interrupt;
use crate::client::invocation::command_line::Export;
use crate::client::output::progress;
use crate::message::Reply;

/// The most values of one group, and their most bytes; a single value may be larger.
const GROUP_KEYS: usize = 128;
const GROUP_BYTES: u64 = 4 * 1024 * 1024;

/// Writes all pairs that match the options.
pub(crate) fn export(socket: &DaemonSocket, asked: &Export) -> Result<ExitCode, ClientError> {
    let Some(path) = &asked.file else { return to_standard_output(socket, asked) };
    let failed = ClientError::file(path);
    let named = match NamedFile::at(path).map_err(&failed)? {
        NamedFile::StandardOutput => return to_standard_output(socket, asked),
        named => named,
    };
    let interrupt = match named {
        // No file has to be removed, and opening a FIFO may wait for its reader for ever: a signal
        // ends the program at once.
        NamedFile::Special(_) => Interrupt::default(),
        _ => Interrupt::on_any_end().map_err(ClientError::Terminal)?,
    };
    let mut connection = Connection::open(socket, interrupt)?;
    choose_keys(&mut connection, asked.all_users)?;
    let file = Destination::open(&named).map_err(&failed)?;
    // A progress bar would appear between the lines.
    let shows_progress = !file.is_terminal();
    let mut out = BufWriter::new(file);
    walk(connection, asked.pattern.clone(), shows_progress, &mut out, &failed)?;
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.finish().map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}

fn to_standard_output(socket: &DaemonSocket, asked: &Export) -> Result<ExitCode, ClientError> {
    let mut connection = Connection::open(socket, Interrupt::default())?;
    choose_keys(&mut connection, asked.all_users)?;
    let shows_progress = !io::stdout().is_terminal();
    let mut out = BufWriter::new(io::stdout().lock());
    walk(connection, asked.pattern.clone(), shows_progress, &mut out, ClientError::Output)?;
    Ok(ExitCode::SUCCESS)
}

fn walk(
    mut connection: Connection,
    pattern: Option<Vec<u8>>,
    shows_progress: bool,
    out: &mut impl Write,
    failed: impl Fn(io::Error) -> ClientError,
) -> Result<(), ClientError> {
    let total = match connection.ask(&["DBSIZE"])? {
        Reply::Integer(total) => u64::try_from(total).unwrap_or(0),
        reply => return Err(unexpected("DBSIZE", &reply)),
    };
    // With a pattern, the number of keys is not known.
    let bar = match pattern {
        None if shows_progress => progress::of_keys(total),
        _ => ProgressBar::hidden(),
    };
    let mut scan = Scan::new(pattern);
    let mut others = 0;
    while let Some(mut keys) = scan.next(&mut connection)? {
        let mut seen = HashSet::new();
        keys.retain(|key| seen.insert(key.clone()));
        bar.inc(keys.len() as u64);
        let (strings, other) = lengths(&mut connection, keys)?;
        others += other;
        for group in groups(&strings) {
            write_group(&mut connection, group, out, &failed)?;
        }
    }
    out.flush().map_err(failed)?;
    drop(bar);
    if others > 0 {
        eprintln!("kvsock: {others} of other types than string were not exported");
    }
    Ok(())
}

/// The keys of strings with the lengths of their values, and the number of keys of other types.
fn lengths(
    connection: &mut Connection,
    keys: Vec<Bytes>,
) -> Result<(Vec<(Bytes, u64)>, u64), ClientError> {
    let mut requests = Vec::new();
    for key in &keys {
        push_request(&[b"STRLEN", &key[..]], &mut requests);
    }
    connection.send(&requests)?;
    let (mut strings, mut others) = (Vec::with_capacity(keys.len()), 0);
    for key in keys {
        match connection.receive()? {
            Reply::Integer(length) => strings.push((key, u64::try_from(length).unwrap_or(0))),
            Reply::Error(error) if error.to_string().starts_with("WRONGTYPE") => others += 1,
            reply => return Err(unexpected("STRLEN", &reply)),
        }
    }
    Ok((strings, others))
}

/// Splits `keys` into groups whose values are of bounded number and size.
fn groups(mut keys: &[(Bytes, u64)]) -> impl Iterator<Item = &[(Bytes, u64)]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = keys.iter().take(GROUP_KEYS).take_while(|(key, length)| {
            bytes += key.len() as u64 + length;
            bytes <= GROUP_BYTES
        });
        let (group, rest) = keys.split_at(fitting.count().max(1).min(keys.len()));
        keys = rest;
        (!group.is_empty()).then_some(group)
    })
}

fn write_group(
    connection: &mut Connection,
    keys: &[(Bytes, u64)],
    out: &mut impl Write,
    failed: impl Fn(io::Error) -> ClientError,
) -> Result<(), ClientError> {
    let mut lines = Vec::new();
    for ((key, _), pair) in keys.iter().zip(pairs(connection, keys)?.chunks_exact(2)) {
        let value = match &pair[0] {
            // The key was removed or changed its type since.
            Reply::Nil => continue,
            Reply::Error(error) if error.to_string().starts_with("WRONGTYPE") => continue,
            reply => bytes_of(reply).ok_or_else(|| unexpected("GET", reply))?,
        };
        let expires = match &pair[1] {
            Reply::Integer(-2) => continue,
            Reply::Integer(time) => u64::try_from(*time).ok(),
            reply => return Err(unexpected("PEXPIRETIME", reply)),
        };
        Record { key: key.to_vec(), value: value.to_vec(), expires }.write(&mut lines);
    }
    out.write_all(&lines).map_err(failed)
}

/// Requests the value and expiry of each key.
fn pairs(connection: &mut Connection, keys: &[(Bytes, u64)]) -> Result<Vec<Reply>, ClientError> {
    let mut requests = Vec::new();
    push_request(&["MULTI"], &mut requests);
    for (key, _) in keys {
        push_request(&[b"GET", &key[..]], &mut requests);
        push_request(&[b"PEXPIRETIME", &key[..]], &mut requests);
    }
    push_request(&["EXEC"], &mut requests);
    connection.send(&requests)?;
    for _ in 0..=2 * keys.len() {
        if let reply @ Reply::Error(_) = connection.receive()? {
            return Err(unexpected("MULTI", &reply));
        }
    }
    match connection.receive()? {
        Reply::Array(replies) if replies.len() == 2 * keys.len() => Ok(replies),
        reply => Err(unexpected("EXEC", &reply)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_bounded_and_hold_every_key_once() {
        let sizes = |lengths: &[u64]| -> Vec<usize> {
            let keys = lengths.iter().map(|length| (Bytes::from_static(b"k"), *length));
            groups(&keys.collect::<Vec<_>>()).map(<[_]>::len).collect()
        };
        assert!(sizes(&[]).is_empty());
        assert_eq!(sizes(&[0; GROUP_KEYS + 1]), [GROUP_KEYS, 1]);
        assert_eq!(sizes(&[1, GROUP_BYTES * 9, 2, GROUP_BYTES - 9, 9, 1]), [1, 1, 2, 2]);
    }
}
