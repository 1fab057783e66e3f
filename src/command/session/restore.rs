//! What a session has that the next daemon needs, and a session made of that.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use serde_bytes::ByteBuf;

use super::queue::{Queue, command_words};
use super::state::{Session, Watched};
use crate::command::access::caller::Caller;
use crate::command::builtin::keyspace;
use crate::command::context::Context;
use crate::command::execute::check::{By, Work, check};
use crate::command::execute::transaction::{Place, place};
use crate::command::table;
use crate::command::table::Command;
use crate::handover::{ClientRecord, KeySpace, Record, TransactionRecord};
use crate::message::Request;

impl Session {
    /// What CLIENT LIST tells of the connection.
    pub fn client_record(&self) -> ClientRecord {
        let about = self.client.about();
        let bytes = |bytes: &Bytes| ByteBuf::from(bytes.to_vec());
        ClientRecord {
            id: self.client.id,
            name: bytes(&about.name),
            library: bytes(&about.library),
            library_version: bytes(&about.library_version),
            command: about.command.to_owned(),
            commands: about.commands,
            age: self.client.age(),
            idle: about.active.elapsed(),
        }
    }

    /// The transaction that waits for EXEC, as the requests it was made of.
    pub fn transaction_record(&self) -> Option<TransactionRecord> {
        self.queue.as_ref().map(|queue| TransactionRecord {
            requests: queue.commands().map(words).collect(),
            is_spoilt: queue.is_spoilt,
        })
    }

    /// Whether it watches keys, or has lost what it watched.
    pub fn has_watched(&self) -> bool {
        !matches!(self.watched, Watched::Nothing)
    }

    /// Whose keys it works on.
    pub fn key_space(&self) -> KeySpace {
        self.key_space
    }

    /// The session of a connection that another daemon had. What waited for EXEC is checked again,
    /// with the rights of today; a watch has become one that makes EXEC do nothing.
    pub fn restore(
        context: &Arc<Context>,
        caller: Caller,
        address: Arc<str>,
        descriptor: i32,
        limits: (usize, usize),
        record: &Record,
    ) -> Session {
        let told = &record.client;
        let client = context.clients.enter_again(told.id, caller, address, descriptor, told.age);
        {
            let mut about = client.about();
            let now = Instant::now();
            about.name = Bytes::copy_from_slice(&told.name);
            about.library = Bytes::copy_from_slice(&told.library);
            about.library_version = Bytes::copy_from_slice(&told.library_version);
            about.command = table::find_full(&told.command).map_or("", |found| found.full_name);
            about.commands = told.commands;
            about.active = now.checked_sub(told.idle).unwrap_or(now);
        }
        let mut session = Session::of(context, client, limits.0, limits.1);
        if let Some(protocol) = record.protocol {
            session.speak(protocol);
        }
        keyspace::go(context, &mut session, record.keys);
        if record.has_watched {
            session.watched = Watched::Lost;
        }
        if let Some(transaction) = &record.transaction {
            session.queue = Some(queue(context, &session, transaction));
            session.client.about().queued = Some(transaction.requests.len());
        }
        session
    }
}

/// The words of the request for a command that was queued.
fn words((command, by, args): (&Command, By, Vec<&[u8]>)) -> Vec<ByteBuf> {
    let name = command_words(command, by).map(str::as_bytes);
    name.map(ByteBuf::from).chain(args.into_iter().map(ByteBuf::from)).collect()
}

fn queue(context: &Context, session: &Session, transaction: &TransactionRecord) -> Queue {
    let mut queue = Queue::default();
    queue.is_spoilt = transaction.is_spoilt;
    for words in &transaction.requests {
        let mut words = words.iter().map(|word| Bytes::copy_from_slice(word));
        let name = words.next().unwrap_or_default();
        let mut request = Request { name: name[..].into(), args: words.collect() };
        let checked = check(context, session, &mut request).ok();
        let checked = checked.filter(|(_, by)| matches!(place(*by), Place::Queue));
        let queued = checked.is_some_and(|(command, by)| {
            let work = Work { command, by, args: request.args };
            queue.push(&work, session.is_text(), session.max_queue)
        });
        queue.is_spoilt |= !queued;
    }
    queue
}
