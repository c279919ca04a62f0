//! What a case does to hosts, and how it is taken back.

use std::sync::Arc;

use super::super::case_log::{CaseLog, Undo};
use super::Test;
use crate::cloud::Cloud;
use crate::environment::{Environment, Target, Want, Wish};
use crate::error::{Error, Result};
use crate::host::ServiceRole;
use crate::wait::{self, Wait};

impl Test {
    /// Change hosts for the rest of the case: taken back when it ends, and in the journal, so
    /// that `smog restore` does it after a crash. A case that does this has the cloud alone;
    /// where several cases want the same, they name a [`Change`](super::Change) instead.
    ///
    /// # Errors
    /// As [`Environment::prepare`].
    pub async fn prepare(&self, wish: &Wish) -> Result<()> {
        self.step("change the hosts");
        let environment = Environment::of_cloud(&self.cloud, &[], self.environment.clone()).await?;
        let (wish, log) = (wish.clone(), Arc::clone(&self.log));
        self.to_its_end(async move { change(&environment, &wish, &log).await }).await
    }

    /// Carry out what changes hosts, to its end even when the case is cut off meanwhile: what
    /// is half changed can neither be used nor be taken back.
    async fn to_its_end(&self, work: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
        let held = Arc::clone(&self.log.changing).lock_owned().await;
        let task = tokio::spawn(async move {
            let ended = work.await;
            drop(held);
            ended
        });
        match task.await {
            Ok(ended) => ended,
            Err(why) => std::panic::resume_unwind(why.into_panic()),
        }
    }

    /// Cut a compute host off for the rest of the case: its nova-compute is stopped and
    /// marked as down in Nova. Both are undone when the case ends. After a crash
    /// `smog restore` starts nova-compute, for the stop is in the journal, and `smog clean`
    /// undoes the mark in Nova, because an aggregate without hosts bears the run's id and the service's.
    ///
    /// # Errors
    /// As [`Environment::prepare`] and [`Cloud::force_down`].
    pub async fn cut_off(&mut self, host: &str) -> Result<()> {
        self.step(format!("cut {host} off"));
        let way = self.cloud.host(host).await?;
        let layout = way.layout().await?;
        let unit = layout.place(ServiceRole::NovaCompute).and_then(|place| place.unit.clone());
        let unit = unit.ok_or_else(|| Error::Missing {
            host: host.into(),
            program: "nova-compute".into(),
            hint: "no unit of it is known on this host".into(),
        })?;
        let wish = Wish::new()
            .with(Target::Host(host.into()), Want::Unit { unit, enabled: None, active: Some(false) });
        let service = self.cloud.compute_service(host).await?;
        let environment =
            Environment::of_hosts(vec![way], Some(self.cloud.clone()), self.environment.clone());
        let mark = self.fresh_name("down");
        self.aggregate(&mark, &[(DOWN_SERVICE, &service.id), (DOWN_HOST, host)], &[]).await?;
        let (cloud, log, host) = (self.cloud.clone(), Arc::clone(&self.log), host.to_string());
        self.to_its_end(async move {
            change(&environment, &wish, &log).await?;
            log.said().made.undo.push(Undo::ForceDown(service.id.clone(), host));
            cloud.force_down(&service.id, true).await.map(drop)
        })
        .await
    }

    /// Take back what [`Test::cut_off`] did, and wait until Nova has the hosts back.
    ///
    /// # Errors
    /// As [`Cloud::force_down`] and [`Prepared::restore`].
    pub async fn bring_back(&self) -> Result<()> {
        self.step("bring the hosts back");
        let (cloud, log) = (self.cloud.clone(), Arc::clone(&self.log));
        self.to_its_end(async move {
            let undo = log.said().made.undo.clone();
            take_back(&cloud, undo, Wait::default()).await?;
            log.said().made.undo.clear();
            Ok(())
        })
        .await
    }
}

/// Change hosts; what an error has interrupted is taken back with the rest.
async fn change(environment: &Environment, wish: &Wish, log: &CaseLog) -> Result<()> {
    let (prepared, ended) = environment.begin(wish).await?;
    log.said().made.undo.push(Undo::Restore(Box::new(prepared)));
    ended
}

/// The keys of the aggregate that marks a compute service as forced down by a run: the id of
/// the service, and the name of its host.
pub(in crate::testing) const DOWN_SERVICE: &str = "smog_forced_down_service";
pub(in crate::testing) const DOWN_HOST: &str = "smog_forced_down_host";

/// Take changes of hosts and services back.
pub(in crate::testing) async fn take_back(cloud: &Cloud, undo: Vec<Undo>, wait: Wait<'_>) -> Result<()> {
    let mut first: Result<()> = Ok(());
    let mut forced = Vec::new();
    // nova-compute first: Nova keeps a host down until nova-compute has cleaned up what was evacuated.
    for undo in undo.into_iter().rev() {
        match undo {
            Undo::Restore(prepared) => first = first.and(prepared.restore().await.map(drop)),
            Undo::ForceDown(service, host) => forced.push((service, host)),
        }
    }
    for (service, host) in forced {
        let what = format!("nova-compute on {host} to be up");
        let up = wait::until(&what, wait, || async {
            match cloud.force_down(&service, false).await {
                Ok(now) if now.state == "up" && !now.forced_down => return Ok(wait::Seen::Done(())),
                Ok(_) => {}
                Err(Error::Api { status, message, .. }) if status < 500 => {
                    return Ok(wait::Seen::NotYet(message));
                }
                Err(why) => return Err(why),
            }
            let service = cloud.compute_service(&host).await?;
            Ok(match service.state.as_str() {
                "up" => wait::Seen::Done(()),
                state => wait::Seen::NotYet(state.to_string()),
            })
        });
        first = first.and(up.await);
    }
    first
}
