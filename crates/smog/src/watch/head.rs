//! The head of a log line: everything before the message, in the forms of the programs around Nova.

use std::borrow::Cow;

use super::clock::Clock;
use jiff::Timestamp;

use super::level::Level;
use super::packages::is_module;
use super::stamp;

/// Whose form a line has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// oslo.log with a context in brackets: `time pid LEVEL logger [request …] message`.
    Oslo,
    /// oslo.log's prefix of each further line (`logging_exception_prefix`): no context.
    OsloMore,
    /// A request line of uWSGI or Apache, complete in itself.
    Request,
    /// Apache's error log, RabbitMQ, Open vSwitch, syslog: the time on every line.
    EachLine,
    /// A time on every line and no more: Apache's `%{cu}t`, `podman logs -t`.
    Dated,
    /// libvirt, QEMU, MariaDB and the rest: what has no time of its own belongs to the line before.
    Stamped,
}

/// What stands before the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) kind: Kind,
    pub(super) time: Option<Timestamp>,
    pub(super) pid: Option<u32>,
    pub(super) level: Option<Level>,
    pub(super) logger: Option<&'a str>,
    pub(super) context: Context<'a>,
    pub(super) instance: Option<&'a str>,
    /// Where the message begins, in bytes.
    pub(super) message: usize,
    /// What another program put before the line: syslog, the journal, a container's engine.
    pub(super) frame: Option<Frame<'a>>,
    /// Only a time, or a syslog's prefix: what follows may have a head of its own.
    pub(super) weak: bool,
}

/// What another program put before a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// Host and program: lines of one record have the same.
    pub(super) stream: &'a str,
    /// The host it names.
    pub(super) host: Option<&'a str>,
    /// How wide it is, in characters: `journalctl` indents further lines of an entry by it.
    pub(super) width: usize,
}

/// oslo.log's brackets: `[global request user project …]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Context<'a> {
    pub(super) global_request_id: Option<&'a str>,
    pub(super) request_id: Option<&'a str>,
    pub(super) user: Option<&'a str>,
    pub(super) project: Option<&'a str>,
}

impl Head<'_> {
    /// Whether it is oslo.log's form, but says no process.
    pub(super) fn is_oslo_without_process(&self) -> bool {
        matches!(self.kind, Kind::Oslo | Kind::OsloMore) && self.pid.is_none()
    }
}

/// Read the head of a line; none when the line has none.
pub(super) fn parse<'a>(line: &'a str, clock: &Clock) -> Option<Head<'a>> {
    // After copytruncate a writer that does not append leaves a hole of NUL bytes.
    let start = line.len() - line.trim_start_matches('\0').len();
    let text = &line[start..];
    let first = *text.as_bytes().first()?;
    let mut head = match first {
        b'0'..=b'9' => dated(text, clock).or_else(|| access_line(text, clock)),
        b'[' => uwsgi(text, clock).or_else(|| apache_error(text, clock)),
        b'A'..=b'Z' => devstack(text).or_else(|| syslog_line(text, clock)),
        b'=' => erlang_report(text, clock),
        b'\x1b' => devstack(text),
        _ => access_line(text, clock),
    }?;
    head.message += start;
    // The separator behind the head is a space, unless a byte of the line is not what it was.
    while !line.is_char_boundary(head.message) {
        head.message -= 1;
    }
    Some(head)
}

/// What stands before the message in one line of a traceback mostly stands before the next
/// one too: comparing it is much cheaper than reading it again.
#[derive(Debug, Default)]
pub(super) struct Repeated {
    head: String,
}

impl Repeated {
    /// The message of a line whose head is that of the line noted before.
    pub(super) fn message<'a>(&self, line: &'a str) -> Option<&'a str> {
        if self.head.is_empty() {
            return None;
        }
        // Brackets may be a context or an instance: such a line is read.
        line.strip_prefix(self.head.as_str()).filter(|rest| !rest.starts_with('['))
    }

    /// Note a line that was read.
    pub(super) fn note(&mut self, line: &str, head: &Head<'_>) {
        self.head.clear();
        let text = &line[..head.message];
        if head.kind == Kind::OsloMore && text.ends_with(' ') {
            self.head.push_str(text);
        }
    }

    /// The next line is compared with nothing.
    pub(super) fn forget(&mut self) {
        self.head.clear();
    }
}

