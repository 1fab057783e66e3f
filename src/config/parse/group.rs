//! The administrators' group, by name or number.

use nix::unistd::Group;

use crate::config::fault::Problem;

/// The gid that stands for groups without a mapping into a user namespace.
const OVERFLOW: u32 = 65_534;

/// System calls take this gid for "no group".
const NONE: u32 = u32::MAX;

/// The gid that `text` names or is. A name must be in the group database.
pub(crate) fn gid(text: &str) -> Result<u32, Problem> {
    let gid = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok().filter(|gid| *gid != NONE)
    } else {
        Group::from_name(text)
            .map_err(|errno| Problem::GroupLookup { name: text.to_owned(), source: errno.into() })?
            .map(|group| group.gid.as_raw())
    };
    match gid {
        None => Err(Problem::NoSuchGroup(text.to_owned())),
        Some(OVERFLOW) => Err(Problem::OverflowGroup(text.to_owned())),
        Some(gid) => Ok(gid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_groups() {
        assert_eq!(gid("root").expect("a group"), 0);
        assert_eq!(gid("4242").expect("a number"), 4242);
    }

    #[test]
    fn what_is_no_group_or_everyones_is_refused() {
        for text in ["no-such-group", "nogroup", "65534", "4294967295", "99999999999", "-1"] {
            assert!(gid(text).is_err(), "{text}");
        }
    }
}
