//! What can be wrong with settings. Every fault is collected, so that one start names them all.

use std::fmt::{self, Write};
use std::io;
use std::path::PathBuf;

use super::table::{self, Setting};
use crate::store::LocationError;

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An environment variable, also by way of an `EnvironmentFile`.
    Variable,
    /// The command line.
    Flag,
}

/// What a fault is about, as its reader knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A setting from somewhere.
    Setting(&'static str, Origin),
    /// A variable that is no setting.
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

/// What is wrong with it. Holds no text of a setting that may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It does not read as what it should be.
    #[error("{value:?} is not {wanted}")]
    Invalid {
        /// As written.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A number with a unit outside its bounds.
    #[error("{value:?} is {bound}")]
    OutOfBounds {
        /// As written.
        value: String,
        /// In what way: `less than 1KiB`.
        bound: &'static str,
    },
    /// There is no such setting.
    #[error("there is no such setting{}", Suggestion(.nearest.as_deref()))]
    Unknown {
        /// The variable that may have been meant.
        nearest: Option<String>,
    },
    /// The value is not UTF-8.
    #[error("the value is not UTF-8")]
    NotUtf8,
    /// The store URL does not make sense.
    #[error("{0}")]
    Store(#[from] LocationError),
    /// A password where every user of the machine can see it.
    #[error(
        "a password must not stand in an argument, which every user can see; give it as the credential store-password"
    )]
    PublicPassword,
    /// What a cluster moves elsewhere its servers do not tell of.
    #[error("a cluster has no near cache: set it to 0")]
    ClusterCache,
    /// The embedded store has no place.
    #[error("the embedded store has no directory: set HOME, or write embedded:/path")]
    NoHome,
    /// The group database does not have it.
    #[error("there is no group {0:?}")]
    NoSuchGroup(String),
    /// Everyone without a mapping would be in it.
    #[error("{0:?} is the overflow group, which any unmapped user may be in")]
    OverflowGroup(String),
    /// The group database cannot be read.
    #[error("group {name:?}: {source}")]
    GroupLookup {
        /// The group.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not a regular file.
    #[error("{path} is not a regular file", path = .0.display())]
    NotAFile(PathBuf),
    /// More than a secret can be.
    #[error("{path} is larger than 1MiB", path = .0.display())]
    LargeFile(PathBuf),
    /// Others may read it.
    #[error("{path} has mode {mode:04o} and must not be open to group or others", path = .path.display())]
    PublicFile {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// One half of a pair.
    #[error("it is there without the credential {0}")]
    Unpaired(&'static str),
    /// A request could never be held.
    #[error("it is less than {PREFIX}MAX_REQUEST", PREFIX = table::PREFIX)]
    LessThanRequest,
}

struct Suggestion<'a>(Option<&'a str>);

impl fmt::Display for Suggestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "; did you mean {name}?"))
    }
}

/// One fault. Displayed it is one line, whatever names and paths it repeats.
#[derive(Debug, thiserror::Error)]
#[error("{}", OneLine(format!("{subject}: {problem}")))]
pub struct Fault {
    /// What it is about.
    pub subject: Subject,
    /// What is wrong.
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

/// All faults of one reading of the settings, one line each when displayed.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one.
    pub(super) fn add(&mut self, subject: Subject, problem: Problem) {
        self.0.push(Fault { subject, problem });
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
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
