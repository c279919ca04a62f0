//! The project and user that the resources of a run, or of a case, belong to.

use std::collections::BTreeSet;

use super::Runner;
use crate::cloud::{Cloud, IsolatedProject, Options, Service};
use crate::config::Settings;
use crate::error::Result;
use crate::testing::clean;
use crate::testing::name::RunId;
use crate::testing::outcome::CaseReport;
use crate::wait::Wait;

impl Runner {
    /// A project and user of this name, without limits, and the cloud as this user sees it.
    /// The user is an administrator too, because placing servers on hosts needs one.
    pub(super) async fn own(&self, name: &str) -> Result<(IsolatedProject, Cloud)> {
        let word = name.strip_prefix("smog-").unwrap_or(name);
        let project = self.cloud.isolated_project(word).await?;
        let ready = async {
            let admin = self.cloud.role("admin").await?;
            self.cloud.grant_role(&admin.id, &project.user.id, &project.project.id).await?;
            for resource in ["instances", "cores", "ram", "server_groups", "server_group_members"] {
                self.cloud.set_quota(&project.project.id, Service::Compute, resource, None).await?;
            }
            let settings = Settings { credentials: project.credentials.clone(), ..self.settings.clone() };
            Cloud::connect(&settings, Options { no_token_cache: true, ..Options::default() }).await
        };
        match ready.await {
            Ok(cloud) => Ok((project, cloud)),
            Err(why) => {
                let _ = self.cloud.remove_isolated_project(&project, Wait::default()).await;
                Err(why)
            }
        }
    }

    /// Remove the run's project and whatever else bears its id; what could not be removed.
    pub(super) async fn sweep(
        &self,
        id: &RunId,
        project: Option<&IsolatedProject>,
        reports: &[Option<CaseReport>],
    ) -> Vec<String> {
        let kept: BTreeSet<&String> = reports.iter().flatten().flat_map(|report| &report.kept).collect();
        if !kept.is_empty() {
            return Vec::new();
        }
        self.doing("removing what the run made");
        // What this cannot remove is found below, tried again, and reported.
        if let Some(project) = project {
            let _ = self.cloud.remove_isolated_project(project, Wait::default()).await;
        }
        match clean::Leftovers::of(&self.cloud).await {
            Ok(leftovers) => leftovers.of_run(id).remove(&self.cloud, Wait::default()).await.left,
            Err(why) => vec![format!("what is left is not known: {why}")],
        }
    }
}
