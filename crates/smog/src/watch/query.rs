//! What a person asks of logs, and what it comes to: the same for every face.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use super::allow::{Allow, AllowList};
use super::filter::{Filter, patterns};
use super::level::Level;
use super::merge::Event;
use super::plan::{LogsWanted, Plan};
use super::sources::From;
use crate::cloud::Cloud;
use crate::config::{SmogFile, WatchSection};
use crate::error::{Error, Result};
use crate::exit::ExitCode;
use crate::guest::Guest;
use crate::host::Host;

/// Which hosts, which logs and which records. A face only fills it in; [`LogQuery::resolve`]
/// has the defaults and what is done when the cloud does not answer.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// These hosts; empty: all that the cloud and smog.yml know.
    pub hosts: Vec<String>,
    /// These files (paths or globs) instead of the usual places.
    pub files: Vec<String>,
    /// The journal of these units as well.
    pub units: Vec<String>,
    /// The output of this command instead of logs.
    pub command: Option<String>,
    /// At least this level.
    pub level: Option<Level>,
    /// Only records that match one of these regular expressions.
    pub patterns: Vec<String>,
    /// Only records of one of these requests.
    pub requests: Vec<String>,
    /// Only records of this guest: name, id or an unambiguous beginning; also of a deleted one.
    pub guest: Option<String>,
    /// Only records with an exception.
    pub exceptions: bool,
    /// Begin at this time. Without it, what follows the logs begins now, and a search begins at the
    /// creation of `guest`, a day back for `requests`, and an hour back for all else.
    pub since: Option<Timestamp>,
    /// Begin where this request first shows, a day back at most.
    pub since_request: Option<String>,
    /// End at this time.
    pub until: Option<Timestamp>,
    /// Go on at the end.
    pub follow: bool,
    /// Exceptions that are not findings: `TYPE`, `TYPE@LOGGER` or `@LOGGER`, in addition to `watch.allow` of
    /// smog.yml.
    pub allow: Vec<String>,
}

/// What a [`LogQuery`] came to.
#[derive(Debug)]
pub struct LogSearch {
    /// Which records are wanted.
    pub filter: Filter,
    /// Which exceptions are no finding.
    pub allow: AllowList,
    /// Which hosts are read, and what of each.
    pub plan: Plan,
    /// The guest that was named.
    pub guest: Option<Guest>,
    /// Where reading begins.
    pub from: From,
    /// Why the cloud could not be asked, when the hosts of smog.yml are read instead.
    pub without_cloud: Option<Error>,
}

/// The request that created a guest came so long before it, at most.
const BEFORE_CREATION: SignedDuration = SignedDuration::from_secs(10);

impl LogQuery {
    /// Look what is meant: `cloud` is the cloud, or why it does not answer. In that case the hosts of
    /// smog.yml are read, since the logs are what one wants to see then.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong expression, allow-list entry or time; [`Error::NotFound`] for an
    /// unknown host, guest or request; the cloud's own error when smog.yml has no hosts either, or
    /// when `guest` has to be asked for.
    pub async fn resolve(&self, file: &SmogFile, cloud: Result<Cloud>) -> Result<LogSearch> {
        let allow = self.allow_list(&file.watch)?;
        let (mut filter, guest) = self.filter(cloud.as_ref()).await?;
        let since = match &self.since_request {
            Some(request) => Some(self.first_of(request, file, cloud.clone()).await?),
            None => {
                let now = cloud.as_ref().map_or_else(|_| Timestamp::now(), Cloud::now);
                self.since.or_else(|| self.usual_beginning(guest.as_ref(), now))
            }
        };
        in_order(since, self.until)?;
        filter.since = since;
        filter.until = self.until;
        let from = since.map_or(From::End, From::Since);
        let (plan, without_cloud) = self.plan(file, cloud, from).await?;
        Ok(LogSearch { filter, allow, plan, guest, from, without_cloud })
    }

    /// Which records are wanted, without asking whose requests a guest's were: for logs that were saved.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong expression, and for an end before the beginning.
    pub fn filter_of_records(&self) -> Result<Filter> {
        in_order(self.since, self.until)?;
        Ok(Filter {
            level: self.level,
            patterns: if self.patterns.is_empty() { None } else { Some(patterns(&self.patterns)?) },
            requests: self.requests.clone(),
            exceptions: self.exceptions,
            since: self.since,
            until: self.until,
            ..Filter::default()
        })
    }

