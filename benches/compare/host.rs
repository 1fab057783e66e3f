//! The machine and the programs that the figures are of.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// In one line: when, processor, cores, kernel, versions.
pub(crate) fn describe(programs: &Path) -> String {
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut words = vec![
        format!("{}: {}, {cores} cores", &date[..10], processor()),
        format!("Linux {}", kernel.trim()),
        version(&programs.join("kvsockd").to_string_lossy(), "--version"),
    ];
    let others = [
        ("valkey-server", "--version"),
        ("nutcracker", "--version"),
        ("memcached", "--version"),
        ("systemctl", "--version"),
    ];
    words.extend(others.map(|(program, flag)| version(program, flag)));
    words.retain(|word| !word.is_empty());
    words.join("; ")
}

/// The load average of the last minute.
pub(crate) fn load() -> f64 {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

fn processor() -> String {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map(|model| model.trim_start_matches(['\t', ' ', ':']));
    model.unwrap_or("unknown processor").to_owned()
}

/// A program's name and version, or nothing where it is not there.
fn version(program: &str, flag: &str) -> String {
    let Ok(output) = Command::new(program).arg(flag).output() else { return String::new() };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    // `v=8.0.1`, `nutcracker-0.5.0`
    let words = said.split_whitespace();
    let mut numbers = words.map(|word| word.trim_start_matches(|c: char| !c.is_ascii_digit()));
    let number = numbers.find(|number| !number.is_empty());
    let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
    let name = if name == "systemctl" { "systemd".into() } else { name };
    format!("{name} {}", number.unwrap_or("of unknown version"))
}
