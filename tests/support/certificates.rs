//! Certificates for one test, made by the `openssl` program: an authority, a server for
//! `localhost` and 127.0.0.1, and a client.

use std::path::{Path, PathBuf};
use std::process::Command;

/// PEM files in one directory, which is the caller's.
#[derive(Debug, Clone)]
pub(crate) struct Certificates {
    dir: PathBuf,
}

impl Certificates {
    /// Makes them in `dir`.
    pub(crate) fn make(dir: &Path) -> Certificates {
        let made = Certificates { dir: dir.to_owned() };
        let (ca, ca_key) = (made.path("ca.pem"), made.path("ca.key"));
        openssl(&[
            &["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=kvsock test authority"],
            EC_KEY,
            &["-keyout", &ca_key, "-out", &ca],
        ]);
        made.sign("server", "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
        made.sign("client", "extendedKeyUsage=clientAuth\n");
        made
    }

    /// The path of `ca.pem`, `server.pem`, `server.key`, `client.pem` or `client.key`.
    pub(crate) fn path(&self, file: &str) -> String {
        self.dir.join(file).to_str().expect("the test's directory is UTF-8").to_owned()
    }

    /// What such a file holds.
    pub(crate) fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.dir.join(file)).expect(file)
    }

    fn sign(&self, name: &str, extensions: &str) {
        let file = |ending: &str| self.path(&format!("{name}.{ending}"));
        let (key, request, certificate, extension_file) =
            (file("key"), file("csr"), file("pem"), file("ext"));
        std::fs::write(&extension_file, extensions).expect("write the extensions");
        openssl(&[
            &["req", "-nodes", "-subj", "/CN=localhost"],
            EC_KEY,
            &["-keyout", &key, "-out", &request],
        ]);
        let (ca, ca_key) = (self.path("ca.pem"), self.path("ca.key"));
        openssl(&[
            &["x509", "-req", "-days", "2", "-CAcreateserial"],
            &["-CA", &ca, "-CAkey", &ca_key, "-in", &request, "-out", &certificate],
            &["-extfile", &extension_file],
        ]);
    }
}

const EC_KEY: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

fn openssl(args: &[&[&str]]) {
    let output = Command::new("openssl").args(args.concat()).output().expect("run openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
