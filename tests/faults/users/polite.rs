//! The polite user: one request at a time, and each reply is checked.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use redis::{Cmd, Connection, Value, cmd};

/// Keys that stay, for SCAN to find.
const KEYS: usize = 50;
/// A request that takes longer is counted.
const LONG: Duration = Duration::from_millis(100);

/// How long the requests took.
#[derive(Default)]
pub(super) struct Figures {
    times: Vec<(Duration, &'static str)>,
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = |per_mille: usize| times[(times.len() - 1) * per_mille / 1000].0;
        let (slowest, command) = times[times.len() - 1];
        let long = times.iter().filter(|(time, _)| *time > LONG).count();
        write!(
            formatter,
            "slowest of {} requests {slowest:.1?} ({command}), 99.9 % {:.1?}, 99 % {:.1?}, half \
             {:.1?}; {long} above {LONG:?}",
            times.len(),
            at(999),
            at(990),
            at(500),
        )?;
        for command in ["SET", "GET", "SCAN", "MULTI", "QUEUED", "EXEC"] {
            let own = times.iter().filter(|(_, its)| *its == command);
            let slowest = own.map(|(time, _)| *time).max().unwrap_or_default();
            write!(formatter, ", {command} {slowest:.1?}")?;
        }
        Ok(())
    }
}

struct Polite {
    connection: Connection,
    figures: Figures,
}

/// Asks at least so many times.
pub(super) fn ask(socket: &Path, count: u64) -> Figures {
    let url = format!("unix://{}", socket.display());
    let client = redis::Client::open(url).expect("a URL");
    let connection = client.get_connection().expect("it listens");
    connection.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
    let mut polite = Polite { connection, figures: Figures::default() };
    for number in 0..KEYS {
        polite.expect("SET", cmd("SET").arg(format!("p:stays:{number}")).arg(number), &Value::Okay);
    }
    let mut walk = Walk::default();
    let mut round = 0_u64;
    while (polite.figures.times.len() as u64) < count {
        let (key, value) = (format!("p:{}", round % 100), format!("value {round}"));
        let found = Value::BulkString(value.clone().into_bytes());
        polite.expect("SET", cmd("SET").arg(&key).arg(&value), &Value::Okay);
        polite.expect("GET", cmd("GET").arg(&key), &found);
        walk.step(&mut polite);
        let queued = Value::SimpleString("QUEUED".to_owned());
        polite.expect("MULTI", &cmd("MULTI"), &Value::Okay);
        polite.expect("QUEUED", cmd("INCR").arg("p:count"), &queued);
        polite.expect("QUEUED", cmd("GET").arg(&key), &queued);
        round += 1;
        let count = Value::Int(i64::try_from(round).expect("a small number"));
        polite.expect("EXEC", &cmd("EXEC"), &Value::Array(vec![count, found]));
    }
    polite.figures
}

impl Polite {
    #[track_caller]
    fn ask(&mut self, name: &'static str, command: &Cmd) -> Value {
        let began = Instant::now();
        let reply: redis::RedisResult<Value> = command.query(&mut self.connection);
        self.figures.times.push((began.elapsed(), name));
        let number = self.figures.times.len();
        reply.unwrap_or_else(|error| {
            panic!("request {number}, {name}, after {:.1?}: {error}", began.elapsed())
        })
    }

    #[track_caller]
    fn expect(&mut self, name: &'static str, command: &Cmd, expected: &Value) {
        let reply = self.ask(name, command);
        assert_eq!(&reply, expected, "request {}, {name}", self.figures.times.len());
    }
}

/// A walk over all keys, which has to find those that stay.
#[derive(Default)]
struct Walk {
    cursor: u64,
    found: BTreeSet<Vec<u8>>,
}

impl Walk {
    fn step(&mut self, polite: &mut Polite) {
        let mut scan = cmd("SCAN");
        scan.arg(self.cursor).arg("MATCH").arg("p:stays:*").arg("COUNT").arg(50);
        let reply = polite.ask("SCAN", &scan);
        let (cursor, keys): (u64, Vec<Vec<u8>>) =
            redis::from_redis_value(reply).expect("a cursor and keys");
        self.cursor = cursor;
        self.found.extend(keys);
        if cursor == 0 {
            let found = std::mem::take(&mut self.found);
            assert_eq!(found.len(), KEYS, "a walk finds every key that stays");
        }
    }
}
