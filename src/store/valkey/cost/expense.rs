//! Operations that are expensive for a server, in which all others wait: a few at a time, so that
//! others' are served in between, and shared out fairly among the users.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use crate::account::{Account, Place, Places, Resource};
use crate::command::table::spec::Cost;
use crate::message::Reply;
use crate::store::operation::Operation;

/// Expensive operations, or portions of them, under way at a time.
const AT_ONCE: usize = 2;
/// How many of them may be of one user.
const SHARE: usize = 1;
/// Values that one portion has the server read: of 64 MiB each they take 100 ms.
const VALUES_READ: usize = 4;

/// The places for expensive operations at one store.
#[derive(Debug)]
pub(crate) struct Expenses(Arc<Places>);

impl Expenses {
    /// All places are free.
    pub(crate) fn new() -> Expenses {
        Expenses(Places::new(Resource::Expensive, AT_ONCE, SHARE))
    }

    /// A place, waiting for it until `deadline`, or without end.
    ///
    /// # Errors
    ///
    /// That there was none in time. Nothing was sent.
    pub(crate) async fn enter(
        &self,
        account: &Arc<Account>,
        deadline: Option<Instant>,
    ) -> Result<Place, Cow<'static, str>> {
        if let Some(place) = self.0.try_take(account) {
            return Ok(place);
        }
        let place = self.0.take(account);
        match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, place)
                .await
                .map_err(|_| "too many expensive commands wait for it".into()),
            None => Ok(place.await),
        }
    }
}

/// How many of these expensive operations are sent at a time.
pub(crate) fn portion(part: &[Operation]) -> usize {
    let only_read = part.iter().all(|operation| operation.spec().cost == Cost::Reads);
    if only_read { VALUES_READ } else { 1 }
}

/// The reply to an operation that no server is asked for.
pub(crate) fn refusal(operation: &Operation, max_reply: usize) -> Option<Reply> {
    operation.refusal().or_else(|| operation.overgrowth(max_reply)).map(Reply::Error)
}
