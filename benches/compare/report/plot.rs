//! The plot: a bar for each server of the rows that matter most, on a logarithmic scale, so that
//! twice as fast and half as fast are as far from 1. SVG is written as text: rectangles and words
//! on a grid of our own need no library for charts, and one would choose another look.

use std::fmt::Write;

use super::Report;
use crate::ratio::short;
use crate::server::{
    CACHED, CAGED_PROXYD, COLD_VALKEY, EMBEDDED, KVSOCK, MEMCACHED, NUTCRACKER, SOCKET_PROXYD,
    VALKEY,
};
use crate::turn::{Measured, Samples};

const WIDTH: f64 = 936.0;
/// Where bars may be, and how far apart.
const LEFT: f64 = 226.0;
const RIGHT: f64 = 836.0;
const BAR: f64 = 14.0;
const TITLE: f64 = 26.0;
const TOP: f64 = 56.0;

/// Rows that are in the plot, where they were measured. The others are in the table.
const PLOTTED: [&str; 11] = [
    "get 64 B, RESP, 1 deep, 50 clients",
    "get 64 B, RESP, 16 deep, 50 clients",
    "get 64 B, RESP, 64 deep, 50 clients",
    "set 64 B, RESP, 16 deep, 50 clients",
    "get 64 B, text, 16 deep, 50 clients",
    "set 64 B, durable, 1 deep, 50 clients",
    "get 64 B, store 1 ms away, 1 deep, 1 client",
    "connect, get 64 B, close",
    "process that gets 64 B",
    "process that gets 64 B, TLS and password",
    "cold activation, connect to first reply",
];

impl Report {
    pub(super) fn plot(&self) -> String {
        let all = || self.sections.iter().flat_map(|section| &section.rows);
        let mut rows: Vec<&Measured> =
            all().filter(|row| PLOTTED.contains(&row.title.as_str())).collect();
        if rows.is_empty() {
            rows = all().collect();
        }
        let scale = Scale::of(&rows);
        let mut body = String::new();
        let mut y = TOP;
        for row in &rows {
            y += TITLE;
            let _ = writeln!(
                body,
                "<text x=\"16\" y=\"{:.0}\" class=\"row\">{}</text>",
                y - 8.0,
                row.title
            );
            for server in &row.servers {
                body.push_str(&bar(row, server, &scale, y));
                y += BAR;
            }
        }
        let height = y + 64.0;
        let grid = scale.grid(TOP, y);
        let words = [
            (16.0, 26.0, "title", "Speed beside talking to Valkey directly".to_owned()),
            (
                16.0,
                44.0,
                "note",
                "times as fast as the first server in each group, on a \
                logarithmic scale; lines span the rounds"
                    .to_owned(),
            ),
            (16.0, height - 14.0, "note", self.host.clone()),
        ];
        let words = words.map(|(x, y, class, text)| {
            format!("<text x=\"{x}\" y=\"{y:.0}\" class=\"{class}\">{}</text>\n", escape(&text))
        });
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
             font-family=\"sans-serif\" font-size=\"11\">\n<style>.title{{font-size:17px;\
             font-weight:bold}}.row{{font-weight:bold}}.note{{fill:#666}}.end{{text-anchor:end}}\
             .mid{{text-anchor:middle}}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{grid}{}{body}</svg>\n",
            words.concat()
        )
    }
}

/// The bar of one server, from 1 to its ratio, with its name before it and its figure after it.
fn bar(row: &Measured, server: &Samples, scale: &Scale, y: f64) -> String {
    let speed = row.speed(server);
    let [least, median, greatest] = [speed.least, speed.median, speed.greatest].map(|r| scale.x(r));
    let (one, middle) = (scale.x(1.0), y + BAR / 2.0);
    let (start, width) = (one.min(median), (one - median).abs().max(1.5));
    let (colour, height) = (colour(server.name), BAR - 3.0);
    let (words, after) = (y + BAR - 4.0, median.max(greatest).max(one) + 6.0);
    let (name, figure) = (escape(server.name), short(speed.median));
    let before = LEFT - 8.0;
    format!(
        "<text x=\"{before}\" y=\"{words:.1}\" class=\"end\">{name}</text>\n\
         <rect x=\"{start:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" \
         fill=\"{colour}\"/>\n\
         <path d=\"M{least:.1} {middle:.1}H{greatest:.1}\" stroke=\"#222\"/>\n\
         <text x=\"{after:.1}\" y=\"{words:.1}\">{figure}</text>\n"
    )
}

/// Ratios to places.
struct Scale {
    /// Powers of two at both ends.
    low: i32,
    high: i32,
}

impl Scale {
    fn of(rows: &[&Measured]) -> Scale {
        let of_row = |row: &&Measured| row.servers.iter().map(|s| row.speed(s)).collect::<Vec<_>>();
        let (mut low, mut high) = (-1, 1);
        for speed in rows.iter().flat_map(of_row) {
            low = low.min(speed.least.log2().floor() as i32);
            high = high.max(speed.greatest.log2().ceil() as i32);
        }
        Scale { low, high }
    }

    fn x(&self, ratio: f64) -> f64 {
        let share = (ratio.log2() - f64::from(self.low)) / f64::from(self.high - self.low);
        LEFT + share * (RIGHT - LEFT)
    }

    /// A line at each power of two, and its name below.
    fn grid(&self, top: f64, bottom: f64) -> String {
        let mut text = String::new();
        for power in self.low..=self.high {
            let ratio = 2_f64.powi(power);
            let name = if power < 0 { format!("1/{}", 1 << -power) } else { ratio.to_string() };
            let (x, colour) = (self.x(ratio), if power == 0 { "#222" } else { "#ddd" });
            let _ = writeln!(
                text,
                "<path d=\"M{x:.1} {top}V{bottom:.0}\" stroke=\"{colour}\"/>\n\
                 <text x=\"{x:.1}\" y=\"{:.0}\" class=\"mid\">{name}</text>",
                bottom + 16.0
            );
        }
        text
    }
}

/// Of all proxies one colour each; kvsock's are greens.
fn colour(server: &str) -> &'static str {
    match server {
        KVSOCK | "kvsock, by kvsockd" => "#1b8a5a",
        CACHED => "#0b5d3b",
        EMBEDDED => "#6cc297",
        VALKEY | "valkey-cli, direct" => "#555",
        NUTCRACKER => "#d98e32",
        SOCKET_PROXYD => "#b0524a",
        CAGED_PROXYD => "#d29a95",
        COLD_VALKEY => "#dcb8b4",
        MEMCACHED => "#5a78b8",
        _ => "#999",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
