//! A real Valkey (or Redis) master of the test's own on 127.0.0.1, its replicas, and three sentinels
//! that watch over them. All can be killed, and end with the test.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kvsock::store::{Location, Options, Secret, Sentinels as Place, Tls, Transport};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::certificates::Certificates;
use super::cluster::free_ports;
use super::valkey;

/// Sentinels, of which two have to agree.
pub(crate) const SENTINELS: usize = 3;
/// The name by which they know the master.
pub(crate) const NAME: &str = "main";
/// How long all may take to serve once they were started.
const START: Duration = Duration::from_secs(20);
/// How often they are started when one ends at once, since others take its port.
const TRIES: usize = 5;

/// How all is to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    /// The password that the servers ask for.
    pub(crate) password: Option<&'static str>,
    /// The sentinels ask for it, too.
    pub(crate) is_for_sentinels: bool,
    /// Speak TLS only, among each other too, and with clients that have a certificate.
    pub(crate) tls: bool,
    /// Replicas of the master.
    pub(crate) replicas: usize,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup { password: None, is_for_sentinels: false, tls: false, replicas: 1 }
    }
}

impl Setup {
    /// Starts all and waits until they serve. Without a server program fails when
    /// `KVSOCK_TEST_REQUIRE` is 1, and otherwise says so and gives `None`.
    pub(crate) fn start(self) -> Option<Watched> {
        let program = valkey::program_or_say()?;
        for _ in 0..TRIES {
            let mut sentinels = Watched::made(self, program);
            if sentinels.launch() {
                return Some(sentinels);
            }
        }
        panic!("no sentinels of {program} start");
    }
}

/// Running servers, the first of which was the master at first, and sentinels.
#[derive(Debug)]
pub(crate) struct Watched {
    setup: Setup,
    servers: Vec<Process>,
    sentinels: Vec<Process>,
    certificates: Option<Certificates>,
    _dir: TempDir,
}

/// A running server or sentinel, unless it was killed.
#[derive(Debug)]
struct Process {
    port: u16,
    dir: PathBuf,
    args: Vec<String>,
    program: &'static str,
    password: Option<&'static str>,
    child: Option<Child>,
}

impl Watched {
    fn made(setup: Setup, program: &'static str) -> Watched {
        let dir = tempfile::Builder::new().prefix("kvsock-").tempdir().expect("a directory");
        let certificates = setup.tls.then(|| Certificates::make(dir.path()));
        let count = 1 + setup.replicas + SENTINELS;
        let ports = free_ports(count);
        let (of_servers, of_sentinels) = ports.split_at(1 + setup.replicas);
        let transport = |port: u16| match &certificates {
            Some(made) => vec![
                format!("port 0\ntls-port {port}\ntls-replication yes"),
                format!("tls-ca-cert-file {}", made.path("ca.pem")),
                format!("tls-cert-file {}", made.path("server.pem")),
                format!("tls-key-file {}", made.path("server.key")),
            ],
            None => vec![format!("port {port}")],
        };
        let process = |name: String, port: u16, settings: Vec<String>, args, password| {
            let dir = dir.path().join(name);
            std::fs::create_dir(&dir).expect("a directory");
            let mut all = transport(port);
            all.push(format!("bind 127.0.0.1\ndir {0}\nunixsocket {0}/s", dir.display()));
            all.extend(settings);
            std::fs::write(dir.join("conf"), all.join("\n") + "\n").expect("write the settings");
            Process { port, dir, args, program, password, child: None }
        };
        let servers = of_servers.iter().enumerate().map(|(number, port)| {
            let mut settings = vec!["save \"\"\nrepl-diskless-sync-delay 0".to_owned()];
            if number > 0 {
                settings.push(format!("replicaof 127.0.0.1 {}", ports[0]));
            }
            if let Some(password) = setup.password {
                settings.push(format!("requirepass {password}\nmasterauth {password}"));
            }
            process(format!("server{number}"), *port, settings, Vec::new(), setup.password)
        });
        let servers = servers.collect();
        let sentinels = of_sentinels.iter().enumerate().map(|(number, port)| {
            let password = setup.password.filter(|_| setup.is_for_sentinels);
            let mut settings = vec![
                format!("sentinel myid {}", id(number)),
                format!("sentinel monitor {NAME} 127.0.0.1 {} 2", ports[0]),
                format!("sentinel down-after-milliseconds {NAME} 1000"),
                format!("sentinel failover-timeout {NAME} 4000"),
            ];
            // As if they had met before.
            settings.extend(
                of_servers[1..]
                    .iter()
                    .map(|replica| format!("sentinel known-replica {NAME} 127.0.0.1 {replica}")),
            );
            let others = of_sentinels.iter().enumerate().filter(|(other, _)| *other != number);
            settings.extend(others.map(|(other, port)| {
                format!("sentinel known-sentinel {NAME} 127.0.0.1 {port} {}", id(other))
            }));
            if let Some(password) = setup.password {
                settings.push(format!("sentinel auth-pass {NAME} {password}"));
            }
            if let Some(password) = password {
                settings.push(format!("requirepass {password}\nsentinel sentinel-pass {password}"));
            }
            let args = vec!["--sentinel".to_owned()];
            process(format!("sentinel{number}"), *port, settings, args, password)
        });
        let sentinels = sentinels.collect();
        Watched { setup, servers, sentinels, certificates, _dir: dir }
    }

