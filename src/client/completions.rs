//! Completion of the client's arguments in a shell.

use std::io;

use clap::Command;
use clap_complete::{Shell, generate};

use super::definition::definition;
use super::error::ClientError;
use crate::command::{COMMANDS, Run};

/// Writes the shell's completions to standard output.
pub(super) fn write_completions(shell: Shell) -> Result<(), ClientError> {
    let mut out = Vec::new();
    generate(shell, &mut with_all_commands(), "kvsock", &mut out);
    io::Write::write_all(&mut io::stdout().lock(), &out).map_err(ClientError::Output)
}

/// The arguments' definition, and the table's commands beside the client's own.
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

    #[test]
    fn every_shell_gets_every_command() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut out = Vec::new();
            generate(shell, &mut with_all_commands(), "kvsock", &mut out);
            let script = String::from_utf8(out).unwrap();
            for command in COMMANDS {
                assert!(script.contains(command.name), "{shell}: {}", command.name);
            }
        }
    }
}
