//! A machine under a real systemd, with kvsock installed, booted for one test and gone with it.
//!
//! It is a systemd-nspawn container on a throw-away copy of this machine's own root file system
//! (or of a Debian 13), so it needs root and Debian's systemd-container. Where that is missing,
//! `boot` says so and gives `None`, unless `KVSOCK_TEST_REQUIRE=1` promised it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use serde_json::Value;
use tempfile::TempDir;

#[path = "machine/process.rs"]
mod process;

/// The search path inside the machine.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How long a machine may take to boot, and most conditions to come true, on a busy computer.
pub(crate) const BOUND: Duration = Duration::from_secs(60);
/// Numbers the machines of one test process.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A booted machine. Dropping it ends it.
pub(crate) struct Machine {
    /// The unshare that holds the machine's namespaces.
    namespaces: Child,
    /// The process id, as seen from here, of the machine's process 1.
    init: u32,
    directory: TempDir,
}

impl Machine {
    /// Boots a copy of this machine with these lines in `/etc/kvsock/kvsock.env`.
    pub(crate) fn boot(settings: &str) -> Option<Self> {
        present(missing_here().as_deref()).then(|| Self::boot_root(Path::new("/"), settings))
    }

    /// As [`Machine::boot`], where a Valkey (not started yet) is installed.
    pub(crate) fn boot_beside_valkey(settings: &str) -> Option<Self> {
        Self::boot_with(&programs(), settings)
    }

    /// As [`Machine::boot_beside_valkey`], with the programs of this directory.
    pub(crate) fn boot_with(programs: &Path, settings: &str) -> Option<Self> {
        let missing = missing_here().or_else(|| missing_valkey(Path::new("/")));
        let programs = programs.canonicalize().unwrap();
        present(missing.as_deref()).then(|| Self::boot_bin(Path::new("/"), settings, &programs))
    }

    /// As [`Machine::boot`], on Debian 13 with systemd 257. The first call builds its root file
    /// system below `target/`, which takes half a minute and the network.
    pub(crate) fn boot_trixie(settings: &str) -> Option<Self> {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("machine-trixie");
        let missing = missing_here().or_else(|| missing_trixie(&root));
        present(missing.as_deref()).then(|| Self::boot_root(&root, settings))
    }

    /// As [`Machine::boot_beside_valkey`], without kvsock.
    pub(crate) fn boot_without_kvsock() -> Option<Self> {
        let missing = missing_here().or_else(|| missing_valkey(Path::new("/")));
        present(missing.as_deref()).then(|| Self::boot_bin(Path::new("/"), "", Path::new("")))
    }

    /// As [`Machine::boot_trixie`], without kvsock.
    pub(crate) fn boot_trixie_without_kvsock() -> Option<Self> {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("machine-trixie");
        let missing = missing_here().or_else(|| missing_trixie(&root));
        present(missing.as_deref()).then(|| Self::boot_bin(&root, "", Path::new("")))
    }

    fn boot_root(lower: &Path, settings: &str) -> Self {
        Self::boot_bin(lower, settings, &programs())
    }

    fn boot_bin(lower: &Path, settings: &str, bin: &Path) -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kvsock-e2e-{}-{number}", std::process::id());
        let directory = TempDir::with_prefix_in(&name, env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::create_dir(directory.path().join("mount")).unwrap();
        fs::write(directory.path().join("settings"), settings).unwrap();
        let console = fs::File::create(directory.path().join("console")).unwrap();
        // The namespaces end with unshare, and unshare with this thread, even one that is killed.
        let namespaces = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"])
            .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
            .arg(source("tests/support/machine/boot"))
            .arg(&name)
            .arg(directory.path())
            .arg(lower)
            .arg(source(""))
            .arg(bin)
            .stdin(Stdio::null())
            .stdout(console.try_clone().unwrap())
            .stderr(console)
            .spawn()
            .unwrap();
        let mut machine = Self { namespaces, init: 0, directory };
        machine.await_boot();
        machine
    }

