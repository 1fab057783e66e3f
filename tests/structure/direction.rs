//! Which part of `src/` may import which: the table of ARCHITECTURE.md.

/// A part, a file or folder directly in `src/`, and what it may import, where a folder stands for
/// all that is in it. A part may always import itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("exit", &[]),
    ("keygen", &[]),
    ("message", &[]),
    ("account", &[]),
    ("systemd", &[]),
    ("logging", &["event"]),
    ("memory", &["account"]),
    ("protocol", &["message"]),
    ("handover", &["message", "protocol"]),
    ("store", &["event", "message", "account", "memory", "protocol/resp", "protocol/outgoing"]),
    (
        "command",
        &["event", "message", "store", "keygen", "logging", "account", "memory", "handover/record"],
    ),
    (
        "server",
        &["event", "protocol", "command", "message", "account", "memory", "handover/record"],
    ),
    ("config", &["event", "exit", "command", "logging", "server", "store"]),
    (
        "client",
        &[
            "command/table",
            "message",
            "protocol",
            "store/operation",
            "store/embedded/glob",
            "config",
        ],
    ),
    ("manual", &["command/table", "config", "client"]),
    (
        "daemon",
        &[
            "event", "exit", "message", "logging", "systemd", "account", "memory", "protocol",
            "handover", "store", "command", "server", "config", "keygen", "manual",
        ],
    ),
];

/// Whether a file may import another; each is named by its path in `src/`.
pub(crate) fn allows(from: &str, to: &str) -> bool {
    let part = from.split(['/', '.']).next().unwrap_or(from);
    if is_in(to, part) {
        return true;
    }
    let may = MAY_IMPORT.iter().find(|(it, _)| *it == part).map_or(&[][..], |(_, may)| may);
    may.iter().any(|path| is_in(to, path))
}

fn is_in(file: &str, path: &str) -> bool {
    file.strip_prefix(path).is_some_and(|rest| rest.starts_with(['/', '.']))
}

/// All paths that the directions name.
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    MAY_IMPORT.iter().flat_map(|(part, may)| may.iter().chain([part]).copied())
}
