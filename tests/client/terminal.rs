//! `kvsock` in a terminal of its own: what is typed, and what the screen shows.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::daemon::{Daemon, PATIENCE, coverage};

const ROWS: NonZero<u16> = NonZero::new(24).expect("not 0");
const COLUMNS: NonZero<u16> = NonZero::new(80).expect("not 0");

/// A terminal with the program in it.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Screen>,
}

struct Screen {
    parser: Mutex<vt100::Parser>,
    changed: Condvar,
}

impl Terminal {
    /// Starts `kvsock` with these arguments, and these variables in its environment.
    pub(crate) fn start(daemon: &Daemon, args: &[&str], variables: &[(&str, &str)]) -> Terminal {
        let (keyboard, device) = pair();
        let stream = || device.try_clone().expect("a terminal");
        // Makes the terminal the program's controlling one, so that Ctrl-C is a signal.
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", env!("CARGO_BIN_EXE_kvsock"), "--socket"])
            .arg(daemon.socket())
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("a path"))
            .env("TERM", "xterm-256color")
            .env("XDG_STATE_HOME", daemon.dir().join("state"))
            .envs(coverage())
            .envs(variables.iter().copied())
            .stdin(stream())
            .stdout(stream())
            .stderr(stream());
        let child = command.spawn().expect("setsid starts");
        let parser = Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 0));
        let screen = Arc::new(Screen { parser, changed: Condvar::new() });
        let (shown, output) = (Arc::clone(&screen), keyboard.try_clone().expect("a terminal"));
        thread::spawn(move || shown.follow(output));
        Terminal { child, keyboard, screen }
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal is there");
    }

    /// Waits until there is a prompt with nothing behind it: only from then on are keys the
    /// program's, and not the terminal's.
    pub(crate) fn wait_for_prompt(&self) {
        self.wait_until("a prompt", |screen| {
            let shown = screen.contents();
            let last = shown.trim_end().lines().last().unwrap_or_default();
            last.starts_with("kvsock") && last.trim_end().ends_with('>')
        });
    }

    /// Types a line, once there is a prompt.
    pub(crate) fn enter(&mut self, line: &str) {
        self.wait_for_prompt();
        self.press(line);
        // So that what is waited for next is not met by what was typed.
        self.wait_for(line.trim_end());
        self.press("\r");
    }

    /// Presses keys again and again until the screen shows `text`.
    pub(crate) fn press_until(&mut self, keys: &str, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.contents().contains(text) {
            assert!(Instant::now() < end, "never shows {text:?}:\n{}", self.contents());
            self.press(keys);
            thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// Waits until the screen shows `text`.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the last line that holds anything is `line`.
    pub(crate) fn wait_for_last(&self, line: &str) {
        self.wait_until(line, |screen| {
            screen.contents().trim_end().lines().last().is_some_and(|last| last.trim_end() == line)
        });
    }

    /// Waits until the screen is as `condition` wants it.
    pub(crate) fn wait_until(&self, what: &str, condition: impl Fn(&vt100::Screen) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut parser = self.screen.parser.lock().expect("no panic");
        while !condition(parser.screen()) {
            let left = end.saturating_duration_since(Instant::now());
            let shown = parser.screen().contents();
            assert!(!left.is_zero(), "the screen never shows {what:?}:\n{shown}");
            (parser, _) = self.screen.changed.wait_timeout(parser, left).expect("no panic");
        }
    }

    /// What the screen shows now.
    pub(crate) fn contents(&self) -> String {
        self.screen.parser.lock().expect("no panic").screen().contents()
    }

    /// Waits for the program's end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < end, "kvsock does not end:\n{}", self.contents());
            thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Screen {
    fn follow(&self, mut output: File) {
        let mut buffer = [0; 4096];
        // The terminal reports an error once nothing is connected to it any more.
        while let Ok(length @ 1..) = output.read(&mut buffer) {
            self.parser.lock().expect("no panic").process(&buffer[..length]);
            self.changed.notify_all();
        }
    }
}

/// Both ends of a terminal: who sits at it, and what programs are given.
fn pair() -> (File, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let keyboard = openpt(flags).expect("a terminal");
    grantpt(&keyboard).expect("a terminal");
    unlockpt(&keyboard).expect("a terminal");
    let size = Winsize { ws_row: ROWS.get(), ws_col: COLUMNS.get(), ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&keyboard, size).expect("a terminal");
    let name = ptsname(&keyboard, Vec::new()).expect("a terminal");
    let name = Path::new(name.to_str().expect("a path"));
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let device = open(name, flags, Mode::empty()).expect("a terminal");
    (keyboard.into(), device)
}
