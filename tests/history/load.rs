//! What the clients ask: random requests on few keys. A key is left for a new one after a while,
//! so that histories stay short enough to be checked.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::client::Client;
use crate::model::Request;

/// Keys at a time: of each three one is set, one counts and one is appended to.
const PLACES: usize = 9;
/// What a key lasts for. A request costs 1, one of unknown outcome more.
const LIFE: u64 = 400;
const UNKNOWN_COST: u64 = 60;

/// The keys at a time, shared by all clients.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    spent: [AtomicU64; PLACES],
}

impl Keys {
    fn name(&self, place: usize) -> String {
        format!("k{place}.{}", self.spent[place].load(Ordering::Relaxed) / LIFE)
    }

    fn spend(&self, place: usize, cost: u64) {
        self.spent[place].fetch_add(cost, Ordering::Relaxed);
    }
}

/// One client's stream of requests, which follows from the seed.
#[derive(Debug)]
pub(crate) struct Load {
    rng: StdRng,
    /// Begins every value of this client.
    name: usize,
    serial: u64,
}

impl Load {
    pub(crate) fn new(seed: u64, name: usize) -> Load {
        Load { rng: StdRng::seed_from_u64(seed.wrapping_add(name as u64)), name, serial: 0 }
    }

    /// Asks one thing.
    pub(crate) fn step(&mut self, client: &mut Client, keys: &Keys) {
        let place = self.rng.random_range(0..PLACES);
        let key = keys.name(place);
        let is_known = if self.rng.random_range(0..20) == 0 {
            let value = self.value(place);
            client.exchange(&key, &value)
        } else {
            let request = self.request(place, client.speaks_resp());
            if !request.is_read() && self.rng.random_range(0..500) == 0 {
                client.abandon(&key, request);
                false
            } else {
                client.ask(&key, request)
            }
        };
        keys.spend(place, if is_known { 1 } else { UNKNOWN_COST });
    }

    /// No other request of the run has it: a number where numbers are counted.
    fn value(&mut self, place: usize) -> String {
        self.serial += 1;
        match place % 3 {
            1 => format!("{}{:02}", self.serial * 1000, self.name),
            _ => format!("{}.{},", self.name, self.serial),
        }
    }

    fn request(&mut self, place: usize, with_options: bool) -> Request {
        if self.rng.random_range(0..12) == 0 {
            let count = self.rng.random_range(2..=4);
            return Request::Transaction((0..count).map(|_| self.single(place, false)).collect());
        }
        self.single(place, with_options)
    }

    /// How long something lasts: mostly for less than the key is in use, at times for longer.
    fn millis(&mut self) -> u64 {
        if self.rng.random_range(0..8) == 0 { 60_000 } else { self.rng.random_range(40..250) }
    }

    fn single(&mut self, place: usize, with_options: bool) -> Request {
        let value = self.value(place).into();
        let roll = self.rng.random_range(0..100);
        match (place % 3, roll) {
            (_, 0..25) => Request::Get,
            (_, 25..28) => Request::Exists,
            (_, 28..31) => Request::StrLen,
            (_, 31..34) => Request::Remove,
            (_, 34..37) => Request::GetDel,
            (_, 37..40) => Request::SetNx(value),
            (_, 40..44) => Request::GetSet(value),
            (_, 44..52) if with_options => {
                let flags: [bool; 2] =
                    *[[false, false], [false, true], [true, false], [true, true]]
                        .choose(&mut self.rng)
                        .expect("four");
                Request::SetIf { value, exists: flags[0], get: flags[1] }
            }
            (_, 52..55) => Request::SetFor { value, millis: self.millis() },
            (_, 55..58) => Request::Expire(self.millis()),
            (_, 58..60) => Request::Persist,
            (_, 44..60) | (0, _) => Request::Set(value),
            (1, _) => Request::Incr,
            (_, _) => Request::Append(value),
        }
    }
}
