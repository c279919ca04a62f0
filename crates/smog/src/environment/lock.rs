//! Who works on a host: two smogs on one host see each other.

use crate::hint::{self, Hint};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A smog at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The run: names the lock and the journal.
    pub run: String,
    /// The user who started it.
    pub user: String,
    /// The machine it runs on.
    pub machine: String,
    /// That machine's boot id: after a reboot no process of before lives.
    pub boot_id: String,
    /// Its process.
    pub pid: u32,
    /// When that process started, in the kernel's clock ticks: process ids come again.
    pub pid_started: u64,
    /// The machine's id (`/etc/machine-id`): two machines may have one name.
    #[serde(default)]
    pub machine_id: String,
    /// The namespaces that number and time its processes: a container has its own, and
    /// counts from 1. Empty in locks of older smogs.
    #[serde(default)]
    pub namespaces: String,
    /// Since when.
    pub since: jiff::Timestamp,
    /// What was asked of it, secrets hidden.
    pub command: String,
}

/// Whether an owner is at work still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alive {
    /// Its process is there.
    Yes,
    /// It ran where we run, and its process is gone.
    No,
    /// It runs, or ran, on another machine, in another container, or before this
    /// machine's last boot with no trace of it here: it cannot be known from here.
    Unknown,
}

/// What is known of the place a process runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Here {
    boot_id: String,
    machine_id: String,
    namespaces: String,
    /// Whether `/proc` shows every process of these namespaces under its number.
    sees_all: bool,
}

impl Owner {
    /// This process.
    pub fn of_this_process(run: &str, user: &str, command: &str) -> Owner {
        let here = Here::look();
        Owner {
            run: run.to_string(),
            user: user.to_string(),
            machine: kernel_word("hostname"),
            boot_id: here.boot_id,
            pid: std::process::id(),
            pid_started: started("self").unwrap_or(0),
            machine_id: here.machine_id,
            namespaces: here.namespaces,
            since: jiff::Timestamp::now(),
            command: command.to_string(),
        }
    }

    /// Whether its process is there still. `left_here` says whether its journal lies on this
    /// machine, so that it ran here, maybe before a reboot.
    ///
    /// A process is called dead only where it would be seen: in this boot and in our own
    /// namespaces. A machine's name proves nothing, as two may have the same one.
    pub fn alive(&self, left_here: bool) -> Alive {
        self.alive_at(&Here::look(), left_here)
    }

    fn alive_at(&self, here: &Here, left_here: bool) -> Alive {
        if self.boot_id.is_empty() || here.boot_id.is_empty() {
            return Alive::Unknown;
        }
        if self.boot_id != here.boot_id {
            // The machine id may be an image's, in many machines and containers at once; with
            // the journal that only this machine's smogs wrote, it is this machine, after a reboot.
            let same = left_here && !self.machine_id.is_empty() && self.machine_id == here.machine_id;
            return if same { Alive::No } else { Alive::Unknown };
        }
        if self.namespaces.is_empty() || self.namespaces != here.namespaces {
            return Alive::Unknown;
        }
        match started(&self.pid.to_string()) {
            Some(started) if started == self.pid_started => Alive::Yes,
            Some(_) => Alive::No,
            None if here.sees_all => Alive::No,
            None => Alive::Unknown,
        }
    }

    /// "alice@desk (process 4711, `smog prepare …`) since 2026-11-24 11:00:03 UTC".
    pub fn summary(&self) -> String {
        format!(
            "{}@{} (process {}, `{}`) since {} UTC",
            self.user,
            self.machine,
            self.pid,
            self.command,
            self.since.strftime("%Y-%m-%d %H:%M:%S")
        )
    }

    /// Why a host cannot be worked on while this owner has it.
    pub fn in_the_way(&self, host: &str, what: &str, left_here: bool) -> Error {
        let (fault, hint) = match self.alive(left_here) {
            Alive::Yes => (
                format!("locked by another smog: {}", self.summary()),
                Hint::from("wait until it has ended, or end it"),
            ),
            Alive::No => (
                format!("a smog that died has left its lock: {}", self.summary()),
                hint::RESTORE.hint().and(" takes back what it changed, and takes the lock over"),
            ),
            Alive::Unknown => (
                format!(
                    "another smog works on it, or has died, on another machine or in another container: {}",
                    self.summary()
                ),
                Hint::from(format!("look on {} and in its containers; if it is gone, ", self.machine))
                    .and(hint::RESTORE_BREAK_LOCK.with(host))
                    .and(" takes back what it changed"),
            ),
        };
        Error::Fault {
            what: what.to_string(),
            fault,
            host: Some(host.to_string()),
            request_id: None,
            hint: Some(hint),
        }
    }
}

fn kernel_word(name: &str) -> String {
    std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default().trim().to_string()
}

impl Here {
    fn look() -> Here {
        let namespace = |name: &str| match std::fs::read_link(format!("/proc/self/ns/{name}")) {
            Ok(link) => link.display().to_string(),
            Err(_) => String::new(),
        };
        let machine_id = ["/etc/machine-id", "/var/lib/dbus/machine-id"].into_iter().find_map(|path| {
            let id = std::fs::read_to_string(path).ok()?.trim().to_string();
            (!id.is_empty() && id != "uninitialized").then_some(id)
        });
        let namespaces = match namespace("pid") {
            pid if pid.is_empty() => pid,
            pid => format!("{pid} {}", namespace("time")).trim_end().to_string(),
        };
        Here {
            boot_id: kernel_word("random/boot_id"),
            machine_id: machine_id.unwrap_or_default(),
            namespaces,
            sees_all: sees_all(
                &std::fs::read_to_string("/proc/self/status").unwrap_or_default(),
                &std::fs::read_to_string("/proc/self/mounts").unwrap_or_default(),
            ),
        }
    }
}

