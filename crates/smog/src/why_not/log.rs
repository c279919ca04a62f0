//! What the scheduler logged about a request that found no host.

use super::answer::{FilterCount, SchedulerLog};
use super::request::Failed;
use crate::cloud::Cloud;
use crate::error::Result;
use crate::watch::{Event, From, LogsWanted};

/// Read it on the hosts of nova-scheduler, around the time of the request. `None` when nothing is said there.
pub(super) async fn read(cloud: &Cloud, failed: &Failed) -> Result<Option<SchedulerLog>> {
    let services = cloud.compute_services().await?;
    let mut hosts: Vec<String> =
        services.into_iter().filter(|one| one.binary == "nova-scheduler").map(|one| one.host).collect();
    hosts.sort();
    hosts.dedup();
    let Some(began) = failed.action.began() else { return Ok(None) };
    let margin = |seconds| jiff::SignedDuration::from_secs(seconds);
    let until = failed.action.changed().unwrap_or(began).max(began) + margin(10);
    let wanted = LogsWanted {
        hosts,
        from: From::Since(began - margin(3)),
        until: Some(until),
        ..LogsWanted::default()
    };
    let mut watch = wanted.plan(cloud).await?.watch();
    let mut found = None;
    while let Some(event) = watch.next().await {
        if let Event::Record(record) = event
            && record.request_id.as_deref() == Some(&failed.request_id)
        {
            line(&mut found, &failed.request_id, &record.message);
        }
    }
    Ok(found)
}

/// One line of the scheduler. A later attempt overrules an earlier one.
pub(super) fn line(found: &mut Option<SchedulerLog>, request_id: &str, message: &str) {
    let new = || SchedulerLog { request_id: request_id.to_string(), ..SchedulerLog::default() };
    if message.contains("Got no allocation candidates from the Placement API") {
        *found = Some(SchedulerLog { placement_had_none: true, ..new() });
    } else if let Some((_, rest)) = message.split_once("Filter ")
        && let Some((name, _)) = rest.split_once(" returned 0 hosts")
    {
        *found = Some(SchedulerLog { filter: Some(name.trim().to_string()), ..new() });
    } else if let Some((_, results)) = message.split_once("Filter results: ")
        && let Some(found) = found
    {
        found.filters = results.split("', '").filter_map(count).collect();
    }
}

/// "ComputeFilter: (start: 2, end: 1)"
fn count(text: &str) -> Option<FilterCount> {
    let (name, rest) = text.trim_matches(['[', ']', '\'', ' ']).split_once(": (start: ")?;
    let (before, after) = rest.split_once(", end: ")?;
    let after: String = after.chars().take_while(char::is_ascii_digit).collect();
    Some(FilterCount { name: name.to_string(), before: before.parse().ok()?, after: after.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of the lab's nova-scheduler (Epoxy).
    #[test]
    fn the_scheduler_s_own_words() {
        let mut found = None;
        line(&mut found, "req-1", "Filter NUMATopologyFilter returned 0 hosts");
        line(
            &mut found,
            "req-1",
            "Filtering removed all hosts for the request with instance ID 'x'. Filter results: \
             ['ComputeFilter: (start: 2, end: 2)', 'NUMATopologyFilter: (start: 2, end: 0)']",
        );
        let log = found.clone().expect("a log");
        assert_eq!(log.words(), "NUMATopologyFilter removed the last 2 hosts");
        assert_eq!((log.filters.len(), log.filters[1].before, log.filters[1].after), (2, 2, 0));
        line(&mut found, "req-1", "Got no allocation candidates from the Placement API. This could be due …");
        assert_eq!(found.expect("a log").words(), "placement named no host");
    }
}
