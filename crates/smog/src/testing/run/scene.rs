//! What is looked at when a case ended badly: where the time of its guests' actions went, and
//! what nova-compute does where something is stuck.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::{Run, Runner};
use crate::cloud::{Action, Cloud};
use crate::error::Error;
use crate::guru;
use crate::hint::Face;
use crate::host::Host;
use crate::testing::case_folder::Folder;
use crate::testing::case_log::CaseLog;
use crate::testing::meditation::{self, Meditation};
use crate::testing::schedule::Stage;
use crate::testing::{CallLine, Case, Event};
use crate::trace::{Known, Trace, TracedGuest};

/// So many actions of a case are traced.
const MOST_TRACES: usize = 6;

/// So many of its last orders are, whatever became of their servers.
const MOST_ORDERS: usize = 2;

/// Between the two reports of a service, so that what does not move is seen.
const APART: Duration = Duration::from_secs(2);

/// All services together are asked for so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What has happened to the guests of a case, from the logs. Of each guest: what failed, or had
/// not ended; else what was done last.
pub(super) async fn traces(
    cloud: &Cloud,
    run: &Run,
    log: &CaseLog,
    calls: &[CallLine],
    began: Timestamp,
    over_at: Timestamp,
) -> Vec<Trace> {
    let servers = log.said().made.servers.clone();
    let mut known = Vec::new();
    for (id, name) in servers {
        let Ok(actions) = cloud.actions_with_events(&id).await else { continue };
        let server = cloud.server_even_deleted(&id).await.ok();
        let domain = server.and_then(|server| server.instance_name);
        let guest = TracedGuest { id, name: Some(name), status: None, domain };
        for action in chosen(&actions, over_at) {
            let others: BTreeSet<String> = actions
                .iter()
                .map(|other| other.request_id.clone())
                .filter(|other| *other != action.request_id)
                .collect();
            known.push(Known {
                request_id: action.request_id.clone(),
                guest: Some(guest.clone()),
                action: Some(action.clone()),
                others,
                asked_at: Some(over_at),
                notes: vec![],
            });
        }
    }
    // What was requested and is no longer a server of the case: a boot that was interrupted.
    let ordered = calls.iter().rev().filter(|call| call.at <= over_at && is_order(call));
    for request_id in ordered.filter_map(|call| call.request_id.clone()).take(MOST_ORDERS) {
        if !known.iter().any(|known| known.request_id == request_id) {
            known.push(Known { request_id, asked_at: Some(over_at), ..Known::default() });
        }
    }
    known.truncate(MOST_TRACES);
    run.logs.traces(began, known).await
}

/// Whether a call orders something of a server.
fn is_order(call: &CallLine) -> bool {
    call.service == "compute" && call.method != "GET" && call.path.starts_with("/servers")
}

/// The actions worth a look, of those that began before a case was over: its clean-up is no
/// part of it.
fn chosen(actions: &[Action], over_at: Timestamp) -> Vec<&Action> {
    let before: Vec<&Action> =
        actions.iter().filter(|action| action.began().is_none_or(|began| began <= over_at)).collect();
    let is_bad = |action: &&&Action| action.failure().is_some() || action.is_under_way();
    let bad: Vec<&Action> = before.iter().filter(is_bad).copied().collect();
    match bad.is_empty() {
        true => before.into_iter().take(1).collect(),
        false => bad,
    }
}

pub(super) fn write_traces(folder: &Folder, traces: &[Trace]) {
    if traces.is_empty() {
        return;
    }
    let texts: Vec<String> = traces.iter().map(ToString::to_string).collect();
    folder.write("traces.txt", &(texts.join("\n\n") + "\n"));
    if let Ok(text) = serde_json::to_string_pretty(traces) {
        folder.write("traces.json", &text);
    }
}

/// Why the services are asked what they do: the case timed out, or the task state of one
/// of its servers does not change.
pub(super) async fn stuck(cloud: &Cloud, log: &CaseLog, is_time_over: bool) -> Option<String> {
    let servers = log.said().made.servers.clone();
    let asked = servers.iter().map(|(id, _)| cloud.server_by_id(id));
    let found: Vec<_> = futures_util::future::join_all(asked).await.into_iter().flatten().collect();
    let stuck = meditation::stuck(&found, Timestamp::now());
    stuck.or_else(|| is_time_over.then(|| "it timed out".into()))
}

