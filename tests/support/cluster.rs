//! A real Valkey (or Redis) cluster of the test's own on 127.0.0.1: three masters, and a replica of
//! each where the test wants them. Its servers can be killed and started again, and end with the test.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kvsock::store::{Cluster as Place, Location, Options, Secret, Tls, Transport};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::certificates::Certificates;
use super::valkey;

/// Servers with slots.
pub(crate) const MASTERS: usize = 3;
/// Slots of a cluster.
const SLOTS: usize = 16_384;
/// How long the cluster may take to serve once it was started.
const START: Duration = Duration::from_secs(20);
/// How often it is started whose servers end at once, since others take their ports.
const TRIES: usize = 5;

/// How the cluster is to run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Setup {
    /// The password that its servers ask for.
    pub(crate) password: Option<&'static str>,
    /// Speak TLS only, among each other too, and with clients that have a certificate.
    pub(crate) tls: bool,
    /// A replica for each master.
    pub(crate) replicas: bool,
    /// Keep every write on disk before it is acknowledged.
    pub(crate) durable: bool,
}

impl Setup {
    /// Starts it and waits until it serves. Without a server program fails when
    /// `KVSOCK_TEST_REQUIRE` is 1, and otherwise says so and gives `None`.
    pub(crate) fn start(self) -> Option<Cluster> {
        let program = valkey::program_or_say()?;
        for _ in 0..TRIES {
            let mut cluster = Cluster::made(self, program);
            cluster.servers.iter_mut().for_each(Server::launch);
            if cluster.wait_until_it_serves() {
                return Some(cluster);
            }
        }
        panic!("no cluster of {program} starts");
    }
}

/// A running cluster. Its first servers are the masters, then come their replicas in the same order.
#[derive(Debug)]
pub(crate) struct Cluster {
    setup: Setup,
    servers: Vec<Server>,
    certificates: Option<Certificates>,
    dir: TempDir,
}

/// A running server, unless it was killed.
#[derive(Debug)]
struct Server {
    number: usize,
    port: u16,
    bus: u16,
    dir: PathBuf,
    args: Vec<String>,
    program: &'static str,
    child: Option<Child>,
}

impl Cluster {
    fn made(setup: Setup, program: &'static str) -> Cluster {
        let dir = tempfile::Builder::new().prefix("kvsock-").tempdir().expect("a directory");
        let certificates = setup.tls.then(|| Certificates::make(dir.path()));
        let count = if setup.replicas { 2 * MASTERS } else { MASTERS };
        let mut ports = free_ports(2 * count).into_iter();
        let mut port = || ports.next().expect("as many as were asked for");
        let servers = (0..count).map(|number| {
            let (port, bus) = (port(), port());
            let dir = dir.path().join(number.to_string());
            std::fs::create_dir(&dir).expect("a directory");
            let mut args = vec![format!("--cluster-port {bus}")];
            if let Some(made) = &certificates {
                args.push(format!("--port 0 --tls-port {port} --tls-cluster yes"));
                args.push("--tls-replication yes".to_owned());
                args.push(format!("--tls-ca-cert-file {}", made.path("ca.pem")));
                args.push(format!("--tls-cert-file {}", made.path("server.pem")));
                args.push(format!("--tls-key-file {}", made.path("server.key")));
            } else {
                args.push(format!("--port {port}"));
            }
            if let Some(password) = setup.password {
                args.push(format!("--requirepass {password} --masterauth {password}"));
            }
            if setup.durable {
                args.push("--appendonly yes --appendfsync always".to_owned());
            }
            Server { number, port, bus, dir, args, program, child: None }
        });
        let servers: Vec<Server> = servers.collect();
        let cluster = Cluster { setup, servers, certificates, dir };
        cluster.introduce();
        cluster
    }

