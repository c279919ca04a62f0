//! A trace from saved logs. No cloud is asked, so there is no action record: what was done to a
//! guest is known by what the services say of it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use jiff::Timestamp;

use super::live::{AFTER, BEFORE, Look};
use super::{Collector, Known, Trace, TracedGuest};
use crate::error::{Error, Result};
use crate::watch::{Filter, ReadUp, Record, Saved};

/// What the services say when they begin something.
const ACTIONS: &[(&str, &str)] = &[
    ("Starting instance...", "create"),
    ("Creating image(s)", "create"),
    ("Rebooting instance", "reboot"),
    ("Terminating instance", "delete"),
    ("pre_live_migration", "live-migration"),
    ("Migration operation has completed", "live-migration"),
    ("Beginning live snapshot", "createImage"),
    ("Beginning cold snapshot", "createImage"),
];

/// A request that did something to a guest.
#[derive(Debug, Clone, Default)]
struct Acted {
    first: Option<Timestamp>,
    what: Option<&'static str>,
}

impl Trace {
    /// A request ("req-…"), or what was done to a guest (its UUID, or its name where a record
    /// says it), from saved logs: the newest, or the newest of this kind ("create", "reboot" …).
    /// And what could not be read.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a request, a guest or an action that no record knows; otherwise as
    /// [`Saved::read`].
    pub fn of_saved(saved: &Saved, of: &str, action: Option<&str>) -> Result<(Trace, ReadUp)> {
        let mut known = Known::default();
        known.notes.push("from saved logs: Nova's action record is not known".into());
        known.request_id = match of.starts_with("req-") {
            true => of.to_string(),
            false => acted(saved, of, action, &mut known)?,
        };
        let mut look = Look::default();
        let of_request = Filter { requests: vec![known.request_id.clone()], ..Filter::default() };
        saved.read(&of_request, |record| {
            look.at(&record, &known.request_id);
            ControlFlow::Continue(())
        })?;
        let (Some(first), Some(last)) = (look.first, look.last) else {
            return Err(Error::NotFound {
                what: "request in these logs".into(),
                name: known.request_id,
                near: vec![],
            });
        };
        if known.guest.is_none() {
            known.guest = look.guest.map(|id| TracedGuest { id, ..TracedGuest::default() });
        }
        let mut collector = Collector::new(known);
        let around = Filter { since: Some(first - BEFORE), until: Some(last + AFTER), ..Filter::default() };
        let up = saved.read(&around, |record| {
            collector.push(&record);
            ControlFlow::Continue(())
        })?;
        let mut trace = collector.trace();
        let unread = up.troubles.iter().filter(|trouble| trouble.is_unread());
        trace.unread = unread.map(|trouble| trouble.text()).collect();
        Ok((trace, up))
    }
}

/// The request that did this to a guest last.
fn acted(saved: &Saved, asked: &str, action: Option<&str>, known: &mut Known) -> Result<String> {
    let mut filter = Filter::default();
    saved.only_guest(&mut filter, asked)?;
    let id = filter.guest.clone().unwrap_or_else(|| asked.to_string());
    let mut found: BTreeMap<String, Acted> = BTreeMap::new();
    saved.read(&filter, |record| {
        take(&mut found, &record, &id);
        ControlFlow::Continue(())
    })?;
    known.guest = Some(TracedGuest { id, ..TracedGuest::default() });
    let mut acts: Vec<(String, Acted)> = found.into_iter().filter(|(_, act)| act.what.is_some()).collect();
    acts.sort_by_key(|(_, act)| std::cmp::Reverse(act.first));
    let is_meant = |act: &Acted| action.is_none_or(|asked| act.what == Some(asked));
    let Some((request, _)) = acts.iter().find(|(_, act)| is_meant(act)) else {
        let mut near: Vec<String> = acts.iter().filter_map(|(_, act)| act.what.map(str::to_string)).collect();
        near.sort();
        near.dedup();
        let what = format!("action of guest `{asked}` in these logs");
        return Err(Error::NotFound { what, name: action.unwrap_or("any").into(), near });
    };
    known.others = acts.iter().map(|(other, _)| other.clone()).filter(|other| other != request).collect();
    Ok(request.clone())
}

fn take(found: &mut BTreeMap<String, Acted>, record: &Record, guest: &str) {
    let Some(request) = &record.request_id else { return };
    let message = record.message.as_str();
    let said = ACTIONS.iter().find(|(words, _)| message.contains(words)).map(|(_, what)| *what);
    let ordered = (message.contains("\"DELETE ") && message.contains(&format!("/servers/{guest}\"")))
        .then_some("delete");
    let act = found.entry(request.clone()).or_default();
    act.first = act.first.into_iter().chain(record.time).min();
    act.what = act.what.or(said).or(ordered);
}
