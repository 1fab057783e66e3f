//! How the process's descriptors are shared out. A client that waits to be taken must not get the
//! one that the store needs to connect again, or to write the next of its files.

use rustix::process::{Resource, getrlimit};

/// Descriptors kept from clients: for the store's connections and files, listeners, the log, a
/// restart, and clients that are being refused. Where there are fewer than twice as many, half.
const KEPT: usize = 512;

/// Of those kept, one of so many may be of a client that is being refused, and one of a client that
/// has hung up.
const REFUSED: usize = 4;

/// Clients that there are descriptors for.
pub(super) fn places() -> usize {
    limit_in_force().map_or(usize::MAX, |limit| limit - kept(limit))
}

/// Clients that may be on their way out at a time.
pub(super) fn refusals() -> usize {
    limit_in_force().map_or(KEPT, kept) / REFUSED
}

/// Connections at a time whose peers have hung up and whose requests are still carried out.
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
