//! Many faults: some workers at once, what changes hosts one after the other.

use std::collections::VecDeque;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::draw::draw;
use crate::fault::{Activity, Fault, Hostile, Injector};
use crate::proxy::lock;
use crate::trial::{self, Kept, Outcome};
use crate::world::World;

/// What is run, and how.
pub struct Campaign {
    pub faults: Vec<Fault>,
    pub jobs: usize,
    /// Where the lines go, in addition to standard output.
    pub json: Option<PathBuf>,
    /// No more are begun after this long.
    pub seconds: Option<u64>,
}

/// The faults of these numbers.
pub fn drawn(seed: u64, numbers: std::ops::Range<u64>) -> Vec<Fault> {
    numbers.map(|number| draw(seed, number)).collect()
}

/// Whether it is done one at a time, with the lock.
fn is_alone(fault: &Fault) -> bool {
    fault.activity.changes_hosts() || matches!(fault.injector, Injector::Names(Hostile::LogFile))
}

impl Campaign {
    /// Run all of them; what became of each, and what could not be tried.
    pub fn run(&self, world: &World) -> Result<(Vec<Outcome>, Vec<String>), String> {
        let begun = Instant::now();
        let (mut alone, beside): (Vec<Fault>, Vec<Fault>) =
            self.faults.iter().partition(|fault| is_alone(fault));
        // Those that restart nova-compute, which everybody else waits for, in the end.
        alone.sort_by_key(|fault| matches!(fault.activity, Activity::PrepareNova { .. }));
        let (alone, beside) = (Mutex::new(VecDeque::from(alone)), Mutex::new(VecDeque::from(beside)));
        let (to, from) = mpsc::channel();
        let mut file = match &self.json {
            Some(path) => {
                Some(std::fs::File::create(path).map_err(|why| format!("{}: {why}", path.display()))?)
            }
            None => None,
        };
        let mut outcomes = vec![];
        let mut untried = vec![];
        std::thread::scope(|scope| {
            for worker in 0..self.jobs {
                // The first worker does what is done one at a time, then helps.
                let queues = if worker == 0 { vec![&alone, &beside] } else { vec![&beside] };
                let to = to.clone();
                let end = self.seconds.map(|seconds| begun + Duration::from_secs(seconds));
                scope.spawn(move || work(world, worker, &queues, &to, end));
            }
            drop(to);
            for (fault, result) in from {
                match result {
                    Ok(outcome) => {
                        let line = serde_json::to_string(&outcome).unwrap_or_default();
                        if let Some(file) = &mut file {
                            let _ = writeln!(file, "{line}");
                        }
                        tell(&outcome, outcomes.len() + 1, self.faults.len(), begun.elapsed().as_secs());
                        outcomes.push(outcome);
                    }
                    Err(why) => {
                        say(&format!("  not tried {}:{}: {why}", fault.seed, fault.number));
                        untried.push(format!("{}:{}: {why}", fault.seed, fault.number));
                    }
                }
            }
        });
        Ok((outcomes, untried))
    }
}

type Finished = (Fault, Result<Outcome, String>);

fn work(
    world: &World,
    worker: usize,
    queues: &[&Mutex<VecDeque<Fault>>],
    to: &mpsc::Sender<Finished>,
    end: Option<Instant>,
) {
    let name = format!("{}-w{worker}", world.user);
    let mut kept: Option<Kept> = None;
    while end.is_none_or(|end| Instant::now() < end) {
        let Some(fault) = queues.iter().find_map(|queue| lock(queue).pop_front()) else { return };
        let result = one(world, fault, &name, &mut kept);
        if to.send((fault, result)).is_err() {
            return;
        }
    }
}

fn one(world: &World, fault: Fault, name: &str, kept: &mut Option<Kept>) -> Result<Outcome, String> {
    if matches!(fault.injector, Injector::Clock { .. }) && !world.clock_can_be_moved {
        return Err("faketime is not installed".into());
    }
    let needs_guest = matches!(fault.activity, Activity::List(_) | Activity::Discover | Activity::Migrate);
    if needs_guest && kept.is_none() {
        *kept = Some(Kept { name: name.into(), id: world.guest(name)? });
    }
    let mut nobody = Kept { name: name.into(), id: String::new() };
    let kept = kept.as_mut().unwrap_or(&mut nobody);
    if !is_alone(&fault) {
        let _computes = world.computes.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        return trial::run(world, fault, kept);
    }
    let _others = match &world.lock_file {
        Some(path) => {
            let file = std::fs::File::options().append(true).create(true).open(path);
            let file = file.map_err(|why| format!("{}: {why}", path.display()))?;
            file.lock().map_err(|why| format!("{}: {why}", path.display()))?;
            Some(file)
        }
        None => None,
    };
    let _computes = matches!(fault.activity, Activity::PrepareNova { .. })
        .then(|| world.computes.write().unwrap_or_else(std::sync::PoisonError::into_inner));
    trial::run(world, fault, kept)
}

/// A line on standard error.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A line for people; the JSON is for machines.
fn tell(outcome: &Outcome, number: usize, of: usize, seconds: u64) {
    let verdict = match (outcome.broken.is_empty(), outcome.injected) {
        (true, true) => "held",
        (true, false) => "not met",
        (false, _) => "FAILED",
    };
    let fault = &outcome.fault;
    say(&format!(
        "{seconds:>5} s {number:>4}/{of} {verdict:<7} {}:{:<4} {:<19} {} -> {} in {:.1} s",
        fault.seed,
        fault.number,
        outcome.activity_name,
        injector(fault),
        outcome
            .code
            .map_or_else(|| format!("signal {}", outcome.signal.unwrap_or(0)), |code| format!("exit {code}")),
        outcome.seconds
    ));
    for broken in &outcome.broken {
        say(&format!("             {broken}"));
    }
    if !outcome.broken.is_empty() {
        say(&format!("             {}", outcome.command));
        for line in outcome.said.lines().rev().take(4).collect::<Vec<_>>().into_iter().rev() {
            let line: String =
                line.chars().take(240).map(|one| if one.is_control() { '?' } else { one }).collect();
            say(&format!("             | {line}"));
        }
    }
}

/// The injector as one short word of JSON.
pub fn injector(fault: &Fault) -> String {
    serde_json::to_string(&fault.injector).unwrap_or_default().replace('"', "")
}
