//! The parsing of all settings; every fault is kept.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use super::credential;
use super::{group, value};
use crate::command::{Namespace, Scripts};
use crate::config::fault::{Faults, Origin, Problem, Subject};
use crate::config::input::environment::Surroundings;
use crate::config::input::given::{Given, Inputs};
use crate::config::settings::{Settings, Warning};
use crate::config::table;
use crate::store::{Location, Transport};
use crate::{logging, server, store};

/// The longest path of a Unix socket, without the NUL (`unix(7)`).
const SOCKET_PATH: usize = 107;

/// The longest time that keys may be watched. A client that takes longer delays the work of others.
const WATCH_LIMIT: Duration = Duration::from_secs(60);

/// Parses settings one by one and collects faults.
pub(crate) struct Reader<'a> {
    given: &'a Given,
    faults: &'a mut Faults,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(given: &'a Given, faults: &'a mut Faults) -> Reader<'a> {
        Reader { given, faults }
    }

    /// The value of a setting or of its default; `None` after a fault.
    fn read<T>(
        &mut self,
        name: &'static str,
        text: Option<&String>,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let default = table::find(name).map_or("", |setting| setting.default);
        self.keep(name, parse(text.map_or(default, String::as_str)))
    }

    /// The value of a setting without a default; the outer `None` stands for a fault.
    #[expect(clippy::option_option, reason = "a fault is not the same as nothing")]
    fn read_optional<T>(
        &mut self,
        name: &'static str,
        text: Option<&String>,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<Option<T>> {
        self.keep(name, text.map(|text| parse(text)).transpose())
    }

    fn keep<T>(&mut self, name: &'static str, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.fault(name, problem)).ok()
    }

    fn fault(&mut self, name: &'static str, problem: Problem) {
        self.faults.add(Subject::Setting(name, self.given.origin(name)), problem);
    }
}

/// All settings; `None` if any has a fault.
pub(crate) fn read(
    given: &Given,
    surroundings: &Surroundings,
    faults: &mut Faults,
) -> Option<(Settings, Vec<Warning>)> {
    let inputs = given.inputs();
    let credentials = credential::read(surroundings.credentials.as_deref(), &inputs, given, faults);
    let mut reader = Reader::new(given, faults);
    let socket = socket(&mut reader, &inputs, surroundings);
    let server = server(&mut reader, &inputs);
    let log = log(&mut reader, &inputs);
    let store = store(&mut reader, &inputs, surroundings, credentials);
    let namespace = reader.read("NAMESPACE", inputs.namespace.as_ref(), namespace);
    let scripts = reader.read("SCRIPTS", inputs.scripts.as_ref(), scripts);
    let workers = reader.read("WORKERS", inputs.workers.as_ref(), value::threads);
    let (mut store, namespace) = (store?, namespace?);
    store.has_parts = namespace == Namespace::User;
    let settings = Settings {
        socket: socket?,
        store,
        namespace,
        server: server?,
        scripts: scripts?,
        workers: workers?,
        log: log?,
    };
    let warnings = warnings(&settings);
    faults.is_empty().then_some((settings, warnings))
}

/// How keys are assigned to users.
fn namespace(text: &str) -> Result<Namespace, Problem> {
    match text {
        "shared" => Ok(Namespace::Shared),
        "user" => Ok(Namespace::User),
        _ => Err(value::invalid(text, "shared or user")),
    }
}

/// The callers that may run scripts.
fn scripts(text: &str) -> Result<Scripts, Problem> {
    match text {
        "no" => Ok(Scripts::No),
        "admin" => Ok(Scripts::Administrators),
        "all" => Ok(Scripts::All),
        _ => Err(value::invalid(text, "no, admin or all")),
    }
}

/// The socket of a daemon started by hand; `user_runtime` is `$XDG_RUNTIME_DIR`.
pub fn default_socket(user_runtime: Option<&Path>) -> PathBuf {
    match user_runtime {
        Some(directory) => directory.join("kvsock.sock"),
        None => PathBuf::from(format!("/tmp/kvsock-{}.sock", rustix::process::getuid().as_raw())),
    }
}

fn socket(reader: &mut Reader, inputs: &Inputs, surroundings: &Surroundings) -> Option<PathBuf> {
    let path = match &inputs.socket {
        Some(path) => PathBuf::from(path),
        None => default_socket(surroundings.user_runtime.as_deref()),
    };
    let fits = path.as_os_str().as_bytes().len() <= SOCKET_PATH;
    let too_long = || value::out_of_bounds(&path.to_string_lossy(), "longer than 107 bytes");
    let fits = if fits { Ok(()) } else { Err(too_long()) };
    reader.keep("SOCKET", fits).map(|()| path)
}

