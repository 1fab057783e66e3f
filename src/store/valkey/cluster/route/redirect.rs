//! Replies by which a node executed nothing: it redirects to another node, or it does not serve at
//! present.

use std::borrow::Cow;

use crate::message::{ErrorReply, Reply};
use crate::store::valkey::cluster::slot::Slot;
use crate::store::valkey::cluster::topology::address::Address;
use crate::store::valkey::wire::error_text;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// Another node owns the slot from now on.
    Moved(Slot, Address),
    /// The slot is moving to another node, and the keys, if they exist, are there already. To be
    /// asked once, right after ASKING.
    Ask(Address),
    /// Try again later.
    Later,
}

impl Redirect {
    /// The redirection in a reply of `teller`, with its text.
    pub(crate) fn of(reply: &Reply, teller: &Address) -> Option<(Redirect, Cow<'static, str>)> {
        let Reply::Error(error @ ErrorReply::Coded(text)) = reply else { return None };
        let mut words = text.split(' ');
        let code = words.next()?;
        let mut place = || {
            let slot = words.next()?.parse().ok().and_then(Slot::numbered)?;
            Some((slot, Address::parse(words.next()?, teller)?))
        };
        let redirect = match code {
            "MOVED" => place().map_or(Redirect::Later, |(slot, to)| Redirect::Moved(slot, to)),
            "ASK" => place().map_or(Redirect::Later, |(_, to)| Redirect::Ask(to)),
            "TRYAGAIN" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" => Redirect::Later,
            _ => return None,
        };
        Some((redirect, error_text::of_reply(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_of_a_server_that_did_nothing_are_followed() {
        let teller = Address { host: "teller".to_owned(), port: 1 };
        let of = |text: &'static str| {
            Redirect::of(&Reply::coded(text), &teller).map(|(redirect, _)| redirect)
        };
        let slot = Slot::numbered(3999).expect("a slot");
        let to = |host: &str| Address { host: host.to_owned(), port: 6381 };
        assert_eq!(of("MOVED 3999 127.0.0.1:6381"), Some(Redirect::Moved(slot, to("127.0.0.1"))));
        assert_eq!(of("MOVED 3999 :6381"), Some(Redirect::Moved(slot, to("teller"))));
        assert_eq!(of("ASK 3999 ::1:6381"), Some(Redirect::Ask(to("::1"))));
        for text in
            ["MOVED 3999 ?:1", "MOVED x", "ASK 16384 a:1", "CLUSTERDOWN Hash slot not served"]
        {
            assert_eq!(of(text), Some(Redirect::Later), "{text}");
        }
        for text in ["CROSSSLOT Keys", "WRONGTYPE x", "MOVEDX 1 a:1", "OOM command not allowed"] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(Redirect::of(&Reply::value("MOVED 1 a:1"), &teller), None);
        assert_eq!(Redirect::of(&Reply::failed("MOVED 1 a:1"), &teller), None);
    }
}
