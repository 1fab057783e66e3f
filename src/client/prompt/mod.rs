//! The prompt: requests typed at a terminal. Read `session` first, then `view`.

mod assist;
mod history;
mod pager;
mod session;
mod synopsis;
mod view;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{ColorMode, CompletionType, Config, Editor};

use self::assist::Assist;
use self::history::Keeper;
use self::session::Session;
use super::channel::socket::DaemonSocket;
use super::error::ClientError;
use super::invocation::command_line::Form;
use super::invocation::manual;
use super::invocation::suggestion::{default_argument, error_of, explain, misuse};
use super::output::colour::{Palette, Tone};
use super::output::json::Json;
use super::output::plain::write_raw;
use crate::command::value_at;
use crate::message::Reply;
use crate::protocol::text::{Words, split_words};

/// The time of a slower request is shown.
const SLOW: Duration = Duration::from_millis(100);

/// Runs the prompt until the end of input.
pub(super) fn run(socket: &DaemonSocket, form: Form) -> Result<ExitCode, ClientError> {
    let mut talk = Talk { session: Session::open(socket)?, palette: Palette::for_output(), form };
    let mut editor = editor(talk.palette).map_err(terminal)?;
    let mut keeper = Keeper::open(&mut editor);
    loop {
        match editor.readline(talk.session.prompt()) {
            Ok(line) => {
                let words = split_words(&Bytes::copy_from_slice(line.as_bytes()), value_at);
                keeper.keep(&mut editor, &line, words.as_ref().ok());
                let shown = match words {
                    Ok(words) if words.is_empty() => continue,
                    Ok(words) if is_farewell(&words) => return Ok(ExitCode::SUCCESS),
                    Ok(words) => talk.answer(words),
                    Err(unbalanced) => talk.failure(&ClientError::from(unbalanced).to_string()),
                };
                pager::show(&shown).map_err(ClientError::Output)?;
            }
            // Ctrl-C: the typed line is dropped.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(terminal(error)),
        }
    }
}

fn editor(palette: Palette) -> rustyline::Result<Editor<Assist, FileHistory>> {
    let colour = if palette.is_coloured() { ColorMode::Forced } else { ColorMode::Disabled };
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .color_mode(colour)
        .max_history_size(history::DEPTH)?
        .history_ignore_space(true)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Assist::new(palette)));
    Ok(editor)
}

fn terminal(error: ReadlineError) -> ClientError {
    match error {
        ReadlineError::Io(error) => ClientError::Terminal(error),
        error => ClientError::Terminal(io::Error::other(error)),
    }
}

fn is_farewell(words: &Words) -> bool {
    words.len() == 1 && [&b"quit"[..], b"exit"].iter().any(|bye| words[0].eq_ignore_ascii_case(bye))
}

/// A dialogue with the daemon.
struct Talk {
    session: Session,
    palette: Palette,
    form: Form,
}

impl Talk {
    /// The output for a request, with line ends.
    fn answer(&mut self, mut words: Words) -> Vec<u8> {
        let name = words[0].clone();
        let name = &name[..];
        if name.eq_ignore_ascii_case(b"help") {
            return self.help(words.get(1));
        }
        words.extend(default_argument(name, words.len() - 1).map(Bytes::from_static));
        if let Some(fault) = misuse(name, words.len() - 1) {
            return self.failure(&fault);
        }
        let answer = self.session.ask(&words);
        let mut shown = Vec::new();
        if let Some(note) = answer.before {
            self.push_note(note, &mut shown);
        }
        match answer.result {
            Ok(reply) => shown.extend(self.reply(&reply, name)),
            Err(error) => shown.extend(self.failure(&error.to_string())),
        }
        if let Some(note) = answer.after {
            self.push_note(note, &mut shown);
        }
        if answer.elapsed >= SLOW {
            let elapsed =
                Duration::from_millis(u64::try_from(answer.elapsed.as_millis()).unwrap_or(0));
            self.push_note(&format!("({})", humantime::format_duration(elapsed)), &mut shown);
        }
        shown
    }

    fn reply(&self, reply: &Reply, name: &[u8]) -> Vec<u8> {
        if let Some(error) = error_of(reply)
            && self.form != Form::Json
        {
            return self.failure(&explain(&error, name, "help"));
        }
        let mut shown = Vec::new();
        match self.form {
            Form::Plain => shown = view::show(reply, self.palette).into_bytes(),
            Form::Raw => write_raw(reply, &mut shown).expect("a Vec takes every write"),
            Form::Json => {
                shown = serde_json::to_vec(&Json(reply)).expect("a reply has a JSON form");
            }
        }
        shown.push(b'\n');
        shown
    }

    fn help(&self, name: Option<&Bytes>) -> Vec<u8> {
        match name {
            None => format!("{}\n", manual::list()).into_bytes(),
            Some(name) => match manual::page(name) {
                Some(page) => format!("{page}\n").into_bytes(),
                None => self.failure(&explain("unknown command", name, "help")),
            },
        }
    }

    fn failure(&self, text: &str) -> Vec<u8> {
        let text = view::one_line(text);
        format!("{}\n", self.palette.paint(Tone::Bad, &format!("error: {text}"))).into_bytes()
    }

    fn push_note(&self, text: &str, shown: &mut Vec<u8>) {
        writeln!(shown, "{}", self.palette.paint(Tone::Faint, text))
            .expect("a Vec takes every write");
    }
}
