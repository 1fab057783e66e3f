//! The settings in effect as texts, to be printed and compared. They never include a secret.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::input::given::Given;
use super::settings::Settings;
use super::table::{PREFIX, SETTINGS};

/// The text of each setting that is no secret, by its name in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InEffect(BTreeMap<&'static str, String>);

impl InEffect {
    pub(super) fn new(given: &Given, settings: &Settings) -> InEffect {
        let text = |name: &str| match name {
            "SOCKET" => settings.socket.display().to_string(),
            // The URL as given may contain a user and a password.
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

/// One line for each setting, in the order of the table and in the form of an `EnvironmentFile`.
impl fmt::Display for InEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for setting in SETTINGS.iter().filter(|setting| !setting.secret) {
            write!(f, "{PREFIX}{}=", setting.name)?;
            write_value(self.get(setting.name).unwrap_or_default(), f)?;
            f.write_str("\n")?;
        }
        Ok(())
    }
}

/// Writes a value so that systemd reads it back (`systemd.exec(5)`, `EnvironmentFile=`): in double
/// quotes, which may include line ends, if quotes are needed.
fn write_value(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let is_blank = |character: char| matches!(character, ' ' | '\t');
    if !text.starts_with(['"', '\''])
        && !text.starts_with(is_blank)
        && !text.ends_with(is_blank)
        && !text.contains(['\\', '\n', '\r'])
    {
        return f.write_str(text);
    }
    f.write_str("\"")?;
    for character in text.chars() {
        if matches!(character, '"' | '\\' | '`' | '$') {
            f.write_str("\\")?;
        }
        f.write_char(character)?;
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_systemd_would_read_something_else() {
        for (text, expected) in [
            ("", ""),
            ("kvsock:", "kvsock:"),
            ("1h 30min", "1h 30min"),
            ("a\"b'c$d#", "a\"b'c$d#"),
            (" a", "\" a\""),
            ("a\t", "\"a\t\""),
            ("\"a\"", r#""\"a\"""#),
            ("'a'", r#""'a'""#),
            (r"a\b", r#""a\\b""#),
            ("$x `y` \n", "\"\\$x \\`y\\` \n\""),
        ] {
            let written = InEffect(BTreeMap::from([("KEY_PREFIX", text.to_owned())])).to_string();
            let line = format!("KVSOCK_KEY_PREFIX={expected}\n");
            assert!(written.contains(&line), "{text:?} in {written}");
        }
    }
}
