//! Secrets and certificates: systemd credentials first, then the password file, then variables.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use crate::config::fault::{Faults, Problem, Subject};
use crate::config::input::given::{Given, Inputs};
use crate::store::{Secret, Tls};

const USERNAME: &str = "store-username";
const PASSWORD: &str = "store-password";
const CA: &str = "store-ca.pem";
const CERT: &str = "store-cert.pem";
const KEY: &str = "store-key.pem";

/// The largest secret, in bytes; systemd has the same limit for a credential.
const LARGEST: u64 = 1 << 20;

/// The credentials of the daemon at the store, and the authority for the store's certificate.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) username: Option<Secret>,
    pub(crate) password: Option<Secret>,
    pub(crate) tls: Tls,
}

/// Reads all credentials; a missing or empty one counts as not set.
pub(crate) fn read(
    directory: Option<&Path>,
    inputs: &Inputs,
    given: &Given,
    faults: &mut Faults,
) -> Credentials {
    let mut text = |name| credential(directory, name, faults).and_then(|it| utf8(name, it, faults));
    let username = text(USERNAME);
    let password = text(PASSWORD);
    let key = text(KEY);
    let ca = credential(directory, CA, faults);
    let cert = credential(directory, CERT, faults);
    if cert.is_some() && key.is_none() {
        faults.add(Subject::Credential(CERT), Problem::Unpaired(KEY));
    }
    if key.is_some() && cert.is_none() {
        faults.add(Subject::Credential(KEY), Problem::Unpaired(CERT));
    }
    let password = password
        .or_else(|| password_file(inputs, given, faults))
        .or_else(|| inputs.store_password.clone());
    Credentials {
        username: username.or_else(|| inputs.store_username.clone()).map(Secret::new),
        password: password.map(Secret::new),
        tls: Tls { ca, cert, key: key.map(Secret::new) },
    }
}

fn credential(
    directory: Option<&Path>,
    name: &'static str,
    faults: &mut Faults,
) -> Option<Vec<u8>> {
    match read_file(&directory?.join(name), Privacy::ByDirectory) {
        Ok(bytes) => Some(bytes).filter(|bytes| !bytes.is_empty()),
        Err(Problem::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
        Err(problem) => {
            faults.add(Subject::Credential(name), problem);
            None
        }
    }
}

fn password_file(inputs: &Inputs, given: &Given, faults: &mut Faults) -> Option<String> {
    const NAME: &str = "STORE_PASSWORD_FILE";
    let path = inputs.store_password_file.as_ref()?;
    let text = read_file(Path::new(path), Privacy::ByMode)
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| Problem::NotUtf8));
    match text {
        Ok(text) => Some(without_newline(text)).filter(|text| !text.is_empty()),
        Err(problem) => {
            faults.add(Subject::Setting(NAME, given.origin(NAME)), problem);
            None
        }
    }
}

fn utf8(name: &'static str, bytes: Vec<u8>, faults: &mut Faults) -> Option<String> {
    let Ok(text) = String::from_utf8(bytes) else {
        faults.add(Subject::Credential(name), Problem::NotUtf8);
        return None;
    };
    Some(without_newline(text)).filter(|text| !text.is_empty())
}

/// Removes the single newline that editors and `echo` append.
fn without_newline(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
    }
    text
}

/// How a secret is protected from other users.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Privacy {
    /// By the file's permission bits.
    ByMode,
    /// By the directory, which systemd created for this service alone.
    ByDirectory,
}

/// Reads a small regular file. The checks apply to the open file, so that it cannot be replaced in
/// between.
fn read_file(path: &Path, privacy: Privacy) -> Result<Vec<u8>, Problem> {
    let failed = |source| Problem::File { path: path.to_owned(), source };
    let file = OpenOptions::new()
        .read(true)
        // Opening a FIFO must not wait for its writer.
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(Problem::NotAFile(path.to_owned()));
    }
    if privacy == Privacy::ByMode && found.mode() & 0o077 != 0 {
        let mode = found.mode() & 0o7777;
        return Err(Problem::PublicFile { path: path.to_owned(), mode });
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Problem::LargeFile(path.to_owned()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::fault::Origin;

    fn write(path: &Path, bytes: &[u8], mode: u32) {
        fs::write(path, bytes).expect("a new file");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
    }

    /// The password, or the faults.
    fn password(directory: &Path, settings: &[(&'static str, &str)]) -> Result<String, String> {
        let mut given = Given::default();
        for (name, text) in settings {
            given.set(name, (*text).to_owned(), Origin::Variable);
        }
        let mut faults = Faults::default();
        let credentials = read(Some(directory), &given.inputs(), &given, &mut faults);
        if faults.is_empty() {
            Ok(credentials.password.map_or("none".to_owned(), |it| it.reveal().to_owned()))
        } else {
            Err(faults.to_string())
        }
    }

    #[test]
    fn a_credential_goes_before_the_file_and_the_file_before_the_variable() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("file");
        let settings = [
            ("STORE_PASSWORD", "from the variable"),
            ("STORE_PASSWORD_FILE", file.to_str().expect("UTF-8")),
        ];
        assert_eq!(password(home.path(), &settings[..1]).expect("one"), "from the variable");
        write(&file, b"from the file\n\n", 0o600);
        assert_eq!(password(home.path(), &settings).expect("two"), "from the file\n");
        write(&home.path().join(PASSWORD), b"from the credential\n", 0o440);
        assert_eq!(password(home.path(), &settings).expect("three"), "from the credential");
    }

    #[test]
    fn a_password_file_that_others_may_read_is_refused() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("file");
        let settings = [("STORE_PASSWORD_FILE", file.to_str().expect("UTF-8"))];
        for mode in [0o640, 0o604, 0o620, 0o644] {
            write(&file, b"hunter2", mode);
            let faults = password(home.path(), &settings).expect_err("open to others");
            assert!(faults.contains(&format!("has mode {mode:04o}")), "{faults}");
            assert!(!faults.contains("hunter2"), "{faults}");
        }
    }

    #[test]
    fn a_password_file_must_be_a_small_regular_file() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().to_str().expect("UTF-8").to_owned();
        let faults = password(home.path(), &[("STORE_PASSWORD_FILE", &path)]).expect_err("none");
        assert!(faults.ends_with("is not a regular file"), "{faults}");
        let file = format!("{path}/file");
        let faults = password(home.path(), &[("STORE_PASSWORD_FILE", &file)]).expect_err("none");
        assert!(faults.contains("No such file"), "{faults}");
        write(Path::new(&file), &vec![b'x'; (1 << 20) + 1], 0o600);
        let faults = password(home.path(), &[("STORE_PASSWORD_FILE", &file)]).expect_err("large");
        assert!(faults.ends_with("is larger than 1MiB"), "{faults}");
    }

    #[test]
    fn a_certificate_without_its_key_is_a_fault() {
        let home = tempfile::tempdir().expect("a directory");
        write(&home.path().join(CERT), b"-----BEGIN", 0o400);
        assert_eq!(
            password(home.path(), &[]).expect_err("half a pair"),
            "credential store-cert.pem: it is there without the credential store-key.pem"
        );
    }
}
