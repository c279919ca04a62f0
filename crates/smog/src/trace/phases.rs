//! From what was collected to the trace: the begin, the end, and the phases between without holes.

use jiff::{SignedDuration, Timestamp};

use super::collect::{Called, Collector};
use super::gaps::{self, Silence};
use super::{ApiCall, LockWait, Phase, Spawned, Trace, TracedEvent, Trouble, spans, steps};
use crate::cloud::Action;
use crate::watch::Level;

/// Where a phase begins.
struct Begin {
    at: Timestamp,
    host: String,
    service: String,
    name: String,
    waits: &'static str,
}

pub(super) fn trace(mut of: Collector) -> Trace {
    of.marks.sort_by_key(|mark| mark.at);
    of.calls.sort_by_key(|call| call.end);
    lengths_of_uwsgi(&mut of);
    let mut trace = Trace {
        request_id: of.known.request_id.clone(),
        guest: of.known.guest.clone(),
        clocks: of.clocks.clone(),
        records: of.records,
        notes: of.known.notes.clone(),
        ..Trace::default()
    };
    let action = of.known.action.clone();
    trace.events = action.as_ref().map(events).unwrap_or_default();
    let api = of.calls.iter().find(|call| call.direct && call.service == "nova-api").cloned();
    what_and_outcome(&mut trace, action.as_ref(), api.as_ref(), &of);
    let Some((begun, ended)) = bounds(&mut trace, &of, action.as_ref(), api.as_ref()) else {
        trace.notes.push("no record and no event of it was found".into());
        return trace;
    };
    trace.begun = Some(begun);
    trace.length_us = since(begun, ended);
    let begins = begins(begun, ended, &of, &trace.events, api.as_ref());
    trace.phases = phases(begun, ended, &begins);

    let waits = spans::waits(&of.marks);
    let spans = spans::spans(&of.marks, &of.calls, &waits, &of.held);
    let silences: Vec<Silence> =
        begins.iter().map(|begin| Silence { at: begin.at, waits: begin.waits }).collect();
    trace.gaps = gaps::gaps(begun, ended, &of, &spans, &silences);
    trace.calls = of.calls.iter().map(|call| api_call(begun, call)).collect();
    trace.spawned = spawned(&of);
    trace.locks = waits
        .iter()
        .map(|waited| LockWait {
            at_us: since(begun, waited.at),
            waited_us: waited.us,
            lock: waited.lock.clone(),
            by: waited.by.clone(),
            held_by: spans::holder(waited, &of.held).map(|held| held.by.clone()),
            host: waited.host.clone(),
        })
        .collect();
    let troubles = of.met.iter().map(|met| Trouble {
        at_us: since(begun, met.at),
        kind: met.kind.into(),
        host: met.host.clone(),
        service: met.service.clone(),
        text: met.text.clone(),
    });
    trace.troubles = troubles.collect();
    trace.troubles.sort_by_key(|trouble| trouble.at_us);
    doubts(&mut trace, &of, api.as_ref());
    trace
}

fn since(begun: Timestamp, at: Timestamp) -> i64 {
    at.as_microsecond() - begun.as_microsecond()
}

/// A call whose service logs no length has it from uWSGI's line of the same process.
fn lengths_of_uwsgi(of: &mut Collector) {
    for call in of.calls.iter_mut().filter(|call| call.access.length_us.is_none()) {
        let found = of.uwsgi.iter_mut().find(|line| {
            let apart = call.end.duration_since(line.at).as_secs();
            !line.taken
                && line.host == call.host
                && line.pid == call.pid
                && line.access.method == call.access.method
                && line.access.path == call.access.path
                && line.access.bytes == call.access.bytes
                && (-1..=60).contains(&apart)
        });
        if let Some(line) = found {
            line.taken = true;
            call.access.length_us = line.access.length_us;
        }
    }
}

fn events(action: &Action) -> Vec<TracedEvent> {
    let mut events: Vec<TracedEvent> = action
        .events
        .iter()
        .map(|event| TracedEvent {
            event: event.event.clone(),
            host: event.host.clone(),
            began: event.began(),
            ended: event.ended(),
            result: event.result.clone(),
        })
        .collect();
    events.sort_by_key(|event| (event.began, event.ended));
    events
}

fn what_and_outcome(trace: &mut Trace, action: Option<&Action>, api: Option<&Called>, of: &Collector) {
    let call = api.map(|call| format!("{} {}", call.access.method, call.access.path));
    trace.what = match (action, call) {
        (Some(action), _) => action.action.clone(),
        (None, Some(call)) => call,
        (None, None) => "request".into(),
    };
    if let Some(action) = action {
        trace.fault = action.failure();
        trace.outcome = match (&trace.fault, action.is_under_way()) {
            (Some(_), _) => "error",
            (None, true) => "under way",
            (None, false) => "success",
        }
        .into();
        return;
    }
    // What the API did all by itself is over with its answer.
    let is_alone = of.marks.iter().all(|mark| !mark.own || mark.service == "nova-api");
    trace.outcome = match api.map(|call| call.access.status) {
        Some(400..) => "error",
        Some(200 | 201 | 204) if is_alone => "success",
        _ if of.met.iter().any(|met| met.service.starts_with("nova")) => "error",
        _ => "unknown",
    }
    .into();
}

