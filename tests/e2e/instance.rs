//! Further instances, each with settings, a socket and a state of its own.

use std::fs;

use crate::EMBEDDED;
use crate::client::ask;
use crate::machine::Machine;

/// The directives of a unit, without what says that it is one of an instance.
fn directives(unit: &str) -> Vec<String> {
    let unit =
        [(" (instance %i)", ""), ("kvsock@%i.store-", "store-"), ("@%i", ""), ("%i", "kvsock")]
            .into_iter()
            .fold(unit.to_owned(), |unit, (instance, default)| unit.replace(instance, default));
    let is_directive = |line: &&str| !line.is_empty() && !line.starts_with('#');
    // A credential of the default instance has one name, not two.
    let one_name = |line: &str| match line.split_once(':') {
        Some((name, _)) if line.starts_with("LoadCredential=") => name.to_owned(),
        _ => line.to_owned(),
    };
    unit.lines().filter(is_directive).map(one_name).collect()
}

#[test]
fn the_templates_are_the_units_with_names_of_their_own() {
    let service = include_str!("../../systemd/kvsock.service");
    assert_eq!(directives(include_str!("../../systemd/kvsock@.service")), directives(service));
    let mut socket = directives(include_str!("../../systemd/kvsock@.socket"));
    socket.retain(|line| !line.starts_with("AssertPathExists="));
    assert_eq!(socket, directives(include_str!("../../systemd/kvsock.socket")));
}

#[test]
fn two_instances_beside_the_default_one_keep_their_own() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let instances = ["one", "two"];
    for name in instances {
        fs::write(machine.path(&format!("/etc/kvsock/{name}.env")), EMBEDDED).unwrap();
        machine.systemctl(&["enable", "--now", &format!("kvsock@{name}.socket")]);
    }
    let socket = |name: &str| format!("/run/kvsock/{name}.sock");
    let get = |name| machine.run_as("alice", &format!("kvsock --socket {} get motd", socket(name)));
    for name in instances {
        machine.ok(&["kvsock", "--socket", &socket(name), "set", "motd", name]);
    }
    assert_eq!(ask(&machine, "get motd"), "(nil)");
    for name in instances {
        assert_eq!(String::from_utf8(get(name).stdout).unwrap(), format!("{name}\n"));
        let state = format!("/var/lib/kvsock@{name}");
        assert_eq!(machine.ok(&["stat", "-c", "%U %a", &state]), "kvsockd 700");
    }

    // What happens to one does not touch the other, nor its directory.
    machine.systemctl(&["reload", "kvsock@one.service"]);
    machine.systemctl(&["stop", "kvsock@one.socket"]);
    assert_eq!(machine.property("kvsock@one.service", "ActiveState"), "inactive");
    assert!(!machine.path(&socket("one")).exists());
    assert_eq!(String::from_utf8(get("two").stdout).unwrap(), "two\n");
    machine.systemctl(&["reload", "kvsock@two.service", "kvsock.service"]);
}

#[test]
fn a_credential_of_an_instance_is_its_own() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let store = machine.path("/etc/credstore");
    fs::create_dir_all(&store).unwrap();
    fs::write(store.join("store-password"), "of the default one").unwrap();
    fs::write(store.join("kvsock@one.store-password"), "of one").unwrap();
    for name in ["one", "two"] {
        fs::write(machine.path(&format!("/etc/kvsock/{name}.env")), EMBEDDED).unwrap();
        machine.systemctl(&["start", &format!("kvsock@{name}.service")]);
    }
    let credentials = machine.path("/run/credentials");
    let password = |name| fs::read_to_string(credentials.join(name).join("store-password"));
    assert_eq!(password("kvsock@one.service").unwrap(), "of one");
    assert!(password("kvsock@two.service").is_err());
}

