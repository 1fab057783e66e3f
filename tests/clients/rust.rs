//! The `redis` crate, as a program uses it: blocking, asynchronous, and with its own reconnection.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{
    AsyncTypedCommands, Client, Cmd, Connection, ErrorKind, ExistenceCheck, RedisError,
    ScanOptions, Script, ServerErrorKind, SetExpiry, SetOptions, TypedCommands, Value, cmd, pipe,
};

use crate::program::BOUND;
use crate::server::Server;

/// The usual release of a lock: only by the one who holds it.
const RELEASE: &str =
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";

/// All that a program does with it, but for losing its connection.
pub(crate) fn works(server: &Server, protocol: u8) {
    let client = open(server, protocol);
    let mut connection = connect(&client);
    strings(&mut connection);
    expiry(&mut connection);
    pipelines(&mut connection);
    transactions(&client, &mut connection);
    scanning(&mut connection);
    binary(&mut connection);
    locks(&mut connection, server.runs_scripts());
    errors(&mut connection);
    runtime().block_on(many_tasks_share_a_connection(&client));
}

/// Its connection manager connects again, and the program goes on.
pub(crate) fn outlives_a_restart(server: &mut Server) {
    let client = open(server, 3);
    runtime().block_on(async {
        let config = ConnectionManagerConfig::new().set_min_delay(Duration::from_millis(10));
        let mut manager = ConnectionManager::new_with_config(client.clone(), config).await.unwrap();
        manager.set("r", "before").await.unwrap();
        server.restart();
        until_it_answers(&mut manager).await;
        if server.is_kvsock() {
            assert_eq!(manager.get("r").await.unwrap().as_deref(), Some("before"));
        }
        let number: u64 = cmd("CLIENT").arg("ID").query_async(&mut manager).await.unwrap();
        let killed = cmd("CLIENT").arg(&["KILL", "ID"]).arg(number).query(&mut connect(&client));
        assert_eq!(killed, Ok(1));
        until_it_answers(&mut manager).await;
        manager.set("r", "after").await.unwrap();
        assert_eq!(manager.get("r").await.unwrap().as_deref(), Some("after"));
        let other: u64 = cmd("CLIENT").arg("ID").query_async(&mut manager).await.unwrap();
        assert_ne!(number, other);
    });
}

fn open(server: &Server, protocol: u8) -> Client {
    let url = format!("unix://{}?protocol={protocol}", server.socket().display());
    Client::open(url).unwrap()
}

