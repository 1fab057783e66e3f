//! Syncs that fail, and a loss of power after them: what was acknowledged later is there.
//!
//! This program has `fsync` and `fdatasync` of its own, which fail on demand and remember how much of
//! each file was on the disk by then. A loss of power is a copy of the directory in which each file
//! whose sync failed ends where the one before left it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(unsafe_code, reason = "the functions of libc that the store calls are replaced")]

#[path = "support/embedded.rs"]
mod support;

use std::collections::HashMap;
use std::fs;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kvsock::message::{ErrorReply, Reply};
use kvsock::store::{Health, Options, Sync};
use rustix::io::Errno;

use support::{Opened, operation, options, value};

/// What is known of the syncs of one directory.
struct Syncs {
    below: PathBuf,
    /// How many syncs of which files go well before one fails, and how many fail then.
    plan: Option<(&'static str, usize, usize)>,
    /// How many have failed.
    failed: usize,
    /// Of each file, how much was synced.
    synced: HashMap<FileId, u64>,
    /// Of each file whose sync failed, where it ends after a loss of power.
    ends: HashMap<FileId, u64>,
}

/// A file: its inode, and when that was created, since the next file may get the inode of a removed one.
#[derive(Clone, PartialEq, Eq, Hash)]
struct FileId(u64, Option<SystemTime>);

impl FileId {
    fn of(metadata: &fs::Metadata) -> FileId {
        FileId(metadata.ino(), metadata.created().ok())
    }
}

static SYNCS: Mutex<Option<Syncs>> = Mutex::new(None);
/// One test at a time.
static TURN: Mutex<()> = Mutex::new(());

fn syncs() -> MutexGuard<'static, Option<Syncs>> {
    SYNCS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Syncs {
    /// Whether the sync of a file fails that is written up to `position`.
    fn fails(&mut self, path: &Path, file: FileId, position: u64) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let planned = self.plan.as_mut().filter(|(part, ..)| name.contains(*part));
        let fails = match planned {
            Some((_, 0, 0)) | None => false,
            Some((_, 0, fail)) => {
                *fail -= 1;
                true
            }
            Some((_, before, _)) => {
                *before -= 1;
                false
            }
        };
        let synced = self.synced.entry(file.clone()).or_default();
        if fails {
            self.failed += 1;
            if *synced < position {
                self.ends.entry(file).or_insert(*synced);
            }
        } else if name.ends_with(".jnl") {
            // It is appended to: what is behind a gap is lost.
            *synced = position.max(*synced);
        } else {
            // It was written anew, as a whole.
            *synced = position;
            self.ends.remove(&file);
        }
        fails
    }
}

/// Whether the sync of this descriptor fails; then `errno` says so.
fn fails(fd: i32) -> bool {
    let mut syncs = syncs();
    let Some(syncs) = syncs.as_mut() else { return false };
    let link = format!("/proc/self/fd/{fd}");
    let (Ok(path), Ok(metadata)) = (fs::read_link(&link), fs::metadata(&link)) else {
        return false;
    };
    // SAFETY: the caller has it open.
    let file = unsafe { BorrowedFd::borrow_raw(fd) };
    let position = rustix::fs::tell(file).unwrap_or(0);
    let fails =
        path.starts_with(&syncs.below) && syncs.fails(&path, FileId::of(&metadata), position);
    if fails {
        // SAFETY: it is this thread's own.
        unsafe { *libc::__errno_location() = libc::EIO };
    }
    fails
}

fn sync(fd: i32, sync: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<()>) -> i32 {
    if fails(fd) {
        return -1;
    }
    // SAFETY: the caller has it open.
    let synced: Result<(), Errno> = sync(unsafe { BorrowedFd::borrow_raw(fd) });
    if synced.is_ok() { 0 } else { -1 }
}

#[unsafe(no_mangle)]
extern "C" fn fsync(fd: i32) -> i32 {
    sync(fd, |fd| rustix::fs::fsync(fd))
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: i32) -> i32 {
    sync(fd, |fd| rustix::fs::fdatasync(fd))
}

/// A directory whose syncs are watched.
struct Disk {
    home: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Disk {
    fn new() -> Disk {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let home = tempfile::tempdir().unwrap();
        let below = home.path().canonicalize().unwrap().join("db");
        let (synced, ends) = (HashMap::new(), HashMap::new());
        *syncs() = Some(Syncs { below, plan: None, failed: 0, synced, ends });
        Disk { home, _turn: turn }
    }

    fn options(&self, sync: Sync) -> Options {
        Options { sync, ..options(&self.home.path().join("db")) }
    }

    /// After `before` syncs of files whose names contain `part`, `fail` of them fail.
    fn fail(part: &'static str, before: usize, fail: usize) {
        syncs().as_mut().unwrap().plan = Some((part, before, fail));
    }

    fn failed() -> usize {
        syncs().as_ref().unwrap().failed
    }

    /// What the directory has after a loss of power now.
    ///
    /// Syncs wait until the copy is complete. The store's threads work on, and without a sync none of
    /// them puts a newer list of files in place, or removes a file that the older list names.
    fn after_power_loss(&self, name: &str) -> PathBuf {
        let target = self.home.path().join(name);
        let syncs = syncs();
        let ends = &syncs.as_ref().unwrap().ends;
        copy(&self.home.path().canonicalize().unwrap().join("db"), &target, ends);
        target
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        *syncs() = None;
    }
}

fn copy(from: &Path, to: &Path, ends: &HashMap<FileId, u64>) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target, ends);
        } else if let Ok(metadata) = fs::metadata(&path)
            && fs::copy(&path, &target).is_ok()
            && let Some(end) = ends.get(&FileId::of(&metadata))
        {
            fs::OpenOptions::new().write(true).open(&target).unwrap().set_len(*end).unwrap();
        }
    }
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the condition never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn set(store: &Opened, key: &str) -> Reply {
    store.run("SET", &[key, &key.repeat(100)])
}

