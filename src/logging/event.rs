//! The events that the journal's catalog explains. Each kind has one id, which never changes.
//!
//! An entry carries its id as `message_id`, which becomes the journal's `MESSAGE_ID=`; other
//! outputs omit it. `systemd/kvsock.catalog` has the text that `journalctl -x` shows for each.
//!
//! Entries that an administrator may have to act on have an id. Entries that clients can cause at
//! will go through `command/access/audit.rs`, which bounds their number.

/// The target of all entries about callers. `KVSOCK_LOG` and `journalctl` name it in the manual, so
/// that it does not follow the path of a file.
pub const AUDIT_TARGET: &str = "kvsock::command::audit";
/// The target of all entries about a store that is up or down, with either engine.
pub const OUTAGE_TARGET: &str = "kvsock::store::outage";

macro_rules! events {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = $id;)+

        /// The names and ids of all events.
        pub const ALL: &[(&str, &str)] = &[$((stringify!($name), $id)),+];
    };
}

events! {
    /// The daemon takes requests.
    READY = "6c8455918bd345f496da0b4cadbbe07a";
    /// The daemon ends as requested.
    STOPPED = "4c34bdf14b184b8c93c9ee985fb4e673";
    /// The daemon stopped before it had answered all requests.
    CUT_OFF = "9c66120724ec4715b21f2eeb1b9d390f";
    /// The daemon cannot start, although its settings are valid.
    START_FAILED = "dcd24244aa6c4cbb82bb73f8c9b7fdd8";
    /// A setting is invalid.
    MISCONFIGURED = "2d8618d5fc8547eaaa71aa0095a24850";
    /// The store takes requests, for the first time or again.
    STORE_UP = "94f0227bbe9b447da650ce1e788d46af";
    /// The store takes no requests.
    STORE_DOWN = "04828b683a044d8d84bd330f032ca3f3";
    /// Clients were left with the service manager, still connected.
    HANDED_OVER = "003625d230a94585959f0588ccba142b";
    /// Clients of the previous daemon were taken over, still connected.
    TAKEN_OVER = "e87a40e4e2d84bd6b8cee1120d336cb5";
    /// Clients could not be handed over or taken over.
    HANDOVER_FAILED = "92d976dc21fe40a4a3d896967aae8e84";
    /// New settings are in force.
    RELOADED = "3b24cba7cbf94399b3dfa93ae6608bcb";
    /// New settings were rejected.
    RELOAD_FAILED = "d77b69cfe6e046c097c9df4cda5681e8";
    /// A command for administrators is carried out.
    ADMINISTRATION = "ac98444cf8cc478fa19387b4a24ac36c";
    /// A command was refused to a caller without the right to it.
    REFUSED = "447809d9d4e142d0a557945fbd642c9b";
    /// A connection was refused because the server has too many.
    FULL = "ce34768c259b4c648a929b47958f823e";
    /// A connection was refused because its user has too many.
    USER_FULL = "3ae222b979714c83918d6548e705e6da";
    /// WATCH was refused because too many connections of one user watch keys.
    WATCHERS_FULL = "2f7a79fa942b453b8aebb81f6094b186";
    /// A connection was closed because it stood still while others waited for its memory.
    STALLED = "d273d7d0cf8147d3bdc03ab6d9d60425";
    /// A connection was closed because it stood still without memory for its requests and replies.
    OVERRUN = "e6b179b42d3f48458da70a7bafc449a5";
    /// Further entries on one subject were counted instead of logged.
    HELD_BACK = "c339a65a86cb461aabb53ca50f3fc812";
    /// Entries were dropped, since the output did not take them in time.
    LOG_DROPPED = "282902e319f6449ca17c8b88d82fdc6d";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ALL, AUDIT_TARGET, OUTAGE_TARGET};

    const CATALOG: &str = include_str!("../../systemd/kvsock.catalog");

    /// The catalog's entries: the id and the lines of each.
    fn entries() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
        CATALOG.split("\n-- ").skip(1).map(|entry| {
            let mut lines = entry.lines();
            (lines.next().unwrap(), lines.collect())
        })
    }

    #[test]
    fn ids_are_of_128_bits_and_come_once() {
        let ids: BTreeSet<&str> = ALL.iter().map(|(_, id)| *id).collect();
        assert_eq!(ids.len(), ALL.len());
        for id in ids {
            let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            assert!(id.len() == 32 && id.bytes().all(digit), "{id}");
        }
    }

    #[test]
    fn the_catalog_explains_every_event_and_nothing_else() {
        let explained: Vec<&str> = entries().map(|(id, _)| id).collect();
        let ids: Vec<&str> = ALL.iter().map(|(_, id)| *id).collect();
        assert_eq!(explained, ids, "in the same order");
    }

    #[test]
    fn every_entry_of_the_catalog_has_its_heads_and_a_text() {
        for (id, lines) in entries() {
            let end = lines.iter().position(|line| line.is_empty()).expect(id);
            let (heads, text) = lines.split_at(end);
            let names: Vec<&str> =
                heads.iter().map(|head| head.split_once(": ").expect(id).0).collect();
            assert_eq!(names, ["Subject", "Defined-By", "Support", "Documentation"], "{id}");
            assert!(heads.contains(&"Defined-By: kvsock"), "{id}");
            assert!(text.iter().filter(|line| !line.is_empty()).count() >= 2, "{id}");
        }
    }

    /// Whether a source file below `directory` uses the event.
    fn is_used(directory: &std::path::Path, name: &str) -> bool {
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
            if path.is_dir() {
                return is_used(&path, name);
            }
            let source = std::fs::read_to_string(path).unwrap();
            let word = format!("event::{name}");
            source.match_indices(&word).any(|(at, _)| {
                let next = source.as_bytes().get(at + word.len());
                !next.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            })
        })
    }

    #[test]
    fn every_event_is_logged_somewhere() {
        let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for (name, _) in ALL {
            assert!(is_used(&sources, name), "{name}");
        }
    }

    /// The texts that administrators read, and their names.
    const TEXTS: &[(&str, &str)] = &[
        (".env.example", include_str!("../../.env.example")),
        ("README.md", include_str!("../../README.md")),
        ("kvsock.catalog", CATALOG),
        ("kvsock.env.5", include_str!("../../packaging/man/kvsock.env.5.in")),
        ("kvsockd.8", include_str!("../../packaging/man/kvsockd.8.in")),
    ];

    /// The targets that a text names.
    fn targets(text: &str) -> impl Iterator<Item = &str> {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_:".contains(letter);
        text.match_indices("kvsock::").map(move |(at, _)| {
            let end = text[at..].find(|letter| !is_part(letter)).map_or(text.len(), |len| at + len);
            text[at..end].trim_end_matches(':')
        })
    }

    #[test]
    fn the_manual_names_targets_that_do_not_follow_the_path_of_a_file() {
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut fixed = BTreeSet::from([AUDIT_TARGET, OUTAGE_TARGET]);
        for (name, text) in TEXTS {
            for target in targets(text) {
                let part = target.strip_prefix("kvsock::").expect("begins so");
                let is_part = source.join(part).is_dir();
                let is_fixed = [AUDIT_TARGET, OUTAGE_TARGET].contains(&target);
                assert!(is_part || is_fixed, "{name} names {target}");
                fixed.remove(target);
            }
        }
        assert!(fixed.is_empty(), "no text names {fixed:?}");
    }

    #[test]
    fn an_outage_has_one_target_on_every_engine() {
        for source in [
            include_str!("../store/valkey/connect/outage.rs"),
            include_str!("../store/embedded/write/recovery/attempt.rs"),
        ] {
            for (at, _) in source.match_indices("message_id = event::STORE_") {
                let before = source[..at].trim_end();
                assert!(before.ends_with("target: event::OUTAGE_TARGET,"), "{before}");
            }
        }
    }
}