/// The limits of the serving side.
pub(crate) fn server(reader: &mut Reader, inputs: &Inputs) -> Option<server::Options> {
    let max_clients = reader.read("MAX_CLIENTS", inputs.max_clients.as_ref(), value::count);
    let max_clients_per_user =
        reader.read("MAX_CLIENTS_PER_USER", inputs.max_clients_per_user.as_ref(), value::count);
    let max_request = reader.read("MAX_REQUEST", inputs.max_request.as_ref(), value::message_size);
    let max_reply = reader.read("MAX_REPLY", inputs.max_reply.as_ref(), value::message_size);
    let max_memory = reader.read("MAX_MEMORY", inputs.max_memory.as_ref(), value::message_size);
    if let (Some(request), Some(memory @ 1..)) = (max_request, max_memory)
        && memory < request
    {
        reader.fault("MAX_MEMORY", Problem::LessThanRequest);
    }
    let client_timeout = reader.read("CLIENT_TIMEOUT", inputs.client_timeout.as_ref(), value::time);
    let idle_exit = reader.read("IDLE_EXIT", inputs.idle_exit.as_ref(), value::time);
    let drain_timeout = reader.read("DRAIN_TIMEOUT", inputs.drain_timeout.as_ref(), value::time);
    let admin_gid = reader.read_optional("ADMIN_GROUP", inputs.admin_group.as_ref(), group::gid);
    Some(server::Options {
        max_clients: max_clients?,
        max_clients_per_user: max_clients_per_user?,
        max_request: max_request?,
        max_reply: max_reply?,
        max_memory: max_memory?,
        client_timeout: client_timeout?,
        idle_exit: idle_exit?,
        drain_timeout: drain_timeout?,
        admin_gid: admin_gid?,
    })
}

/// The options of the log.
pub(crate) fn log(reader: &mut Reader, inputs: &Inputs) -> Option<logging::Options> {
    let filter = reader.read("LOG", inputs.log.as_ref(), |text| {
        let wanted = "off, error, warn, info, debug, trace or a list with target=level";
        logging::Options::is_filter(text)
            .then(|| text.to_owned())
            .ok_or_else(|| value::invalid(text, wanted))
    });
    let dir = inputs.log_dir.as_ref().map(PathBuf::from);
    Some(logging::Options { filter: filter?, dir })
}

fn store(
    reader: &mut Reader,
    inputs: &Inputs,
    surroundings: &Surroundings,
    credentials: credential::Credentials,
) -> Option<store::Options> {
    let location = reader
        .read("STORE", inputs.store.as_ref(), |text| location(text, surroundings.state.as_deref()));
    let has_password = matches!(
        location,
        Some(
            Location::Valkey(store::Server { password: Some(_), .. })
                | Location::Sentinels(store::Sentinels { password: Some(_), .. })
                | Location::Cluster(store::Cluster { password: Some(_), .. })
        )
    );
    if has_password && reader.given.origin("STORE") == Origin::Flag {
        reader.fault("STORE", Problem::PublicPassword);
    }
    let timeout = reader.read("STORE_TIMEOUT", inputs.store_timeout.as_ref(), value::time);
    let sync = reader.read("SYNC", inputs.sync.as_ref(), sync);
    let cache = reader.read("CACHE", inputs.cache.as_ref(), value::size);
    if matches!(location, Some(Location::Cluster(_))) && cache.is_some_and(|bytes| bytes > 0) {
        reader.fault("CACHE", Problem::ClusterCache);
    }
    let last_depth = reader.read("LAST_DEPTH", inputs.last_depth.as_ref(), value::count);
    // A fault of this value is reported with the serving side's limits.
    let max_reply = value::message_size(reader.given.text("MAX_REPLY")).ok();
    Some(store::Options {
        location: location?,
        username: credentials.username,
        password: credentials.password,
        tls: credentials.tls,
        timeout: timeout?,
        prefix: Bytes::from(inputs.key_prefix.clone().unwrap_or_default()),
        sync: sync?,
        last_depth: last_depth?,
        max_reply: max_reply?,
        cache: cache?,
        has_parts: false,
        watch_limit: WATCH_LIMIT,
    })
}

/// The location of the store; `state` is the directory for this service's or user's state.
fn location(text: &str, state: Option<&Path>) -> Result<Location, Problem> {
    let mut homeless = false;
    let location = Location::parse(text, || {
        homeless = state.is_none();
        state.map(|state| state.join("db")).unwrap_or_default()
    })?;
    if homeless { Err(Problem::NoHome) } else { Ok(location) }
}

fn sync(text: &str) -> Result<store::Sync, Problem> {
    match text {
        "always" => Ok(store::Sync::Always),
        "everysec" => Ok(store::Sync::EverySecond),
        "no" => Ok(store::Sync::No),
        _ => Err(value::invalid(text, "always, everysec or no")),
    }
}

fn warnings(settings: &Settings) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let store::Options { location, username, password, tls, cache, .. } = &settings.store;
    let encrypted = match location {
        Location::Valkey(server) => matches!(server.transport, Transport::Tls { .. }),
        Location::Sentinels(sentinels) => sentinels.is_encrypted(),
        Location::Cluster(cluster) => cluster.is_encrypted(),
        Location::Embedded(_) => false,
    };
    if !encrypted && (tls.ca.is_some() || tls.cert.is_some()) {
        warnings.push(Warning::CertificatesUnused(location.to_string()));
    }
    if matches!(location, Location::Embedded(_)) && (username.is_some() || password.is_some()) {
        warnings.push(Warning::PasswordUnused(location.to_string()));
    }
    if matches!(location, Location::Embedded(_)) && *cache > 0 {
        warnings.push(Warning::CacheUnused(location.to_string()));
    }
    warnings
}
