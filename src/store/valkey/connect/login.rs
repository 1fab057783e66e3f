//! The login: the commands that open a connection, and the check of their replies.

use std::borrow::Cow;

use redis::{ProtocolVersion, RedisConnectionInfo};

use crate::message::{ErrorReply, Reply};
use crate::store::integer;
use crate::store::location::{Cluster, Sentinels, Server};
use crate::store::options::Options;
use crate::store::secret::Secret;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::error_text;

/// The user for whom a password without a user name is.
const DEFAULT_USER: &str = "default";

/// The credentials and the database.
#[derive(Debug)]
pub(crate) struct Login {
    username: Option<Secret>,
    password: Option<Secret>,
    db: i64,
}

impl Login {
    /// For one server. The user and password of the settings take precedence over the URL's.
    pub(crate) fn new(server: &Server, options: &Options) -> Login {
        Login::with((&server.username, &server.password), server.db, options)
    }

    /// For each server of a cluster.
    pub(crate) fn to_cluster(cluster: &Cluster, options: &Options) -> Login {
        Login::with((&cluster.username, &cluster.password), 0, options)
    }

    /// For the master that sentinels name.
    pub(crate) fn to_master(sentinels: &Sentinels, options: &Options) -> Login {
        Login::with((&sentinels.username, &sentinels.password), sentinels.db, options)
    }

    /// For sentinels, with the credentials of their master; `None` without a password.
    pub(crate) fn to_sentinels(sentinels: &Sentinels, options: &Options) -> Option<Login> {
        let login = Login::with((&sentinels.username, &sentinels.password), 0, options);
        login.password.is_some().then_some(login)
    }

    /// For sentinels that want no password.
    pub(crate) fn without_password() -> Login {
        Login { username: None, password: None, db: 0 }
    }

    fn with(
        (username, password): (&Option<Secret>, &Option<Secret>),
        db: i64,
        options: &Options,
    ) -> Login {
        Login {
            username: options.username.clone().or_else(|| username.clone()),
            password: options.password.clone().or_else(|| password.clone()),
            db,
        }
    }

    /// The commands of the login, sent together.
    pub(crate) fn commands(&self) -> Commands {
        let name = env!("CARGO_PKG_NAME").as_bytes();
        let version = env!("CARGO_PKG_VERSION").as_bytes();
        let mut commands = Commands::default();
        match &self.password {
            // RESP3 also for its error texts at login.
            None => commands.push(&[b"HELLO", b"3"]),
            Some(password) => {
                let user = self.username.as_ref().map_or(DEFAULT_USER, Secret::reveal);
                let password = password.reveal().as_bytes();
                commands.push(&[b"HELLO", b"3", b"AUTH", user.as_bytes(), password]);
            }
        }
        commands.push(&[b"CLIENT", b"SETINFO", b"LIB-NAME", name]);
        commands.push(&[b"CLIENT", b"SETINFO", b"LIB-VER", version]);
        commands.push(&[b"SELECT", self.db.to_string().as_bytes()]);
        commands.push(&[b"PING"]);
        commands
    }

    /// Checks that the server accepted the login and serves.
    ///
    /// # Errors
    ///
    /// The cause, as text.
    pub(crate) fn check(&self, replies: &[Reply]) -> Result<(), Cow<'static, str>> {
        let [hello, _, _, select, ping] = replies else {
            return Err("malformed reply from the server".into());
        };
        match hello {
            Reply::Map(_) | Reply::Array(_) => {}
            Reply::Error(error) if knows_no_hello(error) => {
                return Err("the server does not know HELLO 3".into());
            }
            Reply::Error(error) => return Err(error_text::of_reply(error)),
            _ => return Err("malformed reply from the server".into()),
        }
        if let Reply::Error(error) = select
            && self.db != 0
        {
            return Err(error_text::of_reply(error));
        }
        match ping {
            Reply::Error(error) if Login::serves_not(error) => Err(error_text::of_reply(error)),
            // Any other error means that PING alone is forbidden, or fails at present.
            _ => Ok(()),
        }
    }

    /// Whether the server sends invalidations between replies only, by its replies to the login.
    /// Versions before 7.0 also send them within replies (redis/redis#9422).
    pub(crate) fn is_orderly(replies: &[Reply]) -> bool {
        let Some(Reply::Map(fields)) = replies.first() else { return false };
        let version = fields.iter().find_map(|field| match field {
            (Reply::Value(name), Reply::Value(version)) if *name == b"version"[..] => Some(version),
            _ => None,
        });
        let major = version.and_then(|version| version.split(|byte| *byte == b'.').next());
        major.and_then(integer::parse).is_some_and(|major| major >= 7)
    }

    /// Checks by the reply to HELLO that the server is a master.
    ///
    /// # Errors
    ///
    /// The server's role.
    pub(crate) fn check_master(hello: Option<&Reply>) -> Result<(), Cow<'static, str>> {
        let Some(Reply::Map(fields)) = hello else {
            return Err("it does not tell its role".into());
        };
        let role = fields.iter().find_map(|field| match field {
            (Reply::Value(name), Reply::Value(role)) if *name == b"role"[..] => Some(role),
            _ => None,
        });
        match role {
            Some(role) if *role == b"master"[..] || *role == b"primary"[..] => Ok(()),
            Some(role) => Err(format!("it is a {}", String::from_utf8_lossy(role)).into()),
            None => Err("it does not tell its role".into()),
        }
    }

    /// Whether the error to PING says that the server does not serve.
    pub(crate) fn serves_not(error: &ErrorReply) -> bool {
        let ErrorReply::Coded(text) = error else { return false };
        let code = text.split(' ').next().unwrap_or_default();
        matches!(code, "LOADING" | "MASTERDOWN" | "BUSY" | "NOAUTH")
    }

    /// The login for the `redis` crate.
    pub(crate) fn to_redis(&self) -> RedisConnectionInfo {
        let mut login = RedisConnectionInfo::default()
            // The crate notifies of a disconnect with RESP3 only.
            .set_protocol(ProtocolVersion::RESP3)
            .set_db(self.db)
            .set_lib_name(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        if let Some(username) = &self.username {
            login = login.set_username(username.reveal());
        }
        if let Some(password) = &self.password {
            login = login.set_password(password.reveal());
        }
        login
    }
}

fn knows_no_hello(error: &ErrorReply) -> bool {
    match error {
        ErrorReply::Failed(text) => text.starts_with("unknown command"),
        ErrorReply::Coded(text) => text.starts_with("NOPROTO"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_no_master() {
        let hello =
            |role: &'static str| Reply::Map(vec![(Reply::value("role"), Reply::value(role))]);
        assert_eq!(Login::check_master(Some(&hello("master"))), Ok(()));
        assert_eq!(Login::check_master(Some(&hello("replica"))), Err("it is a replica".into()));
        assert!(Login::check_master(Some(&Reply::Map(vec![]))).is_err());
        assert!(Login::check_master(None).is_err());
    }

    #[test]
    fn servers_from_version_7_on_are_orderly() {
        let hello = |version| {
            let fields = [("server", "redis"), ("version", version)];
            let pair = |(name, text)| (Reply::value(name), Reply::value(text));
            [Reply::Map(fields.map(pair).into())]
        };
        assert!(
            ["7.0.15", "7.2.4", "8.0.1", "10.0"].iter().all(|it| Login::is_orderly(&hello(it)))
        );
        assert!(["6.2.14", "", "new"].iter().all(|it| !Login::is_orderly(&hello(it))));
        assert!(!Login::is_orderly(&[Reply::OK]) && !Login::is_orderly(&[]));
    }
}
