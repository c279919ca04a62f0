//! One fault: what is prepared for it, what smog does meanwhile, and what is looked at afterwards.

mod changes;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::checks;
use crate::command::Ran;
use crate::desk::{Desk, Odds};
use crate::fault::{
    Activity, ApiFault, Disk, Fault, Hostile, Injector, LISTS, Service, Signal, SshFault, Stdio, When,
};
use crate::oracle::{HOSTS, difference};
use crate::proxy::{Passed, Plan, Proxy};
use crate::relay::Relay;
use crate::world::World;

/// What became of a fault: one line of JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    #[serde(flatten)]
    pub fault: Fault,
    pub kind: String,
    pub activity_name: String,
    /// The command that met the fault.
    pub command: String,
    /// The fault was met; else the command ended before its moment.
    pub injected: bool,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub seconds: f64,
    pub memory_mib: u64,
    /// What did not hold.
    pub broken: Vec<String>,
    /// The end of what was said.
    pub said: String,
}

/// The guest a worker keeps for what needs one.
pub struct Kept {
    pub name: String,
    pub id: String,
}

/// The most a command may take: a request's 70 s twice, or what was asked of it by `--timeout`.
const DEADLINE: Duration = Duration::from_secs(200);

pub struct Trial<'a> {
    world: &'a World,
    fault: Fault,
    desk: Desk,
    proxy: Proxy,
    relay: Relay,
    odds: Odds,
    broken: Vec<String>,
    command: String,
    ran: Ran,
}

/// Run one fault.
pub fn run(world: &World, fault: Fault, kept: &mut Kept) -> Result<Outcome, String> {
    let mut trial = Trial::new(world, fault)?;
    trial.activity(kept)?;
    let mut broken = std::mem::take(&mut trial.broken);
    let passed = trial.proxy.passed();
    let secrets: Vec<String> = passed.tokens.iter().cloned().chain([world.password.clone()]).collect();
    let mut found = checks::of_command(&fault, &trial.ran, &secrets, &trial.desk.at("log"));
    if passed.leaked {
        found.push("secret: a token or password was sent to another origin".into());
    }
    found.append(&mut broken);
    let said = trial.ran.err_text();
    let said: String = said.chars().rev().take(700).collect::<Vec<char>>().into_iter().rev().collect();
    Ok(Outcome {
        fault,
        kind: fault.injector.kind().into(),
        activity_name: fault.activity.name().into(),
        injected: trial.was_injected(&passed),
        command: trial.command,
        code: trial.ran.code,
        signal: trial.ran.signal,
        seconds: (trial.ran.took.as_secs_f64() * 100.0).round() / 100.0,
        memory_mib: trial.ran.memory,
        broken: found,
        said,
    })
}

