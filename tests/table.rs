//! The table of commands against a real server's: numbers of arguments, effects, and the places of
//! keys, for which both are asked with random arguments.

mod support;

use bytes::Bytes;
use kvsock::command::{Command, Place, Run, rows};
use kvsock::store::Operation;
use redis::{Connection, Value};
use support::valkey::Setup;

/// Numbers of arguments that differ from the server's.
const ARITIES: &[(&str, &str)] = &[("PING", "pingdb takes no message")];

/// Effects that the server does not tell.
const EFFECTS: &[(&str, &str)] = &[
    ("EVAL", "a script may write"),
    ("EVALSHA", "a script may write"),
    ("SCRIPT EXISTS", "all of SCRIPT is sent once only"),
    ("SCRIPT FLUSH", "changes scripts, but no data"),
    ("SCRIPT LOAD", "changes scripts, but no data"),
];

/// A command, arguments of which kvsock tells no keys and the server does, and why.
type Unlike = (&'static str, fn(&[Bytes]) -> bool, &'static str);

const KEYS: &[Unlike] = &[
    ("MSET", is_odd, "a key without a value is refused, not sent"),
    ("MSETNX", is_odd, "a key without a value is refused, not sent"),
    ("EVAL", has_zeros, "GETKEYS reads 01 as 1, which EVAL itself refuses"),
    ("EVALSHA", has_zeros, "GETKEYS reads 01 as 1, which EVALSHA itself refuses"),
];

fn is_odd(args: &[Bytes]) -> bool {
    !args.len().is_multiple_of(2)
}

fn has_zeros(args: &[Bytes]) -> bool {
    args[1] == "01"
}

/// The random argument vectors of each command.
const VECTORS: usize = 20;

fn is_in(list: &[(&str, &str)], row: &Command) -> bool {
    list.iter().any(|(name, _)| *name == row.spec.name)
}

/// The rows that the store carries out under a name that a server knows.
fn stored() -> impl Iterator<Item = &'static Command> {
    rows().filter(|row| row.run == Run::Store && row.spec.name != "LAST")
}

fn connect(setup: Setup) -> Option<(support::valkey::Valkey, Connection)> {
    let server = setup.start()?;
    let url = format!("redis+unix://{}", server.socket().display());
    let client = redis::Client::open(url).expect("an address");
    let connection = client.get_connection().expect("the server answers");
    Some((server, connection))
}

/// The first six fields of the server's COMMAND INFO.
fn described(connection: &mut Connection, row: &Command) -> Vec<Value> {
    let name = row.spec.name.to_lowercase().replace(' ', "|");
    let told = redis::cmd("COMMAND").arg("INFO").arg(&name).query(connection);
    match told.expect("an answer") {
        Value::Array(mut told) if told.len() == 1 => match told.remove(0) {
            Value::Array(fields) => fields,
            other => panic!("{name}: {other:?}"),
        },
        other => panic!("{name}: {other:?}"),
    }
}

fn number(value: &Value) -> i64 {
    let Value::Int(number) = value else { panic!("{value:?}") };
    *number
}

#[test]
fn rows_agree_with_the_servers_descriptions() {
    let Some((_server, mut connection)) = connect(Setup::default()) else { return };
    for row in stored() {
        let name = row.spec.name;
        let fields = described(&mut connection, row);
        let words = i64::try_from(row.spec.words.count()).expect("few");
        if !is_in(ARITIES, row) {
            let arity = number(&fields[1]);
            let least = i64::try_from(row.arguments.least).expect("few") + words;
            assert_eq!(arity.abs(), least, "{name}: fewest arguments");
            let is_exact = row.arguments.least == row.arguments.most;
            assert_eq!(arity > 0, is_exact, "{name}: most arguments");
        }
        let flags = format!("{:?}", fields[2]);
        if !is_in(EFFECTS, row) {
            assert_eq!(flags.contains("\"write\""), row.spec.is_write(), "{name}: {flags}");
        }
        let expected = match *row.spec.places {
            [Place::Range { first, last, step }, ..] => {
                let words = isize::try_from(words).expect("few");
                let first = isize::try_from(first).expect("few") + words;
                let last = if last < 0 { last } else { last + words };
                [first, last, isize::try_from(step).expect("few")]
            }
            _ => [0; 3],
        };
        let told = [3, 4, 5].map(|at| isize::try_from(number(&fields[at])).expect("few"));
        assert_eq!(told, expected, "{name}: places of keys");
    }
}

/// A fixed sequence of numbers, so that a failure can be seen again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    /// Arguments in a number that the row admits. Some are numbers, some are options.
    fn arguments(&mut self, row: &Command) -> Vec<Bytes> {
        const WORDS: [&str; 14] = [
            "a", "b", "c", "key", "0", "1", "2", "3", "-1", "01", "x1", "REPLACE", "GET", "STREAMS",
        ];
        let most = row.arguments.most.min(row.arguments.least + 4);
        let count = row.arguments.least + self.below(most - row.arguments.least + 1);
        (0..count).map(|_| Bytes::from(WORDS[self.below(WORDS.len())])).collect()
    }
}

#[test]
fn keys_stand_where_the_server_finds_them() {
    let Some((_server, mut connection)) = connect(Setup::default()) else { return };
    let mut dice = Dice(1);
    let mut found = 0;
    for row in stored() {
        for _ in 0..VECTORS {
            let args = dice.arguments(row);
            let mut question = redis::cmd("COMMAND");
            question.arg("GETKEYS");
            row.spec.name.split(' ').for_each(|word| {
                question.arg(word);
            });
            for arg in &args[..] {
                question.arg(&arg[..]);
            }
            // An error says that there are no keys, or that the arguments do not parse.
            let told: Vec<Vec<u8>> = question.query(&mut connection).unwrap_or_default();
            let operation = Operation { command: row, args: args.clone().into() };
            let ours: Vec<Vec<u8>> = operation.keys().map(|key| key.to_vec()).collect();
            let is_unlike = |(name, holds, _): &Unlike| *name == row.spec.name && holds(&args);
            if ours.is_empty() && KEYS.iter().any(is_unlike) {
                continue;
            }
            assert_eq!(ours, told, "{} {args:?}", row.full_name);
            found += ours.len();
        }
    }
    assert!(found > 500, "{found} keys");
}
