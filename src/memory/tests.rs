//! Tests of the bound: which clients wait, and which go on.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::*;
use crate::account::Account;

fn share(memory: &Arc<Memory>) -> ClientShare {
    memory.share(&Account::own())
}

#[test]
fn past_the_bound_the_large_wait_but_one_and_the_small_go_on() {
    let memory = Arc::new(Memory::new(1_000_000));
    let (mut first, mut second, mut small) = (share(&memory), share(&memory), share(&memory));
    first.set(600_000);
    assert!(!first.must_pause());
    second.set(600_000);
    small.set(SMALL);
    assert!(!second.must_pause(), "has the turn");
    assert!(first.must_pause());
    assert!(!small.must_pause());
    second.set(0);
    assert!(!first.must_pause(), "no longer past the bound");
    drop(first);
    drop(small);
    assert_eq!(memory.used.load(Ordering::Relaxed), 0);
}

#[test]
fn replies_find_room_up_to_the_bound_and_past_it_for_who_has_the_turn() {
    let memory = Arc::new(Memory::new(1_000_000));
    let (mut first, second) = (share(&memory), share(&memory));
    let mut hold = first.hold();
    assert!(hold.grow(900_000), "one reply may take what there is");
    assert!(hold.grow(0), "what has come needs no more room");
    assert!(!hold.grow(10_000), "not more than one");
    let mut other = second.hold();
    assert!(other.grow(SMALL), "a little is always there");
    assert!(!other.grow(100_000));
    first.keep(hold);
    first.take_turn();
    assert!(first.hold().grow(500_000), "has the turn");
    first.let_replies_go();
    assert!(first.turn.is_none());
    assert!(other.grow(100_000));
    drop(other);
    assert_eq!(memory.used.load(Ordering::Relaxed), 0);
}

#[test]
fn requests_wait_for_room_for_values_as_long_as_the_longest_seen() {
    let memory = Arc::new(Memory::new(1_600_000));
    let share = share(&memory);
    let count = |share: &ClientShare| {
        let (count, hold) = share.make_room(std::iter::repeat_n(1, 200));
        hold.map(|_| count)
    };
    assert_eq!(count(&share), Some(200));
    share.hold().learn(SMALL + 1);
    assert_eq!(count(&share), Some(1));
    share.hold().learn(700_000);
    let held = [share.make_room([1, 1].into_iter()), share.make_room([1].into_iter())];
    assert!(held.iter().all(|held| matches!(held, (1, Some(_)))), "{held:?}");
    assert!(share.make_room([1].into_iter()).1.is_none());
    assert!(share.make_room([0, 0].into_iter()).1.is_some(), "they hold no values");
    assert!(share.make_room_for(SMALL).is_some(), "a little is always there");
    drop(held);
    let forgotten = (0..10_000).find(|_| count(&share) == Some(200));
    assert!(forgotten.is_some(), "{memory:?}");
    assert_eq!(memory.used.load(Ordering::Relaxed), 0);
}

#[test]
fn what_is_kept_is_what_came_and_not_what_there_was_room_for() {
    let memory = Arc::new(Memory::new(1_000_000));
    let mut share = share(&memory);
    share.hold().learn(100_000);
    let mut hold = share.make_room([2].into_iter()).1.expect("room");
    assert!(memory.used.load(Ordering::Relaxed) > 190_000);
    let mut part = hold.take();
    assert!(part.grow(10));
    part.force(20);
    hold.join(part);
    share.keep(hold);
    assert_eq!(memory.used.load(Ordering::Relaxed), 30);
    share.let_replies_go();
    assert_eq!(memory.used.load(Ordering::Relaxed), 0);
}

#[test]
fn without_a_bound_there_is_always_room() {
    let memory = Arc::new(Memory::new(0));
    let mut share = share(&memory);
    share.hold().learn(usize::MAX);
    let (count, hold) = share.make_room([usize::MAX; 3].into_iter());
    assert_eq!(count, 3);
    let mut hold = hold.expect("room");
    assert!(hold.grow(usize::MAX) && hold.grow(usize::MAX));
    share.keep(hold);
    assert!(!share.is_large());
}

#[tokio::test]
async fn who_waits_is_woken_when_another_lets_go() {
    let memory = Arc::new(Memory::new(1_000_000));
    let (mut first, mut second) = (share(&memory), share(&memory));
    first.set(600_000);
    second.set(600_000);
    assert!(!second.must_pause());
    assert!(first.must_pause());
    let released = tokio::spawn(first.released());
    tokio::task::yield_now().await;
    assert!(memory.is_awaited());
    drop(second);
    first.resume(released.await.expect("woken"));
    assert!(!first.must_pause());
    assert!(!memory.is_awaited());
}

#[tokio::test]
async fn the_turn_goes_round_among_many_that_wait() {
    let memory = Arc::new(Memory::new(1));
    let mut shares: Vec<ClientShare> = std::iter::repeat_with(|| share(&memory)).take(5).collect();
    for share in &mut shares {
        share.set(SMALL + 1);
    }
    assert!(!shares[0].must_pause());
    let waiting: Vec<_> = shares[1..].iter().map(|share| tokio::spawn(share.released())).collect();
    tokio::task::yield_now().await;
    let mut holder = 0;
    for (index, turn) in waiting.into_iter().enumerate() {
        // Only the turn wakes the next client: the bound is exceeded until the end.
        let held = std::mem::take(&mut shares[holder].turn);
        drop(held);
        holder = index + 1;
        let turn = turn.await.expect("woken");
        shares[holder].resume(turn);
        assert!(!shares[holder].must_pause(), "share {holder}");
    }
}

#[test]
fn impatience_lasts_while_the_store_refuses_and_ends_with_the_pipeline() {
    let memory = Arc::new(Memory::new(0));
    let mut share = memory.share(&Account::own());
    share.set_impatient(true);
    let first = share.impatient_until.expect("impatient");
    std::thread::sleep(Duration::from_millis(1));
    share.set_impatient(true);
    assert!(share.impatient_until.expect("impatient still") > first, "each refusal counts");
    share.set_impatient(false);
    assert!(!share.hold().is_impatient());
}
