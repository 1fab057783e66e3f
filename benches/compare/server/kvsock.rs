//! kvsockd, on any store.

use std::path::Path;
use std::process::Command;

use super::process::Place;
use super::{CLIENTS, Meter, Owner, Server};
use crate::load::dialect::Dialect;

/// Starts it with these settings, without their `KVSOCK_`; `store` is the Valkey behind it. Without
/// `STORE` among the settings it has an embedded one.
pub(crate) fn kvsock(
    name: &'static str,
    programs: &Path,
    settings: &[(&str, &str)],
    store: Option<&Server>,
) -> Server {
    let place = Place::new();
    let mut command = command(programs, settings);
    command.env("KVSOCK_SOCKET", place.socket());
    if !settings.iter().any(|(name, _)| *name == "STORE") {
        command.env("KVSOCK_STORE", format!("embedded:{}", place.dir().join("db").display()));
    }
    let process = place.start(&mut command);
    Server {
        name,
        socket: process.socket(),
        meter: Meter { server: process.pid(), store: store.map(|store| store.meter.server) },
        dialect: Dialect::Text,
        owner: Owner::Process(process),
    }
}

fn command(programs: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(programs.join("kvsockd"));
    command.env_clear().env("KVSOCK_LOG", "warn").env("KVSOCK_MAX_CLIENTS", CLIENTS.to_string());
    for (name, value) in settings {
        // A directory of credentials is systemd's setting, not kvsock's.
        let prefix = if *name == "CREDENTIALS_DIRECTORY" { "" } else { "KVSOCK_" };
        command.env(format!("{prefix}{name}"), value);
    }
    command
}
