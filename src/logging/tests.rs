//! Tests of the whole path from a thread that logs to an output that the test holds.

use std::fmt::{Debug, Write as _};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Subscriber, debug, dispatcher, error, info};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::*;

const LONG: Duration = Duration::from_secs(10);

/// A layer that reports how each field arrives.
struct Fields(Mutex<Sender<String>>);

struct Visitor(String);

impl Visitor {
    fn add(&mut self, kind: &str, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}: {kind} = {value:?}; ", field.name()).expect("a string grows");
    }
}

impl Visit for Visitor {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add("f64", field, &value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add("i64", field, &value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add("u64", field, &value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add("bool", field, &value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add("str", field, &value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add("debug", field, value);
    }
}

impl<S: Subscriber> Layer<S> for Fields {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut visitor = Visitor(String::new());
        event.record(&mut visitor);
        self.0.lock().expect("one thread").send(visitor.0).expect("the test waits");
    }
}

fn fields(filter: &str) -> (Logging, Receiver<String>) {
    let (sender, receiver) = channel();
    let open = move || tracing_subscriber::registry().with(Fields(Mutex::new(sender)));
    (Logging::spawn(filter.parse().expect(filter), 8, open).expect("a thread"), receiver)
}

#[test]
fn values_arrive_as_what_they_were() {
    let (logging, received) = fields("info");
    let absent: Option<u64> = None;
    dispatcher::with_default(&logging.dispatch, || {
        let io = io::Error::other("no space");
        info!(
            n = -3,
            u = 7_u64,
            f = 0.5,
            on = true,
            text = "a b",
            shown = %"c",
            debugged = ?[1, 2],
            io = &io as &(dyn std::error::Error + 'static),
            absent,
            "client {} went",
            12
        );
    });
    assert_eq!(
        received.recv_timeout(LONG).expect("the event"),
        "message: debug = client 12 went; n: i64 = -3; u: u64 = 7; f: f64 = 0.5; \
         on: bool = true; text: str = \"a b\"; shown: debug = c; debugged: debug = [1, 2]; \
         io: debug = no space; "
    );
}

#[test]
fn the_filter_can_be_changed_while_running() {
    let (logging, received) = fields("warn");
    dispatcher::with_default(&logging.dispatch, || {
        info!("hidden");
        logging.set_filter("debug").expect("a filter");
        debug!("shown");
        assert!(logging.set_filter("loud").is_err());
        debug!("still shown");
    });
    assert!(logging.finish(LONG));
    let all: Vec<String> = received.try_iter().collect();
    assert_eq!(all, ["message: debug = shown; ", "message: debug = still shown; "]);
}

#[test]
fn long_fields_are_cut_off() {
    let (logging, received) = fields("info");
    dispatcher::with_default(&logging.dispatch, || info!(long = "ä".repeat(100_000)));
    let text = received.recv_timeout(LONG).expect("the event");
    assert!(text.len() < 5_000 && text.contains('…'), "{}", text.len());
}

/// A writer that blocks until it is released, line by line.
#[derive(Clone)]
struct Stuck {
    go: Arc<Mutex<Receiver<()>>>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl io::Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.go.lock().expect("one thread").recv();
        let line = String::from_utf8_lossy(bytes).into_owned();
        self.lines.lock().expect("never held for long").push(line);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stuck_journal_delays_nobody_and_what_is_lost_is_counted() {
    let (go, stuck) = channel();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let writer = Stuck { go: Arc::new(Mutex::new(stuck)), lines: Arc::clone(&lines) };
    let logging = Logging::spawn("info".parse().expect("a filter"), 4, move || {
        let writer = move || writer.clone();
        tracing_subscriber::registry().with(output::lines(writer, false))
    })
    .expect("a thread");
    let start = Instant::now();
    dispatcher::with_default(&logging.dispatch, || {
        for number in 0..10_000 {
            info!(number, "entry");
        }
    });
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
    // Four entries wait, and one more may be in writing.
    let dropped = logging.dropped();
    assert!((9_995..=9_996).contains(&dropped), "{dropped}");
    assert!(!logging.finish(Duration::from_millis(20)), "nothing can be written");
    drop(go);
    assert!(logging.finish(LONG));
    let lines = lines.lock().expect("the writer is done").join("");
    assert!(lines.contains("INFO kvsock::logging::tests: entry number=0"), "{lines}");
    let told = format!("WARN kvsock::logging: log entries dropped dropped={dropped}");
    assert!(lines.contains(&told), "{lines}");
}

#[test]
fn a_writer_that_fails_or_panics_ends_nothing() {
    struct Broken;
    impl io::Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("standard error is closed")
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let logging = Logging::spawn("info".parse().expect("a filter"), 4, || {
        tracing_subscriber::registry().with(output::lines(|| Broken, false))
    })
    .expect("a thread");
    for _ in 0..3 {
        dispatcher::with_default(&logging.dispatch, || error!("to nobody"));
        assert!(logging.finish(LONG));
    }
}

#[test]
fn files_are_daily_and_their_directory_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path().join("log/kvsock");
    let files = output::files(&directory).expect("files");
    let open = move || tracing_subscriber::registry().with(output::lines(files, false));
    let logging = Logging::spawn("info".parse().expect("a filter"), 4, open).expect("a thread");
    dispatcher::with_default(&logging.dispatch, || info!("kept"));
    assert!(logging.finish(LONG));
    let mode = directory.metadata().expect("the directory").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let file = std::fs::read_dir(&directory).expect("the directory").next().expect("a file");
    let text = std::fs::read_to_string(file.expect("a file").path()).expect("its text");
    assert!(
        text.starts_with("20") && text.contains("Z  INFO kvsock::logging::tests: kept"),
        "{text}"
    );
}

#[test]
fn an_events_id_is_for_the_journal_alone() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (_, go) = channel();
    let writer = Stuck { go: Arc::new(Mutex::new(go)), lines: Arc::clone(&lines) };
    let output = tracing_subscriber::registry().with(output::lines(move || writer.clone(), false));
    let (sender, received) = channel();
    let output = output.with(entry::Telling(Fields(Mutex::new(sender))));
    dispatcher::with_default(&Dispatch::new(output), || {
        info!(message_id = "94f0", store = "s", "store is up");
    });
    let line = lines.lock().expect("it is written").concat();
    assert!(line.ends_with("store is up store=\"s\"\n"), "{line}");
    assert_eq!(
        received.recv_timeout(LONG).expect("an entry"),
        "message: str = \"store is up: store=s\"; message_id: str = \"94f0\"; \
         store: str = \"s\"; "
    );
}

#[test]
fn the_journals_message_tells_the_other_fields_too() {
    let (sender, received) = channel();
    let layer = entry::Telling(Fields(Mutex::new(sender)));
    let output = tracing_subscriber::registry().with(layer);
    dispatcher::with_default(&Dispatch::new(output), || {
        info!(why = %"connection refused", tries = 3_u64, "store is down");
    });
    assert_eq!(
        received.recv_timeout(LONG).expect("an entry"),
        "message: str = \"store is down: why=connection refused, tries=3\"; \
         why: debug = connection refused; tries: u64 = 3; "
    );
}
