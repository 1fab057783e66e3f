//! Whose keys are exported and imported.

use serde::Deserialize;

use super::connection::Connection;
use super::error::ClientError;
use super::scan::unexpected;
use crate::message::Reply;

/// What the daemon says of the one who asks.
#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    administrator: bool,
}

/// Whether the caller may have the key spaces that were asked for: those of `all_users` are for
/// administrators, and who is one, the daemon says.
pub(super) fn check_key_spaces(
    connection: &mut Connection,
    all_users: bool,
) -> Result<(), ClientError> {
    if !all_users {
        return Ok(());
    }
    let reply = connection.ask(&["STATUS", "JSON"])?;
    let Reply::Text(text) = &reply else { return Err(unexpected("STATUS", &reply)) };
    match serde_json::from_str(text) {
        Ok(Status { administrator: true }) => Ok(()),
        Ok(Status { administrator: false }) => Err(ClientError::AllUsers),
        Err(_) => Err(unexpected("STATUS", &reply)),
    }
}
