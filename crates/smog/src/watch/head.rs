//! The head of a log line: everything before the message, in the forms of the programs around Nova.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::level::Level;
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
}

/// oslo.log's brackets: `[global request user project …]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Context<'a> {
    pub(super) global_request_id: Option<&'a str>,
    pub(super) request_id: Option<&'a str>,
    pub(super) user: Option<&'a str>,
    pub(super) project: Option<&'a str>,
}

/// Read the head of a line; none when the line has none.
pub(super) fn parse<'a>(line: &'a str, zone: &TimeZone) -> Option<Head<'a>> {
    // After copytruncate a writer that does not append leaves a hole of NUL bytes.
    let start = line.len() - line.trim_start_matches('\0').len();
    let text = &line[start..];
    let first = *text.as_bytes().first()?;
    let mut head = match first {
        b'0'..=b'9' => dated(text, zone).or_else(|| access_line(text, zone)),
        b'[' => uwsgi(text, zone).or_else(|| apache_error(text, zone)),
        b'A'..=b'Z' => devstack(text).or_else(|| syslog_line(text, zone)),
        b'\x1b' => devstack(text),
        _ => access_line(text, zone),
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
    }
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
fn dated<'a>(text: &'a str, zone: &TimeZone) -> Option<Head<'a>> {
    let stamp = stamp::iso(text, zone)?;
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
        return Some(Head { level: Some(level), ..plain(Kind::EachLine, time, message) });
    }
    // QEMU: `2026-11-24T10:31:38.222222Z qemu-system-x86_64: warning: message`
    if one.ends_with(':') {
        return Some(Head {
            logger: Some(one.trim_end_matches(':')),
            level: text.get(next..).and_then(qemu_level),
            ..plain(Kind::Stamped, time, next)
        });
    }
    if let Some(head) = syslog_tail(text, at, time) {
        return Some(head);
    }
    Some(plain(Kind::Stamped, time, at))
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
    let plain_start = text.len() - strip_colour(text).len();
    let (level, next) = word(text, plain_start)?;
    let level =
        Level::of(strip_colour(level)).filter(|_| level.chars().all(|c| !c.is_lowercase() || c == 'm'))?;
    let head = oslo(text, next, None, None, level)?;
    // Any sentence may begin with "ERROR"; only a context makes it a head.
    (head.kind == Kind::Oslo).then_some(head)
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
fn uwsgi<'a>(text: &'a str, zone: &TimeZone) -> Option<Head<'a>> {
    let rest = text.strip_prefix("[pid: ")?;
    let pid = rest.split('|').next()?.parse().ok();
    let at = text.find("} [")? + 3;
    let time = stamp::ctime(&text[at..], zone)?.time;
    let level = status(text).filter(|status| *status >= 500).map(|_| Level::Error);
    Some(Head { pid, level: level.or(Some(Level::Info)), ..plain(Kind::Request, time, 0) })
}

/// The status in `(HTTP/1.1 500)`.
fn status(text: &str) -> Option<u16> {
    let at = text.find("(HTTP/")?;
    text[at..].split([' ', ')']).nth(1)?.parse().ok()
}

/// `[Tue Nov 24 10:31:40.123456 2026] [wsgi:error] [pid 12:tid 13] [client 10.0.0.1:5] message`
fn apache_error<'a>(text: &'a str, zone: &TimeZone) -> Option<Head<'a>> {
    let stamp = stamp::ctime(&text[1..], zone)?;
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
fn access_line<'a>(text: &'a str, zone: &TimeZone) -> Option<Head<'a>> {
    let at = text.get(..160).unwrap_or(text).find(" [")? + 2;
    let time = stamp::access(&text[at..], zone)?.time;
    let status = text.rsplit('"').find_map(|part| part.split_ascii_whitespace().next()?.parse::<u16>().ok());
    let level = if status.is_some_and(|status| status >= 500) { Level::Error } else { Level::Info };
    Some(Head { level: Some(level), ..plain(Kind::Request, time, 0) })
}

/// `Nov 24 10:31:40 host program[123]: message`
fn syslog_line<'a>(text: &'a str, zone: &TimeZone) -> Option<Head<'a>> {
    let stamp = stamp::syslog(text, zone, Timestamp::now())?;
    syslog_tail(text, stamp.length + 1, stamp.time)
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
    Some(Head { logger: Some(logger), pid, ..plain(Kind::EachLine, time, message) })
}

