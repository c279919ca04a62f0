//! What a person would do first with a failed job: exceptions by kind, the tests that failed with
//! the exceptions that belong to them, and the likely first cause.
//!
//! [`Gather`] takes records, of saved logs or of live ones; [`results`] reads the results of tests;
//! [`judge`] ties them together.

mod gather;
mod html;
mod judge;
mod lines;
mod place;
mod results;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use jiff::Timestamp;
use serde::Serialize;

pub use self::gather::Gather;
pub use self::html::html;
use crate::error::{Error, Result};
use crate::exit::ExitCode;
use crate::findings::KnownBug;
use crate::show::{Column, Show};
use crate::watch::{Event, Filter, ReadUp, Saved, Watch};

/// What was found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Triage {
    /// What was looked at, for people: the places, or "the cloud".
    pub of: String,
    /// The hosts of the exceptions.
    pub hosts: Vec<String>,
    /// How many exceptions were thrown.
    pub exceptions: u64,
    /// The time of the first and of the last of them.
    pub first: Option<Timestamp>,
    /// See `first`.
    pub last: Option<Timestamp>,
    /// Exceptions by type and place, the most frequent first.
    pub groups: Vec<Group>,
    /// What the results of tests say, where there are any.
    pub tests: Option<Tests>,
    /// The likely first cause.
    pub likely: Option<Likely>,
    /// What a good run was, where one was given.
    pub baseline: Option<String>,
    /// What was wanted and could not be read.
    pub unread: Vec<String>,
}

/// Exceptions of one type, thrown at one place.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Group {
    /// The type as written.
    pub exception: String,
    /// Where it was thrown: the deepest function of a service's own in the traceback, or the
    /// logger where there is none.
    pub place: String,
    /// What the first one says.
    pub message: String,
    /// What led to the first one: its first cause.
    pub cause: Option<String>,
    /// How often.
    pub count: u64,
    /// How often on each host.
    pub hosts: BTreeMap<String, u64>,
    /// The logs, at most 20.
    pub sources: Vec<String>,
    /// The first time.
    pub first: Option<Timestamp>,
    /// The last time.
    pub last: Option<Timestamp>,
    /// Requests they belong to, at most 20.
    pub requests: Vec<String>,
    /// Requests that are not listed.
    pub requests_more: u64,
    /// Whether one is of a request of a user, not of a periodic task.
    pub of_user: bool,
    /// Whether there is a traceback.
    pub traceback: bool,
    /// How often a good run has it; none without a good run.
    pub in_baseline: Option<u64>,
    /// How many of them are known noise: what services throw in their normal course.
    pub known_noise: u64,
    /// The known bug that the first record shows.
    pub known_bug: Option<KnownBug>,
    /// The first record, whole, at most 16 KiB.
    pub example: String,
}

impl Group {
    /// Whether a good run has it as well, or all of it is known noise.
    pub fn is_noise(&self) -> bool {
        self.in_baseline.is_some_and(|count| count > 0) || self.known_noise == self.count
    }

    /// The type without its module.
    pub fn short_name(&self) -> &str {
        self.exception.rsplit('.').next().unwrap_or(&self.exception)
    }
}

/// What the results of tests say.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tests {
    /// The files they were read from.
    pub files: Vec<String>,
    /// Tests that passed.
    pub passed: u64,
    /// Tests that were skipped.
    pub skipped: u64,
    /// Tests that failed, in the order of time.
    pub failed: Vec<FailedTest>,
}

/// A test that failed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FailedTest {
    /// Its name.
    pub name: String,
    /// When it began and ended, where that is known.
    pub began: Option<Timestamp>,
    /// See `began`; none as well where the results stop while it runs.
    pub ended: Option<Timestamp>,
    /// The last line of its traceback.
    pub message: String,
    /// Requests that its own output names.
    pub requests: Vec<String>,
    /// Exceptions that belong to it.
    pub exceptions: Vec<Tie>,
}

/// Exceptions of one kind that belong to a test.
#[derive(Debug, Clone, Serialize)]
pub struct Tie {
    /// Which of [`Triage::groups`].
    pub group: usize,
    /// How often.
    pub count: u64,
    /// Why they belong to it.
    pub by: By,
}

/// Why exceptions belong to a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// They are of a request that the test's output names.
    Request,
    /// They were thrown while it ran; other tests may have run as well.
    Time,
}

/// The likely first cause.
#[derive(Debug, Clone, Serialize)]
pub struct Likely {
    /// Which of [`Triage::groups`].
    pub group: usize,
    /// When it was thrown.
    pub time: Option<Timestamp>,
    /// On which host.
    pub host: String,
    /// In which log.
    pub source: String,
    /// Of which request.
    pub request: Option<String>,
    /// What it says, with what led to it.
    pub text: String,
    /// Why it is taken for the first cause.
    pub why: String,
}

