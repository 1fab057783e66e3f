//! What breaks the rules today, each with its reason. Nothing may be added.

/// Files that import each other, and why they still do.
pub(crate) const CIRCLES: &[(&[&str], &str)] = &[
    (
        &["account/mod.rs", "account/places.rs"],
        "Places are counted for a resource of an account, and the accounts hold the places.",
    ),
    (
        &["client/import/mod.rs", "client/mod.rs", "client/one_shot.rs", "client/pipe.rs"],
        "The exit statuses and the choice of what the client does are in one file.",
    ),
    (
        &["client/watch/line.rs", "client/watch/mod.rs", "client/watch/screen.rs"],
        "How figures look is chosen where line and screen are.",
    ),
    (
        &[
            "command/check.rs",
            "command/client.rs",
            "command/clients.rs",
            "command/connection.rs",
            "command/context.rs",
            "command/queue.rs",
            "command/session.rs",
        ],
        "A session holds all that commands work with, and commands are checked by their session.",
    ),
    (
        &["command/local.rs", "command/transaction.rs"],
        "EXEC runs commands that the daemon itself carries out, and is one of them.",
    ),
    (
        &["config/command_line.rs", "config/effect.rs", "config/mod.rs", "config/settings.rs"],
        "The settings themselves are in the file that reads them from all their origins.",
    ),
    (
        &["logging/mod.rs", "logging/output.rs", "logging/panic.rs"],
        "The thread's name and the start errors of the log are in the file that starts it.",
    ),
    (
        &["memory/hold.rs", "memory/mod.rs", "memory/share.rs"],
        "Holds and shares give back to the bound that makes them.",
    ),
    (
        &[
            "server/carry.rs",
            "server/connection.rs",
            "server/read_ahead.rs",
            "server/shared.rs",
            "server/standing.rs",
            "server/wait.rs",
        ],
        "A connection is carried with its phase, which is a part of the connection's own file.",
    ),
    (
        &["store/embedded/database.rs", "store/embedded/reader.rs", "store/embedded/shared.rs"],
        "The database reads entries of the reader, and the reader knows all that is shared.",
    ),
    (
        &["store/embedded/mod.rs", "store/embedded/reading.rs"],
        "Long reads run on threads of their own, with all that the store has.",
    ),
    (
        &[
            "store/valkey/admission.rs",
            "store/valkey/cluster/cursor.rs",
            "store/valkey/cluster/map.rs",
            "store/valkey/cluster/member.rs",
            "store/valkey/cluster/mod.rs",
            "store/valkey/cluster/order.rs",
            "store/valkey/cluster/piece.rs",
            "store/valkey/cluster/reach.rs",
            "store/valkey/cluster/route.rs",
            "store/valkey/cluster/topology.rs",
            "store/valkey/cluster/transaction.rs",
            "store/valkey/cluster/watch.rs",
            "store/valkey/cluster/whole.rs",
            "store/valkey/compound.rs",
            "store/valkey/mod.rs",
            "store/valkey/node.rs",
            "store/valkey/own.rs",
            "store/valkey/pool.rs",
            "store/valkey/transaction.rs",
            "store/valkey/watch.rs",
            "store/valkey/within.rs",
        ],
        "The state that all operations share is the engine's own file.",
    ),
    (
        &[
            "store/valkey/connect.rs",
            "store/valkey/connection.rs",
            "store/valkey/driver.rs",
            "store/valkey/index.rs",
            "store/valkey/link.rs",
            "store/valkey/question.rs",
            "store/valkey/reply.rs",
            "store/valkey/scan.rs",
            "store/valkey/sentinel/mod.rs",
            "store/valkey/sentinel/present.rs",
            "store/valkey/sentinel/source.rs",
            "store/valkey/single.rs",
            "store/valkey/target.rs",
            "store/valkey/value.rs",
            "store/valkey/way.rs",
        ],
        "The queue of questions, the connection and what is asked at its start are one.",
    ),
];

/// Folders that are too wide, how many entries each has, and why.
pub(crate) const WIDE: &[(&str, usize, &str)] = &[
    ("", 19, "One entry for each part of ARCHITECTURE.md."),
    ("client", 28, "What is said, shown and transferred is not in folders of its own yet."),
    (
        "command",
        27,
        "Sessions, execution and the commands of the daemon itself are not in folders yet.",
    ),
    ("protocol/resp", 15, "Requests and replies are not in folders yet."),
    ("server", 23, "All phases of a connection stand beside the server."),
    ("store/embedded", 49, "Disk, format, reading, writing and types are not in folders yet."),
    (
        "store/valkey",
        45,
        "The wire, connections, `last` and the operations are not in folders yet.",
    ),
    ("store/valkey/cluster", 19, "The topology and the route of a batch are not in folders yet."),
];
