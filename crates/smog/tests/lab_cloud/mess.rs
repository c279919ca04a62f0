//! What a test makes, found by its name and removed again.

#![allow(clippy::print_stderr, reason = "a test tells what it cleaned up")]

use std::sync::Mutex;
use std::time::Duration;

use smog::cloud::{BootMade, BootRequest, Cloud, ComputeService, RunningMigration, Server, ServerFilter};
use smog::host::Cmd;
use smog::wait::{self, SILENT, Seen, Wait};
use smog::{Error, Result};

pub const PATIENT: Wait<'static> =
    Wait { timeout: Duration::from_secs(100), every: Duration::from_millis(250), tell: SILENT };

/// The end of a test: whatever bears its prefix goes.
pub struct Mess {
    prefix: String,
    cloud: Cloud,
    services: Mutex<Vec<ComputeService>>,
}

impl Mess {
    /// Log in to the lab. Another cloud is none to force services down on.
    pub async fn begin(test: &str) -> (Cloud, Mess) {
        let cloud = smog::connect().await.expect("the lab must be up: lab/up, then eval \"$(lab/env)\"");
        assert!(cloud.lab().is_some(), "this is not a lab of smog's: its smog.yml has no `lab:`");
        let prefix = format!("t-cloud-{}-{test}-", std::process::id());
        (cloud.clone(), Mess { prefix, cloud, services: Mutex::default() })
    }

    pub fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub async fn boot(&self, request: BootRequest) -> Result<Server> {
        self.cloud.boot_server(&request, &BootMade::default(), PATIENT).await
    }

    /// This service will be as it was.
    pub fn will_restore(&self, service: &ComputeService) {
        self.services.lock().expect("services").push(service.clone());
    }

    pub async fn restore(&self) {
        let services = std::mem::take(&mut *self.services.lock().expect("services"));
        restore(&self.cloud, services).await;
    }
}

impl Drop for Mess {
    fn drop(&mut self) {
        let prefix = self.prefix.clone();
        let services = std::mem::take(self.services.get_mut().expect("services"));
        // The test's own runtime may be gone, or in a panic.
        let cleaned = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let cloud = smog::connect().await?;
                restore(&cloud, services).await;
                let ended = clean(&cloud, &prefix).await;
                cloud.close().await;
                ended
            })
        });
        let ended = cleaned.join().expect("no panic in the clean-up");
        if std::thread::panicking() {
            eprintln!("cleaned up: {ended:?}");
        } else {
            ended.expect("everything is removed");
        }
    }
}

async fn clean(cloud: &Cloud, prefix: &str) -> Result<()> {
    let filter = ServerFilter { name: Some(format!("^{prefix}")), ..ServerFilter::default() };
    let servers: Vec<Server> = cloud.servers_matching(&filter).await?;
    for server in &servers {
        cloud.delete_server(&server.id).await?;
    }
    for server in &servers {
        cloud.wait_until_gone(&server.id, PATIENT).await?;
    }
    let is_own = |name: &str| name.starts_with(prefix);
    for flavor in cloud.flavors().await?.iter().filter(|flavor| is_own(&flavor.name)) {
        cloud.delete_flavor(&flavor.id).await?;
    }
    for image in cloud.images().await?.iter().filter(|image| is_own(&image.name)) {
        cloud.delete_image(&image.id).await?;
    }
    for group in cloud.server_groups().await?.iter().filter(|group| is_own(&group.name)) {
        cloud.delete_server_group(&group.id).await?;
    }
    for aggregate in cloud.aggregates().await?.iter().filter(|aggregate| is_own(&aggregate.name)) {
        cloud.delete_aggregate(&aggregate.id).await?;
    }
    for pair in cloud.key_pairs().await?.iter().filter(|pair| is_own(&pair.name)) {
        cloud.delete_key_pair(&pair.name).await?;
    }
    for port in cloud.ports().await?.iter().filter(|port| is_own(&port.name)) {
        cloud.delete_port(&port.id).await?;
    }
    for network in cloud.networks().await?.iter().filter(|network| is_own(&network.name)) {
        cloud.delete_network(&network.id).await?;
    }
    for group in cloud.security_groups().await?.iter().filter(|group| is_own(&group.name)) {
        cloud.delete_security_group(&group.id).await?;
    }
    let isolated = format!("smog-{prefix}");
    for user in cloud.users().await?.iter().filter(|user| user.name.starts_with(&isolated)) {
        cloud.delete_user(&user.id).await?;
    }
    for project in cloud.projects().await?.iter().filter(|project| project.name.starts_with(&isolated)) {
        cloud.delete_project(&project.id).await?;
        for group in cloud.security_groups().await?.iter().filter(|group| group.project_id == project.id) {
            cloud.delete_security_group(&group.id).await?;
        }
    }
    Ok(())
}

/// Up and enabled again. nova-compute is restarted first, so that it removes what was
/// evacuated from it: Nova does not let the service up before.
async fn restore(cloud: &Cloud, services: Vec<ComputeService>) {
    for service in services {
        let host = cloud.host(&service.host).await.expect("its host");
        host.run(Cmd::new("systemctl").args(["restart", "nova-compute"])).await.expect("restarted");
        cloud.enable_service(&service.id).await.expect("enabled again");
        let begun = jiff::Timestamp::now();
        wait::until("the service to be up", PATIENT, || async {
            match cloud.force_down(&service.id, false).await {
                Err(Error::Api { status: 400, message, .. }) => return Ok(Seen::NotYet(message)),
                other => other?,
            };
            let now = cloud.compute_service(&service.id).await?;
            let reported =
                now.updated_at.as_deref().and_then(|at| format!("{at}Z").parse::<jiff::Timestamp>().ok());
            let is_fresh = reported.is_some_and(|at| at > begun) && now.state == "up";
            Ok(if is_fresh { Seen::Done(()) } else { Seen::NotYet(now.state) })
        })
        .await
        .expect("the service is up");
    }
}

/// The server's live migration, once the hypervisor has begun to count.
pub async fn running_migration(cloud: &Cloud, server_id: &str) -> RunningMigration {
    wait::until("a live migration that is counted", PATIENT, || async {
        let running = cloud.running_migrations(server_id).await?;
        Ok(match running.into_iter().find(|one| one.status == "running") {
            Some(one) if one.memory_total_bytes.is_some_and(|total| total > 0) => Seen::Done(one),
            Some(one) => Seen::NotYet(one.state()),
            None => Seen::NotYet("none".into()),
        })
    })
    .await
    .expect("a running migration")
}

pub async fn server_count(cloud: &Cloud, mess: &Mess) -> usize {
    let filter = ServerFilter { name: Some(format!("^{}", mess.prefix)), ..ServerFilter::default() };
    cloud.servers_matching(&filter).await.expect("servers").len()
}

/// The name without the prefix.
pub fn short(name: &str) -> String {
    name.rsplit('-').next().unwrap_or_default().to_string()
}
