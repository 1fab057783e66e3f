//! `kvsockd --check=store`: looks at a live store, says what it is, and changes nothing.

mod support;

use std::process::{Output, Stdio};

use kvsock::store::{CheckFault, Options, Store};

use support::daemon::Daemon;
use support::{cluster, sentinel, valkey};

const UNAVAILABLE: i32 = 69;
const IO: i32 = 74;
const NO_PERMISSION: i32 = 77;
const CONFIG: i32 = 78;

fn check(settings: &[(&str, &str)], environment: &[(&str, &str)]) -> Output {
    let daemon = Daemon::stopped(settings);
    let mut command = daemon.command();
    command.envs(environment.iter().copied()).arg("--check=store");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("kvsockd runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn look(options: &Options) -> kvsock::store::Check {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(Store::check(options))
}

#[test]
fn a_store_that_serves_is_described_and_not_changed() {
    let Some(server) = valkey::Setup::default().start() else { return };
    let (store, prefix) = (server.url(), ("KEY_PREFIX", "p:"));
    let output = check(&[("STORE", &store), prefix], &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told = stdout(&output);
    for fact in ["connected and logged in", "standalone, master", "may run the commands"] {
        assert!(told.contains(fact), "{fact} in {told}");
    }
    assert_eq!(stderr(&output), "");
    assert_eq!(server.command(&["DBSIZE"]), redis::Value::Int(0));
}

#[test]
fn a_refused_password_is_named_and_not_shown() {
    let setup = valkey::Setup { password: Some("right"), ..valkey::Setup::default() };
    let Some(server) = setup.start() else { return };
    let store = server.url();
    let with = |password| check(&[("STORE", &*store), ("STORE_PASSWORD", password)], &[]);
    let refused = with("hunter2");
    assert_eq!(refused.status.code(), Some(NO_PERMISSION), "{refused:?}");
    assert!(stderr(&refused).contains("WRONGPASS"), "{refused:?}");
    assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
    let none = check(&[("STORE", &*store)], &[]);
    assert_eq!(none.status.code(), Some(NO_PERMISSION), "{none:?}");
    assert!(stderr(&none).contains("NOAUTH"), "{none:?}");
    assert!(with("right").status.success());
}

#[test]
fn every_right_that_is_missing_is_named() {
    let settings =
        vec![["user", "u on >pw ~* +@all -zadd -unlink"], ["user", "v on >pw ~p:* +@all"]];
    let Some(server) = (valkey::Setup { settings, ..valkey::Setup::default() }).start() else {
        return;
    };
    let store = server.url();
    let of = |user, prefix| {
        let user = [("STORE", &*store), ("STORE_USERNAME", user), ("STORE_PASSWORD", "pw")];
        check(&[&user[..], &[("KEY_PREFIX", prefix)]].concat(), &[])
    };
    let output = of("u", "");
    assert_eq!(output.status.code(), Some(NO_PERMISSION), "{output:?}");
    assert!(stderr(&output).contains("the user may not run UNLINK, ZADD\n"), "{output:?}");
    let output = of("v", "q:");
    assert!(stderr(&output).contains("may not run GET, SET,"), "keys of others: {output:?}");
    assert!(of("v", "p:").status.success());
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let Some(mut server) = valkey::Setup::default().start() else { return };
    let store = format!("valkey://{}", server.tcp().place());
    assert!(check(&[("STORE", &store)], &[]).status.success());
    server.kill();
    let output = check(&[("STORE", &store)], &[]);
    assert_eq!(output.status.code(), Some(UNAVAILABLE), "{output:?}");
    let fault = format!("kvsockd: {store}/0: connection refused\n");
    assert_eq!(stderr(&output), fault);
}

#[test]
fn a_database_that_the_server_has_not_is_a_fault_of_the_settings() {
    let Some(server) = valkey::Setup::default().start() else { return };
    let store = format!("valkey://{}/1000000", server.tcp().place());
    let output = check(&[("STORE", &store)], &[]);
    assert_eq!(output.status.code(), Some(CONFIG), "{output:?}");
    assert!(stderr(&output).contains(&format!("{store}: ")), "{output:?}");
}

#[test]
fn tls_is_looked_at_with_the_certificates_of_the_settings() {
    let setup = valkey::Setup { tls: true, ..valkey::Setup::default() };
    let Some(server) = setup.start() else { return };
    let store = format!("valkeys://{}", server.tls().place());
    let told = look(&server.options(server.tls()));
    assert_eq!(told.faults, []);
    assert!(told.found.iter().any(|fact| fact.starts_with("valkeys://")), "{told:?}");
    let output = check(&[("STORE", &store)], &[]);
    assert_eq!(output.status.code(), Some(UNAVAILABLE), "an unknown authority: {output:?}");
    assert!(stderr(&output).contains("certificate"), "{output:?}");
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("store-ca.pem"), "no certificate").expect("written");
    let place = directory.path().to_str().expect("UTF-8");
    let output = check(&[("STORE", &store)], &[("CREDENTIALS_DIRECTORY", place)]);
    assert_eq!(output.status.code(), Some(CONFIG), "{output:?}");
}

#[test]
fn a_replica_takes_no_writes() {
    let Some(master) = valkey::Setup::default().start() else { return };
    let Some(replica) = valkey::Setup::default().start() else { return };
    let port = master.tcp().port().expect("a port").to_string();
    replica.command(&["REPLICAOF", "127.0.0.1", &port]);
    let output = check(&[("STORE", &replica.url())], &[]);
    assert_eq!(output.status.code(), Some(UNAVAILABLE), "{output:?}");
    let told = stderr(&output);
    assert!(told.contains("it is a ") || told.contains("MASTERDOWN"), "{told}");
}

#[test]
fn sentinels_are_asked_for_the_master() {
    let Some(mut watched) = sentinel::Setup::default().start() else { return };
    let told = look(&watched.options());
    assert_eq!(told.faults, []);
    let master = format!("valkey://127.0.0.1:{}/0: connected", watched.port(0));
    assert!(told.found.iter().any(|fact| fact.starts_with(&master)), "{told:?}");
    watched.kill_sentinel(0);
    let told = look(&watched.options());
    assert_eq!(told.faults, []);
    assert!(told.found.iter().any(|fact| fact.contains("connection refused")), "{told:?}");
    watched.kill(0);
    let told = look(&watched.options());
    assert!(matches!(told.faults[..], [CheckFault::Unavailable(_), ..]), "{told:?}");
}

#[test]
fn a_cluster_is_looked_at_node_by_node() {
    let Some(mut cluster) = cluster::Setup::default().start() else { return };
    let told = look(&cluster.options());
    assert_eq!(told.faults, []);
    let owners = format!("{} nodes own 16384 of 16384 slots", cluster.len());
    assert!(told.found.iter().any(|fact| fact.ends_with(&owners)), "{told:?}");
    let described = told.found.iter().filter(|fact| fact.ends_with("cluster, master")).count();
    assert_eq!(described, cluster.len(), "{told:?}");
    cluster.kill(0);
    let told = look(&cluster.options());
    assert!(matches!(told.faults[..], [CheckFault::Unavailable(_), ..]), "{told:?}");
}

#[test]
fn an_embedded_store_is_looked_at_beside_the_daemon_that_has_it() {
    let daemon = Daemon::start(&[]);
    assert_eq!(daemon.ask("set a 1"), "OK");
    let mut command = daemon.command();
    let output = command.stdout(Stdio::piped()).arg("--check=store").output().expect("runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).contains("has a database\n"), "{output:?}");
    assert_eq!(daemon.ask("get a"), "1");
}

#[test]
fn a_directory_of_other_files_is_no_embedded_store() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("letter"), "").expect("written");
    let store = format!("embedded:{}", directory.path().display());
    let output = check(&[("STORE", &store)], &[]);
    assert_eq!(output.status.code(), Some(IO), "{output:?}");
    assert!(stderr(&output).contains("holds other files"), "{output:?}");
}
