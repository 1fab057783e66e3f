//! The kind of a file at a path, which decides how a command may write there.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{PROC_SUPER_MAGIC, statfs};

/// The most symbolic links that are followed, as in the kernel.
const LINKS: usize = 40;
/// The mode bits of a directory in which everyone may create files, and only owners may remove
/// them.
const SHARED: u32 = 0o1002;

/// A file, symbolic links followed.
#[derive(Debug)]
pub(crate) enum NamedFile {
    /// No file exists yet.
    New(PathBuf),
    /// A regular file, which may be replaced by renaming.
    Regular(PathBuf),
    /// A device, a FIFO, a socket or a process's descriptor: may be opened, never replaced.
    Special(PathBuf),
    /// The standard output of this process.
    StandardOutput,
}

impl NamedFile {
    /// Examines `path`. A directory is an error.
    ///
    /// A file or a link that another user made in a shared directory such as `/tmp` is an error, as
    /// with `fs.protected_symlinks`, `fs.protected_regular` and `fs.protected_fifos`, see proc(5).
    pub(crate) fn at(path: &Path) -> io::Result<NamedFile> {
        let mut path = path.to_owned();
        if path.as_os_str().is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        for _ in 0..LINKS {
            let found = match fs::symlink_metadata(&path) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(NamedFile::New(path));
                }
                Err(error) => return Err(error),
            };
            if found.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            let directory = directory_of(&path);
            // The links in /proc/PID/fd lead to open files; the text of such a link is no path.
            if statfs(directory)?.f_type == PROC_SUPER_MAGIC && found.is_symlink() {
                return Ok(descriptor(directory, path.clone()));
            }
            refuse_planted(directory, &found)?;
            if !found.is_symlink() {
                return Ok(if found.is_file() {
                    NamedFile::Regular(path)
                } else {
                    NamedFile::Special(path)
                });
            }
            path = directory.join(fs::read_link(&path)?);
        }
        Err(rustix::io::Errno::LOOP.into())
    }
}

/// The directory that holds `path`.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn descriptor(directory: &Path, path: PathBuf) -> NamedFile {
    let own = fs::canonicalize("/proc/self/fd");
    let is_own = own.and_then(|own| Ok(own == fs::canonicalize(directory)?)).unwrap_or(false);
    if is_own && path.file_name().is_some_and(|name| name == "1") {
        NamedFile::StandardOutput
    } else {
        NamedFile::Special(path)
    }
}

fn refuse_planted(directory: &Path, found: &Metadata) -> io::Result<()> {
    let holder = fs::metadata(directory)?;
    let own = rustix::process::geteuid().as_raw();
    if holder.mode() & SHARED != SHARED || [own, holder.uid()].contains(&found.uid()) {
        return Ok(());
    }
    let (owner, directory) = (found.uid(), directory.display());
    let why = format!("made by another user (uid {owner}) in {directory}, where everybody may");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn kind(path: &Path) -> String {
        match NamedFile::at(path) {
            Ok(NamedFile::New(path)) => format!("new {}", path.display()),
            Ok(NamedFile::Regular(path)) => format!("regular {}", path.display()),
            Ok(NamedFile::Special(path)) => format!("special {}", path.display()),
            Ok(NamedFile::StandardOutput) => "standard output".to_owned(),
            Err(error) => error.kind().to_string(),
        }
    }

    #[test]
    fn links_are_followed_to_what_they_lead_to() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink("file", at("near")).unwrap();
        symlink(at("near"), at("far")).unwrap();
        symlink("missing", at("dangling")).unwrap();
        symlink("loop", at("loop")).unwrap();
        symlink("/dev/null", at("null")).unwrap();
        symlink("/proc/self/fd/1", at("out")).unwrap();
        symlink("/proc/self/fd/2", at("err")).unwrap();
        assert_eq!(kind(&at("far")), format!("regular {}", at("file").display()));
        assert_eq!(kind(&at("dangling")), format!("new {}", at("missing").display()));
        assert_eq!(kind(&at("null")), "special /dev/null");
        assert_eq!(kind(&at("out")), "standard output");
        assert_eq!(kind(&at("err")), "special /proc/self/fd/2");
        assert_eq!(kind(&at("loop")), io::Error::from_raw_os_error(40).kind().to_string());
        assert_eq!(kind(dir.path()), io::ErrorKind::IsADirectory.to_string());
        assert_eq!(kind(Path::new("")), io::ErrorKind::NotFound.to_string());
        assert_eq!(kind(&at("file/x")), io::ErrorKind::NotADirectory.to_string());
    }

    #[test]
    fn what_another_user_planted_in_a_shared_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "").unwrap();
        symlink("/etc/hostname", &link).unwrap();
        assert!(kind(&file).starts_with("regular"));
        if chown(&file, Some(1234), None).is_err() {
            return;
        }
        std::os::unix::fs::lchown(&link, Some(1234), None).unwrap();
        let denied = io::ErrorKind::PermissionDenied.to_string();
        assert_eq!([kind(&file), kind(&link)], [denied.clone(), denied]);
    }
}
