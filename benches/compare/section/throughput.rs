//! Many requests of clients that stay, over Unix sockets, with Valkey on the same machine.

use super::CACHE;
use super::cell::{add_own, add_resp, cells, row, title};
use crate::load::connection::fill;
use crate::load::dialect::{Dialect, Verb};
use crate::load::driver::Work;
use crate::options::Options;
use crate::report::Report;
use crate::server::{
    CACHED, EMBEDDED, KVSOCK, MEMCACHED, NUTCRACKER, SOCKET_PROXYD, Server, kvsock, memcached,
    nutcracker, socket_proxyd, valkey,
};
use crate::support::valkey::Setup;

/// Bytes of a small and of a large value.
const SMALL: usize = 64;
const LARGE: usize = 4096;

pub(super) fn run(options: &Options, report: &mut Report) {
    let with_titles = |works: Vec<Work>, how: &str| -> Vec<(String, Work)> {
        let titled = works.into_iter().map(|work| (title(work, how), work));
        titled.filter(|(title, _)| options.wants(title)).collect()
    };
    let resp = with_titles(resp(options.short), "RESP");
    let text = with_titles(text(options.short), "text");
    if resp.is_empty() && text.is_empty() {
        return;
    }
    let servers = Servers::start(options, report);
    report.section("RESP, by valkey-benchmark");
    for (title, work) in resp {
        let mut row = row(options, &title, work);
        for server in servers.all() {
            // Its writes are durable: that is another question.
            let is_asked = server.name != EMBEDDED || work.verb == Verb::Get;
            if is_asked && server.dialect != Dialect::Memcached {
                add_resp(&mut row, server, work);
            }
        }
        report.add(row.run(options));
    }
    report.section("Text, by the harness's own driver; Valkey in RESP by the same");
    for (title, work) in text {
        let mut row = row(options, &title, work);
        for server in servers.all() {
            let is_asked = server.name != EMBEDDED || work.verb == Verb::Get;
            if is_asked && ![NUTCRACKER, SOCKET_PROXYD].contains(&server.name) {
                add_own(&mut row, server, work);
            }
        }
        report.add(row.run(options));
    }
}

fn resp(short: bool) -> Vec<Work> {
    if short {
        let some =
            [(Verb::Get, SMALL, 1, 1), (Verb::Get, LARGE, 16, 50), (Verb::Set, SMALL, 16, 50)];
        return some.into_iter().flat_map(|(v, s, d, c)| cells(v, s, &[d], &[c])).collect();
    }
    [
        cells(Verb::Get, SMALL, &[1, 16, 64], &[1, 50, 1000]),
        cells(Verb::Get, LARGE, &[1], &[1]),
        cells(Verb::Get, LARGE, &[1, 16, 64], &[50]),
        cells(Verb::Get, LARGE, &[16], &[1000]),
        cells(Verb::Set, SMALL, &[1, 16, 64], &[1, 50]),
        cells(Verb::Set, LARGE, &[1, 16], &[50]),
    ]
    .concat()
}

fn text(short: bool) -> Vec<Work> {
    if short {
        let some =
            [(Verb::Get, SMALL, 1, 1), (Verb::Get, LARGE, 16, 50), (Verb::Set, LARGE, 64, 5)];
        return some.into_iter().flat_map(|(v, s, d, c)| cells(v, s, &[d], &[c])).collect();
    }
    [
        cells(Verb::Get, SMALL, &[1], &[1, 50, 1000]),
        cells(Verb::Get, SMALL, &[16, 64], &[50]),
        cells(Verb::Get, LARGE, &[1, 16], &[50]),
        cells(Verb::Set, SMALL, &[1, 16], &[50]),
    ]
    .concat()
}

/// All that can be had here, each with every key in it.
struct Servers {
    /// After those that are connected to it, so that it ends after them.
    proxies: Vec<Server>,
    valkey: Server,
    others: Vec<Server>,
}

impl Servers {
    fn start(options: &Options, report: &mut Report) -> Servers {
        let programs = &options.programs;
        let valkey = valkey(Setup::default());
        let store = format!("valkey+unix://{}", valkey.socket.display());
        let on_valkey = ("STORE", &*store);
        let mut proxies = vec![
            kvsock(KVSOCK, programs, &[on_valkey], Some(&valkey)),
            kvsock(CACHED, programs, &[on_valkey, CACHE], Some(&valkey)),
        ];
        let peers = [
            (NUTCRACKER, nutcracker(&valkey, &valkey.socket)),
            (SOCKET_PROXYD, socket_proxyd(&valkey)),
        ];
        let mut others = vec![kvsock(EMBEDDED, programs, &[], None)];
        for (name, peer) in peers {
            proxies.extend(report.unless_missing(name, peer));
        }
        others.extend(report.unless_missing(MEMCACHED, memcached()));
        let servers = Servers { proxies, valkey, others };
        for server in servers.all() {
            for size in [SMALL, LARGE] {
                fill(&server.socket, server.dialect, size);
            }
        }
        servers
    }

    fn all(&self) -> impl Iterator<Item = &Server> {
        let kvsocks = self.proxies.iter().filter(|proxy| proxy.dialect == Dialect::Text);
        let peers = self.proxies.iter().filter(|proxy| proxy.dialect != Dialect::Text);
        let (own, memcached) = self.others.split_at(1);
        [&self.valkey].into_iter().chain(kvsocks).chain(own).chain(peers).chain(memcached)
    }
}
