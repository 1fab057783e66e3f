//! What becomes of the file that an export or an import names.
//!
//! Device nodes are made in a directory of the test's own; making them takes root.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{CWD, Dev, FileType, Mode, makedev, mkfifoat, mknodat};
use rustix::process::{Pid, Signal, kill_process};

use crate::program::{assert_output, command, kvsock, start};
use crate::support::daemon::Daemon;

const LINE: &str = "{\"key\":\"a\",\"value\":\"1\"}\n";

fn daemon() -> Daemon {
    let daemon = Daemon::start(&[]);
    assert_eq!(daemon.ask("set a 1"), "OK");
    daemon
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the test's directory is UTF-8")
}

fn mode(path: &Path, bits: u32) {
    fs::set_permissions(path, Permissions::from_mode(bits)).expect("ours");
}

/// A character device such as those of `/dev`; none where only root can make one.
fn device(dir: &Path, name: &str, minor: u32) -> Option<PathBuf> {
    let path = dir.join(name);
    let number: Dev = makedev(1, minor);
    match mknodat(CWD, &path, FileType::CharacterDevice, Mode::from_raw_mode(0o666), number) {
        // A sandbox may also forbid the use of the device.
        Ok(()) if File::options().write(true).open(&path).is_ok() => Some(path),
        _ => {
            eprintln!("not run: no device can be made here");
            None
        }
    }
}

fn identity(path: &Path) -> (u64, u64, u32) {
    let found = fs::symlink_metadata(path).expect("there");
    (found.dev(), found.ino(), found.mode())
}

fn nothing_is_left(daemon: &Daemon) {
    let names = fs::read_dir(daemon.dir())
        .expect("readable")
        .map(|entry| entry.expect("an entry").file_name());
    for name in names {
        assert!(!name.to_string_lossy().ends_with(".partial"), "{}", name.display());
    }
}

#[test]
fn a_device_is_written_to_and_stays_what_it_is() {
    let daemon = daemon();
    let Some(null) = device(daemon.dir(), "null", 3) else { return };
    let Some(full) = device(daemon.dir(), "full", 7) else { return };
    let link = daemon.dir().join("link");
    symlink(&null, &link).unwrap();
    let before = [&null, &full, &link].map(|path| identity(path));
    assert_output(&kvsock(&daemon, &["export", text(&null)]), 0, "", "");
    assert_output(&kvsock(&daemon, &["export", text(&link)]), 0, "", "");
    let error = format!("kvsock: {}: No space left on device (os error 28)\n", full.display());
    assert_output(&kvsock(&daemon, &["export", text(&full)]), 2, "", &error);
    assert_eq!([&null, &full, &link].map(|path| identity(path)), before);
    nothing_is_left(&daemon);
}

#[test]
fn standard_output_is_the_same_by_each_of_its_names() {
    let daemon = daemon();
    for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        assert_output(&kvsock(&daemon, &["export", name]), 0, LINE, "");
        let log = daemon.dir().join("log");
        fs::write(&log, "before\n").unwrap();
        let shell = format!("{{ \"$0\" --socket \"$1\" export {name}; echo after; }} >> \"$2\"");
        let status = Command::new("sh")
            .args(["-c", &shell, env!("CARGO_BIN_EXE_kvsock")])
            .args([&daemon.socket(), &log])
            .status();
        assert!(status.expect("sh").success());
        assert_eq!(fs::read_to_string(&log).unwrap(), format!("before\n{LINE}after\n"), "{name}");
    }
    let log = daemon.dir().join("log");
    fs::write(&log, "before\n").unwrap();
    let mut export = command(&daemon);
    export.args(["export", "/dev/stderr"]);
    export.stderr(File::options().append(true).open(&log).unwrap());
    assert!(export.status().unwrap().success());
    assert_eq!(fs::read_to_string(&log).unwrap(), format!("before\n{LINE}"));
}

#[test]
fn a_fifo_stays_one_and_a_reader_that_goes_away_is_an_error() {
    let daemon = daemon();
    let fifo = daemon.dir().join("fifo");
    mkfifoat(CWD, &fifo, Mode::from_raw_mode(0o600)).unwrap();
    let export = start(&daemon, &["export", text(&fifo)]);
    let mut read = String::new();
    File::open(&fifo).unwrap().read_to_string(&mut read).unwrap();
    assert_output(&export.wait_with_output().unwrap(), 0, "", "");
    assert_eq!(read, LINE);

    // More than a pipe holds, so that the writer is there when the reader goes.
    assert_eq!(daemon.ask(&format!("set a {}", "x".repeat(300_000))), "OK");
    let export = start(&daemon, &["export", text(&fifo)]);
    drop(File::open(&fifo).unwrap());
    let error = format!("kvsock: {}: Broken pipe (os error 32)\n", fifo.display());
    assert_output(&export.wait_with_output().unwrap(), 2, "", &error);
    assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());

    // No reader ever comes: Ctrl-C ends the wait.
    let mut export = start(&daemon, &["export", text(&fifo)]);
    kill_process(Pid::from_child(&export), Signal::INT).unwrap();
    export.wait().unwrap();
    assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());
    nothing_is_left(&daemon);
}

