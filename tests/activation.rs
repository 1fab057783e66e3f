//! Socket activation and notification without a booted systemd: `systemd-socket-activate` passes
//! the sockets, and a datagram socket of the test's own hears the notifications.

mod support;

use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use support::daemon::{Daemon, PATIENCE};
use support::wire::client::Client;

/// kvsockd behind `systemd-socket-activate`, which becomes kvsockd with the first connection.
struct Activated(Child);

impl Activated {
    /// Listens as `arguments` say; `None`, said plainly, where systemd's program is not there.
    fn start(daemon: &Daemon, arguments: &[&str]) -> Option<Activated> {
        if !Path::new("/usr/bin/systemd-socket-activate").exists() {
            let required = std::env::var("KVSOCK_TEST_REQUIRE").is_ok_and(|value| value == "1");
            assert!(!required, "systemd-socket-activate is not installed");
            eprintln!("not run: systemd-socket-activate is not installed");
            return None;
        }
        let kvsockd = daemon.command();
        let mut command = Command::new("/usr/bin/systemd-socket-activate");
        for (name, value) in kvsockd.get_envs() {
            if let Some(value) = value {
                let pair = [name, value].map(|text| text.to_str().expect("UTF-8"));
                command.arg(format!("--setenv={}", pair.join("=")));
            }
        }
        let child = command
            .args(arguments)
            .arg(kvsockd.get_program())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        Some(Activated(child))
    }

