//! What services said of themselves where something was stuck: their Guru Meditation Reports, in short.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cloud::Server;
use crate::guru::{self, Guru};

/// A server whose task state has not changed for so long is stuck, in seconds: the longest tasks
/// (a migration) are seen to move before.
const STUCK_S: i64 = 30;

/// So many stacks of a report are kept, the unusual first.
const MOST_STACKS: usize = 20;

/// So many frames of a stack are kept, the innermost.
const MOST_FRAMES: usize = 12;

/// The Guru Meditation Report of a process, taken because a case or a task was stuck.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meditation {
    /// The host.
    pub host: String,
    /// The service: "nova-compute".
    pub service: String,
    /// The process; 0 where there is no report.
    pub pid: u32,
    /// Why it was asked.
    pub because: String,
    /// Why there is no report.
    pub missing: Option<String>,
    /// Stacks of threads and green threads, those that wait for nothing usual first.
    pub stacks: Vec<StackLine>,
    /// Stacks that are not listed.
    pub more: usize,
}

/// Threads with equal stacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackLine {
    /// How many threads there are.
    pub count: usize,
    /// What they wait in.
    pub waits_in: String,
    /// It is what a service does when it has nothing to do.
    pub idle: bool,
    /// It was the same two seconds later; none where there is no second report.
    pub still: Option<bool>,
    /// The innermost frames, the innermost first.
    pub frames: Vec<String>,
}

impl Meditation {
    /// Of a report, and of a second one of the same process where there is one.
    pub(super) fn of(report: &Guru, later: Option<&Guru>, because: &str) -> Meditation {
        let line = |stacks: &guru::Stacks, still| StackLine {
            count: stacks.count,
            waits_in: stacks.waits_in.clone(),
            idle: stacks.idle,
            still,
            frames: stacks.frames.iter().rev().take(MOST_FRAMES).map(ToString::to_string).collect(),
        };
        let mut stacks: Vec<StackLine> = match later {
            Some(later) => {
                let moved = guru::diff(report, later);
                let first = moved.iter().filter(|moved| moved.state != "new");
                first.map(|moved| line(&moved.stacks, Some(moved.state == "same"))).collect()
            }
            None => report.stacks.iter().map(|stacks| line(stacks, None)).collect(),
        };
        // What is unusual and does not move is what one looks for.
        stacks.sort_by_key(|line| (line.idle, line.still == Some(false)));
        let more = stacks.len().saturating_sub(MOST_STACKS);
        stacks.truncate(MOST_STACKS);
        Meditation {
            host: report.host.clone(),
            service: report.service.clone(),
            pid: report.pid,
            because: because.into(),
            missing: None,
            stacks,
            more,
        }
    }

    /// Where no report could be had.
    pub(super) fn missing(host: &str, why: String, because: &str) -> Meditation {
        Meditation {
            host: host.into(),
            service: "nova-compute".into(),
            because: because.into(),
            missing: Some(why),
            ..Meditation::default()
        }
    }
}

/// Which servers' task states have not changed for long, in a sentence; none where all is well.
pub(super) fn stuck(servers: &[Server], now: Timestamp) -> Option<String> {
    let words = servers.iter().filter_map(|server| {
        let task = server.task_state.as_deref()?;
        let updated: Timestamp = server.updated.parse().ok()?;
        let seconds = now.duration_since(updated).as_secs();
        (seconds >= STUCK_S).then(|| format!("guest `{}` is {task} for {seconds} s", server.name))
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guru::{Kind, Stacks};

    fn stacks(waits_in: &str, idle: bool, line: u32) -> Stacks {
        let frame =
            guru::Frame { file: "/x/nova/a.py".into(), line, function: "f".into(), code: String::new() };
        Stacks {
            kind: Kind::Green,
            count: 1,
            waits_in: waits_in.into(),
            idle,
            own: None,
            frames: vec![frame],
        }
    }

    fn report(stacks: Vec<Stacks>) -> Guru {
        Guru { host: "cmp1".into(), service: "nova-compute".into(), pid: 7, stacks, ..Guru::default() }
    }

    #[test]
    fn what_is_unusual_and_did_not_move_comes_first() {
        let first =
            report(vec![stacks("moves", false, 1), stacks("a lock", false, 9), stacks("RPC", true, 3)]);
        let later =
            report(vec![stacks("moves", false, 2), stacks("a lock", false, 9), stacks("RPC", true, 3)]);
        let of = Meditation::of(&first, Some(&later), "x");
        let lines: Vec<_> = of.stacks.iter().map(|line| (line.waits_in.as_str(), line.still)).collect();
        assert_eq!(lines, [("a lock", Some(true)), ("moves", Some(false)), ("RPC", Some(true))]);
        let alone = Meditation::of(&first, None, "x");
        assert!(alone.stacks.iter().all(|line| line.still.is_none()));
        let many = report((0..50).map(|at| stacks("x", false, at)).collect());
        assert_eq!(
            (Meditation::of(&many, None, "x").stacks.len(), Meditation::of(&many, None, "x").more),
            (20, 30)
        );
    }

    fn server(task: Option<&str>, updated: &str) -> Server {
        let value = serde_json::json!({
            "id": "1", "name": "a", "status": "BUILD", "OS-EXT-STS:task_state": task, "updated": updated,
            "tenant_id": "p", "user_id": "u", "created": updated,
            "flavor": {"original_name": "f", "vcpus": 1, "ram": 64, "disk": 0},
        });
        serde_json::from_value(value).expect("a server")
    }

    #[test]
    fn a_task_state_that_does_not_change_is_stuck() {
        let now: Timestamp = "2026-11-24T10:01:00Z".parse().expect("a time");
        assert_eq!(stuck(&[server(None, "2026-11-24T10:00:00Z")], now), None);
        assert_eq!(stuck(&[server(Some("spawning"), "2026-11-24T10:00:40Z")], now), None);
        assert_eq!(
            stuck(&[server(Some("spawning"), "2026-11-24T10:00:00Z")], now).as_deref(),
            Some("guest `a` is spawning for 60 s")
        );
    }
}
