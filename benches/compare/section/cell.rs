//! How much is asked at once, by how many: the rows of a load.

use crate::load::benchmark;
use crate::load::dialect::{Dialect, Verb};
use crate::load::driver::{self, Work};
use crate::options::Options;
use crate::sample::Sample;
use crate::server::Server;
use crate::turn::Row;

/// The work of some rows: each depth by each number of clients.
pub(super) fn cells(verb: Verb, size: usize, depths: &[u64], clients: &[u64]) -> Vec<Work> {
    let pairs = depths.iter().flat_map(|depth| clients.iter().map(move |clients| (depth, clients)));
    pairs.map(|(depth, clients)| Work { verb, size, depth: *depth, clients: *clients }).collect()
}

/// `get 64 B, RESP, 16 deep, 50 clients`.
pub(super) fn title(work: Work, how: &str) -> String {
    let verb = match work.verb {
        Verb::Get => "get",
        Verb::Set => "set",
    };
    let size = if work.size < 1024 {
        format!("{} B", work.size)
    } else {
        format!("{} KiB", work.size / 1024)
    };
    let clients = if work.clients == 1 { "client" } else { "clients" };
    format!("{verb} {size}, {how}, {} deep, {} {clients}", work.depth, work.clients)
}

/// A row without servers.
pub(super) fn row<'a>(options: &Options, title: &str, work: Work) -> Row<'a> {
    let once = work.depth * work.clients;
    Row::new(title, if options.short { once.max(1000) } else { (2 * once).max(1000) })
}

/// Adds a server, asked by `valkey-benchmark`.
pub(super) fn add_resp<'a>(row: &mut Row<'a>, server: &'a Server, work: Work) {
    row.add(server.name, move |count| {
        metered(server, || benchmark::run(&server.socket, work, count))
    });
}

/// Adds a server, asked by the harness itself in the server's own protocol.
pub(super) fn add_own<'a>(row: &mut Row<'a>, server: &'a Server, work: Work) {
    let dialect: Dialect = server.dialect;
    row.add(server.name, move |count| {
        metered(server, || driver::run(&server.socket, dialect, work, count))
    });
}

fn metered(server: &Server, work: impl FnOnce() -> Sample) -> Sample {
    let (sample, cost) = server.meter.measure(work);
    Sample { cost: Some(cost), ..sample }
}
