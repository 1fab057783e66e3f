//! The benchmark (`benches/compare/`) itself: that every row is measured, with right replies, that
//! the table and the plot are written whole, and that nothing of it stays. Its figures mean nothing
//! here. The programs are those of the tests, so that none has to be built.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use support::valkey::Setup;

/// Rows that there are in any case; of idle clients there is a table of another form.
const TITLES: [&str; 8] = [
    "| get 64 B, RESP, 1 deep, 1 client |",
    "| set 64 B, RESP, 16 deep, 50 clients |",
    "| get 4 KiB, text, 16 deep, 50 clients |",
    "| set 64 B, durable, 1 deep, 50 clients |",
    "| get 64 B, store 1 ms away, 1 deep, 50 clients |",
    "| connect, get 64 B, close |",
    "| process that gets 64 B, TLS and password |",
    "### 100 idle clients",
];
const COLUMNS_OF_SAMPLES: usize = 11;

/// A run with a directory of its own for what is temporary.
fn benchmark(temporary: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command
        .args(["bench", "--quiet", "--profile", "dev", "--bench", "compare", "--"])
        .args(arguments)
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null());
    // What is told of this test's package would have ring, and all that needs it, built anew.
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let of_package =
        |name: &String| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for name in names.filter(of_package) {
        command.env_remove(name);
    }
    command
}

fn leaves_nothing(temporary: &TempDir) {
    let left: Vec<_> = fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    let path = temporary.path().to_str().unwrap();
    for process in fs::read_dir("/proc").unwrap() {
        let command = fs::read(process.unwrap().path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        assert!(!command.contains(path), "it still runs: {command}");
    }
}

/// Lines of a table have as many cells as its head.
fn is_whole(table: &str) {
    for block in table.split("\n\n").filter(|block| block.starts_with('|')) {
        let cells: Vec<usize> = block.lines().map(|line| line.matches('|').count()).collect();
        assert!(cells.len() > 2 && cells.iter().all(|count| *count == cells[0]), "{block}");
    }
    let measured = TITLES.iter().all(|title| table.contains(title));
    assert!(measured, "{table}");
}

fn is_xml(path: &Path) -> bool {
    let script =
        "import sys, xml.dom.minidom as xml; print(xml.parse(sys.argv[1]).documentElement.tagName)";
    match Command::new("python3").args(["-c", script]).arg(path).output() {
        Ok(output) => output.stdout == b"svg\n",
        Err(error) => {
            assert!(!is_required(), "python3: {error}");
            eprintln!("not run: there is no python3, which reads the plot");
            true
        }
    }
}

fn is_required() -> bool {
    std::env::var("KVSOCK_TEST_REQUIRE").is_ok_and(|value| value == "1")
}

#[test]
fn the_short_form_measures_every_row_and_leaves_nothing() {
    // Says so, or fails, where there is none.
    let Some(_) = Setup::default().start() else { return };
    let [temporary, output] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let arguments = ["--short", "--output", output.path().to_str().unwrap()];
    let run = benchmark(&temporary, &arguments).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    leaves_nothing(&temporary);

    let table = fs::read_to_string(output.path().join("table.md")).unwrap();
    is_whole(&table);
    assert!(String::from_utf8(run.stdout).unwrap().contains(&table));
    if is_required() {
        assert!(!table.to_lowercase().contains("not measured"), "{table}");
    }
    assert!(is_xml(&output.path().join("plot.svg")));
    let samples = fs::read_to_string(output.path().join("samples.csv")).unwrap();
    for line in samples.lines().skip(1) {
        let (row, figures) = line.strip_prefix('"').unwrap().split_once("\",").unwrap();
        assert!(table.contains(&format!("| {row} |")), "{row}");
        assert_eq!(
            figures.split(',').count(),
            COLUMNS_OF_SAMPLES - 1 + figures.matches(", ").count()
        );
    }
}

#[test]
fn an_interrupted_run_leaves_nothing() {
    let Some(_) = Setup::default().start() else { return };
    let [temporary, output] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let title = "connect, get 64 B, close";
    let arguments =
        ["--only", title, "--rounds", "60000", "--output", output.path().to_str().unwrap()];
    let mut run =
        benchmark(&temporary, &arguments).process_group(0).stderr(Stdio::piped()).spawn().unwrap();
    let group = Pid::from_child(&run);
    let mut said = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
    let has_begun = said.any(|line| line == title);
    // As a terminal does at Ctrl-C.
    kill_process_group(group, Signal::INT).unwrap();
    let rest: Vec<String> = said.collect();
    let status = run.wait().unwrap();
    assert!(has_begun && !status.success(), "{status}: {rest:?}");
    assert!(!rest.iter().any(|line| line.contains("panicked")), "{rest:?}");
    leaves_nothing(&temporary);
}
