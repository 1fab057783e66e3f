//! The server is there and says no.

use std::time::Duration;

use kvsock::message::{ErrorReply, Reply};
use kvsock::store::{Health, OpenError, Secret, Store, Tls};

use crate::support::valkey::Setup;
use crate::{one, operation, run, until_down, until_up, value};

fn coded(line: &str) -> Reply {
    Reply::coded(line.to_owned())
}

#[test]
fn a_wrong_password_is_named_and_the_right_one_helps() {
    let Some(mut server) = Setup { password: Some("theirs"), ..Setup::default() }.start() else {
        return;
    };
    run(async {
        let mut options = server.options(server.tcp());
        options.password = Some(Secret::new("mine-hunter2"));
        options.timeout = Duration::from_millis(200);
        let store = Store::open(options).expect("it opens");
        until_down(&store, "WRONGPASS invalid username-password pair").await;
        let refused = one(&store, "GET", &["k"]).await;
        let Reply::Error(ErrorReply::Unavailable(why)) = refused else { panic!("{refused:?}") };
        assert!(why.starts_with("WRONGPASS") && !why.contains("hunter2"), "{why}");
        server.restart_with_password("mine-hunter2");
        until_up(&store).await;
        assert_eq!(one(&store, "GET", &["k"]).await, Reply::Nil);
    });
}

#[test]
fn a_missing_password_is_named() {
    let Some(server) = Setup { password: Some("theirs"), ..Setup::default() }.start() else {
        return;
    };
    run(async {
        let mut options = server.options(server.tcp());
        options.password = None;
        until_down(&Store::open(options).expect("it opens"), "NOAUTH").await;
    });
}

#[test]
fn a_certificate_of_another_authority_is_named() {
    let (Some(server), Some(other)) = (
        Setup { tls: true, ..Setup::default() }.start(),
        Setup { tls: true, ..Setup::default() }.start(),
    ) else {
        return;
    };
    run(async {
        let mut options = server.options(server.tls());
        options.tls.ca = other.options(other.tls()).tls.ca;
        until_down(&Store::open(options).expect("it opens"), "certificate").await;
    });
}

#[test]
fn a_certificate_that_is_none_is_a_fault_of_the_settings() {
    let Some(server) = Setup::default().start() else { return };
    run(async {
        let mut options = server.options(server.tls());
        options.tls = Tls { ca: Some(b"nonsense".to_vec()), ..Tls::default() };
        assert!(matches!(Store::open(options), Err(OpenError::Config(_))));
    });
}

#[test]
fn a_database_that_does_not_exist_is_named() {
    let Some(server) = Setup::default().start() else { return };
    run(async {
        let mut options = server.options(server.tcp());
        if let kvsock::store::Location::Valkey(server) = &mut options.location {
            server.db = 99;
        }
        until_down(&Store::open(options).expect("it opens"), "DB index is out of range").await;
    });
}

#[test]
fn the_servers_own_errors_keep_their_code() {
    let Some(server) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(server.options(server.tcp())).expect("it opens");
        server.command(&["RPUSH", "list", "x"]);
        let wrong = coded("WRONGTYPE Operation against a key holding the wrong kind of value");
        assert_eq!(one(&store, "GET", &["list"]).await, wrong);
        server.command(&["CONFIG", "SET", "maxmemory", "1"]);
        let full = coded("OOM command not allowed when used memory > 'maxmemory'.");
        assert_eq!(one(&store, "SET", &["k", "v"]).await, full);
        server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        assert_eq!(one(&store, "SET", &["k", "v"]).await, Reply::OK);
        assert_eq!(store.health(), Health::Up);
    });
}

#[test]
fn a_read_only_server_is_read() {
    let (Some(primary), Some(server)) = (Setup::default().start(), Setup::default().start()) else {
        return;
    };
    run(async {
        let kvsock::store::Transport::Tcp { host, port } = primary.tcp() else { panic!("a port") };
        let store = Store::open(server.options(server.tcp())).expect("it opens");
        assert_eq!(one(&store, "SET", &["k", "v"]).await, Reply::OK);
        server.command(&["REPLICAOF", &host, &port.to_string()]);
        let refused = coded("READONLY You can't write against a read only replica.");
        assert_eq!(one(&store, "SET", &["k", "w"]).await, refused);
    });
}

#[test]
fn what_the_server_forbids_disturbs_nothing_else() {
    let settings = vec![["user", "few on >pw ~* +get +set +mget"]];
    let Some(server) = Setup { settings, ..Setup::default() }.start() else { return };
    run(async {
        let mut options = server.options(server.tcp());
        options.username = Some(Secret::new("few"));
        options.password = Some(Secret::new("pw"));
        let store = Store::open(options).expect("it opens");
        until_up(&store).await;
        assert_eq!(one(&store, "SET", &["k", "v"]).await, Reply::OK);
        let batch = vec![operation("INCR", &["n"]), operation("GET", &["k"])];
        let replies = store.execute(batch).await;
        let forbidden = coded("NOPERM User few has no permissions to run the 'incr' command");
        assert_eq!(replies, [forbidden, value("v")]);
        let save = one(&store, "SAVE", &[]).await;
        let Reply::Error(ErrorReply::Failed(why)) = save else { panic!("{save:?}") };
        assert!(why.starts_with("the store does not allow save: NOPERM"), "{why}");
        let last = one(&store, "LAST", &["1"]).await;
        assert!(matches!(last, Reply::Error(ErrorReply::Coded(_))), "{last:?}");
        assert_eq!(one(&store, "GET", &["k"]).await, value("v"));
    });
}

#[test]
fn a_save_that_fails_says_so() {
    let Some(server) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(server.options(server.tcp())).expect("it opens");
        assert_eq!(one(&store, "SET", &["k", "v"]).await, Reply::OK);
        // A directory where the dump would be renamed to.
        std::fs::create_dir(server.dir().join("dump.rdb")).expect("make a directory");
        let save = one(&store, "SAVE", &[]).await;
        let Reply::Error(ErrorReply::Failed(why)) = save else { panic!("{save:?}") };
        assert!(why.starts_with("save failed"), "{why}");
    });
}
