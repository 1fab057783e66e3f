//! The environment: kvsock's variables, of which unknown ones are faults, and the surroundings that
//! systemd and the session describe.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::given::Given;
use crate::config::fault::{Faults, Origin, Problem, Subject};
use crate::config::table;
use crate::config::table::{PREFIX, SETTINGS};

/// The least similarity, from 0 to 1, at which another name is suggested.
const LIKENESS: f64 = 0.85;

/// Variables that are no settings of kvsock but decide defaults.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// `$XDG_RUNTIME_DIR`.
    pub(crate) user_runtime: Option<PathBuf>,
    /// The directory for state: `$STATE_DIRECTORY`, or the user's.
    pub(crate) state: Option<PathBuf>,
    /// `$RUNTIME_DIRECTORY`.
    pub(crate) runtime: Option<PathBuf>,
    /// `$CREDENTIALS_DIRECTORY`.
    pub(crate) credentials: Option<PathBuf>,
    /// `$MAINPID`, in `ExecReload=`.
    pub(crate) main_pid: Option<i32>,
}

/// Reads all variables.
pub(crate) fn read(
    env: impl Iterator<Item = (OsString, OsString)>,
    given: &mut Given,
    faults: &mut Faults,
) -> Surroundings {
    let mut found = Surroundings::default();
    let (mut state_directory, mut state_home, mut home) = (None, None, None);
    for (name, value) in env {
        if name.as_bytes().starts_with(PREFIX.as_bytes()) {
            read_setting(&name, value, given, faults);
            continue;
        }
        match name.as_bytes() {
            b"XDG_RUNTIME_DIR" => found.user_runtime = absolute(&value),
            b"STATE_DIRECTORY" => state_directory = first(&value),
            b"XDG_STATE_HOME" => state_home = absolute(&value),
            b"HOME" => home = absolute(&value),
            b"RUNTIME_DIRECTORY" => found.runtime = first(&value),
            b"CREDENTIALS_DIRECTORY" => found.credentials = absolute(&value),
            b"MAINPID" => found.main_pid = value.to_str().and_then(|text| text.parse().ok()),
            _ => {}
        }
    }
    let user_state = state_home.or_else(|| home.map(|home: PathBuf| home.join(".local/state")));
    found.state = state_directory.or_else(|| user_state.map(|state| state.join("kvsock")));
    found
}

fn read_setting(name: &OsStr, value: OsString, given: &mut Given, faults: &mut Faults) {
    let name = name.to_string_lossy();
    let Some(setting) = name.strip_prefix(PREFIX).and_then(table::find) else {
        let problem = Problem::Unknown { nearest: nearest(&name) };
        faults.add(Subject::Variable(name.into_owned()), problem);
        return;
    };
    match value.into_string() {
        Ok(text) => given.set(setting.name, text, Origin::Variable),
        Err(_) => {
            faults.add(Subject::Setting(setting.name, Origin::Variable), Problem::NotUtf8);
        }
    }
}

/// The variable most similar to `name`, if any is similar enough.
fn nearest(name: &str) -> Option<String> {
    let name = name.strip_prefix(PREFIX)?.to_ascii_uppercase();
    SETTINGS
        .iter()
        .map(|setting| (strsim::jaro_winkler(&name, setting.name), setting))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, setting)| setting.variable())
}

/// An absolute path; the XDG specification ignores others.
fn absolute(value: &OsStr) -> Option<PathBuf> {
    let path = Path::new(value);
    path.is_absolute().then(|| path.to_owned())
}

/// The first of several directories that systemd joins with colons.
fn first(value: &OsStr) -> Option<PathBuf> {
    let first = value.as_bytes().split(|byte| *byte == b':').next()?;
    absolute(OsStr::from_bytes(first))
}
