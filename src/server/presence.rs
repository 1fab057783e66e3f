//! The presence of a client: its place, its entry in CLIENT LIST, and its count.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::admission::Place;
use crate::account::Account;
use crate::command::{Client, Context};

/// A client that counts until it is dropped.
#[derive(Debug)]
pub(super) struct Presence {
    context: Arc<Context>,
    client: Arc<Client>,
    place: Place,
}

impl Presence {
    /// Counts `client` from now on.
    pub(super) fn new(context: &Arc<Context>, client: &Arc<Client>, place: Place) -> Presence {
        context.counters.clients.fetch_add(1, Ordering::Relaxed);
        Presence { context: Arc::clone(context), client: Arc::clone(client), place }
    }

    /// The public state of the connection.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The account of the connection's user.
    pub(super) fn account(&self) -> &Arc<Account> {
        self.place.account()
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.context.users.clients.leave(&self.client);
        self.context.counters.clients.fetch_sub(1, Ordering::Relaxed);
    }
}
