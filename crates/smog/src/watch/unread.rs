//! What was wanted and not read: without it, "nothing was thrown" means nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::follow::Message;
use super::sources::{From, Sources};
use crate::error::{Error, Result};
use crate::exit::ExitCode;

/// A clock that is this far off makes a search by time miss what it is for, in seconds.
const FAR_OFF_S: f64 = 30.0;

/// Which of the hosts and logs of a watch are not read, or only in part. It is as it
/// stands now: a host that is away counts until it is back, and what it logged meanwhile
/// is read then.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Unread {
    hosts: BTreeMap<String, Read>,
    /// What there is no way to, by name, with the reason.
    left_out: BTreeMap<String, String>,
    /// Bytes that were lost, for people.
    dropped: Vec<String>,
    /// Lines of `dropped` that are not kept.
    dropped_more: u64,
}

/// What is known of one host.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct Read {
    state: State,
    on_each_host: bool,
    /// Records are chosen by their time.
    by_time: bool,
    clock_ahead: f64,
    /// Paths that cannot be read, with the reason.
    unreadable: BTreeMap<String, String>,
    /// What was named and is not there, with the reason.
    absent: BTreeMap<String, String>,
    /// What was named and is there.
    there: BTreeSet<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
enum State {
    /// It has not answered yet.
    #[default]
    Asked,
    /// It is read.
    Up,
    /// It does not answer.
    Away(String),
    /// Its reading has ended by an error.
    Failed(String),
}

/// So many losses are kept by name.
const MOST_DROPPED: usize = 100;

impl Unread {
    /// A host is to be read.
    pub(super) fn wants(&mut self, host: &str, sources: &Sources) {
        let by_time = matches!(sources.from, From::Since(_)) || sources.until.is_some();
        let read = Read { on_each_host: sources.on_each_host, by_time, ..Read::default() };
        self.hosts.insert(host.to_string(), read);
    }

    /// Something that was wanted and that there is no way to.
    pub fn leave_out(&mut self, what: &str, why: &str) {
        self.left_out.insert(what.to_string(), why.to_string());
    }

    pub(super) fn take(&mut self, host: &str, message: &Message) {
        let read = self.hosts.entry(host.to_string()).or_default();
        match message {
            Message::Up { clock_ahead } => {
                read.state = State::Up;
                read.clock_ahead = *clock_ahead;
            }
            Message::Back => read.state = State::Up,
            Message::Lost(why) => read.state = State::Away(why.clone()),
            Message::Ended(Err(why)) => read.state = State::Failed(why.to_string()),
            Message::Unreadable { path, why, absent: true } => {
                read.absent.insert(path.clone(), why.clone());
            }
            Message::Unreadable { path, why, absent: false } => {
                read.unreadable.insert(path.clone(), why.clone());
            }
            Message::Readable { path } => {
                read.unreadable.remove(path);
                read.unreadable.remove(super::follow::NO_LOG);
                read.absent.remove(path);
                read.there.insert(path.clone());
            }
            Message::Dropped { .. } if self.dropped.len() >= MOST_DROPPED => self.dropped_more += 1,
            Message::Dropped { source, bytes, why } => {
                let bytes = bytes.map_or("an unknown number of".to_string(), |bytes| bytes.to_string());
                self.dropped.push(format!("{bytes} bytes of {source} on host `{host}`: {why}"));
            }
            Message::Ended(Ok(()))
            | Message::Records { .. }
            | Message::Begun { .. }
            | Message::CaughtUp { .. }
            | Message::AllCaughtUp => {}
        }
    }

    /// Whether everything that was wanted is read.
    pub fn is_empty(&self) -> bool {
        self.lines().is_empty()
    }

    /// Each host or log that is not read, with the reason.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.left_out.iter().map(|(host, why)| of_host(host, why)).collect();
        for (host, read) in &self.hosts {
            match &read.state {
                State::Asked => lines.push(format!("host `{host}`: it has not answered yet")),
                State::Away(why) | State::Failed(why) => lines.push(of_host(host, why)),
                State::Up => {}
            }
            if read.by_time && read.clock_ahead.abs() > FAR_OFF_S {
                let way = if read.clock_ahead > 0.0 { "ahead of" } else { "behind" };
                lines.push(format!(
                    "host `{host}`: its clock is {:.0} s {way} this machine's, so the time that was asked for \
                     is another there",
                    read.clock_ahead.abs()
                ));
            }
            let unreadable =
                read.unreadable.iter().map(|(path, why)| format!("{path} on host `{host}`: {why}"));
            lines.extend(unreadable);
        }
        lines.extend(self.absent());
        lines.extend(self.dropped.iter().cloned());
        if self.dropped_more > 0 {
            lines.push(format!("{} more losses of bytes", self.dropped_more));
        }
        lines
    }

    /// What was named and is not there: on a host that must have it, or on no host at all.
    fn absent(&self) -> Vec<String> {
        let is_there = |path: &String| self.hosts.values().any(|read| read.there.contains(path));
        let mut lines = Vec::new();
        let mut nowhere: BTreeMap<&String, (Vec<&String>, &String)> = BTreeMap::new();
        for (host, read) in &self.hosts {
            for (path, why) in &read.absent {
                if read.on_each_host {
                    lines.push(format!("{path} on host `{host}`: {why}"));
                } else if !is_there(path) {
                    nowhere.entry(path).or_insert((Vec::new(), why)).0.push(host);
                }
            }
        }
        lines.extend(nowhere.into_iter().map(|(path, (hosts, why))| match &hosts[..] {
            [host] => format!("{path} on host `{host}`: {why}"),
            hosts => {
                let hosts: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
                format!("{path} on any of {}: {why}", crate::some_of::some_of(&hosts))
            }
        }));
        lines
    }

    /// Whether everything that was wanted is read.
    ///
    /// # Errors
    /// [`Error::Unread`] that names what is not.
    pub fn check(&self) -> Result<()> {
        let lines = self.lines();
        if lines.is_empty() { Ok(()) } else { Err(Error::Unread { lines }) }
    }

    /// How a search or a watch ends: failed when it `failed`, for what was found was found;
    /// else it could not run when something was not read, unless that is `allowed`.
    pub fn exit_code(&self, failed: bool, allowed: bool) -> ExitCode {
        match (failed, allowed || self.is_empty()) {
            (true, _) => ExitCode::Failed,
            (false, false) => ExitCode::CouldNotRun,
            (false, true) => ExitCode::Ok,
        }
    }
}

