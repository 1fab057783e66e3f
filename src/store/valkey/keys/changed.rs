//! Tells the near cache which keys operations have changed.

use super::prefix::{Prefix, StoredKey};
use crate::store::operation::Operation;
use crate::store::valkey::cache::Cache;

impl Cache {
    /// Forgets the keys that `operations` may have changed. Must be called before any client sees
    /// the replies to the operations.
    pub(crate) fn forget<'a>(
        &self,
        prefix: &Prefix,
        operations: impl IntoIterator<Item = &'a Operation>,
    ) {
        let mut known = self.changing();
        let mut stored = StoredKey::new();
        for operation in operations {
            if !operation.is_write() {
                continue;
            }
            let mut keys = operation.keys().peekable();
            if keys.peek().is_none() {
                known.clear();
            }
            keys.for_each(|key| known.forget(prefix.stored_in(key, &mut stored)));
        }
    }
}
