//! kvsockd and Valkey as the units of a machine, packaged settings included: what `role.rs` says of
//! them, and what an administrator does to them.

#![allow(dead_code, reason = "each test crate uses its own part of the fixtures")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};

use crate::machine::{Machine, wait_for};
use crate::support::disk::SmallDisk;
use crate::support::role::{Kvsock, Server};
use crate::support::{relay, valkey};

/// Settings of a machine, as the packages bring them.
pub(crate) const PACKAGED: &str = include_str!("../../packaging/kvsock.env");
/// Makes of them those for the embedded store.
pub(crate) const EMBEDDED: &str = "KVSOCK_STORE=embedded\n";
/// Makes of them those for a Valkey behind a relay of the test's.
pub(crate) const RELAYED: &str = "KVSOCK_STORE=valkey+unix:///run/relay\n";

const KVSOCK: &str = "kvsock.service";
/// The id of systemd's entry of a unit that failed.
const FAILURE: &str = "d9b373ed55a64feb8242e02dbe79a49c";

/// `kvsock.service` of a machine.
pub(crate) struct KvsockUnit(pub(crate) Arc<Machine>);

impl KvsockUnit {
    /// Lets the next client find it empty, with these settings after the packaged ones, and these
    /// lines more in the unit's section `[Service]`.
    pub(crate) fn set_up(&mut self, settings: &str, service: &str) {
        self.stop();
        self.0.ok(&["rm", "-rf", "/var/lib/kvsock/db"]);
        self.0.set_settings(&format!("{PACKAGED}{settings}"));
        self.0.edit_unit(KVSOCK, &format!("[Service]\n{service}"));
    }

    /// Gives its data a disk of its own, of this size. It must not run.
    pub(crate) fn small_disk(&self, size: &str) -> SmallDisk {
        small_disk(&self.0, "kvsockd", "/var/lib/kvsock", size)
    }

    /// How often it has failed, and nothing but SIGKILL did it.
    pub(crate) fn kills(&self) -> usize {
        let entries = self.0.journal(KVSOCK);
        let failures = entries.iter().filter(|entry| entry["MESSAGE_ID"] == FAILURE);
        let results = failures.map(|entry| entry["UNIT_RESULT"].as_str().unwrap_or_default());
        results.inspect(|result| assert_eq!(*result, "signal")).count()
    }
}

impl Kvsock for KvsockUnit {
    fn socket(&self) -> PathBuf {
        self.0.path("/run/kvsock/kvsock.sock")
    }

    fn pid(&self) -> Pid {
        self.0.main_process(KVSOCK).expect("it runs")
    }

    /// After a kill the unit starts it by itself, and this waits for that.
    fn launch(&mut self) {
        self.0.systemctl(&["start", KVSOCK]);
    }

    fn kill(&mut self) {
        kill(self.pid());
    }

    fn stop(&mut self) {
        self.0.systemctl(&["stop", KVSOCK]);
    }

    fn restart(&mut self) {
        self.0.systemctl(&["restart", KVSOCK]);
    }
}

/// The packaged Valkey of a machine, on 127.0.0.1:6379 and on a Unix socket for the test.
pub(crate) struct ValkeyUnit {
    machine: Arc<Machine>,
    /// "valkey", or "redis" where that is installed.
    name: &'static str,
    /// Its settings as packaged.
    settings: String,
}

impl ValkeyUnit {
    /// That of a machine that has one. It does not run yet.
    pub(crate) fn of(machine: &Arc<Machine>) -> ValkeyUnit {
        let name = machine.valkey_unit().strip_suffix("-server.service").expect("its name");
        let settings = fs::read_to_string(machine.path(&format!("/etc/{name}/{name}.conf")));
        // It is killed more often than systemd likes.
        machine.edit_unit(machine.valkey_unit(), "[Unit]\nStartLimitIntervalSec=0\n");
        let settings = settings.expect("its settings");
        ValkeyUnit { machine: Arc::clone(machine), name, settings }
    }

    /// Starts it anew and empty, with these settings after the packaged ones.
    pub(crate) fn set_up(&mut self, settings: &str) {
        self.machine.stop_valkey();
        self.machine.ok(&["find", &self.data(), "-mindepth", "1", "-delete"]);
        let name = self.name;
        let all = format!("{}\nunixsocket /run/{name}/test\n{settings}\n", self.settings);
        fs::write(self.machine.path(&format!("/etc/{name}/{name}.conf")), all).expect("a file");
        self.launch();
    }

    /// Gives its data a disk of its own, of this size. It must not run.
    pub(crate) fn small_disk(&self, size: &str) -> SmallDisk {
        small_disk(&self.machine, self.name, &self.data(), size)
    }

    /// A relay to it, which a daemon with the settings [`RELAYED`] asks.
    pub(crate) fn relay(
        &self,
        rule: impl Fn(relay::Way, &[u8]) -> relay::Fate + Send + Sync + 'static,
    ) -> relay::Relay {
        let socket = self.machine.path("/run/relay");
        // What the one before left.
        let _ = fs::remove_file(&socket);
        relay::Relay::start_at(&socket, &self.socket(), rule)
    }

    fn data(&self) -> String {
        format!("/var/lib/{}", self.name)
    }
}

impl Server for ValkeyUnit {
    fn socket(&self) -> PathBuf {
        self.machine.path(&format!("/run/{}/test", self.name))
    }

    fn pid(&self) -> Pid {
        self.machine.main_process(self.machine.valkey_unit()).expect("it runs")
    }

    /// After a kill the unit starts it by itself, and this waits for that.
    fn launch(&mut self) {
        self.machine.start_valkey();
        wait_for("Valkey", || valkey::answers(&self.socket()).unwrap_or(false));
    }

    fn kill(&mut self) {
        kill(self.pid());
    }

    fn command(&self, words: &[&str]) -> redis::Value {
        valkey::command(self.socket(), None, words)
    }
}

/// SIGKILL, and the end of a process that is systemd's to wait for.
fn kill(pid: Pid) {
    kill_process(pid, Signal::KILL).expect("it runs");
    let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    wait_for("its end", || !process.exists());
}

fn small_disk(machine: &Machine, user: &str, at: &str, size: &str) -> SmallDisk {
    let uid = machine.uid(user);
    let options = format!("size={size},mode=0700,uid={uid}");
    machine.ok(&["mount", "-t", "tmpfs", "-o", &options, "tmpfs", at]);
    SmallDisk::mounted(machine.path(at))
}
