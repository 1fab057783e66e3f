//! A real Valkey (or Redis) server of the test's own, in a temporary directory, on a Unix socket
//! and a free port of 127.0.0.1. It can be killed, stopped and started again, and ends with the
//! test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kvsock::store::{Location, Options, Secret, Server, Sync, Tls, Transport};
use redis::FromRedisValue;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::certificates::Certificates;
use super::wire::client::Client;

/// How long the server may take to answer once it was started.
const START: Duration = Duration::from_secs(10);

/// How often a server is started that ends at once, since others take its ports.
const TRIES: usize = 5;

/// How the server is to run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    /// The password that it asks for.
    pub(crate) password: Option<&'static str>,
    /// Also serve TLS, and only clients with a certificate.
    pub(crate) tls: bool,
    /// Keep every write on disk before it is acknowledged.
    pub(crate) durable: bool,
    /// Further settings, each a name with its values: `["user", "u on >pw ~* +@all"]`.
    pub(crate) settings: Vec<[&'static str; 2]>,
}

impl Setup {
    /// Starts the server and waits until it answers. Without a server program fails when
    /// `KVSOCK_TEST_REQUIRE` is 1, and otherwise says so and gives `None`.
    pub(crate) fn start(self) -> Option<Valkey> {
        let program = program_or_say()?;
        let dir = tempfile::Builder::new().prefix("kvsock-").tempdir().expect("a directory");
        let certificates = self.tls.then(|| Certificates::make(dir.path()));
        let mut server =
            Valkey { setup: self, program, dir, certificates, port: 0, tls_port: 0, child: None };
        for _ in 0..TRIES {
            [server.port, server.tls_port] = free_ports();
            server.launch();
            if server.wait_until_it_answers() {
                return Some(server);
            }
        }
        panic!("{program} does not start");
    }
}

/// A running server, unless it was killed.
#[derive(Debug)]
pub(crate) struct Valkey {
    setup: Setup,
    program: &'static str,
    dir: TempDir,
    certificates: Option<Certificates>,
    port: u16,
    tls_port: u16,
    child: Option<Child>,
}

