//! A trace of a live cloud: Nova's action record, and the logs of all hosts around it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{Collector, Known, Trace, TracedGuest};
use crate::cloud::{Action, Cloud, Server};
use crate::error::{Error, Result};
use crate::guest::Guest;
use crate::watch::{Event, From, LogsWanted, Record, Watch, problem_text};

/// What is to be traced.
#[derive(Debug, Clone, Default)]
pub struct TraceWanted {
    /// A request ("req-…"), or a guest: its name or id; also one that was deleted.
    pub of: String,
    /// Of a guest: which action, by its name ("create", "reboot") or its request; the newest
    /// one, where none is named.
    pub action: Option<String>,
    /// Of a request: how far back it is looked for; none: a day.
    pub since: Option<Timestamp>,
    /// Which hosts and logs are read. `from`, `until` and `follow` are not used.
    pub logs: LogsWanted,
}

/// Records are looked for so long before the first thing that is known of a request …
pub(super) const BEFORE: SignedDuration = SignedDuration::from_secs(3);

/// … and so long after the last: Nova's action record has whole seconds, and some of what a
/// request caused is written after it.
pub(super) const AFTER: SignedDuration = SignedDuration::from_secs(5);

/// What is written just now is on its way to the log for so long.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_millis(300);

impl Known {
    /// Between which times records of it are looked for.
    pub(crate) fn window(&self) -> (Timestamp, Timestamp) {
        let action = self.action.as_ref();
        let began = action.and_then(Action::began).unwrap_or_else(Timestamp::now);
        let is_over = action.is_some_and(|action| !action.is_under_way());
        let changed = action.and_then(Action::changed).filter(|_| is_over);
        // An action that failed before its first event has only its begin.
        let until = changed.map_or_else(Timestamp::now, |changed| changed.max(began));
        (began - BEFORE, until + AFTER)
    }
}

impl Cloud {
    /// A request, whole: see [`Trace`]. What is not known of it is said in its notes, and hosts
    /// and logs that could not be read in `unread`.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a request that no log knows, and for a guest or an action that
    /// does not exist; otherwise as [`Cloud::call`] and [`LogsWanted::plan`].
    pub async fn trace(&self, wanted: &TraceWanted) -> Result<Trace> {
        match wanted.of.starts_with("req-") {
            true => self.trace_request(wanted).await,
            false => {
                let guest = self.guest_even_deleted(&wanted.of).await?;
                self.trace_guest(&guest, wanted).await
            }
        }
    }

    async fn trace_guest(&self, guest: &Guest, wanted: &TraceWanted) -> Result<Trace> {
        let actions = self.actions(&guest.server.id).await?;
        let mut notes = Vec::new();
        let action = chosen(&actions, guest.name(), wanted.action.as_deref(), &mut notes)?;
        let request_id = action.request_id.clone();
        let known = self.known_of(&guest.server, &request_id, &actions, notes).await?;
        let (since, until) = known.window();
        self.read(wanted, known, since, until).await
    }

    async fn trace_request(&self, wanted: &TraceWanted) -> Result<Trace> {
        let since = wanted.since.unwrap_or_else(|| self.now() - SignedDuration::from_hours(24));
        let mut look = Look::default();
        let mut watch = self.watch_of(wanted, since, None).await?;
        let mut records = 0_u64;
        while let Some(event) = watch.next().await {
            if let Event::Record(record) = event {
                records += 1;
                look.at(&record, &wanted.of);
            }
        }
        let unread = watch.unread().lines();
        let (Some(first), Some(last)) = (look.first, look.last) else {
            let not_read = match unread.is_empty() {
                true => String::new(),
                false => format!("; not read: {}", crate::some_of::some_of_with(&unread, "; ")),
            };
            let since = since.strftime("%Y-%m-%d %H:%M:%S UTC");
            let what = format!("request in the {records} records since {since}{not_read},");
            return Err(Error::NotFound { what, name: wanted.of.clone(), near: vec![] });
        };
        let mut known = Known { request_id: wanted.of.clone(), ..Known::default() };
        let mut until = last;
        if let Some(id) = &look.guest {
            match self.guest_even_deleted(id).await {
                Ok(guest) => {
                    let actions = self.actions(&guest.server.id).await?;
                    known = self.known_of(&guest.server, &wanted.of, &actions, vec![]).await?;
                    until = known.action.as_ref().and_then(Action::changed).map_or(last, |at| at.max(last));
                }
                Err(why) => {
                    known.guest = Some(TracedGuest { id: id.clone(), ..TracedGuest::default() });
                    known.notes.push(format!("its guest is not known to Nova any more: {why}"));
                }
            }
        }
        self.read(wanted, known, first - BEFORE, until + AFTER).await
    }

    /// What Nova knows of a request on a guest.
    pub(crate) async fn known_of(
        &self,
        server: &Server,
        request_id: &str,
        actions: &[Action],
        notes: Vec<String>,
    ) -> Result<Known> {
        let others: BTreeSet<String> =
            actions.iter().map(|action| action.request_id.clone()).filter(|id| id != request_id).collect();
        let mut known = Known {
            request_id: request_id.to_string(),
            guest: Some(TracedGuest {
                id: server.id.clone(),
                name: Some(server.name.clone()),
                status: Some(server.status.clone()),
                domain: server.instance_name.clone(),
            }),
            others,
            asked_at: Some(self.now()),
            notes,
            ..Known::default()
        };
        if actions.iter().any(|action| action.request_id == request_id) {
            known.action = Some(self.action(&server.id, request_id).await?);
        } else {
            known.notes.push(
                "Nova has no action record of it: it is a call that only looks, or it was refused".into(),
            );
        }
        Ok(known)
    }

