//! What clients that are not run here send and read, byte for byte.

use crate::server::Server;
use crate::support::wire::exact::Wire;
use crate::support::wire::request::request;

/// go-redis asks for notices of maintenance, and goes on without them only if it reads just this.
pub(crate) fn maintenance_notices(server: &Server) {
    let mut wire = Wire::connect(&server.socket());
    wire.send(request("client maint_notifications on moving-endpoint-type none"));
    wire.send(request("PING"));
    wire.expect("-ERR unknown subcommand 'maint_notifications'. Try CLIENT HELP.\r\n+PONG\r\n");
}