/// Something did not end in time: what does nova-compute do on the hosts of the case, and where its
/// guests are? `because` says what was stuck.
pub(super) async fn ask_services(
    case: &Case,
    run: &Run,
    stage: &Stage,
    log: &CaseLog,
    folder: &Folder,
    runner: &Runner,
    because: &str,
) -> Vec<Meditation> {
    runner.tell(Event::CaseState { case, text: "asking nova-compute what it does" });
    let mut of_case: BTreeSet<String> = stage.hosts.iter().cloned().collect();
    // A guest that asks for no host goes to the scheduler's choice.
    let servers = log.said().made.servers.clone();
    for (id, _) in servers {
        let actions = runner.cloud.actions_with_events(&id).await.unwrap_or_default();
        of_case.extend(actions.into_iter().flat_map(|action| action.events).filter_map(|event| event.host));
    }
    let is_of_case = |name: &String| stage.hosts.is_empty() || of_case.contains(name);
    let hosts = run.inventory.hosts.iter().filter(|host| is_of_case(&host.name)).map(|host| &host.host);
    let asked = futures_util::future::join_all(hosts.map(|host| async move {
        let asked = tokio::time::timeout(PATIENCE, ask(host, folder, because, runner.options.face)).await;
        asked.unwrap_or_else(|_| {
            let why = format!("no answer within {} s", PATIENCE.as_secs());
            vec![Meditation::missing(host.name(), why, because)]
        })
    }));
    asked.await.into_iter().flatten().collect()
}

async fn ask(host: &Host, folder: &Folder, because: &str, face: Face) -> Vec<Meditation> {
    let begin = format!("guru/{}-nova-compute", host.name());
    let reports = async {
        let first = host.guru(None).await?;
        for guru in &first {
            folder.write(&format!("{begin}-{}.txt", guru.pid), &guru.text);
        }
        tokio::time::sleep(APART).await;
        // The first report has most of it; it is kept even where there is no second one.
        let second = host.guru(None).await.unwrap_or_default();
        let mut said = Vec::new();
        for before in &first {
            let after = second.iter().find(|after| after.pid == before.pid);
            if let Some(after) = after {
                folder.write(&format!("{begin}-{}-still.txt", after.pid), &still(before, after));
            }
            said.push(Meditation::of(before, after, because));
        }
        Ok::<_, Error>(said)
    };
    reports.await.unwrap_or_else(|why| {
        let hint = why.hint_for(face).map(|hint| format!("\n{hint}")).unwrap_or_default();
        folder.write(&format!("{begin}.txt"), &format!("no report: {why}{hint}\n"));
        vec![Meditation::missing(host.name(), why.to_string(), because)]
    })
}

/// What did not move, the unusual first.
fn still(before: &guru::Guru, after: &guru::Guru) -> String {
    let mut text =
        format!("{} on {}, process {}: stacks that did not move\n", after.service, after.host, after.pid);
    for moved in guru::diff(before, after).iter().filter(|moved| moved.state == "same") {
        let usual = if moved.stacks.idle { " (usual)" } else { "" };
        text.push_str(&format!("\n{} in: {}{usual}\n", moved.stacks.count, moved.stacks.waits_in));
        moved.stacks.frames.iter().for_each(|frame| text.push_str(&format!("  {frame}\n")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(name: &str, second: i64, result: Option<&str>) -> Action {
        let event = serde_json::json!({"event": "e", "result": result});
        let value = serde_json::json!({
            "action": name, "request_id": format!("req-{name}"),
            "start_time": Timestamp::from_second(second).map(|at| at.to_string()).unwrap_or_default(),
            "events": [event],
        });
        serde_json::from_value(value).expect("an action")
    }

    #[test]
    fn what_failed_is_traced_and_the_clean_up_is_not() {
        let names = |actions: &[Action]| {
            let over_at = Timestamp::from_second(100).expect("a time");
            chosen(actions, over_at).iter().map(|action| action.action.clone()).collect::<Vec<_>>()
        };
        let (create, stop) = (action("create", 10, Some("Success")), action("stop", 20, Some("Success")));
        let delete = action("delete", 101, Some("Success"));
        assert_eq!(names(&[delete.clone(), stop.clone(), create.clone()]), ["stop"]);
        let failed = action("resize", 15, Some("Error"));
        assert_eq!(names(&[delete.clone(), stop.clone(), failed, create.clone()]), ["resize"]);
        assert_eq!(names(&[delete, action("reboot", 30, None), stop, create]), ["reboot"]);
    }
}