    async fn filter(&self, cloud: Result<&Cloud, &Error>) -> Result<(Filter, Option<Guest>)> {
        let mut filter = self.filter_of_records()?;
        let Some(asked) = &self.guest else { return Ok((filter, None)) };
        let cloud = cloud.map_err(Clone::clone)?;
        let guest = filter.of_guest(cloud, asked).await?;
        Ok((filter, Some(guest)))
    }

    /// The exceptions that are not findings: those of smog.yml, and those that were named.
    ///
    /// # Errors
    /// As [`Allow::of`].
    pub fn allow_list(&self, section: &WatchSection) -> Result<AllowList> {
        let mut entries = Allow::of_section(section)?;
        for text in &self.allow {
            entries.push(text.parse()?);
        }
        Ok(AllowList::new(entries))
    }

    /// Where a search begins of itself.
    fn usual_beginning(&self, guest: Option<&Guest>, now: Timestamp) -> Option<Timestamp> {
        if self.follow {
            return None;
        }
        let ago = |hours| now - SignedDuration::from_hours(hours);
        let created = guest.and_then(|guest| guest.server.created.parse::<Timestamp>().ok());
        Some(match created {
            Some(created) => created - BEFORE_CREATION,
            None if !self.requests.is_empty() => ago(24),
            None => ago(1),
        })
    }

    async fn plan(&self, file: &SmogFile, cloud: Result<Cloud>, from: From) -> Result<(Plan, Option<Error>)> {
        let wanted = LogsWanted {
            hosts: self.hosts.clone(),
            files: self.files.clone(),
            units: self.units.clone(),
            command: self.command.clone(),
            from,
            until: self.until,
            follow: self.follow,
            ..LogsWanted::of_section(&file.watch)
        };
        match cloud {
            Ok(cloud) => Ok((wanted.plan(&cloud).await?, None)),
            Err(why) if why.exit_code() == ExitCode::CouldNotRun => {
                let hosts = self.hosts_of_file(file, &why)?;
                Ok((wanted.plan_of(hosts).await, Some(why)))
            }
            Err(why) => Err(why),
        }
    }

    fn hosts_of_file(&self, file: &SmogFile, why: &Error) -> Result<Vec<Host>> {
        let mut hosts = Host::of_file(file);
        if hosts.is_empty() {
            return Err(why.clone());
        }
        let known: Vec<String> = hosts.iter().map(|host| host.name().to_string()).collect();
        if let Some(name) = self.hosts.iter().find(|name| !known.contains(name)) {
            return Err(Error::NotFound { what: "host".into(), name: name.clone(), near: known });
        }
        hosts.retain(|host| self.hosts.is_empty() || self.hosts.iter().any(|name| name == host.name()));
        Ok(hosts)
    }

    /// The time of the first record that names a request; a day back at most.
    async fn first_of(&self, request: &str, file: &SmogFile, cloud: Result<Cloud>) -> Result<Timestamp> {
        let now = cloud.as_ref().map_or_else(|_| Timestamp::now(), Cloud::now);
        let day_ago = now - SignedDuration::from_hours(24);
        let search = LogQuery { follow: false, until: None, ..self.clone() };
        let (plan, _) = search.plan(file, cloud, From::Since(day_ago)).await?;
        let filter = Filter { requests: vec![request.to_string()], ..Filter::default() };
        let mut watch = plan.watch();
        while let Some(event) = watch.next().await {
            if let Event::Record(record) = event
                && filter.wants(&record)
                && let Some(time) = record.time
            {
                watch.stop().await;
                return Ok(time);
            }
        }
        Err(Error::NotFound { what: "request of the last day".into(), name: request.into(), near: vec![] })
    }
}

fn in_order(since: Option<Timestamp>, until: Option<Timestamp>) -> Result<()> {
    match (since, until) {
        (Some(since), Some(until)) if until < since => Err(Error::Invalid {
            what: format!("the end {until}"),
            why: format!("it is before the beginning, {since}"),
            hint: None,
        }),
        _ => Ok(()),
    }
}

