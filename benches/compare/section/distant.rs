//! The store a millisecond away: there and back, by a relay.

use std::time::Duration;

use super::CACHE;
use super::cell::{add_resp, cells, row, title};
use crate::load::connection::{fill, warm};
use crate::load::dialect::{Dialect, Verb};
use crate::options::Options;
use crate::relay::Relay;
use crate::report::Report;
use crate::server::{CACHED, KVSOCK, NUTCRACKER, kvsock, nutcracker, valkey};
use crate::support::valkey::Setup;

const AWAY: Duration = Duration::from_millis(1);

pub(super) fn run(options: &Options, report: &mut Report) {
    // One client alone takes a millisecond for each request.
    let mut works = cells(Verb::Get, 64, &[1], if options.short { &[50] } else { &[1, 50] });
    works.extend(cells(Verb::Get, 64, &[16], &[50]));
    let titled = works.into_iter().map(|work| (title(work, "store 1 ms away"), work));
    let rows: Vec<_> = titled.filter(|(title, _)| options.wants(title)).collect();
    if rows.is_empty() {
        return;
    }
    report.section("Store 1 ms away, by valkey-benchmark");
    let mut valkey = valkey(Setup::default());
    fill(&valkey.socket, valkey.dialect, 64);
    let relay = Relay::start(&valkey.socket, AWAY);
    valkey.socket = relay.socket();
    let programs = &options.programs;
    let store = format!("valkey+unix://{}", valkey.socket.display());
    let on_relay = ("STORE", &*store);
    let mut servers = vec![
        kvsock(KVSOCK, programs, &[on_relay], Some(&valkey)),
        kvsock(CACHED, programs, &[on_relay, CACHE], Some(&valkey)),
    ];
    // One client that asks a thousand times a second would not do so within a sample.
    warm(&servers[1].socket, Dialect::Resp, 64);
    let peer = nutcracker(&valkey, &valkey.socket);
    servers.extend(report.unless_missing(NUTCRACKER, peer));
    for (title, work) in rows {
        let mut row = row(options, &title, work);
        add_resp(&mut row, &valkey, work);
        for server in &servers {
            add_resp(&mut row, server, work);
        }
        report.add(row.run(options));
    }
}
