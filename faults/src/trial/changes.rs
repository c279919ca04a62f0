//! The commands that change something, met by a fault.

use super::*;

impl Trial<'_> {
    pub(super) fn boot(&mut self) -> Result<(), String> {
        let world = self.world;
        let name = format!("{}-b{}", world.user, self.fault.number);
        self.meets(&["boot", &name, "--ram", "64", "--timeout", "60"]);
        let (out, err) = (self.ran.out_text(), self.ran.err_text());
        let mut servers = world.oracle.servers_named(&name)?;
        if servers.is_empty() && self.ran.code != Some(0) {
            // An order whose answer was lost may come late.
            std::thread::sleep(Duration::from_millis(500));
            servers = world.oracle.servers_named(&name)?;
        }
        if self.ran.code == Some(0) && !matches!(self.fault.injector, Injector::Stdio(_)) {
            let is_active = servers.first().is_some_and(|server| server["status"] == "ACTIVE");
            if !is_active {
                self.breaks("green that was not looked at: exit code 0 and no ACTIVE server");
            }
        }
        if servers.len() > 1 {
            self.breaks(format!("{} servers were made of one order", servers.len()));
        }
        let can_say = !matches!(
            self.fault.injector,
            Injector::Stdio(Stdio::ErrClosed | Stdio::ErrFull | Stdio::BothBroken | Stdio::BothAfterLine)
        );
        if let Some(server) = servers.first()
            && self.ran.code.is_some_and(|code| code != 0)
            && can_say
            && !self.ran.hung
        {
            let id = server["id"].as_str().unwrap_or("?");
            let told = (out + &err).contains(id) || err.contains("smog delete");
            if !told || err.contains("nothing is left") {
                self.breaks("leak: the server that was left is not named");
            }
        }
        for server in &servers {
            let id = server["id"].as_str().unwrap_or_default().to_string();
            let ran = self.desk.clean(&["delete", "-q", &id]);
            if ran.code != Some(0) {
                self.breaks(format!("`smog delete` afterwards: {}", ran.err_text()));
                world.oracle.delete_server(&id)?;
            }
        }
        self.nothing_is_left()
    }

    pub(super) fn delete(&mut self) -> Result<(), String> {
        let world = self.world;
        let name = format!("{}-d{}", world.user, self.fault.number);
        let id = world.guest(&name)?;
        self.meets(&["delete", &name, "--timeout", "60"]);
        let gone = || {
            world
                .oracle
                .call(Service::Nova, "GET", &format!("/v2.1/servers/{id}"), None)
                .map(|(status, _)| status == 404)
        };
        if self.ran.code == Some(0) && !gone()? {
            self.breaks("green that was not looked at: exit code 0 and the server is there");
        }
        world.oracle.delete_server(&id)?;
        self.no_allocation(&id)
    }

    pub(super) fn migrate(&mut self, kept: &mut Kept) -> Result<(), String> {
        let oracle = &self.world.oracle;
        let show = |id: &str| oracle.get(Service::Nova, &format!("/v2.1/servers/{id}"));
        let host = |server: &Value| {
            server["server"]["OS-EXT-SRV-ATTR:host"].as_str().unwrap_or_default().to_string()
        };
        let before = host(&show(&kept.id)?);
        self.meets(&["migrate", &kept.name, "--timeout", "90"]);
        let after = host(&show(&kept.id)?);
        if self.ran.code == Some(0) && before == after {
            self.breaks("green that was not looked at: exit code 0 and the guest has not moved");
        }
        let settled = oracle.wait_server(&kept.id, &["ACTIVE"], 120);
        let allocations = || -> Result<bool, String> {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(15) {
                if oracle.allocations(&kept.id)? == 1 {
                    return Ok(true);
                }
                std::thread::sleep(Duration::from_millis(700));
            }
            Ok(false)
        };
        if settled.is_ok() && !allocations()? {
            self.breaks("placement: a guest at rest has not one allocation");
        }
        if let Err(why) = settled {
            self.breaks(format!("the guest is not ACTIVE again: {why}"));
            oracle.delete_server(&kept.id)?;
            kept.id = self.world.guest(&kept.name)?;
        }
        Ok(())
    }

    pub(super) fn prepare(&mut self, wish: &[&str], restore: bool) -> Result<(), String> {
        let world = self.world;
        let host = "cmp2";
        let on_host = matches!(self.fault.injector, Injector::Disk(Disk::OnHost));
        let before = world.oracle.fingerprint(host)?;
        let prepare = [&["prepare", "--yes", "--host", host], wish].concat();
        let bring_back = ["restore", "--yes", "--host", host];
        if restore && !on_host {
            let ran = self.desk.clean(&prepare);
            if ran.code != Some(0) {
                return Err(format!("prepare without a fault: {}", ran.err_text()));
            }
            self.meets(&bring_back);
            if self.ran.code == Some(0) && self.output_is_whole() {
                let after = world.oracle.fingerprint(host)?;
                if after != before {
                    self.breaks(format!(
                        "host: exit code 0 and not as before: {}",
                        difference(&before, &after)
                    ));
                }
            }
        } else {
            let full = "mkdir -p /var/lib/smog; mount -t tmpfs -o size=4k faults /var/lib/smog; head -c 4096 /dev/zero >/var/lib/smog/full";
            if on_host {
                world.oracle.ssh(host, full)?;
            }
            self.meets(&prepare);
            if on_host {
                world
                    .oracle
                    .ssh(host, "umount /var/lib/smog; rmdir --ignore-fail-on-non-empty /var/lib/smog")?;
            }
            let said_done = self.ran.code == Some(0);
            if said_done && !self.is_prepared(host)? {
                self.breaks("green that was not looked at: exit code 0 and the host is not prepared");
            }
        }
        // Whatever happened, this brings the host back; where others changed nothing, without force.
        let ran = self.desk.clean(&bring_back);
        if ran.code != Some(0) {
            self.breaks(format!("`smog restore` afterwards: {:?} {}", ran.code, ran.err_text()));
        }
        let mut after = world.oracle.fingerprint(host)?;
        let begun = Instant::now();
        while after != before && begun.elapsed() < Duration::from_secs(6) {
            // A command that was cut off ends itself within seconds.
            std::thread::sleep(Duration::from_millis(500));
            after = world.oracle.fingerprint(host)?;
        }
        if after != before {
            self.breaks(format!("host: not as before after `smog restore`: {}", difference(&before, &after)));
            self.desk.clean(&["restore", "--yes", "--force", "--host", host]);
        }
        Ok(())
    }

    fn is_prepared(&self, host: &str) -> Result<bool, String> {
        let look = "cat /proc/sys/vm/swappiness; grep -h shutdown_timeout /etc/nova/nova.conf";
        let seen = self.world.oracle.ssh(host, look)?;
        Ok(match self.fault.activity {
            Activity::PrepareNova { .. } => seen.contains("shutdown_timeout = 7"),
            _ => seen.starts_with("41\n"),
        })
    }

    pub(super) fn test(&mut self) -> Result<(), String> {
        let logs = self.desk.at("log").display().to_string();
        self.meets(&["test", "sanity.SanityTest.test_lock", "--log-dir", &logs]);
        let out = self.ran.out_text();
        if self.ran.code == Some(0) && self.output_is_whole() && !out.contains("1 passed") {
            self.breaks("green that was not looked at: exit code 0 without `1 passed`");
        }
        let run =
            out.lines().find_map(|line| line.strip_prefix("run ")?.split(':').next().map(str::to_string));
        let run = run.or_else(|| {
            let folders = std::fs::read_dir(self.desk.at("log").join("runs")).ok()?;
            let names = folders.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            names.into_iter().find(|name| name.contains('-') && !name.ends_with(".tmp"))
        });
        let run = run.or_else(|| {
            // The names of what it made bear its id: smog-RUN-…
            let passed = self.proxy.passed();
            let project = passed.made.iter().find(|made| made.path.contains("/projects/"))?;
            let found = self.world.oracle.get(Service::Keystone, &project.path).ok()?;
            found["project"]["name"].as_str().map(str::to_string)
        });
        if let Some(run) = run
            && (self.was_killed() || self.ran.code != Some(0))
        {
            let ran = self.desk.clean(&["clean", "--run", &run, "--yes"]);
            // Nothing left of a run may be no such run.
            if !matches!(ran.code, Some(0 | 2)) {
                self.breaks(format!("`smog clean` afterwards: {}", ran.err_text()));
            }
        }
        self.nothing_is_left()
    }
}
