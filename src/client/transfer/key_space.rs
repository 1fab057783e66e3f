//! The choice of the key space to export or import.

use super::scan::unexpected;
use crate::client::channel::connection::Connection;
use crate::client::error::ClientError;
use crate::message::{ErrorReply, Reply};

/// Switches the connection to the chosen keys. The keys of all users, each with its user's prefix,
/// are for administrators; the daemon checks the right.
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