/// The begin and the end, as exactly as they are known.
fn bounds(
    trace: &mut Trace,
    of: &Collector,
    action: Option<&Action>,
    api: Option<&Called>,
) -> Option<(Timestamp, Timestamp)> {
    let own = || of.marks.iter().filter(|mark| mark.own);
    let first = own().map(|mark| mark.at).chain(of.calls.iter().map(Called::start)).min();
    let last = own().map(|mark| mark.at).chain(of.calls.iter().map(|call| call.end)).max();
    let ordered = action.and_then(Action::began);
    let begun = match (first, ordered) {
        (Some(first), Some(ordered)) if api.is_none() => first.min(ordered),
        (Some(first), _) => first,
        (None, ordered) => ordered?,
    };
    if api.is_none() {
        let why = match ordered {
            Some(_) => {
                "no record of the API call was found: the begin is Nova's action record, in whole seconds"
            }
            None => "no record of the API call was found: the begin is the first record of another service",
        };
        trace.notes.push(why.into());
    }
    let mut ended = last.unwrap_or(begun);
    if let Some(action) = action {
        let second = SignedDuration::from_secs(1);
        let over = action.events.iter().filter_map(|event| event.ended()).max();
        let is_under_way = action.is_under_way();
        // Some of what a driver logs bears no request id. It counts until Nova says it is over.
        let until = match (is_under_way, over) {
            (true, _) => of.known.asked_at,
            (false, over) => over.map(|over| over + second),
        };
        let aside = of.marks.iter().filter(|mark| !mark.own && steps::begins(mark).is_some());
        let aside = aside.map(|mark| mark.at).filter(|at| until.is_some_and(|until| *at <= until)).max();
        ended = ended.max(aside.unwrap_or(ended));
        match (is_under_way, of.known.asked_at) {
            (true, Some(now)) if now > ended => {
                trace.notes.push("it is still running: the last phase continues until now".into());
                ended = now;
            }
            _ => {}
        }
        if let Some(over) = over.filter(|over| !is_under_way && *over > ended + second) {
            trace.notes.push(
                "its last phase was not logged: the end is Nova's action record, in whole seconds".into(),
            );
            ended = over;
        }
    }
    Some((begun, ended.max(begun)))
}

fn begins(
    begun: Timestamp,
    ended: Timestamp,
    of: &Collector,
    events: &[TracedEvent],
    api: Option<&Called>,
) -> Vec<Begin> {
    let mut begins: Vec<Begin> = Vec::new();
    let mut push = |at, host: &str, service: &str, name: String, waits| {
        begins.push(Begin { at, host: host.into(), service: service.into(), name, waits });
    };
    for mark in &of.marks {
        if let Some(begin) = steps::begins(mark) {
            push(mark.at, &mark.host, &mark.service, begin.name, begin.waits);
        }
    }
    let first_compute =
        of.marks.iter().filter(|mark| mark.service == "nova-compute").map(|mark| mark.at).min();
    let is_before_compute = |at: Timestamp| first_compute.is_none_or(|first| at <= first);
    let placement = || of.calls.iter().filter(|call| call.service.starts_with("placement"));
    let candidates = placement().find(|call| call.access.path.starts_with("/allocation_candidates"));
    if let Some(call) = candidates {
        push(
            call.start(),
            &call.host,
            &call.service,
            "scheduling: candidates of placement".into(),
            "placement",
        );
        push(call.end, &call.host, &call.service, "scheduling: filters and claim".into(), "the scheduler");
    }
    let claim = placement().find(|call| {
        call.access.method == "PUT"
            && call.access.path.starts_with("/allocations/")
            && call.access.status < 300
            && is_before_compute(call.end)
    });
    if let Some(call) = claim {
        push(call.end, &call.host, &call.service, "claimed; to the compute".into(), "RPC to the compute");
    }
    if let Some(call) = api {
        let name = format!("API: {} {}", call.access.method, short_path(&call.access.path));
        push(call.start(), &call.host, &call.service, name, "the API: database, glance, neutron, RPC");
        // Where others are at work already, its answer ends nothing.
        let is_first = of.marks.iter().all(|mark| mark.service == "nova-api" || mark.at >= call.end)
            && candidates.is_none_or(|candidates| candidates.start() >= call.end);
        if is_first {
            let name = format!("the API has answered {}; to the next service", call.access.status);
            push(call.end, &call.host, &call.service, name, "RPC");
        }
    }
    for event in events {
        let (Some(began), Some(host)) = (event.began, &event.host) else { continue };
        let second = SignedDuration::from_secs(1);
        let until = event.ended.unwrap_or(began) + second + second;
        let is_logged =
            of.marks.iter().any(|mark| mark.host == *host && mark.at >= began - second && mark.at <= until);
        if !is_logged {
            push(began, host, "nova", format!("{} (Nova's action record)", event.event), "not logged");
        }
    }
    begins.retain(|begin| begin.at >= begun && begin.at <= ended);
    begins.sort_by_key(|begin| begin.at);
    begins.dedup_by(|next, before| {
        next.name == before.name && next.host == before.host && next.service == before.service
    });
    if begins.first().is_none_or(|first| first.at > begun) {
        let (host, service) = match of.marks.iter().find(|mark| mark.own) {
            Some(mark) => (mark.host.clone(), mark.service.clone()),
            None => Default::default(),
        };
        let name = "until the first step that is known".into();
        begins.insert(0, Begin { at: begun, host, service, name, waits: "not logged" });
    }
    begins
}