impl Valkey {
    /// Starts it again, on the same address and with the data that it kept.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.launch();
        let end = Instant::now() + START;
        while !self.wait_until_it_answers() {
            // Another test's server may have the port for a while.
            assert!(Instant::now() < end, "{} ended", self.program);
            std::thread::sleep(Duration::from_millis(50));
            self.launch();
        }
    }

    fn launch(&mut self) {
        let command = self.command_line();
        self.child = Some(spawn(command));
    }

    /// Starts it again with another password.
    pub(crate) fn restart_with_password(&mut self, password: &'static str) {
        self.setup.password = Some(password);
        self.restart();
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill the server");
            child.wait().expect("wait for the server");
        }
    }

    /// Makes it stand still: connections stay open and nothing is answered.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Makes it go on.
    pub(crate) fn cont(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends it one command over a connection of its own.
    pub(crate) fn command(&self, words: &[&str]) -> redis::Value {
        command(self.socket(), self.setup.password, words)
    }

    /// Makes it a replica whose master is gone, and which refuses all that is about keys.
    pub(crate) fn serve_nothing(&self) {
        self.command(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
        self.command(&["REPLICAOF", "127.0.0.1", "1"]);
    }

    /// How often it refused a command.
    pub(crate) fn rejected(&self, command: &str) -> usize {
        let text = self.command(&["INFO", "commandstats"]);
        let text = String::from_redis_value(text).expect("a text");
        let line = text.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
        let count = line.and_then(|line| line.split("rejected_calls=").nth(1)?.split(',').next());
        count.map_or(0, |count| count.parse().expect("a number"))
    }

    /// The directory that it keeps its data in.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its Unix socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("valkey.sock")
    }

    /// Its address as `KVSOCK_STORE` has it.
    pub(crate) fn url(&self) -> String {
        format!("valkey+unix://{}", self.socket().display())
    }

    /// Its address by TCP.
    pub(crate) fn tcp(&self) -> Transport {
        Transport::Tcp { host: "127.0.0.1".to_owned(), port: self.port }
    }

    /// Its Unix socket's address.
    pub(crate) fn unix(&self) -> Transport {
        Transport::Unix { path: self.socket() }
    }

    /// Its address by TLS.
    pub(crate) fn tls(&self) -> Transport {
        Transport::Tls { host: "localhost".to_owned(), port: self.tls_port }
    }

    /// What a store at `transport` of this server is opened with.
    pub(crate) fn options(&self, transport: Transport) -> Options {
        let tls = match (&transport, &self.certificates) {
            (Transport::Tls { .. }, Some(made)) => Tls {
                ca: Some(made.read("ca.pem")),
                cert: Some(made.read("client.pem")),
                key: Some(Secret::new(String::from_utf8(made.read("client.key")).expect("PEM"))),
            },
            _ => Tls::default(),
        };
        Options {
            password: self.setup.password.map(Secret::new),
            tls,
            ..options(Location::Valkey(Server { transport, db: 0, username: None, password: None }))
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("the server runs"))
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("signal the server");
    }

    fn command_line(&self) -> Command {
        let mut command = Command::new(self.program);
        command.args(["--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]);
        command.args(["--port", &self.port.to_string(), "--dir"]).arg(self.dir.path());
        command.arg("--unixsocket").arg(self.socket());
        if let Some(password) = self.setup.password {
            command.args(["--requirepass", password]);
        }
        if self.setup.durable {
            command.args(["--appendonly", "yes", "--appendfsync", "always"]);
        }
        if let Some(made) = &self.certificates {
            command.args(["--tls-port", &self.tls_port.to_string()]);
            command.args(["--tls-ca-cert-file", &made.path("ca.pem")]);
            command.args(["--tls-cert-file", &made.path("server.pem")]);
            command.args(["--tls-key-file", &made.path("server.key")]);
        }
        for [name, values] in &self.setup.settings {
            command.arg(format!("--{name}")).args(values.split(' '));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Whether it came to that, rather than to its end.
    fn wait_until_it_answers(&mut self) -> bool {
        let started = Instant::now();
        while !self.answers() {
            let child = self.child.as_mut().expect("it was just started");
            if child.try_wait().expect("look after the server").is_some() {
                self.child = None;
                return false;
            }
            assert!(started.elapsed() < START, "{} does not answer", self.program);
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    fn answers(&self) -> bool {
        answers(&self.socket()).unwrap_or(false)
    }
}

impl super::role::Server for Valkey {
    fn socket(&self) -> PathBuf {
        self.socket()
    }

    fn pid(&self) -> Pid {
        self.pid()
    }

    fn launch(&mut self) {
        self.restart();
    }

    fn kill(&mut self) {
        self.kill();
    }

    fn command(&self, words: &[&str]) -> redis::Value {
        self.command(words)
    }
}

impl Drop for Valkey {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends the server on this socket one command over a connection of its own.
pub(crate) fn command(socket: PathBuf, password: Option<&str>, words: &[&str]) -> redis::Value {
    let mut login = redis::RedisConnectionInfo::default();
    if let Some(password) = password {
        login = login.set_password(password);
    }
    let info = redis::ConnectionAddr::Unix(socket);
    let info = redis::IntoConnectionInfo::into_connection_info(info).expect("an address");
    let client = redis::Client::open(info.set_redis_settings(login)).expect("a client");
    let mut connection = client.get_connection().expect("connect to the server");
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query(&mut connection).expect("the server answers")
}

/// Whether the server on this socket answers, be it that it asks for a password.
pub(crate) fn answers(socket: &Path) -> std::io::Result<bool> {
    let mut client = Client::try_connect(socket)?;
    client.try_send("PING\r\n")?;
    let reply = client.try_line()?;
    Ok(reply == "+PONG\r" || reply.starts_with("-NOAUTH") || reply.starts_with("-NOPERM"))
}

/// What a store at `location` is opened with, where the test does not care.
pub(crate) fn options(location: Location) -> Options {
    Options {
        location,
        username: None,
        password: None,
        tls: Tls::default(),
        timeout: Duration::from_secs(5),
        prefix: Bytes::new(),
        sync: Sync::Always,
        last_depth: 1000,
        max_reply: 64 * 1024 * 1024,
        cache: 0,
        has_parts: false,
        watch_limit: Duration::from_secs(60),
    }
}

/// The server program. Where there is none, fails or says so, see [`Setup::start`].
pub(crate) fn program_or_say() -> Option<&'static str> {
    let program = program();
    if program.is_none() {
        let required = std::env::var("KVSOCK_TEST_REQUIRE").is_ok_and(|value| value == "1");
        assert!(!required, "no valkey-server, which KVSOCK_TEST_REQUIRE=1 asks for");
        eprintln!("not run: no valkey-server");
    }
    program
}

fn program() -> Option<&'static str> {
    ["valkey-server", "redis-server"].into_iter().find(|program| {
        Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
    })
}

fn spawn(mut command: Command) -> Child {
    command.spawn().expect("start the server")
}

/// Two free ports. Somebody else may take one before the server does: hence [`TRIES`].
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("its address").port())
}
