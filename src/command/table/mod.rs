//! The table of commands: the single source of names, arguments, help texts and rights.
//!
//! Each group's rows stand in a file of its own. Read `row` first.

mod connection;
mod key;
mod own;
pub(crate) mod places;
pub(crate) mod row;
mod server;
pub(crate) mod spec;
mod string;
mod transaction;

pub use self::places::Place;
pub use self::row::{Arguments, Command, Group, Local, Run, Who};
pub(super) use self::row::{Form, Turn};
pub use self::spec::{Effect, Own, Spec};

/// The groups with their rows.
const GROUPS: [(Group, &[Command]); 6] = [
    (Group::String, string::ROWS),
    (Group::Key, key::ROWS),
    (Group::Transaction, transaction::ROWS),
    (Group::Connection, connection::ROWS),
    (Group::Server, server::ROWS),
    (Group::Own, own::ROWS),
];

const COUNT: usize = {
    let (mut count, mut group) = (0, 0);
    while group < GROUPS.len() {
        count += GROUPS[group].1.len();
        group += 1;
    }
    count
};

static SORTED: [Command; COUNT] = linked();

const SUB_COUNT: usize = {
    let (rows, mut count, mut at) = (sorted(), 0, 0);
    while at < COUNT {
        if let Run::Container(members) = rows[at].run {
            count += members.len();
        }
        at += 1;
    }
    count
};

/// All subcommands, container by container.
static SUBCOMMANDS: [Command; SUB_COUNT] = subcommands();

/// The number of rows, see [`Command::index`].
pub(crate) const ROWS: usize = COUNT + SUB_COUNT;

/// All rows, by their numbers.
pub fn rows() -> impl Iterator<Item = &'static Command> {
    SORTED.iter().chain(&SUBCOMMANDS)
}

/// The row of the command that a server knows by `name`, in upper case.
///
/// # Panics
///
/// If there is none. Called in constants, so that the compiler tells.
pub(crate) const fn of_store(name: &str) -> &'static Command {
    let (mut found, mut from) = (None, 0);
    while let Some(number) = next_of_store(name, from) {
        let row = row(number);
        if found.is_none() || is_same(row.full_name, name, true) {
            found = Some(row);
        }
        from = number + 1;
    }
    found.expect("the store has such a command")
}

/// The number of the next row, from the number `from` on, whose command a server knows by `name`.
pub(crate) const fn next_of_store(name: &str, from: usize) -> Option<usize> {
    let mut number = from;
    while number < ROWS {
        if is_same(row(number).spec.name, name, false) {
            return Some(number);
        }
        number += 1;
    }
    None
}

const fn row(number: usize) -> &'static Command {
    if number < COUNT { &SORTED[number] } else { &SUBCOMMANDS[number - COUNT] }
}

/// The names as numbers, in the same order, so that a lookup compares no texts.
static NUMBERS: [u128; COUNT] = numbers();

/// All commands, sorted by name.
pub static COMMANDS: &[Command] = &SORTED;

/// The rows of all groups, sorted by insertion, which the compiler can execute.
#[expect(clippy::large_stack_arrays, reason = "the compiler executes it, and no thread does")]
const fn sorted() -> [Command; COUNT] {
    let mut rows = [GROUPS[0].1[0]; COUNT];
    let (mut count, mut group) = (0, 0);
    while group < GROUPS.len() {
        let (name, members) = GROUPS[group];
        let mut member = 0;
        while member < members.len() {
            let mut at = count;
            while at > 0 && is_before(members[member].name, rows[at - 1].name) {
                rows[at] = rows[at - 1];
                at -= 1;
            }
            rows[at] = members[member].of_group(name);
            count += 1;
            member += 1;
        }
        group += 1;
    }
    rows
}

/// The sorted rows with their numbers. Containers have the numbered rows of their subcommands.
const fn linked() -> [Command; COUNT] {
    let (mut rows, mut at, mut rest) = (sorted(), 0, SUBCOMMANDS.as_slice());
    while at < COUNT {
        if let Run::Container(members) = rows[at].run {
            let (own, later) = rest.split_at(members.len());
            rows[at].run = Run::Container(own);
            rest = later;
        }
        rows[at] = rows[at].numbered(at);
        at += 1;
    }
    rows
}

const fn subcommands() -> [Command; SUB_COUNT] {
    let (rows, mut subcommands) = (sorted(), [GROUPS[0].1[0]; SUB_COUNT]);
    let (mut count, mut at) = (0, 0);
    while at < COUNT {
        if let Run::Container(members) = rows[at].run {
            let mut member = 0;
            while member < members.len() {
                subcommands[count] = members[member].numbered(COUNT + count);
                count += 1;
                member += 1;
            }
        }
        at += 1;
    }
    subcommands
}

const fn numbers() -> [u128; COUNT] {
    let rows = sorted();
    let (mut numbers, mut at) = ([0; COUNT], 0);
    while at < COUNT {
        let (name, mut padded) = (rows[at].name.as_bytes(), [0; NAME_MAX]);
        let mut letter = 0;
        while letter < name.len() {
            padded[letter] = name[letter];
            letter += 1;
        }
        numbers[at] = u128::from_be_bytes(padded);
        at += 1;
    }
    numbers
}

