//! Memory of clients that are connected, have asked once, and are silent.

use crate::interrupt;
use crate::load::connection::{Connection, fill};
use crate::load::dialect::{Batch, Verb};
use crate::options::Options;
use crate::ratio::Spread;
use crate::report::{Idle, Report};
use crate::server::{
    EMBEDDED, KVSOCK, MEMCACHED, NUTCRACKER, Server, kvsock, memcached, nutcracker,
    possible_clients, valkey,
};
use crate::support::valkey::Setup;

const TITLE: &str = "idle clients";
const CLIENTS: usize = 10_000;

pub(super) fn run(options: &Options, report: &mut Report) {
    if !options.wants(TITLE) {
        return;
    }
    let clients = if options.short { 100 } else { CLIENTS.min(possible_clients()) };
    if clients < CLIENTS && !options.short {
        report.note(&format!("Descriptors are limited: {clients} idle clients, not {CLIENTS}."));
    }
    let mut figures: Vec<(&'static str, Vec<f64>)> = Vec::new();
    for _ in 0..options.rounds().min(3) {
        // Started anew, since a load leaves its memory behind.
        for server in start(options, report) {
            interrupt::check();
            eprintln!("{clients} {TITLE}: {}", server.name);
            let each = each_takes(&server, clients);
            match figures.iter_mut().find(|(name, _)| *name == server.name) {
                Some((_, figures)) => figures.push(each),
                None => figures.push((server.name, vec![each])),
            }
        }
    }
    let spread = |figures| Spread::of(figures).expect("there was a round");
    let servers = figures.into_iter().map(|(name, figures)| (name, spread(figures)));
    report.idle(Idle { clients, servers: servers.collect() });
}

/// Proxies before their Valkey, so that they end before it.
fn start(options: &Options, report: &mut Report) -> Vec<Server> {
    let valkey = valkey(Setup::default());
    fill(&valkey.socket, valkey.dialect, 64);
    let store = format!("valkey+unix://{}", valkey.socket.display());
    let mut servers = vec![
        kvsock(KVSOCK, &options.programs, &[("STORE", &store)], Some(&valkey)),
        kvsock(EMBEDDED, &options.programs, &[], None),
    ];
    let peers = [(NUTCRACKER, nutcracker(&valkey, &valkey.socket)), (MEMCACHED, memcached())];
    servers.extend(peers.into_iter().filter_map(|(name, peer)| report.unless_missing(name, peer)));
    for own in servers.iter().filter(|server| server.meter.store.is_none()) {
        fill(&own.socket, own.dialect, 64);
    }
    servers.push(valkey);
    servers
}

/// Resident bytes for each of so many clients.
fn each_takes(server: &Server, clients: usize) -> f64 {
    let get = Batch::new(server.dialect, Verb::Get, 64, [7]);
    let connect = || {
        let mut connection = Connection::to(&server.socket);
        connection.ask(&get);
        connection
    };
    let _first = connect();
    let before = server.meter.resident();
    let connections: Vec<Connection> = (0..clients).map(|_| connect()).collect();
    let after = server.meter.resident();
    drop(connections);
    after.saturating_sub(before) as f64 / clients as f64
}
