//! `valkey-cli` as scripts use it: one command, a scan, a pipe.

use std::process::Command;

use crate::program::{Output, of_valkey, run};
use crate::server::Server;
use crate::support::wire::request::encode;

/// A command's reply is printed raw into a pipe, and the exit status tells of an error.
pub(crate) fn works(server: &Server, options: &[&str]) {
    let Some(cli) = Cli::at(server, options) else { return };
    assert_eq!(cli.prints(&["PING"], b""), b"PONG\n");
    assert_eq!(cli.prints(&["SET", "motd", "hello  world"], b""), b"OK\n");
    assert_eq!(cli.prints(&["get", "motd"], b""), b"hello  world\n");
    assert_eq!(cli.prints(&["GET", "missing"], b""), b"\n");
    let every: Vec<u8> = (0..=255).collect();
    assert_eq!(cli.prints(&["-x", "SET", "bytes"], &every), b"OK\n");
    assert_eq!(cli.prints(&["GET", "bytes"], b""), [&every[..], b"\n"].concat());
    assert_eq!(cli.prints(&["-D", "", "GET", "bytes"], b""), every);
    assert_eq!(cli.prints(&["-r", "3", "INCR", "n"], b""), b"1\n2\n3\n");
    assert_eq!(cli.prints(&["MGET", "n", "missing", "motd"], b""), b"3\n\nhello  world\n");
    assert_eq!(cli.prints(&[], b"SET lines 1\nINCR lines\nGET lines\n"), b"OK\n2\n2\n");
    let refused = cli.run(&["-e", "INCR", "motd"], b"");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert_eq!(refused.stderr, "ERR value is not an integer or out of range\n");
    let unknown = cli.run(&["-e", "FROB", "x"], b"");
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    assert!(unknown.stderr.starts_with("ERR unknown command 'FROB'"), "{unknown:?}");
}

/// Replies as a person sees them.
pub(crate) fn shows_types_in_resp2(server: &Server) {
    let Some(cli) = Cli::at(server, &["--no-raw"]) else { return };
    shows_types(&cli);
    assert_eq!(cli.prints(&["MGET", "a", "missing"], b""), b"1) \"2\"\n2) (nil)\n");
    let hello = String::from_utf8(cli.prints(&["HELLO"], b"")).unwrap();
    assert!(hello.contains(" 5) \"proto\"\n 6) (integer) 2\n"), "{hello}");
}

/// The same, and as JSON, with the types that RESP3 adds.
pub(crate) fn shows_types_in_resp3(server: &Server) {
    let Some(cli) = Cli::at(server, &["-3", "--no-raw"]) else { return };
    shows_types(&cli);
    assert_eq!(cli.prints(&["MGET", "a", "missing"], b""), b"1) \"2\"\n2) (nil)\n");
    let hello = String::from_utf8(cli.prints(&["HELLO"], b"")).unwrap();
    assert!(hello.contains("# \"proto\" => (integer) 3\n"), "{hello}");
    let Some(json) = Cli::at(server, &["-3", "--json"]) else { return };
    assert_eq!(json.prints(&["MGET", "a", "missing"], b""), b"[\"2\",null]\n");
    assert_eq!(json.prints(&["STRLEN", "a"], b""), b"1\n");
    let hello: serde_json::Value =
        serde_json::from_slice(&json.prints(&["HELLO", "3"], b"")).unwrap();
    assert_eq!((&hello["proto"], &hello["role"]), (&3.into(), &"master".into()));
}

fn shows_types(cli: &Cli) {
    assert_eq!(cli.prints(&["SET", "a", "1"], b""), b"OK\n");
    assert_eq!(cli.prints(&["INCR", "a"], b""), b"(integer) 2\n");
    assert_eq!(cli.prints(&["GET", "a"], b""), b"\"2\"\n");
    assert_eq!(cli.prints(&["GET", "missing"], b""), b"(nil)\n");
    assert_eq!(cli.prints(&["KEYS", "none*"], b""), b"(empty array)\n");
    let arity = b"(error) ERR wrong number of arguments for 'get' command\n";
    assert_eq!(cli.prints(&["GET"], b""), arity);
}

/// `--scan` goes through all keys, and `--pattern` through those that match.
pub(crate) fn scans(server: &Server) {
    let Some(cli) = Cli::at(server, &[]) else { return };
    let mut expected: Vec<String> = (0..300).map(|number| format!("scan:{number}")).collect();
    let words: Vec<&str> = expected.iter().flat_map(|key| [key, "x"]).collect();
    cli.prints(&[&["MSET", "elsewhere", "x"], &words[..]].concat(), b"");
    expected.sort();
    for options in
        [&["--scan", "--pattern", "scan:*"][..], &["-3", "--scan", "--pattern", "scan:*"]]
    {
        let mut found = cli.lines(options);
        found.sort();
        found.dedup();
        assert_eq!(found, expected);
    }
    assert!(cli.lines(&["--scan"]).contains(&"elsewhere".to_owned()));
}

/// `--pipe` sends all at once, ends with an empty line and an ECHO, and counts the replies.
pub(crate) fn pipes_thousands_of_frames(server: &Server) {
    let Some(cli) = Cli::at(server, &[]) else { return };
    let mut frames = Vec::new();
    for number in 0..5000_u32 {
        let value: Vec<u8> = number.to_be_bytes().into_iter().chain(0..=255).collect();
        frames.extend(encode(&[b"SET", format!("pipe:{number}").as_bytes(), &value]));
    }
    let said = String::from_utf8(cli.prints(&["--pipe"], &frames)).unwrap();
    assert!(said.ends_with("errors: 0, replies: 5000\n"), "{said}");
    let last: Vec<u8> = 4999_u32.to_be_bytes().into_iter().chain(0..=255).collect();
    assert_eq!(cli.prints(&["GET", "pipe:4999"], b""), [&last[..], b"\n"].concat());
    let mut frames = Vec::new();
    for words in [&[&b"SET"[..], b"word", b"x"][..], &[b"INCR", b"word"], &[b"DBSIZE"]] {
        frames.extend(encode(words));
    }
    let failed = cli.run(&["--pipe"], &frames);
    let said = String::from_utf8_lossy(&failed.stdout);
    assert!(said.ends_with("errors: 1, replies: 3\n"), "{failed:?}");
    assert_eq!(failed.status.code(), Some(1));
}

/// The program, at a server and with options that go before all others.
struct Cli<'a> {
    server: &'a Server,
    options: &'a [&'a str],
}

impl<'a> Cli<'a> {
    fn at(server: &'a Server, options: &'a [&'a str]) -> Option<Cli<'a>> {
        of_valkey("cli").map(|_| Cli { server, options })
    }

    fn run(&self, args: &[&str], input: &[u8]) -> Output {
        let mut command: Command = of_valkey("cli").expect("it was here just now");
        command.arg("-s").arg(self.server.socket()).args(self.options).args(args);
        run(&mut command, input)
    }

    /// What a run that succeeds prints.
    fn prints(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        self.run(args, input).succeeded()
    }

    fn lines(&self, args: &[&str]) -> Vec<String> {
        let printed = String::from_utf8(self.prints(args, b"")).unwrap();
        printed.lines().map(str::to_owned).collect()
    }
}
