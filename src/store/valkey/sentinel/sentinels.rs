//! The sentinels of one master, and the connections to the master that they name.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::master::Master;
use super::peer::{Answer, Peer, Word};
use crate::store::location;
use crate::store::location::Transport;
use crate::store::options::Options;
use crate::store::state::OpenError;
use crate::store::valkey::cache::factory::CacheFactory;
use crate::store::valkey::connect::backoff::Backoff;
use crate::store::valkey::connect::connector::Connector;
use crate::store::valkey::connect::login::Login;
use crate::store::valkey::connect::target::{Made, Target};
use crate::store::valkey::wire::connection::Connection;

/// The longest wait for one sentinel before the next is asked.
const ASK: Duration = Duration::from_secs(1);

/// The longest pause of new connections after a fail-over has begun. Sentinels check every second
/// whether it has ended.
const CHANGE: Duration = Duration::from_secs(3);

/// The cause while new connections pause.
const CHANGING: &str = "the sentinels are replacing the master";

/// After a connection to a sentinel that lived this long, the next attempt follows at once.
const GOOD_LIFE: Duration = Duration::from_secs(1);

/// The sentinels of one master.
#[derive(Debug)]
pub(crate) struct Sentinels {
    peers: Vec<Peer>,
    /// The master's name.
    name: String,
    /// Makes connections to the master, at any address.
    connector: Connector,
    /// The number of the sentinel that answered last.
    first: AtomicUsize,
    master: Mutex<Master>,
    /// Counts changes of the master.
    moves: watch::Sender<u64>,
    /// When the pause for a fail-over ends at the latest.
    change: watch::Sender<Option<Instant>>,
}

impl Sentinels {
    /// Checks the settings. Does not connect.
    pub(crate) fn new(
        location: &location::Sentinels,
        options: &Options,
        cache: Option<CacheFactory>,
    ) -> Result<Sentinels, OpenError> {
        let Some(first) = location.sentinels.first() else {
            return Err(OpenError::Config("no sentinels".to_owned()));
        };
        let to_master = Login::to_master(location, options);
        let connector = Connector::new(first, to_master, options, cache)?.for_master();
        let open = Connector::new(first, Login::without_password(), options, None)?.within(ASK);
        let guarded = match Login::to_sentinels(location, options) {
            Some(login) => Some(Connector::new(first, login, options, None)?.within(ASK)),
            None => None,
        };
        let peer = |transport: &location::Transport| {
            let (host, port) = (transport.host()?, transport.port()?);
            let guarded = guarded.as_ref().map(|guarded| guarded.at(host, port));
            Some(Peer::new(open.at(host, port), guarded))
        };
        Ok(Sentinels {
            peers: location.sentinels.iter().filter_map(peer).collect(),
            name: location.master.clone(),
            connector,
            first: AtomicUsize::new(0),
            master: Mutex::default(),
            moves: watch::Sender::new(0),
            change: watch::Sender::new(None),
        })
    }

    /// The name of each sentinel, and where it says that the master is.
    pub(crate) async fn ask_all(&self) -> Vec<(String, Result<String, Cow<'static, str>>)> {
        let asking = self.peers.iter().map(|peer| async {
            let place = |Answer { host, port, .. }| Transport::Tcp { host, port }.place();
            (peer.place(), self.ask(peer).await.map(place))
        });
        join_all(asking).await
    }

    /// Makes connections to the master in the newest answer; `None` without an answer.
    pub(crate) async fn newest_master(&self) -> Option<Connector> {
        let answers = join_all(self.peers.iter().map(|peer| self.ask(peer))).await;
        let newest = answers.into_iter().flatten().max_by_key(|answer| answer.epoch)?;
        Some(self.connector.at(&newest.host, newest.port))
    }

    /// Connects to the master. Begins again if another master is named meanwhile.
    async fn reach(&self, connect: impl AsyncFn(Connector) -> Made) -> Made {
        loop {
            self.wait_for_change().await;
            let mut moves = self.moves.subscribe();
            tokio::select! {
                made = self.try_each(&connect) => {
                    let (answer, connection) = made?;
                    if self.take(answer, Arc::downgrade(&connection), &moves) {
                        return Ok(connection);
                    }
                }
                _ = moves.changed() => {}
            }
        }
    }

    /// Waits for the end of a fail-over.
    async fn wait_for_change(&self) {
        let mut change = self.change.subscribe();
        let until = *change.borrow();
        if let Some(until) = until {
            let over = change.wait_for(Option::is_none);
            if tokio::time::timeout_at(until, over).await.is_err() {
                self.change.send_replace(None);
            }
        }
    }

