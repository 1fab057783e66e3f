//! The prompt, in a real terminal.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::support::daemon::Daemon;
use crate::terminal::Terminal;

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const UP: &str = "\x1b[A";

fn prompt(daemon: &Daemon) -> Terminal {
    let terminal = Terminal::start(daemon, &[], &[]);
    terminal.wait_for_last("kvsock>");
    terminal
}

#[test]
fn requests_are_typed_and_answered() {
    let daemon = Daemon::start(&[]);
    let mut terminal = prompt(&daemon);
    terminal.enter("set motd hello   world");
    terminal.wait_for("\nOK\n");
    assert_eq!(daemon.ask("get motd"), "hello   world");
    terminal.enter("mset a 1 \"b c\" \"\\x1b[2J\"");
    terminal.enter("mget motd nothing \"b c\"");
    terminal.wait_for("\n1) hello   world\n2) (nil)\n3) \"\\x1b[2J\"\n");
    terminal.enter("set k \"v\" EXAT 99999999999");
    terminal.enter("expiretime k");
    terminal.wait_for("\n99999999999\n");
    terminal.enter("exsits a");
    terminal.wait_for("\nerror: unknown command \"exsits\"; did you mean \"exists\"?\n");
    terminal.enter("get");
    terminal.wait_for("\nerror: \"get\" command requires a key.\n");
    terminal.enter("get \"a");
    terminal.wait_for("\nerror: unbalanced quotes in request\n");
    terminal.enter("help setex");
    terminal.wait_for("\nsetex <key> <seconds> <value>\n");
    terminal.wait_for_prompt();
    terminal.press(CTRL_D);
    assert!(terminal.end().success());
}

#[test]
fn quit_and_exit_end_it() {
    let daemon = Daemon::start(&[]);
    for farewell in ["quit", "EXIT"] {
        let mut terminal = prompt(&daemon);
        terminal.enter(farewell);
        assert!(terminal.end().success());
    }
}

#[test]
fn the_prompt_tells_of_a_transaction() {
    let daemon = Daemon::start(&[]);
    let mut terminal = prompt(&daemon);
    terminal.enter("multi");
    terminal.wait_for_last("kvsock(multi)>");
    terminal.enter("incr n");
    terminal.wait_for("QUEUED");
    terminal.wait_for_last("kvsock(multi)>");
    terminal.enter("exec");
    terminal.wait_for("\n1) 1\n");
    terminal.wait_for_last("kvsock>");
}

#[test]
fn commands_are_completed_and_their_arguments_shown() {
    let daemon = Daemon::start(&[]);
    let mut terminal = prompt(&daemon);
    terminal.press("sete\t");
    terminal.wait_for_last("kvsock> setex <key> <seconds> <value>");
    terminal.press("k ");
    terminal.wait_for_last("kvsock> setex k <seconds> <value>");
    terminal.press(CTRL_C);
    terminal.wait_for_last("kvsock>");
    terminal.press("set k \"v\" keep\t");
    terminal.wait_for_last("kvsock> set k \"v\" KEEPTTL");
    terminal.press(CTRL_C);
    terminal.wait_for_last("kvsock>");
    terminal.press("client no-\t\t");
    terminal.wait_for("no-evict  no-touch");
}

#[test]
fn colour_is_for_those_who_want_it() {
    let daemon = Daemon::start(&[]);
    let is_red = |screen: &vt100::Screen| {
        (0..24).any(|row| {
            let cell = screen.cell(row, 0).expect("on the screen");
            cell.contents() == "e" && cell.fgcolor() == vt100::Color::Idx(1)
        })
    };
    let mut terminal = prompt(&daemon);
    terminal.enter("get");
    terminal.wait_until("an error in red", is_red);
    let mut terminal = Terminal::start(&daemon, &[], &[("NO_COLOR", "1")]);
    terminal.enter("get");
    terminal.wait_until("an error without colour", |screen| {
        screen.contents().contains("\nerror: \"get\"") && !is_red(screen)
    });
}

