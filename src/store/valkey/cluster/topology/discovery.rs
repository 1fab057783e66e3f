//! Finds out who serves which slot: asks those that are known, one after the other in quick
//! succession, until one knows.

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

/// How long one may take before the next is asked, too.
const NEXT: Duration = Duration::from_millis(100);

/// How much longer the others may take once one has told something.
const GRACE: Duration = Duration::from_millis(300);

/// How long one may take at all.
const ATTEMPT: Duration = Duration::from_secs(3);

/// One that may know.
pub(crate) struct Candidate {
    /// Where it is.
    pub(crate) address: Address,
    /// How it is asked.
    pub(crate) via: Via,
}

/// How one that may know is asked.
pub(crate) enum Via {
    /// On a connection that is there.
    Connection(Arc<Connection>),
    /// On one that is made for it.
    Connector(Connector),
}

/// What the first tells that sees a whole cluster and knows of no less than `epoch`; otherwise what
/// comes nearest to it. Those with a connection are asked first, and else in any order.
///
/// # Errors
///
/// Why none tells.
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
            // Each has its own.
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
