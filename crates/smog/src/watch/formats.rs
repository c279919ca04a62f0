//! Lines in a form of a deployment's own: `logging_*_format_string` of nova.conf and its kin.
//!
//! Such a line is brought into oslo.log's default form and then read as any other. Which options
//! there are, and what stands in them, is described in oslo.log's configuration reference.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use regex::Regex;

use super::clock::Clock;
use super::{framed, head};
use crate::oslo::OsloConfig;

/// oslo.log's defaults of the options that decide the form of a line.
const DEFAULTS: [(&str, &str); 5] = [
    (
        "logging_context_format_string",
        "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s [%(global_request_id)s %(request_id)s \
         %(user_identity)s] %(instance)s%(message)s",
    ),
    (
        "logging_default_format_string",
        "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s [-] %(instance)s%(message)s",
    ),
    ("logging_exception_prefix", "%(asctime)s.%(msecs)03d %(process)d ERROR %(name)s %(instance)s"),
    ("log_date_format", "%Y-%m-%d %H:%M:%S"),
    ("instance_format", "[instance: %(uuid)s] "),
];

/// The format strings of one service, where they are none that [`head`] reads by itself.
#[derive(Debug, Clone)]
pub struct Formats {
    context: Pattern,
    default: Pattern,
    further: Pattern,
    date: String,
}

/// A format string as an expression.
#[derive(Debug, Clone)]
struct Pattern(Regex);

impl Formats {
    /// Those of a service's configuration file; none where its lines are of a form that is known
    /// anyway, or where the file cannot be read as one.
    pub fn of_config(text: &str) -> Option<Arc<Formats>> {
        if !text.contains("format") && !text.contains("logging_exception_prefix") {
            return None;
        }
        let config = OsloConfig::parse(text, "the service's configuration").ok()?;
        let option = |at: usize| {
            let (name, default) = DEFAULTS[at];
            config.get("DEFAULT", name).filter(|value| !value.is_empty()).unwrap_or(default)
        };
        let (date, instance) = (option(3), option(4));
        if (0..3).all(|at| is_known(option(at), date, instance)) {
            return None;
        }
        let pattern = |at: usize| Pattern::of(option(at), date, instance, at == 2);
        let (context, default, further) = (pattern(0)?, pattern(1)?, pattern(2)?);
        Some(Arc::new(Formats { context, default, further, date: date.into() }))
    }

