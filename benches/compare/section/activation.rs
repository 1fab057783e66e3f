//! From connecting to a service that is stopped to its first reply, in a booted systemd with the
//! packaged units.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::load::connection::Connection;
use crate::load::dialect::{Batch, Dialect, Verb};
use crate::machine::Machine;
use crate::options::Options;
use crate::report::Report;
use crate::sample::{Latency, Sample};
use crate::server::{CAGED_PROXYD, EMBEDDED, KVSOCK, PROXYD, SOCKET_PROXYD};
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
    for (unit, lines) in [
        ("proxy.socket", &listen("/run/proxy.sock")),
        ("proxy.service", &proxy),
        ("caged-proxy.socket", &listen("/run/caged-proxy.sock")),
        ("caged-proxy.service", &caged),
    ] {
        let path = machine.path(&format!("/etc/systemd/system/{unit}"));
        fs::write(path, lines).expect("the machine is ours");
    }
    machine.systemctl(&["daemon-reload"]);
    machine.systemctl(&["start", "proxy.socket", "caged-proxy.socket"]);

    let services = [
        Service::new(&machine, SOCKET_PROXYD, "proxy", "/run/proxy.sock", Dialect::Resp),
        Service::new(&machine, CAGED_PROXYD, "caged-proxy", "/run/caged-proxy.sock", Dialect::Resp),
        Service::new(&machine, KVSOCK, "kvsock", "/run/kvsock/kvsock.sock", Dialect::Text),
        Service::new(
            &machine,
            EMBEDDED,
            "kvsock@embedded",
            "/run/kvsock/embedded.sock",
            Dialect::Text,
        ),
    ];
    let mut row = Row::new(TITLE, if options.short { 1 } else { 4 });
    for service in &services {
        row.add(service.name, |count| service.awaken(count));
    }
    report.add(row.run(options));
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
    unit: String,
    socket: PathBuf,
    get: Batch,
}

impl<'a> Service<'a> {
    fn new(
        machine: &'a Machine,
        name: &'static str,
        unit: &str,
        socket: &str,
        dialect: Dialect,
    ) -> Service<'a> {
        let socket = machine.path(socket);
        Connection::to(&socket).ask(&Batch::new(dialect, Verb::Set, 64, [7]));
        let get = Batch::new(dialect, Verb::Get, 64, [7]);
        Service { machine, name, unit: format!("{unit}.service"), socket, get }
    }

    /// So many times: stops it, then is its first client.
    fn awaken(&self, count: u64) -> Sample {
        let wake = |_| {
            self.machine.systemctl(&["stop", &self.unit]);
            let start = Instant::now();
            Connection::to(&self.socket).ask(&self.get);
            start.elapsed()
        };
        let mut times: Vec<Duration> = (0..count).map(wake).collect();
        let elapsed = times.iter().sum();
        Sample { requests: count, elapsed, latency: Latency::of(&mut times), cost: None }
    }
}
