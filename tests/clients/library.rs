//! The client libraries of Python and Node, each driven by a script beside this file, as its users
//! drive it. They are installed below `target/` by the first test that needs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::{installed, present, run, succeeds};
use crate::server::Server;

/// A library of Python's works, by this version of RESP.
pub(crate) fn python(server: &Server, module: &str, protocol: u8) {
    let able = succeeds("python3", &["-c", "import ensurepip, venv"]);
    if present(able, "python3 with venv") {
        let mut script = Command::new(install("python").join("bin/python"));
        script.arg("-B").arg(source("redis_py.py"));
        works(script, server, module, protocol);
    }
}

/// A library of Node's works, by this version of RESP.
pub(crate) fn node(server: &Server, module: &str, protocol: u8) {
    if present(installed("node") && installed("npm"), "node with npm") {
        let mut script = Command::new("node");
        script.env("NODE_PATH", install("node").join("node_modules"));
        let of_redis = module.starts_with("redis");
        script.arg(source(if of_redis { "node_redis.mjs" } else { "ioredis.mjs" }));
        works(script, server, module, protocol);
    }
}

fn works(mut script: Command, server: &Server, module: &str, protocol: u8) {
    let scripts = if server.runs_scripts() { "yes" } else { "no" };
    script.arg(module).arg(server.socket()).arg(protocol.to_string()).arg(scripts);
    let output = run(&mut script, b"").succeeded();
    assert!(output.is_empty(), "{}", String::from_utf8_lossy(&output));
}

/// Where the libraries of this language are. Installs them unless they are there.
pub(crate) fn install(language: &str) -> PathBuf {
    let installed = Command::new(source("install"))
        .arg(language)
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(installed.status.success(), "the libraries of {language} cannot be installed");
    PathBuf::from(String::from_utf8(installed.stdout).unwrap().trim_end())
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}
