//! What a compute host, or another host with services of Nova, says: in three commands at once.

use std::sync::Arc;

use super::cpu_map::{CPU_MAP, parse as parse_cpu_map};
use super::details::{DETAILS, clock};
use super::{CpuMap, CpuSets, Details, NovaConf};
use crate::error::Result;
use crate::host::{Batch, Cmd, GuestProcess, Host, ServiceRole};
use crate::libvirt::{Daemon, Domain, DomainState};
use crate::oslo::OsloConfig;

/// One domain of a host.
#[derive(Debug, Clone)]
pub struct DomainSnapshot {
    /// As it runs (or as it is defined, when it is off).
    pub domain: Arc<Domain>,
    /// As it is from its next start (`dumpxml --inactive`); `None` for one that is off.
    pub persistent: Option<Arc<Domain>>,
    /// Its state.
    pub state: DomainState,
    /// libvirt's number for the reason of that state (`domstate --reason`).
    pub reason: u32,
}

/// One host.
#[derive(Debug, Clone)]
pub struct HostSnapshot {
    /// Nova's name of it.
    pub name: String,
    /// libvirt's domains.
    pub domains: Vec<DomainSnapshot>,
    /// The QEMU processes of guests.
    pub processes: Vec<Arc<GuestProcess>>,
    /// The machine itself; `None` when it could not be asked.
    pub machine: Option<Machine>,
    /// libvirt itself; `None` when it was not asked, or did not answer.
    pub libvirt: Option<Daemon>,
}

/// What the machine itself says.
#[derive(Debug, Clone)]
pub struct Machine {
    /// How libvirt's CPUs stand to the kernel's.
    pub cpus: CpuMap,
    /// `/sys/devices/system/cpu/offline`.
    pub offline: crate::Cpuset,
    /// `MemTotal` of `/proc/meminfo` in KiB.
    pub memory_kib: u64,
    /// nova-compute's configuration; `None` when there is none, or when it cannot be read.
    pub conf: Option<NovaConf>,
    /// Its CPU sets.
    pub sets: Option<CpuSets>,
    /// `compute_id`: the UUID that nova-compute goes by (2023.1 and later).
    pub compute_id: Option<String>,
    /// The folder of nova-compute's guests, as configured.
    pub instances_path: String,
    /// What lies in that folder.
    pub instances: Vec<String>,
    /// The file system that folder is on, as `df` has it: its source and its type. Empty where it is
    /// not known (recordings of an earlier smog).
    pub instances_on: String,
    /// Services of Nova that run here, with their files.
    pub services: Vec<RunningService>,
    /// nova-scheduler's configuration; `None` where there is none, or when it cannot be read.
    pub scheduler: Option<NovaConf>,
    /// Clock, kernel, siblings, pages, devices …; `None` when it did not answer.
    pub details: Option<Details>,
}

/// A service that runs, and its configuration files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningService {
    /// "nova-compute".
    pub role: ServiceRole,
    /// Its unit or container.
    pub unit: String,
    /// When its main process was started, in seconds since 1970 by the host's clock.
    pub started: i64,
    /// Its configuration files, and when each was changed last.
    pub files: Vec<(String, i64)>,
}

const ROLES: [ServiceRole; 5] = [
    ServiceRole::NovaCompute,
    ServiceRole::NovaApi,
    ServiceRole::NovaScheduler,
    ServiceRole::NovaConductor,
    ServiceRole::NovaCellConductor,
];