#[track_caller]
fn expect(store: &Opened, keys: &[&str]) {
    for key in keys {
        assert_eq!(store.run("GET", &[key]), value(key.repeat(100)), "{key}");
    }
}

#[test]
fn what_was_acknowledged_after_a_failed_sync_outlives_a_loss_of_power() {
    let disk = Disk::new();
    let store = Opened::new(disk.options(Sync::Always));
    assert_eq!(set(&store, "before"), Reply::OK);
    Disk::fail(".jnl", 0, 1);
    assert_eq!(set(&store, "failed"), Reply::Error(ErrorReply::OutcomeUnknown("SET")));
    assert_eq!(Disk::failed(), 1);
    wait_until(|| set(&store, "later") == Reply::OK);
    assert_eq!(set(&store, "last"), Reply::OK);
    assert_eq!(store.health(), Health::Up);
    let was_there = store.run("GET", &["failed"]);
    let copy = Opened::new(options(&disk.after_power_loss("copy")));
    expect(&copy, &["before", "later", "last"]);
    assert_eq!(copy.run("GET", &["failed"]), was_there);
    copy.close();
    store.close();
}

#[test]
fn what_was_acknowledged_before_a_failed_sync_in_the_background_outlives_a_loss_of_power() {
    let disk = Disk::new();
    let store = Opened::new(disk.options(Sync::EverySecond));
    Disk::fail(".jnl", 0, 1);
    assert_eq!(set(&store, "before"), Reply::OK);
    wait_until(|| Disk::failed() == 1);
    wait_until(|| set(&store, "later") == Reply::OK);
    let copy = Opened::new(options(&disk.after_power_loss("copy")));
    expect(&copy, &["before"]);
    copy.close();
    store.close();
}

#[test]
fn a_save_that_failed_is_an_error_and_the_next_one_saves_all() {
    for name in ["SAVE", "BGSAVE"] {
        let disk = Disk::new();
        let store = Opened::new(disk.options(Sync::No));
        assert_eq!(set(&store, "before"), Reply::OK);
        Disk::fail(".jnl", 0, 1);
        let reply = store.ask(name);
        assert_eq!(matches!(reply, Reply::Error(_)), name == "SAVE", "{reply:?}");
        wait_until(|| Disk::failed() == 1);
        wait_until(|| set(&store, "later") == Reply::OK);
        assert_eq!(store.ask("SAVE"), Reply::OK);
        let copy = Opened::new(options(&disk.after_power_loss("copy")));
        expect(&copy, &["before", "later"]);
        copy.close();
        store.close();
    }
}

#[test]
fn a_process_that_ends_after_a_failed_sync_leaves_the_doubt_to_the_next() {
    let disk = Disk::new();
    let store = Opened::new(disk.options(Sync::Always));
    assert_eq!(set(&store, "before"), Reply::OK);
    // No more sync goes well in this process.
    Disk::fail("", 0, usize::MAX);
    assert_ne!(set(&store, "failed"), Reply::OK);
    store.close();
    Disk::fail("", 0, 0);
    let store = Opened::new(disk.options(Sync::Always));
    expect(&store, &["before"]);
    wait_until(|| set(&store, "later") == Reply::OK);
    let copy = Opened::new(options(&disk.after_power_loss("copy")));
    expect(&copy, &["before", "later"]);
    copy.close();
    store.close();
}

/// Of journals, tables, what lists these, and directories.
#[test]
fn whichever_sync_fails_all_that_was_acknowledged_outlives_a_loss_of_power() {
    for sync in [Sync::Always, Sync::No] {
        for before in (0..).step_by(29) {
            let disk = Disk::new();
            let store = Opened::new(disk.options(sync));
            assert_eq!(set(&store, "before"), Reply::OK);
            Disk::fail("", before, 2);
            let (mut kept, mut gone) = (vec!["before"], Vec::new());
            let many = |n: usize| operation("SET", &[format!("{n}"), "x".repeat(20)]);
            kept.extend(["a", "b"].iter().filter(|key| set(&store, key) == Reply::OK));
            store.batch((0..1_500).map(many).collect());
            match store.ask("FLUSHDB") {
                Reply::OK => gone.append(&mut kept),
                Reply::Error(ErrorReply::OutcomeUnknown(_)) => kept.clear(),
                _ => {}
            }
            kept.extend(["c", "d"].iter().filter(|key| set(&store, key) == Reply::OK));
            if store.ask("SAVE") != Reply::OK {
                wait_until(|| store.ask("SAVE") == Reply::OK);
            }
            wait_until(|| set(&store, "later") == Reply::OK);
            // The failed syncs of a later part are not waited for.
            let failed = Disk::failed();
            Disk::fail("", 0, 0);
            assert_eq!(store.ask("SAVE"), Reply::OK);
            let copy = Opened::new(options(&disk.after_power_loss("copy")));
            expect(&copy, &kept);
            expect(&copy, &["later"]);
            for key in gone {
                assert_eq!(copy.run("GET", &[key]), Reply::Nil, "{key}");
            }
            copy.close();
            store.close();
            if failed == 0 {
                assert!(before > 10, "only {before} syncs");
                break;
            }
        }
    }
}