    /// The end of kvsockd: its status and what it said.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        let mut stderr = self.0.stderr.take().expect("piped");
        stderr.read_to_string(&mut said).expect("UTF-8");
        (self.0.wait().expect("a child").code(), said)
    }

    fn terminate(&self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).expect("it runs");
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn connect(path: &Path) -> Client {
    let end = Instant::now() + PATIENCE;
    loop {
        match Client::try_connect(path) {
            Ok(client) => return client,
            Err(error) => assert!(Instant::now() < end, "{}: {error}", path.display()),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn ask(path: &Path, request: &str) -> String {
    connect(path).ask(request)
}

#[test]
fn every_socket_that_systemd_passes_is_served_and_none_is_removed() {
    let daemon = Daemon::stopped(&[]);
    let [first, second] = ["a", "b"].map(|name| daemon.dir().join(name));
    let listen = [&first, &second].map(|path| format!("--listen={}", path.display()));
    let Some(activated) = Activated::start(&daemon, &[&listen[0], &listen[1]]) else { return };
    assert_eq!(ask(&first, "set k v"), "OK");
    assert_eq!(ask(&second, "get k"), "v");
    assert!(!daemon.socket().exists(), "no socket of its own");
    activated.terminate();
    assert_eq!(activated.end().0, Some(0));
    assert!(first.exists() && second.exists());
}

#[test]
fn a_wrong_kind_of_listener_is_a_clear_start_error() {
    let daemon = Daemon::stopped(&[]);
    let path = daemon.dir().join("seqpacket");
    let listen = format!("--listen={}", path.display());
    let start = Instant::now();
    let Some(activated) = Activated::start(&daemon, &["--seqpacket", &listen]) else { return };
    let end = Instant::now() + PATIENCE;
    let address = rustix::net::SocketAddrUnix::new(&path).expect("a short path");
    let kind = rustix::net::SocketType::SEQPACKET;
    let socket = rustix::net::socket(rustix::net::AddressFamily::UNIX, kind, None).expect("one");
    // The socket is there a moment before it listens.
    while rustix::net::connect(&socket, &address).is_err() {
        assert!(Instant::now() < end, "it listens");
        std::thread::sleep(Duration::from_millis(2));
    }
    let (status, said) = activated.end();
    assert_eq!(status, Some(78), "{said}");
    assert!(said.contains("is not a listening Unix stream socket"), "{said}");
    assert!(start.elapsed() >= Duration::from_secs(1), "or systemd would start it at once again");
}

#[test]
fn a_descriptor_of_another_version_is_closed_with_a_warning() {
    let daemon = Daemon::stopped(&[]);
    let path = daemon.dir().join("datagram");
    let listen = format!("--listen={}", path.display());
    let arguments = ["--datagram", &listen, "--fdname=of-another-version"];
    let Some(activated) = Activated::start(&daemon, &arguments) else { return };
    let end = Instant::now() + PATIENCE;
    let sender = UnixDatagram::unbound().expect("a socket");
    while sender.send_to(b"wake up", &path).is_err() {
        assert!(Instant::now() < end, "it listens");
    }
    // No listener was passed, so it makes its own.
    assert_eq!(ask(&daemon.socket(), "ping"), "pong");
    activated.terminate();
    let (status, said) = activated.end();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("of-another-version"), "{said}");
}

#[test]
fn a_misconfigured_daemon_answers_who_waits_and_does_not_end_at_once() {
    let daemon = Daemon::stopped(&[("STORE", "nonsense")]);
    let path = daemon.dir().join("a");
    let listen = format!("--listen={}", path.display());
    let start = Instant::now();
    let Some(activated) = Activated::start(&daemon, &[&listen]) else { return };
    let misconfigured = "ERROR: kvsock is misconfigured; see the journal";
    assert_eq!(ask(&path, "ping"), misconfigured);
    assert_eq!(connect(&path).line(), misconfigured);
    let mut client = Command::new(env!("CARGO_BIN_EXE_kvsock"));
    let output = client.arg("--socket").arg(&path).arg("ping").output().expect("kvsock starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(error, "kvsock: kvsock is misconfigured; see the journal\n");
    let (status, said) = activated.end();
    assert_eq!(status, Some(78), "{said}");
    assert!(said.contains("KVSOCK_STORE"), "{said}");
    assert!(start.elapsed() >= Duration::from_secs(1), "or systemd would start it at once again");
}

/// What a daemon told the service manager.
struct Manager(UnixDatagram);

impl Manager {
    /// Waits for a notification that holds `line`, and gives it whole.
    fn hear(&self, line: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut message = [0; 4096];
            let length = self.0.recv(&mut message).expect("a notification");
            let message = String::from_utf8_lossy(&message[..length]).into_owned();
            if message.lines().any(|found| found.starts_with(line)) {
                return message;
            }
            assert!(Instant::now() < end, "nothing with {line}");
        }
    }
}

#[test]
fn the_service_manager_is_told_of_each_stage_of_life() {
    let mut daemon = Daemon::stopped(&[]);
    let path = daemon.dir().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).expect("bound"));
    manager.0.set_read_timeout(Some(PATIENCE)).expect("a socket");
    daemon.also([("NOTIFY_SOCKET", path.to_str().expect("UTF-8")), ("WATCHDOG_USEC", "300000")]);
    daemon.launch();
    assert!(manager.hear("READY=1").contains("\nSTATUS=0 clients, 0 requests/s, store up"));
    for _ in 0..3 {
        manager.hear("WATCHDOG=1");
    }
    let mut client = daemon.connect();
    assert_eq!(client.ask("ping"), "pong");
    manager.hear("STATUS=1 client,");
    daemon.signal(Signal::HUP);
    assert!(manager.hear("RELOADING=1").contains("\nMONOTONIC_USEC="));
    manager.hear("READY=1");
    daemon.signal(Signal::TERM);
    assert!(manager.hear("STOPPING=1").contains("\nEXTEND_TIMEOUT_USEC=15000000"));
    assert!(daemon.wait().success());
}

#[test]
fn a_frozen_daemon_feeds_no_watchdog() {
    let mut daemon = Daemon::stopped(&[]);
    let path = daemon.dir().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).expect("bound"));
    daemon.also([("NOTIFY_SOCKET", path.to_str().expect("UTF-8")), ("WATCHDOG_USEC", "100000")]);
    daemon.launch();
    manager.0.set_read_timeout(Some(PATIENCE)).expect("a socket");
    manager.hear("WATCHDOG=1");
    daemon.signal(Signal::STOP);
    // What was on its way is taken; then there is silence.
    manager.0.set_read_timeout(Some(Duration::from_millis(500))).expect("a socket");
    while manager.0.recv(&mut [0; 4096]).is_ok() {}
    daemon.signal(Signal::CONT);
    manager.0.set_read_timeout(Some(PATIENCE)).expect("a socket");
    manager.hear("WATCHDOG=1");
}
