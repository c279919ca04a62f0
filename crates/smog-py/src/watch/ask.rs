//! Which hosts, which files, which records.

use std::sync::Arc;

use jiff::Timestamp;
use smog::watch::{Allow, AllowList, Filter, From, Level, LogsWanted, Plan, patterns};
use smog::{Error, Result};

use crate::session::Session;

/// What `cloud.watch` and `cloud.monitor` take.
#[derive(Default)]
pub struct LogsAsked {
    pub hosts: Vec<String>,
    pub files: Vec<String>,
    pub units: Vec<String>,
    pub command: Option<String>,
    pub level: Option<String>,
    pub grep: Vec<String>,
    pub requests: Vec<String>,
    pub guest: Option<String>,
    pub exceptions: bool,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub follow: bool,
    pub allow: Vec<String>,
}

impl LogsAsked {
    /// Which records are wanted.
    pub async fn filter(&self, session: &Session) -> Result<Filter> {
        let level = match &self.level {
            None => None,
            Some(word) => Some(Level::of(&word.to_uppercase()).ok_or_else(|| Error::Invalid {
                what: format!("level `{word}`"),
                why: "no such level".into(),
                hint: Some("debug, info, warning, error or critical".into()),
            })?),
        };
        let mut filter = Filter {
            level,
            patterns: if self.grep.is_empty() { None } else { Some(patterns(&self.grep)?) },
            requests: self.requests.clone(),
            exceptions: self.exceptions,
            ..Filter::default()
        };
        if let Some(asked) = &self.guest {
            let cloud = session.cloud().await?;
            filter.of_guest(&cloud, asked).await?;
        }
        Ok(filter)
    }

    /// Which hosts are read, and what of each.
    pub async fn plan(&self, session: &Session) -> Result<Plan> {
        let section = &session.settings().file.watch;
        let wanted = LogsWanted {
            hosts: self.hosts.clone(),
            leave_out: section.leave_out.clone(),
            files: self.files.clone(),
            units: self.units.clone(),
            command: self.command.clone(),
            more: section.logs.clone(),
            from: self.since.map_or(From::End, From::Since),
            until: self.until,
            follow: self.follow,
            ..LogsWanted::default()
        };
        wanted.plan(&session.cloud().await?).await
    }

    /// Known noise: of smog.yml, and `TYPE` or `TYPE@LOGGER` as given.
    pub fn allow_list(&self, session: &Arc<Session>) -> Result<AllowList> {
        let mut entries = vec![];
        for entry in &session.settings().file.watch.allow {
            let why = entry.why.as_deref().unwrap_or("smog.yml");
            let (exception, logger) = (entry.exception.as_deref(), entry.logger.as_deref());
            entries.push(Allow::of(exception, logger, entry.message.as_deref(), Some(why))?);
        }
        for text in &self.allow {
            let (exception, logger) = match text.split_once('@') {
                Some((exception, logger)) => (Some(exception).filter(|text| !text.is_empty()), Some(logger)),
                None => (Some(text.as_str()).filter(|text| !text.is_empty()), None),
            };
            entries.push(Allow::of(exception, logger, None, Some("allow"))?);
        }
        Ok(AllowList::new(entries))
    }
}

/// The logs of all hosts, as smog.yml has them.
pub fn logs_of_traces(session: &Session) -> LogsWanted {
    let section = &session.settings().file.watch;
    LogsWanted {
        leave_out: section.leave_out.clone(),
        more: section.logs.clone(),
        all_services: true,
        ..LogsWanted::default()
    }
}
