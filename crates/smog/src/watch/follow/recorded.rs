//! The logs of a host as they were recorded, read as if the host sent them.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{Message, NO_LOG};
use crate::error::{Error, Result};
use crate::hint;
use crate::host::RecordedLogs;
use crate::watch::record::Record;
use crate::watch::sources::{From, Sources};

/// So many records are sent at once.
const PIECE: usize = 500;

/// Send what is recorded of the sources. Nothing comes after it.
pub(super) async fn run(
    host: &str,
    logs: Arc<RecordedLogs>,
    sources: Sources,
    to: &mpsc::Sender<Message>,
) -> Result<()> {
    if sources.follow {
        return Err(Error::NotRecorded {
            what: format!("what host `{host}` logs from now on"),
            of: logs.of.clone(),
            hint: hint::LOGS.hint().and(" shows what was recorded"),
        });
    }
    if let Some(why) = &logs.failed {
        return Err(Error::Unreachable {
            what: format!("host `{host}`"),
            why: why.clone(),
            hint: "a recording holds what was read then".into(),
        });
    }
    // Whoever wants no more has dropped the other end.
    let send = async |message: Message| to.send(message).await.map_err(drop);
    let read = async {
        send(Message::Up { clock_ahead: logs.clock_ahead }).await?;
        for (path, why) in missing(host, &logs, &sources) {
            send(Message::Unreadable { path, why, absent: false }).await?;
        }
        let (records, mut heard) = tokio::sync::mpsc::channel::<Vec<Record>>(4);
        let reading = {
            let (logs, sources) = (Arc::clone(&logs), sources.clone());
            tokio::task::spawn_blocking(move || read(&logs, &sources, &records))
        };
        let mut named: BTreeSet<String> = sources.files.iter().cloned().collect();
        send(Message::Begun { source: 1 }).await?;
        while let Some(records) = heard.recv().await {
            for record in &records {
                if let Some(path) = named.iter().find(|path| is_path(path, &record.source)).cloned() {
                    named.remove(&path);
                    send(Message::Readable { path }).await?;
                }
            }
            let at = records.iter().filter_map(|record| record.time).max();
            send(Message::Records { source: 1, records, at }).await?;
        }
        if let Ok(Err(why)) = reading.await {
            send(Message::Unreadable { path: NO_LOG.into(), why, absent: false }).await?;
        }
        for path in named {
            let why = "nothing of it was recorded".to_string();
            send(Message::Unreadable { path, why, absent: true }).await?;
        }
        send(Message::CaughtUp { source: 1 }).await?;
        send(Message::AllCaughtUp).await
    };
    let _: std::result::Result<(), ()> = read.await;
    Ok(())
}

/// What was asked for and is not in the recording, with the reason.
fn missing(host: &str, logs: &RecordedLogs, sources: &Sources) -> Vec<(String, String)> {
    let mut missing = logs.unread.clone();
    let begins = match sources.from {
        From::Since(since) => Some(since),
        From::Start => Some(Timestamp::MIN),
        From::End => None,
    };
    let is_over = sources.until.is_some_and(|until| until < logs.since);
    if let Some(since) = begins
        && since < logs.since
    {
        let until = if is_over { sources.until.unwrap_or(logs.since) } else { logs.since };
        let until = until.strftime("%Y-%m-%d %H:%M:%S UTC");
        missing.push((format!("what was logged before {until}"), format!("not recorded ({})", logs.of)));
    }
    for command in &sources.commands {
        missing.push((format!("`{}`", command.line()), format!("not recorded ({})", logs.of)));
    }
    let _ = host;
    missing
}

/// Parse and choose, on a thread that may wait.
fn read(
    logs: &RecordedLogs,
    sources: &Sources,
    to: &mpsc::Sender<Vec<Record>>,
) -> std::result::Result<(), String> {
    let since = match sources.from {
        From::Since(since) => Some(since),
        From::Start => None,
        From::End => return Ok(()),
    };
    let mut piece = Vec::new();
    for (number, line) in logs.lines().enumerate() {
        let line = line.map_err(|why| why.to_string())?;
        let record: Record = serde_json::from_str(&line)
            .map_err(|why| format!("line {} of the recording: {}", number + 1, crate::json_words(&why)))?;
        let in_time = record.time.is_none_or(|time| {
            since.is_none_or(|since| time >= since) && sources.until.is_none_or(|until| time <= until)
        });
        if !in_time || !is_of(sources, &record.source) {
            continue;
        }
        piece.push(record);
        if piece.len() >= PIECE && to.blocking_send(std::mem::take(&mut piece)).is_err() {
            return Ok(());
        }
    }
    // Nobody wants it any more, or it is taken.
    let _ = if piece.is_empty() { Ok(()) } else { to.blocking_send(piece) };
    Ok(())
}

/// Whether a record's source is one of those that are read.
fn is_of(sources: &Sources, source: &str) -> bool {
    match sources.files.is_empty() && sources.commands.is_empty() {
        // The usual places: all that was recorded.
        true => true,
        false => {
            sources.files.iter().any(|path| is_path(path, source))
                || (source.starts_with("journal") && !sources.units.is_empty())
        }
    }
}

/// Whether a path is meant by this pattern; a `*` stands for anything but `/`.
fn is_path(pattern: &str, path: &str) -> bool {
    let parts = |text: &str| text.split('/').map(str::to_string).collect::<Vec<_>>();
    let (patterns, names) = (parts(pattern), parts(path));
    patterns.len() == names.len() && patterns.iter().zip(&names).all(|(pattern, name)| is_name(pattern, name))
}

fn is_name(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| is_name(after, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::is_path;

    #[test]
    fn a_star_is_anything_in_a_name() {
        assert!(is_path("/var/log/nova/*.log", "/var/log/nova/nova-compute.log"));
        assert!(is_path("/var/log/*/nova-*", "/var/log/nova/nova-api.log"));
        assert!(!is_path("/var/log/*.log", "/var/log/nova/x.log"));
        assert!(!is_path("/var/log/x", "/var/log/xy"));
    }
}
