//! The map of slots and their owners, as far as it is known.

use std::borrow::Cow;
use std::sync::Arc;

use super::member::Member;
use crate::store::valkey::cluster::slot::{SLOTS, Slot};

/// No owner.
const NOBODY: u16 = u16::MAX;

/// The nodes of a cluster and their slots at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    /// For each slot, the index of its owner in `masters`.
    owners: Vec<u16>,
    masters: Vec<Arc<Member>>,
    /// The cause, if the cluster as a whole does not serve.
    fault: Option<Cow<'static, str>>,
}

impl Map {
    /// A map without nodes, because of `fault`.
    pub(crate) fn unknown(fault: Cow<'static, str>) -> Map {
        Map { owners: vec![NOBODY; SLOTS], masters: Vec::new(), fault: Some(fault) }
    }

    /// A map without nodes and without a fault.
    pub(crate) fn empty() -> Map {
        Map { fault: None, ..Map::unknown("".into()) }
    }

    /// The map with another fault.
    pub(crate) fn with_fault(self, fault: Option<Cow<'static, str>>) -> Map {
        Map { fault, ..self }
    }

    /// Makes `member` the owner of `slots`.
    pub(crate) fn give(&mut self, slots: std::ops::RangeInclusive<usize>, member: &Arc<Member>) {
        let known = self.masters.iter().position(|it| Arc::ptr_eq(it, member));
        let number = known.unwrap_or(self.masters.len());
        if known.is_none() {
            self.masters.push(Arc::clone(member));
        }
        let number = u16::try_from(number).unwrap_or(NOBODY);
        for owner in self.owners.get_mut(slots).into_iter().flatten() {
            *owner = number;
        }
    }

    /// The owner of the slot.
    pub(crate) fn owner(&self, slot: Slot) -> Option<&Arc<Member>> {
        self.masters.get(usize::from(self.owners[slot.number()]))
    }

    /// All nodes that own slots, or did so a moment ago.
    pub(crate) fn masters(&self) -> &[Arc<Member>] {
        &self.masters
    }

    /// The cause, if not all slots are served.
    pub(crate) fn fault(&self) -> Option<Cow<'static, str>> {
        let away = |member: &Arc<Member>| {
            member.node.link.down().map(|cause| format!("{}: {cause}", member.address).into())
        };
        self.own_fault().or_else(|| self.masters.iter().find_map(away))
    }

    /// As [`Map::fault`], leaving out nodes that cannot be reached.
    pub(crate) fn own_fault(&self) -> Option<Cow<'static, str>> {
        if let Some(fault) = &self.fault {
            return Some(fault.clone());
        }
        let missing = self.owners.iter().filter(|owner| **owner == NOBODY).count();
        (missing > 0).then(|| format!("nobody serves {missing} of {SLOTS} slots").into())
    }
}
