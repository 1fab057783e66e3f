use std::collections::BTreeMap;

use fjall::Slice;
use proptest::prelude::*;

use super::recent::{Recent, SLACK, Written};
use crate::store::embedded::format::layout::{RecentForm, joined};
use crate::store::embedded::format::page::Bounds;

fn bounds(depth: usize, parts: Option<&str>) -> Bounds {
    Bounds { depth, parts: parts.map(Slice::from) }
}

fn set(recent: &mut Recent, keys: &[&str]) {
    for key in keys {
        recent.set(&Slice::from(*key));
    }
}

fn names(recent: &Recent) -> Vec<String> {
    recent.keys().iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect()
}

/// What is in the database.
#[derive(Debug, Default)]
struct Stored {
    form: RecentForm,
    pages: BTreeMap<u32, Slice>,
}

impl Stored {
    fn commit(&mut self, recent: &mut Recent) {
        if let Some(Written { page: (number, page), form, void }) = recent.take_changes() {
            void.for_each(|slot| drop(self.pages.remove(&slot)));
            self.pages.insert(number, page);
            self.form = form;
        }
    }

    fn read(&self) -> Recent {
        let get = |number| Ok(self.pages.get(&number).cloned());
        Recent::read(self.form, get).expect("well formed")
    }

    fn pages(&self) -> u32 {
        if let RecentForm::Pages(pages) = self.form { pages } else { 0 }
    }
}

#[test]
fn setting_again_moves_a_key_and_the_oldest_leaves() {
    let mut recent = Recent::new(bounds(2, None));
    set(&mut recent, &["a", "b", "a", "c"]);
    assert_eq!(names(&recent), ["a", "c"]);
    recent.remove(b"a");
    recent.remove(b"never");
    assert_eq!(names(&recent), ["c"]);
    set(&mut recent, &["d"]);
    assert_eq!(names(&recent), ["c", "d"]);
}

#[test]
fn each_part_has_its_own_depth() {
    let mut recent = Recent::new(bounds(2, Some("kp")));
    set(&mut recent, &["kpa:1", "kpb:1", "kpb:2", "kpb:3"]);
    assert_eq!(names(&recent), ["kpa:1", "kpb:2", "kpb:3"]);
}

#[test]
fn no_depth_keeps_nothing() {
    let mut recent = Recent::new(bounds(0, None));
    set(&mut recent, &["a"]);
    assert!(recent.take_changes().is_none());
}

#[test]
fn a_key_that_is_set_over_and_over_takes_bounded_room() {
    let (mut recent, mut stored) = (Recent::new(bounds(2, None)), Stored::default());
    for _ in 0..10 * SLACK {
        set(&mut recent, &["a"]);
        stored.commit(&mut recent);
    }
    assert!(recent.by_part[&b""[..]].by_age.len() <= 3 + SLACK);
    assert!(stored.pages.len() <= 2 + SLACK);
    (0..10 * SLACK).for_each(|_| set(&mut recent, &["a"]));
    assert!(recent.log.page.len() <= 4 * (3 + SLACK));
    stored.commit(&mut recent);
    assert_eq!(stored.pages(), 1);
    assert_eq!(names(&stored.read()), ["a"]);
}

#[test]
fn slots_of_an_earlier_version_become_pages() {
    let slots = [(0, 7_u64, "c"), (2, 3, "a"), (3, 5, "b")];
    let slot =
        |(slot, set, key): (u32, u64, &str)| (slot, joined(&set.to_be_bytes(), key.as_bytes()));
    let mut stored =
        Stored { form: RecentForm::Slots(5), pages: slots.map(slot).into_iter().collect() };
    assert_eq!(names(&stored.read()), ["a", "b", "c"]);
    let mut recent = stored.read().within(bounds(2, None));
    assert!(recent.is_behind());
    set(&mut recent, &["d"]);
    stored.commit(&mut recent);
    assert_eq!(stored.pages.len(), 1, "no slot is left");
    assert_eq!(names(&stored.read()), ["c", "d"]);
    assert_eq!(stored.read().bounds, bounds(2, None));
}

/// What is done to the index.
#[derive(Debug, Clone)]
enum Act {
    Set(u8),
    Remove(u8),
    Commit,
    Reopen(Bounds),
}

fn some_bounds() -> impl Strategy<Value = Bounds> {
    (0_usize..6, any::<bool>()).prop_map(|(depth, parts)| bounds(depth, parts.then_some("k")))
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        60 => (0_u8..24).prop_map(Act::Set),
        20 => (0_u8..24).prop_map(Act::Remove),
        10 => Just(Act::Commit),
        1 => some_bounds().prop_map(Act::Reopen),
    ]
}

/// A list in which each part is as long as it may be.
fn bound(list: &mut Vec<String>, bounds: &Bounds) {
    let part = |key: &String| bounds.part_of(key.as_bytes()).to_vec();
    let mut kept = Vec::<String>::new();
    for key in list.iter().rev() {
        if kept.iter().filter(|other| part(other) == part(key)).count() < bounds.depth {
            kept.push(key.clone());
        }
    }
    *list = kept.into_iter().rev().collect();
}

proptest! {
    #[test]
    fn what_is_committed_is_what_a_plain_list_has(
        first in some_bounds(),
        acts in prop::collection::vec(act(), 0..1_000),
    ) {
        let name = |key: u8| format!("k{}:{key}", key % 3);
        let (mut recent, mut stored) = (Recent::new(first.clone()), Stored::default());
        let (mut plain, mut bounds) = (Vec::new(), first);
        for act in acts.into_iter().chain([Act::Commit]) {
            match act {
                Act::Set(key) => {
                    recent.set(&Slice::from(name(key)));
                    plain.retain(|other| *other != name(key));
                    plain.push(name(key));
                    bound(&mut plain, &bounds);
                }
                Act::Remove(key) => {
                    recent.remove(name(key).as_bytes());
                    plain.retain(|other| *other != name(key));
                }
                Act::Commit => stored.commit(&mut recent),
                Act::Reopen(others) => {
                    stored.commit(&mut recent);
                    recent = stored.read().within(others.clone());
                    bounds = others;
                    let len = plain.len();
                    bound(&mut plain, &bounds);
                    prop_assert_eq!(recent.is_behind(), plain.len() < len);
                    continue;
                }
            }
            prop_assert_eq!(&names(&recent), &plain);
            if matches!(act, Act::Commit) && !recent.is_behind() {
                prop_assert_eq!(&names(&stored.read()), &plain);
            }
        }
    }
}
