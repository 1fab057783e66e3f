//! The operations of an engine: a row of the table of commands with arguments.

use bytes::Bytes;

use crate::command::table::places::{Misplaced, Positions};
use crate::command::table::row::Command;
use crate::command::table::spec::{Effect, Own, Spec, Values};
use crate::command::table::{of_store, rows};
use crate::message::{Args, ErrorReply};

/// The name of the index of `last` in a Valkey store, after the prefix.
pub(super) const LAST_INDEX: &[u8] = b"\0kvsock:last";

/// Whether a client's key has the name of the side index, which no command accepts.
pub(super) fn is_reserved(key: &[u8]) -> bool {
    key.ends_with(LAST_INDEX)
}

/// The error for a key that is reserved for kvsock.
pub(super) fn reserved() -> ErrorReply {
    ErrorReply::Failed("key is reserved for kvsock".into())
}

/// One operation on the store. Keys are the client's, without the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The row of the command, which must be one that the store carries out.
    pub command: &'static Command,
    /// The arguments, in the order of the Valkey command of that name. Their number was checked,
    /// their contents were not.
    pub args: Args,
}

impl Operation {
    /// The operation that a server knows by `name`, in upper case. None if the table has none.
    pub fn named(name: &str, args: Args) -> Option<Operation> {
        rows().find(|row| row.spec.name == name && !name.is_empty())?;
        Some(Operation { command: of_store(name), args })
    }

    /// What the engines know of the command.
    pub(super) fn spec(&self) -> &'static Spec {
        &self.command.spec
    }

    /// The name that a server knows the command by, in upper case.
    pub(super) fn name(&self) -> &'static str {
        self.spec().name
    }

    /// Which part of the work is kvsock's own.
    pub(super) fn own(&self) -> Own {
        self.spec().own
    }

    /// The effect on the data.
    pub(super) fn effect(&self) -> Effect {
        self.spec().effect
    }

    /// Whether the operation changes data.
    pub(super) fn is_write(&self) -> bool {
        self.spec().is_write()
    }

    /// The number of values in the reply whose length is not known beforehand.
    pub fn values(&self) -> usize {
        match self.spec().values {
            Values::None => 0,
            Values::Whole | Values::Made => 1,
            Values::Each => self.args.len(),
            Values::IfOption(word) => {
                let mut options = self.args.iter().skip(2);
                options.any(|it| it.eq_ignore_ascii_case(word.as_bytes())).into()
            }
        }
    }

    /// The positions of the keys among the arguments.
    ///
    /// # Errors
    ///
    /// The error reply, if the arguments do not have the form that the row describes.
    pub(super) fn positions(&self) -> Result<Positions, ErrorReply> {
        Positions::find(self.spec().places, &self.args).map_err(|why| self.misplaced(why))
    }

    /// The arguments that are keys. None if their places are unknown: engines refuse such an
    /// operation, see `Operation::refusal`.
    pub fn keys(&self) -> impl Iterator<Item = &Bytes> {
        let positions = Positions::find(self.spec().places, &self.args).unwrap_or_default();
        let is_key = move |(position, _): &(usize, &Bytes)| positions.include(*position);
        self.args.iter().enumerate().filter(is_key).map(|(_, key)| key)
    }

    /// The error for an operation that no engine carries out: it names a reserved key, or the
    /// places of its keys are unknown.
    pub(super) fn refusal(&self) -> Option<ErrorReply> {
        let positions = match self.positions() {
            Ok(positions) => positions,
            Err(error) => return Some(error),
        };
        let mut args = self.args.iter().enumerate();
        let is_refused =
            args.any(|(position, arg)| positions.include(position) && is_reserved(arg));
        is_refused.then(reserved)
    }

    /// The error for a number of arguments that the table could not check.
    pub(super) fn wrong_arguments(&self) -> ErrorReply {
        let name = self.name().to_ascii_lowercase().replace(' ', "|");
        ErrorReply::Failed(format!("wrong number of arguments for '{name}' command").into())
    }

    fn misplaced(&self, why: Misplaced) -> ErrorReply {
        let text = match why {
            Misplaced::Incomplete => return self.wrong_arguments(),
            Misplaced::NoNumber => "value is not an integer or out of range",
            Misplaced::Negative => "Number of keys can't be negative",
            Misplaced::TooFew => "Number of keys can't be greater than number of args",
        };
        ErrorReply::Failed(text.into())
    }
}