#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let daemon = daemon();
    let at = |name: &str| daemon.dir().join(name);
    fs::create_dir(at("elsewhere")).unwrap();
    for target in ["elsewhere/old", "elsewhere/new"] {
        let (link, target) = (at("link"), at(target));
        let _ = fs::remove_file(&link);
        symlink(&target, &link).unwrap();
        if target.ends_with("old") {
            fs::write(&target, "old").unwrap();
        }
        assert_output(&kvsock(&daemon, &["export", text(&link)]), 0, "", "");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), LINE);
        assert!(fs::symlink_metadata(&target).unwrap().is_file());
    }
    nothing_is_left(&daemon);
}

#[test]
fn a_new_file_is_private_and_an_old_one_keeps_its_owner_and_mode() {
    let daemon = daemon();
    let file = daemon.dir().join("pairs");
    assert_output(&kvsock(&daemon, &["export", text(&file)]), 0, "", "");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
    mode(&file, 0o640);
    let is_root = chown(&file, Some(1234), Some(1235)).is_ok();
    let before = fs::metadata(&file).unwrap();
    assert_output(&kvsock(&daemon, &["export", text(&file)]), 0, "", "");
    let after = fs::metadata(&file).unwrap();
    assert_eq!(after.mode() & 0o7777, 0o640);
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    assert_ne!(after.ino(), before.ino(), "it was replaced in one step");
    if is_root && daemon.open_to_other_users() {
        // Another user, whom the group lets write: the owner stays, the content is replaced.
        let program = daemon.dir().join("kvsock");
        fs::copy(env!("CARGO_BIN_EXE_kvsock"), &program).unwrap();
        let export = |path: &Path| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "1236", "--regid", "1235", "--clear-groups"]).arg(&program);
            command.arg("--socket").arg(daemon.socket()).arg("export").arg(path);
            command.stdin(Stdio::null()).output().unwrap()
        };
        mode(&file, 0o660);
        fs::write(&file, "old").unwrap();
        // Its directory is root's: nothing can be created there.
        assert_output(&export(&file), 0, "", "");
        let found = fs::metadata(&file).unwrap();
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777), (1234, 1235, 0o660));
        assert_eq!(fs::read_to_string(&file).unwrap(), LINE);
        mode(&file, 0o640);
        let error = format!("kvsock: {}: Permission denied (os error 13)\n", file.display());
        assert_output(&export(&file), 2, "", &error);
        // Its directory is anyone's.
        let open = daemon.dir().join("open");
        fs::create_dir(&open).unwrap();
        mode(&open, 0o777);
        let file = open.join("pairs");
        fs::write(&file, "old").unwrap();
        mode(&file, 0o666);
        assert_output(&export(&file), 0, "", "");
        let found = fs::metadata(&file).unwrap();
        assert_eq!((found.uid(), found.mode() & 0o7777), (0, 0o666));
        assert_eq!(fs::read_to_string(&file).unwrap(), LINE);
        assert_eq!(fs::read_dir(&open).unwrap().count(), 1);
    }
    nothing_is_left(&daemon);
}

#[test]
fn a_mount_point_is_written_where_it_is() {
    let daemon = daemon();
    let (file, source) = (daemon.dir().join("mounted"), daemon.dir().join("source"));
    fs::write(&file, "under").unwrap();
    fs::write(&source, "old").unwrap();
    let shell = "mount --bind \"$2\" \"$3\" && \"$0\" --socket \"$1\" export \"$3\"";
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", shell, env!("CARGO_BIN_EXE_kvsock")])
        .args([&daemon.socket(), &source, &file])
        .output()
        .expect("unshare");
    if !rustix::process::geteuid().is_root() {
        return;
    }
    assert_output(&output, 0, "", "");
    assert_eq!(fs::read_to_string(&source).unwrap(), LINE);
    assert_eq!(fs::read_to_string(&file).unwrap(), "under");
    nothing_is_left(&daemon);
}

#[test]
fn a_directory_is_an_error() {
    let daemon = daemon();
    for name in [text(daemon.dir()), "/", ".", ".."] {
        let error = format!("kvsock: {name}: is a directory\n");
        assert_output(&kvsock(&daemon, &["export", name]), 2, "", &error);
    }
    let missing = daemon.dir().join("missing/pairs");
    let error = format!("kvsock: {}: No such file or directory (os error 2)\n", missing.display());
    assert_output(&kvsock(&daemon, &["export", text(&missing)]), 2, "", &error);
}

#[test]
fn the_note_of_an_import_replaces_no_device() {
    let daemon = daemon();
    let pairs = daemon.dir().join("pairs");
    fs::write(&pairs, LINE.repeat(2000)).unwrap();
    let Some(note) = device(daemon.dir(), "pairs.import-state", 3) else { return };
    let before = identity(&note);
    let output = kvsock(&daemon, &["import", text(&pairs)]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.ends_with("pairs.import-state is not a regular file\n"), "{error}");
    assert_eq!(identity(&note), before);
    // A descriptor has no place for a note beside it.
    let mut import = command(&daemon);
    import.args(["import", "/dev/stdin"]).stdin(File::open(&pairs).unwrap());
    let error = "kvsock: /dev/stdin: not a regular file; give it as standard input\n";
    assert_output(&import.output().unwrap(), 2, "", error);
}
