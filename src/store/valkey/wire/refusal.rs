//! Errors by which a server refuses to act as a master. It did not carry out the command.

use std::borrow::Cow;

use super::error_text;
use crate::message::{ErrorReply, Reply};

/// Why a server refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The server is a replica now.
    Replica,
    /// The server has fewer replicas than its `min-replicas-to-write`.
    FewReplicas,
}

impl Refusal {
    /// The refusal, if `reply` is one.
    pub(crate) fn of(reply: &Reply) -> Option<Refusal> {
        let Reply::Error(ErrorReply::Coded(text)) = reply else { return None };
        // EXEC replies so when the server changed after it had queued the commands.
        let text =
            text.strip_prefix("EXECABORT Transaction discarded because of: ").unwrap_or(text);
        match text.split(' ').next().unwrap_or_default() {
            "READONLY" | "MASTERDOWN" => Some(Refusal::Replica),
            "NOREPLICAS" => Some(Refusal::FewReplicas),
            _ => None,
        }
    }

    /// The first refusal among `replies`, with its position and its text.
    pub(crate) fn first(replies: &[Reply]) -> Option<(usize, Refusal, Cow<'static, str>)> {
        let found = |(number, reply)| Some((number, Refusal::of(reply)?, reply));
        let (number, refusal, reply) = replies.iter().enumerate().find_map(found)?;
        let Reply::Error(error) = reply else { return None };
        Some((number, refusal, error_text::of_reply(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_carried_out_is_a_refusal() {
        for (text, refusal) in [
            ("READONLY You can't write against a read only replica.", Some(Refusal::Replica)),
            ("MASTERDOWN Link with MASTER is down", Some(Refusal::Replica)),
            ("NOREPLICAS Not enough good replicas to write.", Some(Refusal::FewReplicas)),
            (
                "EXECABORT Transaction discarded because of: READONLY You can't",
                Some(Refusal::Replica),
            ),
            ("EXECABORT Transaction discarded because of previous errors.", None),
            ("READONLYX", None),
            ("OOM command not allowed", None),
        ] {
            assert_eq!(Refusal::of(&Reply::coded(text)), refusal, "{text}");
        }
        assert_eq!(Refusal::of(&Reply::failed("READONLY")), None);
        assert_eq!(Refusal::of(&Reply::value("READONLY")), None);
        let replies = [Reply::OK, Reply::coded("READONLY x"), Reply::coded("NOREPLICAS")];
        let first = Some((1, Refusal::Replica, "READONLY x".into()));
        assert_eq!(Refusal::first(&replies), first);
    }
}
