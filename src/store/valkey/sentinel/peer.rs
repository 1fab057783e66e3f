//! One sentinel: asked where the master is, and listened to for when that changes.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::Pipeline;
use tokio::sync::mpsc::UnboundedSender;

use crate::message::Reply;
use crate::store::integer;
use crate::store::location::Transport;
use crate::store::valkey::connect::connector::Connector;
use crate::store::valkey::connect::inquiry::Inquiry;

/// On these a sentinel says that it is about to promote a replica, which it does a tenth of a second
/// later; that it is promoted, or is not after all; and that what the others say has been learnt.
const CHANNELS: [&str; 4] =
    [BEGUN, "+promoted-slave", "-failover-abort-slave-timeout", "+switch-master"];
const BEGUN: &str = "+failover-state-send-slaveof-noone";

/// What a sentinel has said of the master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It is going to be replaced.
    Begun,
    /// It was, or is not to be.
    Over,
}

/// A sentinel's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Of the fail-over that made it the master: of two answers the higher is the newer.
    pub(super) epoch: u64,
    /// Where the master is.
    pub(super) host: String,
    /// Where the master is.
    pub(super) port: u16,
}

/// One that is asked.
#[derive(Debug)]
pub(super) struct Peer {
    /// As who it may be asked that asks for no password.
    open: Connector,
    /// As who otherwise.
    guarded: Option<Connector>,
    wants_password: AtomicBool,
}

impl Peer {
    /// A sentinel that is asked for nothing yet; `guarded` logs in.
    pub(super) fn new(open: Connector, guarded: Option<Connector>) -> Peer {
        Peer { open, guarded, wants_password: AtomicBool::new(false) }
    }

    /// Host and port.
    pub(super) fn place(&self) -> String {
        let (host, port) = self.open.address().unwrap_or_default();
        Transport::Tcp { host: host.to_owned(), port }.place()
    }

    /// Where the master of this name is.
    ///
    /// # Errors
    ///
    /// The cause, in words.
    pub(super) async fn ask(&self, master: &str) -> Result<Answer, Cow<'static, str>> {
        let mut made = self.connector().connect_to_sentinel().await;
        if self.learns_from(made.as_ref().err()) {
            made = self.connector().connect_to_sentinel().await;
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

    /// A connection on which `heard` is told what the sentinel says of that master.
    ///
    /// # Errors
    ///
    /// The cause, in words.
    pub(super) async fn listen(
        &self,
        master: &str,
        heard: UnboundedSender<Word>,
    ) -> Result<Inquiry, Cow<'static, str>> {
        let name = master.as_bytes().to_vec();
        let tell = move |channel: &[u8], said: &[u8]| {
            if said.split(|byte| *byte == b' ').any(|word| word == name) {
                let is_begun = channel == BEGUN.as_bytes();
                // Who listened may be gone.
                let _ = heard.send(if is_begun { Word::Begun } else { Word::Over });
            }
        };
        let made = self.connector().listen(&CHANNELS, tell).await;
        // For the next time.
        self.learns_from(made.as_ref().err());
        made
    }

    fn connector(&self) -> &Connector {
        match &self.guarded {
            Some(guarded) if self.wants_password.load(Ordering::Relaxed) => guarded,
            _ => &self.open,
        }
    }

    /// Whether it turned out only now that it wants the password, which there is.
    fn learns_from(&self, cause: Option<&Cow<'static, str>>) -> bool {
        self.guarded.is_some()
            && cause.is_some_and(|cause| cause.starts_with("NOAUTH"))
            && !self.wants_password.swap(true, Ordering::Relaxed)
    }
}

impl Answer {
    /// From the address, and what else is known of the master.
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
            // Those that do not tell are believed as they come.
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