/// The phases between the begins: each goes on to the next one, the last one to the end.
fn phases(begun: Timestamp, ended: Timestamp, begins: &[Begin]) -> Vec<Phase> {
    let ends = begins.iter().skip(1).map(|next| next.at).chain([ended]);
    let mut phases: Vec<Phase> = begins
        .iter()
        .zip(ends)
        .map(|(begin, end)| Phase {
            at_us: since(begun, begin.at),
            length_us: since(begin.at, end),
            host: begin.host.clone(),
            service: begin.service.clone(),
            name: begin.name.clone(),
            critical: false,
        })
        .collect();
    if phases.len() > 1 {
        phases.retain(|phase| phase.length_us > 0);
    }
    if let Some(longest) = phases.iter_mut().rev().max_by_key(|phase| phase.length_us) {
        longest.critical = true;
    }
    phases
}

/// A path without its version, and with the first part of each id: it is in the head already.
fn short_path(path: &str) -> String {
    let path = path.split('?').next().unwrap_or(path);
    let is_version = |part: &str| {
        part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let is_id = |part: &str| part.len() == 36 && part.bytes().filter(|byte| *byte == b'-').count() == 4;
    let parts = path.split('/').enumerate().filter(|(at, part)| !(*at == 1 && is_version(part)));
    let parts: Vec<String> = parts
        .map(|(_, part)| if is_id(part) { format!("{}…", &part[..8]) } else { part.to_string() })
        .collect();
    parts.join("/")
}

fn api_call(begun: Timestamp, call: &Called) -> ApiCall {
    ApiCall {
        at_us: since(begun, call.start()),
        length_us: call.access.length_us,
        service: call.service.clone(),
        method: call.access.method.clone(),
        path: call.access.path.clone(),
        status: call.access.status,
        request_id: call.request_id.clone(),
        client: call.access.client.clone(),
        bytes: call.access.bytes,
    }
}

fn spawned(of: &Collector) -> Vec<Spawned> {
    let spawned = of.spawned.iter().map(|(id, (services, records))| Spawned {
        request_id: id.clone(),
        services: services.iter().cloned().collect(),
        records: *records,
    });
    spawned.collect()
}

/// What the reader should know before believing it.
fn doubts(trace: &mut Trace, of: &Collector, api: Option<&Called>) {
    let nova = || of.marks.iter().filter(|mark| mark.own && mark.service.starts_with("nova"));
    if nova().next().is_none() && !of.calls.is_empty() && trace.outcome != "success" {
        trace.notes.push("no record of Nova's services was found, only calls of APIs".into());
    }
    if nova().next().is_some() && nova().all(|mark| mark.level != Some(Level::Debug)) {
        trace.notes.push(
            "the services log no DEBUG: the phases are coarse, and locks and commands are not seen \
             (`[DEFAULT]debug = True` of nova.conf shows them)"
                .into(),
        );
    }
    let off: Vec<String> = of
        .clocks
        .iter()
        .filter(|(_, ahead)| ahead.abs() >= 0.5)
        .map(|(host, ahead)| format!("{host} {ahead:+.1} s"))
        .collect();
    if of.clocks.is_empty() {
        trace
            .notes
            .push("the hosts' clocks were not measured: phases across hosts are as exact as they are".into());
    } else if !off.is_empty() {
        trace
            .notes
            .push(format!("clocks are off, and their records were put right by it: {}", off.join(", ")));
    }
    // A compute cannot be at work before the API was asked.
    if let Some(api) = api
        && let Some(early) = nova().filter(|mark| mark.host != api.host).min_by_key(|mark| mark.at)
        && early.at < api.start()
    {
        let by = since(early.at, api.start()) as f64 / 1e6;
        let (early, api) = (&early.host, &api.host);
        trace.notes.push(format!("the clock of {early} is at least {by:.3} s behind that of {api}"));
    }
}
