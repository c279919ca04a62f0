//! Known bugs by what they leave in logs: data, not code (`known.yml`), and a user's own file.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use regex::{Regex, RegexSet};
use serde::{Deserialize, Serialize};

use crate::cloud::Cloud;
use crate::error::{Error, Result};
use crate::watch::{Event, From, Level, LogsWanted, Record};

/// Logs are read for so long at most.
const LOGS_LIMIT: Duration = Duration::from_secs(60);

/// So much of a record is shown, in characters.
const SHOWN: usize = 200;

/// A known bug.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownBug {
    /// "LP 1761062", or another name for it.
    pub bug: String,
    /// What goes wrong, in a few words.
    pub title: String,
    /// A regular expression over a whole record, with its traceback.
    pub pattern: String,
    /// Where it is repaired.
    pub versions: String,
    /// What to do.
    pub advice: String,
    /// A record that shows it, which the pattern must match.
    pub sample: String,
}

impl KnownBug {
    /// Where it is discussed, for one of Launchpad's.
    pub fn url(&self) -> Option<String> {
        let number = self.bug.strip_prefix("LP ")?;
        Some(format!("https://bugs.launchpad.net/bugs/{number}"))
    }

    /// "LP 1761062: an instance folder …"
    pub fn words(&self) -> String {
        format!("{}: {}", self.bug, self.title)
    }
}

/// Known bugs, to be looked for in records.
#[derive(Debug, Clone, Default)]
pub struct KnownBugs {
    all: Vec<KnownBug>,
    patterns: Option<RegexSet>,
}

/// That the logs of a host show a known bug.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BugSeen {
    /// The bug.
    pub bug: KnownBug,
    /// The host.
    pub host: String,
    /// The log of the newest record.
    pub source: String,
    /// How many records show it.
    pub count: u64,
    /// The time of the oldest and of the newest record.
    pub first: Option<Timestamp>,
    /// See `first`.
    pub last: Option<Timestamp>,
    /// The line of the newest record that shows it.
    pub line: String,
}

impl KnownBugs {
    /// Those that smog knows.
    pub fn bundled() -> &'static KnownBugs {
        static ALL: OnceLock<KnownBugs> = OnceLock::new();
        // A test holds each pattern against its sample; what it would find is no reason to stop here.
        ALL.get_or_init(|| {
            let all = read(include_str!("known.yml")).unwrap_or_default();
            KnownBugs::of(all).unwrap_or_default()
        })
    }

    /// Read a file of known bugs: a YAML list of `bug`, `title`, `pattern`, `versions`, `advice` and
    /// `sample`, all of them text.
    ///
    /// # Errors
    /// [`Error::Parse`] when it is no such list, for a wrong pattern, and for a pattern that does not
    /// match its own sample.
    pub fn parse(text: &str, source_of: &str) -> Result<KnownBugs> {
        let wrong =
            |why: String| Error::Parse { what: "known bugs".into(), source_of: source_of.into(), why };
        let all = read(text).map_err(wrong)?;
        for one in &all {
            let pattern = Regex::new(&one.pattern).map_err(|why| {
                let why = why.to_string();
                wrong(format!("the pattern of {}: {}", one.bug, why.lines().last().unwrap_or_default()))
            })?;
            if !pattern.is_match(&one.sample) {
                return Err(wrong(format!("the pattern of {} does not match its sample", one.bug)));
            }
        }
        KnownBugs::of(all).map_err(|why| wrong(why.to_string()))
    }

    fn of(all: Vec<KnownBug>) -> std::result::Result<KnownBugs, regex::Error> {
        let patterns = RegexSet::new(all.iter().map(|one| &one.pattern))?;
        Ok(KnownBugs { all, patterns: Some(patterns) })
    }

    /// These and others.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the patterns are too large together.
    pub fn with(&self, more: &KnownBugs) -> Result<KnownBugs> {
        if more.all.is_empty() {
            return Ok(self.clone());
        }
        let all = self.all.iter().chain(&more.all).cloned().collect();
        KnownBugs::of(all).map_err(|why| Error::Invalid {
            what: "known bugs".into(),
            why: why.to_string(),
            hint: None,
        })
    }

    /// All of them.
    pub fn all(&self) -> &[KnownBug] {
        &self.all
    }

    /// The first that a record's text shows.
    pub fn in_text(&self, text: &str) -> Option<&KnownBug> {
        let first = self.patterns.as_ref()?.matches(text).iter().next()?;
        self.all.get(first)
    }

    /// Look for them in the logs of all hosts since a time. Also what could not be read.
    ///
    /// # Errors
    /// As [`LogsWanted::plan`]; [`Error::Timeout`] when reading takes more than a minute.
    pub async fn in_logs(&self, cloud: &Cloud, back: Duration) -> Result<(Vec<BugSeen>, Vec<String>)> {
        let back = SignedDuration::try_from(back).unwrap_or(SignedDuration::from_hours(1));
        let since = cloud.now() - back;
        let wanted = LogsWanted { from: From::Since(since), all_services: true, ..LogsWanted::default() };
        let mut watch = wanted.plan(cloud).await?.watch();
        let mut seen = BTreeMap::new();
        let read = async {
            while let Some(event) = watch.next().await {
                if let Event::Record(record) = event
                    && record.time.is_none_or(|time| time >= since)
                {
                    self.note(&record, &mut seen);
                }
            }
        };
        if tokio::time::timeout(LOGS_LIMIT, read).await.is_err() {
            return Err(Error::Timeout {
                what: "reading the logs".into(),
                waited: LOGS_LIMIT,
                last: "not all were read".into(),
                request_id: None,
            });
        }
        Ok((seen.into_values().collect(), watch.unread().lines()))
    }

    fn note(&self, record: &Record, seen: &mut BTreeMap<(String, String), BugSeen>) {
        // An informational record is not a problem; a record without a level may be a part of one.
        if record.level.is_some_and(|level| level < Level::Warning) && record.exception.is_none() {
            return;
        }
        let Some(bug) = self.in_text(&record.text) else { return };
        let line = record.text.lines().find(|line| self.in_text(line).is_some_and(|other| other == bug));
        let line = line.unwrap_or_else(|| record.text.lines().last().unwrap_or_default());
        let entry = seen.entry((bug.bug.clone(), record.host.clone())).or_insert_with(|| BugSeen {
            bug: bug.clone(),
            host: record.host.clone(),
            source: String::new(),
            count: 0,
            first: record.time,
            last: None,
            line: String::new(),
        });
        entry.count += 1;
        entry.source.clone_from(&record.source);
        entry.last = record.time.or(entry.last);
        entry.line = line.chars().take(SHOWN).collect();
    }
}