impl Triage {
    /// Judge saved logs: their exceptions, and the results of tests among them. `baseline`: the
    /// logs of a good run. Exceptions that `filter` does not want are left out.
    ///
    /// # Errors
    /// As [`Saved::read`].
    pub fn of_saved(
        saved: &Saved,
        baseline: Option<&Saved>,
        filter: &Filter,
        of: &str,
    ) -> Result<(Triage, ReadUp)> {
        let mut gather = Gather::default();
        let filter = Filter { exceptions: true, ..filter.clone() };
        let up = saved.read(&filter, |record| {
            gather.record(&record);
            ControlFlow::Continue(())
        })?;
        if let Some(baseline) = baseline {
            gather.baseline(baseline)?;
        }
        let mut triage = gather.judged(results::of_saved(saved));
        triage.of = of.into();
        triage.unread =
            up.troubles.iter().filter(|one| one.is_unread()).map(crate::watch::Trouble::text).collect();
        Ok((triage, up))
    }

    /// Judge what hosts logged: `watch` is read to its end, and `tell` gets the events that are not records. No
    /// results of tests are known then.
    ///
    /// # Errors
    /// As [`Saved::read`], of `baseline`.
    pub async fn of_hosts(
        mut watch: Watch,
        baseline: Option<Saved>,
        filter: &Filter,
        mut tell: impl FnMut(&Event),
    ) -> Result<Triage> {
        let mut gather = Gather::default();
        while let Some(event) = watch.next().await {
            match event {
                Event::Record(record) if filter.wants(&record) => gather.record(&record),
                Event::Record(_) => {}
                other => tell(&other),
            }
        }
        let unread = watch.unread().lines();
        if let Some(good) = baseline {
            // A place may be big: no thread of the runtime is held up.
            let counted = tokio::task::spawn_blocking(move || gather.baseline(&good).map(|()| gather));
            gather = counted.await.map_err(|why| Error::Invalid {
                what: "reading the baseline".into(),
                why: why.to_string(),
                hint: None,
            })??;
        }
        Ok(Triage { of: "the cloud".into(), unread, ..gather.judged(None) })
    }

    /// Whether everything that was wanted was read.
    ///
    /// # Errors
    /// [`Error::Unread`] that names what was not.
    pub fn check(&self) -> Result<()> {
        if self.unread.is_empty() { Ok(()) } else { Err(Error::Unread { lines: self.unread.clone() }) }
    }

    /// Exceptions that are not noise.
    pub fn news(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| !group.is_noise())
    }

    /// How a command ends: 1 when a test failed, or an exception was thrown that no good run has;
    /// 3 when nothing of the kind is known because something could not be read.
    pub fn exit_code(&self, allow_unread: bool) -> ExitCode {
        let failed = self.tests.as_ref().is_some_and(|tests| !tests.failed.is_empty());
        match (failed || self.news().next().is_some(), self.unread.is_empty() || allow_unread) {
            (true, _) => ExitCode::Failed,
            (false, false) => ExitCode::CouldNotRun,
            (false, true) => ExitCode::Ok,
        }
    }
}

impl Show for Group {
    const PLURAL: &'static str = "exceptions";
    const COLUMNS: &'static [Column<Group>] = &[
        Column::new("count", |group| group.count.to_string()),
        Column::new("exception", |group| group.short_name().to_string()),
        Column::new("place", |group| group.place.clone()),
        Column::new("hosts", |group| {
            let hosts: Vec<String> =
                group.hosts.iter().map(|(host, count)| format!("{host} {count}")).collect();
            hosts.join(", ")
        }),
        Column::new("first", |group| {
            group.first.map(|time| time.strftime("%F %TZ").to_string()).unwrap_or_default()
        }),
        Column::new("last", |group| {
            group.last.map(|time| time.strftime("%F %TZ").to_string()).unwrap_or_default()
        }),
        Column::new("noise", |group| match group.in_baseline {
            Some(count @ 1..) => format!("{count} in the baseline"),
            _ if group.is_noise() => "known".into(),
            _ => String::new(),
        }),
        Column::wide("known bug", |group| {
            group.known_bug.as_ref().map(|known| known.bug.clone()).unwrap_or_default()
        }),
        Column::wide("request", |group| group.requests.first().cloned().unwrap_or_default()),
        Column::wide("message", |group| group.message.lines().next().unwrap_or_default().to_string()),
    ];
}
