//! Transactions, and the keys that they depend on.

use bytes::Bytes;

use super::Embedded;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;

/// Keys that one client watches.
#[derive(Debug)]
pub struct Watch;

impl Embedded {
    /// See [`crate::store::Store::watch`].
    pub(in crate::store) async fn watch(
        &self,
        _watch: Option<Watch>,
        _keys: Vec<Bytes>,
    ) -> Result<Watch, ErrorReply> {
        Err(ErrorReply::Failed("no".into()))
    }

    /// See [`crate::store::Store::transact`].
    pub(in crate::store) async fn transact(
        &self,
        _watch: Option<Watch>,
        _batch: Vec<Operation>,
    ) -> Reply {
        Reply::NilList
    }
}
