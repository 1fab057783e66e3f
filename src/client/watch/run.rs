//! The loop of `kvsock watch`: one thread looks at the daemon, and the main thread shows each look.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::figures::{Figures, History, Look};
use super::line;
use super::sample::Observer;
use super::screen::Screen;
use super::terminal::{self, Terminal};
use crate::client::channel::socket::DaemonSocket;
use crate::client::error::ClientError;
use crate::client::interrupt::Interrupt;
use crate::client::output::colour::Palette;

/// The longest delay before a key is handled.
const TICK: Duration = Duration::from_millis(100);

/// Watches until it is stopped.
pub(crate) fn run(socket: &DaemonSocket, interval: Duration) -> Result<ExitCode, ClientError> {
    let looks = observe(socket, interval);
    if io::stdout().is_terminal() {
        on_terminal(socket, &looks)?;
    } else {
        in_lines(&looks)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Looks at the daemon repeatedly in a thread of its own, so that keys are handled while the daemon
/// does not answer.
fn observe(socket: &DaemonSocket, interval: Duration) -> Receiver<Look> {
    let (found, looks) = channel();
    let mut observer = Observer::new(socket);
    thread::spawn(move || {
        let mut next = Instant::now();
        let mut before = None;
        loop {
            let look = observer.look();
            let found = match look {
                Ok(sample) => {
                    let figures = Figures::between(before.as_ref(), &sample);
                    before = Some(sample);
                    found.send(Ok(figures))
                }
                Err(error) => {
                    before = None;
                    found.send(Err(error))
                }
            };
            if found.is_err() {
                return;
            }
            next = (next + interval).max(Instant::now());
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    });
    looks
}

/// A daemon that is away may come back; a daemon of another user ends the watch.
fn unless_distrusted(look: Look) -> Result<Look, ClientError> {
    match look {
        Err(error @ ClientError::Distrusted { .. }) => Err(error),
        look => Ok(look),
    }
}

fn in_lines(looks: &Receiver<Look>) -> Result<(), ClientError> {
    for look in looks {
        let look = unless_distrusted(look)?;
        let Some(text) = line::line(&look) else { continue };
        let mut out = io::stdout().lock();
        writeln!(out, "{text}").and_then(|()| out.flush()).map_err(ClientError::Output)?;
    }
    Ok(())
}

fn on_terminal(socket: &DaemonSocket, looks: &Receiver<Look>) -> Result<(), ClientError> {
    let interrupt = Interrupt::on_any_end().map_err(ClientError::Terminal)?;
    let mut terminal = Terminal::open().map_err(ClientError::Terminal)?;
    let mut screen = Screen::new(socket.path(), Palette::for_output());
    let mut history = History::default();
    loop {
        let changed = match looks.try_recv() {
            Ok(look) => {
                let look = unless_distrusted(look)?;
                history.add(look.as_ref().ok());
                screen.show(look);
                true
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => false,
        };
        let key = terminal::wait(TICK).map_err(ClientError::Terminal)?;
        if key == terminal::Key::End || interrupt.is_set() {
            return Ok(());
        }
        if changed || key == terminal::Key::Resized {
            terminal.draw(|size| screen.lines(&history, size)).map_err(ClientError::Terminal)?;
        }
    }
}
