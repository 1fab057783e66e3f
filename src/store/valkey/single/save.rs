//! `Save`: has the server write its data to disk, and waits until that is done. A running save may
//! have begun before this client's data arrived, so another one follows it.

use std::time::Duration;

use crate::message::{ErrorReply, Reply};
use crate::store::valkey::keys::reply;
use crate::store::valkey::keys::reply::Fault;
use crate::store::valkey::wire::command::Form;
use crate::store::valkey::wire::connection::Connection;
use crate::store::valkey::wire::exchange::Lost;

/// The first wait between questions for the progress. It doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// The longest wait between questions for the progress.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The server's state of saving.
#[derive(Debug, Default, PartialEq, Eq)]
struct Progress {
    running: bool,
    failed: bool,
    /// The number of saves begun since the server started. `None` for servers before 7.0.
    begun: Option<u64>,
    /// The end of the last successful save, in Unix seconds.
    last: u64,
}

/// Saves, and gives `OK` when the data is on disk. Sets `begun` once a save was requested.
pub(crate) async fn save(connection: &Connection, begun: &mut bool) -> Result<Reply, Fault> {
    let mut wait = FIRST_WAIT;
    let (before, scheduled) = loop {
        let before = progress(connection).await?;
        if !before.running {
            *begun = true;
            // During a rewrite of the append-only file, SCHEDULE has the save follow it.
            match started(connection.send_one(Form::Status, &[b"BGSAVE", b"SCHEDULE"]).await?)? {
                Start::Now => break (before, false),
                Start::Scheduled => break (before, true),
                Start::Busy => {}
            }
        }
        pause(&mut wait).await;
    };
    wait = FIRST_WAIT;
    loop {
        pause(&mut wait).await;
        let now = progress(connection).await?;
        let done = !now.running && (!scheduled || followed(&before, &now));
        match (done, now.failed) {
            (false, _) => {}
            (true, false) => return Ok(Reply::OK),
            (true, true) => {
                let text = "save failed: see the log of the store for the cause";
                return Err(Fault::Refused(Reply::failed(text)));
            }
        }
    }
}

/// The reply when the connection was lost.
pub(crate) fn interrupted(lost: Lost, begun: bool) -> Reply {
    if begun {
        Reply::Error(ErrorReply::OutcomeUnknown("SAVE"))
    } else {
        reply::unavailable(lost.cause)
    }
}

/// Whether a scheduled save has begun or ended since `before`.
fn followed(before: &Progress, now: &Progress) -> bool {
    now.begun > before.begun || now.last > before.last || (now.failed && !before.failed)
}

enum Start {
    Now,
    Scheduled,
    /// Another save runs.
    Busy,
}

fn started(reply: Reply) -> Result<Start, Fault> {
    let refused = match reply::granted(reply) {
        Ok(Reply::Word(text)) if text.contains("scheduled") => return Ok(Start::Scheduled),
        Ok(_) => return Ok(Start::Now),
        Err(Fault::Lost(lost)) => return Err(Fault::Lost(lost)),
        Err(Fault::Refused(Reply::Error(error))) => error.to_string(),
        Err(refused) => return Err(refused),
    };
    if refused.contains("in progress") {
        Ok(Start::Busy)
    } else if refused.starts_with("NOPERM") || refused.starts_with("unknown command") {
        Err(forbidden(&refused))
    } else {
        Err(Fault::Refused(Reply::failed(format!("save failed: {refused}"))))
    }
}

fn forbidden(error: &str) -> Fault {
    Fault::Refused(Reply::failed(format!("the store does not allow save: {error}")))
}

async fn progress(connection: &Connection) -> Result<Progress, Fault> {
    match reply::granted(connection.send_one(Form::Text, &[b"INFO", b"persistence"]).await?) {
        Ok(Reply::Text(text)) => Ok(parse(&text)),
        Ok(Reply::Value(text)) => Ok(parse(&String::from_utf8_lossy(&text))),
        Ok(_) => Err(Fault::Refused(reply::unexpected())),
        Err(Fault::Refused(Reply::Error(error))) => Err(forbidden(&error.to_string())),
        Err(fault) => Err(fault),
    }
}

fn parse(info: &str) -> Progress {
    let mut progress = Progress::default();
    for (name, value) in info.lines().filter_map(|line| line.split_once(':')) {
        match name {
            "rdb_bgsave_in_progress" => progress.running = value != "0",
            "rdb_last_bgsave_status" => progress.failed = value != "ok",
            "rdb_saves" => progress.begun = value.parse().ok(),
            "rdb_last_save_time" => progress.last = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    progress
}

async fn pause(wait: &mut Duration) {
    tokio::time::sleep(*wait).await;
    *wait = (*wait * 2).min(LONGEST_WAIT);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_from_info() {
        let info = "# Persistence\r\nrdb_bgsave_in_progress:1\r\nrdb_last_save_time:7\r\n\
                    rdb_last_bgsave_status:err\r\nrdb_saves:3\r\n";
        let expected = Progress { running: true, failed: true, begun: Some(3), last: 7 };
        assert_eq!(parse(info), expected);
    }

    #[test]
    fn a_scheduled_save_is_seen_to_begin_or_to_end() {
        let before = Progress { begun: Some(3), last: 7, ..Progress::default() };
        assert!(!followed(&before, &Progress { begun: Some(3), last: 7, ..Progress::default() }));
        assert!(followed(&before, &Progress { begun: Some(4), last: 7, ..Progress::default() }));
        assert!(followed(&before, &Progress { begun: None, last: 8, ..Progress::default() }));
    }
}