    /// Has each server know the others from the start, as if they had met before.
    fn introduce(&self) {
        for me in &self.servers {
            let lines = self.servers.iter().map(|server| {
                let is_me = server.number == me.number;
                let Server { number, port, bus, .. } = server;
                let own = if is_me { "myself," } else { "" };
                let (role, slots) = if *number < MASTERS {
                    let slots = number * SLOTS / MASTERS..(number + 1) * SLOTS / MASTERS;
                    ("master -".to_owned(), format!(" {}-{}", slots.start, slots.end - 1))
                } else {
                    (format!("slave {}", id(number - MASTERS)), String::new())
                };
                let epoch = number % MASTERS + 1;
                let id = id(*number);
                format!("{id} 127.0.0.1:{port}@{bus} {own}{role} 0 0 {epoch} connected{slots}\n")
            });
            let known: String = lines.collect();
            let known = format!("{known}vars currentEpoch {MASTERS} lastVoteEpoch 0\n");
            std::fs::write(me.dir.join("nodes.conf"), known).expect("write what it knows");
        }
    }

    /// Ends a server at once, as a crash does.
    pub(crate) fn kill(&mut self, number: usize) {
        self.servers[number].kill();
    }

    /// Makes a server stand still: connections stay open and nothing is answered.
    pub(crate) fn stop(&self, number: usize) {
        self.servers[number].signal(Signal::STOP);
    }

    /// Makes a server go on.
    pub(crate) fn cont(&self, number: usize) {
        self.servers[number].signal(Signal::CONT);
    }

    /// Starts a server again, with the data that it kept.
    pub(crate) fn restart(&mut self, number: usize) {
        self.servers[number].kill();
        self.servers[number].launch();
    }

