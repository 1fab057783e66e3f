//! Whose daemon the client speaks to. Another user's daemon is played by `nc`, which runs as that
//! user; starting it takes root.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use crate::support::daemon::PATIENCE;

/// A user who is neither the client's nor root.
const MALLORY: &str = "1234";

/// Listens at a path and keeps all that it is sent.
struct Listener {
    child: Child,
    received: PathBuf,
}

impl Listener {
    fn start(socket: &Path) -> Listener {
        let received = socket.with_extension("received");
        let child = Command::new("setpriv")
            .args(["--reuid", MALLORY, "--regid", MALLORY, "--clear-groups", "nc", "-dlkU"])
            .arg(socket)
            .stdin(Stdio::null())
            .stdout(fs::File::create(&received).expect("a file"))
            .spawn()
            .expect("setpriv and nc");
        let end = std::time::Instant::now() + PATIENCE;
        while std::os::unix::net::UnixStream::connect(socket).is_err() {
            assert!(std::time::Instant::now() < end, "{} never comes", socket.display());
            thread::sleep(std::time::Duration::from_millis(5));
        }
        Listener { child, received }
    }

    fn received(&self) -> String {
        fs::read_to_string(&self.received).expect("a file")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn directory(mode: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), Permissions::from_mode(mode)).expect("a directory of our own");
    dir
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("not run: only root can become another user");
    }
    is_root
}

fn kvsock() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kvsock"));
    command.env_remove("KVSOCK_SOCKET").env_remove("XDG_RUNTIME_DIR");
    command.stdin(Stdio::null());
    command
}

#[track_caller]
fn assert_refused(output: &Output, socket: &Path) {
    let error = format!(
        "kvsock: the daemon at {} belongs to uid {MALLORY}, who is neither you nor root; nothing \
         was sent\n",
        socket.display()
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), error);
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(2), &b""[..]));
}

#[test]
fn another_users_daemon_in_a_shared_directory_is_sent_nothing() {
    if !is_root() {
        return;
    }
    for mode in [0o1777, 0o777] {
        let dir = directory(mode);
        let socket = dir.path().join("kvsock.sock");
        let listener = Listener::start(&socket);
        let pairs = dir.path().join("pairs");
        fs::write(&pairs, "{\"key\":\"a\",\"value\":\"secret\"}\n").unwrap();
        let (pairs, out) = (pairs.to_str().unwrap(), dir.path().join("out"));
        let out = out.to_str().unwrap();
        for args in [
            &["set", "a", "secret"][..],
            &["--json", "auth", "secret"],
            &["export"],
            &["export", out],
            &["import", pairs],
            &["watch"],
            &["help", "set"],
        ] {
            let run = kvsock().arg("--socket").arg(&socket).args(args).output().unwrap();
            if args[0] == "help" {
                assert!(run.status.success(), "help needs no daemon");
                continue;
            }
            assert_refused(&run, &socket);
            let run = kvsock().env("KVSOCK_SOCKET", &socket).args(args).output().unwrap();
            assert_refused(&run, &socket);
        }
        // A pipe, and standard input as a value.
        for args in [&[][..], &["set", "a", "-"], &["import"]] {
            let input = fs::File::open(pairs).unwrap();
            let run = kvsock().arg("--socket").arg(&socket).args(args).stdin(input).output();
            assert_refused(&run.unwrap(), &socket);
        }
        // By a relative path, and by a link in a directory that is nobody else's.
        let run =
            kvsock().args(["--socket", "kvsock.sock", "ping"]).current_dir(dir.path()).output();
        assert_refused(&run.unwrap(), Path::new("kvsock.sock"));
        let own = directory(0o755);
        let link = own.path().join("link.sock");
        symlink(&socket, &link).unwrap();
        let run = kvsock().arg("--socket").arg(&link).arg("ping").output();
        assert_refused(&run.unwrap(), &link);
        assert_eq!(listener.received(), "");
        assert!(!Path::new(out).exists());
    }
}

#[test]
fn another_users_daemon_is_trusted_where_the_caller_named_a_directory_of_theirs() {
    if !is_root() {
        return;
    }
    let home = directory(0o755);
    let dir = home.path().join("mallory");
    fs::create_dir(&dir).unwrap();
    std::os::unix::fs::chown(&dir, Some(MALLORY.parse().unwrap()), None).unwrap();
    let socket = dir.join("kvsock.sock");
    let listener = Listener::start(&socket);
    let mut ask = kvsock().arg("--socket").arg(&socket).arg("ping").spawn().unwrap();
    let end = std::time::Instant::now() + PATIENCE;
    while !listener.received().contains("HELLO") {
        assert!(std::time::Instant::now() < end, "nothing was sent");
        thread::sleep(std::time::Duration::from_millis(5));
    }
    ask.kill().unwrap();
    ask.wait().unwrap();
    // The same path, guessed.
    let run = kvsock().env("XDG_RUNTIME_DIR", &dir).arg("ping").output().unwrap();
    if !Path::new("/run/kvsock/kvsock.sock").exists() {
        assert_refused(&run, &socket);
    }
}

#[test]
fn roots_daemon_is_trusted_by_other_users_in_a_shared_directory() {
    if !is_root() {
        return;
    }
    let dir = directory(0o1777);
    let socket = dir.path().join("kvsock.sock");
    let program = dir.path().join("kvsock");
    fs::copy(env!("CARGO_BIN_EXE_kvsock"), &program).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o777)).unwrap();
    let mut ask = Command::new("setpriv")
        .args(["--reuid", MALLORY, "--regid", MALLORY, "--clear-groups"])
        .arg(&program)
        .arg("--socket")
        .arg(&socket)
        .arg("ping")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = [0];
    listener.accept().unwrap().0.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"*");
    let _ = ask.wait();
}
