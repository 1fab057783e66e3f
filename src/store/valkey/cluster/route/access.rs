//! Access to the index of `last`, and to the values of its keys, on the nodes that own their slots.

use std::borrow::Cow;

use tokio::time::Instant;

use super::batch::Route;
use super::lease::Place;
use super::part::MOST_HOPS;
use super::redirect::Redirect;
use crate::command::table::of_store;
use crate::command::table::row::Command;
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::cluster::slot::Slot;
use crate::store::valkey::cluster::topology::keeper::Topology;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::keys::reply::Fault;
use crate::store::valkey::last::access::Access;
use crate::store::valkey::wire::command::{Commands, Form};
use crate::store::valkey::wire::exchange::Lost;

const MGET: &Command = of_store("MGET");

impl Access for Topology {
    async fn ready(&self, key: &[u8], deadline: Option<Instant>) -> Result<(), Cow<'static, str>> {
        self.reach(&Place { slot: Slot::of(key), detour: None }, deadline).await.map(drop)
    }

    async fn ask(
        &self,
        key: &[u8],
        form: Form,
        append: impl Fn(&mut Commands) + Send,
    ) -> Result<Vec<Reply>, Lost> {
        let mut place = Place { slot: Slot::of(key), detour: None };
        let unsent = |cause| Lost { cause, is_unsent: true };
        for _ in 0..MOST_HOPS {
            let (member, connection) =
                self.reach(&place, Some(Instant::now())).await.map_err(unsent)?;
            let mut commands = Commands::default();
            if place.detour.is_some() {
                // ASKING before MULTI is valid for the whole transaction.
                commands.push(&[b"ASKING"]);
                commands.push(&[b"MULTI"]);
            } else {
                commands.answered_by(form);
            }
            append(&mut commands);
            if place.detour.is_some() {
                commands.push(&[b"EXEC"]);
            }
            let mut replies = connection.send(commands).await?;
            let redirect = replies.iter().find_map(|reply| Redirect::of(reply, &member.address));
            match redirect {
                Some((redirect, cause)) => {
                    if !self.follow(&mut place, redirect) {
                        return Err(unsent(cause));
                    }
                }
                None if place.detour.is_none() => return Ok(replies),
                None => {
                    return match replies.pop() {
                        Some(Reply::Array(replies)) => Ok(replies),
                        other => Ok(other.into_iter().collect()),
                    };
                }
            }
        }
        Err(unsent("the servers do not agree who keeps the index of last".into()))
    }

    async fn values(&self, keys: &[Vec<u8>]) -> Result<Vec<Reply>, Fault> {
        let args = keys.iter().map(|key| key.clone().into()).collect();
        let (batch, none) = ([Operation { command: MGET, args }], Prefix::none());
        let route = Route::of_stored_keys(self, &none, &batch);
        let now = Some(Instant::now());
        match route.finish(now, &mut ReplyRoom::unlimited()).await.pop() {
            Some(Reply::List(values)) => {
                let reply = |value: Option<_>| value.map_or(Reply::Nil, Reply::Value);
                Ok(values.into_iter().map(reply).collect())
            }
            Some(Reply::Error(ErrorReply::Unavailable(cause))) => {
                Err(Fault::Lost(Lost { cause, is_unsent: true }))
            }
            reply => Err(Fault::Refused(reply.unwrap_or_else(reply::unexpected))),
        }
    }
}
