//! Whether a service is ready with its new files: by evidence, never by waiting "long enough".
//!
//! Evidence is: another main process than before; a line that process wrote to its log;
//! and an answer from outside. For a service that reports to Nova that is a heartbeat
//! younger than its start, for nova-api an answered call, for libvirt an answer to virsh.

use crate::hint;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::change::Restart;
use crate::Cloud;
use crate::cloud::{Call, ComputeService, Microversion, Service};
use crate::error::{Error, Result};
use crate::host::{Batch, Cmd, Host, ServiceRole};
use crate::wait::{Seen, Wait, until};
use crate::watch::without_colours;

/// Why a service counts as ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The host.
    pub host: String,
    /// The unit or container.
    pub service: String,
    /// The main process before.
    pub old_pid: Option<u32>,
    /// The main process now.
    pub new_pid: Option<u32>,
    /// The first line it wrote to its log; `None` when it logs nothing at its start.
    pub log_line: Option<String>,
    /// What was seen from outside: "heartbeat of 11:20:31 UTC", "virsh answers".
    pub answer: Option<String>,
    /// From the order to restart until all of it was seen.
    #[serde(serialize_with = "as_seconds", rename = "took_s")]
    pub took: Duration,
}

impl Evidence {
    /// "nova-compute.service: process 81 -> 306, heartbeat of …, 3.4 s".
    pub fn summary(&self) -> String {
        let pid = |pid: Option<u32>| pid.map_or("none".to_string(), |pid| pid.to_string());
        let process = format!("process {} -> {}", pid(self.old_pid), pid(self.new_pid));
        let mut parts: Vec<String> = self.old_pid.or(self.new_pid).map(|_| process).into_iter().collect();
        parts.extend(self.log_line.as_ref().map(|line| format!("log says `{line}`")));
        parts.extend(self.answer.clone());
        format!("{} ready: {}, {:.1} s", self.service, parts.join(", "), self.took.as_secs_f64())
    }
}

fn as_seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

/// What a service was before its restart.
pub(super) struct Before {
    pub(super) pid: Option<u32>,
    pub(super) log_bytes: u64,
}

/// After this time without a line in the log, the other evidence is enough: at log level WARNING nothing is written.
const QUIET: Duration = Duration::from_secs(3);

/// Restart a service and wait until it is ready by evidence.
///
/// # Errors
/// [`Error::Fault`] with the end of its journal when it does not come up; [`Error::Timeout`].
pub async fn restart(host: &Host, cloud: Option<&Cloud>, what: &Restart, wait: Wait<'_>) -> Result<Evidence> {
    let begun = Instant::now();
    let host = host.outside();
    if let (ServiceRole::NovaCompute, Some(cloud)) = (what.role, cloud) {
        wake(cloud, host.name()).await;
    }
    let before = before(&host, what).await?;
    order(&host, what, wait.timeout).await?;
    ready(&host, cloud, what, &before, begun, wait).await
}

/// Wait until a service that was started is ready by evidence; `begun` is when the start was requested.
pub(super) async fn ready(
    host: &Host,
    cloud: Option<&Cloud>,
    what: &Restart,
    before: &Before,
    begun: Instant,
    wait: Wait<'_>,
) -> Result<Evidence> {
    let wait = Wait { every: wait.every.min(Duration::from_millis(100)), ..wait };
    let name = format!("`{}` on host `{}` to be ready", what.name(), host.name());
    let seen = std::sync::Mutex::new((None, None));
    let found = until(&name, wait, || async {
        let (pid, started, line) = match process(host, what, before).await? {
            Process::New { pid, started, line } => (pid, started, line),
            Process::NotYet(state) => return Ok(Seen::NotYet(state)),
        };
        if line.is_none() && what.place.log.is_some() && begun.elapsed() < QUIET {
            return Ok(Seen::NotYet("no line in its log yet".into()));
        }
        match answer(host, cloud, what, started).await? {
            Some(answer) => {
                if let Ok(mut seen) = seen.lock() {
                    *seen = (line, answer);
                }
                Ok(Seen::Done(pid))
            }
            None => Ok(Seen::NotYet("no heartbeat since its start yet".into())),
        }
    })
    .await?;
    let (log_line, answer) = seen.into_inner().unwrap_or_default();
    Ok(Evidence {
        host: host.name().to_string(),
        service: what.name().to_string(),
        old_pid: before.pid,
        new_pid: found,
        log_line,
        answer,
        took: begun.elapsed(),
    })
}