    /// Sends a server one command over a connection of its own; what it says, errors as texts.
    pub(crate) fn command(
        &self,
        number: usize,
        words: &[&str],
    ) -> redis::RedisResult<redis::Value> {
        let mut login = redis::RedisConnectionInfo::default();
        if let Some(password) = self.setup.password {
            login = login.set_password(password);
        }
        let socket = redis::ConnectionAddr::Unix(self.servers[number].socket());
        let info = redis::IntoConnectionInfo::into_connection_info(socket)?;
        let client = redis::Client::open(info.set_redis_settings(login))?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut client.get_connection()?)
    }

    /// The same, of which the reply is read as text.
    pub(crate) fn text(&self, number: usize, words: &[&str]) -> String {
        match self.command(number, words).expect("it answers") {
            redis::Value::Int(value) => value.to_string(),
            value => redis::from_redis_value(value).expect("a text"),
        }
    }

    /// The slot of a key.
    pub(crate) fn slot(&self, key: &str) -> String {
        self.text(0, &["CLUSTER", "KEYSLOT", key])
    }

    /// Begins to move a slot from one server to another: from here on new keys go to the other.
    pub(crate) fn begin_move(&self, slot: &str, from: usize, to: usize) {
        let [source, target] = [from, to].map(id);
        let said = |number, words: &[&str]| self.command(number, words).expect("it takes the slot");
        said(to, &["CLUSTER", "SETSLOT", slot, "IMPORTING", &source]);
        said(from, &["CLUSTER", "SETSLOT", slot, "MIGRATING", &target]);
    }

    /// Moves one key.
    pub(crate) fn move_key(&self, key: &str, from: usize, to: usize) {
        let port = self.port(to).to_string();
        let words = ["MIGRATE", "127.0.0.1", &port, key, "0", "5000"];
        self.command(from, &words).expect("the key is moved");
    }

    /// Moves all keys of the slot, one by one, and then the slot; how many keys there were.
    pub(crate) fn finish_move(&self, slot: &str, from: usize, to: usize) -> usize {
        let mut moved = 0;
        loop {
            let told = self.command(from, &["CLUSTER", "GETKEYSINSLOT", slot, "10"]);
            let keys: Vec<String> =
                redis::from_redis_value(told.expect("it answers")).expect("keys");
            if keys.is_empty() {
                break;
            }
            for key in &keys {
                self.move_key(key, from, to);
            }
            moved += keys.len();
        }
        for number in [to, from].into_iter().chain(0..MASTERS) {
            let words = ["CLUSTER", "SETSLOT", slot, "NODE", &id(to)];
            self.command(number, &words).expect("the slot is moved");
        }
        moved
    }

    /// Waits until every replica has all that its master has told so far.
    pub(crate) fn catch_up(&self) {
        let offset = |number: usize, field: &str| -> u64 {
            let info = self.text(number, &["INFO", "replication"]);
            let line = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
            line.expect("an offset").parse().expect("a number")
        };
        for master in 0..MASTERS {
            let told = offset(master, "master_repl_offset");
            let end = Instant::now() + START;
            while offset(master + MASTERS, "slave_repl_offset") < told {
                assert!(Instant::now() < end, "a replica does not follow");
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    /// How many servers there are.
    pub(crate) fn len(&self) -> usize {
        self.servers.len()
    }

    /// The name by which the servers know one.
    pub(crate) fn id(&self, number: usize) -> String {
        assert!(number < self.servers.len());
        id(number)
    }

    /// The port of a server.
    pub(crate) fn port(&self, number: usize) -> u16 {
        self.servers[number].port
    }

    /// Removes all keys.
    pub(crate) fn clear(&self) {
        for number in 0..MASTERS {
            self.command(number, &["FLUSHALL"]).expect("it clears");
        }
    }

    /// Its address as `KVSOCK_STORE` has it, by its first two servers.
    pub(crate) fn url(&self) -> String {
        Location::Cluster(self.place()).to_string()
    }

    fn place(&self) -> Place {
        let host = "127.0.0.1".to_owned();
        let seeds = self.servers[..2].iter().map(|server| {
            let (host, port) = (host.clone(), server.port);
            if self.setup.tls {
                Transport::Tls { host, port }
            } else {
                Transport::Tcp { host, port }
            }
        });
        Place { seeds: seeds.collect(), username: None, password: None }
    }

    /// What a store on it is opened with.
    pub(crate) fn options(&self) -> Options {
        let tls = self.certificates.as_ref().map_or_else(Tls::default, |made| Tls {
            ca: Some(made.read("ca.pem")),
            cert: Some(made.read("client.pem")),
            key: Some(Secret::new(String::from_utf8(made.read("client.key")).expect("PEM"))),
        });
        let location = Location::Cluster(self.place());
        Options { password: self.setup.password.map(Secret::new), tls, ..valkey::options(location) }
    }

    /// Whether it came to that, rather than to the end of a server.
    fn wait_until_it_serves(&mut self) -> bool {
        let started = Instant::now();
        loop {
            for server in &mut self.servers {
                let child = server.child.as_mut().expect("it was just started");
                if child.try_wait().expect("look after the server").is_some() {
                    return false;
                }
            }
            if (0..self.servers.len()).all(|number| self.serves(number)) {
                return true;
            }
            assert!(started.elapsed() < START, "the cluster does not serve");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether a server says that all is well, and a replica, that it follows its master.
    pub(crate) fn serves(&self, number: usize) -> bool {
        let says = |words: &[&str], wanted: &str| {
            let told = self.command(number, words);
            let told: redis::RedisResult<String> =
                told.and_then(|value| Ok(redis::from_redis_value(value)?));
            told.is_ok_and(|told| told.contains(wanted))
        };
        says(&["CLUSTER", "INFO"], "cluster_state:ok")
            && (says(&["INFO", "replication"], "role:master")
                || says(&["INFO", "replication"], "master_link_status:up"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.servers.iter_mut().for_each(Server::kill);
    }
}

impl Server {
    fn launch(&mut self) {
        let mut command = Command::new(self.program);
        command.args(["--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]);
        command.args(["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"]);
        command.args(["--cluster-node-timeout", "2000", "--cluster-replica-validity-factor", "0"]);
        command.args(["--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0"]);
        command.arg("--dir").arg(&self.dir).arg("--unixsocket").arg(self.socket());
        command.args(self.args.iter().flat_map(|words| words.split(' ')));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("start the server"));
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill the server");
            child.wait().expect("wait for the server");
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(self.child.as_ref().expect("the server runs"));
        kill_process(pid, signal).expect("signal the server");
    }

    fn socket(&self) -> PathBuf {
        self.dir.join("s")
    }
}

/// The name of a server among the others.
fn id(number: usize) -> String {
    format!("{number:040x}")
}

/// Free ports. Somebody else may take one before the server does: hence [`TRIES`].
pub(crate) fn free_ports(count: usize) -> Vec<u16> {
    let listeners = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let listeners: Vec<TcpListener> = listeners.collect();
    listeners.iter().map(|listener| listener.local_addr().expect("its address").port()).collect()
}
