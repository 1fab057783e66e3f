//! From connecting to a service that is stopped to its first reply, in a booted systemd with the
//! packaged units.

use std::fs;
use std::fs::OpenOptions;
use std::io::Write;
use std::iter;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::load::connection::Connection;
use crate::load::dialect::{Batch, Dialect, Verb};
use crate::machine::Machine;
use crate::options::Options;
use crate::report::Report;
use crate::sample::{Latency, Sample};
use crate::server::{CAGED_PROXYD, COLD_VALKEY, EMBEDDED, KVSOCK, PROXYD, SOCKET_PROXYD};
use crate::turn::Row;

const TITLE: &str = "cold activation, connect to first reply";

pub(super) fn run(options: &Options, report: &mut Report) {
    if !options.wants(TITLE) {
        return;
    }
    report.section("A stopped service and its first client");
    let settings = "KVSOCK_STORE=valkey://127.0.0.1:6379/0\n";
    let Some(machine) = Machine::boot_with(&options.programs, settings) else {
        report.note("Cold activation: not measured, as no systemd could be booted here.");
        return;
    };
    machine.start_valkey();
    let instance = machine.path("/etc/kvsock/embedded.env");
    fs::write(instance, "KVSOCK_STORE=embedded\n").expect("the machine is ours");
    machine.systemctl(&["enable", "--quiet", "--now", "kvsock@embedded.socket"]);

    let proxy =
        format!("[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart={PROXYD} 127.0.0.1:6379\n");
    let caged = format!("{proxy}User=kvsockd\n{}", cage(&machine));
    let listen = |path: &str| format!("[Socket]\nListenStream={path}\nTriggerLimitIntervalSec=0\n");
    install(&machine, "proxy", &listen("/run/proxy.sock"), &proxy);
    install(&machine, "caged-proxy", &listen("/run/caged-proxy.sock"), &caged);

    let (resp, text) = (Dialect::Resp, Dialect::Text);
    let service = |name, units: &[&str], socket, dialect| {
        Service::new(&machine, name, units, socket, dialect)
    };
    let mut services = vec![
        service(SOCKET_PROXYD, &["proxy"], "/run/proxy.sock", resp),
        service(CAGED_PROXYD, &["caged-proxy"], "/run/caged-proxy.sock", resp),
    ];
    if let Some(valkey) = second_valkey(&machine) {
        let proxy = format!("[Unit]\nRequires={valkey}.service\nAfter={valkey}.service\n")
            + &proxy.replace("6379", "6380");
        install(&machine, "cold-proxy", &listen("/run/cold-proxy.sock"), &proxy);
        services.push(service(COLD_VALKEY, &["cold-proxy", valkey], "/run/cold-proxy.sock", resp));
    }
    services.push(service(KVSOCK, &["kvsock"], "/run/kvsock/kvsock.sock", text));
    services.push(service(EMBEDDED, &["kvsock@embedded"], "/run/kvsock/embedded.sock", text));
    let mut row = Row::new(TITLE, if options.short { 1 } else { 4 });
    for service in &services {
        row.add(service.name, |count| service.awaken(count));
    }
    report.add(row.run(options));
}

/// Gives the machine a service that its first client starts.
fn install(machine: &Machine, name: &str, socket: &str, service: &str) {
    for (kind, lines) in [("socket", socket), ("service", service)] {
        let unit = machine.path(&format!("/etc/systemd/system/{name}.{kind}"));
        fs::write(unit, lines).expect("the machine is ours");
    }
    machine.systemctl(&["daemon-reload"]);
    machine.systemctl(&["start", &format!("{name}.socket")]);
}

/// Settings for another Valkey by the distribution's own unit, which can be stopped, on the port
/// after the usual one. Its name; `None` where there is no such unit.
fn second_valkey(machine: &Machine) -> Option<&'static str> {
    if !machine.path("/lib/systemd/system/valkey-server@.service").exists() {
        return None;
    }
    let settings = "/etc/valkey/valkey-second.conf";
    machine.ok(&["cp", "--preserve=all", "/etc/valkey/valkey.conf", settings]);
    let settings = OpenOptions::new().append(true).open(machine.path(settings));
    let lines = "port 6380\npidfile /run/valkey-second/valkey-server.pid\ndbfilename second.rdb\n";
    settings.and_then(|mut file| file.write_all(lines.as_bytes())).expect("the machine is ours");
    // It is started more often than the distribution has in mind.
    let unit = machine.path("/etc/systemd/system/valkey-server@second.service.d");
    fs::create_dir(&unit).expect("the machine is ours");
    fs::write(unit.join("limit.conf"), "[Unit]\nStartLimitIntervalSec=0\n").expect("likewise");
    Some("valkey-server@second")
}

/// What of kvsock's unit confines it: most of its start is systemd's work for that.
fn cage(machine: &Machine) -> String {
    let unit = fs::read_to_string(machine.path("/lib/systemd/system/kvsock.service"));
    let unit = unit.expect("it is installed");
    let (_, cage) = unit.split_once("# THE CAGE").expect("it has one");
    let (cage, _) = cage.split_once("[Install]").expect("it comes before that");
    // Those are directories of kvsock's own, which are gone when it stops.
    let lines = cage.lines().skip(1).filter(|line| !line.starts_with("BindPaths="));
    lines.collect::<Vec<_>>().join("\n")
}

/// One that starts with its first client.
struct Service<'a> {
    machine: &'a Machine,
    name: &'static str,
    /// To be stopped.
    units: Vec<String>,
    socket: PathBuf,
    get: Batch,
}

impl<'a> Service<'a> {
    fn new(
        machine: &'a Machine,
        name: &'static str,
        units: &[&str],
        socket: &str,
        dialect: Dialect,
    ) -> Service<'a> {
        let socket = machine.path(socket);
        Connection::to(&socket).ask(&Batch::new(dialect, Verb::Set, 64, [7]));
        let get = Batch::new(dialect, Verb::Get, 64, [7]);
        let units = units.iter().map(|unit| format!("{unit}.service")).collect();
        Service { machine, name, units, socket, get }
    }

    /// So many times: stops it, then is its first client.
    fn awaken(&self, count: u64) -> Sample {
        let wake = |_| {
            let units = self.units.iter().map(String::as_str);
            self.machine.systemctl(&iter::once("stop").chain(units).collect::<Vec<_>>());
            let start = Instant::now();
            Connection::to(&self.socket).ask(&self.get);
            start.elapsed()
        };
        let mut times: Vec<Duration> = (0..count).map(wake).collect();
        let elapsed = times.iter().sum();
        Sample { requests: count, elapsed, latency: Latency::of(&mut times), cost: None }
    }
}
