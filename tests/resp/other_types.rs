//! Keys of other types that lie in the same Valkey.

use crate::support::daemon::Daemon;
use crate::support::valkey::Setup;
use crate::support::wire::exact::Wire;

#[test]
fn a_key_of_another_type_is_the_wrong_type_and_nothing_breaks() {
    let Some(valkey) = Setup::default().start() else { return };
    for create in [
        &["RPUSH", "x", "1"][..],
        &["SADD", "x", "1"],
        &["HSET", "x", "f", "1"],
        &["ZADD", "x", "1", "m"],
        &["XADD", "x", "*", "f", "v"],
    ] {
        valkey.command(create);
        let daemon = Daemon::start(&[("STORE", &valkey.url())]);
        let mut wire = Wire::connect(&daemon.socket());
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
        for words in ["GET x", "INCR x", "APPEND x y", "STRLEN x", "GETRANGE x 0 1", "GETEX x"] {
            wire.ask(words, wrong);
        }
        wire.ask("MGET x", "*1\r\n$-1\r\n");
        wire.ask("EXISTS x", ":1\r\n");
        wire.ask("SCAN 0 TYPE string", "*2\r\n$1\r\n0\r\n*0\r\n");
        wire.ask("KEYS *", "*1\r\n$1\r\nx\r\n");
        assert_eq!(wire.number("TTL x"), -1);
        let kind = wire.line("TYPE x");
        assert!(["+list", "+set", "+hash", "+zset", "+stream"].contains(&kind.as_str()), "{kind}");
        wire.ask("SET x 1", "+OK\r\n");
        wire.ask("DEL x", ":1\r\n");
    }
}
