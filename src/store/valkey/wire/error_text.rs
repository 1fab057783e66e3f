//! The text of a connection error, safe to show in replies, in `status` and in the log: never a
//! value or a password.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::sync::Arc;

use redis::{ErrorKind, RedisError, ServerError};

use super::confinement;
use crate::message::{ErrorReply, Reply};

/// The text of an error of the `redis` crate.
pub(crate) fn of(error: &RedisError) -> Cow<'static, str> {
    if let Some(io) = io_error(error) {
        return of_io(io);
    }
    match (error.kind(), error.code(), error.detail()) {
        (ErrorKind::Parse, ..) => "malformed reply from the server".into(),
        (ErrorKind::RESP3NotSupported, ..) => "the server does not know HELLO 3".into(),
        (_, Some(code), detail) => server_line(code, detail).into(),
        (_, None, Some(detail)) => detail.to_owned().into(),
        (_, None, None) => match error.source() {
            Some(source) => source.to_string().into(),
            None => error.category().to_owned().into(),
        },
    }
}

/// The system error inside, which the crate wraps in a shared box.
fn io_error(error: &RedisError) -> Option<&io::Error> {
    let shared = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    shared.downcast_ref()
}

/// The text of a system error.
pub(crate) fn of_io(error: &io::Error) -> Cow<'static, str> {
    match error.raw_os_error() {
        Some(libc::EPERM) => return confinement::BY_ADDRESS.into(),
        Some(libc::EAFNOSUPPORT) => return confinement::BY_FAMILY.into(),
        _ => {}
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::NotFound => "no such socket".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::TimedOut => "connection timed out".into(),
        io::ErrorKind::HostUnreachable => "no route to host".into(),
        io::ErrorKind::NetworkUnreachable => "network is unreachable".into(),
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

/// The reply for a server's error as the crate decoded it. The text is unchanged except that a
/// leading `ERR` is dropped.
pub(crate) fn reply(error: &ServerError) -> Reply {
    let details = error.details().unwrap_or_default();
    match error.code() {
        "ERR" => Reply::failed(details.to_owned()),
        code if error.details().is_none() => Reply::coded(code.to_owned()),
        code => Reply::coded(format!("{code} {details}")),
    }
}

/// The server's error line.
pub(crate) fn of_reply(error: &ErrorReply) -> Cow<'static, str> {
    let text = match error {
        ErrorReply::Failed(text) => format!("ERR {text}"),
        error => error.to_string(),
    };
    line(&text).into_owned().into()
}

/// The server's error line, of an error of the crate, which splits the line at its first space.
fn server_line(code: &str, detail: Option<&str>) -> String {
    let text = detail.map_or_else(|| code.to_owned(), |detail| format!("{code} {detail}"));
    line(&text).into_owned()
}

fn line(text: &str) -> Cow<'_, str> {
    // Valkey's own text is long, and advises a client instead of an administrator.
    if text.split(' ').next() == Some("NOAUTH") {
        return "NOAUTH the store wants a password; see CREDENTIALS in kvsockd(8)".into();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_errors_are_told_apart() {
        for (kind, cause) in [
            (io::ErrorKind::ConnectionRefused, "connection refused"),
            (io::ErrorKind::NotFound, "no such socket"),
            (io::ErrorKind::BrokenPipe, "connection closed by the server"),
        ] {
            assert_eq!(of(&RedisError::from(io::Error::from(kind))), cause);
        }
        let not_allowed = io::Error::from_raw_os_error(libc::EAFNOSUPPORT);
        assert!(of(&RedisError::from(not_allowed)).contains("RestrictAddressFamilies="));
        let unreachable = io::Error::from_raw_os_error(libc::EHOSTUNREACH);
        assert_eq!(of(&RedisError::from(unreachable)), "no route to host");
        let other = io::Error::from_raw_os_error(libc::EMFILE);
        assert_eq!(of(&RedisError::from(other)), "Too many open files");
    }

    #[test]
    fn a_missing_password_is_told_as_such() {
        let reply = b"-NOAUTH HELLO must be called with the client already authenticated\r\n";
        let Ok(redis::Value::ServerError(error)) = redis::parse_redis_value(reply) else {
            panic!("an error")
        };
        let told = "NOAUTH the store wants a password; see CREDENTIALS in kvsockd(8)";
        assert_eq!(of(&error.into()), told);
        let reply = "NOAUTH HELLO must be called with the client already authenticated";
        assert_eq!(of_reply(&ErrorReply::Coded(reply.into())), told);
        assert_eq!(of_reply(&ErrorReply::Failed("no".into())), "ERR no");
    }

    #[test]
    fn what_the_server_sent_is_not_repeated() {
        let garbage = redis::parse_redis_value(b"password\r\n").expect_err("garbage");
        assert_eq!(of(&garbage), "malformed reply from the server");
    }
}
