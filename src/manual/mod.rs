//! The manual pages and the shells' completions, as packages install them. No I/O:
//! `packaging/build-manual` writes them.
//!
//! Prose is in the templates of `packaging/man`; whatever the programs know themselves, options,
//! settings and commands, comes from the definitions that they read by, and cannot differ.

mod arguments;
mod commands;
mod roff;
mod settings;
mod template;

use crate::client;

pub use self::template::TemplateError;

/// The templates, by the names of their pages.
const TEMPLATES: [(&str, &str); 4] = [
    ("kvsock.1", include_str!("../../packaging/man/kvsock.1.in")),
    ("kvsock.env.5", include_str!("../../packaging/man/kvsock.env.5.in")),
    ("kvsock-protocol.7", include_str!("../../packaging/man/kvsock-protocol.7.in")),
    ("kvsockd.8", include_str!("../../packaging/man/kvsockd.8.in")),
];

/// The manual pages, each with the name of its file.
pub fn pages() -> Result<Vec<(&'static str, String)>, TemplateError> {
    TEMPLATES.into_iter().map(|(name, text)| Ok((name, template::expand(text)?))).collect()
}

/// The completions of `kvsock`, each with the name of its file.
pub fn completions() -> Vec<(String, Vec<u8>)> {
    client::SHELLS.map(|shell| (client::completions_file(shell), client::completions(shell))).into()
}