fn plain(kind: Kind, time: Option<Timestamp>, message: usize) -> Head<'static> {
    Head {
        kind,
        time,
        pid: None,
        level: None,
        logger: None,
        context: Context::default(),
        instance: None,
        message,
        frame: None,
        weak: false,
    }
}

/// The line of these bytes, without colours.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    match memchr::memchr(0x1b, text.as_bytes()) {
        Some(_) => Cow::Owned(without_colours(&text)),
        None => text,
    }
}

/// Without the sequences that set colours: `ESC [ 01;35 m`.
pub(crate) fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';');
        match end {
            Some(end) if end < 16 && after[end..].starts_with('m') => rest = &after[end + 1..],
            _ => {
                plain.push_str("\x1b[");
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// A word and where the next one begins.
fn word(text: &str, at: usize) -> Option<(&str, usize)> {
    let rest = text.get(at..)?;
    let length = rest.find(' ').unwrap_or(rest.len());
    (length > 0).then(|| (&rest[..length], (at + length + 1).min(text.len())))
}

/// Behind the space that follows brackets, if there is one.
fn behind(text: &str, at: usize) -> usize {
    at + usize::from(text.as_bytes().get(at) == Some(&b' '))
}

/// A line that begins with an ISO date.
fn dated<'a>(text: &'a str, clock: &Clock) -> Option<Head<'a>> {
    let stamp = stamp::iso(text, clock)?;
    let time = stamp.time;
    let rest = &text[stamp.length..];
    if let Some(after) = rest.strip_prefix(": ") {
        return Some(libvirt(text, after, time, stamp.length + 2));
    }
    if rest.starts_with('|') {
        return open_vswitch(text, stamp.length, time);
    }
    let Some(after) = rest.strip_prefix(' ') else { return Some(plain(Kind::Stamped, time, stamp.length)) };
    let at = stamp.length + 1;
    let (one, next) = word(text, at)?;
    if let Ok(pid) = one.parse::<u32>() {
        if let Some((level, next)) = word(text, next).and_then(|(two, next)| Some((Level::of(two)?, next))) {
            return oslo(text, next, time, Some(pid), level);
        }
        // MariaDB: `2026-11-24 10:31:38 0 [Note] message`
        let level = text.get(next..).and_then(bracketed).and_then(|(word, _)| Level::of(word));
        return Some(Head { level, pid: None, ..plain(Kind::Stamped, time, next) });
    }
    if let Some(level) = Level::of(one) {
        return oslo(text, next, time, None, level);
    }
    // RabbitMQ: `2026-11-24 10:31:40.123456+00:00 [error] <0.1.0> message`
    if let Some((word, length)) = bracketed(after)
        && let Some(level) = Level::of(word)
    {
        let message = behind(text, at + length);
        // Up to 3.8 only a record's first line had a head, and no offset stood behind the time.
        let has_offset = text.as_bytes()[..stamp.length]
            .iter()
            .rev()
            .take(6)
            .any(|byte| matches!(byte, b'+' | b'-' | b'Z'));
        let kind = if has_offset { Kind::EachLine } else { Kind::Stamped };
        return Some(Head { level: Some(level), ..plain(kind, time, message) });
    }
    // QEMU: `2026-11-24T10:31:38.222222Z qemu-system-x86_64: warning: message`
    if one.ends_with(':') {
        return Some(Head {
            logger: Some(one.trim_end_matches(':')),
            level: text.get(next..).and_then(qemu_level),
            // `ValueError: x` behind a time is no program.
            weak: !one.starts_with("qemu"),
            ..plain(Kind::Stamped, time, next)
        });
    }
    if let Some(head) = syslog_tail(text, at, time) {
        return Some(head);
    }
    Some(Head { weak: true, ..plain(Kind::Stamped, time, at) })
}

fn qemu_level(message: &str) -> Option<Level> {
    let (word, _) = message.split_once(':')?;
    Level::of(word)
}

/// `155: error : virFunction:123 : message`
fn libvirt<'a>(text: &'a str, after: &'a str, time: Option<Timestamp>, at: usize) -> Head<'a> {
    let parts = || {
        let (pid, rest) = after.split_once(": ")?;
        let (level, rest) = rest.split_once(" : ")?;
        Some((pid.parse().ok()?, Level::of(level.trim())?, rest))
    };
    let Some((pid, level, rest)) = parts() else { return plain(Kind::Stamped, time, at) };
    let (logger, message) = match rest.split_once(" : ") {
        Some((place, message)) => (place.split(':').next(), text.len() - message.len()),
        None => (None, text.len() - rest.len()),
    };
    Head { pid: Some(pid), level: Some(level), logger, ..plain(Kind::Stamped, time, message) }
}