fn connect(client: &Client) -> Connection {
    let connection = client.get_connection().unwrap();
    connection.set_read_timeout(Some(BOUND)).unwrap();
    connection
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The first requests after a loss fail while the manager connects again behind them.
async fn until_it_answers(manager: &mut ConnectionManager) {
    let end = Instant::now() + BOUND;
    while let Err(error) = manager.ping().await {
        assert!(Instant::now() < end, "{error}");
    }
}

fn strings(connection: &mut Connection) {
    assert_eq!(connection.ping(), Ok("PONG".to_owned()));
    let info: String = cmd("CLIENT").arg("INFO").query(connection).unwrap();
    assert!(info.contains(" lib-name=redis-rs "), "{info}");
    assert_eq!(connection.get("s"), Ok(None));
    assert_eq!(connection.set("s", "hello"), Ok(()));
    assert_eq!(connection.append("s", " world"), Ok(11));
    assert_eq!(connection.getrange("s", -5, -1), Ok("world".to_owned()));
    assert_eq!(connection.setrange("s", 6, "there"), Ok(11));
    assert_eq!(connection.set_nx("s", "x"), Ok(false));
    assert_eq!(connection.get_del("s"), Ok(Some("hello there".to_owned())));
    assert_eq!(connection.mset(&[("a", "1"), ("b", "two")]), Ok(()));
    let some = |value: &str| Some(value.to_owned());
    assert_eq!(connection.mget(&["b", "missing", "a"]), Ok(vec![some("two"), None, some("1")]));
    assert_eq!(connection.incr("a", 41), Ok(42));
    assert_eq!(connection.decr("a", 2), Ok(40));
    assert_eq!(redis::Commands::incr(connection, "f", 10.5), Ok(10.5));
    assert_eq!(connection.get("f"), Ok(some("10.5")));
    assert_eq!(connection.exists("a"), Ok(true));
    assert_eq!(connection.rename("b", "d"), Ok(()));
    assert_eq!(connection.del(&["a", "b", "d", "f"]), Ok(3));
}

fn expiry(connection: &mut Connection) {
    assert_eq!(connection.pset_ex("e", "x", 60), Ok(()));
    let end = Instant::now() + BOUND;
    while connection.get("e").unwrap().is_some() {
        assert!(Instant::now() < end, "it stays");
    }
    let lasting = redis::IntegerReplyOrNoOp::ExistsButNotRelevant;
    assert_eq!(connection.ttl("e"), Ok(redis::IntegerReplyOrNoOp::NotExists));
    assert_eq!(connection.set_ex("e", "x", 100), Ok(()));
    let left = connection.pttl("e").unwrap().raw();
    assert!((99_000..=100_000).contains(&left), "{left}");
    assert_eq!(connection.persist("e"), Ok(true));
    assert_eq!(connection.ttl("e"), Ok(lasting));
    assert_eq!(connection.expire("e", 0), Ok(true));
    assert_eq!(connection.exists("e"), Ok(false));
}

fn pipelines(connection: &mut Connection) {
    let mut pipeline = pipe();
    for number in 0..1000 {
        pipeline.set(format!("p:{number}"), number).ignore().get(format!("p:{number}"));
    }
    assert_eq!(pipeline.query(connection), Ok((0..1000).collect::<Vec<i32>>()));
    let replies: Vec<Result<Value, RedisError>> = pipe()
        .get("p:7")
        .cmd("FROB")
        .incr("p:7", 1)
        .cmd("GET")
        .get("p:7")
        .ignore_errors()
        .query(connection)
        .unwrap();
    let shown = replies.iter().map(|reply| match reply {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.detail().unwrap_or_default().to_owned(),
    });
    let [first, unknown, third, arity, fifth] = shown.collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(
        [&*first, &third, &fifth],
        ["bulk-string('\"7\"')", "int(8)", "bulk-string('\"8\"')"]
    );
    assert!(unknown.starts_with("unknown command 'FROB'"), "{unknown}");
    assert_eq!(arity, "wrong number of arguments for 'get' command");
}

fn transactions(client: &Client, connection: &mut Connection) {
    let done = pipe().atomic().set("t", 1).ignore().incr("t", 1).get("t").query(connection);
    assert_eq!(done, Ok((2, 2)));
    // The crate's loop runs its function again when somebody else wrote meanwhile.
    let mut runs = 0;
    let result: (i32,) = redis::transaction(connection, &["t"], |connection, pipeline| {
        runs += 1;
        let seen: i32 = connection.get_int("t")?.unwrap().try_into().unwrap();
        if runs == 1 {
            connect(client).set("t", 40)?;
        }
        pipeline.set("t", seen + 1).ignore().get("t").query(connection)
    })
    .unwrap();
    assert_eq!((runs, result), (2, (41,)));
    cmd("WATCH").arg("t").exec(connection).unwrap();
    connect(client).set("t", "theirs").unwrap();
    let aborted: Option<(String,)> =
        pipe().atomic().set("t", "lost").ignore().get("t").query(connection).unwrap();
    assert_eq!(aborted, None);
    assert_eq!(connection.get("t").unwrap().as_deref(), Some("theirs"));
    let refused = pipe().atomic().set("t", "lost").cmd("FROB").exec(connection).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Server(ServerErrorKind::ExecAbort));
    assert_eq!(connection.get("t").unwrap().as_deref(), Some("theirs"));
}

