//! The Valkey engine: one multiplexed connection to a Valkey or Redis server.

use std::time::Duration;

use super::{Health, OpenError, Operation, Options, Server};
use crate::message::Reply;

/// A connection to a server, made and made again as long as it lives.
#[derive(Debug)]
pub struct Valkey {}

impl Valkey {
    pub(super) fn open(_server: &Server, _options: Options) -> Result<Valkey, OpenError> {
        todo!()
    }

    pub(super) async fn execute(&self, _batch: Vec<Operation>) -> Vec<Reply> {
        todo!()
    }

    pub(super) fn health(&self) -> Health {
        todo!()
    }

    pub(super) async fn close(self, _limit: Duration) {
        todo!()
    }
}
