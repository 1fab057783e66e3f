//! The faults of settings. All faults are collected, so that one start names every one.

use std::fmt::{self, Write};
use std::io;
use std::path::PathBuf;

use super::table::{self, Setting};
use crate::store::LocationError;

/// The origin of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An environment variable, possibly from an `EnvironmentFile`.
    Variable,
    /// The command line.
    Flag,
}

/// The subject of a fault, in its reader's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A setting, with its origin.
    Setting(&'static str, Origin),
    /// A variable that names no setting.
    Variable(String),
    /// A systemd credential.
    Credential(&'static str),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Setting(name, Origin::Flag) => {
                match table::find(name).and_then(Setting::flag) {
                    Some(flag) => write!(f, "--{flag}"),
                    None => write!(f, "{}{name}", table::PREFIX),
                }
            }
            Subject::Setting(name, Origin::Variable) => write!(f, "{}{name}", table::PREFIX),
            Subject::Variable(name) => f.write_str(name),
            Subject::Credential(name) => write!(f, "credential {name}"),
        }
    }
}

/// The problem with a subject. It contains no text of a setting that may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The value does not parse.
    #[error("{value:?} is not {wanted}")]
    Invalid {
        /// The value as written.
        value: String,
        /// A description of valid values.
        wanted: &'static str,
    },
    /// A number with a unit that is outside its bounds.
    #[error("{value:?} is {bound}")]
    OutOfBounds {
        /// The value as written.
        value: String,
        /// The bound: `less than 1KiB`.
        bound: &'static str,
    },
    /// No such setting exists.
    #[error("there is no such setting{}", Suggestion(.nearest.as_deref()))]
    Unknown {
        /// The most similar variable, if any.
        nearest: Option<String>,
    },
    /// The value is not UTF-8.
    #[error("the value is not UTF-8")]
    NotUtf8,
    /// The store URL is invalid.
    #[error("{0}")]
    Store(#[from] LocationError),
    /// A password stands where every user of the machine can see it.
    #[error(
        "a password must not stand in an argument, which every user can see; give it as the credential store-password"
    )]
    PublicPassword,
    /// A cluster's servers do not report keys that move to another server.
    #[error("a cluster has no near cache: set it to 0")]
    ClusterCache,
    /// The embedded store has no directory.
    #[error("the embedded store has no directory: set HOME, or write embedded:/path")]
    NoHome,
    /// The group database does not contain the group.
    #[error("there is no group {0:?}")]
    NoSuchGroup(String),
    /// Every user without a mapping would be a member of the group.
    #[error("{0:?} is the overflow group, which any unmapped user may be in")]
    OverflowGroup(String),
    /// The group database cannot be read.
    #[error("group {name:?}: {source}")]
    GroupLookup {
        /// The group.
        name: String,
        /// The system's error.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The path is not a regular file.
    #[error("{path} is not a regular file", path = .0.display())]
    NotAFile(PathBuf),
    /// The file is larger than a secret can be.
    #[error("{path} is larger than 1MiB", path = .0.display())]
    LargeFile(PathBuf),
    /// Other users may read the file.
    #[error("{path} has mode {mode:04o} and must not be open to group or others", path = .path.display())]
    PublicFile {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// One half of a pair is missing.
    #[error("it is there without the credential {0}")]
    Unpaired(&'static str),
    /// A single request could exceed the memory.
    #[error("it is less than {PREFIX}MAX_REQUEST", PREFIX = table::PREFIX)]
    LessThanRequest,
}

struct Suggestion<'a>(Option<&'a str>);

impl fmt::Display for Suggestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "; did you mean {name}?"))
    }
}

/// One fault, displayed on one line whatever names and paths it repeats.
#[derive(Debug, thiserror::Error)]
#[error("{}", OneLine(format!("{subject}: {problem}")))]
pub struct Fault {
    /// The subject of the fault.
    pub subject: Subject,
    /// The problem.
    pub problem: Problem,
}

struct OneLine(String);

impl fmt::Display for OneLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| {
            if character.is_control() {
                write!(f, "{}", character.escape_default())
            } else {
                f.write_char(character)
            }
        })
    }
}

/// All faults of one reading of the settings, displayed one per line.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault.
    pub(super) fn add(&mut self, subject: Subject, problem: Problem) {
        self.0.push(Fault { subject, problem });
    }

    /// Whether there are no faults.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The faults in order.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line_whatever_it_repeats() {
        let mut faults = Faults::default();
        let variable = Subject::Variable("KVSOCK_A\nb\u{1b}".to_owned());
        faults.add(variable, Problem::Unknown { nearest: None });
        faults.add(Subject::Credential("x"), Problem::NotAFile("/a\nb".into()));
        let expected = "KVSOCK_A\\nb\\u{1b}: there is no such setting\n\
                        credential x: /a\\nb is not a regular file";
        assert_eq!(faults.to_string(), expected);
    }
}
