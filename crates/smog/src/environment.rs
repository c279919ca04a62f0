//! Hosts brought into the state a test expects, and back to the byte.
//!
//! [`Wish`] says what is wanted; [`Environment::look`] what is there ([`State`]);
//! [`plan`] is a pure function of both; [`Environment::apply`] makes it true under a
//! lock and a journal that is on disk, here and on the host, before anything changes;
//! [`Environment::restore`] brings it back, from any machine, after a crash at any point.
//!
//! ```no_run
//! # async fn example(cloud: &smog::Cloud) -> smog::Result<()> {
//! use smog::environment::{Environment, Options, RestoreOptions, Wish};
//!
//! let options = Options::new("/home/alice/.local/state/smog/journal", "alice", "a test");
//! let environment = Environment::of_cloud(cloud, &[], options).await?;
//! let wish = Wish::new().with_setting("nova.conf:libvirt.virt_type=kvm")?;
//! let prepared = environment.prepare(&wish).await?;
//! // … the test …
//! prepared.restore().await?;
//! # Ok(()) }
//! ```

mod apply;
mod change;
mod decide;
mod diff;
mod evidence;
mod file_wish;
mod hostside;
mod image;
mod journal;
mod lock;
mod machine;
mod machine_state;
mod machine_wish;
mod options;
mod outstanding;
mod place;
mod plain;
mod plan;
mod request;
mod restore;
mod state;
mod storage;
mod take_back;
mod things;
mod wish;

pub use change::{Change, DomainChange, FileChange, OptionEdit, Restart, UnitChange, UnitState, ValueChange};
pub use decide::{Decision, Now, OnConflict, decide, merged, three_way};
pub use diff::unified;
pub use evidence::Evidence;
pub use image::FileImage;
pub use journal::{Journal, Mark, Marks, Store};
pub use lock::{Alive, Owner};
pub use machine_state::MachineState;
pub use machine_wish::{MachineCpu, MachineWish};
pub use options::{AtStep, OnEvent, Options, Tell};
pub use outstanding::{Listing, Outstanding};
pub use plan::{Cannot, HostPlan, Plan, plan};
pub use request::WishRequest;
pub use restore::{Conflict, RestoreOptions, Restored};
pub use state::{BootTool, HostState, State};
pub use storage::StorageState;
pub use take_back::TakenBack;
pub use things::{OptionWish, PREPARABLE, PagesWish, Preparable, SharedWish, Want};
pub use wish::{Item, Target, Wish};

use crate::Cloud;
use crate::config::SmogFile;
use crate::error::{Error, Result};
use crate::hint::{self, Hint};
use crate::host::{Host, Machine};
use hostside::HostSide;
use outstanding::chosen_work;
use place::{Place, on_each, place_of};

/// Some hosts, and how to bring them into a state and back.
#[derive(Debug, Clone)]
pub struct Environment {
    cloud: Option<Cloud>,
    hosts: Vec<Host>,
    /// Those hosts that are guests of others, and the others.
    machines: Vec<Machine>,
    /// Whether these are all hosts there are, not some that were named.
    all: bool,
    options: Options,
}

/// Hosts that were prepared.
#[derive(Debug, Clone)]
pub struct Prepared {
    environment: Environment,
    /// The run: names the journals.
    pub run: String,
    /// What was changed.
    pub plan: Plan,
    /// Why each restarted service counts as ready.
    pub evidence: Vec<Evidence>,
}

impl Environment {
    /// The hosts of a cloud: all of them, or `only` those named.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name nobody knows; as [`Cloud::host`].
    pub async fn of_cloud(cloud: &Cloud, only: &[String], options: Options) -> Result<Environment> {
        let names: Vec<String> = match only.is_empty() {
            true => cloud.host_names().await?,
            false => only.to_vec(),
        };
        let mut hosts: Vec<Host> = Vec::new();
        for name in names {
            let host = cloud.host(&name).await?;
            if !hosts.iter().any(|other| other.name() == host.name()) {
                hosts.push(host);
            }
        }
        let environment = Environment {
            cloud: Some(cloud.clone()),
            hosts,
            machines: vec![],
            all: only.is_empty(),
            options,
        };
        Ok(environment.with_machines(cloud.machines()))
    }

