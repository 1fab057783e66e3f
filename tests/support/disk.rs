//! A small disk of a test's own, which it can fill: a tmpfs, and so for root only. Where it cannot
//! be mounted, that is said on standard error, unless `KVSOCK_TEST_REQUIRE=1` promised it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A tmpfs, unmounted at the end where it is this process's own.
pub(crate) struct SmallDisk {
    path: PathBuf,
    own: Option<tempfile::TempDir>,
}

impl SmallDisk {
    /// One of this size, as mount(8) writes it.
    pub(crate) fn new(size: &str) -> Option<SmallDisk> {
        let mount = tempfile::tempdir().unwrap();
        if let Err(why) = try_mount(mount.path(), size) {
            let required = std::env::var("KVSOCK_TEST_REQUIRE").is_ok_and(|value| value == "1");
            assert!(!required, "{why}, which KVSOCK_TEST_REQUIRE=1 asks for");
            eprintln!("not run: {why}");
            return None;
        }
        Some(SmallDisk { path: mount.path().to_owned(), own: Some(mount) })
    }

    /// One that is mounted here, and somebody else's.
    pub(crate) fn mounted(path: PathBuf) -> SmallDisk {
        SmallDisk { path, own: None }
    }

    /// Its root.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes all room that is left, but for so many bytes.
    pub(crate) fn fill(&self, left: usize) {
        let ballast = self.path.join("ballast");
        let spared = vec![1; left];
        let spare = self.path.join("spare");
        fs::write(&spare, spared).unwrap();
        let mut file = fs::OpenOptions::new().create(true).append(true).open(ballast).unwrap();
        while std::io::Write::write(&mut file, &[1; 4096]).is_ok() {}
        fs::remove_file(spare).unwrap();
    }

    /// Gives it back.
    pub(crate) fn make_room(&self) {
        fs::remove_file(self.path.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if self.own.is_some() {
            let _ = Command::new("umount").arg("-l").arg(&self.path).status();
        }
    }
}

fn try_mount(at: &Path, size: &str) -> Result<(), &'static str> {
    if !rustix::process::geteuid().is_root() {
        return Err("mounting a tmpfs takes root");
    }
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
        .arg(at)
        .status();
    if mount.unwrap().success() { Ok(()) } else { Err("root may not mount a tmpfs here") }
}
