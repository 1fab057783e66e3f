//! The settings: environment and arguments, with sizes, times and the store's URL.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use kvsock::config::{Invocation, LoadError, Settings, load};
use kvsock::logging::Filter;

use super::{environment_file, location};

/// What no message may hold.
const PASSWORD: &str = "hunter2.SECRET";
/// What would let an input read files.
const FILES: [&[u8]; 3] =
    [b"CREDENTIALS_DIRECTORY=", b"KVSOCK_STORE_PASSWORD_FILE=", b"--store-password-file"];

/// An input is lines: arguments, which begin with a dash, and variables.
pub fn check(input: &[u8]) {
    let (mut arguments, mut variables) = (Vec::new(), Vec::new());
    for line in input.split(|byte| *byte == b'\n') {
        if FILES.iter().any(|refused| line.starts_with(refused)) || line.contains(&0) {
            continue;
        }
        // Within a line, as in a file with settings, this is a line's end.
        let line = line.iter().map(|byte| if *byte == 0x1e { b'\n' } else { *byte });
        let line: Vec<u8> = line.collect();
        if line.starts_with(b"-") {
            arguments.push(OsString::from_vec(line));
        } else if let Some(at) = line.iter().position(|byte| *byte == b'=') {
            let (name, value) = (line[..at].to_vec(), line[at + 1..].to_vec());
            variables.push((OsString::from_vec(name), OsString::from_vec(value)));
        }
    }
    // A message about an argument leaves out what would control a terminal.
    let holds_password = |text: &OsString| {
        let text = text.to_string_lossy();
        let mut letters = text.chars();
        PASSWORD.chars().all(|wanted| letters.any(|letter| letter == wanted))
    };
    let is_public = |(name, value): &(OsString, OsString)| {
        holds_password(name) || (*name != *"KVSOCK_STORE_PASSWORD" && holds_password(value))
    };
    let is_secret = !arguments.iter().any(holds_password) && !variables.iter().any(is_public);
    let said = match load(std::iter::once("kvsockd".into()).chain(arguments), variables.into_iter())
    {
        Ok(invocation) => {
            check_invocation(&invocation);
            format!("{invocation:?}{}", invocation.in_effect)
        }
        Err(LoadError::Faults(faults)) => {
            let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
            let is_line = |line: &String| !line.is_empty() && !line.contains(char::is_control);
            assert!(lines.iter().all(is_line), "{lines:?}");
            assert!(!lines.is_empty(), "no settings, and no fault");
            lines.concat()
        }
        Err(LoadError::Usage(error)) => error.to_string(),
    };
    assert!(!is_secret || !said.contains(PASSWORD), "{said}");
}

/// A whole number with one of these units is just that many.
const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("k", 1000),
    ("kB", 1000),
    ("Ki", 1 << 10),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];
const MILLISECONDS: &[(&str, u64)] = &[
    ("", 1000),
    ("ms", 1),
    ("s", 1000),
    ("min", 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("d", 24 * 60 * 60 * 1000),
];

/// What a text says that is a whole number and a unit.
fn exact(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// What `--check` prints, read as systemd reads it, gives the same settings.
fn check_invocation(invocation: &Invocation) {
    check_values(invocation);
    let printed = invocation.in_effect.to_string();
    if printed.contains(char::REPLACEMENT_CHARACTER) {
        // A path of the surroundings that is no UTF-8.
        return;
    }
    location::check_location(&invocation.settings.store.location);
    let variables = environment_file::read(&printed);
    let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
    let again = load(std::iter::once("kvsockd".into()), variables)
        .unwrap_or_else(|error| panic!("{error} in {printed}"));
    assert_eq!(again.in_effect, invocation.in_effect, "{printed}");
    assert_eq!(told(&again.settings), told(&invocation.settings), "{printed}");
}

/// The settings without the secrets, in their debug form, since not all of them can be compared.
fn told(settings: &Settings) -> String {
    let mut settings = settings.clone();
    settings.store.location = location::without_secrets(&settings.store.location);
    (settings.store.username, settings.store.password) = (None, None);
    format!("{settings:?}")
}

/// What the documentation promises of every value.
fn check_values(invocation: &Invocation) {
    let settings = &invocation.settings;
    let server = &settings.server;
    let text = |name| invocation.in_effect.get(name).expect("a setting");
    for (name, time) in [
        ("CLIENT_TIMEOUT", server.client_timeout),
        ("IDLE_EXIT", server.idle_exit),
        ("DRAIN_TIMEOUT", server.drain_timeout),
        ("STORE_TIMEOUT", settings.store.timeout),
    ] {
        let days = time.as_secs() / (24 * 60 * 60);
        assert!(time.is_zero() || (time.as_micros() >= 1000 && days <= 10_000), "{time:?}");
        let said = exact(text(name), MILLISECONDS).map(Duration::from_millis);
        assert_eq!(said.unwrap_or(time), time, "{name}={}", text(name));
    }
    for (name, size) in [
        ("MAX_REQUEST", server.max_request),
        ("MAX_REPLY", server.max_reply),
        ("MAX_MEMORY", server.max_memory),
    ] {
        assert!(size == 0 || (1024..=isize::MAX.unsigned_abs()).contains(&size), "{size}");
        let said = exact(text(name), SIZES);
        assert_eq!(said.unwrap_or(size as u64), size as u64, "{name}={}", text(name));
    }
    assert!(server.max_memory == 0 || server.max_memory >= server.max_request);
    assert_eq!(server.max_reply, settings.store.max_reply);
    assert!(settings.socket.as_os_str().len() <= 107);
    settings.log.filter.parse::<Filter>().expect("a filter");
}