    /// The line in oslo.log's default form; as it is where it is of none of these forms.
    pub(super) fn translated<'a>(&self, line: &'a str, clock: &Clock) -> Cow<'a, str> {
        if let Some(own) = self.own(line, clock) {
            return Cow::Owned(own);
        }
        // Behind what syslog or journalctl put before it.
        if let Some(at) = framed::behind_frame(line, clock)
            && let Some(own) = self.own(&line[at..], clock)
        {
            return Cow::Owned(format!("{}{own}", &line[..at]));
        }
        Cow::Borrowed(line)
    }

    fn own(&self, line: &str, clock: &Clock) -> Option<String> {
        let line = head::without_colours(line);
        // A line with a request's id is the first of a record, one of a traceback is not.
        if let Some(found) = self.context.0.captures(&line)
            && found.name("request_id").is_some_and(|id| id.as_str().starts_with("req-"))
        {
            return self.written(&found, true, clock);
        }
        if let Some(found) = self.further.0.captures(&line) {
            return self.written(&found, false, clock);
        }
        let found = self.default.0.captures(&line).or_else(|| self.context.0.captures(&line))?;
        self.written(&found, true, clock)
    }

    fn written(&self, found: &regex::Captures<'_>, is_first: bool, clock: &Clock) -> Option<String> {
        let field = |name: &str| found.name(name).map(|field| field.as_str()).filter(|text| !text.is_empty());
        let mut line = match field("asctime") {
            Some(time) => format!("{} ", self.time(time, field("msecs"), clock)?),
            None => String::new(),
        };
        // Without a time a number is no process's.
        if let Some(process) = field("process").filter(|_| !line.is_empty()) {
            line.push_str(&format!("{process} "));
        }
        let level = field("levelname").unwrap_or(if is_first { "INFO" } else { "ERROR" });
        line.push_str(&format!("{} {} ", level.trim(), field("name").unwrap_or("root").trim()));
        if is_first {
            let request = field("request_id").filter(|id| id.starts_with("req-"));
            let global = field("global_request_id").filter(|id| id.starts_with("req-")).unwrap_or("None");
            let user = field("user_identity").map(str::to_string).unwrap_or_else(|| {
                let of = |names: [&str; 2]| names.iter().find_map(|name| field(name)).unwrap_or("-");
                format!("{} {}", of(["user_id", "user"]), of(["project_id", "project"]))
            });
            match request {
                Some(request) => line.push_str(&format!("[{global} {request} {}] ", user.trim())),
                None => line.push_str("[-] "),
            }
        }
        if let Some(instance) = field("uuid") {
            line.push_str(&format!("[instance: {instance}] "));
        }
        line.push_str(field("message").unwrap_or_default());
        Some(line)
    }

    /// The time as ISO has it.
    fn time(&self, text: &str, milliseconds: Option<&str>, clock: &Clock) -> Option<String> {
        let broken = jiff::fmt::strtime::parse(&self.date, text).ok()?;
        let milliseconds = milliseconds.map(|digits| format!(".{digits:0>3}")).unwrap_or_default();
        if let Some(offset) = broken.offset() {
            let (sign, seconds) = (if offset.seconds() < 0 { '-' } else { '+' }, offset.seconds().abs());
            let offset = format!("{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
            return Some(format!("{}{milliseconds}{offset}", iso(broken.to_datetime().ok()?)));
        }
        if let Ok(time) = broken.to_timestamp() {
            return Some(format!("{}{milliseconds}Z", iso(TimeZone::UTC.to_datetime(time))));
        }
        let time = broken.to_datetime().or_else(|_| {
            // A form without a year.
            let mut of_year = broken;
            let year = clock.latest().to_zoned(clock.zone.clone()).year();
            of_year.set_year(Some(year))?;
            let time = of_year.to_datetime()?;
            match clock.zone.to_timestamp(time) {
                Ok(at) if at > clock.latest() => {
                    of_year.set_year(Some(year - 1))?;
                    of_year.to_datetime()
                }
                _ => Ok(time),
            }
        });
        Some(format!("{}{milliseconds}", iso(time.ok()?)))
    }
}

/// The format strings of a host's services that are their own, by the service: "nova".
#[derive(Debug, Clone, Default)]
pub struct FormatsOfHost {
    of: BTreeMap<String, Arc<Formats>>,
}

impl FormatsOfHost {
    /// Learn from a configuration file: its path, and its text or the lines that matter of it.
    pub(super) fn learn(&mut self, path: &str, text: &str) {
        if let Some(formats) = Formats::of_config(text) {
            self.of.entry(service_of_config(path)).or_insert(formats);
        }
    }

    /// Those of the service that wrote a log (its path), or what is in a unit's journal.
    pub(super) fn of_log(&self, path: &str) -> Option<Arc<Formats>> {
        if self.of.is_empty() { None } else { self.of.get(service_of_log(path)).cloned() }
    }
}

/// "nova" of `etc/nova/nova-cpu_conf.txt`.
fn service_of_config(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_string()
}

/// "nova" of `/var/log/nova/nova-compute.log` and of `screen-n-cpu.txt`. What many services write
/// into (messages, a journal) is read as Nova's: a line of another form stays as it is.
fn service_of_log(path: &str) -> &'static str {
    const NAMES: [(&str, &[&str]); 5] = [
        ("neutron", &["screen-q-", "neutron-"]),
        ("cinder", &["screen-c-", "cinder-"]),
        ("glance", &["screen-g-", "glance-"]),
        ("keystone", &["screen-key", "keystone"]),
        ("placement", &["screen-placement", "placement"]),
    ];
    let name = path.rsplit('/').next().unwrap_or(path);
    let of_name = NAMES.iter().find(|(_, begins)| begins.iter().any(|begin| name.starts_with(begin)));
    let of_folder = NAMES.iter().find(|(service, _)| path.contains(&format!("/{service}/")));
    of_name.or(of_folder).map_or("nova", |(service, _)| service)
}

