//! Known noise: exceptions that are not findings. Every use is counted, so that a list
//! which hides too much is seen.

use regex::Regex;
use serde::Serialize;

use super::record::Record;
use crate::config::{AllowEntry, WatchSection};
use crate::error::{Error, Result};

/// One kind of known noise. All conditions given must hold.
#[derive(Debug, Clone, Default)]
pub struct Allow {
    /// The exception's type, with or without its module.
    pub exception: Option<String>,
    /// The logger, or the beginning of its dotted name.
    pub logger: Option<String>,
    /// Found in the record's text.
    pub message: Option<Regex>,
    /// Why it is not a finding, for the report.
    pub why: String,
}

/// A list of known noise, and how often each entry was used.
#[derive(Debug, Clone, Default)]
pub struct AllowList {
    entries: Vec<(Allow, u64)>,
}

/// One entry's use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AllowUse {
    /// What the entry says: `ConnectionRefusedError from oslo.messaging`.
    pub entry: String,
    /// Why it is not a finding.
    pub why: String,
    /// How many records it let pass.
    pub times: u64,
}

impl Allow {
    /// An entry of words as they stand in a file.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no condition, or the message is not a regular expression.
    pub fn of(
        exception: Option<&str>,
        logger: Option<&str>,
        message: Option<&str>,
        why: Option<&str>,
    ) -> Result<Allow> {
        if exception.is_none() && logger.is_none() && message.is_none() {
            return Err(Error::Invalid {
                what: "an entry of the allow-list".into(),
                why: "without a condition it would allow everything".into(),
                hint: Some("name an `exception`, a `logger` or a `message`".into()),
            });
        }
        let message = message.map(Regex::new).transpose().map_err(|why| Error::Invalid {
            what: "the message of an allow-list entry".into(),
            why: why.to_string(),
            hint: None,
        })?;
        Ok(Allow {
            exception: exception.map(str::to_string),
            logger: logger.map(str::to_string),
            message,
            why: why.unwrap_or_default().into(),
        })
    }

    /// The entries under `watch: allow:` of smog.yml.
    ///
    /// # Errors
    /// As [`Allow::of`].
    pub fn of_section(section: &WatchSection) -> Result<Vec<Allow>> {
        let allow = |entry: &AllowEntry| {
            let why = entry.why.as_deref().unwrap_or("smog.yml");
            let (exception, logger) = (entry.exception.as_deref(), entry.logger.as_deref());
            Allow::of(exception, logger, entry.message.as_deref(), Some(why))
        };
        section.allow.iter().map(allow).collect()
    }

