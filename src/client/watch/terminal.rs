//! The terminal while `kvsock watch` runs.

use std::io::{self, Write};
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyModifiers};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use crossterm::{cursor, execute, queue, style};

/// A terminal without echo that shows a second screen. Restored when dropped.
pub(super) struct Terminal {
    out: io::Stdout,
}

/// The size in columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// An event at the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// No relevant event.
    None,
    /// The user wants to end.
    End,
    /// The terminal's size changed.
    Resized,
}

impl Terminal {
    /// Takes over the terminal.
    pub(super) fn open() -> io::Result<Terminal> {
        enable_raw_mode()?;
        let mut terminal = Terminal { out: io::stdout() };
        execute!(terminal.out, EnterAlternateScreen, cursor::Hide)?;
        Ok(terminal)
    }

    /// Replaces the shown lines.
    pub(super) fn draw(&mut self, lines: impl FnOnce(Size) -> Vec<String>) -> io::Result<()> {
        let (columns, rows) = size()?;
        let lines = lines(Size { columns: columns.into(), rows: rows.into() });
        let mut out = self.out.lock();
        queue!(out, BeginSynchronizedUpdate)?;
        for (row, line) in (0..).zip(lines) {
            queue!(
                out,
                cursor::MoveTo(0, row),
                style::Print(line),
                Clear(ClearType::UntilNewLine)
            )?;
        }
        queue!(out, Clear(ClearType::FromCursorDown), EndSynchronizedUpdate)?;
        out.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = execute!(self.out, cursor::Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

/// Waits up to `time` for an event.
pub(super) fn wait(time: Duration) -> io::Result<Key> {
    if !event::poll(time)? {
        return Ok(Key::None);
    }
    Ok(match event::read()? {
        Event::Resize(..) => Key::Resized,
        Event::Key(key) => match key.code {
            KeyCode::Char('q') | KeyCode::Esc => Key::End,
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => Key::End,
            _ => Key::None,
        },
        _ => Key::None,
    })
}