/// A reason that names the host already says it once.
fn of_host(host: &str, why: &str) -> String {
    if why.contains(&format!("host `{host}`")) {
        return why.to_string();
    }
    // A name of several words is no host's.
    if host.contains(' ') { format!("{host}: {why}") } else { format!("host `{host}`: {why}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(hosts: &[&str], sources: &Sources) -> Unread {
        let mut unread = Unread::default();
        hosts.iter().for_each(|host| unread.wants(host, sources));
        unread
    }

    fn up() -> Message {
        Message::Up { clock_ahead: 0.1 }
    }

    fn absent(path: &str) -> Message {
        Message::Unreadable { path: path.into(), why: "No such file or directory".into(), absent: true }
    }

    #[test]
    fn a_host_counts_until_it_answers() {
        let mut unread = asked(&["a", "b"], &Sources::default());
        assert_eq!(unread.lines().len(), 2);
        unread.take("a", &up());
        unread.take("b", &Message::Lost("no route".into()));
        assert_eq!(unread.lines(), ["host `b`: no route"]);
        assert_eq!(unread.exit_code(false, false), ExitCode::CouldNotRun);
        assert_eq!(unread.exit_code(true, false), ExitCode::Failed);
        assert_eq!(unread.exit_code(false, true), ExitCode::Ok);
        unread.take("b", &Message::Back);
        assert!(unread.check().is_ok());
        unread.take("b", &Message::Dropped { source: "/x".into(), bytes: None, why: "gone".into() });
        let error = unread.check().expect_err("bytes are lost").to_string();
        assert!(error.contains("an unknown number of bytes of /x on host `b`: gone"), "{error}");
    }

    #[test]
    fn a_host_that_has_ended_well_is_read_and_one_that_failed_is_not() {
        let mut unread = asked(&["a", "b"], &Sources::default());
        for host in ["a", "b"] {
            unread.take(host, &up());
        }
        unread.take("a", &Message::Ended(Ok(())));
        let why = Error::Missing { host: "b".into(), program: "python3".into(), hint: "".into() };
        unread.take("b", &Message::Ended(Err(why)));
        assert_eq!(unread.lines(), ["host `b` has no `python3`"]);
    }

    #[test]
    fn a_named_file_must_be_somewhere_or_on_each_host_that_was_named() {
        let anywhere = Sources::files(["/x"]);
        let everywhere = Sources { on_each_host: true, ..anywhere.clone() };
        for (sources, count) in [(anywhere, 0), (everywhere, 1)] {
            let mut unread = asked(&["a", "b"], &sources);
            for host in ["a", "b"] {
                unread.take(host, &up());
                unread.take(host, &absent("/x"));
            }
            assert!(!unread.is_empty());
            unread.take("a", &Message::Readable { path: "/x".into() });
            assert_eq!(unread.lines().len(), count, "{:?}", unread.lines());
        }
        let mut nowhere = asked(&["a", "b"], &Sources::files(["/x"]));
        for host in ["a", "b"] {
            nowhere.take(host, &up());
            nowhere.take(host, &absent("/x"));
        }
        assert_eq!(nowhere.lines(), ["/x on any of a, b: No such file or directory"]);
    }

    #[test]
    fn what_cannot_be_read_counts_until_it_can() {
        let mut unread = asked(&["a"], &Sources::usual());
        unread.take("a", &up());
        let why = "Permission denied".to_string();
        unread.take("a", &Message::Unreadable { path: "/var/log/nova".into(), why, absent: false });
        assert_eq!(unread.lines(), ["/var/log/nova on host `a`: Permission denied"]);
        unread.take("a", &Message::Readable { path: "/var/log/nova".into() });
        assert!(unread.is_empty());
    }

    #[test]
    fn a_clock_far_off_counts_where_records_are_chosen_by_time() {
        let since = Sources { from: From::Since(jiff::Timestamp::now()), ..Sources::usual() };
        for (sources, ahead, count) in
            [(since.clone(), -3600.0, 1), (since, 2.5, 0), (Sources::usual(), 3600.0, 0)]
        {
            let mut unread = asked(&["a"], &sources);
            unread.take("a", &Message::Up { clock_ahead: ahead });
            assert_eq!(unread.lines().len(), count, "{ahead}: {:?}", unread.lines());
        }
    }

    #[test]
    fn a_host_there_is_no_way_to_counts() {
        let mut unread = Unread::default();
        unread.leave_out("oldname", "no hypervisor");
        assert_eq!(unread.lines(), ["host `oldname`: no hypervisor"]);
    }
}
