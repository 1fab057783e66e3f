//! The processes of a machine, as they are seen from outside.

use std::fs;

use rustix::process::Pid;

/// The process below `unshare` and its nspawn that is the machine's process 1, once it has become
/// systemd.
pub(super) fn first(unshare: u32) -> Option<u32> {
    let nspawn = children(unshare).next()?;
    children(nspawn).find(|pid| is_inside(*pid, 1) && status(*pid).starts_with("Name:\tsystemd\n"))
}

/// The child of the machine's process 1 (as seen from here) that is process `inside` in there.
pub(super) fn child(init: u32, inside: u32) -> Option<Pid> {
    let pid = children(init).find(|pid| is_inside(*pid, inside))?;
    Pid::from_raw(pid.try_into().ok()?)
}

/// Whether the process has this number in its innermost namespace.
fn is_inside(pid: u32, number: u32) -> bool {
    let end = format!("\t{number}");
    status(pid).lines().any(|line| line.starts_with("NSpid:") && line.ends_with(&end))
}

fn status(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default()
}

fn children(pid: u32) -> impl Iterator<Item = u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children: Vec<u32> =
        children.unwrap_or_default().split(' ').filter_map(|pid| pid.parse().ok()).collect();
    children.into_iter()
}