/// Whether `/proc` is of our own PID namespace and hides no processes from us. `status` is
/// `/proc/self/status`, `mounts` is `/proc/self/mounts`.
fn sees_all(status: &str, mounts: &str) -> bool {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().collect::<Vec<_>>())
    };
    // One number for each namespace from the mount's down to ours.
    let own = field("NSpid:").is_some_and(|numbers| numbers.len() == 1);
    let root = field("Uid:").is_some_and(|numbers| numbers.get(1) == Some(&"0"));
    let hides = mounts.lines().any(|line| {
        let mut words = line.split(' ');
        words.nth(1) == Some("/proc")
            && words.nth(1).is_some_and(|options| {
                options.split(',').any(|one| {
                    one.strip_prefix("hidepid=").is_some_and(|value| value != "0" && value != "off")
                })
            })
    });
    own && (root || !hides)
}

/// Field 22 of `/proc/PID/stat`; a zombie counts as gone.
fn started(pid: &str) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    if matches!(fields.first(), Some(&("Z" | "X"))) {
        return None;
    }
    fields.get(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Alive, Here, Owner, sees_all};

    #[test]
    fn the_living_and_the_dead() {
        let own = Owner::of_this_process("r1", "alice", "smog prepare");
        assert_eq!(own.alive(false), Alive::Yes);
        let reused = Owner { pid_started: own.pid_started + 1, ..own.clone() };
        assert_eq!(reused.alive(false), Alive::No, "another process has its number");
        assert_eq!(Owner { machine: "renamed".into(), ..own.clone() }.alive(false), Alive::Yes);
        let text = reused.in_the_way("cmp1", "preparing", false).to_string();
        assert!(text.contains("alice@") && text.contains("a smog that died"), "{text}");
    }

    /// What cannot be known is not guessed.
    #[test]
    fn those_nobody_here_can_see() {
        let own = Owner::of_this_process("r1", "alice", "smog prepare");
        let dead = Owner { pid_started: own.pid_started + 1, ..own.clone() };
        let twin = Owner { boot_id: "b".into(), machine_id: "of another".into(), ..dead.clone() };
        // The machine id of an image is in all machines and containers made of it.
        let clone = Owner { boot_id: "b".into(), ..dead.clone() };
        let container = Owner { namespaces: "pid:[1]".into(), ..dead.clone() };
        let older = Owner { namespaces: String::new(), ..dead.clone() };
        for (what, owner) in
            [("twin", twin.clone()), ("clone", clone.clone()), ("container", container), ("older", older)]
        {
            assert_eq!(owner.alive(false), Alive::Unknown, "{what}");
            let error = owner.in_the_way("cmp1", "preparing", false);
            assert!(error.hint().is_some_and(|hint| hint.contains("--break-lock cmp1")), "{error}");
        }
        assert_eq!(twin.alive(true), Alive::Unknown);
        let here = Here { machine_id: own.machine_id.clone(), ..Here::look() };
        if !here.machine_id.is_empty() {
            assert_eq!(clone.alive(true), Alive::No, "this machine, before a reboot");
        }
        let gone = Owner { pid: u32::MAX, ..own.clone() };
        assert_eq!(gone.alive_at(&Here { sees_all: true, ..here.clone() }, false), Alive::No);
        assert_eq!(gone.alive_at(&Here { sees_all: false, ..here }, false), Alive::Unknown);
    }

    #[test]
    fn a_proc_that_hides_processes_says_nothing_of_them() {
        let status = |uid: &str, pids: &str| {
            format!("Name:\tsmog\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nNSpid:\t{pids}\n")
        };
        let mounts = |options: &str| format!("/dev/sda / ext4 rw 0 0\nproc /proc proc rw,{options} 0 0\n");
        assert!(sees_all(&status("1000", "812"), &mounts("nosuid")));
        assert!(!sees_all(&status("1000", "812"), &mounts("hidepid=2")));
        assert!(!sees_all(&status("1000", "812"), &mounts("hidepid=invisible")));
        assert!(sees_all(&status("1000", "812"), &mounts("hidepid=0")));
        assert!(sees_all(&status("0", "812"), &mounts("hidepid=2")));
        // `unshare -p` without a /proc of its own.
        assert!(!sees_all(&status("0", "4711\t1"), &mounts("nosuid")));
        assert!(!sees_all("", ""));
    }

    #[test]
    fn a_lock_of_an_older_smog_is_read() {
        let text = r#"{"run":"r1","user":"alice","machine":"desk","boot_id":"b","pid":1,"pid_started":2,
            "since":"2026-11-24T11:00:03Z","command":"smog prepare"}"#;
        let owner: Owner = serde_json::from_str(text).expect("reads");
        assert_eq!((owner.namespaces.as_str(), owner.alive(true)), ("", Alive::Unknown));
    }
}
