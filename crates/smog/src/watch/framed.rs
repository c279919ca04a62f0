//! Heads behind heads: what syslog, `journalctl` or a container's engine put before the line
//! of a service that has a head of its own.

use super::clock::Clock;

use super::head::{self, Context, Frame, Head, Kind};
use super::level::Level;
use super::stamp;

/// So many programs may have put something before a line.
const DEEPEST: usize = 3;

/// Read the heads of a line; none when the line has none.
pub(super) fn parse<'a>(line: &'a str, clock: &Clock) -> Option<Head<'a>> {
    at_depth(line, clock, 0)
}

fn at_depth<'a>(line: &'a str, clock: &Clock, depth: usize) -> Option<Head<'a>> {
    let own = head::parse(line, clock).or_else(|| head::undated(line));
    if own.as_ref().is_some_and(|head| !head.weak) {
        return own;
    }
    let Some(outer) = outer(line, clock) else { return own };
    if depth + 1 < DEEPEST
        && let Some(inner) = line.get(outer.message..).and_then(|rest| at_depth(rest, clock, depth + 1))
    {
        return Some(Head {
            time: stamp::surer(outer.time, inner.time),
            pid: inner.pid.or(outer.pid),
            level: inner.level.or(outer.level),
            message: outer.message + inner.message,
            frame: outer.frame.or(inner.frame),
            ..inner
        });
    }
    Some(outer)
}

/// `Nov 24 10:31:40.123456 host program[pid]: …`, `<11>1 2026-11-24T10:31:40Z host program pid - - …`,
/// or only a time.
fn outer<'a>(line: &'a str, clock: &Clock) -> Option<Head<'a>> {
    let start = line.len() - line.trim_start_matches('\0').len();
    let (level, at) =
        priority(&line[start..]).map_or((None, start), |(level, length)| (level, start + length));
    let is_new = line[at..].starts_with("1 ") && at > start;
    let at = if is_new { at + 2 } else { at };
    let stamp = stamp::framing(&line[at..], clock)?;
    let from = at + stamp.length;
    let rest = line.get(from..)?.strip_prefix(' ').or_else(|| line[from..].strip_prefix("  "))?;
    let from = line.len() - rest.len();
    let framed =
        |host: Option<&'a str>, stream: &'a str, logger: Option<&'a str>, pid, message: usize| Head {
            kind: Kind::EachLine,
            time: stamp.time,
            pid,
            level,
            logger,
            context: Context::default(),
            instance: None,
            message,
            frame: Some(Frame { stream, host, width: line[..message].chars().count() }),
            weak: true,
        };
    if is_new {
        // RFC 5424: host, program, process, message's id, structured data.
        let mut words = rest.splitn(5, ' ');
        let (host, program, pid, _, tail) =
            (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
        let tail = structured(tail);
        let stream = &rest[..host.len() + 1 + program.len()];
        let host = Some(host).filter(|host| *host != "-");
        return Some(framed(host, stream, Some(program), pid.parse().ok(), line.len() - tail.len()));
    }
    let (first, after) = rest.split_once(' ').unwrap_or((rest, ""));
    // Behind an ISO time `ValueError: x` is a message.
    let is_iso = line.as_bytes()[at].is_ascii_digit();
    if let Some((name, pid)) = program(first).filter(|(_, pid)| pid.is_some() || !is_iso) {
        return Some(framed(None, first, Some(name), pid, line.len() - after.len()));
    }
    if let Some((second, after)) = after.split_once(' ').or((!after.is_empty()).then_some((after, "")))
        && let Some((name, pid)) = program(second)
        && !first.contains(['[', ']', '(', ')', '"', '\'', '<', '>', '='])
    {
        let stream = &rest[..first.len() + 1 + second.len()];
        return Some(framed(Some(first), stream, Some(name), pid, line.len() - after.len()));
    }
    // Only a time: Apache's `%{cu}t`, `podman logs -t`; the console of a Zuul job: `TIME | host | line`.
    if !is_iso {
        return None;
    }
    let name = console_name(rest);
    Some(Head { kind: Kind::Dated, ..framed(None, name, None, None, from + name.len()) })
}

/// What Zuul's console has between the time and the line: `| controller | `, or `| `.
fn console_name(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("| ") else { return "" };
    let named = rest.split_once(" | ").filter(|(name, _)| !name.is_empty() && !name.contains(' '));
    &text[..named.map_or(2, |(name, _)| 2 + name.len() + 3)]
}

/// Where a line begins behind what syslog or `journalctl` put before it.
pub(super) fn behind_frame(line: &str, clock: &Clock) -> Option<usize> {
    outer(line, clock).map(|outer| outer.message).filter(|at| *at > 0)
}

/// `program[123]:` or `program:`
fn program(word: &str) -> Option<(&str, Option<u32>)> {
    let word = word.strip_suffix(':')?;
    let (name, pid) = match word.strip_suffix(']').and_then(|word| word.rsplit_once('[')) {
        Some((name, pid)) => (name, Some(pid.parse().ok()?)),
        None => (word, None),
    };
    let is_name = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.@/()+:".contains(c))
        && name.contains(|c: char| c.is_ascii_alphabetic());
    is_name.then_some((name, pid))
}

/// `<11>`: facility and severity; with its length.
fn priority(text: &str) -> Option<(Option<Level>, usize)> {
    let (number, _) = text.strip_prefix('<')?.split_once('>')?;
    let value: u8 = number.parse().ok().filter(|value| *value < 192)?;
    Some((Some(Level::of_priority(value & 7)), number.len() + 2))
}

/// What is behind RFC 5424's structured data.
fn structured(text: &str) -> &str {
    let rest = match text.strip_prefix('-') {
        Some(rest) => rest,
        None if text.starts_with('[') => text.find("] ").map_or("", |at| &text[at + 1..]),
        None => return text,
    };
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    rest.strip_prefix('\u{feff}').unwrap_or(rest)
}

/// rsyslog writes control characters as `#` and three octal digits: a line end is `#012`.
pub(super) fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let (mut rest, mut found) = (text, false);
    while let Some((before, after)) = rest.split_once('#') {
        plain.push_str(before);
        let digits = after.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) if code < 0x20 || code == 0x7f => {
                plain.push(char::from(code));
                rest = &after[3..];
                found = true;
            }
            _ => {
                plain.push('#');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    found.then_some(plain)
}
