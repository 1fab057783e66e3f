//! Connects to the daemon's socket, unless another user may have created it.
//!
//! The kernel reports the user that called listen(2) on the socket: the daemon's user, or root
//! where systemd holds the socket. The client trusts its own user and root at any path. It trusts
//! another user's daemon only at a path that the caller named and that no other user can replace:
//! everyone can create `/tmp/kvsock-0.sock` before root does.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Component, Path, PathBuf};

use nix::unistd::{Gid, Group, Uid, User};
use rustix::net::sockopt::socket_peercred;

use super::socket::DaemonSocket;
use crate::client::error::ClientError;

/// The most symbolic links that are followed, as in the kernel.
const LINKS: usize = 40;
const STICKY: u32 = 0o1000;

/// Connects. The client sends nothing to a daemon that it does not trust.
pub(crate) fn connect(socket: &DaemonSocket) -> Result<UnixStream, ClientError> {
    let path = socket.path();
    let failed = ClientError::connect(path);
    let stream = UnixStream::connect(path).map_err(&failed)?;
    let peer = socket_peercred(&stream).map_err(|errno| failed(errno.into()))?;
    let owner = peer.uid.as_raw();
    if is_own_or_root(owner) || (!socket.is_guess() && is_guarded(path)) {
        return Ok(stream);
    }
    Err(ClientError::Distrusted { path: path.to_owned(), owner: name_of(owner) })
}

fn is_own_or_root(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

fn name_of(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => format!("{} (uid {uid})", user.name),
        _ => format!("uid {uid}"),
    }
}

/// Whether no other user can take or replace any step of `path`, symbolic links included.
fn is_guarded(path: &Path) -> bool {
    let Ok(path) = std::path::absolute(path) else { return false };
    let mut rest: VecDeque<OsString> = steps(&path).collect();
    let mut directory = PathBuf::from("/");
    let mut links = 0;
    while let Some(step) = rest.pop_front() {
        if step == ".." {
            directory.pop();
            continue;
        }
        let next = directory.join(&step);
        let (Ok(holder), Ok(found)) = (fs::metadata(&directory), fs::symlink_metadata(&next))
        else {
            return false;
        };
        let is_last = rest.is_empty();
        if is_writable_by_others(&holder) && (is_last || !is_fixed(&holder, &found)) {
            return false;
        }
        if !found.is_symlink() {
            directory = next;
            continue;
        }
        links += 1;
        let Some(target) = fs::read_link(&next).ok().filter(|_| links <= LINKS) else {
            return false;
        };
        if target.is_absolute() {
            directory = PathBuf::from("/");
        }
        for step in steps(&target).rev() {
            rest.push_front(step);
        }
    }
    true
}

fn steps(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

/// Whether users other than the owner may create and rename files in a directory.
fn is_writable_by_others(directory: &Metadata) -> bool {
    let by_group = directory.mode() & 0o020 != 0 && directory.gid() != 0;
    directory.mode() & 0o002 != 0 || (by_group && !is_private_group(directory))
}

/// Whether the owner is the only member of the group, as many systems set up.
fn is_private_group(directory: &Metadata) -> bool {
    let (Ok(Some(owner)), Ok(Some(group))) = (
        User::from_uid(Uid::from_raw(directory.uid())),
        Group::from_gid(Gid::from_raw(directory.gid())),
    ) else {
        return false;
    };
    owner.gid == group.gid
        && owner.name == group.name
        && group.mem.iter().all(|member| *member == owner.name)
}

/// Whether only the caller and root can replace this entry of a sticky directory.
fn is_fixed(directory: &Metadata, entry: &Metadata) -> bool {
    directory.mode() & STICKY != 0 && is_own_or_root(directory.uid()) && is_own_or_root(entry.uid())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_path_is_guarded_if_every_step_of_it_is() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        for name in ["safe", "safe/inner", "shared", "shared/own", "open"] {
            fs::create_dir(at(name)).unwrap();
        }
        for name in ["safe/s", "shared/s", "shared/own/s", "open/s", "safe/inner/s"] {
            fs::write(at(name), "").unwrap();
        }
        mode(&at("shared"), 0o1777);
        mode(&at("open"), 0o777);
        symlink(at("safe/s"), at("shared/link")).unwrap();
        symlink("../shared/s", at("safe/out")).unwrap();
        symlink(at("safe"), at("shared/in")).unwrap();
        symlink("../safe/inner", at("safe/round")).unwrap();
        for (name, expected) in [
            ("safe/s", true),
            ("safe/inner/../s", true),
            ("safe/round/s", true),
            ("shared/s", false),
            ("shared/own/s", true),
            ("shared/link", false),
            ("shared/in/s", true),
            ("safe/out", false),
            ("open/s", false),
            ("safe/missing", false),
        ] {
            assert_eq!(is_guarded(&at(name)), expected, "{name}");
        }
        if chown(at("shared/own"), Some(1234), None).is_err() {
            return;
        }
        assert!(!is_guarded(&at("shared/own/s")), "another user made the directory");
        chown(at("safe"), Some(1234), None).unwrap();
        assert!(is_guarded(&at("safe/s")), "another user's own directory");
        chown(at("safe"), Some(1234), Some(1234)).unwrap();
        mode(&at("safe"), 0o775);
        assert!(!is_guarded(&at("safe/s")), "a group may write");
    }
}
