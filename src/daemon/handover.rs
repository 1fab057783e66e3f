//! The open connections on their way from one daemon to the next.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags};

use crate::command::Context;
use crate::handover::{self, Carried, Passage, Passed};
use crate::logging::event;
use crate::server::Server;
use crate::systemd::listen::STORED;
use crate::systemd::notify::Notifier;

/// The longest wait for the service manager to take them.
const LIMIT: Duration = Duration::from_secs(5);

/// Leaves `connections` with the service manager, for the next daemon.
pub(super) fn leave(connections: Vec<Carried>, context: &Context, notifier: &Notifier) {
    if connections.is_empty() {
        return;
    }
    let clients = connections.len();
    match try_leave(connections, context, notifier) {
        Ok(refused) => tracing::info!(
            message_id = event::HANDED_OVER,
            clients = clients - refused,
            refused,
            "clients stay connected for the next daemon"
        ),
        Err(error) => {
            tracing::error!(
                message_id = event::HANDOVER_FAILED,
                clients,
                %error,
                "clients cannot be handed over and are closed"
            );
        }
    }
}

/// Gives how many connections the kernel refused to carry.
fn try_leave(
    connections: Vec<Carried>,
    context: &Context,
    notifier: &Notifier,
) -> io::Result<usize> {
    let (sockets, records): (Vec<OwnedFd>, Vec<_>) =
        connections.into_iter().map(|it| (it.socket, it.record)).unzip();
    let mut state = BufWriter::new(memory()?);
    handover::write(&mut state, context.users.clients.newest(), records.into_iter())?;
    let state = state.into_inner().map_err(io::IntoInnerError::into_error)?;
    // Nobody changes it from here on.
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&state, seals)?;
    let (passage, refused) = Passage::fill(state.as_fd(), &sockets)?;
    if notifier.store(passage.into_ends().into(), STORED, LIMIT)? {
        Ok(refused)
    } else {
        Err(io::Error::new(io::ErrorKind::TimedOut, "the service manager did not take them"))
    }
}

/// A file in memory.
fn memory() -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Without the flag some systems warn, and before Linux 6.3 it is not known.
    let file = rustix::fs::memfd_create(c"kvsock-handover", flags | MemfdFlags::NOEXEC_SEAL)
        .or_else(|_| rustix::fs::memfd_create(c"kvsock-handover", flags))?;
    Ok(file.into())
}

/// Goes on with the connections that the daemon before this one left, whose ends `stored` are.
pub(super) fn take(
    stored: &[OwnedFd],
    server: &mut Server,
    context: &Context,
    notifier: &Notifier,
) {
    if stored.is_empty() {
        return;
    }
    let ends = stored.iter().filter_map(|end| end.try_clone().ok());
    for passed in handover::take_out(ends) {
        let clients = passed.clients.len();
        match open(passed, server, context) {
            Ok(lost) => tracing::info!(
                message_id = event::TAKEN_OVER,
                clients = clients - lost,
                lost,
                "clients of the daemon before stayed connected"
            ),
            Err(error) => tracing::error!(
                message_id = event::HANDOVER_FAILED,
                clients,
                %error,
                "clients of the daemon before cannot be taken over and are closed"
            ),
        }
    }
    notifier.remove_stored(STORED);
}

/// Gives how many connections were lost.
fn open(
    passed: Passed,
    server: &mut Server,
    context: &Context,
) -> Result<usize, handover::Unreadable> {
    let mut state = passed.state.ok_or(handover::Unreadable::Short)?;
    state.seek(SeekFrom::Start(0)).map_err(handover::Unreadable::Io)?;
    let (head, mut records) = handover::read(BufReader::new(state))?;
    context.users.clients.skip_to(head.newest_client);
    let mut lost = 0;
    for socket in passed.clients {
        lost += match (socket, records.next()) {
            (Some(socket), Some(Ok(record))) => server.take_over([Carried { socket, record }]),
            (_, Some(Err(error))) => {
                tracing::error!(
                    message_id = event::HANDOVER_FAILED,
                    %error,
                    "a client of the daemon before cannot be taken over and is closed"
                );
                1
            }
            (None, _) | (_, None) => 1,
        };
    }
    Ok(lost)
}