    fn await_boot(&mut self) {
        wait_for("the machine to boot", || {
            let ended = self.namespaces.try_wait().unwrap();
            assert!(ended.is_none(), "the machine ended at once: {ended:?}\n{}", self.console());
            let Some(init) = process::first(self.namespaces.id()) else { return false };
            self.init = init;
            // "degraded" is enough: on somebody's machine a unit that is not ours may fail.
            let state = self.run(&["systemctl", "is-system-running"]).stdout;
            state.starts_with(b"running") || state.starts_with(b"degraded")
        });
    }

    fn console(&self) -> String {
        fs::read_to_string(self.directory.path().join("console")).unwrap_or_default()
    }

    /// A path of the machine as this process can open, connect to or write it.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.init))
    }

    /// A command that will run inside, as root, in a clean environment.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--all", "--wd=/", "--target", &self.init.to_string(), "--"])
            .args(["env", "-i", &format!("PATH={SEARCH_PATH}"), "LC_ALL=C"])
            .args(words);
        command
    }

    /// Runs a command inside, as root, to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).stdin(Stdio::null()).output().unwrap()
    }

    /// As [`Machine::run`], for a command that has to succeed. Gives what it printed.
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?} failed: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Runs a shell script inside as this user, with all the groups of that user.
    pub(crate) fn run_as(&self, user: &str, script: &str) -> Output {
        let user = ["--reuid", user, "--regid", user, "--init-groups"];
        self.run(&[&["setpriv"], &user[..], &["sh", "-c", script]].concat())
    }

    /// Sends request lines through netcat as this user, and gives what came back.
    pub(crate) fn ask_as(&self, user: &str, requests: &str) -> String {
        let script = format!("printf '{requests}' | nc -N -U /run/kvsock/kvsock.sock 2>&1");
        String::from_utf8_lossy(&self.run_as(user, &script).stdout).into_owned()
    }

    /// Runs `systemctl`, which has to succeed.
    pub(crate) fn systemctl(&self, words: &[&str]) -> String {
        self.ok(&[&["systemctl"], words].concat())
    }

    /// One property of a unit.
    pub(crate) fn property(&self, unit: &str, property: &str) -> String {
        self.systemctl(&["show", "--value", "--property", property, unit])
    }

    /// The main process of a unit, as seen from here; `None` when it has none.
    pub(crate) fn main_process(&self, unit: &str) -> Option<Pid> {
        let inside = self.property(unit, "MainPID").parse().unwrap();
        process::child(self.init, inside)
    }

    /// Its systemd, as that names itself.
    pub(crate) fn systemd(&self) -> String {
        let version = self.systemctl(&["--version"]);
        version.lines().next().unwrap_or_default().to_owned()
    }

    /// The uid of an account of the machine.
    pub(crate) fn uid(&self, user: &str) -> u32 {
        self.ok(&["id", "--user", user]).parse().unwrap()
    }

    /// Every journal entry of a unit so far, oldest first.
    pub(crate) fn journal(&self, unit: &str) -> Vec<Value> {
        self.ok(&["journalctl", "--sync"]);
        self.ok(&["journalctl", "--output=json", "--all", "--no-pager", "--unit", unit])
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Writes `/etc/kvsock/kvsock.env` anew.
    pub(crate) fn set_settings(&self, settings: &str) {
        fs::write(self.path("/etc/kvsock/kvsock.env"), settings).unwrap();
    }

    /// Adds lines to a unit, as an administrator would with `systemctl edit`.
    pub(crate) fn edit_unit(&self, unit: &str, lines: &str) {
        let directory = self.path(&format!("/etc/systemd/system/{unit}.d"));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("e2e.conf"), lines).unwrap();
        self.systemctl(&["daemon-reload"]);
    }

    /// Installs one of the drop-ins that come with kvsock, as its first lines say.
    pub(crate) fn install_drop_in(&self, unit: &str, drop_in: &str) {
        let directory = format!("/etc/systemd/system/{unit}.d");
        self.ok(&["mkdir", "-p", &directory]);
        self.ok(&["ln", "-s", &format!("/usr/share/kvsock/{drop_in}"), &directory]);
        self.systemctl(&["daemon-reload"]);
    }

    /// Starts the machine's Valkey on 127.0.0.1:6379, and returns when it serves.
    pub(crate) fn start_valkey(&self) {
        self.systemctl(&["start", self.valkey_unit()]);
    }

    /// Stops the machine's Valkey.
    pub(crate) fn stop_valkey(&self) {
        self.systemctl(&["stop", self.valkey_unit()]);
    }

    /// The unit of the machine's Valkey.
    pub(crate) fn valkey_unit(&self) -> &'static str {
        valkey_unit(&self.path("/")).expect("boot_beside_valkey made sure of it")
    }

    /// The device and inode numbers of a file: is it still the same one?
    pub(crate) fn identity(&self, inside: &str) -> (u64, u64) {
        let metadata = fs::symlink_metadata(self.path(inside)).unwrap();
        (metadata.dev(), metadata.ino())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if thread::panicking() {
            let journal =
                self.run(&["journalctl", "--no-pager", "--output=short-precise", "-n200"]);
            eprintln!("--- journal\n{}", String::from_utf8_lossy(&journal.stdout));
        }
        self.namespaces.kill().expect("it is ours and not yet waited for");
        self.namespaces.wait().expect("it was killed");
        remove_control_groups(&self.directory.path().join("control-groups"));
    }
}

