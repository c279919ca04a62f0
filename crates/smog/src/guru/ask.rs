//! Asking a service for its report, and reading it where the service puts it.

use crate::hint::{self, Hint};
use std::time::Duration;

use jiff::Timestamp;

use super::Guru;
use super::parse::{is_whole, parse};
use super::probe::{self, Process, Wants};
use crate::error::{Error, Result};
use crate::host::{Cmd, Host, ServicePlace, ServiceRole};

/// A report that has not come after so long will not come: the interpreter answers between two
/// steps of its main thread, so one that hangs in a native call does not.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a service writes when its report failed: while a child of it is ending, it meets a process
/// that is no more. It is asked again then.
const FAILED: &str = "Unable to run Guru Meditation Report!";

/// A service is asked so often at most.
const TRIES: u32 = 4;

/// It is looked for so often.
const EVERY: Duration = Duration::from_millis(300);

/// Where a report comes to.
enum Place {
    /// The journal of a unit, after this cursor.
    Journal { cursor: String },
    /// A folder; these reports were there before.
    Folder { folder: String, before: Vec<String> },
    /// A file that a unit's standard error is written to, which had so many bytes.
    File { path: String, size: u64 },
    /// The engine's log of the container, from this time on.
    Container { since: Timestamp },
}

/// A service that can be asked.
struct Found {
    /// Where its processes are: the host, or the inside of a container.
    host: Host,
    service: String,
    unit: Option<String>,
    config: Vec<String>,
    processes: Vec<Process>,
}

impl Host {
    /// Ask a service ("nova-compute", or the name of a unit; none: nova-compute) for its Guru
    /// Meditation Report, as it is configured: by SIGUSR2 or its file, from the journal or a
    /// file. A report for each worker. A process that does not handle the signal is never
    /// signalled. In containers it was only tried against what is public of their engines.
    ///
    /// # Errors
    /// [`Error::NotFound`] without such a service; [`Error::Invalid`] when it cannot be asked;
    /// [`Error::Timeout`] when no report came; otherwise as [`Host::run`].
    pub async fn guru(&self, service: Option<&str>) -> Result<Vec<Guru>> {
        let found = self.found(service.unwrap_or("nova-compute")).await?;
        let mut reports = Vec::new();
        for process in probe::working(&found.processes) {
            reports.push(self.report_of(&found, &process).await?);
        }
        Ok(reports)
    }

    async fn found(&self, asked: &str) -> Result<Found> {
        let layout = self.layout().await?;
        let service = asked.strip_suffix(".service").unwrap_or(asked).to_string();
        let place = role(&service).and_then(|role| layout.place(role)).cloned();
        // The paths of the machine are those of no container.
        if let Some(ServicePlace { container: Some(container), .. }) = place {
            let inside = self.inside(container);
            let processes = probe::by_name(&inside, &service).await?;
            if processes.is_empty() {
                return Err(self.not_running(asked));
            }
            return Ok(Found { host: inside, service, unit: None, config: vec![], processes });
        }
        let (unit, config) = match place {
            Some(place) => (place.unit, place.config),
            None => (None, vec![]),
        };
        let names = match unit {
            Some(unit) => vec![unit],
            None => vec![
                format!("{service}.service"),
                format!("openstack-{service}.service"),
                format!("devstack@{service}.service"),
            ],
        };
        let known = self.services(names.iter().map(String::as_str)).await?;
        // A unit that does not run is the better answer than none.
        let known = known.iter().find(|known| known.main_pid.is_some()).or(known.first()).cloned();
        let Some(known) = known else {
            let near = layout.places.values().filter_map(|place| place.unit.clone());
            let near = near.map(|unit| unit.trim_end_matches(".service").to_string()).collect();
            let what = format!("service on host {}", self.name());
            return Err(Error::NotFound { what, name: asked.into(), near });
        };
        let Some(main) = known.main_pid else { return Err(self.not_running(asked)) };
        let processes = probe::of_main(self, main).await?;
        if processes.is_empty() {
            return Err(self.not_running(asked));
        }
        Ok(Found { host: self.clone(), service, unit: Some(known.unit), config, processes })
    }

