//! How many of one user's clients watch keys, where that takes something that all users share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Clients that watch keys, by user.
#[derive(Debug, Default)]
pub(super) struct Watchers(Mutex<HashMap<u32, usize>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Watcher {
    watchers: Arc<Watchers>,
    uid: u32,
}

impl Watchers {
    /// One more of `uid`, unless there would be more than `most` then.
    pub(super) fn enter(self: &Arc<Watchers>, uid: u32, most: usize) -> Option<Watcher> {
        let mut by_uid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_uid.entry(uid).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Watcher { watchers: Arc::clone(self), uid })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut by_uid = self.watchers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_uid.get_mut(&self.uid) {
            *count -= 1;
            if *count == 0 {
                by_uid.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_leaves_room_for_others() {
        let watchers = Arc::new(Watchers::default());
        let first = watchers.enter(7, 2).expect("room");
        let _second = watchers.enter(7, 2).expect("room");
        assert!(watchers.enter(7, 2).is_none());
        assert!(watchers.enter(8, 2).is_some());
        drop(first);
        assert!(watchers.enter(7, 2).is_some());
        assert_eq!(watchers.0.lock().expect("no panic").len(), 1);
    }
}
