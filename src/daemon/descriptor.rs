//! The descriptors of the process: as many as its clients need, and room for them beforehand.

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors wanted beside those of clients: the store's files, listeners, the log.
const OWN: u64 = 512;
/// The most that room is made for, whatever number of clients is allowed.
const MOST_ROOM: u64 = 65_536;

/// What came of [`provide`].
#[derive(Debug)]
pub(super) struct Provided {
    raised: Result<(), Errno>,
    wanted: u64,
}

/// Lets the process have as many descriptors as the system allows, and makes room for those of
/// `max_clients` (0: unlimited) and its own.
///
/// Call it before threads are started. The kernel's table of a process's descriptors doubles as
/// they become more, and where there are threads each time waits for all processors to have taken
/// note: some 100 ms, all in all, while 10,000 clients of a restart wait for theirs.
pub(super) fn provide(max_clients: usize) -> Provided {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let raised = setrlimit(Resource::Nofile, raised);
    let wanted = max_clients as u64 + OWN;
    let room = if max_clients == 0 { MOST_ROOM } else { wanted.min(MOST_ROOM) };
    let room = getrlimit(Resource::Nofile).current.map_or(room, |limit| room.min(limit));
    // The table stays as large as it was once. Where it cannot, it grows as it is needed.
    if let Ok(last) = i32::try_from(room.saturating_sub(1)) {
        drop(fcntl_dupfd_cloexec(std::io::stderr(), last));
    }
    Provided { raised, wanted }
}

impl Provided {
    /// Warns where that is not enough.
    pub(super) fn warn(&self) {
        if let Err(error) = self.raised {
            tracing::warn!(%error, "the limit on descriptors cannot be raised");
        }
        let wanted = self.wanted;
        match getrlimit(Resource::Nofile).current {
            Some(limit) if limit < wanted => {
                tracing::warn!(limit, wanted, "fewer descriptors than KVSOCK_MAX_CLIENTS needs");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_takes_no_descriptor_and_the_limit_is_as_high_as_allowed() {
        let open = || std::fs::read_dir("/proc/self/fd").expect("there").count();
        let before = open();
        let provided = provide(100);
        assert_eq!((provided.raised, provided.wanted), (Ok(()), 100 + OWN));
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        let size = std::fs::read_to_string("/proc/self/status").expect("there");
        let size = size.lines().find_map(|line| line.strip_prefix("FDSize:")).expect("a line");
        assert!(size.trim().parse::<u64>().expect("a number") >= 612, "{size}");
        assert_eq!(open(), before);
    }
}