    /// Whether all serve, rather than that one of them ends.
    fn launch(&mut self) -> bool {
        self.servers.iter_mut().for_each(Process::launch);
        let replicas = self.setup.replicas;
        let is_followed = |it: &Watched| {
            it.says_of_itself(0).contains(&format!("connected_slaves:{replicas}"))
                && (1..=replicas).all(|number| it.follows(number))
        };
        if !self.came_to(is_followed) {
            return false;
        }
        self.sentinels.iter_mut().for_each(Process::launch);
        let is_watched = |it: &Watched| {
            (0..SENTINELS).all(|number| {
                let told = it.sentinels[number].text(&["SENTINEL", "CKQUORUM", NAME]);
                let replicas = it.sentinels[number].text(&["INFO", "sentinel"]);
                told.starts_with("OK 3 usable")
                    && replicas.contains(&format!("slaves={}", it.setup.replicas))
            })
        };
        self.came_to(is_watched)
    }

    fn came_to(&mut self, met: impl Fn(&Watched) -> bool) -> bool {
        let end = Instant::now() + START;
        while !met(self) {
            for process in self.servers.iter_mut().chain(&mut self.sentinels) {
                let child = process.child.as_mut();
                if child.is_some_and(|child| child.try_wait().expect("look after it").is_some()) {
                    return false;
                }
            }
            assert!(Instant::now() < end, "the sentinels do not come to serve");
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// Ends a server at once, as a crash does.
    pub(crate) fn kill(&mut self, number: usize) {
        self.servers[number].kill();
    }

    /// Starts a server that was killed, as it was started first.
    pub(crate) fn start_again(&mut self, number: usize) {
        self.servers[number].launch();
    }

    /// Ends a sentinel at once.
    pub(crate) fn kill_sentinel(&mut self, number: usize) {
        self.sentinels[number].kill();
    }

    /// Makes a server stand still: connections stay open and nothing is answered.
    pub(crate) fn stop(&self, number: usize) {
        self.servers[number].signal(Signal::STOP);
    }

    /// Makes a server go on.
    pub(crate) fn cont(&self, number: usize) {
        self.servers[number].signal(Signal::CONT);
    }

    /// Makes a sentinel stand still, or go on.
    pub(crate) fn stop_sentinel(&self, number: usize, is_still: bool) {
        self.sentinels[number].signal(if is_still { Signal::STOP } else { Signal::CONT });
    }

    /// What a server says to a command; errors as texts.
    pub(crate) fn text(&self, number: usize, words: &[&str]) -> String {
        self.servers[number].text(words)
    }

    /// What a sentinel says to a command; errors as texts.
    pub(crate) fn sentinel(&self, number: usize, words: &[&str]) -> String {
        self.sentinels[number].text(words)
    }

    /// What a server says of its place among the others.
    pub(crate) fn says_of_itself(&self, number: usize) -> String {
        self.text(number, &["INFO", "replication"])
    }

    /// Whether a server says that it is a master.
    pub(crate) fn is_master(&self, number: usize) -> bool {
        self.says_of_itself(number).contains("role:master")
    }

    /// Whether a server follows a master.
    pub(crate) fn follows(&self, number: usize) -> bool {
        self.says_of_itself(number).contains("master_link_status:up")
    }

    /// The number of the server that a sentinel names as the master.
    pub(crate) fn named(&self, sentinel: usize) -> usize {
        let told = self.sentinel(sentinel, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
        let of_port = |it: &Process| told.ends_with(&format!(" {}", it.port));
        self.servers.iter().position(of_port).expect("one of the servers")
    }

    /// How many elections the sentinels held for the fail-overs up to the last one.
    pub(crate) fn elections(&self) -> String {
        let state = self.sentinel(0, &["SENTINEL", "MASTER", NAME]);
        let mut words = state.split(' ').skip_while(|word| *word != "config-epoch");
        words.nth(1).unwrap_or_default().to_owned()
    }

    /// Has a sentinel make a replica the master.
    pub(crate) fn fail_over(&self) {
        assert_eq!(self.sentinel(0, &["SENTINEL", "FAILOVER", NAME]), "OK");
    }

    /// Waits until all replicas have what the first master has told so far.
    pub(crate) fn catch_up(&self) {
        let offset = |number: usize, field: &str| -> u64 {
            let info = self.says_of_itself(number);
            let line = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
            line.expect("an offset").parse().expect("a number")
        };
        let told = offset(0, "master_repl_offset");
        let end = Instant::now() + START;
        for replica in 1..=self.setup.replicas {
            while offset(replica, "slave_repl_offset") < told {
                assert!(Instant::now() < end, "a replica does not follow");
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    /// Lets the first master carry out no write any more, nor answer one, and waits until its replicas
    /// have all that it has acknowledged.
    pub(crate) fn hold_writes(&self) {
        assert_eq!(self.text(0, &["CLIENT", "PAUSE", "60000", "WRITE"]), "OK");
        self.catch_up();
    }

    /// The port of a server.
    pub(crate) fn port(&self, number: usize) -> u16 {
        self.servers[number].port
    }

    /// The port of a sentinel.
    pub(crate) fn sentinel_port(&self, number: usize) -> u16 {
        self.sentinels[number].port
    }

    /// Its address as `KVSOCK_STORE` has it.
    pub(crate) fn url(&self) -> String {
        Location::Sentinels(self.place()).to_string()
    }

    fn place(&self) -> Place {
        let host = "127.0.0.1".to_owned();
        let sentinels = self.sentinels.iter().map(|Process { port, .. }| {
            let (host, port) = (host.clone(), *port);
            if self.setup.tls {
                Transport::Tls { host, port }
            } else {
                Transport::Tcp { host, port }
            }
        });
        let sentinels = sentinels.collect();
        Place { sentinels, master: NAME.to_owned(), db: 0, username: None, password: None }
    }

    /// What a store that they name is opened with.
    pub(crate) fn options(&self) -> Options {
        let tls = self.certificates.as_ref().map_or_else(Tls::default, |made| Tls {
            ca: Some(made.read("ca.pem")),
            cert: Some(made.read("client.pem")),
            key: Some(Secret::new(String::from_utf8(made.read("client.key")).expect("PEM"))),
        });
        let location = Location::Sentinels(self.place());
        Options { password: self.setup.password.map(Secret::new), tls, ..valkey::options(location) }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.sentinels.iter_mut().chain(&mut self.servers).for_each(Process::kill);
    }
}

impl Process {
    fn launch(&mut self) {
        let mut command = Command::new(self.program);
        command.arg(self.dir.join("conf")).args(&self.args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("start it"));
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill it");
            child.wait().expect("wait for it");
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(self.child.as_ref().expect("it runs"));
        kill_process(pid, signal).expect("signal it");
    }

    /// What it says to a command, lists with spaces between; what went wrong if it did.
    fn text(&self, words: &[&str]) -> String {
        let ask = || -> redis::RedisResult<redis::Value> {
            let mut login = redis::RedisConnectionInfo::default();
            if let Some(password) = self.password {
                login = login.set_password(password);
            }
            let socket = redis::ConnectionAddr::Unix(self.dir.join("s"));
            let info = redis::IntoConnectionInfo::into_connection_info(socket)?;
            let client = redis::Client::open(info.set_redis_settings(login))?;
            let mut command = redis::cmd(words[0]);
            command.arg(&words[1..]);
            command.query(&mut client.get_connection()?)
        };
        ask().map_or_else(|error| error.to_string(), |value| text(&value))
    }
}

fn text(value: &redis::Value) -> String {
    match value {
        redis::Value::Okay => "OK".to_owned(),
        redis::Value::Int(number) => number.to_string(),
        redis::Value::SimpleString(text) => text.clone(),
        redis::Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        redis::Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    }
}

/// The name by which the sentinels know one of them.
fn id(number: usize) -> String {
    format!("{:040x}", number + 1)
}
