//! Lines that may have something around them: which record each belongs to.

use super::Assembler;
use super::open::{Around, Open, add};
use crate::watch::framed;
use crate::watch::head::{self, Frame, Head, Kind};
use crate::watch::json_form::Outer;
use crate::watch::stamp;

impl Assembler {
    /// A line that may have something around it; `further`: it is not the first of its entry.
    pub(super) fn framed(
        &mut self,
        text: &str,
        outer: Option<&Outer>,
        further: bool,
        cut: u64,
        out: &mut Vec<Open>,
    ) {
        let clock = self.clock.clone();
        let head = match (framed::parse(text, &clock), outer) {
            (None, None) => return self.bare_framed(text, further, cut, out),
            (None, Some(outer)) => within(outer, None),
            (Some(head), Some(outer)) => within(outer, Some(head)),
            (Some(head), None) => head,
        };
        let message = &text[head.message..];
        let stream = match (outer, head.frame) {
            (Some(outer), _) => outer.stream.as_str(),
            (None, Some(frame)) => frame.stream,
            (None, None) => "",
        };
        let is_near = |open: &Open| match (open.time, head.time) {
            (Some(one), Some(other)) => stamp::near(one, other),
            _ => true,
        };
        // A service's own process id may be another than the one outside of its container.
        let has_own = !head.weak;
        let is_same = |open: &Open| {
            let of = open.around.as_ref().map_or("", |around| around.stream.as_str());
            let is_known = of == stream || (further && outer.is_none());
            is_known && (open.pid == head.pid || further || (!has_own && !stream.is_empty()))
        };
        let logger = head.logger.unwrap_or_default();
        let continues = |open: &Open| match head.kind {
            Kind::Oslo | Kind::Request | Kind::Stamped => false,
            Kind::OsloMore => {
                is_same(open)
                    && open.logger == logger
                    && is_near(open)
                    && matches!(open.kind, Some(Kind::Oslo | Kind::OsloMore))
            }
            Kind::EachLine | Kind::Dated => {
                is_same(open) && is_near(open) && (further || open.takes(message, &head))
            }
        };
        if let Some(at) = self.open.iter().rposition(continues) {
            let mut open = self.open.remove(at);
            add(&mut open, text, message, cut);
            open.time = head.time.or(open.time);
            self.open.push(open);
            return;
        }
        if head.kind == Kind::OsloMore
            && head.time.is_none()
            && self.open.last().is_some_and(|open| open.time.is_some())
        {
            // It looks like a head, in the midst of a message.
            return self.bare_framed(text, further, cut, out);
        }
        out.extend(self.open.extract_if(.., |open| is_same(open) || !is_near(open)));
        let around = Around {
            stream: stream.to_string(),
            host: outer
                .map_or_else(|| head.frame.and_then(|frame| frame.host), |outer| outer.host.as_deref())
                .map(str::to_string),
            indent: head.frame.map_or(0, |frame| frame.width),
            outer: outer.cloned(),
        };
        let mut open =
            Open { logger: logger.to_string(), around: Some(Box::new(around)), ..Open::at(self.line_at) };
        (open.pid, open.level, open.time, open.kind) = (head.pid, head.level, head.time, Some(head.kind));
        add(&mut open, text, message, cut);
        self.begin(open, out);
    }

    /// A line without a head, where heads may have something around them.
    fn bare_framed(&mut self, text: &str, further: bool, cut: u64, out: &mut Vec<Open>) {
        let indent = self.open.last().and_then(|open| open.around.as_ref()).map_or(0, |around| around.indent);
        let is_indented =
            indent > 0 && text.len() > indent && text.bytes().take(indent).all(|byte| byte == b' ');
        if (is_indented || further)
            && let Some(open) = self.open.last_mut()
        {
            // A further line of an entry may have its own head behind journalctl's indentation.
            let line = if is_indented { &text[indent..] } else { text };
            let message = framed::parse(line, &self.clock).map_or(line, |head| &line[head.message..]);
            add(open, line, message, cut);
            return;
        }
        self.bare(text, cut, out);
    }
}

/// The head of a line in an envelope.
fn within<'a>(outer: &'a Outer, inner: Option<Head<'a>>) -> Head<'a> {
    let frame = Some(Frame { stream: &outer.stream, host: outer.host.as_deref(), width: 0 });
    match inner {
        Some(inner) => Head {
            time: stamp::surer(outer.time, inner.time),
            pid: inner.pid.or(outer.pid),
            level: inner.level.or(outer.level),
            frame,
            ..inner
        },
        None => Head {
            kind: Kind::EachLine,
            time: outer.time,
            pid: outer.pid,
            level: outer.level,
            logger: outer.program.as_deref(),
            context: head::Context::default(),
            instance: None,
            message: 0,
            frame,
            weak: true,
        },
    }
}
