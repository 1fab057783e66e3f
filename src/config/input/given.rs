//! The texts given for settings, before they are parsed.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::config::fault::Origin;
use crate::config::table;

/// The text of each given setting, by the table's names.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Inputs {
    pub(crate) socket: Option<String>,
    pub(crate) store: Option<String>,
    pub(crate) store_username: Option<String>,
    pub(crate) store_password: Option<String>,
    pub(crate) store_password_file: Option<String>,
    pub(crate) store_timeout: Option<String>,
    pub(crate) key_prefix: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) sync: Option<String>,
    pub(crate) admin_group: Option<String>,
    pub(crate) max_clients: Option<String>,
    pub(crate) max_clients_per_user: Option<String>,
    pub(crate) max_request: Option<String>,
    pub(crate) max_reply: Option<String>,
    pub(crate) max_memory: Option<String>,
    pub(crate) client_timeout: Option<String>,
    pub(crate) idle_exit: Option<String>,
    pub(crate) drain_timeout: Option<String>,
    pub(crate) last_depth: Option<String>,
    pub(crate) cache: Option<String>,
    pub(crate) workers: Option<String>,
    pub(crate) scripts: Option<String>,
    pub(crate) log: Option<String>,
    pub(crate) log_dir: Option<String>,
}

/// Given settings, each with its text and origin; a later value replaces an earlier one. The debug
/// form omits the texts, which may hold secrets.
#[derive(Clone, Default)]
pub(crate) struct Given(BTreeMap<&'static str, (String, Origin)>);

impl Given {
    /// Sets a value. An empty text restores the default, as an empty line in an `EnvironmentFile`
    /// does.
    pub(crate) fn set(&mut self, name: &'static str, text: String, origin: Origin) {
        if text.is_empty() {
            self.0.remove(name);
        } else {
            self.0.insert(name, (text, origin));
        }
    }

    /// The origin of a setting; a default counts as a variable.
    pub(crate) fn origin(&self, name: &str) -> Origin {
        self.0.get(name).map_or(Origin::Variable, |(_, origin)| *origin)
    }

    /// The text in effect; empty if none was given and no default exists.
    pub(crate) fn text(&self, name: &str) -> &str {
        match self.0.get(name) {
            Some((text, _)) => text,
            None => table::find(name).map_or("", |setting| setting.default),
        }
    }

    /// The settings given as flags.
    pub(crate) fn flags(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0
            .iter()
            .filter(|(_, (_, origin))| *origin == Origin::Flag)
            .map(|(name, (text, _))| (*name, text.as_str()))
    }

    /// The texts as [`Inputs`].
    pub(crate) fn inputs(&self) -> Inputs {
        let list = self.0.iter().map(|(name, (text, _))| ((*name).to_owned(), text.clone()));
        envy::from_iter(list).expect("each field is an optional text, and no name comes twice")
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, (_, origin))| (name, origin))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_form_shows_no_text() {
        let mut given = Given::default();
        given.set("STORE", "valkey://:hunter2@h".to_owned(), Origin::Variable);
        assert_eq!(format!("{given:?}"), r#"{"STORE": Variable}"#);
    }

    #[test]
    fn every_row_of_the_table_has_its_field() {
        let mut given = Given::default();
        for setting in table::SETTINGS {
            given.set(setting.name, format!("<{}>", setting.name), Origin::Variable);
        }
        let shown = format!("{:?}", given.inputs());
        for setting in table::SETTINGS {
            let field =
                format!("{}: Some(\"<{}>\")", setting.name.to_ascii_lowercase(), setting.name);
            assert!(shown.contains(&field), "{field} in {shown}");
        }
        assert_eq!(shown.matches("Some").count(), table::SETTINGS.len());
        assert!(!shown.contains("None"), "{shown}");
    }
}