/// The inside of the brackets a text begins with, and their whole length.
fn bracketed(text: &str) -> Option<(&str, usize)> {
    let inside = text.strip_prefix('[')?;
    let end = inside.find(']')?;
    Some((&inside[..end], end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(line: &str) -> Head<'_> {
        parse(line, &TimeZone::UTC).unwrap_or_else(|| panic!("no head: {line}"))
    }

    #[test]
    fn oslo_log() {
        let line = "2026-11-24 10:31:41.513 258 INFO nova.compute.manager [None req-e78fdbcb-d5df u1 p1 - - default default] [instance: 4f2a] Took 2 s";
        let head = head(line);
        assert_eq!((head.kind, head.pid, head.level), (Kind::Oslo, Some(258), Some(Level::Info)));
        assert_eq!(head.context.request_id, Some("req-e78fdbcb-d5df"));
        assert_eq!((head.context.global_request_id, head.context.user), (None, Some("u1")));
        assert_eq!((head.context.project, head.instance), (Some("p1"), Some("4f2a")));
        assert_eq!(&line[head.message..], "Took 2 s");
    }

    #[test]
    fn both_request_ids_and_none() {
        let both = head("2026-11-24 10:31:41.513 258 INFO a [req-global req-own u p - - -] x");
        assert_eq!(both.context.global_request_id, Some("req-global"));
        assert_eq!(both.context.request_id, Some("req-own"));
        let old = head("2026-11-24 10:31:41.513 258 INFO a [req-own u p - - -] x");
        assert_eq!((old.context.request_id, old.context.global_request_id), (Some("req-own"), None));
        let none = head("2026-11-24 10:31:41.513 258 INFO a [-] x");
        assert_eq!((none.kind, none.context), (Kind::Oslo, Context::default()));
    }

    #[test]
    fn a_line_of_a_traceback_has_no_context() {
        let line =
            "2026-11-24 10:31:41.513 258 ERROR nova.compute.manager [instance: 4f2a]   File \"x\", line 1";
        let more = head(line);
        assert_eq!((more.kind, more.instance), (Kind::OsloMore, Some("4f2a")));
        assert_eq!(&line[more.message..], "  File \"x\", line 1");
        assert_eq!(head("2026-11-24 10:31:41.513 258 ERROR nova Traceback").kind, Kind::OsloMore);
        assert_eq!(head("2026-11-24 10:31:41.513 258 ERROR nova ").kind, Kind::OsloMore);
    }

    #[test]
    fn the_other_programs() {
        let line = "2026-11-24 10:31:38.222+0000: 155: error : virNetSocketReadWire:1791 : End of file";
        let libvirt = head(line);
        assert_eq!((libvirt.pid, libvirt.level), (Some(155), Some(Level::Error)));
        assert_eq!((libvirt.logger, &line[libvirt.message..]), (Some("virNetSocketReadWire"), "End of file"));

        let qemu = head("2026-11-24T10:31:38.222222Z qemu-system-x86_64: warning: no such bit");
        assert_eq!((qemu.logger, qemu.level), (Some("qemu-system-x86_64"), Some(Level::Warning)));

        let line = "2026-11-24T10:31:40.123Z|00001|vlog|INFO|opened";
        assert_eq!((head(line).level, &line[head(line).message..]), (Some(Level::Info), "opened"));

        let line = "2026-11-24 10:31:40.123456+00:00 [error] <0.1.0> closing";
        assert_eq!((head(line).level, &line[head(line).message..]), (Some(Level::Error), "<0.1.0> closing"));

        assert_eq!(head("2026-11-24 10:31:38 0 [Note] InnoDB").level, Some(Level::Info));

        let line = "[pid: 258|app: 0|req: 1/1] 10.0.0.1 () {30 vars in 5 bytes} [Tue Nov 24 10:31:40 2026] GET /v2.1 => generated 4 bytes in 6 msecs (HTTP/1.1 500) 8 headers";
        assert_eq!((head(line).pid, head(line).level), (Some(258), Some(Level::Error)));

        let line = "[Tue Nov 24 10:31:40.123456 2026] [wsgi:error] [pid 12:tid 13] [remote 10.0.0.1:5] Traceback (most";
        let apache = head(line);
        assert_eq!((apache.pid, apache.level, apache.logger), (Some(12), Some(Level::Error), Some("wsgi")));
        assert_eq!(&line[apache.message..], "Traceback (most");

        let access = head("10.0.0.1 - - [24/Nov/2026:10:31:40 +0000] \"GET / HTTP/1.1\" 503 12");
        assert_eq!(access.level, Some(Level::Error));

        let line = "Nov 24 10:31:40 cmp1 systemd[1]: nova-compute.service: Failed";
        assert_eq!((head(line).logger, head(line).pid), (Some("systemd"), Some(1)));

        let line = "\x1b[00;32mINFO nova.compute \x1b[00m[None req-1 admin demo] done";
        assert!(parse(line, &TimeZone::UTC).is_some());
    }

    #[test]
    fn a_hole_of_nul_bytes_is_stepped_over() {
        let line = "\0\0\x002026-11-24 10:31:41.513 258 INFO a [-] x";
        assert_eq!(&line[head(line).message..], "x");
    }

    #[test]
    fn brackets_without_a_space_behind_them() {
        for (line, message) in [
            ("2026-11-24 10:31:41.513 258 INFO a [None req-1 u p]\u{fffd}x", "\u{fffd}x"),
            ("2026-11-24 10:31:41.513 258 INFO a [None req-1 u p]", ""),
            ("2026-11-24 10:31:40.123456+00:00 [error]\u{e9}", "\u{e9}"),
            ("[Tue Nov 24 10:31:40.123456 2026]\u{e9}", "\u{e9}"),
            ("[Tue Nov 24 10:31:40.123456 2026] [wsgi:error]\u{e9}", "\u{e9}"),
        ] {
            assert_eq!(&line[head(line).message..], message, "{line}");
        }
        assert!(parse("Nov 2\u{e9} 0:31:40 cmp1 x: y", &TimeZone::UTC).is_none());
    }

    #[test]
    fn what_has_no_head() {
        for line in [
            "",
            "  File \"x\"",
            "Traceback (most recent call last):",
            "ValueError: x",
            "ERROR at once",
            "[x] y",
        ] {
            assert!(parse(line, &TimeZone::UTC).is_none(), "{line}");
        }
    }
}