/// The entries of a file.
fn read(text: &str) -> std::result::Result<Vec<KnownBug>, String> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|why| why.to_string().lines().next().unwrap_or_default().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_is_its_own_bug_and_no_other() {
        let bugs = KnownBugs::parse(include_str!("known.yml"), "known.yml").expect("known.yml");
        assert!(bugs.all().len() >= 25, "{}", bugs.all().len());
        for one in bugs.all() {
            let found: Vec<&str> = bugs
                .all()
                .iter()
                .filter(|other| Regex::new(&other.pattern).expect("a pattern").is_match(&one.sample))
                .map(|other| other.bug.as_str())
                .collect();
            assert_eq!(found, [one.bug.as_str()]);
            assert!(one.url().is_some_and(|url| url.ends_with(&one.bug[3..])), "{}", one.bug);
            assert!(!one.title.is_empty() && !one.advice.is_empty() && !one.versions.is_empty());
        }
        let names: std::collections::BTreeSet<&str> = bugs.all().iter().map(|one| one.bug.as_str()).collect();
        assert_eq!(names.len(), bugs.all().len());
    }

    #[test]
    fn ordinary_records_show_none() {
        let bugs = KnownBugs::bundled();
        let lines = [
            // Of the lab, in its normal course.
            "nova.exception.PciDeviceNotFound: PCI device not found",
            "CPUPinningInvalid: CPU set to pin [0] must be a subset of free CPU set [1]",
            "OSError: [Errno 16] Device or resource busy",
            "NotImplementedError: Cannot load 'something' in the base class",
            "neutron sqlalchemy.exc.TimeoutError: lost connection",
        ];
        for line in lines {
            assert_eq!(bugs.in_text(line), None, "{line}");
        }
    }

    #[test]
    fn a_file_of_one_s_own() {
        let own = "- {bug: OWN-1, title: it breaks, pattern: 'boom \\d+', versions: all, advice: run, sample: boom 7}";
        let both = KnownBugs::bundled().with(&KnownBugs::parse(own, "own").expect("a file")).expect("both");
        assert_eq!(both.in_text("a boom 12").map(|bug| bug.bug.as_str()), Some("OWN-1"));
        assert!(both.in_text("Cannot load 'vifs' in the base class").is_none(), "only with its exception");
        for (text, why) in [
            (own.replace("boom 7", "boom"), "does not match its sample"),
            (own.replace("boom \\d+", "boom ("), "the pattern of OWN-1"),
            (own.replace("versions", "version"), "version"),
            ("x".into(), "known bugs"),
        ] {
            let error = KnownBugs::parse(&text, "own").expect_err("not usable").to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn records_of_a_host_are_counted_together() {
        let bugs = KnownBugs::bundled();
        let record = |host: &str, level, text: &str| Record {
            host: host.into(),
            source: "/var/log/nova/nova-compute.log".into(),
            level: Some(level),
            text: format!("first line\n{text}"),
            ..Record::default()
        };
        let text = "NotImplementedError: Cannot load 'vifs' in the base class";
        let mut seen = BTreeMap::new();
        bugs.note(&record("cmp1", Level::Error, text), &mut seen);
        bugs.note(&record("cmp1", Level::Error, text), &mut seen);
        bugs.note(&record("cmp2", Level::Error, text), &mut seen);
        bugs.note(&record("cmp2", Level::Info, text), &mut seen);
        let counts: Vec<(&str, u64)> = seen.values().map(|one| (one.host.as_str(), one.count)).collect();
        assert_eq!(counts, [("cmp1", 2), ("cmp2", 1)]);
        assert!(seen.values().all(|one| one.line == text));
    }
}