fn iso(time: jiff::civil::DateTime) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

impl Pattern {
    /// Of a format string; `further` is the prefix of a record's further lines, behind which the line stands.
    fn of(format: &str, date: &str, instance: &str, further: bool) -> Option<Pattern> {
        let mut expression = String::from("^");
        let mut seen = vec![];
        push(&mut expression, &head::without_colours(format), date, instance, &mut seen);
        if further {
            if !seen.iter().any(|name| name == "message") {
                expression.push_str("(?P<message>.*)");
            }
        } else if !seen.iter().any(|name| name == "message") {
            // Such lines say nothing.
            return None;
        }
        expression.push('$');
        Regex::new(&expression).ok().map(Pattern)
    }
}

/// Add what a format string matches.
fn push(expression: &mut String, format: &str, date: &str, instance: &str, seen: &mut Vec<String>) {
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        expression.push_str(&regex::escape(&rest[..at]));
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            expression.push('%');
            rest = after;
            continue;
        }
        let Some((name, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) else {
            expression.push('%');
            continue;
        };
        // Flags, width, precision, and the letter of the conversion.
        let end = after.find(|c: char| c.is_ascii_alphabetic()).map_or(after.len(), |at| at + 1);
        let padded = end > 1;
        rest = &after[end..];
        let shape = match name {
            "asctime" => of_date(date),
            "msecs" => r"\d{1,3}(?:\.\d+)?".into(),
            "process" | "thread" | "lineno" | "relativeCreated" => r"\d+".into(),
            "levelname" => "(?:TRACE|DEBUG|INFO|AUDIT|WARNING|WARN|ERROR|CRITICAL)".into(),
            "request_id" | "global_request_id" => r"(?:req-[0-9A-Za-z-]+|None|-)?".into(),
            "name" | "module" | "funcName" | "pathname" | "filename" | "hostname" | "domain"
            | "user_domain" | "project_domain" => r"\S*".into(),
            "user_identity" => r"[^\]|}>]*?".into(),
            "user" | "user_id" | "user_name" | "project" | "project_id" | "project_name" | "tenant" => {
                r"[^\s\]|]*".into()
            }
            "uuid" => "[0-9A-Za-z-]+".into(),
            "color" | "reset_color" => String::new(),
            "instance" | "resource" => {
                let mut inner = String::new();
                // `uuid` is a name once only in an expression.
                if !seen.iter().any(|name| name == "uuid") {
                    push(&mut inner, instance, date, "", seen);
                }
                expression.push_str(&format!("(?:{inner})?"));
                continue;
            }
            "message" => ".*".into(),
            _ => r".*?".into(),
        };
        if padded {
            expression.push(' ');
            expression.push('*');
        }
        match seen.iter().any(|known| known == name)
            || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            true => expression.push_str(&format!("(?:{shape})")),
            false => {
                expression.push_str(&format!("(?P<{name}>{shape})"));
                seen.push(name.to_string());
            }
        }
        if padded {
            expression.push(' ');
            expression.push('*');
        }
    }
    expression.push_str(&regex::escape(rest));
}

/// What strftime writes.
fn of_date(format: &str) -> String {
    let mut expression = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            expression.push_str(&regex::escape(&letter.to_string()));
            continue;
        }
        expression.push_str(match letters.next() {
            Some('Y') => r"\d{4}",
            Some('m' | 'd' | 'H' | 'M' | 'S' | 'y' | 'I') => r"\d\d",
            Some('e' | 'k' | 'l') => r"[ \d]?\d",
            Some('j') => r"\d{3}",
            Some('f') => r"\d{1,9}",
            Some('b' | 'h' | 'a') => r"\w{3}",
            Some('B' | 'A') => r"\w+",
            Some('p' | 'P') => "[AaPp][Mm]",
            Some('z') => r"[+-]\d\d:?\d\d",
            Some('Z') => r"\w+",
            Some('s') => r"\d{9,11}",
            Some('F') => r"\d{4}-\d\d-\d\d",
            Some('T') => r"\d\d:\d\d:\d\d",
            Some('%') => "%",
            _ => ".*?",
        });
    }
    expression
}

