//! Commands that only kvsock has.

use super::key::DEL;
use super::row::{Command, Form, KEYS, Local, NONE, local, store, takes};
use super::spec::{Effect, Merge, Own, own};

pub(super) const ROWS: &[Command] = &[
    local(
        "cleardb",
        "[--user <uid>]",
        "removes every key of the caller's key space, or for administrators of another user's",
        takes(0, 2, "takes nothing but --user and a uid."),
        Local::ClearDb,
    )
    .for_owners(),
    local(
        "help",
        "[command]",
        "lists the commands, or explains one",
        takes(0, 2, "takes at most the name of one command."),
        Local::Help,
    )
    .at_once(),
    local(
        "keyspace",
        "own|all|user <uid>",
        "lets the connection work on its own keys, on those of all users, or of one",
        takes(1, 2, "requires own, all, or user and a uid."),
        Local::KeySpace,
    )
    .for_administrators(),
    store(
        "last",
        "<count>",
        "gives the most recently set pairs, the newest last",
        takes(1, 1, "requires a positive number for count.").of_form(Form::Count),
        own("LAST", Own::Last, Effect::Read),
    ),
    store(
        "pingdb",
        "",
        "answers PONG once the store has answered",
        NONE,
        own("PING", Own::Ping, Effect::Read).everywhere(Merge::Same),
    ),
    store("remove", "<key>...", "removes the keys and gives how many existed", KEYS, DEL),
    local("rtkey", "", "makes a key of 16 characters that spreads over shards", NONE, Local::RtKey)
        .at_once(),
    local(
        "status",
        "[json]",
        "tells how the daemon and its store are, as text or as JSON",
        takes(0, 1, "takes nothing but the word json."),
        Local::Status,
    ),
    local("txkey", "", "makes a key of 12 characters that sorts by time", NONE, Local::TxKey)
        .at_once(),
    local("version", "", "gives the daemon's version", NONE, Local::Version).at_once(),
];
