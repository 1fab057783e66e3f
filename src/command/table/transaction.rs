//! Transactions and scripts.

use super::places::{ALL, COUNTED};
use super::row::{
    Command, KEYS, Local, MANY, NONE, Run, container, local, store, sub, substore, takes,
};
use super::spec::{Lengths, Merge, Values, writes};

const SCRIPT_RULE: &str = "requires a script and the number of its keys.";

pub(super) const ROWS: &[Command] = &[
    local("discard", "", "forgets the commands since multi", NONE, Local::Discard),
    store(
        "eval",
        "<script> <number-of-keys> [<key>]... [<argument>]...",
        "runs a script in the store",
        takes(2, MANY, SCRIPT_RULE),
        writes("EVAL", COUNTED).gives(Values::Made).makes(Lengths::Any).pinned(),
    )
    .for_scripts(),
    store(
        "evalsha",
        "<digest> <number-of-keys> [<key>]... [<argument>]...",
        "runs a script that the store knows",
        takes(2, MANY, SCRIPT_RULE),
        writes("EVALSHA", COUNTED).gives(Values::Made).makes(Lengths::Any).pinned(),
    )
    .for_scripts(),
    local("exec", "", "carries out the commands since multi, as one", NONE, Local::Exec),
    local("multi", "", "keeps the commands that follow, until exec", NONE, Local::Multi),
    container("script", "keeps scripts in the store", "requires a subcommand.", SCRIPT),
    local("unwatch", "", "forgets what watch was told", NONE, Local::Unwatch),
    local(
        "watch",
        "<key>...",
        "lets the next exec do nothing if one of the keys has changed by then",
        KEYS,
        Local::Watch,
    )
    .on(ALL),
];

const SCRIPT: &[Command] = &[
    substore(
        "script exists",
        "<digest>...",
        "tells which scripts the store knows",
        takes(1, MANY, "requires a digest."),
        writes("SCRIPT EXISTS", &[]).everywhere(Merge::Least).pinned(),
    )
    .for_scripts(),
    substore(
        "script flush",
        "[ASYNC|SYNC]",
        "lets the store forget all scripts",
        takes(0, MANY, "takes at most one mode."),
        writes("SCRIPT FLUSH", &[]).everywhere(Merge::Least).pinned(),
    )
    .for_administrators(),
    sub("script help", "", "lists the subcommands", NONE, Run::Local(Local::ScriptHelp)).at_once(),
    substore(
        "script load",
        "<script>",
        "lets the store know a script; gives its digest",
        takes(1, 1, "requires a script."),
        writes("SCRIPT LOAD", &[]).everywhere(Merge::Least).pinned(),
    )
    .for_scripts(),
];
