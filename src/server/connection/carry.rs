//! The hand-over of connections: one daemon gives them up, the next resumes them.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;

use bytes::BytesMut;
use serde_bytes::ByteBuf;
use socket2::{Domain, SockRef, Type};
use tokio::net::UnixStream;

use super::output::Output;
use super::state::Connection;
use crate::command::{Caller, Session};
use crate::handover::{Carried, Record};
use crate::server::dialect::Dialect;
use crate::server::peer::peer;
use crate::server::shared::Shared;

impl Connection<'_> {
    /// Gives up the connection between two batches.
    pub(crate) fn carry(self) -> io::Result<Carried> {
        let mut input = self.input;
        self.backlog.drain_into(&mut input);
        let record = Record {
            protocol: self.dialect.is_known().then(|| self.session.protocol()),
            progress: self.dialect.progress(),
            input: ByteBuf::from(Vec::from(input)),
            is_closing: self.phase.is_closing(),
            client: self.session.client_record(),
            transaction: self.session.transaction_record(),
            has_watched: self.session.has_watched(),
            keys: self.session.key_space(),
            output: ByteBuf::from(self.output.into_rest()),
        };
        Ok(Carried { socket: self.stream.into_std()?.into(), record })
    }

    /// Resumes a connection of `caller` that another daemon gave up.
    pub(crate) fn resume(
        stream: UnixStream,
        caller: Caller,
        address: Arc<str>,
        record: Record,
        shared: &Arc<Shared>,
    ) -> Connection<'_> {
        let session = |descriptor, limits| {
            Session::restore(&shared.context, caller, address, descriptor, limits, &record)
        };
        let mut connection = Connection::with(stream, shared, session);
        let max_request = shared.options().max_request;
        connection.dialect = Dialect::resume(record.protocol, record.progress, max_request);
        connection.input = BytesMut::from(&record.input[..]);
        connection.output = Output::of(record.output.into_vec());
        connection.phase.set_closing(record.is_closing);
        connection.settle();
        connection
    }
}

/// Checks a descriptor that another daemon gave up. Returns the connection, its peer as the kernel
/// reports it now, and its address.
pub(crate) fn admit(socket: OwnedFd) -> io::Result<(UnixStream, Caller, Arc<str>)> {
    let about = SockRef::from(&socket);
    if about.domain()? != Domain::UNIX || about.r#type()? != Type::STREAM || about.is_listener()? {
        return Err(io::Error::other("it is no connected Unix stream socket"));
    }
    let stream = StdStream::from(socket);
    stream.set_nonblocking(true)?;
    let stream = UnixStream::from_std(stream)?;
    let caller = peer(&stream)?;
    let address = stream.local_addr()?;
    let path = address.as_pathname().map(|path| path.display().to_string());
    Ok((stream, caller, path.as_deref().unwrap_or("unnamed").into()))
}
