//! A record that may go on: its lines so far, and what belongs to it.

use crate::watch::exception;
use crate::watch::head::{Head, Kind};
use crate::watch::json_form::Outer;
use crate::watch::level::Level;

use super::LONGEST_RECORD;

/// After that, so many bytes of a traceback are still kept.
const LONGEST_TAIL: usize = 256 << 10;

/// The longest line of a traceback behind what was cut.
const LONGEST_TAIL_LINE: usize = 16 << 10;

/// A record that may go on.
#[derive(Debug)]
pub(in crate::watch) struct Open {
    /// Where its first line begins.
    pub(in crate::watch) first: u64,
    pub(in crate::watch) pid: Option<u32>,
    pub(in crate::watch) logger: String,
    pub(in crate::watch) level: Option<Level>,
    pub(in crate::watch) time: Option<jiff::Timestamp>,
    /// The form of its first line.
    pub(in crate::watch) kind: Option<Kind>,
    /// Inside a traceback: lines without a head belong to it whatever the log's form.
    pub(super) in_traceback: bool,
    /// There was a traceback: a chain may go on.
    pub(super) had_traceback: bool,
    pub(in crate::watch) text: String,
    pub(super) lines: usize,
    pub(super) cut: u64,
    /// Lines of a traceback behind what was cut.
    pub(super) tail: String,
    /// For a line that is read with [`framed::parse`]: what was before it.
    pub(super) around: Option<Box<Around>>,
}

/// What was around the first line of a record.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// Lines of one record have the same.
    pub(super) stream: String,
    /// The host it names.
    pub(super) host: Option<String>,
    /// How much `journalctl` indents further lines of an entry.
    pub(super) indent: usize,
    pub(super) outer: Option<Outer>,
}

impl Open {
    pub(super) fn at(first: u64) -> Open {
        Open {
            first,
            pid: None,
            logger: String::new(),
            level: None,
            time: None,
            kind: None,
            in_traceback: false,
            had_traceback: false,
            text: String::new(),
            lines: 0,
            cut: 0,
            tail: String::new(),
            around: None,
        }
    }

    /// Whether an expression matches in its text, or in what was kept of a traceback behind it.
    pub(in crate::watch) fn holds(&self, expression: &regex::bytes::Regex) -> bool {
        expression.is_match(self.text.as_bytes()) || expression.is_match(self.tail.as_bytes())
    }

    /// Whether more lines of it must come.
    pub(super) fn is_begun(&self) -> bool {
        self.in_traceback || (self.text.starts_with(exception::IGNORED) && !self.had_traceback)
    }

    /// Whether a line of the same process, with a time but no head of its own, goes on with this.
    pub(super) fn takes(&self, message: &str, head: &Head<'_>) -> bool {
        let begins = message.starts_with(exception::TRACEBACK);
        let is_chain = message.starts_with("During handling of the above exception")
            || message.starts_with("The above exception was the direct cause")
            || message.starts_with(": ");
        if self.in_traceback || message.starts_with([' ', '\t']) || (self.had_traceback && is_chain) {
            return true;
        }
        match self.kind {
            // The further lines of a message; what the interpreter itself says is no part of it.
            Some(Kind::Oslo | Kind::OsloMore) => {
                !(message.starts_with(exception::IGNORED) || begins && self.level < Some(Level::Warning))
            }
            _ => {
                begins
                    && !self.had_traceback
                    && self.level == head.level
                    && exception::leads_to_one(&self.text)
            }
        }
    }
}

/// Put a line behind the others, as far as there is room; `message` is the line without its head.
pub(super) fn add(open: &mut Open, line: &str, message: &str, cut: u64) {
    let was_in = open.in_traceback;
    open.in_traceback = goes_on(was_in, message);
    open.had_traceback |= open.in_traceback;
    open.cut += cut;
    let needed = line.len() + usize::from(open.lines > 0);
    // What was cut stays cut: later lines must not stand where others are missing. Only a
    // traceback does, or its exception would be lost.
    if open.lines > 0 && (open.cut > cut || open.text.len() + needed > LONGEST_RECORD) {
        let is_last = was_in && !open.in_traceback;
        let room = if is_last { 2 * LONGEST_TAIL } else { LONGEST_TAIL };
        let mut kept = 0;
        if (was_in || open.in_traceback) && open.tail.len() < room {
            let short = &line[..line.floor_char_boundary(LONGEST_TAIL_LINE)];
            open.tail.push('\n');
            open.tail.push_str(short);
            kept = short.len() + 1;
        }
        open.cut += (needed - kept) as u64;
        return;
    }
    if open.lines > 0 {
        open.text.push('\n');
    }
    open.lines += 1;
    open.text.push_str(line);
}

/// Whether a traceback goes on behind this line.
pub(in crate::watch) fn goes_on(inside: bool, message: &str) -> bool {
    if message.starts_with("Traceback (most recent call last)")
        || message.starts_with("During handling of the above exception")
        || message.starts_with("The above exception was the direct cause")
    {
        return true;
    }
    // The line that names the exception ends it, until a chain begins.
    inside && (message.is_empty() || message.starts_with([' ', '\t']))
}