/// `2026-11-24T10:31:40.123Z|00001|vlog|INFO|message`
fn open_vswitch(text: &str, at: usize, time: Option<Timestamp>) -> Option<Head<'_>> {
    let mut fields = text[at + 1..].splitn(4, '|');
    let (_, logger, level, message) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    Some(Head {
        logger: Some(logger),
        level: Level::of(level),
        ..plain(Kind::EachLine, time, text.len() - message.len())
    })
}

/// From the logger on.
fn oslo(text: &str, at: usize, time: Option<Timestamp>, pid: Option<u32>, level: Level) -> Option<Head<'_>> {
    let (logger, mut at) = word(text, at)?;
    let mut head = Head { pid, level: Some(level), logger: Some(logger), ..plain(Kind::OsloMore, time, at) };
    let coloured = text.get(at..).unwrap_or_default();
    at += coloured.len() - strip_colour(coloured).len();
    head.message = at;
    if let Some((context, length)) = text.get(at..).and_then(context) {
        head.kind = Kind::Oslo;
        head.context = context;
        at = behind(text, at + length);
    }
    let (instance, at) = instance(text, at);
    head.instance = instance;
    head.message = at;
    Some(head)
}

/// `[instance: UUID] `; older releases wrote it in other places of the message too.
fn instance(text: &str, at: usize) -> (Option<&str>, usize) {
    let Some(rest) = text.get(at..).and_then(|rest| rest.strip_prefix("[instance: ")) else {
        return (None, at);
    };
    match rest.split_once(']') {
        Some((id, after)) => {
            let after = after.strip_prefix(' ').unwrap_or(after);
            (Some(id), text.len() - after.len())
        }
        None => (None, at),
    }
}

/// The first brackets, when they are oslo.log's context; with their length.
fn context(text: &str) -> Option<(Context<'_>, usize)> {
    let (inside, length) = bracketed(text)?;
    let inside = strip_colour(inside);
    if inside.starts_with("instance: ") {
        return None;
    }
    let named = |word: &'static str| move |id: &&str| !matches!(*id, "-" | "None" | "") && *id != word;
    let mut words = inside.split(' ').peekable();
    let mut context = Context::default();
    let mut ids = vec![];
    while words.peek().is_some_and(|word| word.starts_with("req-") || *word == "None") {
        ids.extend(words.next());
    }
    match ids.as_slice() {
        [] if inside == "-" || inside.starts_with("- ") => return Some((context, length)),
        // `[tooz] …` or a list in the message: no context.
        [] => return None,
        [one] => context.request_id = Some(*one).filter(named("")),
        [global, request, ..] => {
            context.global_request_id = Some(*global).filter(named(""));
            context.request_id = Some(*request).filter(named(""));
        }
    }
    context.user = words.next().filter(named(""));
    context.project = words.next().filter(named(""));
    Some((context, length))
}

/// devstack's form in the journal, often coloured: `INFO logger [None req-… user project] message`.
fn devstack(text: &str) -> Option<Head<'_>> {
    // Any sentence may begin with "ERROR"; only a context makes it a head.
    undated(text).filter(|head| head.kind == Kind::Oslo)
}

/// devstack's form, also of a record's further lines: `ERROR logger [instance: …] message`.
pub(super) fn undated(text: &str) -> Option<Head<'_>> {
    let plain_start = text.len() - strip_colour(text).len();
    let (level, next) = word(text, plain_start)?;
    let level =
        Level::of(strip_colour(level)).filter(|_| level.chars().all(|c| !c.is_lowercase() || c == 'm'))?;
    let head = oslo(text, next, None, None, level)?;
    (head.kind == Kind::Oslo || head.logger.is_some_and(is_module)).then_some(head)
}

/// Without one leading colour.
fn strip_colour(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("\x1b[") else { return text };
    match rest.find('m') {
        Some(at) if at < 8 => strip_colour(&rest[at + 1..]),
        _ => text,
    }
}