    /// The hosts of a smog.yml, for when the cloud itself does not answer: enough to restore.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that is not in it.
    pub fn of_file(file: &SmogFile, only: &[String], options: Options) -> Result<Environment> {
        let mut hosts = Host::of_file(file);
        let known: Vec<String> = hosts.iter().map(|host| host.name().to_string()).collect();
        hosts.retain(|host| only.is_empty() || only.iter().any(|one| one == host.name()));
        match only.iter().find(|one| !hosts.iter().any(|host| host.name() == one.as_str())) {
            Some(name) => Err(Error::NotFound { what: "host".into(), name: name.clone(), near: known }),
            None => {
                let environment =
                    Environment { cloud: None, hosts, machines: vec![], all: only.is_empty(), options };
                Ok(environment.with_machines(Machine::of_file(file)))
            }
        }
    }

    /// These hosts; without a cloud, heartbeats are not asked for.
    pub fn of_hosts(hosts: Vec<Host>, cloud: Option<Cloud>, options: Options) -> Environment {
        Environment { cloud, hosts, machines: vec![], all: true, options }
    }

    /// With these of its hosts as guests of others, whose definitions can be changed there.
    /// Machines that are none of its hosts, and whose parents are none, are left out.
    #[must_use]
    pub fn with_machines(mut self, machines: Vec<Machine>) -> Environment {
        for mut machine in machines {
            let own = |name: &str| self.hosts.iter().find(|host| host.name() == name);
            let (host, parent) = (own(machine.host.name()), own(machine.parent.name()));
            if host.is_none() && parent.is_none() {
                continue;
            }
            // One connection to each.
            machine.host = host.cloned().unwrap_or(machine.host);
            machine.parent = parent.cloned().unwrap_or(machine.parent);
            self.machines.push(machine);
        }
        self
    }

    /// As hosts among others: journals of hosts that are not here are not a fault of [`Environment::outstanding`].
    #[must_use]
    pub fn among_others(mut self) -> Environment {
        self.all = false;
        self
    }

    /// With the parents of these machines as hosts of its own, for machines that are in no cloud yet.
    #[must_use]
    pub fn with_parents(mut self, machines: Vec<Machine>) -> Environment {
        for machine in &machines {
            if !self.hosts.iter().any(|host| host.name() == machine.parent.name()) {
                self.hosts.push(machine.parent.clone());
            }
        }
        let known =
            |new: &Machine, old: &Machine| old.parent.name() == new.parent.name() && old.domain == new.domain;
        let new = machines.into_iter().filter(|new| !self.machines.iter().any(|old| known(new, old)));
        let new: Vec<Machine> = new.collect();
        self.with_machines(new)
    }

    /// Its hosts.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Look at what is there, as far as a wish is concerned, on all hosts at once.
    ///
    /// # Errors
    /// The first host's that cannot be looked at.
    pub async fn look(&self, wish: &Wish) -> Result<State> {
        let places: Vec<Place> = self.places().into_iter().filter(|place| place.is_concerned(wish)).collect();
        let hosts: Vec<Host> = places.iter().map(|place| place.host.clone()).collect();
        let wish = wish.clone();
        let looked = on_each(&hosts, move |host| {
            let place = place_of(&places, &host);
            let wish = wish.clone();
            async move { state::look(&place?, &wish).await }
        });
        let hosts = looked.await.into_iter().map(|(_, looked)| looked).collect::<Result<_>>()?;
        Ok(State { hosts })
    }

    /// Look, and say what would have to change.
    ///
    /// # Errors
    /// As [`Environment::look`] and [`plan`].
    pub async fn check(&self, wish: &Wish) -> Result<Plan> {
        plan(&self.look(wish).await?, wish)
    }

    /// Change what a plan says, on all its hosts at once, and look whether it came true.
    ///
    /// # Errors
    /// The first host's error, after all hosts have come to an end. What was changed is
    /// journaled: [`Environment::restore`] takes it back.
    pub async fn apply(&self, plan: &Plan, wish: &Wish) -> Result<Prepared> {
        let mut prepared = self.intended(plan);
        self.carry_out(&mut prepared, wish).await?;
        Ok(prepared)
    }

    /// What will have been prepared, under a new id.
    fn intended(&self, plan: &Plan) -> Prepared {
        let run = format!(
            "{}-{:x}",
            jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S"),
            std::process::id() ^ jiff::Timestamp::now().subsec_nanosecond().unsigned_abs()
        );
        Prepared { environment: self.clone(), run, plan: plan.clone(), evidence: Vec::new() }
    }

