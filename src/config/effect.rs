//! The settings in effect as texts, to be printed and compared. No secret is ever among them.

use std::collections::BTreeMap;
use std::fmt;

use super::Settings;
use super::input::Given;
use super::table::{PREFIX, SETTINGS};

/// The text of each setting that is no secret, by its name in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InEffect(BTreeMap<&'static str, String>);

impl InEffect {
    pub(super) fn new(given: &Given, settings: &Settings) -> InEffect {
        let text = |name: &str| match name {
            "SOCKET" => settings.socket.display().to_string(),
            // The URL as given may hold a user and a password.
            "STORE" => settings.store.location.to_string(),
            _ => given.text(name).to_owned(),
        };
        let open = SETTINGS.iter().filter(|setting| !setting.secret);
        InEffect(open.map(|setting| (setting.name, text(setting.name))).collect())
    }

    /// Each name with its text.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, text)| (*name, text.as_str()))
    }

    /// The text of a setting.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// A line for each setting, in the order of the table, as an `EnvironmentFile` has it.
impl fmt::Display for InEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for setting in SETTINGS.iter().filter(|setting| !setting.secret) {
            let text = self.get(setting.name).unwrap_or_default();
            if text.contains(char::is_control) {
                writeln!(f, "{PREFIX}{}={text:?}", setting.name)?;
            } else {
                writeln!(f, "{PREFIX}{}={text}", setting.name)?;
            }
        }
        Ok(())
    }
}