#[test]
fn an_instance_without_settings_does_not_start() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    assert!(!machine.run(&["systemctl", "start", "kvsock@one.socket"]).status.success());
    assert!(!machine.run(&["systemctl", "start", "kvsock@one.service"]).status.success());
}

#[test]
fn no_instance_takes_the_place_of_the_default_one() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let socket = machine.identity("/run/kvsock/kvsock.sock");
    for unit in ["kvsock@kvsock.socket", "kvsock@kvsock.service"] {
        assert!(!machine.run(&["systemctl", "start", unit]).status.success(), "{unit}");
    }
    assert_eq!(machine.identity("/run/kvsock/kvsock.sock"), socket);
    assert_eq!(ask(&machine, "ping"), "pong");
    assert_eq!(machine.property("kvsock@kvsock.service", "ActiveState"), "inactive");
}

/// What a process of the daemon's user can list, in the file system that a service sees.
fn sees(machine: &Machine, service: &str, path: &str) -> bool {
    let pid = machine.property(service, "MainPID");
    let enter = ["nsenter", "--mount", "--wd=/", "--target", &pid];
    let user = ["setpriv", "--reuid=kvsockd", "--regid=kvsockd", "--clear-groups"];
    machine.run(&[&enter[..], &user[..], &["ls", path]].concat()).status.success()
}

/// A service, its name in the paths of its own, and where it listens.
const SERVICES: [(&str, &str, &str); 3] = [
    ("kvsock.service", "", "/run/kvsock/kvsock.sock"),
    ("kvsock@one.service", "@one", "/run/kvsock/one.sock"),
    ("kvsock@two.service", "@two", "/run/kvsock/two.sock"),
];

/// Restarts all three, and looks from each at what is its own and at what is the others'.
fn see_only_their_own(machine: &Machine) {
    for (service, name, socket) in SERVICES {
        machine.systemctl(&["restart", service]);
        let echo = format!("echo 'set motd {service}' | timeout 20 nc -N -U {socket}");
        assert_eq!(machine.ok(&["sh", "-c", &echo]), "OK");
        machine.systemctl(&["reload", service]);
        assert!(machine.path(&format!("/var/lib/kvsock{name}/db")).exists());
        assert!(machine.path(&format!("/run/kvsock/reload{name}")).exists());
    }
    for (from, own, _) in SERVICES {
        for (to, name, _) in SERVICES {
            let pid = machine.property(to, "MainPID");
            for path in [
                format!("/var/lib/kvsock{name}/db"),
                format!("/run/kvsock/reload{name}"),
                format!("/run/credentials/{to}/store-password"),
            ] {
                assert_eq!(sees(machine, from, &path), own == name, "{from}: {path}");
            }
            // Not by way of the process either.
            let process = format!("/proc/{pid}");
            assert!(!sees(machine, from, &process), "{from}: {process}");
        }
    }
}

fn instances_are_apart(machine: &Machine) {
    let store = machine.path("/etc/credstore");
    fs::create_dir_all(&store).unwrap();
    fs::write(store.join("store-password"), "of the default one").unwrap();
    for name in ["one", "two"] {
        fs::write(machine.path(&format!("/etc/kvsock/{name}.env")), EMBEDDED).unwrap();
        fs::write(store.join(format!("kvsock@{name}.store-password")), name).unwrap();
    }
    see_only_their_own(machine);
    for drop_in in ["remote-store.conf", "local-store.conf"] {
        for unit in ["kvsock.service", "kvsock@.service"] {
            machine.ok(&["rm", "-rf", &format!("/etc/systemd/system/{unit}.d")]);
            machine.install_drop_in(unit, drop_in);
        }
        see_only_their_own(machine);
    }
}

#[test]
fn an_instance_cannot_see_what_is_anothers() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    instances_are_apart(&machine);
}

#[test]
fn an_instance_cannot_see_what_is_anothers_on_debian_13() {
    let Some(machine) = Machine::boot_trixie(EMBEDDED) else { return };
    instances_are_apart(&machine);
}
