//! The packages: built, checked, installed, upgraded under load, removed and purged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use crate::client::{ask, connect_to};
use crate::crowd::{clients, survive};
use crate::machine::{Machine, has, wait_for};
use crate::unit::verify;

/// Places that those who come and go have beside the clients that stay.
const NEWCOMERS: usize = 100;
/// Where an embedded store of the instance `one` is.
const INSTANCE_STATE: &str = "/var/lib/kvsock@one/db";
/// What makes systemd start that instance's socket.
const INSTANCE_WANTED: &str = "/etc/systemd/system/sockets.target.wants/kvsock@one.socket";
/// A drop-in as an administrator installs it.
const DROP_IN: &str = "/etc/systemd/system/kvsock.service.d/remote-store.conf";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Builds a package, and gives its path.
fn build(script: &str, arguments: &[&str], name: &str) -> PathBuf {
    let script = repository().join("packaging").join(script);
    let output = Command::new(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let package = repository().join("target/packages").join(name);
    assert!(package.exists(), "no {name}");
    package
}

fn build_deb(version: &str) -> PathBuf {
    let name = format!("kvsock_{version}_{}.deb", architecture("dpkg", "--print-architecture"));
    build("build-deb", &["--fast", "--deb-version", version], &name)
}

fn build_rpm(release: &str) -> PathBuf {
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("kvsock-{version}-{release}.{}.rpm", std::env::consts::ARCH);
    build("build-rpm", &["--set-metadata", &format!("release = \"{release}\"")], &name)
}

fn architecture(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Copies a package into the machine, and gives its path there.
fn bring(machine: &Machine, package: &Path) -> String {
    let inside = format!("/opt/{}", package.file_name().unwrap().to_str().unwrap());
    fs::copy(package, machine.path(&inside)).unwrap();
    inside
}

/// What a fresh installation has to be, and a first use of it.
fn is_installed(machine: &Machine) {
    assert_eq!(machine.property("kvsock.socket", "UnitFileState"), "enabled");
    assert_eq!(machine.property("kvsock.socket", "ActiveState"), "active");
    assert_eq!(machine.property("kvsock.service", "ActiveState"), "inactive");
    assert_eq!(machine.ok(&["stat", "-c", "%U %a", "/etc/kvsock/kvsock.env"]), "root 600");
    for page in ["man1/kvsock.1", "man5/kvsock.env.5", "man7/kvsock-protocol.7", "man8/kvsockd.8"] {
        assert!(has_file(machine, &format!("/usr/share/man/{page}.gz")), "{page}");
    }

    machine.ok(&["usermod", "-aG", "kvsock", "alice"]);
    machine.start_valkey();
    wait_for("the store", || ask(machine, "pingdb") == "PONG");
    assert_eq!(machine.ask_as("alice", r"set motd hello\nget motd\n"), "OK\nhello\n");
    let refused = machine.ask_as("mallory", r"ping\n");
    assert!(refused.contains("Permission denied"), "{refused}");
    assert!(ask(machine, "status").contains("Store: valkey://127.0.0.1:6379/0 (up)"));

    fs::write(machine.path("/etc/kvsock/one.env"), "KVSOCK_STORE=embedded\n").unwrap();
    machine.systemctl(&["enable", "--now", "kvsock@one.socket"]);
    set_in_instance(machine);
    verify(machine);
}

fn set_in_instance(machine: &Machine) {
    machine.ok(&["kvsock", "--socket", "/run/kvsock/one.sock", "set", "motd", "one"]);
}

/// Runs an upgrade while ten thousand clients are connected and others come and go: none is refused
/// nor closed, every reply is right, and each daemon is a new one.
fn upgrade_under_load(machine: &Machine, upgrade: &[&str]) {
    let units = ["kvsock.service", "kvsock@one.service"];
    let daemons = || units.map(|unit| machine.property(unit, "MainPID"));
    let sockets = || ["kvsock", "one"].map(|s| machine.identity(&format!("/run/kvsock/{s}.sock")));
    let (before, doors) = (daemons(), sockets());
    let mut of_instance = connect_to(machine, "/run/kvsock/one.sock");
    assert_eq!(of_instance.ask("get motd"), "one");
    let mut served = 0;
    let mut pause = Duration::ZERO;
    let (all, loaded) = clients();
    let all = all - NEWCOMERS;
    let answered = survive(machine, all - loaded, |load| {
        load.longest_pause();
        thread::scope(|scope| {
            let upgrade = scope.spawn(|| machine.ok(upgrade));
            while !upgrade.is_finished() {
                // Connecting panics when refused, and asking when the connection ends.
                assert_eq!(ask(machine, "get motd"), "hello");
                served += 1;
            }
            upgrade.join().unwrap();
        });
        pause = load.longest_pause();
    });
    assert!(served > 0);
    println!(
        "upgrade with {all} clients, {loaded} of them with load: {answered} requests answered \
         rightly, {served} newcomers served, no connection closed, longest pause {pause:?}"
    );
    assert_eq!(of_instance.ask("get motd"), "one");
    wait_for("the store", || ask(machine, "get motd") == "hello");
    assert_eq!(sockets(), doors, "a socket is another one");
    let after = daemons();
    assert!(after[0] != before[0] && after[1] != before[1], "{before:?} {after:?}");
}

/// What has to be left when the package was removed.
fn is_removed(machine: &Machine) {
    for unit in ["kvsock.socket", "kvsock.service", "kvsock@one.socket", "kvsock@one.service"] {
        assert_eq!(machine.property(unit, "ActiveState"), "inactive", "{unit}");
    }
    assert!(!machine.path("/run/kvsock").exists());
    assert!(!machine.path("/usr/sbin/kvsockd").exists());
    assert!(machine.path(INSTANCE_STATE).exists());
    assert!(machine.path("/etc/kvsock/one.env").exists());
}

/// Whether there is such a file, also a link to nowhere.
fn has_file(machine: &Machine, path: &str) -> bool {
    fs::symlink_metadata(machine.path(path)).is_ok()
}

/// Runs apt-get as an administrator would, who has no other questions to answer.
fn apt(words: &[&'static str], package: &str) -> Vec<String> {
    let apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--yes"];
    let words = apt.iter().chain(words).map(|word| (*word).to_owned());
    words.chain([package.to_owned()]).collect()
}

fn deb_lives_its_life(machine: &Machine) {
    let [old, new] = ["0.0.1-1", "0.0.2-1"].map(|version| bring(machine, &build_deb(version)));
    let apt_get = |words: &[&'static str], package: &str| {
        let words = apt(words, package);
        machine.ok(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    apt_get(&["install"], &old);
    is_installed(machine);
    let upgrade = apt(&["install"], &new);
    upgrade_under_load(machine, &upgrade.iter().map(String::as_str).collect::<Vec<_>>());

    // An upgrade starts nothing that the administrator disabled.
    machine.systemctl(&["disable", "--now", "kvsock.socket"]);
    apt_get(&["install", "--reinstall"], &new);
    assert_eq!(machine.property("kvsock.socket", "UnitFileState"), "disabled");
    assert_eq!(machine.property("kvsock.socket", "ActiveState"), "inactive");
    machine.systemctl(&["enable", "--now", "kvsock.socket"]);
    machine.install_drop_in("kvsock.service", "remote-store.conf");

    apt_get(&["remove"], "kvsock");
    is_removed(machine);
    assert!(has_file(machine, "/etc/kvsock/kvsock.env"));
    assert!(has_file(machine, DROP_IN) && has_file(machine, INSTANCE_WANTED));

    apt_get(&["install"], &new);
    assert_eq!(machine.property("kvsock@one.socket", "ActiveState"), "active");
    assert_eq!(ask(machine, "get motd"), "hello");
    let motd = machine.ok(&["kvsock", "--socket", "/run/kvsock/one.sock", "get", "motd"]);
    assert_eq!(motd, "one");
    apt_get(&["purge"], "kvsock");
    let states = ["/etc/kvsock", "/var/lib/kvsock", "/var/lib/kvsock@one", "/run/kvsock"];
    for path in states.iter().chain(&[INSTANCE_WANTED, DROP_IN]) {
        assert!(!has_file(machine, path), "{path}");
    }
    for unit in ["kvsock.socket", "kvsock.service", "kvsock@one.socket", "kvsock@one.service"] {
        assert_eq!(machine.property(unit, "LoadState"), "not-found", "{unit}");
    }
}

#[test]
fn debian_12_installs_upgrades_removes_and_purges_the_deb() {
    let Some(machine) = Machine::boot_without_kvsock() else { return };
    deb_lives_its_life(&machine);
}

#[test]
fn debian_13_installs_upgrades_removes_and_purges_the_deb() {
    let Some(machine) = Machine::boot_trixie_without_kvsock() else { return };
    deb_lives_its_life(&machine);
}

#[test]
fn rpm_installs_upgrades_and_removes_the_rpm() {
    if !has(&["rpm"]) {
        return;
    }
    let Some(machine) = Machine::boot_without_kvsock() else { return };
    let [old, new] = ["1", "2"].map(|release| bring(&machine, &build_rpm(release)));
    // Debian's packages are not in the database of rpm.
    machine.ok(&["rpm", "--install", "--nodeps", &old]);
    is_installed(&machine);
    upgrade_under_load(&machine, &["rpm", "--upgrade", "--nodeps", &new]);
    machine.ok(&["rpm", "--erase", "kvsock"]);
    is_removed(&machine);
    assert!(!has_file(&machine, INSTANCE_WANTED), "an instance that cannot start is wanted");
    for directory in ["share/kvsock", "share/doc/kvsock", "share/licenses/kvsock"] {
        assert!(!has_file(&machine, &format!("/usr/{directory}")), "{directory}");
    }

    machine.ok(&["rm", "/etc/kvsock/one.env"]);
    machine.ok(&["rpm", "--install", "--nodeps", &new]);
    machine.ok(&["rpm", "--erase", "kvsock"]);
    assert!(!has_file(&machine, "/etc/kvsock"));
}

#[test]
fn the_deb_needs_the_libraries_that_its_programs_are_linked_with() {
    if !has(&["dpkg-deb", "dpkg-shlibdeps"]) {
        return;
    }
    let deb = build_deb("0.1.0-1");
    let output = Command::new("dpkg-deb").arg("--field").arg(deb).arg("Depends").output().unwrap();
    let depends = String::from_utf8(output.stdout).unwrap();
    assert!(depends.contains("libc6 (>= "), "{depends}");
    assert!(depends.contains("systemd (>= 252)"), "{depends}");
}

/// What a checker of packages printed, which has to be no error and no warning.
fn is_clean(output: &Output, complaint: impl Fn(&str) -> bool) {
    let report = String::from_utf8_lossy(&output.stdout);
    let complaints: Vec<_> = report.lines().filter(|line| complaint(line)).collect();
    assert!(complaints.is_empty(), "{complaints:#?} in {output:?}");
}

#[test]
fn lintian_and_rpmlint_find_no_fault_in_the_packages() {
    if !has(&["lintian", "rpm", "rpmlint"]) {
        return;
    }
    let deb = build_deb("0.1.0-1");
    let output = Command::new("lintian").arg("--allow-root").arg(deb).output().unwrap();
    is_clean(&output, |line| line.starts_with("E:") || line.starts_with("W:"));

    let settings = repository().join("packaging/rpm/rpmlint.toml");
    let rpm = build_rpm("1");
    let output = Command::new("rpmlint").arg("--config").arg(settings).arg(rpm).output().unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(report.contains("1 packages and 0 specfiles checked"), "{output:?}");
    is_clean(&output, |line| line.contains(": E: ") || line.contains(": W: "));
}
