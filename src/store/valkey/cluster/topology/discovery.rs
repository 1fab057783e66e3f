//! Finds the layout of the cluster: asks the candidates, one after the other in quick succession,
//! until one gives a complete layout.
//!
//! CLUSTER SLOTS crosses kvsock's own driver, on the shared connection where there is one. So a
//! discovery costs no new connection while the cluster works, and a node that does not serve is not
//! asked.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use rand::seq::SliceRandom;
use tokio::task::JoinSet;

use super::address::Address;
use super::layout;
use super::layout::Layout;
use crate::store::valkey::cluster::slot::SLOTS;
use crate::store::valkey::connect::connector::Connector;
use crate::store::valkey::wire::connection::Connection;

/// The wait for one candidate before the next is asked, too.
const NEXT: Duration = Duration::from_millis(100);

/// The wait for the other candidates once one has given a layout.
const GRACE: Duration = Duration::from_millis(300);

/// The longest wait for one candidate.
const ATTEMPT: Duration = Duration::from_secs(3);

/// A node that may know the layout.
pub(crate) struct Candidate {
    /// The node's address.
    pub(crate) address: Address,
    /// The connection, or how to make one.
    pub(crate) via: Via,
}

/// How to reach a candidate.
pub(crate) enum Via {
    /// Over an existing connection.
    Connection(Arc<Connection>),
    /// Over a new connection.
    Connector(Connector),
}

/// The first layout that is complete and has at least `epoch`; otherwise the best layout found.
/// Candidates with a connection are asked first, in random order, then the others.
///
/// # Errors
///
/// Why no candidate gave a layout.
pub(crate) async fn layout(
    mut candidates: Vec<Candidate>,
    epoch: u64,
) -> Result<Layout, Cow<'static, str>> {
    candidates.shuffle(&mut rand::rng());
    candidates.sort_by_key(|candidate| matches!(candidate.via, Via::Connector(_)));
    let mut candidates = candidates.into_iter();
    let mut asked = JoinSet::new();
    let (mut best, mut failure) = (None, Cow::Borrowed("no server is known"));
    let rank = |layout: &Layout| (layout.epoch, layout.is_ok, layout.served());
    loop {
        let next = candidates.next();
        let is_last = next.is_none();
        if let Some(candidate) = next {
            asked.spawn(ask(candidate));
        }
        let patience = match (is_last, &best) {
            (false, _) => NEXT,
            (true, Some(_)) => GRACE,
            // Each candidate has its own limit.
            (true, None) => Duration::MAX,
        };
        let told = tokio::time::timeout(patience, asked.join_next()).await.ok().flatten();
        match told {
            Some(Ok(Ok(layout))) if is_whole(&layout) && layout.epoch >= epoch => {
                return Ok(layout);
            }
            Some(Ok(Ok(layout))) if best.as_ref().is_none_or(|it| rank(it) < rank(&layout)) => {
                best = Some(layout);
            }
            Some(Ok(Err(cause))) => failure = cause,
            None if is_last => return best.ok_or(failure),
            Some(Ok(Ok(_)) | Err(_)) | None => {}
        }
    }
}

fn is_whole(layout: &Layout) -> bool {
    layout.is_ok && layout.served() == SLOTS
}

async fn ask(candidate: Candidate) -> Result<Layout, Cow<'static, str>> {
    let told = async {
        let connection = match candidate.via {
            Via::Connection(connection) => connection,
            Via::Connector(connector) => connector.connect().await?,
        };
        let replies = connection.send(layout::commands()).await.map_err(|lost| lost.cause)?;
        Layout::read(&replies, &candidate.address)
    };
    let told = tokio::time::timeout(ATTEMPT, told).await.unwrap_or(Err("no answer".into()));
    told.map_err(|cause| format!("{}: {cause}", candidate.address).into())
}
