//! The systemd journal, and the names of fields in it.
//!
//! kvsock's own fields have the prefix `KVSOCK_`. Fields with a common meaning have none:
//! `MESSAGE_ID=`, by which `journalctl -x` finds the catalog's text, and the fields about the peer.

use std::io;

use tracing::{Event, Subscriber};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::entry::{Entry, MESSAGE_ID};

/// Fields without the prefix.
const BARE: [&str; 4] = [MESSAGE_ID, "peer_uid", "peer_pid", "command"];

/// The layer that writes to the journal.
pub(super) struct Journal(tracing_journald::Layer);

impl Journal {
    pub(super) fn open() -> io::Result<Journal> {
        layer().map(Journal)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let fields = event.metadata().fields();
        if !BARE.iter().any(|name| fields.field(name).is_some()) {
            return self.0.on_event(event, context);
        }
        // `tracing-journald` adds the prefix to all fields except those set for a layer. Events
        // with an id are few, so that each creates a layer of its own.
        let Ok(layer) = layer() else { return self.0.on_event(event, context) };
        let mut entry = Entry::capture(event);
        let layer = layer.with_custom_fields(entry.take(&BARE));
        entry.with_event(|event| layer.on_event(event, context));
    }
}

fn layer() -> io::Result<tracing_journald::Layer> {
    let priorities = PriorityMappings {
        info: Priority::Informational,
        debug: Priority::Debug,
        ..PriorityMappings::new()
    };
    Ok(tracing_journald::layer()?
        .with_field_prefix(Some("KVSOCK".to_owned()))
        .with_syslog_identifier("kvsockd".to_owned())
        .with_priority_mappings(priorities))
}
