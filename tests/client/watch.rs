//! The live view of the daemon.

use std::io::{BufRead, BufReader};

use crate::program::{assert_output, kvsock, start};
use crate::support::daemon::Daemon;
use crate::terminal::Terminal;

#[test]
fn on_a_terminal_it_is_redrawn_in_place() {
    let mut daemon = Daemon::start(&[]);
    let mut terminal = Terminal::start(&daemon, &["watch", "--interval", "50ms"], &[]);
    terminal.wait_until("a line of bars", |screen| {
        let shown = screen.contents();
        let has_bars = |name: &str| {
            let line = shown.lines().find(|line| line.starts_with(name));
            line.is_some_and(|line| line.contains('█'))
        };
        screen.alternate_screen()
            && shown.contains("(up)") | shown.contains(" up\n")
            && has_bars("clients")
            && has_bars("ping")
            && has_bars("store ping")
    });
    let mut client = daemon.connect();
    for n in 0..50 {
        assert_eq!(client.ask(&format!("set k{n} v")), "OK");
    }
    terminal.wait_until("requests", |screen| {
        let shown = screen.contents();
        let line = shown.lines().find(|line| line.starts_with("requests/s"));
        line.is_some_and(|line| line.contains('█'))
    });
    daemon.kill();
    terminal.wait_for("away: ");
    daemon.launch();
    terminal.wait_until("the daemon back", |screen| !screen.contents().contains("away: "));
    terminal.press("q");
    assert!(terminal.end().success());
    terminal.wait_until("the usual screen", |screen| !screen.alternate_screen());
}

#[test]
fn ctrl_c_ends_it_even_if_the_daemon_does_not_answer() {
    let daemon = Daemon::start(&[]);
    daemon.signal(rustix::process::Signal::STOP);
    let mut terminal = Terminal::start(&daemon, &["watch"], &[]);
    terminal.wait_until("its screen", vt100::Screen::alternate_screen);
    terminal.press("\x03");
    assert!(terminal.end().success());
}

#[test]
fn elsewhere_it_writes_a_line_for_each_look() {
    let mut daemon = Daemon::start(&[]);
    let mut child = start(&daemon, &["watch", "--interval", "20ms"]);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || lines.next().expect("it goes on").expect("text");
    for _ in 0..2 {
        let line = next();
        let names: Vec<_> =
            line.split(' ').skip(1).filter_map(|field| Some(field.split_once('=')?.0)).collect();
        let expected = [
            "requests/s",
            "errors/s",
            "clients",
            "ping",
            "store_ping",
            "hit_rate",
            "keys",
            "store",
            "uptime",
        ];
        assert_eq!(names, expected, "{line}");
        assert!(line.contains(" store=up "), "{line}");
    }
    daemon.kill();
    while !next().contains(" error=\"") {}
    daemon.launch();
    while !next().contains(" requests/s=") {}
    drop(lines);
    assert_output(&child.wait_with_output().expect("it ends"), 141, "", "");
}

#[test]
fn an_interval_that_makes_no_sense_is_refused() {
    let daemon = Daemon::stopped(&[]);
    for interval in ["0", "soon"] {
        let output = kvsock(&daemon, &["watch", "--interval", interval]);
        assert_eq!(output.status.code(), Some(2));
    }
}