/// Have Nova ask the service something. oslo.messaging looks for its end only between two
/// waits for messages, and these become longer while none come, up to 5 s each
/// (`ACK_REQUEUE_EVERY_SECONDS_MAX` in `_drivers/amqpdriver.py`): a nova-compute that had
/// nothing to do takes up to 10 s to stop, one that was just asked half a second. From
/// microversion 2.88 on a hypervisor's `uptime` is asked of its nova-compute. When it
/// fails, the stop takes longer, and that is all.
async fn wake(cloud: &Cloud, host: &str) {
    let Ok(version) = cloud.needs_compute("uptime", Microversion(2, 88)).await else { return };
    let list = Call::get(Service::Compute, "/os-hypervisors").at(version);
    let Ok(answer) = cloud.call(list.query("hypervisor_hostname_pattern", host)).await else { return };
    let Ok(found) = answer.read::<serde_json::Value>("hypervisors") else { return };
    if let Some(id) = found["hypervisors"][0]["id"].as_str() {
        let _ = cloud.call(Call::get(Service::Compute, format!("/os-hypervisors/{id}")).at(version)).await;
    }
}

pub(super) async fn before(host: &Host, what: &Restart) -> Result<Before> {
    let mut batch = Batch::new();
    let pid = batch.add(pid_of(what));
    let size = batch.add(Cmd::new("stat").args([
        "-c",
        "%s",
        "--",
        what.place.log.as_deref().unwrap_or("/dev/null"),
    ]));
    let answers = host.ask(batch).await?;
    let number = |ask| answers.get(ask).text().trim().parse::<u64>().ok();
    let pid = number(pid).and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0);
    Ok(Before { pid, log_bytes: number(size).unwrap_or(0) })
}

/// The main process: the container's, not that of the client which a unit runs as well.
fn pid_of(what: &Restart) -> Cmd {
    match (&what.place.unit, &what.place.container) {
        (_, Some(container)) => Cmd::new(container.engine.program()).args([
            "inspect",
            "--format",
            "{{.State.Pid}}",
            &container.name,
        ]),
        (unit, None) => Cmd::new("systemctl")
            .args(["show", "--value", "--property=MainPID", "--"])
            .arg(unit.clone().unwrap_or_default()),
    }
}

async fn order(host: &Host, what: &Restart, limit: Duration) -> Result<()> {
    let cmd = match (&what.place.unit, &what.place.container) {
        (None, Some(container)) => Cmd::new(container.engine.program()).args(["restart", &container.name]),
        // Several runs in a row are not a fault of the service: its count of starts is reset.
        (unit, _) => Cmd::shell("systemctl reset-failed -- \"$1\"; exec systemctl restart -- \"$1\"")
            .arg(unit.clone().unwrap_or_default()),
    };
    match host.run(cmd.time_limit(limit)).await {
        Ok(_) => Ok(()),
        Err(Error::Command { exit, stderr, .. }) if exit.starts_with("exit code") => {
            Err(fault(host, what, stderr.lines().next().unwrap_or_default()).await)
        }
        Err(error) => Err(error),
    }
}

/// What is seen of the process.
enum Process {
    New { pid: Option<u32>, started: Option<jiff::Timestamp>, line: Option<String> },
    NotYet(String),
}