    async fn carry_out(&self, prepared: &mut Prepared, wish: &Wish) -> Result<()> {
        let plan = &prepared.plan;
        let owner = Owner::of_this_process(&prepared.run, &self.options.user, &self.options.command);
        let plans: Vec<HostPlan> =
            plan.hosts.iter().filter(|host| !host.changes.is_empty()).cloned().collect();
        // A host that is restarted from outside cannot be worked on from inside meanwhile.
        // And a folder is shared before it is mounted.
        let (parents, others): (Vec<HostPlan>, Vec<HostPlan>) =
            plans.into_iter().partition(|plan| plan.changes.iter().any(is_domain));
        let (servers, others): (Vec<HostPlan>, Vec<HostPlan>) =
            others.into_iter().partition(|plan| plan.changes.iter().any(is_export));
        let mut evidence = Vec::new();
        for plans in [parents, servers, others] {
            let places = self.places();
            let named = |place: &&Place| plans.iter().any(|plan| plan.host == place.host.name());
            let hosts: Vec<Host> = places.iter().filter(named).map(|place| place.host.clone()).collect();
            let (cloud, owner, options) = (self.cloud.clone(), owner.clone(), self.options.clone());
            let ended = on_each(&hosts, move |host| {
                let plan = plans.iter().find(|plan| plan.host == host.name()).cloned();
                let place = place_of(&places, &host);
                let (cloud, owner, options) = (cloud.clone(), owner.clone(), options.clone());
                async move {
                    match plan {
                        Some(plan) => apply::apply(&place?, cloud.as_ref(), &plan, &owner, &options).await,
                        None => Ok(Vec::new()),
                    }
                }
            });
            for (_, ended) in ended.await {
                evidence.extend(ended?);
            }
        }
        let left = self.check(wish).await?;
        if left.has_changes() {
            return Err(Error::Fault {
                what: "preparing".into(),
                fault: format!("this is not as it was made:\n{left}"),
                host: None,
                request_id: None,
                hint: Some(
                    Hint::from("something else changes the host, such as a deployment tool; ")
                        .and(hint::RESTORE.hint())
                        .and(" takes all back"),
                ),
            });
        }
        prepared.evidence = evidence;
        Ok(())
    }

    /// Look, plan and apply.
    ///
    /// # Errors
    /// As [`Environment::check`] and [`Environment::apply`]; [`Error::Invalid`] when
    /// something cannot be had.
    pub async fn prepare(&self, wish: &Wish) -> Result<Prepared> {
        let (prepared, ended) = self.begin(wish).await?;
        ended.map(|()| prepared)
    }

    /// The same for who takes it back in any case: what an error has interrupted is in the
    /// [`Prepared`] too.
    pub(crate) async fn begin(&self, wish: &Wish) -> Result<(Prepared, Result<()>)> {
        let plan = self.check(wish).await?;
        if let Some(cannot) = plan.cannot().first() {
            return Err(Error::Invalid { what: "preparing".into(), why: cannot.clone(), hint: None });
        }
        let mut prepared = self.intended(&plan);
        let ended = self.carry_out(&mut prepared, wish).await;
        Ok((prepared, ended))
    }

    /// Take back what is outstanding, the newest first on each host, hosts at once;
    /// `run` names one run. Locks of smogs that died here are taken over.
    ///
    /// # Errors
    /// One for each host that could not be restored; what could be, was.
    pub async fn restore(
        &self,
        listing: &Listing,
        run: Option<&str>,
        how: &RestoreOptions,
    ) -> (Vec<Restored>, Vec<Error>) {
        let (mut restored, mut errors) = (Vec::new(), Vec::new());
        let own = Owner::of_this_process(
            &format!("restore-{}-{:x}", jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S"), std::process::id()),
            &self.options.user,
            &self.options.command,
        );
        let places = self.places();
        let is_down = |host: &Host| listing.down.iter().any(|down| down.name() == host.name());
        let hosts = places.iter().map(|place| &place.host).filter(|host| !is_down(host));
        let work = chosen_work(listing, hosts, run, &mut errors);
        // First what restarts other hosts; a folder is shared until nobody mounts it any more.
        let (parents, mut others): (Vec<_>, Vec<_>) = work
            .into_iter()
            .partition(|(_, journals)| journals.iter().any(|(one, _)| one.changes.iter().any(is_domain)));
        let mut ended = self.restore_at_once(parents, &places, &own, how).await;
        if !listing.down.is_empty() {
            let up =
                Environment { hosts: listing.down.clone(), machines: vec![], all: false, ..self.clone() };
            let again = up.outstanding().await;
            others.extend(chosen_work(&again, &listing.down, run, &mut errors));
            errors.extend(again.errors);
        }
        let (servers, others): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|(_, journals)| journals.iter().any(|(one, _)| one.changes.iter().any(is_export)));
        for work in [others, servers] {
            ended.extend(self.restore_at_once(work, &places, &own, how).await);
        }
        for (_, ended) in ended {
            match ended {
                Ok((done, error)) => {
                    restored.extend(done);
                    errors.extend(error);
                }
                Err(error) => errors.push(error),
            }
        }
        (restored, errors)
    }

