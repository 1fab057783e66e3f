//! A look as a screen.

use std::path::Path;

use super::figures::{Figures, History, Look, as_f64};
use super::line::{milliseconds, percent, uptime};
use super::terminal::Size;
use crate::client::output::colour::{Palette, Tone};

/// The columns before the sparklines.
const NAMES: usize = 12;
const VALUES: usize = 12;

/// A line as texts, each with its colour.
type Line = Vec<(Option<Tone>, String)>;

/// The content of the screen.
pub(super) struct Screen {
    socket: String,
    palette: Palette,
    /// The figures of the last look that found a daemon.
    figures: Option<Figures>,
    /// The error of the last look, if it found none.
    fault: Option<String>,
}

impl Screen {
    /// An empty screen.
    pub(super) fn new(socket: &Path, palette: Palette) -> Screen {
        Screen { socket: socket.display().to_string(), palette, figures: None, fault: None }
    }

    /// Shows a look.
    pub(super) fn show(&mut self, look: Look) {
        match look {
            Ok(figures) => (self.figures, self.fault) = (Some(figures), None),
            Err(error) => self.fault = Some(error.to_string()),
        }
    }

    /// The lines, cut to `size` and coloured.
    pub(super) fn lines(&self, history: &History, size: Size) -> Vec<String> {
        let lines = self.content(history, size.columns).into_iter().take(size.rows);
        lines.map(|line| self.cut(line, size.columns)).collect()
    }

    fn content(&self, history: &History, columns: usize) -> Vec<Line> {
        let mut lines = vec![self.title(), self.state(), vec![]];
        if let Some(figures) = &self.figures {
            lines.extend(rows(figures, history, columns.saturating_sub(NAMES + VALUES + 2)));
            lines.push(vec![]);
            lines.extend(foot(figures));
        }
        lines.push(vec![(Some(Tone::Faint), "q ends".to_owned())]);
        lines
    }

    fn title(&self) -> Line {
        let mut title = vec![
            (Some(Tone::Strong), "kvsock watch".to_owned()),
            (None, format!("  {}", self.socket)),
        ];
        if let Some(Figures { status, .. }) = &self.figures {
            let up = uptime(status.uptime_seconds);
            title.push((Some(Tone::Faint), format!("  v{}, up {up}", status.version)));
        }
        title
    }

    fn state(&self) -> Line {
        match (&self.fault, &self.figures) {
            (Some(fault), _) => vec![(Some(Tone::Bad), format!("away: {fault}"))],
            (None, None) => vec![(Some(Tone::Faint), "looking ...".to_owned())],
            (None, Some(Figures { status, .. })) => {
                let store = &status.store;
                let why = store.error.as_deref().unwrap_or("for no reason that it knows");
                let state = if store.up {
                    (Some(Tone::Good), "up".to_owned())
                } else {
                    (Some(Tone::Bad), format!("down: {}", why.escape_debug()))
                };
                vec![(None, format!("store {} ", store.url)), state]
            }
        }
    }

    fn cut(&self, line: Line, columns: usize) -> String {
        let mut room = columns;
        let mut text = String::new();
        for (tone, piece) in line {
            let piece: String = piece.chars().take(room).collect();
            room -= piece.chars().count();
            match tone {
                Some(tone) => text.push_str(&self.palette.paint(tone, &piece)),
                None => text.push_str(&piece),
            }
        }
        text
    }
}

/// The figures without a history.
fn foot(figures: &Figures) -> Vec<Line> {
    let status = &figures.status;
    let keys = status.db_size.map_or("unknown".to_owned(), |size| size.to_string());
    vec![
        pair("keys", &keys),
        pair(
            "in all",
            &format!(
                "{} requests, {} errors, {} clients refused",
                status.requests, status.errors, status.refused
            ),
        ),
    ]
}

fn pair(name: &str, value: &str) -> Line {
    vec![(Some(Tone::Faint), format!("{name:NAMES$}")), (None, value.to_owned())]
}

/// The figures with their history.
fn rows(figures: &Figures, history: &History, width: usize) -> Vec<Line> {
    let none = || "-".to_owned();
    let rate = |rate: Option<f64>| rate.map_or_else(none, |rate| format!("{rate:.1}"));
    let row = |name: &str, value: String, tone: Tone, of: &dyn Fn(&Figures) -> Option<f64>| {
        vec![
            (Some(Tone::Faint), format!("{name:NAMES$}")),
            (None, format!("{value:>VALUES$}  ")),
            (Some(tone), history.sparkline(of, width)),
        ]
    };
    let errors = rate(figures.errors);
    vec![
        row("requests/s", rate(figures.requests), Tone::Good, &|look| look.requests),
        row("errors/s", errors, Tone::Bad, &|look| look.errors),
        row("clients", figures.status.clients.to_string(), Tone::Number, &|look| {
            Some(as_f64(look.status.clients))
        }),
        row("hit rate", figures.hit_rate.map_or_else(none, percent), Tone::Good, &|look| {
            look.hit_rate
        }),
        row("ping", milliseconds(figures.ping), Tone::Text, &|look| Some(look.ping.as_secs_f64())),
        row(
            "store ping",
            figures.store_ping.map_or_else(none, milliseconds),
            Tone::Text,
            &|look| look.store_ping.map(|time| time.as_secs_f64()),
        ),
    ]
}