/// `[pid: 258|app: 0|req: 1/1] 10.0.0.1 () {…} [Tue Nov 24 10:31:40 2026] GET /v2.1 => …`
fn uwsgi<'a>(text: &'a str, clock: &Clock) -> Option<Head<'a>> {
    let rest = text.strip_prefix("[pid: ")?;
    let pid = rest.split('|').next()?.parse().ok();
    let at = text.find("} [")? + 3;
    let time = stamp::ctime(&text[at..], clock)?.time;
    let level = status(text).filter(|status| *status >= 500).map(|_| Level::Error);
    Some(Head { pid, level: level.or(Some(Level::Info)), ..plain(Kind::Request, time, 0) })
}

/// The status in `(HTTP/1.1 500)`.
fn status(text: &str) -> Option<u16> {
    let at = text.find("(HTTP/")?;
    text[at..].split([' ', ')']).nth(1)?.parse().ok()
}

/// `[Tue Nov 24 10:31:40.123456 2026] [wsgi:error] [pid 12:tid 13] [client 10.0.0.1:5] message`
fn apache_error<'a>(text: &'a str, clock: &Clock) -> Option<Head<'a>> {
    let stamp = stamp::ctime(&text[1..], clock)?;
    let mut head = plain(Kind::EachLine, stamp.time, behind(text, (stamp.length + 2).min(text.len())));
    while let Some((inside, length)) = text.get(head.message..).and_then(bracketed) {
        match inside.split_once([':', ' ']) {
            Some(("pid", rest)) => head.pid = rest.split(':').next().and_then(|pid| pid.trim().parse().ok()),
            Some(("client" | "remote", _)) => {}
            Some((module, level)) if Level::of(level).is_some() => {
                head.logger = Some(module);
                head.level = Level::of(level);
            }
            _ => break,
        }
        head.message = behind(text, head.message + length);
    }
    Some(head)
}

/// `10.0.0.1 - - [24/Nov/2026:10:31:40 +0000] "GET …" 200 …`
fn access_line<'a>(text: &'a str, clock: &Clock) -> Option<Head<'a>> {
    let at = text.get(..160).unwrap_or(text).find(" [")? + 2;
    let time = stamp::access(&text[at..], clock)?.time;
    let status = text.rsplit('"').find_map(|part| part.split_ascii_whitespace().next()?.parse::<u16>().ok());
    let level = if status.is_some_and(|status| status >= 500) { Level::Error } else { Level::Info };
    Some(Head { level: Some(level), ..plain(Kind::Request, time, 0) })
}

/// `=ERROR REPORT==== 24-Nov-2026::10:31:40 ===`: RabbitMQ up to 3.6.
fn erlang_report<'a>(text: &'a str, clock: &Clock) -> Option<Head<'a>> {
    let (word, rest) = text.strip_prefix('=')?.split_once(" REPORT==== ")?;
    let (date, rest) = rest.split_once("::")?;
    let time_of_day = rest.split(' ').next()?;
    let mut parts = date.splitn(3, '-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let time = stamp::access(&format!("{day:0>2}/{month}/{year}:{time_of_day} ]"), clock)?.time;
    let level = match word {
        "CRASH" | "SUPERVISOR" => Some(Level::Error),
        "PROGRESS" => Some(Level::Info),
        word => Level::of(word),
    };
    Some(Head { level, ..plain(Kind::Stamped, time, 0) })
}

/// `Nov 24 10:31:40 host program[123]: message`
fn syslog_line<'a>(text: &'a str, clock: &Clock) -> Option<Head<'a>> {
    let stamp = stamp::syslog(text, clock)?;
    text.is_char_boundary(stamp.length + 1).then(|| syslog_tail(text, stamp.length + 1, stamp.time))?
}

/// `host program[123]: message`
fn syslog_tail(text: &str, at: usize, time: Option<Timestamp>) -> Option<Head<'_>> {
    let (_host, next) = word(text, at)?;
    let (program, message) = word(text, next)?;
    let program = program.strip_suffix(':')?;
    let (logger, pid) = match program.split_once('[') {
        Some((name, pid)) => (name, pid.trim_end_matches(']').parse().ok()),
        None => (program, None),
    };
    Some(Head { logger: Some(logger), pid, weak: true, ..plain(Kind::EachLine, time, message) })
}

/// The inside of the brackets a text begins with, and their whole length.
fn bracketed(text: &str) -> Option<(&str, usize)> {
    let inside = text.strip_prefix('[')?;
    let end = inside.find(']')?;
    Some((&inside[..end], end + 2))
}

#[cfg(test)]
mod tests;
