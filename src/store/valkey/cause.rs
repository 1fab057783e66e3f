//! The `redis` crate's errors in words fit for a reply, `status` and the log: the cause alone,
//! never a value or a password.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::sync::Arc;

use redis::{ErrorKind, RedisError, ServerError};

use super::blocked;

/// Why a connection could not be made, or ended.
pub(super) fn of(error: &RedisError) -> Cow<'static, str> {
    if let Some(io) = io_error(error) {
        return of_io(io);
    }
    match (error.kind(), error.code(), error.detail()) {
        (ErrorKind::Parse, ..) => "malformed reply from the server".into(),
        (ErrorKind::RESP3NotSupported, ..) => "the server does not know HELLO 3".into(),
        (_, Some(code), detail) => line(code, detail).into(),
        (_, None, Some(detail)) => detail.to_owned().into(),
        (_, None, None) => match error.source() {
            Some(source) => source.to_string().into(),
            None => error.category().to_owned().into(),
        },
    }
}

/// The system's error within; the crate hands it out in a shared box.
fn io_error(error: &RedisError) -> Option<&io::Error> {
    let shared = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    shared.downcast_ref()
}

fn of_io(error: &io::Error) -> Cow<'static, str> {
    match error.raw_os_error() {
        Some(libc::EPERM) => return blocked::BY_ADDRESS.into(),
        Some(libc::EAFNOSUPPORT) => return blocked::BY_FAMILY.into(),
        _ => {}
    }
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
        // Valkey explains at length what a client should send.
        _ if code == "NOAUTH" => {
            "NOAUTH the store wants a password; see CREDENTIALS in kvsockd(8)".to_owned()
        }
        Some(detail) => format!("{code} {detail}"),
        None => code.to_owned(),
    }
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
        let unreachable = io::Error::from_raw_os_error(113);
        assert_eq!(of(&RedisError::from(unreachable)), "No route to host");
    }

    #[test]
    fn a_missing_password_is_told_as_such() {
        let reply = b"-NOAUTH HELLO must be called with the client already authenticated\r\n";
        let Ok(redis::Value::ServerError(error)) = redis::parse_redis_value(reply) else {
            panic!("an error")
        };
        let told = "NOAUTH the store wants a password; see CREDENTIALS in kvsockd(8)";
        assert_eq!(server_line(&error), told);
        assert_eq!(of(&error.into()), told);
    }

    #[test]
    fn what_the_server_sent_is_not_repeated() {
        let garbage = redis::parse_redis_value(b"password\r\n").expect_err("garbage");
        assert_eq!(of(&garbage), "malformed reply from the server");
    }
}