fn scanning(connection: &mut Connection) {
    let keys: HashSet<String> = (0..300).map(|number| format!("scan:{number}")).collect();
    let pairs: Vec<(&String, &str)> = keys.iter().map(|key| (key, "x")).collect();
    connection.mset(&pairs).unwrap();
    let options = ScanOptions::default().with_pattern("scan:*").with_count(20);
    let found: Result<HashSet<String>, RedisError> =
        connection.scan_options(options).unwrap().collect();
    assert_eq!(found, Ok(keys.clone()));
    let all: Result<HashSet<Vec<u8>>, RedisError> =
        redis::Commands::scan(connection).unwrap().collect();
    assert!(keys.iter().all(|key| all.as_ref().unwrap().contains(key.as_bytes())));
}

fn binary(connection: &mut Connection) {
    let every: Vec<u8> = (0..=255).collect();
    let mut large = every.repeat(4096);
    large.reverse();
    for value in [&large[..], b"", b"\r\n", b"$2\r\nhi\r\n"] {
        connection.set(&every, value).unwrap();
        let found: Vec<u8> = redis::Commands::get(connection, &every).unwrap();
        assert!(found == value, "{} bytes, not {}", found.len(), value.len());
    }
    let pairs: Vec<(Vec<u8>, Vec<u8>)> =
        every.iter().map(|&byte| (vec![byte], vec![byte; 2])).collect();
    connection.mset(&pairs).unwrap();
    let (keys, values): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    assert_eq!(redis::Commands::mget(connection, keys), Ok(values));
}

fn locks(connection: &mut Connection, scripts: bool) {
    let options = SetOptions::default()
        .conditional_set(ExistenceCheck::NX)
        .with_expiration(SetExpiry::PX(60_000));
    let mut take = |token| connection.set_options("lock", token, options.clone()).unwrap();
    assert_eq!([take("mine"), take("theirs")], [Some("OK".to_owned()), None]);
    // EVALSHA first, and SCRIPT LOAD where the server does not have it.
    let script = Script::new(RELEASE);
    let mut release = |token| script.key("lock").arg(token).invoke::<i32>(connection);
    if scripts {
        assert_eq!(
            [release("theirs"), release("mine"), release("mine")].map(Result::unwrap),
            [0, 1, 0]
        );
    } else {
        let error = release("mine").unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension), "{error}");
        assert_eq!(connection.get("lock").unwrap().as_deref(), Some("mine"));
    }
}

fn errors(connection: &mut Connection) {
    let mut number = Cmd::new();
    number.arg("CLIENT").arg("ID");
    let before: u64 = number.query(connection).unwrap();
    connection.set("word", "x").unwrap();
    let mut detail = |words: &[&str]| {
        let error = cmd(words[0]).arg(&words[1..]).exec(connection).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server(ServerErrorKind::ResponseError));
        error.detail().unwrap_or_default().to_owned()
    };
    assert_eq!(detail(&["INCR", "word"]), "value is not an integer or out of range");
    assert_eq!(detail(&["SET", "a", "b", "NOPE"]), "syntax error");
    assert_eq!(
        detail(&["FROB", "x"]).trim(),
        "unknown command 'FROB', with args beginning with: 'x'"
    );
    assert_eq!(detail(&["GET"]), "wrong number of arguments for 'get' command");
    assert_eq!(connection.get("word").unwrap().as_deref(), Some("x"));
    assert_eq!(number.query(connection), Ok(before));
}

async fn many_tasks_share_a_connection(client: &Client) {
    let shared = client.get_multiplexed_async_connection().await.unwrap();
    let tasks = (0..200).map(|number| {
        let mut connection = shared.clone();
        async move {
            let key = format!("task:{number}");
            connection.set(&key, number).await.unwrap();
            assert_eq!(connection.get_int(&key).await.unwrap(), Some(number));
        }
    });
    let mut set = tokio::task::JoinSet::new();
    let local = tokio::task::LocalSet::new();
    for task in tasks {
        set.spawn_local_on(task, &local);
    }
    local.run_until(set.join_all()).await;
}
