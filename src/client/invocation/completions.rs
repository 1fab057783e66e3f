//! The completion of the client's arguments in a shell.

use std::io;

use clap::Command;
use clap_complete::{Generator, Shell, generate};

use super::definition::{PROGRAM, definition};
use crate::client::error::ClientError;
use crate::command::{COMMANDS, Run};

/// Writes the shell's completions to standard output.
pub(crate) fn write_completions(shell: Shell) -> Result<(), ClientError> {
    io::Write::write_all(&mut io::stdout().lock(), &completions(shell)).map_err(ClientError::Output)
}

/// The shell's completions.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut out = Vec::new();
    generate(shell, &mut with_all_commands(), PROGRAM, &mut out);
    out
}

/// The name of the file that the shell reads completions from.
pub fn completions_file(shell: Shell) -> String {
    shell.file_name(PROGRAM)
}

/// The definition of the arguments, with the daemon's commands beside the client's own.
fn with_all_commands() -> Command {
    let definition = definition();
    let own: Vec<_> = definition.get_subcommands().map(|own| own.get_name().to_owned()).collect();
    let others = COMMANDS.iter().filter(|command| !own.iter().any(|name| name == command.name));
    let others = others.map(|command| {
        let shown = Command::new(command.name).about(command.summary).disable_help_flag(true);
        match command.run {
            Run::Container(rows) => shown.subcommands(
                rows.iter()
                    .map(|row| Command::new(row.name).about(row.summary).disable_help_flag(true)),
            ),
            _ => shown,
        }
    });
    definition.subcommands(others.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::invocation::definition::SHELLS;

    #[test]
    fn every_shell_gets_every_command() {
        for shell in SHELLS {
            let script = String::from_utf8(completions(shell)).unwrap();
            for command in COMMANDS {
                assert!(script.contains(command.name), "{shell}: {}", command.name);
            }
        }
    }
}
