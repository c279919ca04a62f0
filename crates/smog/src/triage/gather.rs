//! Exceptions by type and place, from records in the order of time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use jiff::Timestamp;

use super::{Group, place};
use crate::error::{Error, Result};
use crate::findings::KnownBugs;
use crate::watch::{AllowList, Filter, Record, Saved, Trouble};

/// So many of a group's requests and logs are listed.
const LISTED: usize = 20;

/// So much of a group's first record is kept, in bytes.
const EXAMPLE: usize = 16 << 10;

/// So many exceptions can be tied to tests; more are counted in their groups only.
const MOST_SEEN: usize = 200_000;

/// Gathers exceptions.
#[derive(Debug)]
pub struct Gather {
    noise: AllowList,
    pub(super) groups: Vec<Group>,
    by_key: HashMap<(String, String), usize>,
    /// Each exception, in the order of time.
    pub(super) seen: Vec<Seen>,
    /// How often a good run has each kind.
    pub(super) baseline: Option<BTreeMap<(String, String), u64>>,
    requests: Vec<BTreeSet<String>>,
}

/// One exception.
#[derive(Debug)]
pub(super) struct Seen {
    pub group: usize,
    pub time: Option<Timestamp>,
    pub request: Option<String>,
    pub global_request: Option<String>,
    pub user: bool,
    pub host: String,
    pub source: String,
    pub text: String,
}

/// What makes exceptions of one kind.
fn key(record: &Record) -> Option<(String, String)> {
    let exception = record.exception.as_ref()?;
    // What came over RPC bears a suffix.
    let name = exception.name.trim_end_matches("_Remote").replace("exception_Remote.", "exception.");
    Some((name, place::place(record)))
}

impl Default for Gather {
    fn default() -> Gather {
        // The entries are smog's own, and can be read.
        let noise = AllowList::new([]).and_usual_noise().unwrap_or_else(|_| AllowList::new([]));
        Gather {
            noise,
            groups: vec![],
            by_key: HashMap::new(),
            seen: vec![],
            baseline: None,
            requests: vec![],
        }
    }
}

impl Gather {
    /// Take a record; one without an exception is nothing.
    pub fn record(&mut self, record: &Record) {
        let (Some(key), Some(exception)) = (key(record), &record.exception) else { return };
        let at = match self.by_key.get(&key) {
            Some(at) => *at,
            None => {
                let at = self.groups.len();
                let (root, said) = exception.root();
                let cause = (!exception.causes.is_empty() && !exception.message.contains(said.trim()))
                    .then(|| format!("{root}: {said}"));
                self.groups.push(Group {
                    exception: key.0.clone(),
                    place: key.1.clone(),
                    message: exception.message.clone(),
                    cause,
                    traceback: exception.traceback,
                    known_bug: KnownBugs::bundled().in_text(&record.text).cloned(),
                    example: record.text[..record.text.floor_char_boundary(EXAMPLE)].to_string(),
                    ..Group::default()
                });
                self.requests.push(BTreeSet::new());
                self.by_key.insert(key, at);
                at
            }
        };
        let group = &mut self.groups[at];
        group.count += 1;
        // Entries are of what the service wrote, without what syslog or journalctl put before it.
        let text = format!("{}\n{}", record.message, record.further_lines().join("\n"));
        let is_noise = self.noise.allows(&Record { text, ..record.clone() });
        group.known_noise += u64::from(is_noise);
        *group.hosts.entry(record.host.clone()).or_default() += 1;
        if group.sources.len() < LISTED && !group.sources.contains(&record.source) {
            group.sources.push(record.source.clone());
        }
        group.first = [group.first, record.time].into_iter().flatten().min();
        group.last = group.last.max(record.time);
        let user = record.user.is_some();
        group.of_user |= user;
        if let Some(request) = &record.request_id
            && self.requests[at].insert(request.clone())
        {
            match group.requests.len() < LISTED {
                true => group.requests.push(request.clone()),
                false => group.requests_more += 1,
            }
        }
        if self.seen.len() < MOST_SEEN && !is_noise {
            let said = exception.message.lines().next().unwrap_or_default();
            let cause =
                exception.causes.first().filter(|cause| !cause.message.contains(exception.message.trim()));
            let cause = cause.map(|cause| {
                format!("{}: {}, which became ", cause.name, cause.message.lines().next().unwrap_or_default())
            });
            self.seen.push(Seen {
                group: at,
                time: record.time,
                request: record.request_id.clone(),
                global_request: record.global_request_id.clone(),
                user,
                host: record.host.clone(),
                source: record.source.clone(),
                text: format!("{}{}: {said}", cause.unwrap_or_default(), exception.name),
            });
        }
    }

    /// Count the exceptions of a good run: what it has as well is noise.
    ///
    /// # Errors
    /// As [`Saved::read`]; [`Error::Invalid`] where there is no log whose form is known: it would make
    /// everything look new.
    pub fn baseline(&mut self, good: &Saved) -> Result<()> {
        let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
        let up = good.read(&Filter { exceptions: true, ..Filter::default() }, |record| {
            if let Some(key) = key(&record) {
                *counts.entry(key).or_default() += 1;
            }
            ControlFlow::Continue(())
        })?;
        if !up.recognised {
            let why = up.troubles.first().map_or("there is no log in it".into(), Trouble::text);
            return Err(Error::Invalid { what: "the baseline".into(), why, hint: None });
        }
        self.baseline = Some(counts);
        Ok(())
    }
}
