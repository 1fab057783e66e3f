//! Which part of `src/` may import which: the table of ARCHITECTURE.md.

/// A part, a file or folder directly in `src/`, and what it may import, where a folder stands for
/// all that is in it. A part may always import itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("exit", &[]),
    ("message", &[]),
    ("account", &[]),
    ("systemd", &[]),
    ("logging", &[]),
    ("memory", &["account"]),
    ("protocol", &["message"]),
    ("handover", &["message", "protocol"]),
    (
        "store",
        &[
            "command/table",
            "logging/event",
            "message",
            "account",
            "memory",
            "protocol/resp",
            "protocol/outgoing",
        ],
    ),
    ("command", &["message", "store", "logging", "account", "memory", "handover"]),
    ("server", &["protocol", "command", "message", "account", "memory", "handover"]),
    ("config", &["exit", "command", "logging", "server", "store"]),
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
            "exit", "message", "logging", "systemd", "account", "memory", "protocol", "handover",
            "store", "command", "server", "config", "manual",
        ],
    ),
];

/// Folders whose entries import one way: each entry only those before it. Entries of one group
/// import none of each other.
const ORDERED: &[(&str, &[&[&str]])] = &[
    (
        "command",
        &[
            &["word", "keygen", "stop", "access", "table"],
            &["work"],
            &["session"],
            &["context"],
            &["builtin"],
            &["execute"],
        ],
    ),
    (
        "store/valkey",
        &[
            &["cache"],
            &["wire"],
            &["keys"],
            &["connect"],
            &["last", "cost", "sentinel"],
            &["single"],
            &["cluster"],
            &["check"],
        ],
    ),
    (
        "store/embedded",
        &[
            &["argument", "format", "glob"],
            &["change", "disk"],
            &["last", "check"],
            &["read"],
            &["types"],
            &["write"],
            &["engine"],
        ],
    ),
];

/// Whether a file may import another by the order of their common folder. `mod.rs` only declares
/// and re-exports, and may name all.
fn is_ordered(from: &str, to: &str) -> bool {
    ORDERED.iter().all(|(folder, groups)| {
        let place = |file: &str| {
            let name = file.strip_prefix(folder)?.strip_prefix('/')?.split(['/', '.']).next()?;
            Some((name.to_owned(), groups.iter().position(|group| group.contains(&name))))
        };
        let (Some((from, from_at)), Some((to, to_at))) = (place(from), place(to)) else {
            return true;
        };
        from == to || from == "mod" || to == "mod" || from_at > to_at
    })
}

/// Whether a file may import another; each is named by its path in `src/`.
pub(crate) fn allows(from: &str, to: &str) -> bool {
    // The store imports the table, so the table may not import the store.
    let is_upwards = is_in(from, "command/table") && is_in(to, "store");
    if is_upwards || !is_ordered(from, to) {
        return false;
    }
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
pub(crate) fn paths() -> impl Iterator<Item = String> {
    let ordered = ORDERED.iter().flat_map(|(folder, groups)| {
        groups.concat().into_iter().map(move |entry| format!("{folder}/{entry}"))
    });
    MAY_IMPORT
        .iter()
        .flat_map(|(part, may)| may.iter().chain([part]).map(|path| (*path).to_owned()))
        .chain(ordered)
}
