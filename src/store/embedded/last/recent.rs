//! The order in which keys were set, for `last`: the index in memory, and the pages that a commit
//! adds to it.
//!
//! In the database the index is a log. Each commit adds one page with its steps: the keys that were
//! set and removed. The keys that are pushed out follow from the steps. From time to time one page
//! with the whole index replaces all pages. So a commit writes one page, however many keys it sets,
//! and the size of the log is bounded. All key spaces share the log, but each part of the store
//! keeps as many keys as if it were alone.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use fjall::Slice;

use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::layout::{Malformed, RecentForm, split_entry};
use crate::store::embedded::format::page::{Bounds, Step};

/// The steps that the log may hold besides one step for each key. Also the entries that a part may
/// hold besides one for each of its keys.
pub(super) const SLACK: usize = 256;

/// The index: keys by age.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    pub(super) bounds: Bounds,
    /// The number of the setting of each key.
    by_key: HashMap<Slice, u64>,
    /// The parts, by the beginning of their keys.
    pub(super) by_part: HashMap<Box<[u8]>, Part>,
    now: u64,
    pub(super) log: Log,
}

/// The keys of one part.
#[derive(Debug, Default)]
pub(super) struct Part {
    len: usize,
    /// The settings of keys, the oldest first. An entry is void if its key was set again or removed
    /// since: so no entry has to be looked for.
    pub(super) by_age: VecDeque<(u64, Slice)>,
}

/// The log: its form in the database, and the steps that are to be added.
#[derive(Debug, Default)]
pub(super) struct Log {
    form: RecentForm,
    /// The number of steps in the pages.
    steps: usize,
    /// The steps since the last page.
    pub(super) page: Vec<u8>,
    page_steps: usize,
    /// Whether the pages hold keys that the index has forgotten.
    is_behind: bool,
}

/// The changes that a commit makes to the stored index.
pub(crate) struct Written {
    /// The number and the content of a page.
    pub(crate) page: (u32, Slice),
    /// The form of the stored index after the commit.
    pub(crate) form: RecentForm,
    /// Slots to be removed.
    pub(crate) void: std::ops::Range<u32>,
}

impl Recent {
    /// An empty index, of which nothing is in the database.
    pub(crate) fn new(bounds: Bounds) -> Recent {
        Recent { bounds, ..Recent::default() }
    }

    /// The index in the database. `get` returns a page or a slot by its number.
    pub(crate) fn read(
        form: RecentForm,
        get: impl Fn(u32) -> Result<Option<Slice>, Fault>,
    ) -> Result<Recent, Fault> {
        let mut recent = Recent::new(Bounds { depth: usize::MAX, parts: None });
        match form {
            RecentForm::Pages(pages) => {
                for number in 0..pages {
                    let page = get(number)?.ok_or(Malformed("the index of last"))?;
                    let mut steps = &page[..];
                    if number == 0 {
                        recent.bounds = Bounds::decode(&mut steps)?;
                    }
                    recent.repeat(steps)?;
                }
            }
            RecentForm::Slots(slots) => {
                let slots: Vec<_> = (0..slots).filter_map(|slot| get(slot).transpose()).collect();
                let slots = slots.into_iter().collect::<Result<Vec<_>, _>>()?;
                let entries: Result<Vec<_>, _> = slots.iter().map(|it| split_entry(it)).collect();
                let mut entries = entries?;
                entries.sort_unstable_by_key(|(sequence, _)| *sequence);
                for (_, key) in entries {
                    recent.set(&Slice::from(key));
                }
            }
        }
        recent.log =
            Log { form, steps: recent.log.steps + recent.log.page_steps, ..Log::default() };
        Ok(recent)
    }

    /// The same index within other bounds.
    pub(crate) fn within(self, bounds: Bounds) -> Recent {
        if self.bounds == bounds {
            return self;
        }
        let mut recent = Recent::new(bounds);
        for key in self.keys() {
            recent.set(key);
        }
        let is_behind = recent.by_key.len() < self.by_key.len();
        recent.log = Log { steps: usize::MAX, is_behind, ..self.log };
        recent
    }