    async fn watch_of(
        &self,
        wanted: &TraceWanted,
        since: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<Watch> {
        let logs = LogsWanted { from: From::Since(since), until, follow: false, ..wanted.logs.clone() };
        Ok(logs.plan(self).await?.watch())
    }

    async fn read(
        &self,
        wanted: &TraceWanted,
        known: Known,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Trace> {
        if self.recording_of().is_none() && until >= self.now() - SignedDuration::from_secs(1) {
            tokio::time::sleep(LAST_WORDS).await;
        }
        let mut watch = self.watch_of(wanted, since, Some(until)).await?;
        let mut collector = Collector::new(known);
        let mut problems = Vec::new();
        while let Some(event) = watch.next().await {
            match event {
                Event::Record(record) => collector.push(&record),
                Event::Up { host, clock_ahead } => collector.clock(&host, clock_ahead),
                other => problems.extend(problem_text(&other)),
            }
        }
        let mut trace = collector.trace();
        trace.unread = watch.unread().lines();
        let is_new = |problem: &String| !trace.unread.iter().any(|line| line.contains(problem.as_str()));
        let problems: Vec<String> = problems.into_iter().filter(is_new).collect();
        trace.notes.extend(problems);
        Ok(trace)
    }
}

impl Guest {
    /// One of its actions, whole: the newest, or the one of this name or request. See
    /// [`Cloud::trace`].
    ///
    /// # Errors
    /// As [`Cloud::trace`].
    pub async fn trace(&self, action: Option<&str>, logs: LogsWanted) -> Result<Trace> {
        let action = action.map(str::to_string);
        let wanted = TraceWanted { of: self.server.id.clone(), action, since: None, logs };
        self.cloud().trace_guest(self, &wanted).await
    }
}

/// The action that is meant; of several with its name the newest.
fn chosen<'a>(
    actions: &'a [Action],
    guest: &str,
    asked: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<&'a Action> {
    let Some(asked) = asked else {
        return actions.first().ok_or_else(|| Error::NotFound {
            what: format!("action of guest `{guest}`"),
            name: "any".into(),
            near: vec![],
        });
    };
    let same = |action: &&Action| action.action.eq_ignore_ascii_case(asked) || action.request_id == asked;
    let meant: Vec<&Action> = actions.iter().filter(same).collect();
    if meant.len() > 1 {
        let others: Vec<&str> = meant[1..].iter().map(|action| action.request_id.as_str()).collect();
        notes.push(format!(
            "it is the newest {asked} of {}; earlier ones: {}",
            meant.len(),
            others.join(", ")
        ));
    }
    meant.first().copied().ok_or_else(|| {
        let mut near: Vec<String> = actions.iter().map(|action| action.action.clone()).collect();
        near.sort();
        near.dedup();
        Error::NotFound { what: format!("action of guest `{guest}`"), name: asked.into(), near }
    })
}

/// What a first look at the logs finds of a request.
#[derive(Default)]
pub(super) struct Look {
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    pub guest: Option<String>,
}

impl Look {
    pub fn at(&mut self, record: &Record, request: &str) {
        let is_direct = record.request_id.as_deref() == Some(request);
        if !is_direct && record.global_request_id.as_deref() != Some(request) {
            return;
        }
        if let Some(time) = record.time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
        if is_direct && self.guest.is_none() {
            self.guest = record.instance.clone().or_else(|| server_in(&record.message));
        }
    }
}

/// The server whose path a call names: `POST /v2.1/servers/UUID/action`.
fn server_in(message: &str) -> Option<String> {
    let rest = message.split("/servers/").nth(1)?;
    let id: String = rest.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect();
    (id.len() == 36).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(name: &str, request: &str) -> Action {
        Action {
            action: name.into(),
            request_id: request.into(),
            start_time: "2026-11-28T07:27:28.000000".into(),
            updated_at: None,
            user_id: None,
            message: None,
            events: vec![],
        }
    }

    #[test]
    fn the_newest_action_of_a_name_is_meant() {
        let actions = [action("reboot", "req-3"), action("reboot", "req-2"), action("create", "req-1")];
        let choose = |asked: Option<&str>| {
            let mut notes = vec![];
            let found = chosen(&actions, "web", asked, &mut notes);
            (found.map(|action| action.request_id.clone()).map_err(|why| why.to_string()), notes)
        };
        assert_eq!(choose(None).0, Ok("req-3".into()));
        assert_eq!(choose(Some("CREATE")).0, Ok("req-1".into()));
        let (found, notes) = choose(Some("reboot"));
        assert_eq!(found, Ok("req-3".into()));
        assert_eq!(notes, ["it is the newest reboot of 2; earlier ones: req-2"]);
        assert_eq!(choose(Some("req-2")).0, Ok("req-2".into()));
        assert_eq!(choose(Some("resize")).0, Err("no action of guest `web` called `resize`".into()));
        assert_eq!(actions[0].began().map(|at| at.to_string()), Some("2026-11-28T07:27:28Z".into()));
    }

    #[test]
    fn the_server_of_a_path() {
        let line =
            "10.98.77.1 \"POST /v2.1/servers/0f6758b4-dafd-46bd-840a-09724eb88a08/action\" status: 202";
        assert_eq!(server_in(line).as_deref(), Some("0f6758b4-dafd-46bd-840a-09724eb88a08"));
        assert_eq!(server_in("10.98.77.1 \"GET /v2.1/servers/detail\" status: 200"), None);
    }
}