    fn not_running(&self, service: &str) -> Error {
        Error::Invalid {
            what: format!("service `{service}` on host `{}`", self.name()),
            why: "it does not run, so it cannot say what it does".into(),
            hint: Some(Hint::from("its logs say why it ended: ").and(hint::LOGS_OF_HOST.with(self.name()))),
        }
    }

    async fn report_of(&self, found: &Found, process: &Process) -> Result<Guru> {
        for _ in 1..TRIES {
            match self.one_report(found, process).await {
                Err(Error::Parse { why, .. }) if why.contains(FAILED) => tokio::time::sleep(EVERY).await,
                other => return other,
            }
        }
        self.one_report(found, process).await
    }

    async fn one_report(&self, found: &Found, process: &Process) -> Result<Guru> {
        let main = found.processes.first().unwrap_or(process);
        // A worker may have another title than the command line it was started with.
        let files = probe::config_files(main, &found.service, &found.config);
        let wants = probe::wants(&found.host, &files).await?;
        self.may_be_asked(found, process, &wants)?;
        let place = self.place(found, &wants).await?;
        let asked_at = Timestamp::now();
        let by = match &wants.trigger {
            Some(file) => {
                found.host.run(Cmd::new("touch").args(["-c", "--", file])).await?;
                format!("by its file {file}")
            }
            None => {
                probe::send(&found.host, process).await?;
                "by SIGUSR2".to_string()
            }
        };
        let (text, from) = self.wait_for_report(found, process, &place).await?;
        let mut guru = parse(&text)?;
        guru.host = self.name().to_string();
        guru.service.clone_from(&found.service);
        guru.pid = process.pid;
        guru.asked_at = Some(asked_at);
        guru.way = format!("asked {by}, read from {from}");
        Ok(guru)
    }

    fn may_be_asked(&self, found: &Found, process: &Process, wants: &Wants) -> Result<()> {
        if wants.trigger.is_some() {
            return Ok(());
        }
        if probe::is_wsgi(process) {
            return Err(Error::Invalid {
                what: format!("service `{}` on host `{}`", found.service, self.name()),
                why: "a WSGI server runs it, whose signals are its own; it was not signalled".into(),
                hint: Some("`[oslo_reports]file_event_handler` in its configuration lets it report".into()),
            });
        }
        match process.catches_usr2 {
            true => Ok(()),
            false => Err(probe::deaf(&found.host, process)),
        }
    }

    /// Where its report will come to, and what is there before.
    async fn place(&self, found: &Found, wants: &Wants) -> Result<Place> {
        if let Some(folder) = &wants.log_dir {
            let before = reports_in(&found.host, folder).await?;
            return Ok(Place::Folder { folder: folder.clone(), before });
        }
        let Some(unit) = &found.unit else { return Ok(Place::Container { since: Timestamp::now() }) };
        let show = Cmd::new("systemctl").args(["show", "--property=StandardError", "--value", "--", unit]);
        let to = self.run(show.repeatable()).await?.text().trim().to_string();
        if let Some(path) = to.strip_prefix("file:").or_else(|| to.strip_prefix("append:")) {
            let size = self.stat(path).await?.map_or(0, |stat| stat.size_bytes);
            return Ok(Place::File { path: path.to_string(), size });
        }
        if to == "null" {
            return Err(Error::Invalid {
                what: format!("service `{}` on host `{}`", found.service, self.name()),
                why: "its standard error goes to /dev/null, and its reports with it".into(),
                hint: Some("`[oslo_reports]log_dir` in its configuration puts them into files".into()),
            });
        }
        let cursor = Cmd::new("journalctl").args(["-n", "0", "--show-cursor", "--no-pager"]);
        let said = self.run(cursor.repeatable()).await?.text().into_owned();
        let cursor = said.lines().find_map(|line| line.strip_prefix("-- cursor: "));
        let Some(cursor) = cursor else {
            return Err(Error::Parse {
                what: "the journal's end".into(),
                source_of: format!("host `{}`", self.name()),
                why: "journalctl shows no cursor: the journal is empty".into(),
            });
        };
        Ok(Place::Journal { cursor: cursor.to_string() })
    }

