//! In what form a log is: found by its first lines, then kept.
//!
//! What services write themselves (`Native`) is read as it stands. What another program put
//! around it is taken off first: the lines of containers' engines, JSON, `grep -H`.

mod found;

use std::borrow::Cow;

use self::found::Found;
use super::clock::Clock;
use super::head::{self, Kind};
use super::json_form::{self, Outer};
use super::{framed, stamp};

/// The form of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// No line was met that says it.
    #[default]
    Unknown,
    /// The services' own.
    Native,
    /// syslog's, `journalctl`'s, or only a time, on every line; devstack's lines without a time.
    Framed,
    /// The lines of containers' logs on a node: `TIME stdout F message`.
    Container,
    /// One JSON object per line.
    Json,
    /// The same words before every line: a file's name, a pod's, an indentation.
    Prefixed(Prefix),
    /// Words of an unknown kind before every line.
    Behind(Found),
}

/// What stands before every line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prefix {
    /// Only space.
    Space(usize),
    /// A word that ends like this; with `grep -n` a number and another of it follow.
    Word(&'static str),
}

/// A line, without what was around it.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// To be read as one of the services' own forms.
    Native,
    /// To be read with [`framed::parse`].
    Framed(Cow<'a, str>),
    /// An entry whose envelope says more than its lines.
    Entry(Box<Outer>, String),
    /// A piece of a line whose other pieces follow.
    Part(String),
    /// A record, whole.
    Whole(String),
}

impl Form {
    /// Whether lines are as the services write them.
    pub(super) fn is_native(&self) -> bool {
        *self == Form::Native
    }

    /// Take off what is around a line; the first lines decide the form.
    pub(super) fn line<'a>(&mut self, text: &'a str, clock: &Clock) -> Line<'a> {
        if *self == Form::Unknown {
            *self = Form::of(text, clock);
        }
        match self {
            Form::Native => Line::Native,
            Form::Unknown => Line::Framed(text.into()),
            Form::Framed => Line::Framed(unescaped(text, clock)),
            Form::Container => json_form::container_line(text).unwrap_or(Line::Framed(text.into())),
            Form::Json => json_form::line(text).unwrap_or(Line::Framed(text.into())),
            Form::Prefixed(prefix) => {
                let rest = prefix.length(text).map_or(text, |length| &text[length..]);
                json_form::container_line(rest)
                    .or_else(|| json_form::line(rest))
                    .unwrap_or_else(|| Line::Framed(unescaped(rest, clock)))
            }
            Form::Behind(found) => Line::Framed(found.without(text, clock)),
        }
    }

    /// What a line says of the form.
    fn of(text: &str, clock: &Clock) -> Form {
        if json_form::container_line(text).is_some() {
            return Form::Container;
        }
        if json_form::line(text).is_some() {
            return Form::Json;
        }
        match head::parse(text, clock) {
            // Without a process (devstack's form, behind a container's time) the further lines of a
            // record may have other times.
            Some(head) if !head.weak && head.time.is_some() && !head.is_oslo_without_process() => {
                return Form::Native;
            }
            _ => {}
        }
        if let Some(head) = framed::parse(text, clock) {
            // Only a time says nothing of what stands between it and a service's own head.
            let is_only_time = head.weak && head.kind == Kind::Dated;
            let behind = is_only_time.then(|| Found::of(text, clock)).flatten();
            return behind.map_or(Form::Framed, Form::Behind);
        }
        let prefixes = [
            Prefix::Space(indentation(text)),
            Prefix::Word("] "),
            Prefix::Word("| "),
            Prefix::Word(":"),
            Prefix::Word("> "),
        ];
        let has_head = |prefix: &Prefix| {
            let rest = prefix.length(text).filter(|length| *length > 0).map(|length| &text[length..]);
            rest.is_some_and(|rest| {
                framed::parse(rest, clock).is_some()
                    || json_form::container_line(rest).is_some()
                    || json_form::line(rest).is_some()
            })
        };
        let prefixed = prefixes.into_iter().find(has_head).map(Form::Prefixed);
        prefixed.or_else(|| Found::of(text, clock).map(Form::Behind)).unwrap_or_default()
    }
}

fn indentation(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

impl Prefix {
    /// How long it is in this line.
    fn length(&self, text: &str) -> Option<usize> {
        match self {
            Prefix::Space(width) => Some(indentation(text).min(*width)),
            Prefix::Word("] ") => text.starts_with('[').then(|| text.find("] ").map(|at| at + 2))?,
            // Mail quotes: `> > line`.
            Prefix::Word("> ") => {
                let rest = text.trim_start_matches(['>', ' ']);
                text.starts_with('>').then_some(text.len() - rest.len())
            }
            Prefix::Word("| ") => {
                let at = text.find("| ").or_else(|| text.ends_with('|').then(|| text.len() - 1))?;
                let name = text[..at].trim_end();
                let is_name = !name.is_empty() && !name.contains(' ') && at < 80;
                is_name.then_some((at + 2).min(text.len()))
            }
            Prefix::Word(end) => {
                // grep's: the path may hold anything but its end; `path:12:` with -n. Lines of
                // context have `-` in its place.
                let at = text.find(end)?;
                let path = &text[..at];
                if path.is_empty() || path.contains(' ') || !path.contains(['.', '/']) {
                    return None;
                }
                let mut length = at + end.len();
                let digits = text[length..].bytes().take_while(u8::is_ascii_digit).count();
                // `12:` is a line's number, `2026-…` a time; a clock is no number of a line.
                if digits > 0 && text[length + digits..].starts_with(end) {
                    length += digits + end.len();
                }
                Some(length)
            }
        }
    }
}

/// rsyslog's escapes undone, where a line is one of syslog's.
fn unescaped<'a>(text: &'a str, clock: &Clock) -> Cow<'a, str> {
    if !text.contains('#') || stamp::framing(text.trim_start_matches(['<', '>', '\0']), clock).is_none() {
        return text.into();
    }
    match framed::unescaped(text) {
        Some(plain) => Cow::Owned(head::without_colours(&plain)),
        None => text.into(),
    }
}