impl FromStr for Allow {
    type Err = Error;

    /// `TYPE`, `TYPE@LOGGER` or `@LOGGER`.
    fn from_str(text: &str) -> Result<Allow> {
        let (exception, logger) = match text.split_once('@') {
            Some((exception, logger)) => (exception, Some(logger)),
            None => (text, None),
        };
        Allow::of(Some(exception).filter(|text| !text.is_empty()), logger, None, Some("asked for"))
    }
}

impl FromStr for Level {
    type Err = Error;

    /// A level by its name, in any case.
    fn from_str(text: &str) -> Result<Level> {
        Level::of(text).ok_or_else(|| Error::Invalid {
            what: format!("level `{text}`"),
            why: "not one of trace, debug, info, warning, error, critical".into(),
            hint: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> Result<Cloud> {
        Err(Error::Unreachable { what: "keystone".into(), why: "refused".into(), hint: "".into() })
    }

    const HOSTS: &str = "hosts: {computes: [{name: cmp1, host: 192.0.2.1}, {name: cmp2, host: 192.0.2.2}]}\n";

    #[tokio::test]
    async fn without_the_cloud_the_hosts_of_smog_yml_are_read() {
        let query = LogQuery {
            hosts: vec!["cmp2".into()],
            files: vec!["/var/log/x.log".into()],
            ..LogQuery::default()
        };
        let search = query.resolve(&SmogFile::of_text(HOSTS), away()).await.expect("a search");
        let hosts: Vec<&str> = search.plan.hosts.iter().map(|(host, _)| host.name()).collect();
        assert_eq!(hosts, ["cmp2"]);
        assert!(search.without_cloud.is_some());
        let unknown = LogQuery { hosts: vec!["cmp3".into()], ..query.clone() };
        let why = unknown.resolve(&SmogFile::of_text(HOSTS), away()).await.expect_err("no such host");
        assert!(matches!(why, Error::NotFound { .. }), "{why}");
        let why = query.resolve(&SmogFile::of_text(""), away()).await.expect_err("no hosts either");
        assert!(matches!(why, Error::Unreachable { .. }), "{why}");
        // Whose requests they were only the cloud knows.
        let of_guest = LogQuery { guest: Some("web".into()), ..LogQuery::default() };
        let why =
            of_guest.resolve(&SmogFile::of_text(HOSTS), away()).await.expect_err("the guest is not known");
        assert!(matches!(why, Error::Unreachable { .. }), "{why}");
    }

    #[tokio::test]
    async fn a_search_begins_an_hour_back_and_a_watch_now() {
        let query = LogQuery { files: vec!["/var/log/x.log".into()], ..LogQuery::default() };
        let begins = async |query: LogQuery| {
            let search = query.resolve(&SmogFile::of_text(HOSTS), away()).await.expect("a search");
            match search.from {
                From::Since(time) => (Timestamp::now() - time).get_seconds() / 3600,
                _ => -1,
            }
        };
        assert_eq!(begins(query.clone()).await, 1);
        assert_eq!(begins(LogQuery { requests: vec!["req-1".into()], ..query.clone() }).await, 24);
        assert_eq!(begins(LogQuery { follow: true, ..query.clone() }).await, -1);
        let now = Timestamp::now();
        let wrong = LogQuery { since: Some(now), until: Some(now - SignedDuration::from_secs(1)), ..query };
        let why =
            wrong.resolve(&SmogFile::of_text(HOSTS), away()).await.expect_err("an end before the beginning");
        assert!(why.to_string().contains("before the beginning"), "{why}");
    }

    #[test]
    fn known_noise_has_one_form() {
        let text = |text: &str| {
            text.parse::<Allow>()
                .map(|one| (one.exception.unwrap_or_default(), one.logger.unwrap_or_default()))
        };
        assert_eq!(text("A@b.c").ok(), Some(("A".into(), "b.c".into())));
        assert_eq!(text("@b.c").ok(), Some((String::new(), "b.c".into())));
        assert_eq!(text("A").ok(), Some(("A".into(), String::new())));
        assert!(text("").is_err());
    }
}