impl Trial<'_> {
    fn new(world: &World, fault: Fault) -> Result<Trial<'_>, String> {
        let mut plan = Plan::default();
        let mut odds = Odds::default();
        let mut ssh = None;
        match fault.injector {
            Injector::Api { service, from, times, what } => plan.api = Some((service, from, times, what)),
            Injector::Ssh { host, what } => ssh = Some((host, what)),
            Injector::Kill { signal, when } => match when {
                When::Request { number, after } => plan.kill = Some((signal, number, after)),
                When::Milliseconds(ms) => odds.signal = Some((signal, Duration::from_millis(ms))),
                When::Step(step) => odds.die_at = Some(step),
            },
            Injector::Clock { seconds } => odds.clock = Some(seconds),
            Injector::Stdio(how) => odds.stdio = Some(how),
            Injector::Names(how) => plan.names = Some(how),
            Injector::Disk(_) => {}
        }
        let proxy = Proxy::start(&world.oracle.controller, plan).map_err(|why| format!("proxy: {why}"))?;
        let relay = Relay::start(&world.oracle.addresses, ssh).map_err(|why| format!("relay: {why}"))?;
        let mut desk = Desk::new(world, &proxy.ports, &relay.ports).map_err(|why| format!("desk: {why}"))?;
        if let Injector::Disk(disk) = fault.injector {
            desk.small_disk(disk)?;
        }
        Ok(Trial {
            world,
            fault,
            desk,
            proxy,
            relay,
            odds,
            broken: vec![],
            command: String::new(),
            ran: Ran::default(),
        })
    }

    fn was_injected(&self, passed: &Passed) -> bool {
        match self.fault.injector {
            // Nobody was there to count.
            Injector::Api { what: ApiFault::Refuse, .. } => true,
            Injector::Api { .. } => passed.injected > 0,
            Injector::Names(Hostile::LogFile) => true,
            Injector::Names(_) => passed.injected > 0,
            Injector::Ssh { .. } => self.relay.injected() > 0,
            Injector::Kill { when: When::Milliseconds(_), .. } => self.ran.signalled.is_some(),
            Injector::Kill { when: When::Request { .. }, .. } => passed.injected > 0,
            Injector::Kill { when: When::Step(_), .. } => self.ran.signal == Some(9),
            Injector::Disk(_) | Injector::Clock { .. } | Injector::Stdio(_) => true,
        }
    }

    /// Run the command that meets the fault.
    fn meets(&mut self, words: &[&str]) {
        self.command = format!("smog {}", words.join(" "));
        self.desk.fill();
        self.ran = self.desk.run(words, &self.odds, DEADLINE, |id| self.proxy.child(id));
        let ended = Instant::now();
        self.desk.unfill();
        let signalled = self.ran.signalled.or_else(|| self.proxy.passed().signalled);
        if let Some(when) = signalled
            && self.ran.code == Some(0)
            && ended.duration_since(when) > Duration::from_secs(4)
        {
            self.breaks("signal: it went on to its end as if none had come");
        }
    }

    fn breaks(&mut self, what: impl Into<String>) {
        self.broken.push(what.into());
    }

    /// Whether what smog prints can be looked at.
    fn output_is_whole(&self) -> bool {
        !matches!(
            self.fault.injector,
            Injector::Stdio(
                Stdio::OutClosed
                    | Stdio::OutFull
                    | Stdio::OutBroken
                    | Stdio::BothBroken
                    | Stdio::BothAfterLine
            ) | Injector::Names(Hostile::Escapes | Hostile::Lines | Hostile::Long)
        )
    }

    /// Whether smog was killed outright, and can have reported and repaired nothing.
    fn was_killed(&self) -> bool {
        matches!(self.fault.injector, Injector::Kill { .. }) && self.ran.signal.is_some()
    }

    fn activity(&mut self, kept: &mut Kept) -> Result<(), String> {
        match self.fault.activity {
            Activity::List(list) => self.list(list, kept),
            Activity::Discover => self.discover(kept),
            Activity::Logs => self.logs(),
            Activity::Watch => self.watch(),
            Activity::Boot => self.boot(),
            Activity::Delete => self.delete(),
            Activity::Migrate => self.migrate(kept),
            Activity::PrepareSysctl { restore } => {
                self.prepare(&["--sysctl", "cmp2/vm.swappiness=41"], restore)
            }
            Activity::PrepareNova { restore } => {
                let wish = ["--set", "cmp2/nova.conf:DEFAULT.shutdown_timeout=7"];
                self.prepare(&wish, restore)
            }
            Activity::Test => self.test(),
        }
    }

    /// Exit code 0 stands for the right answer.
    fn answered(&mut self, word: &str) {
        if self.ran.code == Some(0) && self.output_is_whole() && !self.ran.out_text().contains(word) {
            self.breaks(format!("green that was not looked at: exit code 0 without `{word}`"));
        }
        if self.ran.code == Some(0) && matches!(self.fault.injector, Injector::Stdio(Stdio::OutFull)) {
            self.breaks("green that was not looked at: exit code 0 with standard output full");
        }
    }

    fn list(&mut self, list: usize, kept: &Kept) -> Result<(), String> {
        let (words, word) = LISTS[list];
        let words: Vec<String> = words.iter().map(|word| word.replace("{guest}", &kept.name)).collect();
        self.meets(&words.iter().map(String::as_str).collect::<Vec<_>>());
        self.answered(&word.replace("{guest}", &kept.name));
        Ok(())
    }

    fn discover(&mut self, kept: &Kept) -> Result<(), String> {
        self.meets(&["discover"]);
        self.answered(&kept.name);
        self.every_host_was_read();
        let out = self.ran.out_text();
        let line = out.lines().find(|line| line.contains(&kept.name)).unwrap_or_default();
        if self.ran.code == Some(0) && self.output_is_whole() && !line.contains("instance-") {
            self.breaks(format!(
                "green that was not looked at: exit code 0 without the guest's domain: {line}"
            ));
        }
        Ok(())
    }

    /// A host that never answered was not read.
    fn every_host_was_read(&mut self) {
        let never = match self.fault.injector {
            Injector::Ssh { what: SshFault::Refuse, .. } => {
                !matches!(self.fault.activity, Activity::Discover)
            }
            Injector::Ssh { what: SshFault::NoBanner, .. } => self.relay.injected() > 0,
            _ => false,
        };
        if never && self.ran.code == Some(0) {
            self.breaks("green that was not looked at: exit code 0 and a host was not read");
        }
    }

    fn logs(&mut self) -> Result<(), String> {
        let request = self.world.request.clone();
        let mess = self.log_file(true)?;
        let (since, until) = self.world.request_times.clone();
        let clock = matches!(self.fault.injector, Injector::Clock { .. });
        match clock {
            true => {
                self.meets(&["logs", "--since", "3h", "--exceptions", "--request", &request, "-o", "json"])
            }
            false => self.meets(&[
                "logs",
                "--since",
                &since,
                "--until",
                &until,
                "--request",
                &request,
                "-o",
                "json",
            ]),
        }
        if mess {
            self.log_file(false)?;
        }
        let told = ["clock", "ahead", "behind"].iter().any(|word| self.ran.err_text().contains(word));
        if !(clock && told) {
            self.answered(&request);
        }
        self.every_host_was_read();
        Ok(())
    }

    fn watch(&mut self) -> Result<(), String> {
        let into = self.desk.at("home").join("request");
        let me = std::env::current_exe().map_err(|why| why.to_string())?;
        let (me, file) = (me.display().to_string(), into.display().to_string());
        let world = self.world;
        let name = format!("{}-p{}", world.user, self.fault.number);
        let (image, giant) = (world.image.clone(), world.giant.clone());
        let mess = self.log_file(true)?;
        self.meets(&[
            "watch",
            "--exceptions",
            "-o",
            "json",
            "--",
            &me,
            "provoke",
            &name,
            "--image",
            &image,
            "--giant",
            &giant,
            "--into",
            &file,
        ]);
        if mess {
            self.log_file(false)?;
        }
        // The command below smog may outlive it.
        let begun = Instant::now();
        loop {
            let left = world.oracle.servers_named(&name)?;
            if left.is_empty() {
                break;
            }
            if begun.elapsed() > Duration::from_secs(20) {
                for server in left {
                    world.oracle.delete_server(server["id"].as_str().unwrap_or_default())?;
                }
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        let request = std::fs::read_to_string(&into).unwrap_or_default();
        if self.ran.code == Some(0) && request.is_empty() {
            self.breaks("green that was not looked at: exit code 0, and the command was not run");
        } else if !request.is_empty() {
            self.answered(&request);
        }
        self.every_host_was_read();
        Ok(())
    }

    /// Make or remove files next to Nova's logs whose names are hostile, if that is the fault.
    fn log_file(&self, make: bool) -> Result<bool, String> {
        if !matches!(self.fault.injector, Injector::Names(Hostile::LogFile)) {
            return Ok(false);
        }
        let verb = if make { "touch" } else { "rm -f" };
        let script = format!(
            "cd /var/log/nova && {verb} \"$(printf 'faults-\\377.log')\" \"$(printf 'faults-a\\033[31m\\nb.log')\""
        );
        self.world.oracle.ssh(HOSTS[0], &script)?;
        Ok(true)
    }

    /// Everything that was made through the proxy is gone.
    fn nothing_is_left(&mut self) -> Result<(), String> {
        let oracle = &self.world.oracle;
        for made in self.proxy.passed().made {
            let begun = Instant::now();
            let mut is_left = true;
            while is_left && begun.elapsed() < Duration::from_secs(20) {
                is_left = oracle.call(made.service, "GET", &made.path, None)?.0 == 200;
                if is_left {
                    std::thread::sleep(Duration::from_millis(500));
                }
            }
            if is_left {
                let is_flavor = made.path.contains("/flavors/");
                let killed = matches!(self.fault.injector, Injector::Kill { signal: Signal::Kill, .. });
                if is_flavor && killed && self.ran.signal == Some(9) {
                    // Killed between flavor and server: `smog clean` must know it (looked at in the end).
                    crate::proxy::lock(&self.world.left_by_kills).push((self.fault.number, made.id.clone()));
                } else if is_flavor && self.ran_said(&made.id) {
                    // It could not be removed, and that is said.
                    oracle.call(made.service, "DELETE", &made.path, None)?;
                } else {
                    self.breaks(format!("leak: {} is left", made.path));
                    oracle.call(made.service, "DELETE", &made.path, None)?;
                }
            } else if made.path.contains("/servers/") {
                self.no_allocation(&made.id)?;
            }
        }
        Ok(())
    }

    /// Whether the command has named it.
    fn ran_said(&self, name: &str) -> bool {
        (self.ran.out_text() + &self.ran.err_text()).contains(name)
    }

    /// A server that is gone has no allocation.
    fn no_allocation(&mut self, id: &str) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(15) {
            if self.world.oracle.allocations(id)? == 0 {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        self.breaks(format!("placement: allocations of the server {id}, which is gone"));
        Ok(())
    }
}
