//! The hands of a case: it boots, looks, checks; what it makes is removed after it.

mod checks;
mod hosts;
mod make;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use super::case_log::CaseLog;
use super::inventory::ComputeHost;
use super::outcome::Place;
use super::{Case, Inventory, Seen, Stage};
use crate::cloud::server_actions as actions;
use crate::cloud::{Cloud, LiveMigration, Order};
use crate::config::SmogFile;
use crate::environment;
use crate::error::{Error, Result};
use crate::flavor::FlavorSpec;
use crate::guest::Guest;
use crate::wait::{self, Wait, Waiting};

pub(super) use hosts::{DOWN_HOST, DOWN_SERVICE, take_back};

/// A running case. What it makes carries the run's id and is removed when it ends.
pub struct Test {
    /// The cloud, as the run's own user in the run's own project. The user is an
    /// administrator there, as naming hosts and reading their names needs.
    pub cloud: Cloud,
    /// What there is.
    pub inventory: Arc<Inventory>,
    /// The settings of the case's suite.
    pub settings: SmogFile,
    /// The hosts it has, by Nova's names; guests that claim CPUs or pages begin on the first.
    pub stage: Stage,
    case: Case,
    prefix: String,
    environment: environment::Options,
    count: u32,
    pub(super) log: Arc<CaseLog>,
    tell: Box<dyn Fn(Waiting<'_>) + Send + Sync>,
}

/// What the runner gives a case.
pub(super) struct Given {
    pub cloud: Cloud,
    pub inventory: Arc<Inventory>,
    pub settings: SmogFile,
    pub stage: Stage,
    /// How the names of everything it makes begin.
    pub prefix: String,
    pub environment: environment::Options,
}

impl Test {
    pub(super) fn new(case: Case, log: Arc<CaseLog>, given: Given) -> Test {
        let waits = Arc::clone(&log);
        let tell = Box::new(move |waiting: Waiting<'_>| {
            waits.state(&format!("{}: {}", waiting.what, waiting.last));
        });
        let Given { cloud, inventory, settings, stage, prefix, environment } = given;
        Test { cloud, inventory, settings, stage, case, prefix, environment, count: 0, log, tell }
    }

