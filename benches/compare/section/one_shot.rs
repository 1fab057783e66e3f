//! Clients that ask once: a connection, and a whole process as a shell script starts it.

use std::path::Path;
use std::process::Command;

use crate::load::connection::{come_and_go, fill};
use crate::load::program;
use crate::options::Options;
use crate::report::Report;
use crate::server::{
    EMBEDDED, KVSOCK, NUTCRACKER, SOCKET_PROXYD, Server, is_installed, kvsock, nutcracker,
    socket_proxyd, valkey,
};
use crate::support::valkey::Setup;
use crate::turn::Row;

const CONNECTION: &str = "connect, get 64 B, close";
const PROCESS: &str = "process that gets 64 B";
const TLS_PROCESS: &str = "process that gets 64 B, TLS and password";

const VALKEY_CLI: &str = "valkey-cli, direct";
const OUR_CLIENT: &str = "kvsock, by kvsockd";

const PASSWORD: &str = "sesame";

pub(super) fn run(options: &Options, report: &mut Report) {
    if options.wants(CONNECTION) || options.wants(PROCESS) {
        plain(options, report);
    }
    if options.wants(TLS_PROCESS) {
        tls(options, report);
    }
}

fn plain(options: &Options, report: &mut Report) {
    let valkey = valkey(Setup::default());
    let store = format!("valkey+unix://{}", valkey.socket.display());
    let proxy = kvsock(KVSOCK, &options.programs, &[("STORE", &store)], Some(&valkey));
    let embedded = kvsock(EMBEDDED, &options.programs, &[], None);
    let peers = [
        (NUTCRACKER, nutcracker(&valkey, &valkey.socket)),
        (SOCKET_PROXYD, socket_proxyd(&valkey)),
    ];
    let peers: Vec<Server> =
        peers.into_iter().filter_map(|(name, peer)| report.unless_missing(name, peer)).collect();
    for server in [&valkey, &embedded] {
        fill(&server.socket, server.dialect, 64);
    }
    if options.wants(CONNECTION) {
        report.section("Connections that ask once");
        let mut row = Row::new(CONNECTION, if options.short { 20 } else { 500 });
        for server in [&valkey, &proxy, &embedded].into_iter().chain(&peers) {
            row.add(server.name, |count| come_and_go(server, server.dialect, count));
        }
        report.add(row.run(options));
    }
    if options.wants(PROCESS) {
        let mut direct = cli();
        direct.arg("-s").arg(&valkey.socket);
        processes(options, report, PROCESS, (&valkey, direct), &proxy);
    }
}

fn tls(options: &Options, report: &mut Report) {
    let valkey = valkey(Setup { tls: true, password: Some(PASSWORD), ..Setup::default() });
    let (dir, port) = valkey.tls().expect("it was asked for");
    // As systemd lays credentials out.
    let credentials = tempfile::Builder::new().prefix("kvsock-").tempdir().expect("a directory");
    let place = |name: &str| credentials.path().join(name);
    std::fs::write(place("store-password"), PASSWORD).expect("the directory is ours");
    for (from, to) in [("ca.pem", "ca.pem"), ("client.pem", "cert.pem"), ("client.key", "key.pem")]
    {
        std::fs::copy(dir.join(from), place(&format!("store-{to}"))).expect("a file of ours");
    }
    let store = format!("valkeys://localhost:{port}/0");
    let directory = credentials.path().to_str().expect("UTF-8");
    let settings = [("STORE", &*store), ("CREDENTIALS_DIRECTORY", directory)];
    let proxy = kvsock(KVSOCK, &options.programs, &settings, Some(&valkey));
    fill(&proxy.socket, proxy.dialect, 64);

    let mut direct = cli();
    // By the environment, or it would warn of a password that others can see.
    direct.env("REDISCLI_AUTH", PASSWORD).env("VALKEYCLI_AUTH", PASSWORD);
    direct.args(["--tls", "-h", "localhost", "-p", &port.to_string()]);
    for (flag, file) in [("--cacert", "ca.pem"), ("--cert", "client.pem"), ("--key", "client.key")]
    {
        direct.arg(flag).arg(dir.join(file));
    }
    processes(options, report, TLS_PROCESS, (&valkey, direct), &proxy);
}

/// A row of a client of Valkey's own against `kvsock`.
fn processes(
    options: &Options,
    report: &mut Report,
    title: &str,
    (valkey, mut direct): (&Server, Command),
    proxy: &Server,
) {
    report.section("Processes that ask once, as a shell script starts them");
    let mut ours = our_client(&options.programs);
    ours.arg("--socket").arg(&proxy.socket).args(program::get());
    direct.args(program::get());
    let mut row = Row::new(title, if options.short { 3 } else { 20 });
    row.add(VALKEY_CLI, move |count| program::run(&mut direct, valkey, count));
    row.add(OUR_CLIENT, move |count| program::run(&mut ours, proxy, count));
    report.add(row.run(options));
}

fn cli() -> Command {
    let program = ["valkey-cli", "redis-cli"].into_iter().find(|program| is_installed(program));
    Command::new(program.expect("valkey-cli is installed with valkey-benchmark"))
}

fn our_client(programs: &Path) -> Command {
    Command::new(programs.join("kvsock"))
}
