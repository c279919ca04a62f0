//! A log record.

use crate::noun::{cells, noun};

noun! {
    /// One log entry with all its lines, and what could be read from it.
    Record of smog::watch::Record,
    line |it| {
        let level = it.level.map(|level| format!(" {level}")).unwrap_or_default();
        let exception = it.exception.as_ref().map(|one| format!(" {}", one.name)).unwrap_or_default();
        let message: String = it.message.chars().take(60).collect();
        format!("<Record {} {}{level}{exception}: {message}>", it.host, it.short_source())
    },
    str |it| it.text.clone(),
    cells cells;
    /// The host it was written on.
    host: String = |it| it.host.clone();
    /// The file, "journal", or the command it came from.
    source: String = |it| it.source.clone();
    /// When it was written (UTC); none where the log has no time.
    time: Option<jiff::Timestamp> = |it| it.time;
    /// The process that wrote it.
    pid: Option<u32> = |it| it.pid;
    /// "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL".
    level: Option<String> = |it| it.level.map(|level| level.name().to_string());
    /// The Python module, or the program.
    logger: Option<String> = |it| it.logger.clone();
    /// The request it belongs to: "req-…".
    request_id: Option<String> = |it| it.request_id.clone();
    /// The server's UUID.
    instance: Option<String> = |it| it.instance.clone();
    /// The first line without what stands before the message.
    message: String = |it| it.message.clone();
    /// The full name of the exception in it.
    exception: Option<String> = |it| it.exception.as_ref().map(|exception| exception.name.clone());
    /// What the exception said.
    exception_message: Option<String> = |it| it.exception.as_ref().map(|exception| exception.message.clone());
    /// All lines as they stand in the log.
    text: String = |it| it.text.clone();
}
