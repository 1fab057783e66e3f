//! Looks at a live store without serving from it, for `kvsockd --check=store`: address, TLS, login,
//! version, role, and the rights of the user. The `redis` crate carries these questions.
//!
//! The commands that try the rights change nothing: they name a key that does not exist.

use std::borrow::Cow;

use redis::{Cmd, Pipeline};

use super::cluster::slot::SLOTS;
use super::cluster::topology::address::Address;
use super::cluster::topology::layout::Layout;
use super::connect::connector::Connector;
use super::connect::inquiry::Inquiry;
use super::connect::login::Login;
use super::keys::prefix::Prefix;
use super::sentinel::sentinels::Sentinels;
use super::wire::error_text;
use crate::message::{ErrorReply, Reply};
use crate::store::check::{Check, CheckFault};
use crate::store::integer;
use crate::store::location;
use crate::store::options::Options;
use crate::store::state::OpenError;

/// The oldest version that has what kvsock needs: options of GETEX, and others.
const OLDEST: (i64, i64) = (6, 2);

/// Looks at one server.
pub(crate) async fn server(server: &location::Server, options: &Options) -> Check {
    let mut check = Check::default();
    let login = Login::new(server, options);
    match Connector::new(&server.transport, login, options, None) {
        Ok(connector) => look_at(&connector, server.to_string(), options, &mut check).await,
        Err(error) => check.faults.push(unusable(&error)),
    }
    check
}

/// Looks at all sentinels, and at the master that they name.
pub(crate) async fn sentinels(location: &location::Sentinels, options: &Options) -> Check {
    let mut check = Check::default();
    let sentinels = match Sentinels::new(location, options, None) {
        Ok(sentinels) => sentinels,
        Err(error) => {
            check.faults.push(unusable(&error));
            return check;
        }
    };
    let mut silent = Vec::new();
    for (name, answer) in sentinels.ask_all().await {
        let name = format!("sentinel {name}");
        match answer {
            Ok(master) => check.found(&name, &format!("names the master {master}")),
            Err(cause) => silent.push((name, cause)),
        }
    }
    match sentinels.newest_master().await {
        Some(connector) => {
            for (name, cause) in &silent {
                check.found(name, cause);
            }
            look_at(&connector, connector.name(), options, &mut check).await;
        }
        None => check.faults.extend(silent.iter().map(|(name, cause)| refused(name, cause))),
    }
    check
}

/// Looks at the map of a cluster, and at all nodes that own slots.
pub(crate) async fn cluster(cluster: &location::Cluster, options: &Options) -> Check {
    let mut check = Check::default();
    let Some(first) = cluster.seeds.first() else {
        check.faults.push(CheckFault::Config("a cluster without servers".to_owned()));
        return check;
    };
    let login = Login::to_cluster(cluster, options);
    let connector = match Connector::new(first, login, options, None) {
        Ok(connector) => connector,
        Err(error) => {
            check.faults.push(unusable(&error));
            return check;
        }
    };
    let mut silent: Vec<(String, String)> = Vec::new();
    for seed in cluster.seeds.iter().filter_map(Address::of) {
        let connector = connector.at(&seed.host, seed.port);
        match layout(&connector, &seed).await {
            Ok(layout) => {
                for (name, cause) in &silent {
                    check.found(name, cause);
                }
                look_at_all(&connector, &layout, options, &mut check).await;
                return check;
            }
            Err(cause) => silent.push((connector.name(), cause)),
        }
    }
    check.faults.extend(silent.iter().map(|(name, cause)| refused(name, cause)));
    check
}

/// The layout of the cluster as the node at `seed` knows it.
async fn layout(connector: &Connector, seed: &Address) -> Result<Layout, String> {
    let told = async {
        let inquiry = connector.inquire().await?;
        let mut commands = Pipeline::with_capacity(2);
        commands.cmd("CLUSTER").arg("INFO");
        commands.cmd("CLUSTER").arg("SLOTS");
        Layout::read(&inquiry.ask(&commands).await?, seed)
    };
    told.await.map_err(|cause: Cow<'static, str>| cause.into_owned())
}

async fn look_at_all(seed: &Connector, layout: &Layout, options: &Options, check: &mut Check) {
    let mut owners: Vec<&Address> = Vec::new();
    for (_, _, owner) in &layout.ranges {
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    let (name, served) = (seed.name(), layout.served());
    check.found(&name, &format!("{} nodes own {served} of {SLOTS} slots", owners.len()));
    if !layout.is_ok || served < SLOTS {
        let fault = format!("{name}: the cluster does not serve all slots");
        check.faults.push(CheckFault::Unavailable(fault));
    }
    for owner in owners {
        let connector = seed.at(&owner.host, owner.port);
        look_at(&connector, connector.name(), options, check).await;
    }
}

/// Looks at one server: connects, and asks for what it is and what the user may do.
async fn look_at(connector: &Connector, name: String, options: &Options, check: &mut Check) {
    let looked = async {
        let inquiry = connector.inquire().await?;
        check.found(&name, "connected and logged in");
        let mut commands = Pipeline::with_capacity(2);
        commands.cmd("HELLO").arg(3);
        commands.cmd("PING");
        let replies = inquiry.ask(&commands).await?;
        if let Some(Reply::Error(error)) = replies.get(1)
            && Login::serves_not(error)
        {
            return Err(error_text::of_reply(error));
        }
        judge(&name, replies.first().unwrap_or(&Reply::Nil), check);
        try_rights(&name, &inquiry, options, check).await
    };
    if let Err(cause) = looked.await {
        check.faults.push(refused(&name, &cause));
    }
}

/// Judges a server by its reply to HELLO.
fn judge(name: &str, hello: &Reply, check: &mut Check) {
    let field = |wanted: &[u8]| match hello {
        Reply::Map(fields) => fields.iter().find_map(|field| match field {
            (Reply::Value(name), Reply::Value(text)) if **name == *wanted => {
                Some(String::from_utf8_lossy(text).into_owned())
            }
            _ => None,
        }),
        _ => None,
    };
    let text = |wanted| field(wanted).unwrap_or_else(|| "unknown".to_owned());
    let (server, version, mode) = (text(b"server"), text(b"version"), text(b"mode"));
    let role = text(b"role");
    check.found(name, &format!("{server} {version}, {mode}, {role}"));
    if is_old(&version) {
        let (major, minor) = OLDEST;
        let fault = format!("{name}: version {version} is older than {major}.{minor}");
        check.faults.push(CheckFault::Config(fault));
    }
    if let Err(cause) = Login::check_master(Some(hello)) {
        check.faults.push(CheckFault::Unavailable(format!("{name}: {cause}")));
    }
}

/// Whether a version, if it is one, is older than [`OLDEST`].
fn is_old(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| integer::parse(number.as_bytes()));
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) < OLDEST,
        _ => false,
    }
}

