//! INFO: the daemon's state, in the sections and fields that Valkey's clients read.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::connection::VALKEY_VERSION;
use super::status;
use crate::command::context::{Context, Counters};
use crate::command::session::state::Session;
use crate::command::word::is_word;
use crate::message::Reply;
use crate::store::Health;

/// The Redis version that Valkey reports for compatibility.
const REDIS_VERSION: &str = "7.2.4";

/// The sections in Valkey's order; kvsock's own is last.
const SECTIONS: [&str; 9] = [
    "server",
    "clients",
    "memory",
    "persistence",
    "stats",
    "replication",
    "cluster",
    "keyspace",
    "kvsock",
];

/// The named sections, or all.
pub(crate) async fn reply(context: &Context, session: &mut Session, names: &[Bytes]) -> Reply {
    let all = names.is_empty()
        || names
            .iter()
            .any(|name| ["all", "default", "everything"].iter().any(|word| is_word(name, word)));
    let mut text = String::new();
    for section in SECTIONS {
        if !all && !names.iter().any(|name| is_word(name, section)) {
            continue;
        }
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        let mut title = section.to_owned();
        title[..1].make_ascii_uppercase();
        push(&mut text, format_args!("# {title}\r\n"));
        for (name, value) in fields(context, session, section).await {
            push(&mut text, format_args!("{name}:{value}\r\n"));
        }
    }
    Reply::Text(text)
}

fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    text.write_fmt(part).expect("a String takes every write");
}

type Fields = Vec<(&'static str, String)>;

async fn fields(context: &Context, session: &mut Session, section: &str) -> Fields {
    match section {
        "server" => server(context),
        "clients" => clients(context),
        "memory" => memory(),
        "persistence" => fixed(&[
            ("loading", "0"),
            ("async_loading", "0"),
            ("rdb_bgsave_in_progress", "0"),
            ("aof_enabled", "0"),
        ]),
        "stats" => stats(&context.counters),
        "replication" => {
            fixed(&[("role", "master"), ("connected_slaves", "0"), ("master_repl_offset", "0")])
        }
        "cluster" => fixed(&[("cluster_enabled", "0")]),
        "keyspace" => keyspace(context, session).await,
        _ => kvsock(context),
    }
}

fn fixed(fields: &[(&'static str, &str)]) -> Fields {
    fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn server(context: &Context) -> Fields {
    let uptime = context.uptime().as_secs();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    vec![
        ("redis_version", REDIS_VERSION.to_owned()),
        ("server_name", "valkey".to_owned()),
        ("valkey_version", VALKEY_VERSION.to_owned()),
        ("redis_mode", "standalone".to_owned()),
        ("server_mode", "standalone".to_owned()),
        ("os", std::env::consts::OS.to_owned()),
        ("arch_bits", usize::BITS.to_string()),
        ("process_id", std::process::id().to_string()),
        ("process_supervised", supervisor().to_owned()),
        ("run_id", context.run_id.clone()),
        ("tcp_port", "0".to_owned()),
        ("server_time_usec", now.as_micros().to_string()),
        ("uptime_in_seconds", uptime.to_string()),
        ("uptime_in_days", (uptime / 86_400).to_string()),
    ]
}

/// The supervisor of this process, derived from `NOTIFY_SOCKET` as in Valkey.
fn supervisor() -> &'static str {
    let is_told = std::env::var_os("NOTIFY_SOCKET").is_some_and(|name| !name.is_empty());
    if is_told { "systemd" } else { "no" }
}

fn clients(context: &Context) -> Fields {
    let open = Counters::read(&context.counters.clients);
    vec![
        ("connected_clients", open.to_string()),
        ("cluster_connections", "0".to_owned()),
        ("blocked_clients", "0".to_owned()),
        ("tracking_clients", "0".to_owned()),
    ]
}

fn memory() -> Fields {
    let used = resident();
    vec![("used_memory", used.to_string()), ("used_memory_rss", used.to_string())]
}

/// Resident memory of this process in bytes, see proc(5); 0 if unknown.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

fn stats(counters: &Counters) -> Fields {
    let read = |counter| Counters::read(counter).to_string();
    vec![
        ("total_connections_received", read(&counters.connections)),
        ("total_commands_processed", read(&counters.requests)),
        ("rejected_connections", read(&counters.refused)),
        ("keyspace_hits", read(&counters.hits)),
        ("keyspace_misses", read(&counters.misses)),
        ("total_error_replies", read(&counters.errors)),
    ]
}

/// No engine counts the keys with an expiry. Clients treat a missing field as unknown.
async fn keyspace(context: &Context, session: &mut Session) -> Fields {
    match status::exact_size(context, session).await {
        Some(size @ 1..) => vec![("db0", format!("keys={size}"))],
        _ => Vec::new(),
    }
}

fn kvsock(context: &Context) -> Fields {
    let mut fields = vec![
        ("kvsock_version", env!("CARGO_PKG_VERSION").to_owned()),
        ("kvsock_uptime_milliseconds", milliseconds(context.uptime())),
        ("kvsock_store", context.store_url.clone()),
    ];
    match context.store().health() {
        Health::Up => fields.push(("kvsock_store_status", "up".to_owned())),
        Health::Down(why) => {
            fields.push(("kvsock_store_status", "down".to_owned()));
            fields.push(("kvsock_store_error", why.escape_debug().to_string()));
        }
    }
    if let Some(cache) = context.store().near_cache() {
        fields.push(("kvsock_cache_hits", cache.hits.to_string()));
        fields.push(("kvsock_cache_misses", cache.misses.to_string()));
        fields.push(("kvsock_cache_keys", cache.keys.to_string()));
        fields.push(("kvsock_cache_bytes", cache.bytes.to_string()));
    }
    fields
}

fn milliseconds(time: Duration) -> String {
    time.as_millis().to_string()
}
