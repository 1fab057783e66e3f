//! The budget of the process's descriptors. An accepted client must not take the descriptor that
//! the store needs for a connection or a file.

use rustix::process::{Resource, getrlimit};

/// Descriptors reserved for the store's connections and files, listeners, the log, a restart, and
/// clients that are being refused; half of all if fewer than twice as many are allowed.
const KEPT: usize = 512;

/// One in so many of the reserved descriptors may be a refused client's, and another one a hung-up
/// client's.
const REFUSED: usize = 4;

/// The number of clients that the descriptors suffice for.
pub(super) fn places() -> usize {
    limit_in_force().map_or(usize::MAX, |limit| limit - kept(limit))
}

/// The most clients that may be in refusal at a time.
pub(super) fn refusals() -> usize {
    limit_in_force().map_or(KEPT, kept) / REFUSED
}

/// The most connections at a time whose peers have hung up while requests are still executed.
pub(super) fn leftovers() -> usize {
    refusals()
}

fn limit_in_force() -> Option<usize> {
    getrlimit(Resource::Nofile).current.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

fn kept(limit: usize) -> usize {
    KEPT.min(limit / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_keeps_its_share_of_few_descriptors() {
        for (limit, kept_of_it) in [(32_768, 512), (1024, 512), (1000, 500), (256, 128), (1, 0)] {
            assert_eq!(kept(limit), kept_of_it, "of {limit}");
        }
    }
}
