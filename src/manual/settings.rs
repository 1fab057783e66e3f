//! Settings, out of their table.

use super::roff::{bold, escape, italic, sentence, tagged};
use crate::config::table::{Setting, find};

/// What the table says of the setting of this name, without its prefix.
pub(super) fn setting(name: &str) -> Option<String> {
    find(name).map(entry)
}

fn entry(setting: &Setting) -> String {
    let tag = format!("{}={}", bold(&setting.variable()), italic(setting.value));
    let default = match setting.default {
        "" => "No default".to_owned(),
        text => format!("Default: {}", bold(text)),
    };
    let flag = match setting.flag() {
        None => "a secret, so no flag".to_owned(),
        Some(flag) => format!("flag {}", bold(&format!("--{flag}"))),
    };
    let reload = if setting.reloadable { "changed by a reload" } else { "changed by a restart" };
    let facts = format!("{default}; {flag}; {}.", escape(reload));
    tagged(&tag, &format!("{}\n.br\n{facts}", sentence(setting.help)))
}
