//! One sentinel: asks it for the master's address, and listens to its events.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::Pipeline;
use tokio::sync::mpsc::UnboundedSender;

use crate::message::Reply;
use crate::store::integer;
use crate::store::location::Transport;
use crate::store::valkey::connect::connector::Connector;
use crate::store::valkey::connect::inquiry::Inquiry;

/// The events of a fail-over: a replica is about to be promoted, a tenth of a second later; it is
/// promoted, or the fail-over is aborted; the sentinel has learnt the new address from others.
const CHANNELS: [&str; 4] =
    [BEGUN, "+promoted-slave", "-failover-abort-slave-timeout", "+switch-master"];
const BEGUN: &str = "+failover-state-send-slaveof-noone";

/// An event that concerns the master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// A fail-over has begun.
    Begun,
    /// A fail-over has ended, with or without a new master.
    Over,
}

/// A sentinel's answer to the question for the master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The epoch of the fail-over that made this server the master. Of two answers, the one with
    /// the higher epoch is newer.
    pub(super) epoch: u64,
    /// The master's host.
    pub(super) host: String,
    /// The master's port.
    pub(super) port: u16,
}

/// A sentinel.
#[derive(Debug)]
pub(super) struct Peer {
    /// Connects without a password.
    open: Connector,
    /// Connects with the password, if there is one.
    guarded: Option<Connector>,
    wants_password: AtomicBool,
}

impl Peer {
    /// A sentinel that is not connected to yet. `guarded` connects with the password.
    pub(super) fn new(open: Connector, guarded: Option<Connector>) -> Peer {
        Peer { open, guarded, wants_password: AtomicBool::new(false) }
    }

    /// The host and port as text.
    pub(super) fn place(&self) -> String {
        let (host, port) = self.open.address().unwrap_or_default();
        Transport::Tcp { host: host.to_owned(), port }.place()
    }

    /// Asks for the master named `master`.
    ///
    /// # Errors
    ///
    /// The cause, as text.
    pub(super) async fn ask(&self, master: &str) -> Result<Answer, Cow<'static, str>> {
        let mut made = self.connector().inquire().await;
        if self.learns_from(made.as_ref().err()) {
            made = self.connector().inquire().await;
        }
        let connection = made?;
        let mut commands = Pipeline::with_capacity(2);
        commands.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master);
        commands.cmd("SENTINEL").arg("MASTER").arg(master);
        let replies = connection.ask(&commands).await?;
        match &replies[..] {
            [Reply::Nil | Reply::NilList, _] => {
                Err(format!("it knows no master {master:?}").into())
            }
            [Reply::Error(error), _] => Err(error.to_string().into()),
            [Reply::Array(place), state] => {
                Answer::read(place, state).ok_or("malformed reply from the sentinel".into())
            }
            _ => Err("malformed reply from the sentinel".into()),
        }
    }

    /// Makes a connection on which the sentinel's events for `master` are sent to `heard`.
    ///
    /// # Errors
    ///
    /// The cause, as text.
    pub(super) async fn listen(
        &self,
        master: &str,
        heard: UnboundedSender<Word>,
    ) -> Result<Inquiry, Cow<'static, str>> {
        let name = master.as_bytes().to_vec();
        let tell = move |channel: &[u8], said: &[u8]| {
            if said.split(|byte| *byte == b' ').any(|word| word == name) {
                let is_begun = channel == BEGUN.as_bytes();
                // The receiver may be gone.
                let _ = heard.send(if is_begun { Word::Begun } else { Word::Over });
            }
        };
        let made = self.connector().listen(&CHANNELS, tell).await;
        // The next attempt then uses the password.
        self.learns_from(made.as_ref().err());
        made
    }

    fn connector(&self) -> &Connector {
        match &self.guarded {
            Some(guarded) if self.wants_password.load(Ordering::Relaxed) => guarded,
            _ => &self.open,
        }
    }

    /// Whether `cause` shows for the first time that the sentinel wants the password, and there is
    /// one.
    fn learns_from(&self, cause: Option<&Cow<'static, str>>) -> bool {
        self.guarded.is_some()
            && cause.is_some_and(|cause| cause.starts_with("NOAUTH"))
            && !self.wants_password.swap(true, Ordering::Relaxed)
    }
}

impl Answer {
    /// Reads the replies to GET-MASTER-ADDR-BY-NAME and MASTER.
    fn read(place: &[Reply], state: &Reply) -> Option<Answer> {
        let [Reply::Value(host), Reply::Value(port)] = place else { return None };
        let epoch = match state {
            Reply::Map(fields) => fields.iter().find_map(|field| match field {
                (Reply::Value(name), Reply::Value(text)) if *name == b"config-epoch"[..] => {
                    integer::parse(text).and_then(|epoch| u64::try_from(epoch).ok())
                }
                _ => None,
            }),
            _ => None,
        };
        Some(Answer {
            // An answer without an epoch is accepted as long as no other has one.
            epoch: epoch.unwrap_or(0),
            host: std::str::from_utf8(host).ok()?.to_owned(),
            port: std::str::from_utf8(port).ok()?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_an_address_and_maybe_an_epoch() {
        let place = [Reply::value("::1"), Reply::value("6379")];
        let field = |name, text| (Reply::value(name), Reply::value(text));
        let state = Reply::Map(vec![field("port", "6379"), field("config-epoch", "7")]);
        let answer = |epoch| Some(Answer { epoch, host: "::1".to_owned(), port: 6379 });
        assert_eq!(Answer::read(&place, &state), answer(7));
        assert_eq!(Answer::read(&place, &Reply::coded("NOPERM")), answer(0));
        assert_eq!(Answer::read(&place[..1], &state), None);
        assert_eq!(Answer::read(&[place[0].clone(), Reply::value("x")], &state), None);
    }
}
