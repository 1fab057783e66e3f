//! Commands on the service as a whole, with Valkey's names.

use super::places::FIRST;
use super::row::{
    Command, Form, KEYS, Local, MANY, NONE, Run, container, local, store, sub, substore, takes,
};
use super::spec::{Effect, Merge, Own, Spec, own, reads};

const CLEAR: Spec = own("FLUSHDB", Own::Clear, Effect::Write).everywhere(Merge::Same);

const MODE: &str = "takes at most ASYNC or SYNC.";

pub(super) const ROWS: &[Command] = &[
    store(
        "bgsave",
        "[SCHEDULE]",
        "begins to bring all data on disk",
        takes(0, MANY, "takes at most SCHEDULE.").of_form(Form::Schedule),
        own("BGSAVE", Own::BgSave, Effect::Read).everywhere(Merge::Same),
    )
    .for_administrators(),
    Command {
        run: Run::Container(COMMAND),
        ..local(
            "command",
            "[subcommand] [argument]...",
            "tells of the commands",
            takes(0, MANY, "takes a subcommand."),
            Local::Command,
        )
        .at_once()
    },
    container("config", "tells of settings that clients ask for", "requires a subcommand.", CONFIG),
    store("dbsize", "", "gives the number of keys", NONE, own("DBSIZE", Own::Size, Effect::Read)),
    store(
        "flushall",
        "[ASYNC|SYNC]",
        "removes every key of kvsock's, as cleardb",
        takes(0, MANY, MODE).of_form(Form::FlushMode),
        CLEAR,
    )
    .for_owners(),
    store(
        "flushdb",
        "[ASYNC|SYNC]",
        "removes every key of kvsock's, as cleardb",
        takes(0, MANY, MODE).of_form(Form::FlushMode),
        CLEAR,
    )
    .for_owners(),
    local(
        "info",
        "[section]...",
        "tells how the daemon is, in the form that Valkey's clients read",
        takes(0, MANY, "takes names of sections."),
        Local::Info,
    ),
    store(
        "lastsave",
        "",
        "gives the time of the last save in Unix seconds",
        NONE,
        own("LASTSAVE", Own::LastSave, Effect::Read).everywhere(Merge::Least),
    ),
    container("memory", "tells of memory", "requires a subcommand.", MEMORY),
    store(
        "save",
        "",
        "answers OK once all data is on disk",
        NONE,
        own("SAVE", Own::Save, Effect::Read),
    )
    .for_administrators(),
    local(
        "shutdown",
        "[NOSAVE|SAVE] [NOW] [FORCE]",
        "stops the daemon; its socket starts it again for the next client",
        takes(0, 4, "takes none but the words that Valkey knows."),
        Local::Shutdown,
    )
    .for_administrators(),
    local("time", "", "gives the time as Unix seconds and microseconds", NONE, Local::Time)
        .at_once(),
];

const COMMAND: &[Command] = &[
    sub("command count", "", "gives the number of commands", NONE, Run::Local(Local::CommandCount))
        .at_once(),
    sub(
        "command docs",
        "[command]...",
        "documents the commands",
        takes(0, MANY, "takes names of commands."),
        Run::Local(Local::CommandDocs),
    )
    .at_once(),
    sub(
        "command getkeys",
        "<command> [argument]...",
        "tells which words of a command are keys",
        takes(1, MANY, "requires a command with its arguments."),
        Run::Local(Local::CommandGetKeys),
    )
    .at_once(),
    sub("command help", "", "lists the subcommands", NONE, Run::Local(Local::CommandHelp))
        .at_once(),
    sub(
        "command info",
        "[command]...",
        "describes the commands to a client library",
        takes(0, MANY, "takes names of commands."),
        Run::Local(Local::CommandInfo),
    )
    .at_once(),
    sub(
        "command list",
        "[FILTERBY PATTERN <pattern>|ACLCAT <category>|MODULE <module>]",
        "lists the names of the commands",
        takes(0, MANY, "takes a filter."),
        Run::Local(Local::CommandList),
    )
    .at_once(),
];

const CONFIG: &[Command] = &[
    sub(
        "config get",
        "<pattern>...",
        "gives the settings that clients ask for; never the store's own",
        takes(1, MANY, "requires a pattern."),
        Run::Local(Local::ConfigGet),
    )
    .at_once(),
    sub("config help", "", "lists the subcommands", NONE, Run::Local(Local::ConfigHelp)).at_once(),
];

const MEMORY: &[Command] = &[
    sub("memory help", "", "lists the subcommands", NONE, Run::Local(Local::MemoryHelp)).at_once(),
    substore(
        "memory usage",
        "<key> [SAMPLES <count>]",
        "estimates the bytes that a key takes",
        takes(1, MANY, KEYS.rule),
        reads("MEMORY USAGE", FIRST),
    ),
];