    /// "suite.Class.test_name".
    pub fn name(&self) -> &'static str {
        self.case.name
    }

    /// How to wait: long enough for anything a cloud does by itself, reported to the observer.
    pub fn wait(&self) -> Wait<'_> {
        self.wait_up_to(Duration::from_secs(180))
    }

    /// How to wait, for at most so long: with a look every second, since cases run next to each
    /// other, and a look at a server costs nova-api and neutron-server more than 100 ms of CPU.
    pub fn wait_up_to(&self, timeout: Duration) -> Wait<'_> {
        Wait { timeout, every: Duration::from_secs(1), tell: &*self.tell }
    }

    /// Say what is done from here on; it stands in the report's time line.
    pub fn step(&self, text: impl Into<String>) {
        let text = text.into();
        self.log.state(&text);
        let after = self.log.after();
        self.log.said().steps.push((after, text));
    }

    /// End the case as skipped: `return t.skip("…")`. Reasons that can be known before
    /// it runs belong into its needs.
    ///
    /// # Errors
    /// None; the form lets a case end with it.
    pub fn skip(&self, why: impl Into<String>) -> Result<()> {
        self.log.said().skipped = Some(why.into());
        Ok(())
    }

    /// Records of these requests are the case's own as well: another program asked for them.
    pub(super) fn belongs_to(&self, requests: Vec<String>) {
        self.log.said().requests.extend(requests);
    }

    /// A host of its stage. Cases have as many as they claim.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than it claims.
    pub fn host(&self, at: usize) -> Result<&ComputeHost> {
        let name = self.stage.hosts.get(at);
        name.and_then(|name| self.inventory.host(name)).ok_or_else(|| Error::Invalid {
            what: format!("host {at} of `{}`", self.case.name),
            why: format!("its stage has {} hosts", self.stage.hosts.len()),
            hint: Some("claim more hosts in the case's table".into()),
        })
    }

    /// Look at a guest on all layers. What is seen stands in the report.
    ///
    /// # Errors
    /// As [`Seen::of`].
    pub async fn look(&self, guest: &mut Guest) -> Result<Seen> {
        let seen = Seen::of(&self.cloud, guest).await?;
        let huge =
            seen.process().memory.as_ref().map(|maps| maps.huge_kib().values().sum::<u64>()).unwrap_or(0);
        let place = Place {
            after: self.log.after(),
            guest: guest.name().to_string(),
            host: seen.host().to_string(),
            vcpus: seen.affinity().into_values().collect(),
            pinned: seen.domain().is_pinned(),
            huge_mib: huge / 1024,
            cells: seen.domain().cells().len(),
        };
        self.log.said().places.push(place);
        Ok(seen)
    }

    /// Live-migrate a guest, to a host or to the scheduler's choice.
    ///
    /// # Errors
    /// As [`Guest::live_migrate`].
    pub async fn live_migrate(&self, guest: &mut Guest, to: Option<&str>) -> Result<()> {
        self.step(match to {
            Some(host) => format!("live-migrate `{}` to {host}", guest.name()),
            None => format!("live-migrate `{}`", guest.name()),
        });
        guest.live_migrate(to, self.wait()).await
    }

    /// Live-migrate where it must be refused: the reason Nova gives.
    ///
    /// # Errors
    /// What is no refusal.
    pub async fn migration_refused(
        &self,
        what: &str,
        guest: &mut Guest,
        how: &LiveMigration,
    ) -> Result<String> {
        self.step(format!("live-migrate `{}`, which must be refused", guest.name()));
        self.allow("NoValidHost");
        match self.cloud.live_migrate_with(&guest.server, how, self.wait()).await {
            Ok(server) => {
                let host = server.host.clone().unwrap_or_default();
                guest.server = server;
                self.check(what, false, format!("it moves, to {host}"), "Nova refuses it");
                Ok(String::new())
            }
            Err(Error::Fault { fault, .. }) => Ok(fault),
            Err(Error::Api { status, message, .. }) if status < 500 => Ok(message),
            Err(why) => Err(why),
        }
    }

    /// Give an order and wait until it is carried out.
    ///
    /// # Errors
    /// As [`Guest::carry_out`].
    pub async fn order_to(&self, guest: &mut Guest, order: impl Into<Order>) -> Result<()> {
        let order = order.into();
        self.step(format!("{} `{}`", order.name(), guest.name()));
        guest.carry_out(order, self.wait()).await
    }

    /// Resize to a flavor, and keep it so.
    ///
    /// # Errors
    /// As [`Guest::carry_out`].
    pub async fn resize(&mut self, guest: &mut Guest, spec: FlavorSpec) -> Result<()> {
        let flavor = self.flavor(spec).await?;
        self.order_to(guest, actions::RESIZE.with("flavor", flavor.id)).await?;
        self.order_to(guest, &actions::CONFIRM_RESIZE).await
    }

    /// Delete a guest and wait until it is gone.
    ///
    /// # Errors
    /// As [`Guest::delete`].
    pub async fn delete(&self, guest: &Guest) -> Result<()> {
        self.step(format!("delete `{}`", guest.name()));
        guest.delete(self.wait()).await
    }

    /// Wait until the guest's serial console says something that `found` finds.
    ///
    /// # Errors
    /// [`Error::Timeout`] with the console's last line.
    pub async fn console_until<T>(
        &self,
        guest: &Guest,
        what: &str,
        found: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        let what = format!("console of `{}` to say {what}", guest.name());
        wait::until(&what, self.wait(), || async {
            let text = guest.console(Some(400)).await?;
            Ok(match found(&text) {
                Some(value) => wait::Seen::Done(value),
                None => wait::Seen::NotYet(text.lines().last().unwrap_or("nothing yet").to_string()),
            })
        })
        .await
    }
}

impl Debug for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Test({} on {})", self.case.name, self.stage.hosts.join(", "))
    }
}
