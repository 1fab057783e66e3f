//! The embedded engine: a log-structured store in a directory of this process's own.

use std::path::Path;
use std::time::Duration;

use super::{Health, OpenError, Operation, Options};
use crate::message::Reply;

/// An open embedded store.
#[derive(Debug)]
pub struct Embedded {}

impl Embedded {
    pub(super) fn open(_path: &Path, _options: Options) -> Result<Embedded, OpenError> {
        todo!()
    }

    pub(super) async fn execute(&self, _batch: Vec<Operation>) -> Vec<Reply> {
        todo!()
    }

    pub(super) fn health(&self) -> Health {
        todo!()
    }

    pub(super) async fn close(&self, _limit: Duration) {
        todo!()
    }
}