#[test]
fn history_is_kept_for_the_next_time_without_secrets() {
    let daemon = Daemon::start(&[]);
    let mut terminal = prompt(&daemon);
    terminal.enter("set a first");
    terminal.enter("auth sesame");
    terminal.wait_for("sesame\n");
    terminal.wait_for_prompt();
    terminal.press(CTRL_D);
    assert!(terminal.end().success());
    let file = daemon.dir().join("state/kvsock/history");
    let history = std::fs::read_to_string(&file).expect("a history");
    assert!(history.contains("set a first") && !history.contains("sesame"), "{history}");
    let mode = std::fs::metadata(&file).expect("a history").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut terminal = prompt(&daemon);
    terminal.press(UP);
    terminal.wait_for_last("kvsock> set a first");
}

#[test]
fn ctrl_c_forgets_what_was_typed_and_what_was_waited_for() {
    let daemon = Daemon::start(&[]);
    let mut terminal = prompt(&daemon);
    terminal.press("set a unfinished");
    terminal.wait_for("unfinished");
    terminal.press(CTRL_C);
    terminal.wait_for_last("kvsock>");
    daemon.signal(Signal::STOP);
    terminal.enter("incr n");
    let why = "error: interrupted\nthe request may or may not have been carried out\n";
    terminal.press_until(CTRL_C, why);
    daemon.signal(Signal::CONT);
    terminal.enter("get a");
    terminal.wait_for("\n(nil)\n");
}

#[test]
fn a_slow_reply_has_its_time_told() {
    let daemon = Daemon::start(&[]);
    let mut terminal = prompt(&daemon);
    daemon.signal(Signal::STOP);
    terminal.enter("ping");
    // However long this takes, it is what the client waits.
    std::thread::sleep(std::time::Duration::from_millis(150));
    daemon.signal(Signal::CONT);
    terminal.wait_for("ms)");
    assert!(terminal.contents().contains("\nPONG\n("), "{}", terminal.contents());
}

#[test]
fn it_connects_again_when_the_daemon_was_restarted() {
    let mut daemon = Daemon::start(&[]);
    let mut terminal = prompt(&daemon);
    terminal.enter("set a 1");
    terminal.wait_for("\nOK\n");
    daemon.stop();
    daemon.launch();
    terminal.enter("get a");
    terminal.wait_for("\nthe daemon had closed the connection; connected again\n1\n");
    terminal.enter("multi");
    terminal.wait_for_last("kvsock(multi)>");
    daemon.stop();
    terminal.enter("set a 2");
    terminal.wait_for("\nerror: the daemon closed the connection; not sent\nthe transaction ");
    terminal.wait_for_last("kvsock>");
    terminal.enter("get a");
    terminal.wait_for("\nerror: cannot connect to ");
    daemon.launch();
    assert_eq!(daemon.ask("get a"), "1");
}

#[test]
fn long_output_is_paged() {
    let daemon = Daemon::start(&[]);
    let mut terminal = Terminal::start(&daemon, &[], &[("PAGER", "sed 's/^/paged: /'")]);
    terminal.enter("help get");
    terminal.enter("help");
    terminal.wait_for("\npaged:   ");
    assert!(!terminal.contents().contains("paged: get <key>"), "{}", terminal.contents());
}

#[test]
fn json_is_for_the_prompt_too() {
    let daemon = Daemon::start(&[]);
    let mut terminal = Terminal::start(&daemon, &["--json"], &[]);
    terminal.enter("mget a b");
    terminal.wait_for("\n[null,null]\n");
}

#[test]
fn without_a_daemon_there_is_no_prompt() {
    let daemon = Daemon::stopped(&[]);
    let mut terminal = Terminal::start(&daemon, &[], &[]);
    terminal.wait_for("kvsock: cannot connect to ");
    assert_eq!(terminal.end().code(), Some(2));
}
