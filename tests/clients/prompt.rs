//! `valkey-cli` at a terminal, where it first asks for the documentation of all commands.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::program::{BOUND, of_valkey, wait};
use crate::server::Server;

/// The prompt shows, prints replies, knows the commands, changes to RESP3, and ends.
pub(crate) fn works(server: &Server, options: &[&str]) {
    let Some(mut cli) = of_valkey("cli") else { return };
    let home = tempfile::tempdir().unwrap();
    cli.arg("-s").arg(server.socket()).args(options);
    cli.env("HOME", home.path()).env("TERM", "xterm").env_remove("VALKEYCLI_HISTFILE");
    let mut terminal = Terminal::start(&mut cli);
    let place = format!("{}> ", server.socket().display());
    let name = terminal.read_until(&place);
    assert!(["valkey ", "redis "].contains(&&*name), "more than a prompt: {name}");
    let prompt = name + &place;
    assert_eq!(terminal.enter("set motd hello", &prompt), "OK\n");
    assert_eq!(terminal.enter("get motd", &prompt), "\"hello\"\n");
    assert_eq!(terminal.enter("get missing", &prompt), "(nil)\n");
    let refused = terminal.enter("incr motd", &prompt);
    assert_eq!(refused, "(error) ERR value is not an integer or out of range\n");
    let unknown = terminal.enter("frob", &prompt);
    assert!(unknown.starts_with("(error) ERR unknown command 'frob'"), "{unknown}");
    let hello = terminal.enter("HELLO 3", &prompt);
    assert!(hello.contains("\n3# \"proto\" => (integer) 3\n"), "{hello}");
    assert_eq!(terminal.enter("get motd", &prompt), "\"hello\"\n");
    assert_eq!(terminal.enter("get missing", &prompt), "(nil)\n");
    // The program knows Valkey's commands by itself, and kvsock's own from kvsock alone.
    let documented = if server.is_kvsock() { "TXKEY" } else { "GET" };
    let help = terminal.enter(&format!("help {documented}"), &prompt);
    assert!(help.contains(documented) && help.contains("summary:"), "{help}");
    terminal.line("exit");
    assert!(wait(terminal.child).is_some_and(|status| status.success()));
}

/// A program in a pseudo-terminal.
struct Terminal {
    /// The side where the person sits.
    person: File,
    child: Child,
}

impl Terminal {
    fn start(command: &mut Command) -> Terminal {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&person, size).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let program = File::from(rustix::fs::open(name, flags, Mode::empty()).unwrap());
        command.stdin(program.try_clone().unwrap());
        command.stdout(program.try_clone().unwrap()).stderr(program);
        Terminal { person: File::from(person), child: command.spawn().unwrap() }
    }

    /// Types a line and gives what shows below it, until the next prompt.
    fn enter(&mut self, line: &str, prompt: &str) -> String {
        self.line(line);
        // While one types, each letter draws the prompt anew; the end of the line ends that.
        self.read_until("\r\n");
        self.read_until(prompt)
    }

    fn line(&mut self, line: &str) {
        self.person.write_all(format!("{line}\r").as_bytes()).unwrap();
    }

    /// What shows until this text does, without it. Its lines end plainly.
    fn read_until(&mut self, text: &str) -> String {
        let end = Instant::now() + BOUND;
        let mut shown = Vec::new();
        while !shown.ends_with(text.as_bytes()) {
            let left = end.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap();
            let ready = poll(&mut [PollFd::new(&self.person, PollFlags::IN)], Some(&left)).unwrap();
            assert!(ready > 0, "no {text:?} in {:?}", String::from_utf8_lossy(&shown));
            // One at a time, so that what comes after the text is still there to read.
            let mut byte = [0];
            self.person.read_exact(&mut byte).unwrap();
            shown.push(byte[0]);
        }
        let shown = String::from_utf8_lossy(&shown).replace("\r\n", "\n");
        shown.strip_suffix(text).map(str::to_owned).unwrap_or(shown)
    }
}