    /// Asks the sentinels in turn, beginning with the one that answered last. Connects to the
    /// address in the first answer that is not older than the known one. If all answers are older,
    /// connects to the address in the newest of them, since the sentinels may have been set up
    /// anew.
    async fn try_each(
        &self,
        connect: &impl AsyncFn(Connector) -> Made,
    ) -> Result<(Answer, Arc<Connection>), Cow<'static, str>> {
        let known = self.master().epoch();
        let first = self.first.load(Ordering::Relaxed);
        let (mut silent, mut behind, mut failed) = (Vec::new(), None, Vec::new());
        for number in (0..self.peers.len()).map(|number| (first + number) % self.peers.len()) {
            let peer = &self.peers[number];
            match self.ask(peer).await {
                Err(cause) => silent.push(format!("sentinel {}: {cause}", peer.place())),
                Ok(answer) if answer.epoch < known => {
                    behind = behind.filter(|it: &Answer| it.epoch > answer.epoch).or(Some(answer));
                }
                // Another sentinel may name another master.
                Ok(answer) if failed.iter().any(|(it, _)| *it == answer) => {}
                Ok(answer) => match self.connect_to(&answer, connect).await {
                    Ok(connection) => {
                        self.first.store(number, Ordering::Relaxed);
                        return Ok((answer, connection));
                    }
                    Err(cause) => failed.push((answer, cause)),
                },
            }
        }
        match (failed.pop(), behind) {
            (Some((_, cause)), _) => Err(cause),
            (None, Some(answer)) => {
                let connection = self.connect_to(&answer, connect).await?;
                Ok((answer, connection))
            }
            (None, None) => Err(silent.join("; ").into()),
        }
    }

    async fn connect_to(
        &self,
        Answer { host, port, .. }: &Answer,
        connect: &impl AsyncFn(Connector) -> Made,
    ) -> Made {
        let connector = self.connector.at(host, *port);
        let name = connector.name();
        connect(connector).await.map_err(|cause| format!("master at {name}: {cause}").into())
    }

    /// Accepts a connection to the master in `answer`. False if another master was named meanwhile.
    fn take(
        &self,
        answer: Answer,
        connection: Weak<Connection>,
        moves: &watch::Receiver<u64>,
    ) -> bool {
        let mut master = self.master();
        if moves.has_changed().unwrap_or(false) || self.change.borrow().is_some() {
            return false;
        }
        master.set(answer);
        master.add(connection);
        true
    }

    /// Handles the beginning of a fail-over.
    fn begin_change(&self) {
        self.change.send_replace(Some(Instant::now() + CHANGE));
        self.master().retire(CHANGING);
    }

    /// Handles an answer. Ends all connections to another master.
    fn hear(&self, number: usize, answer: Answer) {
        if !self.master().learn(answer) {
            return;
        }
        self.first.store(number, Ordering::Relaxed);
        self.moves.send_modify(|count| *count += 1);
    }

    async fn listen_to(&self, number: usize) {
        let peer = &self.peers[number];
        let mut backoff = Backoff::default();
        loop {
            let (heard, mut words) = mpsc::unbounded_channel();
            let cause = match peer.listen(&self.name, heard).await {
                Ok(connection) => {
                    let made = Instant::now();
                    // An event may have been sent before the subscription.
                    self.ask_again(number).await;
                    let cause = loop {
                        let word = tokio::select! {
                            word = words.recv() => word,
                            cause = connection.ending().reached() => break cause,
                        };
                        if word == Some(Word::Begun) {
                            self.begin_change();
                        } else {
                            self.ask_again(number).await;
                            self.change.send_replace(None);
                        }
                    };
                    if made.elapsed() > GOOD_LIFE {
                        backoff.reset();
                    }
                    cause
                }
                Err(cause) => cause,
            };
            tracing::debug!(sentinel = peer.place(), %cause, "not listening to a sentinel");
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    /// Asks a sentinel, within a time limit.
    async fn ask(&self, peer: &Peer) -> Result<Answer, Cow<'static, str>> {
        let asked = tokio::time::timeout(ASK, peer.ask(&self.name)).await;
        asked.unwrap_or(Err("it does not answer".into()))
    }

    /// Asks a sentinel after an event.
    async fn ask_again(&self, number: usize) {
        match self.ask(&self.peers[number]).await {
            Ok(answer) => self.hear(number, answer),
            Err(cause) => tracing::debug!(%cause, "a sentinel does not tell what is new"),
        }
    }

    fn master(&self) -> MutexGuard<'_, Master> {
        self.master.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Target for Sentinels {
    fn connect(&self) -> BoxFuture<'_, Made> {
        Box::pin(self.reach(async |connector: Connector| connector.connect().await))
    }

    fn connect_pinned(&self) -> BoxFuture<'_, Made> {
        Box::pin(self.reach(async |connector: Connector| connector.connect_pinned().await))
    }

    fn moved(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // The sender lives as long as `self`.
            let _ = self.moves.subscribe().changed().await;
        })
    }

    fn listen(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            join_all((0..self.peers.len()).map(|number| self.listen_to(number))).await;
        })
    }
}
