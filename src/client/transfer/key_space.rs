//! Whose keys are exported and imported.

use super::scan::unexpected;
use crate::client::channel::connection::Connection;
use crate::client::error::ClientError;
use crate::message::{ErrorReply, Reply};

/// Lets the connection work on the keys that were asked for. Those of all users, each with its
/// user before it, are for administrators, and who is one, the daemon says.
pub(crate) fn choose_keys(connection: &mut Connection, all_users: bool) -> Result<(), ClientError> {
    if !all_users {
        return Ok(());
    }
    match connection.ask(&["KEYSPACE", "ALL"])? {
        Reply::Status("OK") => Ok(()),
        Reply::Error(ErrorReply::Coded(text)) if text.starts_with("NOPERM ") => {
            Err(ClientError::AllUsers)
        }
        reply => Err(unexpected("KEYSPACE", &reply)),
    }
}
