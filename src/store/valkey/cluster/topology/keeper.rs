//! Keeps the map of the cluster. Renews it when a node redirects, when a connection is lost, and,
//! with back-off, while slots are not served.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::address::Address;
use super::discovery;
use super::discovery::{Candidate, Via};
use super::layout::Layout;
use super::map::Map;
use super::member::Member;
use crate::store::state::Health;
use crate::store::valkey::cluster::slot::Slot;
use crate::store::valkey::connect::backoff::Backoff;
use crate::store::valkey::connect::connector::Connector;
use crate::store::valkey::connect::node::Node;
use crate::store::valkey::connect::outage::Outage;
use crate::store::valkey::connect::pool::Pins;

/// The map is renewed at this age while all is well.
const LIFE: Duration = Duration::from_secs(10);

/// The least age of a map that is renewed. Redirections change the map at once.
const SPACING: Duration = Duration::from_millis(100);

/// The cluster as it is known.
#[derive(Debug)]
pub(crate) struct Topology {
    me: Weak<Topology>,
    /// Makes connections to the nodes.
    connector: Connector,
    /// Bounds the pinned connections to all nodes together.
    pins: Pins,
    seeds: Vec<Address>,
    /// All nodes that kvsock connects to.
    members: Mutex<HashMap<Address, Arc<Member>>>,
    /// Nodes without slots, which also know the layout.
    replicas: Mutex<Vec<Address>>,
    /// Also sent, unchanged, when a connection is made or lost.
    map: watch::Sender<Arc<Map>>,
    epoch: AtomicU64,
    wanted: Notify,
}

impl Topology {
    /// A topology without nodes until [`Topology::keep`] runs.
    pub(crate) fn new(connector: Connector, seeds: Vec<Address>) -> Arc<Topology> {
        let map = Arc::new(Map::unknown("not connected yet".into()));
        Arc::new_cyclic(|me| Topology {
            me: Weak::clone(me),
            connector,
            pins: Pins::new(),
            seeds,
            members: Mutex::default(),
            replicas: Mutex::default(),
            map: watch::Sender::new(map),
            epoch: AtomicU64::new(0),
            wanted: Notify::new(),
        })
    }

    /// The limit on pinned connections.
    pub(crate) fn pins(&self) -> &Pins {
        &self.pins
    }

    /// Keeps the map current; never ends. `name` names the cluster in the log.
    pub(crate) async fn keep(&self, name: String) {
        let mut backoff = Backoff::default();
        let mut outage = Outage::default();
        loop {
            match self.renew().await {
                Some(cause) => outage.note(&name, cause),
                None if outage.is_logged() => outage.end(&name),
                None => {}
            }
            if self.map().fault().is_some() {
                tokio::time::sleep(backoff.next_wait()).await;
            } else {
                backoff.reset();
                tokio::time::sleep(SPACING).await;
                // On a timeout the map is renewed, too.
                let _ = tokio::time::timeout(LIFE, self.wanted.notified()).await;
            }
        }
    }

    /// Renews the map. Gives the cause, if the cluster as a whole does not serve.
    async fn renew(&self) -> Option<Cow<'static, str>> {
        let epoch = self.epoch.load(Ordering::Relaxed);
        let map = match discovery::layout(self.candidates(), epoch).await {
            Ok(layout) => {
                self.epoch.store(layout.epoch, Ordering::Relaxed);
                self.made_of(layout)
            }
            // The known map may still be right.
            Err(cause) if self.map().masters().is_empty() => Map::unknown(cause),
            Err(_) => return None,
        };
        let fault = map.own_fault();
        self.map.send_replace(Arc::new(map));
        fault
    }

    fn made_of(&self, layout: Layout) -> Map {
        let fault = (!layout.is_ok).then_some("the cluster says that it is down".into());
        let mut map = Map::empty().with_fault(fault);
        for (first, last, address) in layout.ranges {
            map.give(first..=last, &self.member(&address));
        }
        *self.replicas.lock().unwrap_or_else(PoisonError::into_inner) = layout.replicas;
        // A node without slots stays until the next renewal, or longer if it is needed again.
        self.members().retain(|_, member| {
            map.masters().iter().any(|it| Arc::ptr_eq(it, member))
                || member.is_needed.swap(false, Ordering::Relaxed)
        });
        map
    }

    /// The nodes that may know the layout.
    fn candidates(&self) -> Vec<Candidate> {
        let mut candidates: Vec<Candidate> = Vec::new();
        for member in self.map().masters() {
            if let Some(connection) = member.node.link.live() {
                let address = member.address.clone();
                candidates.push(Candidate { address, via: Via::Connection(connection) });
            }
        }
        let replicas = self.replicas.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for address in replicas.into_iter().chain(self.seeds.iter().cloned()) {
            if !candidates.iter().any(|candidate| candidate.address == address) {
                let connector = self.connector.at(&address.host, address.port);
                candidates.push(Candidate { address, via: Via::Connector(connector) });
            }
        }
        candidates
    }

    /// The node at `address`. Connects to it if it is new.
    pub(crate) fn member(&self, address: &Address) -> Arc<Member> {
        let mut members = self.members();
        if let Some(member) = members.get(address) {
            return Arc::clone(member);
        }
        let connector = self.connector.at(&address.host, address.port);
        let name = connector.name();
        let me = Weak::clone(&self.me);
        let node = Node::open(Arc::new(connector), name, self.pins.clone(), move |is_up| {
            let Some(me) = me.upgrade() else { return };
            if !is_up {
                me.want();
            }
            // Tasks that wait for the connection look again.
            me.map.send_modify(|_| {});
        });
        let member = Arc::new(Member { address: address.clone(), node, is_needed: true.into() });
        members.insert(address.clone(), Arc::clone(&member));
        member
    }

    /// The node that a moving slot is being moved to.
    pub(crate) fn asked(&self, address: &Address) -> Arc<Member> {
        let member = self.member(address);
        member.is_needed.store(true, Ordering::Relaxed);
        member
    }

    /// Handles a redirection: the node at `address` owns the slot.
    pub(crate) fn moved(&self, slot: Slot, address: &Address) {
        let member = self.member(address);
        self.map.send_if_modified(|map| {
            if map.owner(slot).is_some_and(|owner| Arc::ptr_eq(owner, &member)) {
                return false;
            }
            Arc::make_mut(map).give(slot.number()..=slot.number(), &member);
            true
        });
        self.want();
    }

    /// Has the map renewed soon.
    pub(crate) fn want(&self) {
        self.wanted.notify_one();
    }

    /// The current map.
    pub(crate) fn map(&self) -> Arc<Map> {
        Arc::clone(&self.map.borrow())
    }

    /// The current map and all later ones. Also notifies when a connection is made or lost.
    pub(crate) fn maps(&self) -> watch::Receiver<Arc<Map>> {
        self.map.subscribe()
    }

    /// Whether all slots are served, as last seen.
    pub(crate) fn health(&self) -> Health {
        let fault = self.map().fault();
        fault.map_or(Health::Up, |cause| Health::Down(cause.into_owned()))
    }

    fn members(&self) -> MutexGuard<'_, HashMap<Address, Arc<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