async fn process(host: &Host, what: &Restart, before: &Before) -> Result<Process> {
    // In the log: a line of the new process, best its `Starting compute node`. oslo.log writes the process's
    // number behind the time; in a container that is another number, so there any line written since counts.
    // Through the journal, systemd knows whose line it is. Where a container runs in place of the unit's own
    // process, its start is counted back from its age.
    let script = r#"export TZ=UTC
systemctl show --property=Id,LoadState,ActiveState,SubState,MainPID,ExecMainStartTimestamp,NRestarts -- "$1"
pid=$(systemctl show --value --property=MainPID -- "$1"); any='[0-9]+'
if [ -n "$5" ]; then
pid=$("$4" inspect --format '{{.State.Pid}}' "$5" 2>/dev/null); [ "$pid" != 0 ] || pid=
[ -n "$1" ] || echo "ActiveState=${pid:+active}"
age=$(ps -o etimes= -p "${pid:-0}"); echo "ContainerPID=$pid"
[ -z "$age" ] || date -d "@$(($(date +%s) - age))" "+ContainerStart=%a %Y-%m-%d %H:%M:%S UTC"
else any=$pid; fi; echo ==line==
if [ -n "$2" ]; then s=$(stat -c %s -- "$2"); [ "$s" -ge "$3" ] && from=$(($3 + 1)) || from=1
tail -c "+$from" -- "$2" | grep -E "^[0-9: .-]+ $any " | { IFS= read -r first; grep -m1 'Starting ' || echo "$first"; }; elif [ -z "$5" ]; then
all=$(journalctl -q --no-pager -o cat -u "$1" "_PID=$pid"); printf '%s\n' "$all" | grep -m1 'Starting ' || printf '%s\n' "$all" | tail -n 1; fi
exit 0"#;
    let container = what.place.container.as_ref();
    let args = [
        what.place.unit.clone().unwrap_or_default(),
        what.place.log.clone().unwrap_or_default(),
        before.log_bytes.to_string(),
        container.map(|one| one.engine.program()).unwrap_or_default().to_string(),
        container.map(|one| one.name.clone()).unwrap_or_default(),
    ];
    let output = host.run(Cmd::shell(script).args(args).repeatable()).await?;
    let text = output.text().into_owned();
    let (shown, line) = text.split_once("==line==\n").unwrap_or((text.as_str(), ""));
    let value = |key: &str| {
        shown.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default()
    };
    let (pid, started) = match container.is_some() {
        true => ("ContainerPID", "ContainerStart"),
        false => ("MainPID", "ExecMainStartTimestamp"),
    };
    let pid = value(pid).parse().ok().filter(|pid| *pid != 0);
    let state = format!("{} ({})", value("ActiveState"), value("SubState"));
    if value("ActiveState") == "failed" || (value("SubState") == "auto-restart" && value("NRestarts") != "0")
    {
        return Err(fault(host, what, &state).await);
    }
    if value("ActiveState") != "active" || pid.is_none() || pid == before.pid {
        return Ok(Process::NotYet(state));
    }
    let time = jiff::civil::DateTime::strptime("%a %Y-%m-%d %H:%M:%S UTC", value(started)).ok();
    let started =
        time.and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC).ok()).map(|time| time.timestamp());
    let line = line.lines().next().map(without_prefix).filter(|line| !line.is_empty());
    Ok(Process::New { pid, started, line })
}

/// A line of oslo.log without time, process, level and request: what it says.
fn without_prefix(line: &str) -> String {
    const LONGEST: usize = 60;
    // devstack writes colours into the journal.
    let line = without_colours(line);
    let said = line.split_once("] ").map_or(line.as_str(), |(_, said)| said).trim();
    match said.chars().count() > LONGEST {
        true => said.chars().take(LONGEST).chain(['…']).collect(),
        false => said.to_string(),
    }
}