/// Waits until the condition holds, and fails the test when it does not within [`BOUND`].
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < BOUND, "waited {BOUND:?} in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether these programs of this machine are installed; says plainly which is not.
pub(crate) fn has(tools: &[&str]) -> bool {
    let missing = tools.iter().find(|tool| !installed(tool));
    present(missing.map(|tool| format!("{tool} is not installed")).as_deref())
}

/// Says plainly what was not run and why; fails where the run promised it.
fn present(missing: Option<&str>) -> bool {
    if let Some(why) = missing {
        assert!(std::env::var_os("KVSOCK_TEST_REQUIRE").is_none_or(|v| v != "1"), "{why}");
        // Not by a macro, whose output the test harness keeps to itself when a test passes.
        let _ = writeln!(io::stderr(), "not run: {why}");
    }
    missing.is_none()
}

fn missing_here() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("booting a machine takes root".to_owned());
    }
    let tools = ["systemd-nspawn", "nsenter", "unshare", "setpriv", "nc"];
    let missing = tools.iter().find(|tool| !installed(tool))?;
    Some(format!("{missing} is not installed"))
}

fn missing_valkey(root: &Path) -> Option<String> {
    valkey_unit(root).is_none().then(|| "neither Valkey nor Redis is installed".to_owned())
}

fn missing_trixie(root: &Path) -> Option<String> {
    if !installed("mmdebstrap") {
        return Some("mmdebstrap is not installed".to_owned());
    }
    let built = Command::new(source("tests/support/machine/trixie")).arg(root).status().unwrap();
    (!built.success()).then(|| "mmdebstrap could not make a Debian 13".to_owned())
}

fn installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(tool).is_file())
}

fn valkey_unit(root: &Path) -> Option<&'static str> {
    ["valkey-server.service", "redis-server.service"]
        .into_iter()
        .find(|unit| root.join("usr/lib/systemd/system").join(unit).exists())
}

/// The directory of the programs: of those built with the tests, unless `KVSOCK_TEST_PROGRAMS`
/// names another, such as that of optimized ones.
fn programs() -> PathBuf {
    let given = std::env::var_os("KVSOCK_TEST_PROGRAMS").map(PathBuf::from);
    let built = || Path::new(env!("CARGO_BIN_EXE_kvsockd")).parent().unwrap().to_owned();
    given.unwrap_or_else(built).canonicalize().unwrap()
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Removes the machine's control groups, which outlive its processes.
fn remove_control_groups(list: &Path) {
    for group in fs::read_to_string(list).unwrap_or_default().lines() {
        // Processes that were just killed leave their group in their own time.
        let start = Instant::now();
        while Path::new(group).exists() && start.elapsed() < BOUND {
            let _ = Command::new("find")
                .args([group, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"])
                .stderr(Stdio::null())
                .status();
            thread::sleep(Duration::from_millis(10));
        }
    }
}
