//! Commands on the connection itself.

use super::row::{Command, Local, MANY, NONE, Run, container, local, sub, takes, with_value};

pub(super) const ROWS: &[Command] = &[
    local(
        "auth",
        "[username] <password>",
        "accepts the default user; who a client is, the kernel tells",
        takes(1, MANY, "requires a password."),
        Local::Auth,
    )
    .at_once(),
    container(
        "client",
        "tells of connections, and sets their names",
        "requires a subcommand.",
        CLIENT,
    ),
    local(
        "echo",
        "<message>",
        "gives the message back",
        with_value(0, 1, 1, "requires a message."),
        Local::Echo,
    )
    .at_once(),
    local(
        "hello",
        "[<version> [AUTH <username> <password>] [SETNAME <name>]]",
        "tells of the daemon, and lets the connection speak RESP 2 or 3",
        takes(0, MANY, "takes a version and options."),
        Local::Hello,
    ),
    local(
        "ping",
        "[message]",
        "answers pong or the message, whatever the store does",
        takes(0, MANY, "takes at most one message."),
        Local::Ping,
    )
    .at_once(),
    local("quit", "", "closes the connection", takes(0, MANY, "takes anything."), Local::Quit),
    local("reset", "", "makes the connection as if it were new", NONE, Local::Reset),
    local(
        "select",
        "<index>",
        "accepts database 0, the only one",
        takes(1, 1, "requires the index of a database."),
        Local::Select,
    ),
];

const ON_OR_OFF: &str = "requires ON or OFF.";

const CLIENT: &[Command] = &[
    sub(
        "client getname",
        "",
        "gives the connection's name",
        NONE,
        Run::Local(Local::ClientGetName),
    )
    .at_once(),
    sub("client help", "", "lists the subcommands", NONE, Run::Local(Local::ClientHelp)).at_once(),
    sub("client id", "", "gives the connection's number", NONE, Run::Local(Local::ClientId))
        .at_once(),
    sub("client info", "", "tells of the connection", NONE, Run::Local(Local::ClientInfo)),
    sub(
        "client kill",
        "<address>|[ID <id>]... [ADDR <address>] [LADDR <address>] [USER <name>] [TYPE NORMAL] [SKIPME yes|no] [MAXAGE <seconds>]",
        "closes connections: one's own, and for administrators all",
        takes(1, MANY, "requires an address or filters."),
        Run::Local(Local::ClientKill),
    ),
    sub(
        "client list",
        "[TYPE NORMAL] [ID <id>...]",
        "lists connections: one's own, and for administrators all",
        takes(0, MANY, "takes filters."),
        Run::Local(Local::ClientList),
    ),
    sub(
        "client no-evict",
        "ON|OFF",
        "is accepted and changes nothing",
        takes(1, 1, ON_OR_OFF),
        Run::Local(Local::ClientNoEvict),
    )
    .at_once(),
    sub(
        "client no-touch",
        "ON|OFF",
        "is accepted and changes nothing",
        takes(1, 1, ON_OR_OFF),
        Run::Local(Local::ClientNoTouch),
    )
    .at_once(),
    sub(
        "client setinfo",
        "LIB-NAME|LIB-VER <value>",
        "says which library the client uses",
        takes(2, 2, "requires an attribute and a value."),
        Run::Local(Local::ClientSetInfo),
    ),
    sub(
        "client setname",
        "<name>",
        "gives the connection a name",
        takes(1, 1, "requires a name."),
        Run::Local(Local::ClientSetName),
    ),
];
