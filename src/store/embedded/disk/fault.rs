//! Faults of the database, with texts for error replies and for the start error.

use std::io;

use fjall::LsmError;

use crate::message::ErrorReply;
use crate::store::embedded::format::layout::Malformed;
use crate::store::state::OpenError;

/// A failure of the database, or of the file system below it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The file system is full, or the quota is used up.
    #[error("no space left on device")]
    NoSpace,
    /// Another input or output error.
    #[error("{0}")]
    Io(io::Error),
    /// The database refuses writes since an earlier one failed, possibly in the background.
    #[error("an earlier write failed")]
    Poisoned,
    /// Another process holds the lock, or a handle of this process that is still in use.
    #[error("in use")]
    Locked,
    /// The files are damaged.
    #[error("{0}")]
    Damaged(String),
    /// The database panicked. Its message is on stderr.
    #[error("internal error")]
    Panicked,
}

impl Fault {
    /// The start error for the store at `path`.
    pub(crate) fn at_open(self, path: &std::path::Path) -> OpenError {
        let path = path.display().to_string();
        match self {
            Fault::Locked => OpenError::Locked { path },
            Fault::NoSpace => {
                OpenError::Io { path, source: io::Error::from(io::ErrorKind::StorageFull) }
            }
            Fault::Io(source) => match source.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::AlreadyExists
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::InvalidData => OpenError::Damaged {
                    path,
                    why: format!("a file is missing, cut or out of place: {source}"),
                },
                _ => OpenError::Io { path, source },
            },
            Fault::Damaged(why) => OpenError::Damaged { path, why },
            Fault::Poisoned => {
                OpenError::Damaged { path, why: "its files could not be rewritten".to_owned() }
            }
            Fault::Panicked => OpenError::Damaged {
                path,
                why: "the database gave up on its files with an internal error".to_owned(),
            },
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Fault::NoSpace,
            _ => Fault::Io(error),
        }
    }
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Fault {
        Fault::Damaged(malformed.to_string())
    }
}

impl From<fjall::Error> for Fault {
    fn from(error: fjall::Error) -> Fault {
        let damaged = |why: &str| Fault::Damaged(why.to_owned());
        match error {
            fjall::Error::Io(error) => error.into(),
            fjall::Error::Storage(error) => error.into(),
            fjall::Error::Poisoned => Fault::Poisoned,
            fjall::Error::Locked => Fault::Locked,
            fjall::Error::InvalidVersion(None) => damaged("its version marker is not readable"),
            fjall::Error::InvalidVersion(Some(version)) => {
                Fault::Damaged(format!("its files are of the unsupported format {version:?}"))
            }
            fjall::Error::JournalRecovery(error) => {
                Fault::Damaged(format!("its journal is not readable: {error:?}"))
            }
            fjall::Error::Unrecoverable => damaged("files are missing or not readable"),
            other => Fault::Damaged(format!("a file is not readable: {other:?}")),
        }
    }
}

impl From<LsmError> for Fault {
    fn from(error: LsmError) -> Fault {
        match error {
            LsmError::Io(error) => error.into(),
            LsmError::Unrecoverable => {
                Fault::Damaged("files are missing or not readable".to_owned())
            }
            LsmError::ChecksumMismatch { .. } => {
                Fault::Damaged("a block does not match its checksum".to_owned())
            }
            other => Fault::Damaged(format!("a block is not readable: {other:?}")),
        }
    }
}

/// For an operation that only read or had not begun.
impl From<Fault> for ErrorReply {
    fn from(fault: Fault) -> ErrorReply {
        ErrorReply::Unavailable(fault.to_string().into())
    }
}
