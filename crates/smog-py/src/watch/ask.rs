//! Which hosts, which files, which records.

use std::sync::Arc;

use jiff::Timestamp;
use smog::host::Host;
use smog::watch::{Allow, AllowList, Filter, From, Level, Sources, patterns};
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
            let guest = cloud.guest(asked).await?;
            let actions = cloud.actions(&guest.server.id).await?;
            filter.requests.extend(actions.into_iter().map(|action| action.request_id));
            filter.guest = Some(guest.server.id.clone());
        }
        Ok(filter)
    }

    /// The hosts with what is followed on each.
    pub async fn sources(&self, session: &Session) -> Result<Vec<(Host, Sources)>> {
        let cloud = session.cloud().await?;
        let names = if self.hosts.is_empty() { cloud.host_names().await } else { self.hosts.clone() };
        let more = &session.settings().file.watch.logs;
        let mut hosts: Vec<Host> = vec![];
        for name in names {
            let host = cloud.host(&name).await?;
            if !hosts.iter().any(|other| other.name() == host.name()) {
                hosts.push(host);
            }
        }
        let looks: Vec<_> = hosts
            .into_iter()
            .map(|host| {
                let (files, command) = (self.files.clone(), self.command.clone());
                tokio::spawn(async move {
                    let sources = match (&command, files.is_empty()) {
                        (Some(command), _) => Ok(Sources::command(command)),
                        (None, false) => Ok(Sources::files(files)),
                        (None, true) => Sources::detect(&host).await,
                    };
                    (host, sources)
                })
            })
            .collect();
        let mut all = vec![];
        for look in looks {
            let Ok((host, sources)) = look.await else { continue };
            // A host that is away may come back: its usual places are followed then.
            let mut sources = match sources {
                Err(why) if why.is_temporary() && self.follow => Sources::usual(),
                other => other?,
            };
            if self.files.is_empty() && self.command.is_none() {
                sources.files.extend(more.iter().cloned());
            }
            sources.units.extend(self.units.iter().cloned());
            sources.from = self.since.map_or(From::End, From::Since);
            sources.until = self.until;
            sources.follow = self.follow;
            all.push((host, sources));
        }
        Ok(all)
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