    /// Take back the journals of some hosts, all at once.
    async fn restore_at_once(
        &self,
        work: Vec<(Host, Vec<(Journal, Marks)>)>,
        places: &[Place],
        own: &Owner,
        how: &RestoreOptions,
    ) -> Vec<(Host, Result<(Vec<Restored>, Option<Error>)>)> {
        let (cloud, options, how) = (self.cloud.clone(), self.options.clone(), how.clone());
        let (places, own) = (places.to_vec(), own.clone());
        let hosts: Vec<Host> = work.iter().map(|(host, _)| host.clone()).collect();
        let ended = on_each(&hosts, move |host| {
            let place = place_of(&places, &host);
            let journals = work
                .iter()
                .find(|(other, _)| other.name() == host.name())
                .map(|(_, journals)| journals.clone());
            let (cloud, options, how, own) = (cloud.clone(), options.clone(), how.clone(), own.clone());
            async move {
                let machines = place?.machines;
                let side = HostSide::new(&host, &options.host_folder);
                options.step()?;
                restore::take_lock(&side, &own, &how, &options).await?;
                options.step()?;
                let mut done = Vec::new();
                let mut error = None;
                for (journal, marks) in journals.unwrap_or_default() {
                    let restoring = restore::restore(
                        &side,
                        &machines,
                        cloud.as_ref(),
                        (&journal, &marks),
                        &how,
                        &options,
                    );
                    match restoring.await {
                        Ok(one) => {
                            // What was made before it lies below it.
                            let stop = !one.conflicts.is_empty();
                            done.push(one);
                            if stop {
                                break;
                            }
                        }
                        Err(why) => {
                            error = Some(why);
                            break;
                        }
                    }
                }
                side.leave(&own.run).await?;
                options.step()?;
                Ok((done, error))
            }
        });
        ended.await
    }

    fn places(&self) -> Vec<Place> {
        place::places(&self.hosts, &self.machines)
    }
}

impl Prepared {
    /// Take all of it back.
    ///
    /// # Errors
    /// The first host's that could not be restored; [`Error::Fault`] when someone
    /// changed something meanwhile.
    pub async fn restore(self) -> Result<Vec<Restored>> {
        let listing = self.environment.outstanding().await;
        let how = RestoreOptions::default();
        let (restored, errors) = self.environment.restore(&listing, Some(&self.run), &how).await;
        if let Some(error) = errors.into_iter().next() {
            return Err(error);
        }
        let conflict =
            restored.iter().find_map(|one| Some((one.host.clone(), one.conflicts.first()?.clone())));
        match conflict {
            Some((host, conflict)) => Err(Error::Fault {
                what: format!("restoring {}", conflict.target),
                fault: format!("someone else changed it since:\n{}", conflict.three_way),
                host: Some(host),
                request_id: None,
                hint: Some(
                    hint::RESTORE_KEEP
                        .hint()
                        .and(" keeps it as it is now, ")
                        .and(hint::RESTORE_FORCE.hint())
                        .and(" discards the later change, ")
                        .and(hint::RESTORE_MERGE.hint())
                        .and(" undoes only what smog changed"),
                ),
            }),
            None => Ok(restored),
        }
    }
}

fn is_domain(change: &Change) -> bool {
    matches!(change, Change::Domain(_))
}

fn is_export(change: &Change) -> bool {
    matches!(change, Change::File(file) if file.path == things::EXPORTS)
}
