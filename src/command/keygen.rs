//! New keys: `txkey`, which sorts by time, and `rtkey`, which spreads over shards.
//!
//! Both are base62 (`0-9A-Za-z`, so that keys sort as their numbers do) and hold Unix time in
//! microseconds as nine digits, which last until 2398.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rand::Rng;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE: u64 = 62;

/// Digits of a time.
const TIME: usize = 9;
/// Random digits after the time of a `txkey`.
const TX_RANDOM: usize = 3;
/// Random digits before the time of an `rtkey`, of which the first two are the route.
const RT_BEFORE: usize = 4;
/// Random digits after it.
const RT_AFTER: usize = 3;

/// Characters of a [`Generator::txkey`].
pub const TXKEY_LEN: usize = TIME + TX_RANDOM;
/// Characters of a [`Generator::rtkey`].
pub const RTKEY_LEN: usize = RT_BEFORE + TIME + RT_AFTER;

/// Generates keys. One generator serves the whole daemon, so that keys are in order.
#[derive(Debug, Default)]
pub struct Generator {
    /// Time of the newest `txkey`, in microseconds.
    newest: AtomicU64,
}

impl Generator {
    /// The time, then three random digits. Each key is greater than every earlier `txkey` of this
    /// generator, even if the clock steps back. If the clock stands still, or more than one key a
    /// microsecond is asked for, the time in the key runs ahead of the clock.
    pub fn txkey(&self) -> [u8; TXKEY_LEN] {
        self.txkey_at(now())
    }

    fn txkey_at(&self, now: u64) -> [u8; TXKEY_LEN] {
        let before = self
            .newest
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |newest| {
                Some(now.max(newest.saturating_add(1)))
            })
            .expect("the closure always gives a value");
        let time = now.max(before.saturating_add(1));
        let mut key = [0; TXKEY_LEN];
        encode(time, &mut key[..TIME]);
        randomize(&mut key[TIME..]);
        key
    }

    /// Seven random digits with the time after the fourth. The first two are the route, see
    /// [`route`].
    pub fn rtkey(&self) -> [u8; RTKEY_LEN] {
        let mut key = [0; RTKEY_LEN];
        randomize(&mut key[..RT_BEFORE]);
        encode(now(), &mut key[RT_BEFORE..RT_BEFORE + TIME]);
        randomize(&mut key[RT_BEFORE + TIME..]);
        key
    }
}

/// The time in a `txkey`, in microseconds since 1970; `None` if `key` is no `txkey`.
pub fn txkey_time(key: &[u8]) -> Option<u64> {
    (key.len() == TXKEY_LEN).then(|| decode(&key[..TIME]))?
}

/// The time in an `rtkey`, in microseconds since 1970; `None` if `key` is no `rtkey`.
pub fn rtkey_time(key: &[u8]) -> Option<u64> {
    (key.len() == RTKEY_LEN).then(|| decode(&key[RT_BEFORE..RT_BEFORE + TIME]))?
}

/// The shard, from 0 to `routes - 1`, of an `rtkey`; `None` if `key` is no `rtkey` or `routes` is
/// 0.
pub fn route(key: &[u8], routes: u64) -> Option<u64> {
    if key.len() != RTKEY_LEN {
        return None;
    }
    decode(&key[..2])?.checked_rem(routes)
}

fn now() -> u64 {
    // A clock before 1970 counts as 1970, so that a key is still made.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Writes the low digits of `number`, as many as `digits` holds.
fn encode(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[usize::try_from(number % BASE).expect("less than 62")];
        number /= BASE;
    }
}

fn decode(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            b'a'..=b'z' => digit - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(BASE)?.checked_add(u64::from(value))
    })
}

fn randomize(digits: &mut [u8]) {
    let mut rng = rand::rng();
    // 62^4 divides 2^64 so evenly that no statistics could detect the bias.
    encode(rng.next_u64(), digits);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_keys_hold_the_times_they_were_made_at() {
        assert_eq!(txkey_time(b"81UteFYAocl8"), Some(1_751_997_448_418_382));
        assert_eq!(rtkey_time(b"YM6I7clU96YvDTCr"), Some(1_664_899_323_738_819));
        assert_eq!(route(b"YM6I7clU96YvDTCr", 25), Some(5));
    }

    #[test]
    fn a_txkey_is_greater_than_the_one_before_also_when_the_clock_steps_back() {
        let generator = Generator::default();
        let mut before = generator.txkey_at(2_000_000);
        for clock in [2_000_000, 1_999_999, 5, 2_000_001, 3_000_000, 0] {
            let key = generator.txkey_at(clock);
            assert!(key > before, "{key:?} after {before:?}");
            before = key;
        }
        for _ in 0..10_000 {
            let key = generator.txkey();
            assert!(key > before);
            before = key;
        }
    }

    #[test]
    fn keys_hold_the_present_time() {
        let generator = Generator::default();
        let (earliest, tx, rt) = (now(), generator.txkey(), generator.rtkey());
        for time in [txkey_time(&tx), rtkey_time(&rt)] {
            let time = time.expect("a key");
            assert!((earliest..=now() + 1).contains(&time));
        }
    }

    #[test]
    fn routes_spread_evenly() {
        let generator = Generator::default();
        let mut hits = [0_u32; 25];
        for _ in 0..25_000 {
            let route = route(&generator.rtkey(), 25).expect("a key");
            hits[usize::try_from(route).expect("small")] += 1;
        }
        assert!(hits.iter().all(|hits| (800..1200).contains(hits)), "{hits:?}");
    }

    #[test]
    fn what_is_no_key_has_no_time_and_no_route() {
        for text in [&b""[..], b"81UteFYAoc", b"81UteFY-ocl8", b"YM6I7cl\xff96YvDTCr"] {
            assert_eq!(txkey_time(text).or(rtkey_time(text)), None);
        }
        assert_eq!(route(b"YM6I7clU96YvDTCr", 0), None);
        assert_eq!(route(b"--6I7clU96YvDTCr", 7), None);
    }
}
