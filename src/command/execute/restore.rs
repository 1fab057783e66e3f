//! A session restored from the record that the previous daemon left.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::check::check;
use super::transaction::{Place, place};
use crate::command::access::caller::Caller;
use crate::command::builtin::keyspace;
use crate::command::context::Context;
use crate::command::session::queue::Queue;
use crate::command::session::state::{Session, Watched};
use crate::command::table;
use crate::command::work::Work;
use crate::handover::{Record, TransactionRecord};
use crate::message::Request;

impl Session {
    /// The session of a connection of the previous daemon. Queued commands are checked again with
    /// today's rights. A watch counts as lost, so that EXEC replies nil.
    pub fn restore(
        context: &Arc<Context>,
        caller: Caller,
        address: Arc<str>,
        descriptor: i32,
        limits: (usize, usize),
        record: &Record,
    ) -> Session {
        let told = &record.client;
        let client =
            context.users.clients.enter_again(told.id, caller, address, descriptor, told.age);
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
        let mut session = Session::of(&context.users, client, limits.0, limits.1);
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

fn queue(context: &Context, session: &Session, transaction: &TransactionRecord) -> Queue {
    let mut queue = Queue::default();
    queue.is_spoilt = transaction.is_spoilt;
    for words in &transaction.requests {
        let mut words = words.iter().map(|word| Bytes::copy_from_slice(word));
        let name = words.next().unwrap_or_default();
        let mut request = Request { name: name[..].into(), args: words.collect() };
        let checked = check(context, session, &mut request).ok();
        let checked = checked.filter(|(command, by)| matches!(place(command, *by), Place::Queue));
        let queued = checked.is_some_and(|(command, by)| {
            let work = Work { command, by, args: request.args };
            queue.push(&work, session.is_text(), session.max_queue)
        });
        queue.is_spoilt |= !queued;
    }
    queue
}
