//! The result of a look at the store, for `kvsockd --check=store`.

/// What a look at the store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    /// Facts, a line each.
    pub found: Vec<String>,
    /// Faults that keep kvsock from serving, the first one first.
    pub faults: Vec<CheckFault>,
}

/// Why kvsock could not serve from the store. The texts contain no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckFault {
    /// The settings cannot work with this store.
    #[error("{0}")]
    Config(String),
    /// The store refuses the user, or a command that kvsock needs.
    #[error("{0}")]
    Permission(String),
    /// The store does not answer, or does not serve.
    #[error("{0}")]
    Unavailable(String),
    /// The embedded store's directory cannot be used.
    #[error("{0}")]
    Io(String),
}

impl Check {
    /// Adds a fact about the part of the store called `name`.
    pub(super) fn found(&mut self, name: &str, fact: &str) {
        self.found.push(format!("{name}: {fact}"));
    }
}
