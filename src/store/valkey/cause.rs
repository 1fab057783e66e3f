//! The `redis` crate's errors in words fit for a reply, `status` and the log: the cause alone,
//! never a value or a password.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use redis::{ErrorKind, RedisError, ServerError};

/// Why a connection could not be made, or ended.
pub(super) fn of(error: &RedisError) -> Cow<'static, str> {
    if let Some(io) = error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
        return of_io(io);
    }
    match error.kind() {
        ErrorKind::Parse => "malformed reply from the server".into(),
        // The crate makes this error without a source when the peer closed the connection.
        ErrorKind::Io => "connection closed by the server".into(),
        ErrorKind::RESP3NotSupported => "the server does not know HELLO 3".into(),
        _ => match (error.code(), error.detail()) {
            (Some(code), detail) => line(code, detail).into(),
            (None, Some(detail)) => detail.to_owned().into(),
            (None, None) => error.category().to_owned().into(),
        },
    }
}

fn of_io(error: &io::Error) -> Cow<'static, str> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::NotFound => "no such socket".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::TimedOut => "connection timed out".into(),
        io::ErrorKind::ConnectionReset => "connection reset".into(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            "connection closed by the server".into()
        }
        _ => {
            let text = error.to_string();
            match text.split_once(" (os error ") {
                Some((text, _)) => text.to_owned().into(),
                None => text.into(),
            }
        }
    }
}

/// The error line as the server sent it, which the crate splits at its first space.
pub(super) fn server_line(error: &ServerError) -> String {
    line(error.code(), error.details())
}

fn line(code: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{code} {detail}"),
        None => code.to_owned(),
    }
}
