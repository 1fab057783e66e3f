//! `dotenvx run -- kvsockd` with an encrypted `.env`, by the real dotenvx.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::library::install;
use crate::program::{installed, present, run, wait};
use crate::support::valkey::Setup;

const PASSWORD: &str = "open-sesame";

#[test]
fn the_daemon_runs_with_an_encrypted_settings_file() {
    if !present(installed("node") && installed("npm"), "node with npm") {
        return;
    }
    let setup = Setup { password: Some(PASSWORD), ..Setup::default() };
    let Some(valkey) = setup.start() else { return };
    let dotenvx = install("node").join("node_modules/.bin/dotenvx");
    let directory = tempfile::tempdir().unwrap();
    let settings = directory.path().join(".env");
    let (store, socket) = (valkey.url(), directory.path().join("s"));
    let lines = format!(
        "KVSOCK_STORE={store}\nKVSOCK_STORE_PASSWORD={PASSWORD}\nKVSOCK_SOCKET={}\n",
        socket.display()
    );
    std::fs::write(&settings, lines).unwrap();
    let here = |arguments: &[&str]| {
        let mut command = Command::new(&dotenvx);
        command.current_dir(directory.path()).args(arguments);
        // The tests' own are no settings.
        let own =
            std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"KVSOCK_"));
        own.for_each(|(name, _)| {
            command.env_remove(name);
        });
        command
    };
    assert!(run(&mut here(&["encrypt", "--quiet"]), b"").status.success());
    let encrypted = std::fs::read_to_string(&settings).unwrap();
    assert!(!encrypted.contains(PASSWORD) && !encrypted.contains(&store), "{encrypted}");

    let daemon = here(&["run", "--quiet", "--", env!("CARGO_BIN_EXE_kvsockd")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let kvsock = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kvsock"));
        run(command.arg("--socket").arg(&socket).args(words), b"")
    };
    let end = Instant::now() + Duration::from_secs(30);
    while !kvsock(&["set", "motd", "hello"]).status.success() {
        assert!(Instant::now() < end, "the daemon does not serve");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(kvsock(&["get", "motd"]).succeeded(), b"hello\n");
    kvsock(&["shutdown"]);
    assert!(wait(daemon).is_some_and(|status| status.success()), "it stops in peace");
}