    fn covers(&self, record: &Record) -> bool {
        let by_exception = |wanted: &String| {
            record
                .exception
                .as_ref()
                .is_some_and(|found| found.name == *wanted || found.short_name() == wanted)
        };
        let by_logger = |wanted: &String| {
            record.logger.as_ref().is_some_and(|logger| {
                logger
                    .strip_prefix(wanted.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        self.exception.as_ref().is_none_or(by_exception)
            && self.logger.as_ref().is_none_or(by_logger)
            && self.message.as_ref().is_none_or(|message| message.is_match(&record.text))
    }

    fn text(&self) -> String {
        let mut text = self.exception.clone().unwrap_or_else(|| "anything".into());
        if let Some(logger) = &self.logger {
            text += &format!(" from {logger}");
        }
        if let Some(message) = &self.message {
            text += &format!(" with /{message}/");
        }
        text
    }
}

impl AllowList {
    /// These entries, and what Python's interpreter says of eventlet's threads whenever a service
    /// forks: hundreds of times an hour with Python 3.13, in the journal of nova-compute.
    pub fn new(entries: impl IntoIterator<Item = Allow>) -> AllowList {
        let forked = Regex::new(r"^Exception ignored [^\n]*_after_fork[^\n]*\n").ok().map(|message| Allow {
            exception: Some("AssertionError".into()),
            logger: None,
            message: Some(message),
            why: "eventlet's threads after a fork; the service goes on".into(),
        });
        AllowList { entries: entries.into_iter().chain(forked).map(|entry| (entry, 0)).collect() }
    }

    /// What OpenStack's own services log with a traceback in normal operation, in addition to the
    /// entries here. A run of tests allows it; who watches logs sees it.
    ///
    /// # Errors
    /// As [`Allow::of`].
    pub fn and_usual_noise(mut self) -> Result<AllowList> {
        let unplugged = Allow::of(
            Some("RowNotFound"),
            Some("ovsdbapp"),
            Some("Cannot find Interface with name="),
            Some("a port was unplugged while Neutron's Open vSwitch agent looked at it; it goes on"),
        )?;
        let stopped = Allow::of(
            None,
            Some("nova"),
            Some("(?s)qemu-img info .*Exit code: -15\\b"),
            Some("nova-compute was stopped while it looked at a disk: systemd ends its qemu-img with it"),
        )?;
        let reported = Allow::of(
            None,
            None,
            Some("(?s)oslo_reports/.*psutil"),
            Some("a Guru Meditation Report met a process that was just ending; the service goes on"),
        )?;
        self.entries.extend([(unplugged, 0), (stopped, 0), (reported, 0)]);
        Ok(self)
    }

    /// Whether a record is known noise; the first entry that covers it is counted.
    pub fn allows(&mut self, record: &Record) -> bool {
        match self.entries.iter_mut().find(|(entry, _)| entry.covers(record)) {
            Some((_, times)) => {
                *times += 1;
                true
            }
            None => false,
        }
    }

    /// The entries that were used.
    pub fn uses(&self) -> Vec<AllowUse> {
        let used = self.entries.iter().filter(|(_, times)| *times > 0);
        used.map(|(entry, times)| AllowUse { entry: entry.text(), why: entry.why.clone(), times: *times })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Exception;

    #[test]
    fn all_conditions_and_every_use_is_counted() {
        let record = Record {
            logger: Some("oslo.messaging._drivers".into()),
            exception: Some(Exception {
                name: "a.b.GoneError".into(),
                message: String::new(),
                causes: vec![],
                traceback: true,
            }),
            text: "it is gone".into(),
            ..Record::default()
        };
        let allow = |exception, logger, message| Allow::of(exception, logger, message, Some("known"));
        let mut list = AllowList::new([
            allow(Some("OtherError"), None, None).expect("an entry"),
            allow(Some("GoneError"), Some("oslo.mess"), None).expect("an entry"),
            allow(Some("GoneError"), Some("oslo.messaging"), Some("is g.ne")).expect("an entry"),
        ]);
        assert!(list.allows(&record));
        assert!(list.allows(&record));
        let uses = list.uses();
        assert_eq!(uses.len(), 1);
        assert_eq!(
            (uses[0].times, uses[0].entry.as_str()),
            (2, "GoneError from oslo.messaging with /is g.ne/")
        );
        assert!(Allow::of(None, None, None, None).is_err());
        // As nova-compute's journal on cmp1 of the lab had it (Python 3.13.5, 2026-11-28).
        let forked = Record {
            exception: Some(Exception { name: "AssertionError".into(), traceback: true, ..Exception::default() }),
            text: "Exception ignored in: <function _after_fork at 0x7f05b5912b60>\nTraceback (most recent call last):\n…".into(),
            ..Record::default()
        };
        assert!(list.allows(&forked));
        assert!(!list.allows(&Record { text: forked.text.replace("_after_fork", "_shutdown"), ..forked }));
    }

    #[test]
    fn usual_noise_is_no_more_than_it_says() {
        let thrown = |logger: &str, name: &str, text: &str| Record {
            logger: Some(logger.into()),
            exception: Some(Exception {
                name: name.into(),
                message: String::new(),
                causes: vec![],
                traceback: true,
            }),
            text: text.into(),
            ..Record::default()
        };
        let mut list = AllowList::default().and_usual_noise().expect("a list");
        // The messages as cmp2 of the lab logged them (Neutron and Nova 2025.1, 2026-11-24 and -26).
        let ovs = "ovsdbapp.backend.ovs_idl.transaction";
        let row = "ovsdbapp.backend.ovs_idl.idlutils.RowNotFound";
        let text = "aborted due to error: Cannot find Interface with name=tap31c5f98a-2c: …";
        assert!(list.allows(&thrown(ovs, row, text)));
        assert!(!list.allows(&thrown(ovs, row, "Cannot find Bridge with name=br-int")));
        assert!(!list.allows(&thrown(ovs, "a.TimeoutException", text)));

        let (compute, disk) = ("nova.compute.manager", "nova.exception.InvalidDiskInfo");
        let text = "Error updating resources for node cmp2.: qemu-img failed to execute on …/disk : …\n\
                    Command: … qemu-img info …/disk --force-share --output=json\nExit code: -15\nStdout: ''";
        assert!(list.allows(&thrown(compute, disk, text)));
        assert!(!list.allows(&thrown(compute, disk, &text.replace("-15", "1"))));
        assert!(!list.allows(&thrown("glance.api", disk, text)));

        // As nova-compute of cmp1 wrote it to its standard error (2026-11-28), shortened.
        let text = "Traceback (most recent call last):\n  File \"/usr/lib/python3/dist-packages/oslo_reports/\
                    guru_meditation_report.py\", line 196, in handle_signal\n  File \"/usr/lib/python3/dist-packages/\
                    psutil/__init__.py\", line 1\npsutil.ZombieProcess: PID still exists but it's a zombie (pid=7)";
        assert!(list.allows(&thrown("nova-compute", "psutil.ZombieProcess", text)));
        assert!(!list.allows(&thrown("nova-compute", "psutil.ZombieProcess", "elsewhere")));
    }
}
