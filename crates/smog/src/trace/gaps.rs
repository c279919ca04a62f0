//! Times in which nothing was logged, and what was waited for in them.

use jiff::Timestamp;

use super::collect::{Called, Collector};
use super::mark::{Mark, cut};
use super::spans::{self, Span};
use super::{GAP_US, Gap, steps};

/// Something that was logged.
struct Point<'a> {
    at: Timestamp,
    /// "host service".
    place: String,
    text: String,
    mark: Option<&'a Mark>,
}

/// A phase as far as a gap needs it: its begin, and what a silence in it waits for.
pub(super) struct Silence {
    pub at: Timestamp,
    pub waits: &'static str,
}

/// The gaps between the begin and the end.
pub(super) fn gaps(
    begun: Timestamp,
    ended: Timestamp,
    of: &Collector,
    spans: &[Span],
    silences: &[Silence],
) -> Vec<Gap> {
    let mut points: Vec<Point<'_>> =
        of.marks.iter().map(point).chain(of.calls.iter().flat_map(ends)).collect();
    let edge = |at, text: &str| Point { at, place: String::new(), text: text.into(), mark: None };
    points.retain(|point| point.at >= begun && point.at <= ended);
    points.sort_by_key(|point| point.at);
    points.insert(0, edge(begun, "the begin"));
    points.push(edge(ended, "the end"));
    let gaps = points.windows(2).filter_map(|two| {
        let (before, after) = (&two[0], &two[1]);
        let length_us = after.at.as_microsecond() - before.at.as_microsecond();
        if length_us <= GAP_US {
            return None;
        }
        let (waited_for, measured) = waited_for(before, after, length_us, spans, silences);
        Some(Gap {
            at_us: before.at.as_microsecond() - begun.as_microsecond(),
            length_us,
            waited_for,
            measured,
            before: named(before),
            after: named(after),
        })
    });
    gaps.collect()
}

fn point(mark: &Mark) -> Point<'_> {
    let place = format!("{} {}", mark.host, mark.service);
    Point { at: mark.at, place, text: spans::words(mark), mark: Some(mark) }
}

/// A call is logged at its end; where its length is known, its begin is known too.
fn ends<'a>(call: &'a Called) -> Vec<Point<'a>> {
    let what = format!("{} {}", call.access.method, cut(&call.access.path, 60));
    let point = |at, word: &str| Point {
        at,
        place: format!("{} {}", call.host, call.service),
        text: format!("{word} {what}"),
        mark: None,
    };
    let end = point(call.end, "answers");
    match call.access.length_us {
        Some(_) => vec![point(call.start(), "is asked"), end],
        None => vec![end],
    }
}

fn named(point: &Point<'_>) -> String {
    match point.place.is_empty() {
        true => point.text.clone(),
        false => format!("{}: {}", point.place, point.text),
    }
}

fn waited_for(
    before: &Point<'_>,
    after: &Point<'_>,
    length_us: i64,
    spans: &[Span],
    silences: &[Silence],
) -> (String, bool) {
    let shared = |span: &Span| {
        let from = span.from.max(before.at).as_microsecond();
        span.to.min(after.at).as_microsecond() - from
    };
    // Of two that cover as much, the shorter one says more.
    let length = |span: &Span| span.to.as_microsecond() - span.from.as_microsecond();
    let covering = spans.iter().filter(|span| shared(span) * 2 >= length_us);
    if let Some(span) = covering.min_by_key(|span| (-(shared(span) * 10 / length_us), length(span))) {
        return (span.name.clone(), true);
    }
    if let Some(mark) = after.mark {
        if mark.message.contains("MessagingTimeout") || mark.message.contains("Timed out waiting for a reply")
        {
            return ("an RPC reply that did not come".into(), true);
        }
        if mark.message.contains("Reconnected to AMQP server") {
            return ("RabbitMQ: the connection is made again".into(), true);
        }
        if let Some(event) = steps::external_event(mark) {
            return (format!("the event {event} of neutron"), false);
        }
        if mark.message.starts_with("starting up libvirt version") {
            return ("libvirt: defining and starting the domain".into(), false);
        }
    }
    let phase = silences.iter().rev().find(|silence| silence.at <= before.at);
    let waits = phase.map(|phase| phase.waits).unwrap_or_default();
    // Only what bears the request's id is a step of it; the rest happens beside it.
    let is_nova =
        |point: &Point<'_>| point.place.contains(" nova-") && point.mark.is_some_and(|mark| mark.own);
    if is_nova(before) && is_nova(after) && before.place != after.place {
        return (format!("RPC from {} to {}", before.place, after.place), false);
    }
    match waits {
        "" => ("not logged".into(), false),
        waits => (waits.to_string(), false),
    }
}