/// For each letter, the first row whose name begins with it or a later one; at the end, the row
/// count.
static STARTS: [usize; LETTERS + 1] = starts();

const LETTERS: usize = 26;

const fn starts() -> [usize; LETTERS + 1] {
    let rows = sorted();
    let (mut starts, mut letter, mut at) = ([COUNT; LETTERS + 1], 0, 0);
    while letter < LETTERS {
        while at < COUNT && (rows[at].name.as_bytes()[0] as usize) < b'a' as usize + letter {
            at += 1;
        }
        starts[letter] = at;
        letter += 1;
    }
    starts
}

const fn is_before(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() {
        if one[at] != other[at] {
            return one[at] < other[at];
        }
        at += 1;
    }
    one.len() < other.len()
}

/// Whether two names are the same, if `folds` in letters of any case.
const fn is_same(one: &str, other: &str, folds: bool) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() {
        let is_same = one[at] == other[at] || folds && one[at].eq_ignore_ascii_case(&other[at]);
        if !is_same {
            return false;
        }
        at += 1;
    }
    one.len() == other.len()
}

/// The longest name, in bytes: as many as a number holds.
const NAME_MAX: usize = size_of::<u128>();

/// The command called `name`, in upper or lower case.
pub fn find(name: &[u8]) -> Option<&'static Command> {
    let mut padded = [0; NAME_MAX];
    padded.get_mut(..name.len())?.copy_from_slice(name);
    padded.make_ascii_lowercase();
    let letter = usize::from(padded[0].checked_sub(b'a')?);
    let rows = *STARTS.get(letter)?..*STARTS.get(letter + 1)?;
    let number = u128::from_be_bytes(padded);
    let at = rows.start + NUMBERS[rows].iter().position(|other| *other == number)?;
    // A name that ends in a NUL has the same number as the name without it.
    SORTED.get(at).filter(|command| command.name.len() == name.len())
}

/// The command called `name` among `rows`.
pub fn find_in(rows: &'static [Command], name: &[u8]) -> Option<&'static Command> {
    rows.iter().find(|command| command.name.as_bytes().eq_ignore_ascii_case(name))
}

/// The command with this full name: a subcommand's follows its container's and a blank.
pub(super) fn find_full(name: &str) -> Option<&'static Command> {
    let Some((name, word)) = name.split_once(' ') else { return find(name.as_bytes()) };
    match find(name.as_bytes())?.run {
        Run::Container(rows) => find_in(rows, word.as_bytes()),
        _ => None,
    }
}

/// The index of the argument that takes the rest of a text request's line.
pub fn value_at(name: &[u8]) -> Option<usize> {
    find(name)?.arguments.value_at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn containers() -> impl Iterator<Item = (&'static Command, &'static [Command])> {
        COMMANDS.iter().filter_map(|command| match command.run {
            Run::Container(rows) => Some((command, rows)),
            _ => None,
        })
    }

    #[test]
    fn every_command_is_found_in_letters_of_any_case() {
        for command in COMMANDS {
            assert!(command.name.len() <= NAME_MAX, "{}", command.name);
            for name in [command.name.to_owned(), command.name.to_uppercase()] {
                assert_eq!(find(name.as_bytes()).map(|found| found.name), Some(command.name));
            }
        }
        for name in [&b""[..], b"ge", b"gets", b"a name that is far too long", b"g\0t", b"get\0"] {
            assert!(find(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn every_subcommand_is_found_by_its_second_word() {
        for (command, rows) in containers() {
            for row in rows {
                let (first, second) = (row.full_name.split_once(' ')).expect("two words");
                assert_eq!((first, second), (command.name, row.name));
                assert_eq!(find_in(rows, second.as_bytes()).map(|it| it.name), Some(second));
                assert_eq!(find_full(row.full_name), Some(row));
            }
        }
    }

    #[test]
    fn rows_are_found_by_their_numbers_and_by_the_stores_names() {
        for (number, row) in rows().enumerate() {
            assert_eq!(row.index, number);
            let is_stored = row.run == Run::Store;
            assert_eq!(is_stored, !row.spec.name.is_empty(), "{}", row.full_name);
            if is_stored {
                assert_eq!(of_store(row.spec.name).spec.name, row.spec.name);
            }
        }
        assert_eq!(of_store("DEL").full_name, "del", "not remove");
    }

    #[test]
    fn names_come_once() {
        assert!(COMMANDS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn every_row_reads_as_a_sentence() {
        for command in COMMANDS.iter().chain(containers().flat_map(|(_, rows)| rows)) {
            assert!(!command.summary.ends_with('.'), "{}", command.name);
            assert!(command.arguments.rule.ends_with('.'), "{}", command.name);
            assert!(command.arguments.most > 0 || command.synopsis.is_empty());
        }
    }
}
