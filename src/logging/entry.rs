//! An event in the queue: copied where it occurs, and turned into an event again where it is
//! written.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use tracing::field::{DisplayValue, Field, Visit, display};
use tracing::{Event, Metadata, Subscriber, Value as FieldValue, span};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::Context;

use super::queue::Queue;

/// The name that `tracing` gives to the message field.
const MESSAGE: &str = "message";
/// The field with an event's id, which only the journal receives.
pub(super) const MESSAGE_ID: &str = "message_id";

/// The most fields of one event. It was `tracing`'s own limit for a long time.
const MOST_FIELDS: usize = 32;

/// The most bytes of one field. Longer ones are cut off, so that the queue's memory is bounded.
const LONGEST_FIELD: usize = 4096;

thread_local! {
    static CAPTURED: Cell<SystemTime> = const { Cell::new(SystemTime::UNIX_EPOCH) };
}

/// An event that owns its values.
#[derive(Debug)]
pub(super) struct Entry {
    metadata: &'static Metadata<'static>,
    time: SystemTime,
    values: Vec<(Field, Value)>,
}

/// A field's value, in the types that `tracing` distinguishes.
#[derive(Debug)]
enum Value {
    F64(f64),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    Bool(bool),
    Text(String),
    Formatted(DisplayValue<String>),
}

impl Entry {
    pub(super) fn capture(event: &Event) -> Entry {
        let mut values = Values(Vec::with_capacity(event.metadata().fields().len()));
        event.record(&mut values);
        Entry { metadata: event.metadata(), time: SystemTime::now(), values: values.0 }
    }

    /// Sends the event to `output`, with the same fields and types of values.
    pub(super) fn emit(&self, output: &impl Subscriber) {
        CAPTURED.set(self.time);
        self.with_event(|event| output.event(event));
    }

    pub(super) fn with_event(&self, used_by: impl FnOnce(&Event<'_>)) {
        let Some((first, _)) = self.values.first() else { return };
        let mut list: [(&Field, Option<&dyn FieldValue>); MOST_FIELDS] =
            [(first, None); MOST_FIELDS];
        for (slot, (field, value)) in list.iter_mut().zip(&self.values) {
            *slot = (field, Some(value.as_field()));
        }
        let values = self.metadata.fields().value_set(&list);
        used_by(&Event::new_child_of(None::<span::Id>, self.metadata, &values));
    }

    /// Removes the fields with these names; returns them as texts.
    pub(super) fn take(&mut self, names: &[&str]) -> Vec<(&'static str, String)> {
        let taken = self.values.extract_if(.., |(field, _)| names.contains(&field.name()));
        taken.map(|(field, value)| (field.name(), value.to_string())).collect()
    }

    /// Appends the other fields to the message, except the event's id.
    fn tell_fields(&mut self) {
        let (message, mut others): (Vec<_>, Vec<_>) =
            self.values.iter_mut().partition(|(field, _)| field.name() == MESSAGE);
        let Some((_, message)) = message.into_iter().next() else { return };
        let mut text = message.to_string();
        others.retain(|(field, _)| field.name() != MESSAGE_ID);
        for (index, (field, value)) in others.into_iter().enumerate() {
            text.push_str(if index == 0 { ": " } else { ", " });
            text.push_str(field.name());
            text.push('=');
            text.push_str(&value.to_string());
        }
        *message = Value::Text(text);
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::F64(value) => value.fmt(f),
            Value::I64(value) => value.fmt(f),
            Value::U64(value) => value.fmt(f),
            Value::I128(value) => value.fmt(f),
            Value::U128(value) => value.fmt(f),
            Value::Bool(value) => value.fmt(f),
            Value::Text(value) => value.fmt(f),
            Value::Formatted(value) => value.fmt(f),
        }
    }
}

impl Value {
    fn as_field(&self) -> &dyn FieldValue {
        match self {
            Value::F64(value) => value,
            Value::I64(value) => value,
            Value::U64(value) => value,
            Value::I128(value) => value,
            Value::U128(value) => value,
            Value::Bool(value) => value,
            Value::Text(value) => value,
            Value::Formatted(value) => value,
        }
    }
}

/// Collects an event's field values.
struct Values(Vec<(Field, Value)>);

impl Values {
    fn add(&mut self, field: &Field, value: Value) {
        self.0.push((field.clone(), value));
    }
}

impl Visit for Values {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Value::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.add(field, Value::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.add(field, Value::U128(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::Text(shortened(value.to_owned())));
    }

    /// Includes the sources, since the error itself cannot be sent to another thread.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        self.add(field, Value::Formatted(display(shortened(text))));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::Formatted(display(shortened(format!("{value:?}")))));
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST_FIELD {
        let whole = (0..=LONGEST_FIELD).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(whole.unwrap_or(0));
        text.push('…');
    }
    text
}

/// The layer that copies every event into the queue.
pub(super) struct Capture(Arc<Queue<Entry>>);

impl Capture {
    pub(super) fn new(queue: Arc<Queue<Entry>>) -> Capture {
        Capture(queue)
    }
}

impl<S: Subscriber> Layer<S> for Capture {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.push(Entry::capture(event));
    }
}

/// A layer whose messages include the other fields. It is for the journal, which by default shows
/// only the message.
pub(super) struct Telling<L>(pub(super) L);

impl<S: Subscriber, L: Layer<S>> Layer<S> for Telling<L> {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut entry = Entry::capture(event);
        entry.tell_fields();
        entry.with_event(|event| self.0.on_event(event, context));
    }
}

/// A layer that leaves out an event's id, for output that people read.
pub(super) struct WithoutId<L>(pub(super) L);

impl<S: Subscriber, L: Layer<S>> Layer<S> for WithoutId<L> {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().fields().field(MESSAGE_ID).is_none() {
            return self.0.on_event(event, context);
        }
        let mut entry = Entry::capture(event);
        entry.take(&[MESSAGE_ID]);
        entry.with_event(|event| self.0.on_event(event, context));
    }
}

/// Writes the time of the event in UTC, not the time of writing.
pub(super) struct CaptureTime;

impl FormatTime for CaptureTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", humantime::format_rfc3339_millis(CAPTURED.get()))
    }
}
