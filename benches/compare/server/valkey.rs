//! Valkey itself, on its own Unix socket.

use std::path::Path;

use kvsock::store::Transport;

use super::{Meter, Owner, Server, VALKEY};
use crate::load::dialect::Dialect;
use crate::support::valkey::Setup;

/// Started with the benchmark's own settings besides those given.
pub(crate) fn valkey(mut setup: Setup) -> Server {
    setup.settings.push(["maxclients", "12000"]);
    let valkey =
        setup.start().expect("valkey-server or redis-server is what kvsock is compared with");
    Server {
        name: VALKEY,
        socket: valkey.socket(),
        meter: Meter { server: valkey.pid(), store: None },
        dialect: Dialect::Resp,
        owner: Owner::Valkey(Box::new(valkey)),
    }
}

impl Server {
    /// The directory of a Valkey's certificates, and its TLS port; `None` of any other server.
    pub(crate) fn tls(&self) -> Option<(&Path, u16)> {
        let Owner::Valkey(valkey) = &self.owner else { return None };
        let Transport::Tls { port, .. } = valkey.tls() else { return None };
        Some((valkey.dir(), port))
    }
}