/// What is seen from outside: `None` for not yet, `Some(None)` where nothing can be asked.
async fn answer(
    host: &Host,
    cloud: Option<&Cloud>,
    what: &Restart,
    started: Option<jiff::Timestamp>,
) -> Result<Option<Option<String>>> {
    let binary = match what.role {
        ServiceRole::Libvirt => {
            let inside = match &what.place.container {
                Some(container) => host.inside(container.clone()),
                None => host.clone(),
            };
            let cmd = Cmd::new("virsh").args(["-r", "-c", "qemu:///system", "uri"]).any_exit();
            let said = inside.run(cmd.time_limit(Duration::from_secs(20))).await?;
            return Ok(said.exit.is_ok().then(|| Some("virsh answers".to_string())));
        }
        ServiceRole::NovaCompute => "nova-compute",
        ServiceRole::NovaScheduler => "nova-scheduler",
        ServiceRole::NovaConductor | ServiceRole::NovaCellConductor => "nova-conductor",
        ServiceRole::NovaApi => "",
        ServiceRole::NeutronOvsAgent | ServiceRole::NeutronServer => return Ok(Some(None)),
    };
    let Some(cloud) = cloud else { return Ok(Some(None)) };
    let services = match cloud.compute_services().await {
        Ok(services) => services,
        // nova-api itself may be on its way up.
        Err(error) if error.is_temporary() => return Ok(None),
        Err(error) => return Err(error),
    };
    if binary.is_empty() {
        return Ok(Some(Some("the API answers".to_string())));
    }
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_string();
    let is_here = |one: &&ComputeService| {
        one.binary == binary && (one.host == host.name() || short(&one.host) == short(host.name()))
    };
    // The super conductor and a cell's have the same name: it is shown only when both have sent one.
    let beats: Option<Vec<_>> = services.iter().filter(is_here).map(|one| fresh_beat(one, started)).collect();
    Ok(beats.map(|beats| {
        let first = beats.into_iter().min()?;
        Some(format!("heartbeat of {} UTC", first.strftime("%H:%M:%S")))
    }))
}

/// The last heartbeat of a service, if it was sent by the process that was started then.
fn fresh_beat(service: &ComputeService, started: Option<jiff::Timestamp>) -> Option<jiff::Timestamp> {
    let beat = service.updated_at.as_deref()?.parse::<jiff::civil::DateTime>().ok()?;
    let beat = beat.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    // Nova reports whole seconds; a heartbeat of the same second may be the old process's last.
    let is_fresh = started.is_none_or(|started| beat > started);
    // A service that was forced down sends heartbeats, and is reported as down nevertheless.
    (is_fresh && (service.state == "up" || service.forced_down)).then_some(beat)
}

/// A service that did not come up, with what it says itself: the last errors in its log
/// file, else the end of its journal.
async fn fault(host: &Host, what: &Restart, state: &str) -> Error {
    let unit = what.name();
    let script = "s=$({ [ -n \"$2\" ] && tail -n 2000 -- \"$2\" || journalctl -u \"$1\" -n 2000 --no-pager -o cat; } |\n\
                  grep -E '(^| |m)(ERROR|CRITICAL) ' | tail -n 4)\n\
                  if [ -n \"$s\" ]; then echo \"$s\"; else journalctl -u \"$1\" -n 12 --no-pager -o cat; fi";
    let args = [unit.to_string(), what.place.log.clone().unwrap_or_default()];
    let log = host.run(Cmd::shell(script).args(args).any_exit()).await;
    let log = log.map(|output| without_colours(output.text().trim_end())).unwrap_or_default();
    let indented: String = log.lines().map(|line| format!("\n    {line}")).collect();
    Error::Fault {
        what: format!("restart of `{unit}`"),
        fault: format!("{state}{indented}"),
        host: Some(host.name().to_string()),
        request_id: None,
        hint: Some(hint::RESTORE.hint().and(" brings the old configuration back")),
    }
}

#[cfg(test)]
mod tests {
    use super::without_prefix;

    #[test]
    fn what_a_line_says() {
        let file = "2026-11-28 19:17:33.001 81 INFO nova.service [-] Starting compute node (version 31.0.0)";
        assert_eq!(without_prefix(file), "Starting compute node (version 31.0.0)");
        // devstack's form in the journal, with its colours.
        let journal = "\u{1b}[00;36mINFO nova.service [\u{1b}[00;36m-\u{1b}[00;36m] \u{1b}[01;35m\u{1b}[00;36m\
                       Starting compute node (version 34.0.0)\u{1b}[00m\u{1b}[00m";
        assert_eq!(without_prefix(journal), "Starting compute node (version 34.0.0)");
    }
}
