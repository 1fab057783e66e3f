//! One request, its reply on standard output, and an exit status for the result.

use std::io::{self, BufWriter, Read, Write};
use std::process::ExitCode;

use super::channel::connection::Connection;
use super::channel::socket::DaemonSocket;
use super::error::ClientError;
use super::interrupt::Interrupt;
use super::invocation::command_line::Form;
use super::invocation::suggestion::{default_argument, error_of, explain, misuse};
use super::output::json::Json;
use super::output::plain::{write_plain, write_raw};
use super::status::{FAILED, NOT_FOUND};
use crate::command::find;
use crate::message::Reply;

/// Sends `words` and prints the reply; the command is the first word.
pub(super) fn ask(
    socket: &DaemonSocket,
    mut words: Vec<Vec<u8>>,
    form: Form,
) -> Result<ExitCode, ClientError> {
    let name = words.first().cloned().unwrap_or_default();
    words.extend(default_argument(&name, words.len() - 1).map(<[u8]>::to_vec));
    if let Some(fault) = misuse(&name, words.len() - 1) {
        return report(&fault, form);
    }
    take_value(&mut words).map_err(ClientError::Input)?;
    let reply = Connection::open(socket, Interrupt::default())?.ask(&words)?;
    if let Some(error) = error_of(&reply) {
        return report(&explain(&error, &name, "kvsock help"), form);
    }
    print(&reply, form).map_err(ClientError::Output)?;
    let is_missing = match reply {
        Reply::Nil | Reply::NilList => true,
        Reply::Integer(count) => count == 0 && is_test(&name),
        _ => false,
    };
    Ok(if is_missing { ExitCode::from(NOT_FOUND) } else { ExitCode::SUCCESS })
}

/// Replaces a value of `-` by the content of standard input.
fn take_value(words: &mut [Vec<u8>]) -> io::Result<()> {
    let command = words.first().and_then(|name| find(name));
    let value = command.and_then(|command| command.arguments.value_at);
    if let Some(word) = value.and_then(|at| words.get_mut(at + 1))
        && word == b"-"
    {
        word.clear();
        io::stdin().lock().read_to_end(word)?;
    }
    Ok(())
}

/// Whether a reply of 0 means that no such key exists.
fn is_test(name: &[u8]) -> bool {
    find(name).is_some_and(|command| command.name == "exists")
}

fn report(error: &str, form: Form) -> Result<ExitCode, ClientError> {
    if form == Form::Json {
        let reply = Reply::failed(error.to_owned());
        print(&reply, form).map_err(ClientError::Output)?;
    } else {
        eprintln!("kvsock: {error}");
    }
    Ok(ExitCode::from(FAILED))
}

fn print(reply: &Reply, form: Form) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match form {
        Form::Plain => write_plain(reply, &mut out)?,
        Form::Raw => write_raw(reply, &mut out)?,
        Form::Json => {
            serde_json::to_writer(&mut out, &Json(reply))?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()
}