    /// An empty index within the same bounds.
    pub(crate) fn emptied(&self) -> Recent {
        Recent::new(self.bounds.clone())
    }

    /// Notes that `key` was set.
    pub(crate) fn set(&mut self, key: &Slice) {
        if self.bounds.depth == 0 {
            return;
        }
        self.log.add(Step::Set(key), self.by_key.len() + SLACK);
        self.now += 1;
        let is_new = self.by_key.insert(key.clone(), self.now).is_none();
        let Recent { by_key, by_part, bounds, .. } = self;
        let part = entry(by_part, bounds.part_of(key));
        part.len += usize::from(is_new);
        part.by_age.push_back((self.now, key.clone()));
        while part.len > bounds.depth
            && let Some((then, oldest)) = part.by_age.pop_front()
        {
            if let Entry::Occupied(latest) = by_key.entry(oldest)
                && *latest.get() == then
            {
                latest.remove();
                part.len -= 1;
            }
        }
        if part.by_age.len() > 2 * part.len + SLACK {
            part.by_age.retain(|(then, key)| by_key.get(key) == Some(then));
        }
    }

    /// Notes that `key` was removed.
    pub(crate) fn remove(&mut self, key: &[u8]) {
        if self.by_key.remove(key).is_none() {
            return;
        }
        self.log.add(Step::Remove(key), self.by_key.len() + SLACK);
        let name = self.bounds.part_of(key);
        if let Some(part) = self.by_part.get_mut(name) {
            part.len -= 1;
            if part.len == 0 {
                self.by_part.remove(name);
            }
        }
    }

    /// All keys. The key that was set last comes last.
    pub(crate) fn keys(&self) -> Vec<&Slice> {
        let mut keys: Vec<_> = self.by_key.iter().map(|(key, then)| (then, key)).collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// Whether the database holds keys that this index has forgotten.
    pub(crate) fn is_behind(&self) -> bool {
        self.log.is_behind
    }

    /// The changes that bring the stored index up to date; `None` if there are none.
    pub(crate) fn take_changes(&mut self) -> Option<Written> {
        if self.log.page_steps == 0 && !self.log.is_behind {
            return None;
        }
        let mut page = std::mem::take(&mut self.log.page);
        let before = self.log.form;
        let mut steps = self.log.steps.saturating_add(self.log.page_steps);
        let number = match before {
            RecentForm::Pages(pages) if steps <= self.by_key.len() + SLACK => pages,
            RecentForm::Pages(_) | RecentForm::Slots(_) => 0,
        };
        if number == 0 {
            page.clear();
            self.bounds.encode(&mut page);
            let keys = self.keys();
            for key in &keys {
                Step::Set(key).encode(&mut page);
            }
            steps = keys.len();
        }
        let form = RecentForm::Pages(number + 1);
        let void = if let RecentForm::Slots(slots) = before { 1..slots.max(1) } else { 0..0 };
        let written = Written { page: (number, Slice::from(&page[..])), form, void };
        // The next page uses the same buffer.
        page.clear();
        self.log = Log { form, steps, page, ..Log::default() };
        Some(written)
    }

    fn repeat(&mut self, steps: &[u8]) -> Result<(), Fault> {
        for step in Step::all(steps) {
            match step? {
                Step::Set(key) => self.set(&Slice::from(key)),
                Step::Remove(key) => self.remove(key),
            }
        }
        Ok(())
    }
}

impl Log {
    /// Adds a step to the page. A page with more than `most` steps gets no more: the whole index
    /// will replace it.
    fn add(&mut self, step: Step<'_>, most: usize) {
        if self.page_steps <= most {
            step.encode(&mut self.page);
        }
        self.page_steps += 1;
    }
}

/// The part with this name. It is created if it does not exist.
fn entry<'a>(by_part: &'a mut HashMap<Box<[u8]>, Part>, name: &[u8]) -> &'a mut Part {
    if !by_part.contains_key(name) {
        by_part.insert(name.into(), Part::default());
    }
    by_part.get_mut(name).expect("it is there")
}
