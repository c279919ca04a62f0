//! Who works on a host: two smogs on one host see each other.

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
    /// It ran on this machine, and its process is gone.
    No,
    /// It runs, or ran, on another machine: nobody here can tell.
    Unknown,
}

impl Owner {
    /// This process.
    pub fn of_this_process(run: &str, user: &str, command: &str) -> Owner {
        let pid = std::process::id();
        Owner {
            run: run.to_string(),
            user: user.to_string(),
            machine: kernel_word("hostname"),
            boot_id: kernel_word("random/boot_id"),
            pid,
            pid_started: started(pid).unwrap_or(0),
            since: jiff::Timestamp::now(),
            command: command.to_string(),
        }
    }

    /// Whether its process is there still.
    pub fn alive(&self) -> Alive {
        if self.machine != kernel_word("hostname") {
            return Alive::Unknown;
        }
        match self.boot_id == kernel_word("random/boot_id") && started(self.pid) == Some(self.pid_started) {
            true => Alive::Yes,
            false => Alive::No,
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
    pub fn in_the_way(&self, host: &str, what: &str) -> Error {
        let (fault, hint) = match self.alive() {
            Alive::Yes => (
                format!("another smog works on it: {}", self.summary()),
                "wait until it has ended, or end it".to_string(),
            ),
            Alive::No => (
                format!("a smog that is no longer there has left its lock: {}", self.summary()),
                "`smog restore` takes back what it changed, and takes the lock over".to_string(),
            ),
            Alive::Unknown => (
                format!("another smog works on it, or died there: {}", self.summary()),
                format!(
                    "look on {}; if it is gone, `smog restore --break-lock {host}` takes back what it changed",
                    self.machine
                ),
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

/// Field 22 of `/proc/PID/stat`; a zombie counts as gone.
fn started(pid: u32) -> Option<u64> {
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
    use super::{Alive, Owner};

    #[test]
    fn the_living_the_dead_and_those_far_away() {
        let own = Owner::of_this_process("r1", "alice", "smog prepare");
        assert_eq!(own.alive(), Alive::Yes);
        let reused = Owner { pid_started: own.pid_started + 1, ..own.clone() };
        assert_eq!(reused.alive(), Alive::No, "another process has its number");
        assert_eq!(Owner { boot_id: "b".into(), ..own.clone() }.alive(), Alive::No, "before a reboot");
        let far = Owner { machine: "elsewhere".into(), ..own.clone() };
        assert_eq!(far.alive(), Alive::Unknown);
        assert!(
            far.in_the_way("cmp1", "preparing").hint().is_some_and(|hint| hint.contains("--break-lock cmp1"))
        );
        let text = reused.in_the_way("cmp1", "preparing").to_string();
        assert!(text.contains("alice@") && text.contains("no longer there"), "{text}");
    }
}
