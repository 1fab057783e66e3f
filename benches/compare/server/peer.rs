//! What else could stand between a client and Valkey, or in its place, as Debian packages it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use super::process::{Place, Process};
use super::{CLIENTS, MEMCACHED, Meter, NUTCRACKER, Owner, SOCKET_PROXYD, Server};
use crate::load::dialect::Dialect;

pub(crate) const PROXYD: &str = "/lib/systemd/systemd-socket-proxyd";

/// nutcracker (twemproxy) before a Valkey's socket; `None` where it is not installed.
pub(crate) fn nutcracker(valkey: &Server, socket: &Path) -> Option<Server> {
    is_installed("nutcracker").then(|| {
        let place = Place::new();
        let pool = format!(
            "pool:\n  listen: {}\n  hash: fnv1a_64\n  distribution: ketama\n  redis: true\n  \
             preconnect: true\n  servers:\n   - {}:1\n",
            place.socket().display(),
            socket.display()
        );
        let [settings, log] = ["nutcracker.yml", "log"].map(|name| place.dir().join(name));
        fs::write(&settings, pool).expect("the directory is ours");
        let mut command = Command::new("nutcracker");
        command.arg("-c").arg(settings).arg("-o").arg(log);
        command.args(["--stats-addr", "127.0.0.1", "--stats-port", &free_port()]);
        server(NUTCRACKER, place.start(&mut command), Some(valkey), Dialect::Resp)
    })
}

/// systemd-socket-proxyd before a Valkey's socket, on a socket passed to it as by systemd.
pub(crate) fn socket_proxyd(valkey: &Server) -> Option<Server> {
    let is_there = is_installed("systemd-socket-activate") && Path::new(PROXYD).exists();
    is_there.then(|| {
        let place = Place::new();
        // Becomes the proxy with the first connection.
        let mut command = Command::new("systemd-socket-activate");
        command.arg("--listen").arg(place.socket()).arg(PROXYD);
        command.arg(format!("--connections-max={CLIENTS}")).arg(&valkey.socket);
        command.stderr(Stdio::null());
        server(SOCKET_PROXYD, place.start(&mut command), Some(valkey), Dialect::Resp)
    })
}

/// memcached, which has a text protocol of its own.
pub(crate) fn memcached() -> Option<Server> {
    is_installed("memcached").then(|| {
        let place = Place::new();
        let mut command = Command::new("memcached");
        command.arg("-s").arg(place.socket()).args(["-m", "256", "-c", &CLIENTS.to_string()]);
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "root"]);
        }
        server(MEMCACHED, place.start(&mut command), None, Dialect::Memcached)
    })
}

/// Whether a program is in the search path.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

fn server(
    name: &'static str,
    process: Process,
    store: Option<&Server>,
    dialect: Dialect,
) -> Server {
    Server {
        name,
        socket: process.socket(),
        meter: Meter { server: process.pid(), store: store.map(|store| store.meter.server) },
        dialect,
        owner: Owner::Process(process),
    }
}

/// One that was free just now.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port().to_string()
}
