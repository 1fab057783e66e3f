//! Scripts: who may, and that they do no harm to others.

use std::fmt::Write;

use crate::support::daemon::Daemon;
use crate::support::valkey::Setup;
use crate::support::wire::exact::Wire;

fn eval(script: &str, rest: &str) -> Vec<u8> {
    let count = 2 + rest.split(' ').count();
    let mut bytes = format!("*{count}\r\n$4\r\nEVAL\r\n${}\r\n{script}\r\n", script.len());
    for word in rest.split(' ') {
        write!(bytes, "${}\r\n{word}\r\n", word.len()).expect("a String takes every write");
    }
    bytes.into_bytes()
}

#[test]
fn an_administrator_runs_scripts_on_valkey() {
    let Some(valkey) = Setup::default().start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url())]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.send(eval("return redis.call('set', KEYS[1], ARGV[1])", "1 k v"));
    wire.expect("+OK\r\n");
    wire.send(eval("return {1, 'two', false, {3}, redis.status_reply('FINE')}", "0"));
    wire.expect("*5\r\n:1\r\n$3\r\ntwo\r\n$-1\r\n*1\r\n:3\r\n+FINE\r\n");
    wire.send(eval("return redis.sha1hex('return 7')", "0"));
    wire.expect("$40\r\n");
    let digest = wire.skip_to("\r\n");
    wire.ask(&format!("SCRIPT EXISTS {digest}"), "*1\r\n:0\r\n");
    wire.send(b"*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$8\r\nreturn 7\r\n");
    wire.expect(format!("$40\r\n{digest}\r\n"));
    wire.ask(&format!("EVALSHA {digest} 0"), ":7\r\n");
    wire.ask("SCRIPT FLUSH", "+OK\r\n");
    let gone = wire.line(&format!("EVALSHA {digest} 0"));
    assert!(gone.starts_with("-NOSCRIPT No matching script."), "{gone}");
    wire.ask("MULTI", "+OK\r\n");
    wire.send(eval("return redis.call('get', KEYS[1])", "1 k"));
    wire.expect("+QUEUED\r\n");
    wire.ask("EXEC", "*1\r\n$1\r\nv\r\n");
}

#[test]
fn a_script_that_answers_nonsense_harms_only_its_own_client() {
    let Some(valkey) = Setup::default().start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url())]);
    let mut other = Wire::connect(&daemon.socket());
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            for n in 0..2000 {
                other.ask(&format!("SET other {n}"), "+OK\r\n");
            }
        });
        let mut wire = Wire::connect(&daemon.socket());
        let unknown = "-ERR store connection lost; \"EVAL\" may or may not have been applied.\r\n";
        for _ in 0..10 {
            wire.send(eval(r"return redis.error_reply('\255\254')", "0"));
            wire.expect("-ERR \u{fffd}\u{fffd}\r\n");
            // Deeper than any reply is read.
            let nested = "local t = {} for i = 1, 500 do t = {t} end return t";
            wire.send(eval(nested, "0"));
            wire.expect(unknown);
            wire.ask("MULTI", "+OK\r\n");
            wire.send(eval(nested, "0"));
            wire.expect("+QUEUED\r\n");
            wire.ask("EXEC", unknown.replace("EVAL", "EXEC"));
        }
        load.join().expect("nobody else noticed");
    });
}

#[test]
fn what_a_script_answers_in_resp_3_is_told() {
    let Some(valkey) = Setup::default().start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url())]);
    let mut wire = Wire::connect(&daemon.socket());
    let answers = [
        ("{map={a=1}}", "*2\r\n$1\r\na\r\n:1\r\n"),
        ("{set={a=true}}", "*1\r\n$1\r\na\r\n"),
        ("{double=1.5}", "$3\r\n1.5\r\n"),
        ("{big_number='123456789012345678901'}", "$21\r\n123456789012345678901\r\n"),
        ("{verbatim_string={format='txt',string='abc'}}", "$3\r\nabc\r\n"),
        ("true", ":1\r\n"),
    ];
    for (answer, told) in answers {
        wire.send(eval(&format!("redis.setresp(3) return {answer}"), "0"));
        wire.expect(told);
    }
    wire.ask("PING", "+PONG\r\n");
}

#[test]
fn scripts_are_refused_where_they_may_not_run() {
    let refused = |settings: &[(&str, &str)], reply: &str| {
        let daemon = Daemon::start(settings);
        let mut wire = Wire::connect(&daemon.socket());
        wire.send(eval("return 1", "0"));
        wire.expect(reply);
        wire.ask("PING", "+PONG\r\n");
    };
    let Some(valkey) = Setup::default().start() else { return };
    let url = valkey.url();
    let off = "-NOPERM scripts are switched off (KVSOCK_SCRIPTS)\r\n";
    refused(&[("STORE", &url), ("SCRIPTS", "no")], off);
    let prefixed = "-NOPERM scripts are refused under a key prefix and per-user key spaces, since a script can name any key\r\n";
    refused(&[("STORE", &url), ("KEY_PREFIX", "p:"), ("SCRIPTS", "all")], prefixed);
    refused(&[], "-ERR scripts need a Valkey store; this one is embedded\r\n");
}
