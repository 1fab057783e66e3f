//! A real kvsockd of the test's own, on a socket in a temporary directory, which ends with the
//! test.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::role::Kvsock;
use super::wire::client::Client;

/// How long anything that should happen at once may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A daemon, running unless it was killed.
#[derive(Debug)]
pub(crate) struct Daemon {
    settings: Vec<(String, String)>,
    /// Words before the program's name.
    starter: Vec<String>,
    dir: TempDir,
    child: Option<Child>,
}

impl Daemon {
    /// Starts a daemon with these settings, without their `KVSOCK_`, and waits until it answers.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Daemon {
        let mut daemon = Daemon::stopped(settings);
        daemon.launch();
        daemon
    }

    /// The same, not started yet.
    pub(crate) fn stopped(settings: &[(&str, &str)]) -> Daemon {
        let dir = tempfile::Builder::new().prefix("kvsock-").tempdir().expect("a directory");
        let own = |(name, value): &(&str, &str)| (format!("KVSOCK_{name}"), (*value).to_owned());
        let settings = settings.iter().map(own).collect();
        Daemon { settings, starter: Vec::new(), dir, child: None }
    }

    /// Adds variables to its environment, as they are.
    pub(crate) fn also<'a>(&mut self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        self.settings.extend(variables.into_iter().map(own));
    }

    /// Has another program start it, which becomes it: `prlimit`, say.
    pub(crate) fn start_by(&mut self, words: &[&str]) {
        self.starter = words.iter().map(|word| (*word).to_owned()).collect();
    }

    /// Starts it again, with the same data, and waits until it answers.
    pub(crate) fn launch(&mut self) {
        assert!(self.child.is_none(), "runs already");
        let child = self.command().spawn().expect("kvsockd starts");
        self.child = Some(child);
        let end = Instant::now() + PATIENCE;
        while self.try_ping().is_err() {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().expect("a child"));
            assert!(ended.is_none(), "kvsockd ended: {ended:?}");
            assert!(Instant::now() < end, "kvsockd does not answer");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The command that starts it, with nothing of the test's environment but what it needs.
    pub(crate) fn command(&self) -> Command {
        let program = program();
        let mut words = self.starter.iter().map(String::as_str).chain([&*program]);
        let mut command = Command::new(words.next().unwrap_or(&program));
        command
            .args(words)
            .env_clear()
            .env("KVSOCK_SOCKET", self.socket())
            .env("KVSOCK_STORE", format!("embedded:{}", self.dir.path().join("db").display()))
            .env("KVSOCK_LOG", "warn")
            .envs(coverage())
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    fn try_ping(&self) -> std::io::Result<()> {
        let mut client = Client::try_connect(&self.socket())?;
        client.try_send("ping\n")?;
        let reply = client.try_line()?;
        if reply == "pong" { Ok(()) } else { Err(std::io::Error::other(reply)) }
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// Its directory, for what a test wants to keep beside it.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Lets other users of this machine connect, for a test that becomes one; `false`, said on
    /// standard error, where that takes root and this is not.
    pub(crate) fn open_to_other_users(&self) -> bool {
        if !rustix::process::geteuid().is_root() {
            eprintln!("not run: only root can become another user");
            return false;
        }
        for (path, mode) in [(self.dir(), 0o755), (&*self.socket(), 0o777)] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(path, mode).expect("open it to all");
        }
        true
    }

    /// What a client of another user gets for these lines; the daemon must be open to it.
    pub(crate) fn ask_as(&self, uid: u32, lines: &str) -> String {
        let id = uid.to_string();
        let mut nc = Command::new("setpriv")
            .args(["--reuid", &id, "--regid", &id, "--clear-groups", "nc", "-NU"])
            .arg(self.socket())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv and nc");
        let mut stdin = nc.stdin.take().expect("piped");
        // Where the daemon refuses the connection, nc ends before it has read.
        let _ = stdin.write_all(lines.as_bytes());
        drop(stdin);
        let output = nc.wait_with_output().expect("nc ends");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(&self.socket())
    }

    /// The reply to one request on a connection of its own.
    pub(crate) fn ask(&self, request: &str) -> String {
        self.connect().ask(request)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("it runs"))
    }

    /// Resident memory now, in bytes.
    pub(crate) fn memory(&self) -> usize {
        memory(self.pid(), "VmRSS:")
    }

    /// The most resident memory that it has ever had, in bytes.
    pub(crate) fn peak_memory(&self) -> usize {
        memory(self.pid(), "VmHWM:")
    }

    /// SIGKILL, and its end.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    /// SIGTERM, and its end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().expect("a child") {
                return status;
            }
            if Instant::now() > end {
                let _ = child.kill();
                panic!("kvsockd does not end");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The daemon that was built with the tests, or that of the directory that `KVSOCK_TEST_PROGRAMS`
/// names.
fn program() -> String {
    match std::env::var("KVSOCK_TEST_PROGRAMS") {
        Ok(directory) => format!("{directory}/kvsockd"),
        Err(_) => env!("CARGO_BIN_EXE_kvsockd").to_owned(),
    }
}

/// Where tests/coverage has programs write which of their lines were reached.
pub(crate) fn coverage() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| name == "LLVM_PROFILE_FILE")
}

impl Kvsock for Daemon {
    fn socket(&self) -> PathBuf {
        self.socket()
    }

    fn pid(&self) -> Pid {
        self.pid()
    }

    fn launch(&mut self) {
        self.launch();
    }

    fn kill(&mut self) {
        self.kill();
    }

    fn stop(&mut self) {
        assert!(self.stop().success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What `proc_pid_status(5)` says of a process's memory under this name, in bytes.
pub(crate) fn memory(pid: Pid, name: &str) -> usize {
    let path = format!("/proc/{}/status", pid.as_raw_nonzero());
    let status = std::fs::read_to_string(path).expect("it runs");
    let line = status.lines().find(|line| line.starts_with(name)).expect("a line");
    let kib: usize = line.split_whitespace().nth(1).expect("a size").parse().expect("a number");
    kib * 1024
}
