//! Options and subcommands, out of the definitions that the programs read their arguments by.

use clap::builder::PossibleValue;
use clap::{Arg, Command};

use super::roff::{bold, escape, italic, sentence, tagged};

/// The options of a program, those for help and the version among them.
pub(super) fn options(mut program: Command) -> String {
    program.build();
    program.get_arguments().filter(|arg| !arg.is_positional()).map(entry).collect()
}

/// A section on one subcommand: its form, what it does, and its options.
pub(super) fn subcommand(program: &Command, name: &str) -> Option<String> {
    let command = program.find_subcommand(name)?;
    let mut form = vec![program.get_name().to_owned(), name.to_owned()];
    form.extend(command.get_arguments().map(form_of));
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let entries: String =
        command.get_arguments().filter(|arg| is_explained(arg)).map(entry).collect();
    Some(format!(".SS {}\n{}\n{entries}", escape(&form.join(" ")), sentence(&about)))
}

/// An argument in the line that shows how a subcommand is called.
fn form_of(arg: &Arg) -> String {
    let form = match arg.get_long() {
        None => value_of(arg),
        Some(long) if takes_value(arg) => format!("--{long} {}", value_of(arg)),
        Some(long) => format!("--{long}"),
    };
    if arg.is_required_set() { form } else { format!("[{form}]") }
}

fn entry(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let names = short.into_iter().chain(arg.get_long().map(|long| format!("--{long}")));
    let mut tag = names.map(|name| bold(&name)).collect::<Vec<_>>().join(", ");
    if takes_value(arg) {
        let (glue, end) = match arg.get_num_args() {
            _ if arg.is_positional() => ("", ""),
            Some(count) if count.min_values() == 0 => ("[=", "]"),
            _ => ("=", ""),
        };
        tag.extend([glue, &italic(&value_of(arg)), end]);
    }
    tagged(&tag, &meaning(arg))
}

/// Whether there is more to say of an argument than its name.
fn is_explained(arg: &Arg) -> bool {
    arg.get_help().is_some() || !arg.get_possible_values().is_empty()
}

fn meaning(arg: &Arg) -> String {
    let mut parts: Vec<String> = arg.get_help().map(ToString::to_string).into_iter().collect();
    if takes_value(arg) {
        let values = arg.get_possible_values();
        let names: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
        if !names.is_empty() {
            parts.push(format!("One of {}", names.join(", ")));
        }
        if let [default] = arg.get_default_values() {
            parts.push(format!("[default: {}]", default.to_string_lossy()));
        }
    }
    sentence(&parts.join(" "))
}

fn takes_value(arg: &Arg) -> bool {
    arg.is_positional() || arg.get_action().takes_values()
}

fn value_of(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    names.first().map_or_else(|| arg.get_id().as_str().to_uppercase(), ToString::to_string)
}
