//! The layout of the cluster, as one node gives it in the replies to CLUSTER INFO and CLUSTER
//! SLOTS.

use std::borrow::Cow;

use super::address::Address;
use crate::message::Reply;
use crate::store::valkey::cluster::slot::SLOTS;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::error_text;

/// The layout of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The first and the last slot of each range, and its owner.
    pub(crate) ranges: Vec<(usize, usize, Address)>,
    /// The other nodes.
    pub(crate) replicas: Vec<Address>,
    /// The node considers the cluster to be up.
    pub(crate) is_ok: bool,
    /// The configuration epoch. It grows with each change of the layout.
    pub(crate) epoch: u64,
}

/// The commands that ask for the layout.
pub(crate) fn commands() -> Commands {
    let mut commands = Commands::one(&[b"CLUSTER", b"INFO"]);
    commands.push(&[b"CLUSTER", b"SLOTS"]);
    commands
}

impl Layout {
    /// Reads the replies of `teller`.
    ///
    /// # Errors
    ///
    /// Why there is no layout in them.
    pub(crate) fn read(replies: &[Reply], teller: &Address) -> Result<Layout, Cow<'static, str>> {
        let refusal = replies.iter().find_map(|reply| match reply {
            Reply::Error(error) => Some(error_text::of_reply(error)),
            _ => None,
        });
        if let Some(cause) = refusal {
            return Err(cause);
        }
        let (info, slots) = match replies {
            [Reply::Value(info), Reply::Array(slots)] => (String::from_utf8_lossy(info), slots),
            [Reply::Text(info), Reply::Array(slots)] => (info.into(), slots),
            _ => return Err("unexpected reply to CLUSTER SLOTS".into()),
        };
        let field =
            |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let mut layout = Layout {
            ranges: Vec::new(),
            replicas: Vec::new(),
            is_ok: field("cluster_state") == Some("ok"),
            epoch: field("cluster_current_epoch").and_then(|it| it.parse().ok()).unwrap_or(0),
        };
        for range in slots {
            layout.add(range, teller);
        }
        Ok(layout)
    }

    /// Adds one range. Its first node is the owner. Nodes without an address are left out.
    fn add(&mut self, range: &Reply, teller: &Address) {
        let Reply::Array(parts) = range else { return };
        let [Reply::Integer(first), Reply::Integer(last), master, replicas @ ..] = &parts[..]
        else {
            return;
        };
        let told = |server: &Reply| match server {
            Reply::Array(fields) => Address::told(fields, teller),
            _ => None,
        };
        let (Ok(first), Ok(last)) = (usize::try_from(*first), usize::try_from(*last)) else {
            return;
        };
        if let Some(master) = told(master)
            && first <= last
            && last < SLOTS
        {
            self.ranges.push((first, last, master));
        }
        for replica in replicas.iter().filter_map(told) {
            if !self.replicas.contains(&replica) {
                self.replicas.push(replica);
            }
        }
    }

    /// The number of slots with an owner.
    pub(crate) fn served(&self) -> usize {
        self.ranges.iter().map(|(first, last, _)| last - first + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &'static str, port: i64) -> Reply {
        Reply::Array(vec![Reply::value(host), Reply::Integer(port), Reply::value("id")])
    }

    fn range(first: i64, last: i64, servers: Vec<Reply>) -> Reply {
        Reply::Array([vec![Reply::Integer(first), Reply::Integer(last)], servers].concat())
    }

    #[test]
    fn slots_have_their_servers() {
        let teller = Address { host: "teller".to_owned(), port: 1 };
        let info = Reply::value("cluster_state:ok\r\ncluster_current_epoch:6\r\n");
        let slots = Reply::Array(vec![
            range(0, 99, vec![server("a", 1), server("b", 2)]),
            range(100, 16_383, vec![server("", 3), server("b", 2)]),
            range(5, 16_384, vec![server("c", 1)]),
            range(7, 8, vec![server("?", 1)]),
        ]);
        let layout = Layout::read(&[info.clone(), slots], &teller).expect("a layout");
        let address = |host: &str, port| Address { host: host.to_owned(), port };
        assert_eq!(layout.ranges, [(0, 99, address("a", 1)), (100, 16_383, address("teller", 3))]);
        assert_eq!(layout.replicas, [address("b", 2)]);
        assert_eq!((layout.is_ok, layout.epoch, layout.served()), (true, 6, SLOTS));
        let refused = Reply::failed("This instance has cluster support disabled");
        let error = Layout::read(&[info, refused], &teller).expect_err("no cluster");
        assert!(error.ends_with("This instance has cluster support disabled"), "{error}");
    }
}
