//! What clients that are not run here send and read, byte for byte.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use crate::server::Server;
use crate::support::daemon::PATIENCE;

/// go-redis asks for notices of maintenance, and goes on without them only if it reads just this.
pub(crate) fn maintenance_notices(server: &Server) {
    let mut stream = UnixStream::connect(server.socket()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let words = ["client", "maint_notifications", "on", "moving-endpoint-type", "none"];
    let words = words.map(|word| format!("${}\r\n{word}\r\n", word.len())).concat();
    stream.write_all(format!("*5\r\n{words}*1\r\n$4\r\nPING\r\n").as_bytes()).unwrap();
    let refusal = "-ERR unknown subcommand 'maint_notifications'. Try CLIENT HELP.\r\n";
    let expected = format!("{refusal}+PONG\r\n");
    let mut reply = vec![0; expected.len()];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(String::from_utf8_lossy(&reply), expected);
}
