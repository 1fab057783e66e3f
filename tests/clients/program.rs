//! Programs that a test runs: whether they are here, and their run to its end, which is bounded.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take, on a busy machine too.
pub(crate) const BOUND: Duration = Duration::from_secs(90);

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Output {
    /// Fails unless it exited with 0 and had nothing to complain of. Gives what it printed.
    pub(crate) fn succeeded(self) -> Vec<u8> {
        let stdout = String::from_utf8_lossy(&self.stdout);
        assert!(
            self.status.success() && self.stderr.is_empty(),
            "{}\n--- stdout\n{stdout}\n--- stderr\n{}",
            self.status,
            self.stderr
        );
        self.stdout
    }
}

/// Runs a program with this input to its end.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Output {
    // Files, unlike pipes, need nobody to empty them while the program runs.
    let [mut stdin, mut stdout, mut stderr] = [(); 3].map(|()| tempfile::tempfile().unwrap());
    stdin.write_all(input).unwrap();
    stdin.rewind().unwrap();
    let child = command
        .stdin(stdin)
        .stdout(stdout.try_clone().unwrap())
        .stderr(stderr.try_clone().unwrap())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let ended = wait(child);
    let [stdout, stderr] = [&mut stdout, &mut stderr].map(contents);
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    let Some(status) = ended else {
        let stdout = String::from_utf8_lossy(&stdout);
        panic!("{command:?} took over {BOUND:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
    };
    Output { status, stdout, stderr }
}

/// How the program ended, or none when it had to be killed.
pub(crate) fn wait(mut child: Child) -> Option<ExitStatus> {
    let end = Instant::now() + BOUND;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if Instant::now() > end {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn contents(file: &mut File) -> Vec<u8> {
    let mut contents = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut contents).unwrap();
    contents
}

/// Valkey's program of this name, `cli` or `benchmark`, or Redis's where there is none.
pub(crate) fn of_valkey(name: &str) -> Option<Command> {
    let names = [format!("valkey-{name}"), format!("redis-{name}")];
    let found = names.iter().find(|name| installed(name));
    present(found.is_some(), &names[0]).then(|| found.map(Command::new))?
}

/// Says plainly what is missing; fails where the run promised it.
pub(crate) fn present(present: bool, what: &str) -> bool {
    if !present {
        let required = std::env::var("KVSOCK_TEST_REQUIRE").is_ok_and(|value| value == "1");
        assert!(!required, "no {what}, which KVSOCK_TEST_REQUIRE=1 asks for");
        // Not by a macro, whose output the test harness keeps to itself when a test passes.
        let _ = writeln!(io::stderr(), "not run: no {what}");
    }
    present
}

/// Whether a program of this name can be started.
pub(crate) fn installed(name: impl AsRef<Path>) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(&name).is_file())
}

/// Whether this command exits with 0.
pub(crate) fn succeeds(program: &str, args: &[impl AsRef<OsStr>]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