/// Tries the commands that kvsock needs most.
async fn try_rights(
    name: &str,
    inquiry: &Inquiry,
    options: &Options,
    check: &mut Check,
) -> Result<(), Cow<'static, str>> {
    let tries = tries(options);
    let mut commands = Pipeline::with_capacity(tries.len());
    for words in &tries {
        let (verb, args) = words.split_first().map_or((&[][..], &[][..]), |(it, args)| (it, args));
        let mut command = Cmd::new();
        command.arg(verb).arg(args);
        commands.add_command(command);
    }
    let replies = inquiry.ask(&commands).await?;
    let mut forbidden: Vec<String> = Vec::new();
    for (words, reply) in tries.iter().zip(&replies) {
        let Reply::Error(error @ ErrorReply::Coded(text)) = reply else { continue };
        let verb = words.first().map(|verb| String::from_utf8_lossy(verb).into_owned());
        match text.split(' ').next().unwrap_or_default() {
            "NOPERM" => forbidden.extend(verb),
            // The key is another node's, or the role is named as a fault already.
            "MOVED" | "ASK" | "READONLY" | "EXECABORT" => {}
            _ => {
                let cause = error_text::of_reply(error);
                let fault = format!("{name}: {} is refused: {cause}", verb.unwrap_or_default());
                check.faults.push(CheckFault::Unavailable(fault));
                return Ok(());
            }
        }
    }
    if forbidden.is_empty() {
        check.found(name, "the user may run the commands that kvsock needs");
    } else {
        let fault = format!("{name}: the user may not run {}", forbidden.join(", "));
        check.faults.push(CheckFault::Permission(fault));
    }
    Ok(())
}

/// Commands that change nothing.
fn tries(options: &Options) -> Vec<Vec<Vec<u8>>> {
    let random = format!("kvsock:check:{:016x}:", rand::random::<u64>());
    let prefix = Prefix::new(options.prefix.clone()).then(random.as_bytes());
    let (key, index) = (prefix.stored(b"key"), prefix.index());
    let mut tries: Vec<Vec<&[u8]>> = vec![
        vec![b"GET", &key],
        vec![b"SET", &key, b"", b"XX"],
        vec![b"PEXPIRE", &key, b"1"],
        vec![b"UNLINK", &key],
        vec![b"SCAN", b"0", b"COUNT", b"1"],
        vec![b"WATCH", &key],
        vec![b"MULTI"],
        vec![b"EXEC"],
    ];
    if options.last_depth > 0 {
        tries.push(vec![b"ZADD", &index, b"XX", b"GT", b"1", b"x"]);
        tries.push(vec![b"ZREVRANGE", &index, b"0", b"0"]);
        tries.push(vec![b"ZREM", &index, b"x"]);
    }
    if options.cache > 0 {
        tries.push(vec![b"CLIENT", b"TRACKING", b"OFF"]);
    }
    let owned = |words: Vec<&[u8]>| words.into_iter().map(<[u8]>::to_vec).collect();
    tries.into_iter().map(owned).collect()
}

/// The fault of a server that does not let us in, or does not answer.
fn refused(name: &str, cause: &str) -> CheckFault {
    let text = format!("{name}: {cause}");
    match cause.split(' ').next().unwrap_or_default() {
        "WRONGPASS" | "NOAUTH" | "NOPERM" => CheckFault::Permission(text),
        _ if cause.contains("DB index") => CheckFault::Config(text),
        _ => CheckFault::Unavailable(text),
    }
}

fn unusable(error: &OpenError) -> CheckFault {
    CheckFault::Config(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_before_6_2_are_old() {
        for (version, old) in
            [("6.0.16", true), ("5.0", true), ("6.2.0", false), ("8.1.3", false), ("10.0", false)]
        {
            assert_eq!(is_old(version), old, "{version}");
        }
        assert!(!is_old("unknown"));
    }

    #[test]
    fn a_refused_password_is_told_from_a_server_that_is_away() {
        let text = |cause: &str| format!("s: {cause}");
        for cause in ["WRONGPASS invalid", "NOAUTH x", "NOPERM x"] {
            assert_eq!(refused("s", cause), CheckFault::Permission(text(cause)));
        }
        let cause = "connection refused";
        assert_eq!(refused("s", cause), CheckFault::Unavailable(text(cause)));
    }
}
