//! The table of settings: the source of the command line, the known variables, their defaults, and
//! the check of `.env.example`.

/// The prefix of all variables of kvsock.
pub const PREFIX: &str = "KVSOCK_";

/// A row: one setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The name without the prefix: `MAX_CLIENTS`.
    pub name: &'static str,
    /// The default, in the form in which it would be set. Empty if there is none, or if it depends
    /// on the surroundings, which `help` then describes.
    pub default: &'static str,
    /// The placeholder for the value in help: `NUMBER`.
    pub value: &'static str,
    /// The meaning, as a sentence without a full stop.
    pub help: &'static str,
    /// Whether the setting is secret. A secret is never printed and has no flag, since other users
    /// can read arguments.
    pub secret: bool,
    /// Whether `systemctl reload` changes the setting; others need a restart.
    pub reloadable: bool,
}

impl Setting {
    /// The environment variable: `KVSOCK_MAX_CLIENTS`.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// The flag without its dashes: `max-clients`. Secrets have none.
    pub fn flag(&self) -> Option<String> {
        (!self.secret).then(|| self.name.to_ascii_lowercase().replace('_', "-"))
    }
}

/// The row called `name`.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

const fn row(
    name: &'static str,
    default: &'static str,
    value: &'static str,
    help: &'static str,
) -> Setting {
    Setting { name, default, value, help, secret: false, reloadable: false }
}

const fn secret(row: Setting) -> Setting {
    Setting { secret: true, ..row }
}

const fn reloadable(row: Setting) -> Setting {
    Setting { reloadable: true, ..row }
}

/// All settings, in the order of the documentation.
pub const SETTINGS: &[Setting] = &[
    row(
        "SOCKET",
        "",
        "PATH",
        "Where to listen when systemd passes no socket; $XDG_RUNTIME_DIR/kvsock.sock if not set, \
         else /tmp/kvsock-UID.sock",
    ),
    row(
        "STORE",
        "embedded",
        "URL",
        "Where the data is: embedded, embedded:/path, valkey://host:port/db, valkeys://host:port/db \
         (TLS) or valkey+unix:///path?db=0",
    ),
    secret(row("STORE_USERNAME", "", "NAME", "User name at the store")),
    secret(row("STORE_PASSWORD", "", "TEXT", "Password at the store")),
    row(
        "STORE_PASSWORD_FILE",
        "",
        "PATH",
        "File with the password at the store, readable by its owner only",
    ),
    row(
        "STORE_TIMEOUT",
        "5s",
        "TIME",
        "Longest wait for a store that is away, and for each reply; 0 waits without end",
    ),
    row("KEY_PREFIX", "", "TEXT", "Put before every key in the store; clients never see it"),
    row(
        "NAMESPACE",
        "shared",
        "KIND",
        "Who shares keys: shared (all users), or user (each user has keys of its own)",
    ),
    row(
        "SYNC",
        "always",
        "WHEN",
        "When the embedded store writes through to the disk: always, everysec or no",
    ),
    reloadable(row(
        "ADMIN_GROUP",
        "",
        "GROUP",
        "Members of this group are administrators, besides root and the daemon's own user",
    )),
    reloadable(row("MAX_CLIENTS", "10000", "NUMBER", "Connections at a time; 0 is unlimited")),
    reloadable(row(
        "MAX_CLIENTS_PER_USER",
        "0",
        "NUMBER",
        "Connections at a time of one user; 0 is unlimited",
    )),
    row("MAX_REQUEST", "16MiB", "SIZE", "Bytes of one request, from 1KiB; 0 is unlimited"),
    row("MAX_REPLY", "64MiB", "SIZE", "Bytes of one reply, from 1KiB; 0 is unlimited"),
    row(
        "MAX_MEMORY",
        "512MiB",
        "SIZE",
        "Bytes of all connections' buffers together, past which reading pauses; 0 is unlimited",
    ),
    reloadable(row(
        "CLIENT_TIMEOUT",
        "0",
        "TIME",
        "A client that says nothing for this long is disconnected; 0 is never",
    )),
    reloadable(row(
        "IDLE_EXIT",
        "0",
        "TIME",
        "The daemon stops when nobody was connected for this long, and starts with the next client; 0 is never",
    )),
    reloadable(row(
        "DRAIN_TIMEOUT",
        "10s",
        "TIME",
        "Longest wait of a stop for requests already received; 0 waits without end",
    )),
    row(
        "LAST_DEPTH",
        "1000",
        "NUMBER",
        "How many of the most recently set keys the command last can reach",
    ),
    row(
        "CACHE",
        "0",
        "SIZE",
        "Bytes of the near cache over a Valkey store: values that it need not be asked for again; 0 is none",
    ),
    row("WORKERS", "1", "NUMBER", "Threads that serve; with 1 none ever waits for another"),
    row(
        "SCRIPTS",
        "admin",
        "WHO",
        "Who may run scripts (EVAL and kin) in Valkey: no (nobody), admin, or all; nobody under a prefix or with keys of users",
    ),
    reloadable(row(
        "LOG",
        "info",
        "FILTER",
        "What is logged: off, error, warn, info, debug or trace, and target=level for single parts",
    )),
    row("LOG_DIR", "", "PATH", "Directory for daily log files, besides the journal"),
];
