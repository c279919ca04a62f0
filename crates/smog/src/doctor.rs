//! Whether smog can do its work here: credentials, services, hosts. What a person runs first on a
//! cloud of their own. Everything is looked at, also after something failed; nothing is changed.

mod hosts;
mod services;

use futures_util::stream::{FuturesOrdered, StreamExt as _};
use serde::Serialize;

use crate::cloud::{Cloud, Options};
use crate::config::Surroundings;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::hint::Face;
use crate::show::{Column, Show};

/// How one thing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As smog needs it.
    Ok,
    /// Something of smog does not work with it; the line says what.
    Limited,
    /// It does not work.
    Failed,
    /// It could not be looked at.
    Unknown,
}

impl Health {
    /// "ok", "limited", "failed", "unknown".
    pub fn name(self) -> &'static str {
        match self {
            Health::Ok => "ok",
            Health::Limited => "limited",
            Health::Failed => "failed",
            Health::Unknown => "unknown",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checkup {
    /// Whose: "cloud", or the name of a host.
    pub of: String,
    /// What: "login", "compute", "ssh", "virsh", "logs" …
    pub what: String,
    /// How it was found.
    pub health: Health,
    /// What was seen, or the error.
    pub seen: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

impl Checkup {
    fn new(of: &str, what: &str, health: Health, seen: impl Into<String>) -> Checkup {
        Checkup { of: of.into(), what: what.into(), health, seen: seen.into(), hint: None }
    }

    fn error(of: &str, what: &str, health: Health, error: &Error, face: Face) -> Checkup {
        Checkup { hint: error.hint_for(face), ..Checkup::new(of, what, health, error.to_string()) }
    }

    fn hint(self, hint: impl Into<String>) -> Checkup {
        Checkup { hint: Some(hint.into()), ..self }
    }
}

impl Show for Checkup {
    const PLURAL: &'static str = "checks";
    const COLUMNS: &'static [Column<Checkup>] = &[
        Column::new("of", |check| check.of.clone()),
        Column::new("what", |check| check.what.clone()),
        Column::new("health", |check| check.health.name().into()),
        Column::new("seen", |check| check.seen.clone()),
        Column::wide("hint", |check| check.hint.clone().unwrap_or_default()),
    ];
}

/// All that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// In the order in which a person fixes them: credentials, services, hosts.
    pub checkups: Vec<Checkup>,
}

impl Diagnosis {
    /// [`ExitCode::Ok`] when nothing failed; [`ExitCode::CouldNotRun`] when there is no login, a host
    /// does not answer, or something could not be looked at; else [`ExitCode::Failed`].
    pub fn exit_code(&self) -> ExitCode {
        let has = |health| self.checkups.iter().any(|one| one.health == health);
        let is_way = |one: &Checkup| matches!(one.what.as_str(), "login" | "ssh");
        let is_out = self.checkups.iter().any(|one| is_way(one) && one.health == Health::Failed);
        match () {
            () if is_out || has(Health::Unknown) => ExitCode::CouldNotRun,
            () if has(Health::Failed) => ExitCode::Failed,
            () => ExitCode::Ok,
        }
    }

    /// How many were found so.
    pub fn count(&self, health: Health) -> usize {
        self.checkups.iter().filter(|one| one.health == health).count()
    }
}

/// Look at everything: log in with what `surroundings` say, ask each service and each host. `only`
/// names the hosts to look at; all when it is empty. `each` is called with each checkup as it comes.
pub async fn diagnose(
    surroundings: &Surroundings,
    options: Options,
    only: &[String],
    face: Face,
    mut each: impl FnMut(&Checkup),
) -> Diagnosis {
    let mut checkups = Vec::new();
    let mut add = |checkup: Checkup| {
        each(&checkup);
        checkups.push(checkup);
    };
    if let Some(cloud) = log_in(surroundings, options, face, &mut add).await {
        for checkup in services::look(&cloud, face).await {
            add(checkup);
        }
        match host_names(&cloud, only).await {
            Ok(names) if names.is_empty() => {
                add(Checkup::new("cloud", "hosts", Health::Limited, "no host is known")
                    .hint("administrators get them from Nova; others list them in smog.yml under `hosts:`"))
            }
            Ok(names) => {
                let mut looks: FuturesOrdered<_> =
                    names.iter().map(|name| hosts::look(&cloud, name, face)).collect();
                while let Some(found) = looks.next().await {
                    found.into_iter().for_each(&mut add);
                }
            }
            Err(why) => add(Checkup::error("cloud", "hosts", Health::Unknown, &why, face)),
        }
        cloud.close().await;
    }
    Diagnosis { checkups }
}

async fn log_in(
    surroundings: &Surroundings,
    options: Options,
    face: Face,
    add: &mut impl FnMut(Checkup),
) -> Option<Cloud> {
    let settings = match surroundings.settings() {
        Ok(settings) => settings,
        Err(why) => {
            add(Checkup::error("cloud", "settings", Health::Failed, &why, face));
            add(Checkup::new(
                "cloud",
                "login",
                Health::Failed,
                "not tried: there are no settings to log in with",
            ));
            return None;
        }
    };
    let credentials = &settings.credentials;
    let seen = format!("cloud `{}` of {}", credentials.name, credentials.source);
    add(Checkup::new("cloud", "settings", Health::Ok, seen));
    match Cloud::connect(&settings, options).await {
        Ok(cloud) => {
            let seen = format!("{}; keystone at {}", cloud.whoami(), cloud.auth_url());
            add(Checkup::new("cloud", "login", Health::Ok, seen));
            Some(cloud)
        }
        Err(why) => {
            add(Checkup::error("cloud", "login", Health::Failed, &why, face));
            None
        }
    }
}

async fn host_names(cloud: &Cloud, only: &[String]) -> crate::Result<Vec<String>> {
    match only.is_empty() {
        true => match cloud.host_names().await {
            Err(Error::Api { status: 403, .. }) => Ok(Vec::new()),
            names => names,
        },
        false => {
            for name in only {
                cloud.host(name).await?;
            }
            Ok(only.to_vec())
        }
    }
}