/// Whether lines of this format are read right without it: a line is made of it and read.
fn is_known(format: &str, date: &str, instance: &str) -> bool {
    let shown = |name: &str| match name {
        "asctime" => jiff::civil::date(2026, 11, 24)
            .at(10, 31, 38, 0)
            .to_zoned(TimeZone::UTC)
            .map_or_else(|_| String::new(), |time| time.strftime(date).to_string()),
        "msecs" => "222".into(),
        "process" => "258".into(),
        "levelname" => "ERROR".into(),
        "name" => "nova.compute.manager".into(),
        "global_request_id" => "None".into(),
        "request_id" => "req-1".into(),
        "user_identity" => "u p - - - -".into(),
        "user" | "user_id" | "user_name" => "u".into(),
        "project" | "project_id" | "project_name" => "p".into(),
        "instance" | "resource" => instance.replace("%(uuid)s", "4f2a"),
        "message" => "the message".into(),
        _ => String::new(),
    };
    let mut line = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once("%(") {
        line.push_str(before);
        let Some((name, after)) = after.split_once(')') else { return false };
        let end = after.find(|c: char| c.is_ascii_alphabetic()).map_or(after.len(), |at| at + 1);
        line.push_str(&shown(name));
        rest = &after[end..];
    }
    line.push_str(rest);
    let line = head::without_colours(&line);
    let Some(read) = framed::parse(&line, &TimeZone::UTC.into()) else { return false };
    let has = |name: &str| format.contains(&format!("%({name})"));
    let is_time_right =
        !has("asctime") || read.time.is_some_and(|time| time.to_string().starts_with("2026-11-24T10:31:38"));
    let message = &line[read.message..];
    is_time_right
        && read.level == Some(super::level::Level::Error)
        && (!has("process") || read.pid == Some(258))
        && (!has("name") || read.logger == Some("nova.compute.manager"))
        && (!has("request_id") || read.context.request_id == Some("req-1"))
        && (!(has("instance") || has("resource")) || read.instance == Some("4f2a"))
        && (!has("message") || message.starts_with("the message"))
        && (has("message") || message.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::assemble::Assembler;
    use super::super::record::Record;
    use super::*;

    fn config(lines: &[&str]) -> String {
        format!("[DEFAULT]\n{}\n", lines.join("\n"))
    }

    fn records(formats: &Arc<Formats>, text: &str) -> Vec<Record> {
        let mut assembler =
            Assembler::new("cmp1", "x.log", TimeZone::UTC).with_formats(Some(Arc::clone(formats)));
        let mut out = vec![];
        assembler.push(text.as_bytes(), &mut out);
        assembler.finish(&mut out);
        out
    }

    #[test]
    fn what_is_known_needs_no_translation() {
        assert!(Formats::of_config("[DEFAULT]\ndebug = true\n").is_none());
        assert!(Formats::of_config(&config(&[&format!("{} = {}", DEFAULTS[0].0, DEFAULTS[0].1)])).is_none());
        // devstack's, as its functions write them.
        let devstack = config(&[
            "logging_context_format_string = %(color)s%(levelname)s %(name)s [\u{1b}[01;36m%(global_request_id)s %(request_id)s \u{1b}[00;36m%(project_name)s %(user_name)s%(color)s] \u{1b}[01;35m%(instance)s%(color)s%(message)s\u{1b}[00m",
            "logging_default_format_string = %(color)s%(levelname)s %(name)s [\u{1b}[00;36m-%(color)s] \u{1b}[01;35m%(instance)s%(color)s%(message)s\u{1b}[00m",
            "logging_exception_prefix = ERROR %(name)s \u{1b}[01;35m%(instance)s\u{1b}[00m",
        ]);
        assert!(Formats::of_config(&devstack).is_none());
    }

    #[test]
    fn a_form_of_one_s_own() {
        let formats = Formats::of_config(&config(&[
            "log_date_format = %d/%b/%Y %H:%M:%S",
            "logging_context_format_string = %(levelname)-8s|%(asctime)s,%(msecs)03d|%(name)s|%(process)d|%(request_id)s|%(user_id)s|%(project_id)s| %(instance)s%(message)s",
            "logging_default_format_string = %(levelname)-8s|%(asctime)s,%(msecs)03d|%(name)s|%(process)d|||| %(instance)s%(message)s",
            "logging_exception_prefix = ERROR   |%(asctime)s,%(msecs)03d|%(name)s|%(process)d| %(instance)s",
        ]))
        .expect("a form of its own");
        let text = "\
INFO    |24/Nov/2026 10:31:38,222|nova.service|7|||| Starting\n\
ERROR   |24/Nov/2026 10:31:39,223|nova.compute.manager|7|req-1|u1|p1| [instance: 4f2a] Failed to build\n\
ERROR   |24/Nov/2026 10:31:39,223|nova.compute.manager|7| [instance: 4f2a] Traceback (most recent call last):\n\
ERROR   |24/Nov/2026 10:31:39,223|nova.compute.manager|7| [instance: 4f2a]   File \"a.py\", line 1, in f\n\
ERROR   |24/Nov/2026 10:31:39,223|nova.compute.manager|7| [instance: 4f2a] ValueError: x\n";
        for text in [
            text.to_string(),
            // The same behind syslog's words.
            text.lines().map(|line| format!("Nov 24 10:31:39 cmp1 nova-compute[7]: {line}\n")).collect(),
        ] {
            let records = records(&formats, &text);
            assert_eq!(records.len(), 2, "{records:#?}");
            let failed = &records[1];
            assert_eq!(failed.time.map(|time| time.to_string()).as_deref(), Some("2026-11-24T10:31:39.223Z"));
            assert_eq!((failed.pid, failed.request_id.as_deref()), (Some(7), Some("req-1")));
            assert_eq!((failed.user.as_deref(), failed.project.as_deref()), (Some("u1"), Some("p1")));
            assert_eq!(failed.instance.as_deref(), Some("4f2a"));
            assert_eq!(failed.exception.as_ref().map(|found| found.name.as_str()), Some("ValueError"));
            assert_eq!(failed.message, "Failed to build");
        }
    }

    #[test]
    fn a_form_with_the_message_first_and_a_zone() {
        let formats = Formats::of_config(&config(&[
            "log_date_format = %Y-%m-%dT%H:%M:%S%z",
            "logging_context_format_string = %(asctime)s %(levelname)s %(message)s (%(name)s %(request_id)s)",
            "logging_default_format_string = %(asctime)s %(levelname)s %(message)s (%(name)s)",
            "logging_exception_prefix = %(asctime)s TRACE",
        ]))
        .expect("a form of its own");
        let records = records(
            &formats,
            "2026-11-24T11:31:38+0100 ERROR nova.exception.NoValidHost: none (nova.x req-2)\n",
        );
        assert_eq!(records[0].time.map(|time| time.to_string()).as_deref(), Some("2026-11-24T10:31:38Z"));
        assert_eq!(records[0].logger.as_deref(), Some("nova.x"));
        assert_eq!(records[0].exception.as_ref().map(|found| found.short_name()), Some("NoValidHost"));
        // A line of another form is read as it is.
        let other = "2026-11-24 10:31:38.222 258 INFO nova.service [-] Starting\n";
        let read = super::tests::records(&formats, other);
        assert_eq!((read[0].pid, read[0].logger.as_deref()), (Some(258), Some("nova.service")));
        assert_eq!(read[0].text, other.trim_end());
    }
}