impl Machine {
    /// Ask a machine: its layout, then all the rest in one command.
    ///
    /// # Errors
    /// As [`Host::run`]; [`crate::Error::Parse`].
    pub(crate) async fn of(host: &Host) -> Result<Machine> {
        let layout = host.layout().await?;
        let place = |role| layout.place(role);
        let compute_files =
            place(ServiceRole::NovaCompute).map(|place| place.config.clone()).unwrap_or_default();
        let scheduler_files =
            place(ServiceRole::NovaScheduler).map(|place| place.config.clone()).unwrap_or_default();
        let mut batch = Batch::new();
        // First: its clock is compared with the one here.
        let details = batch.add_dispensable(Cmd::shell(DETAILS).look("details"));
        let cpus = batch.add(Cmd::shell(CPU_MAP).look("online CPUs"));
        let offline = Cmd::shell("cat /sys/devices/system/cpu/offline 2>/dev/null; exit 0");
        let offline = batch.add_dispensable(offline.look("offline CPUs"));
        let memory = Cmd::shell("sed -n 's/^MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo");
        let memory = batch.add_dispensable(memory.look("memory"));
        let confs: Vec<_> =
            compute_files.iter().map(|file| (file, batch.add(Cmd::new("cat").arg(file.as_str())))).collect();
        let scheduler: Vec<_> = scheduler_files
            .iter()
            .map(|file| (file, batch.add(Cmd::new("cat").arg(file.as_str()))))
            .collect();
        let paths =
            batch.add_dispensable(Cmd::shell(PATHS).args(compute_files.clone()).look("folder of guests"));
        let mut asked = Vec::new();
        for role in ROLES {
            let Some(place) = place(role) else { continue };
            let unit = place.unit.clone().unwrap_or_default();
            let container = place.container.as_ref().map(|container| container.name.clone());
            // In one go: arguments of a script that are added later stand before the earlier ones.
            let words = [unit.clone(), container.clone().unwrap_or_default()];
            let cmd = Cmd::shell(STARTED).args(words.into_iter().chain(place.config.iter().cloned()));
            let cmd = cmd.look(format!("start of {role:?}"));
            asked.push((
                role,
                if unit.is_empty() { container.unwrap_or_default() } else { unit },
                batch.add_dispensable(cmd),
            ));
        }
        let answers = host.outside().ask(batch).await?;
        let (before, after) = answers.between();
        let (before, after) = (seconds(before), seconds(after));
        let text = answers.get(details).text().into_owned();
        let mut details = Details::parse(&text);
        if let (Some(details), Some(there)) = (&mut details, clock(&text)) {
            details.clock_ahead_s = Some((there - after, there - before));
        }
        let mut files = Vec::new();
        for (file, ask) in confs {
            let text = answers.good(ask)?.text().into_owned();
            files.push(OsloConfig::parse(text, &format!("{file} on {}", host.name()))?);
        }
        let conf = (!files.is_empty()).then(|| NovaConf::of(files));
        let mut files = Vec::new();
        for (file, ask) in scheduler {
            let text = answers.good(ask)?.text().into_owned();
            files.push(OsloConfig::parse(text, &format!("{file} on {}", host.name()))?);
        }
        let scheduler = (!files.is_empty()).then(|| NovaConf::of(files));
        let text = answers.get(paths).text().into_owned();
        let Paths { instances_path, instances_on, compute_id, instances } = Paths::parse(&text);
        let services = asked
            .into_iter()
            .filter_map(|(role, unit, ask)| parse_started(role, unit, &answers.get(ask).text()))
            .collect();
        Ok(Machine {
            cpus: parse_cpu_map(&answers.good(cpus)?.text(), host.name())?,
            offline: answers.get(offline).text().trim().parse().unwrap_or_default(),
            memory_kib: answers.get(memory).text().trim().parse().unwrap_or(0),
            sets: conf.as_ref().map(NovaConf::cpu_sets).transpose()?,
            conf,
            compute_id,
            instances_path,
            instances,
            instances_on,
            services,
            scheduler,
            details,
        })
    }
}

/// In seconds since 1970.
fn seconds(time: jiff::Timestamp) -> f64 {
    time.as_microsecond() as f64 / 1e6
}

/// The folder of guests with the file system it is on, `compute_id`, and what lies in the folder.
const PATHS: &str = r#"
option() { cat -- "$@" /dev/null 2>/dev/null | sed -n "s/^ *$key *= *//p" | tail -n 1; }
key=state_path; state=$(option "$@"); state=${state:-/var/lib/nova}
key=instances_path; path=$(option "$@"); path=${path:-\$state_path/instances}
case $path in '$state_path'*) path=$state${path#'$state_path'};; esac
printf '%s\t%s\n' "$path" "$(df --output=source,fstype -- "$path" 2>/dev/null | tail -n 1)"
cat "$state/compute_id" 2>/dev/null | tr -d '\n'; echo
ls -1 "$path" 2>/dev/null
exit 0"#;

/// When a unit's (or container's) main process started, by the host's clock, and when its files changed.
const STARTED: &str = r#"
unit=$1 container=$2; shift 2; pid=
[ -n "$unit" ] && pid=$(systemctl show -p MainPID --value "$unit" 2>/dev/null)
if [ -n "$container" ]; then
  pid=$(podman inspect -f '{{.State.Pid}}' "$container" 2>/dev/null || docker inspect -f '{{.State.Pid}}' "$container" 2>/dev/null)
fi
case $pid in ''|0) exit 0;; esac
for_s=$(ps -o etimes= -p "$pid") || exit 0
echo $(( $(date +%s) - for_s ))
for f in "$@"; do stat -c '%Y %n' -- "$f"; done 2>/dev/null
exit 0"#;

/// What [`PATHS`] answers.
struct Paths {
    instances_path: String,
    instances_on: String,
    compute_id: Option<String>,
    instances: Vec<String>,
}

impl Paths {
    fn parse(text: &str) -> Paths {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let (path, on) = first.split_once('\t').unwrap_or((first, ""));
        Paths {
            instances_path: path.to_string(),
            instances_on: on.split_whitespace().collect::<Vec<_>>().join(" "),
            compute_id: lines.next().map(str::trim).filter(|id| !id.is_empty()).map(str::to_string),
            instances: lines.map(str::to_string).collect(),
        }
    }
}

/// Whether a file system is another machine's, by its source and type as `df` has them. A local one
/// of the same name on another host is another one.
pub(crate) fn is_remote(mounted: &str) -> bool {
    ["nfs", "ceph", "glusterfs", "lustre", "gfs2", "ocfs2"]
        .iter()
        .any(|kind| mounted.rsplit(' ').next().is_some_and(|fs| fs.starts_with(kind)))
}

fn parse_started(role: ServiceRole, unit: String, text: &str) -> Option<RunningService> {
    let mut lines = text.lines();
    let started = lines.next()?.trim().parse().ok()?;
    let files = lines.filter_map(|line| {
        let (at, name) = line.split_once(' ')?;
        Some((name.to_string(), at.parse().ok()?))
    });
    Some(RunningService { role, unit, started, files: files.collect() })
}
