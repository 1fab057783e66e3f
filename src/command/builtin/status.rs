//! STATUS: the state of the daemon and its store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::command::context::{Context, Counters};
use crate::command::session::size::CachedSize;
use crate::command::session::space::Namespace;
use crate::command::session::state::Session;
use crate::command::table::of_store;
use crate::message::{Args, Reply};
use crate::store::{Health, NearCache, Operation, Store};

/// The longest time that a `status` waits for a new count of the keys.
const PATIENCE: Duration = Duration::from_millis(250);

/// The fields of `status json`.
#[derive(Serialize)]
struct Status<'a> {
    version: &'a str,
    pid: u32,
    uptime_seconds: f64,
    db_size: Option<i64>,
    store: StoreStatus<'a>,
    clients: u64,
    connections: u64,
    refused: u64,
    requests: u64,
    errors: u64,
    hits: u64,
    misses: u64,
    /// The near cache, if there is one.
    cache: Option<CacheStatus>,
    log_dropped: u64,
}

#[derive(Serialize)]
struct CacheStatus {
    hits: u64,
    misses: u64,
    keys: usize,
    bytes: u64,
}

#[derive(Serialize)]
struct StoreStatus<'a> {
    url: &'a str,
    up: bool,
    error: Option<String>,
}

async fn status<'a>(context: &'a Context, session: &mut Session) -> Status<'a> {
    let db_size = size(context, session).await;
    let error = match context.store().health() {
        Health::Up => None,
        Health::Down(why) => Some(why),
    };
    let counters = &context.counters;
    Status {
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        uptime_seconds: context.uptime().as_secs_f64(),
        db_size,
        store: StoreStatus { url: &context.store_url, up: error.is_none(), error },
        clients: Counters::read(&counters.clients),
        connections: Counters::read(&counters.connections),
        refused: Counters::read(&counters.refused),
        requests: Counters::read(&counters.requests),
        errors: Counters::read(&counters.errors),
        hits: Counters::read(&counters.hits),
        misses: Counters::read(&counters.misses),
        cache: context.store().near_cache().map(CacheStatus::from),
        log_dropped: context.logging.dropped(),
    }
}

impl From<NearCache> for CacheStatus {
    fn from(cache: NearCache) -> CacheStatus {
        let NearCache { hits, misses, keys, bytes } = cache;
        CacheStatus { hits, misses, keys, bytes }
    }
}

/// The short form, for people.
pub(crate) async fn text(context: &Context, session: &mut Session) -> Reply {
    let status = status(context, session).await;
    let size = status.db_size.map_or("unknown".to_owned(), |size| size.to_string());
    let state = match status.store.error {
        None => "up".to_owned(),
        Some(why) => format!("down: {}", why.escape_debug()),
    };
    let cache = status.cache.map_or_else(String::new, |cache| {
        format!(" Cache Hits: {}, Cache Misses: {},", cache.hits, cache.misses)
    });
    Reply::Text(format!(
        "DB Size: {size}, Uptime: {:.2}s, Store: {} ({state}), Clients: {}, Requests: {}, \
         Errors: {},{cache} Version: {}",
        status.uptime_seconds,
        status.store.url,
        status.clients,
        status.requests,
        status.errors,
        status.version,
    ))
}

/// The whole state, as one line of JSON.
pub(crate) async fn json(context: &Context, session: &mut Session) -> Reply {
    let status = status(context, session).await;
    Reply::Text(serde_json::to_string(&status).expect("numbers and texts have a JSON form"))
}

/// The number of keys: exact where counting is cheap, otherwise possibly a moment old; `None` if
/// the store never reported one. Only administrators learn how many keys other users have: any
/// other user of a key space learns the number of its own keys.
pub(crate) async fn size(context: &Context, session: &mut Session) -> Option<i64> {
    let (store, size) = subject(context, session)?;
    if context.store().health() == Health::Up && (size.is_cheap() || size.begin()) {
        // A count that exceeds the caller's patience goes on, for the next caller.
        let counting = tokio::spawn(count(store, Arc::clone(&size)));
        if let Ok(Ok(Some(counted))) = tokio::time::timeout(PATIENCE, counting).await {
            return Some(counted);
        }
    }
    size.get()
}

/// The number of keys now; `None` if the store does not answer in time.
pub(crate) async fn exact_size(context: &Context, session: &mut Session) -> Option<i64> {
    let (store, size) = subject(context, session)?;
    let is_worth_it = !size.takes_longer_than(PATIENCE) || size.begin();
    if context.store().health() != Health::Up || !is_worth_it {
        return None;
    }
    let counting = tokio::spawn(count(store, size));
    tokio::time::timeout(PATIENCE, counting).await.ok()?.ok()?
}

fn subject(context: &Context, session: &mut Session) -> Option<(Arc<Store>, Arc<CachedSize>)> {
    if context.users.spaces.namespace() == Namespace::Shared || session.is_administrator() {
        return Some((Arc::clone(context.users.spaces.all()), Arc::clone(&context.size)));
    }
    Some((context.users.spaces.of(session.caller())?, session.size()))
}

async fn count(store: Arc<Store>, size: Arc<CachedSize>) -> Option<i64> {
    let began = Instant::now();
    let operation = Operation { command: const { of_store("DBSIZE") }, args: Args::new() };
    let counted = match store.execute(vec![operation]).await.pop() {
        Some(Reply::Integer(counted)) => Some(counted),
        _ => None,
    };
    size.finish(counted, began);
    counted
}
