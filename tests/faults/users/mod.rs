//! Hostile users at once, beside one polite user, whose every reply has to be right. How long the
//! slowest of these took is shown, not checked: it depends on the machine.
//!
//! Each user has a uid of its own: the threads that connect become that user, which takes root.

mod hostile;
mod polite;

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::thread::{Gid, Uid, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use self::hostile::HOSTILE;
use crate::support::daemon::Daemon;
use crate::support::valkey::Setup;
use crate::{rounds, show};

const MIB: usize = 1024 * 1024;
/// The polite user; the hostile ones follow.
const POLITE: u32 = 2000;

/// Makes the calling thread a user who is in no group.
fn become_user(id: u32) {
    let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
    set_thread_groups(&[]).expect("root");
    set_thread_res_gid(gid, gid, gid).expect("root");
    set_thread_res_uid(uid, uid, uid).expect("root");
}

/// Only some of the hostile users, by their names, for a look at what each does.
fn is_wanted(name: &str) -> bool {
    let wanted = std::env::var("KVSOCK_TEST_HOSTILE").ok();
    wanted.is_none_or(|wanted| wanted.split(',').any(|it| it == name))
}

fn run(what: &str, settings: &[(&str, &str)]) {
    let mut daemon = Daemon::start(&[settings, &[("MAX_MEMORY", "32MiB")]].concat());
    if !daemon.open_to_other_users() {
        return;
    }
    let (socket, is_over) = (daemon.socket(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for (uid, (name, act)) in (POLITE + 1..).zip(HOSTILE) {
            if is_wanted(name) {
                let (socket, is_over) = (&socket, &is_over);
                scope.spawn(move || {
                    become_user(uid);
                    act(socket, is_over);
                });
            }
        }
        let polite = scope.spawn(|| {
            become_user(POLITE);
            polite::ask(&socket, rounds(500))
        });
        let figures = polite.join();
        is_over.store(true, Ordering::Relaxed);
        // A hostile user may be waiting for the daemon.
        let memory = daemon.peak_memory() / MIB;
        daemon.kill();
        match figures {
            Ok(figures) => show(&format!("{what}: {figures}; {memory} MiB resident at most")),
            Err(failure) => std::panic::resume_unwind(failure),
        }
    });
}

#[test]
fn a_polite_user_of_the_embedded_store_is_answered_beside_hostile_ones() {
    for namespace in ["shared", "user"] {
        run(&format!("embedded, {namespace}"), &[("NAMESPACE", namespace)]);
    }
}

#[test]
fn a_polite_user_of_valkey_is_answered_beside_hostile_ones() {
    for namespace in ["shared", "user"] {
        let Some(valkey) = Setup::default().start() else { return };
        let settings = [("NAMESPACE", namespace), ("STORE", &*valkey.url())];
        run(&format!("Valkey, {namespace}"), &settings);
    }
}