    async fn wait_for_report(
        &self,
        found: &Found,
        process: &Process,
        place: &Place,
    ) -> Result<(String, String)> {
        let begun = std::time::Instant::now();
        let mut last = 0;
        while begun.elapsed() < PATIENCE {
            tokio::time::sleep(EVERY).await;
            let (text, from) = self.look(found, process, place).await?;
            if text.contains(FAILED) && !is_whole(&text) {
                let last = text.lines().rev().find(|line| !line.contains(FAILED) && !line.trim().is_empty());
                return Err(Error::Parse {
                    what: "Guru Meditation Report".into(),
                    source_of: format!("{} (process {})", found.service, process.pid),
                    why: format!("it says `{FAILED}` after `{}`", last.unwrap_or_default().trim()),
                });
            }
            // Its end has no mark: it is whole when nothing comes any more.
            if is_whole(&text) && text.len() == last {
                return Ok((text, from));
            }
            last = text.len();
        }
        let what = format!("the Guru Meditation Report of {} (process {})", found.service, process.pid);
        let last = match last {
            0 => "nothing was written; it may hang in a native call, where Python handles no signal".into(),
            bytes => format!("{bytes} bytes without a whole report"),
        };
        Err(Error::Timeout { what, waited: begun.elapsed(), last, request_id: None })
    }

    /// What has been written so far, and where.
    async fn look(&self, found: &Found, process: &Process, place: &Place) -> Result<(String, String)> {
        match place {
            Place::Journal { cursor } => {
                let by = format!("_PID={}", process.pid);
                let after = format!("--after-cursor={cursor}");
                let cmd = Cmd::new("journalctl").args([after.as_str(), &by, "-o", "cat", "--no-pager"]);
                let text = self.run(cmd.repeatable()).await?.text().into_owned();
                Ok((text, "the journal".into()))
            }
            Place::Folder { folder, before } => {
                let now = reports_in(&found.host, folder).await?;
                // Services that share a configuration share the folder and the trigger.
                let own = format!("Process {} (", process.pid);
                for new in now.iter().rev().filter(|file| !before.contains(file)) {
                    let text = found.host.read_text(new).await?;
                    if text.contains(&own) {
                        return Ok((text, format!("{new}, which stays there")));
                    }
                }
                Ok((String::new(), String::new()))
            }
            Place::File { path, size } => {
                let cmd = Cmd::new("tail").args(["-c", &format!("+{}", size + 1), "--", path]);
                Ok((self.run(cmd.repeatable()).await?.text().into_owned(), path.clone()))
            }
            Place::Container { since } => {
                let Some(container) = found.host.container() else { return Ok(Default::default()) };
                let since = since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                let cmd =
                    Cmd::new(container.engine.program()).args(["logs", "--since", &since, &container.name]);
                let output = found.host.outside().run(cmd.repeatable()).await?;
                // Engines keep the two streams apart.
                let text = format!("{}{}", output.error_text(), output.text());
                Ok((text, format!("the log of container {}", container.name)))
            }
        }
    }
}

/// The reports in a folder, the oldest first: their names end with the time.
async fn reports_in(host: &Host, folder: &str) -> Result<Vec<String>> {
    let mut files = host.glob(&format!("{}/*_gurumeditation_*", folder.trim_end_matches('/'))).await?;
    files.sort_by_key(|file| file.rsplit('_').next().unwrap_or_default().to_string());
    Ok(files)
}

fn role(service: &str) -> Option<ServiceRole> {
    Some(match service {
        "nova-compute" => ServiceRole::NovaCompute,
        "nova-api" => ServiceRole::NovaApi,
        "nova-scheduler" => ServiceRole::NovaScheduler,
        "nova-conductor" => ServiceRole::NovaConductor,
        "neutron-openvswitch-agent" => ServiceRole::NeutronOvsAgent,
        "neutron-server" | "neutron-api" => ServiceRole::NeutronServer,
        _ => return None,
    })
}
