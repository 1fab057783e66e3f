//! The users of the daemon: their connections, their rights, and their keys.

use super::clients::Clients;
use super::space::Spaces;
use crate::command::access::audit::Audit;
use crate::command::access::caller::Administrators;

/// The state that all sessions share.
#[derive(Debug)]
pub struct Users {
    /// The store, and each user's part of it.
    pub(crate) spaces: Spaces,
    /// The administrators.
    pub administrators: Administrators,
    /// The open connections.
    pub clients: Clients,
    /// The log entries about callers.
    pub audit: Audit,
}
