//! What makes a connection count: its place, its entry in CLIENT LIST, and the number of clients.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::admission::Place;
use crate::account::Account;
use crate::command::{Client, Context};

/// A client that is there; dropped, it no longer counts.
#[derive(Debug)]
pub(super) struct Presence {
    context: Arc<Context>,
    client: Arc<Client>,
    place: Place,
}

impl Presence {
    /// `client` counts from now on.
    pub(super) fn new(context: &Arc<Context>, client: &Arc<Client>, place: Place) -> Presence {
        context.counters.clients.fetch_add(1, Ordering::Relaxed);
        Presence { context: Arc::clone(context), client: Arc::clone(client), place }
    }

    /// What is known of the connection.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The account of its user.
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
