//! A record: a log line with everything that belongs to it.

use super::clock::Clock;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::exception::{self, Exception};
use super::framed;
use super::head;
use super::json_form::Outer;
use super::level::Level;
use crate::show::{Column, Show};

/// One log entry with all its lines, and what could be read from it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The host it was written on.
    pub host: String,
    /// The file, "journal", or the command it came from.
    pub source: String,
    /// When it was written; none where the log has no time.
    pub time: Option<Timestamp>,
    /// The process that wrote it.
    pub pid: Option<u32>,
    /// How grave it is.
    pub level: Option<Level>,
    /// The Python module, or the program.
    pub logger: Option<String>,
    /// The request it belongs to: "req-…".
    pub request_id: Option<String>,
    /// The request of another service that led to it.
    pub global_request_id: Option<String>,
    /// The user's id (or name, as the log has it).
    pub user: Option<String>,
    /// The project's id (or name).
    pub project: Option<String>,
    /// The server's UUID.
    pub instance: Option<String>,
    /// The first line without what stands before the message.
    pub message: String,
    /// The exception in it.
    pub exception: Option<Exception>,
    /// All lines as they stand in the log, without the last line end and without colours; bytes
    /// that are not UTF-8 became `�`. Of JSON and containers' logs: what the service wrote.
    pub text: String,
    /// How many bytes more there were, where a record was longer than one is kept.
    pub cut_bytes: u64,
}

/// How the head of a line is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It is the service's own.
    Native,
    /// Something may stand before it.
    Framed,
}

impl How {
    fn parse<'a>(self, line: &'a str, clock: &Clock) -> Option<head::Head<'a>> {
        match self {
            How::Native => head::parse(line, clock),
            How::Framed => framed::parse(line, clock),
        }
    }
}

impl Record {
    /// Fill in everything that is read from `text`.
    pub(super) fn read(
        host: &str,
        source: &str,
        text: String,
        cut_bytes: u64,
        clock: &Clock,
        how: How,
    ) -> Record {
        let mut record = Record { host: host.into(), source: source.into(), cut_bytes, ..Record::default() };
        let first = text.lines().next().unwrap_or_default();
        let mut names_count = false;
        if let Some(head) = how.parse(first, clock) {
            record.time = head.time;
            record.pid = head.pid;
            record.level = head.level;
            record.logger = owned(head.logger);
            record.request_id = owned(head.context.request_id);
            record.global_request_id = owned(head.context.global_request_id);
            record.user = owned(head.context.user);
            record.project = owned(head.context.project);
            record.instance = owned(head.instance);
            record.message = first[head.message..].to_string();
            names_count = head.level >= Some(Level::Error) && head.kind != head::Kind::Request;
        } else {
            record.message = first.trim_start_matches('\0').to_string();
        }
        if names_count || text.contains(exception::TRACEBACK) {
            let mut repeated = head::Repeated::default();
            let stripped = text.lines().map(|line| {
                if let Some(message) = repeated.message(line) {
                    return message;
                }
                let Some(head) = how.parse(line, clock) else { return line };
                repeated.note(line, &head);
                &line[head.message..]
            });
            record.exception = exception::find(stripped, names_count);
        }
        // The interpreter's own words have no level: a service that ends by an exception, or one
        // that was thrown where nobody can catch it and goes on.
        if record.level.is_none() && record.exception.as_ref().is_some_and(|found| found.traceback) {
            record.level = exception::level_of(&record.message);
        }
        record.text = text;
        record
    }

    /// Fill in what an envelope says and the lines in it do not.
    pub(super) fn put_into(&mut self, outer: &Outer) {
        self.time = super::stamp::surer(outer.time, self.time);
        self.pid = self.pid.or(outer.pid);
        let has_head = self.logger.is_some();
        if self.logger.is_none() {
            self.logger.clone_from(&outer.program);
        }
        // A message without a head of its own has its level outside (oslo.log's `use_journal`).
        if !has_head && self.exception.is_none() && outer.level >= Some(Level::Error) {
            self.exception = exception::find(self.text.lines(), true);
        }
        // What a unit writes to stderr has the level `info` in the journal, whatever it is.
        let is_said = has_head || self.exception.is_none() || outer.level >= Some(Level::Warning);
        if self.level.is_none() || (is_said && !has_head && outer.level.is_some()) {
            self.level = outer.level.or(self.level);
        }
    }

    /// Whether it has an exception.
    pub fn is_exception(&self) -> bool {
        self.exception.is_some()
    }

    /// Whether it belongs to this request, by its own ids or by naming it.
    pub fn belongs_to(&self, request_id: &str) -> bool {
        self.request_id.as_deref() == Some(request_id)
            || self.global_request_id.as_deref() == Some(request_id)
            || self.text.contains(request_id)
    }

    /// The lines behind the first, without what stands before the message in each.
    pub fn further_lines(&self) -> Vec<String> {
        let clock = Clock::from(jiff::tz::TimeZone::UTC);
        let lines = self.text.lines().skip(1).map(|line| match framed::parse(line, &clock) {
            Some(head) => line[head.message..].to_string(),
            None => line.to_string(),
        });
        lines.collect()
    }

    /// The file's name without its folder: "nova-compute.log".
    pub fn short_source(&self) -> &str {
        self.source.rsplit('/').next().unwrap_or(&self.source)
    }
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_string)
}

impl Show for Record {
    const PLURAL: &'static str = "records";
    const COLUMNS: &'static [Column<Record>] = &[
        Column::new("time", |record| record.time.map(|time| format!("{time:.3}")).unwrap_or_default()),
        Column::new("host", |record| record.host.clone()),
        Column::new("source", |record| record.short_source().to_string()),
        Column::new("level", |record| record.level.map(|level| level.to_string()).unwrap_or_default()),
        Column::new("request", |record| record.request_id.clone().unwrap_or_default()),
        Column::wide("guest", |record| record.instance.clone().unwrap_or_default()),
        Column::wide("logger", |record| record.logger.clone().unwrap_or_default()),
        Column::new("exception", |record| {
            record.exception.as_ref().map(|exception| exception.short_name().to_string()).unwrap_or_default()
        }),
        Column::new("message", |record| record.message.clone()),
    ];
}
