//! The hands of a case: it boots, looks, checks; what it makes is removed after it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::check::{self, Check, Control};
use super::inventory::ComputeHost;
use super::outcome::Place;
use super::{Case, Event, Inventory, OnEvent, Seen, Stage};
use crate::cloud::server_actions as actions;
use crate::cloud::{
    Aggregate, AggregatePair, BootRequest, Cloud, Flavor, FlavorChoice, Image, LiveMigration, NetworkChoice,
    NewFlavor, NewImage, Order, ServerGroup,
};
use crate::config::SmogFile;
use crate::environment::{self, Environment, Prepared, Target, Want, Wish};
use crate::error::{Error, Result};
use crate::flavor::FlavorSpec;
use crate::guest::Guest;
use crate::host::ServiceRole;
use crate::wait::{self, Wait, Waiting};

/// A running case. What it makes carries the run's id and is removed when it ends.
pub struct Test {
    /// The cloud, as the run's own user in the run's own project. The user is an
    /// administrator there, as naming hosts and reading their names needs.
    pub cloud: Cloud,
    /// What there is.
    pub inventory: Arc<Inventory>,
    /// The settings of the case's suite.
    pub settings: SmogFile,
    /// The hosts it has, by Nova's names; guests that claim CPUs or pages begin on the first.
    pub stage: Stage,
    case: Case,
    prefix: String,
    environment: environment::Options,
    count: u32,
    pub(super) log: Arc<CaseLog>,
    tell: Box<dyn Fn(Waiting<'_>) + Send + Sync>,
}

/// What the runner gives a case.
pub(super) struct Given {
    pub cloud: Cloud,
    pub inventory: Arc<Inventory>,
    pub settings: SmogFile,
    pub stage: Stage,
    /// How the names of everything it makes begin.
    pub prefix: String,
    pub environment: environment::Options,
}

/// What a case has said and made so far; the runner reads it even when the case was cut off.
pub(super) struct CaseLog {
    case: Case,
    begun: Instant,
    on_event: Option<OnEvent>,
    inner: Mutex<Said>,
    /// Held while hosts are changed or taken back: the clean-up of a case that is cut off
    /// meanwhile waits for it.
    pub changing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
pub(super) struct Said {
    pub steps: Vec<(f64, String)>,
    pub checks: Vec<Check>,
    /// Negative controls that turned an assertion red.
    pub controls: usize,
    pub skipped: Option<String>,
    pub made: Made,
    pub places: Vec<Place>,
    /// The names of its guests' domains, as far as they are there when it ends.
    pub domains: BTreeSet<String>,
    pub allowed: Vec<String>,
    /// Exceptions that must have been thrown.
    pub expected: Vec<String>,
}

/// What a case has made, by id.
#[derive(Debug, Clone, Default)]
pub(super) struct Made {
    pub servers: Vec<(String, String)>,
    pub flavors: Vec<String>,
    pub aggregates: Vec<String>,
    pub groups: Vec<String>,
    pub images: Vec<String>,
    /// Names of custom traits, which Nova makes and never takes back.
    pub traits: Vec<String>,
    pub undo: Vec<Undo>,
}

/// What a case did to hosts and services, to be taken back before anything else.
#[derive(Debug, Clone)]
pub(super) enum Undo {
    /// A compute service was forced down, by id and host.
    ForceDown(String, String),
    /// Hosts were changed; the journal knows how they were.
    Restore(Box<Prepared>),
}

impl CaseLog {
    pub fn new(case: Case, on_event: Option<OnEvent>) -> CaseLog {
        CaseLog { case, begun: Instant::now(), on_event, inner: Mutex::default(), changing: Arc::default() }
    }

    /// The log itself; a thread that panicked with it in hand leaves what it wrote.
    pub fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn after(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    fn state(&self, text: &str) {
        if let Some(tell) = &self.on_event {
            tell(Event::CaseState { case: &self.case, text });
        }
    }
}

impl Test {
    pub(super) fn new(case: Case, log: Arc<CaseLog>, given: Given) -> Test {
        let waits = Arc::clone(&log);
        let tell = Box::new(move |waiting: Waiting<'_>| {
            waits.state(&format!("{}: {}", waiting.what, waiting.last));
        });
        let Given { cloud, inventory, settings, stage, prefix, environment } = given;
        Test { cloud, inventory, settings, stage, case, prefix, environment, count: 0, log, tell }
    }

    /// "suite.Class.test_name".
    pub fn name(&self) -> &'static str {
        self.case.name
    }

    /// How to wait: long enough for anything a cloud does by itself, told to whoever looks on.
    pub fn wait(&self) -> Wait<'_> {
        self.wait_up_to(Duration::from_secs(180))
    }

    /// How to wait, for at most so long: with a look every second, since cases run beside each
    /// other, and a look at a server costs nova-api and neutron-server more than 100 ms of CPU.
    pub fn wait_up_to(&self, timeout: Duration) -> Wait<'_> {
        Wait { timeout, every: Duration::from_secs(1), tell: &*self.tell }
    }

    /// Say what is done from here on; it stands in the report's time line.
    pub fn step(&self, text: impl Into<String>) {
        let text = text.into();
        self.log.state(&text);
        let after = self.log.after();
        self.log.said().steps.push((after, text));
    }

    /// End the case as skipped: `return t.skip("…")`. Reasons that can be known before
    /// it runs belong into its needs.
    ///
    /// # Errors
    /// None; the form lets a case end with it.
    pub fn skip(&self, why: impl Into<String>) -> Result<()> {
        self.log.said().skipped = Some(why.into());
        Ok(())
    }

    /// Note a check; the case goes on, held or not.
    pub fn add(&self, check: Check) -> bool {
        let holds = check.holds;
        self.log.said().checks.push(check);
        holds
    }

    /// Check that something holds. `found` and `expected` are for people.
    pub fn check(
        &self,
        what: impl Into<String>,
        holds: bool,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> bool {
        self.add(Check::that(what, holds, found, expected))
    }

    /// Check that two values are the same.
    pub fn check_eq<T: PartialEq + Debug>(&self, what: impl Into<String>, found: &T, expected: &T) -> bool {
        self.add(Check::eq(what, found, expected))
    }

    /// Check that Nova's reason for a refusal is that no host fits.
    pub fn check_no_valid_host(&self, reason: &str) -> bool {
        self.check_reason(reason, &["No valid host"], "No valid host was found")
    }

    /// Check that Nova's reason for a refusal has one of these words in it. `expected` is for
    /// people. No reason at all, as when it does not refuse, and another one are seen.
    pub fn check_reason(&self, reason: &str, words: &[&str], expected: &str) -> bool {
        let says = |reason: &String| {
            let holds = words.iter().any(|word| reason.contains(word));
            vec![
                Check::that("Nova's reason", holds, reason, expected)
                    .from("the fault of the server, or Nova's answer"),
            ]
        };
        let controls = [
            Control::new("no refusal", |_: String| String::new()),
            Control::new("another reason", |_: String| "Quota exceeded for cores".to_string()),
        ];
        self.assert(&reason.to_string(), says, &controls)
    }

    /// Check that two values are the same, and that another value would be seen.
    pub fn check_same<T: PartialEq + Debug + Clone>(
        &self,
        what: &str,
        found: &T,
        expected: &T,
        another: Control<T>,
    ) -> bool {
        self.assert(found, |found| vec![Check::eq(what, found, expected)], &[another])
    }

    /// Check facts by an assertion, and the assertion by negative controls: each wrong
    /// state must turn it red, or the case fails.
    pub fn assert<F: Clone>(
        &self,
        facts: &F,
        assertion: impl Fn(&F) -> Vec<Check>,
        controls: &[Control<F>],
    ) -> bool {
        let (checks, noticed) = check::controlled(facts, assertion, controls);
        let holds = checks.iter().all(|check| check.holds);
        let mut said = self.log.said();
        said.checks.extend(checks);
        said.controls += noticed;
        holds
    }

    /// Exceptions of this class (its last word) are this case's purpose and do not fail it.
    pub fn allow(&self, exception: &str) {
        self.log.said().allowed.push(exception.to_string());
    }

    /// An exception of this class is this case's purpose: it does not fail it, and must be told
    /// of by the logs when the case has ended. Where the logs are not followed (`--no-watch`),
    /// it cannot be asked for.
    pub fn expect_exception(&self, exception: &str) {
        self.allow(exception);
        self.log.said().expected.push(exception.to_string());
    }

    /// A name for something this case makes.
    pub fn fresh_name(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{}-{what}{}", self.prefix, self.count)
    }

    /// A host of its stage. Cases have as many as they claim.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than it claims.
    pub fn host(&self, at: usize) -> Result<&ComputeHost> {
        let name = self.stage.hosts.get(at);
        name.and_then(|name| self.inventory.host(name)).ok_or_else(|| Error::Invalid {
            what: format!("host {at} of `{}`", self.case.name),
            why: format!("its stage has {} hosts", self.stage.hosts.len()),
            hint: Some("claim more hosts in the case's table".into()),
        })
    }

    /// A flavor, removed with the case. Its name is chosen here.
    ///
    /// # Errors
    /// As [`Cloud::create_flavor`].
    pub async fn flavor(&mut self, spec: FlavorSpec) -> Result<Flavor> {
        let name = self.fresh_name("flavor");
        self.log.state(&format!("making flavor `{name}`"));
        // Not public: nobody else shall pick it up.
        let new = NewFlavor {
            name,
            vcpus: spec.vcpus,
            ram_mib: spec.ram_mib,
            disk_gib: spec.disk_gib,
            extra_specs: spec.extra_specs()?,
            is_public: false,
            ..NewFlavor::from("")
        };
        let flavor = self.cloud.create_flavor_as(&new).await?;
        self.log.said().made.flavors.push(flavor.id.clone());
        Ok(flavor)
    }

    /// The suite's image: the one `cirros:` of its settings names, when there is such a one.
    ///
    /// # Errors
    /// As [`Cloud::image`].
    pub async fn image(&self) -> Result<Image> {
        match &self.settings.cirros.name {
            Some(name) => match self.cloud.image(name).await {
                Err(Error::NotFound { .. }) => self.cloud.image("cirros").await,
                other => other,
            },
            None => self.cloud.image("cirros").await,
        }
    }

    /// The suite's image once more with properties, removed with the case.
    ///
    /// # Errors
    /// As [`Cloud::download_image`] and [`Cloud::upload_image`].
    pub async fn image_with(&mut self, properties: &[(&str, &str)]) -> Result<Image> {
        let source = self.image().await?;
        let folder = temporary_folder()?;
        let file = folder.path().join("image");
        self.cloud.download_image(&source, &file, &|_| {}).await?;
        let properties = properties.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        self.upload(source.disk_format.clone(), properties, &file).await
    }

    /// An image of these bytes, removed with the case.
    ///
    /// # Errors
    /// As [`Cloud::upload_image`].
    pub async fn image_of(&mut self, disk_format: &str, bytes: &[u8]) -> Result<Image> {
        let folder = temporary_folder()?;
        let file = folder.path().join("image");
        std::fs::write(&file, bytes).map_err(no_folder)?;
        self.upload(Some(disk_format.to_string()), BTreeMap::new(), &file).await
    }

    async fn upload(
        &mut self,
        disk_format: Option<String>,
        properties: BTreeMap<String, String>,
        file: &std::path::Path,
    ) -> Result<Image> {
        let name = self.fresh_name("image");
        self.log.state(&format!("making image `{name}`"));
        let new = NewImage { name, disk_format, properties, ..NewImage::default() };
        let image = self.cloud.upload_image(new, file, &|_| {}).await?;
        self.log.said().made.images.push(image.id.clone());
        Ok(image)
    }

    /// Boot a guest of this flavor and wait until it is ACTIVE. Where the case claims CPUs
    /// or pages it goes to the first host of the stage, else where the scheduler likes.
    ///
    /// # Errors
    /// As [`Cloud::boot_server`].
    pub async fn boot(&mut self, spec: FlavorSpec) -> Result<Guest> {
        let flavor = self.flavor(spec).await?;
        self.boot_flavor(&flavor).await
    }

    /// The same with a flavor that is there.
    ///
    /// # Errors
    /// As [`Cloud::boot_server`].
    pub async fn boot_flavor(&mut self, flavor: &Flavor) -> Result<Guest> {
        let request =
            BootRequest { flavor: FlavorChoice::Named(flavor.id.clone()), ..BootRequest::default() };
        self.boot_request(request).await
    }

    /// The same with everything else chosen. The name, and (without one) the image, network
    /// and host are chosen here.
    ///
    /// # Errors
    /// As [`Cloud::boot_server`].
    pub async fn boot_request(&mut self, request: BootRequest) -> Result<Guest> {
        let guest = self.order(request).await?;
        let server = self.cloud.wait_for_status(&guest.server.id, "ACTIVE", self.wait()).await?;
        Ok(Guest::new(&self.cloud, server))
    }

    /// Order a guest, and return when Nova has taken the order.
    ///
    /// # Errors
    /// As [`Cloud::order_server`].
    pub async fn order(&mut self, request: BootRequest) -> Result<Guest> {
        let mut request = request;
        if request.name.is_empty() {
            request.name = self.fresh_name("guest");
        }
        if request.image.is_none() {
            request.image = Some(self.image().await?.id);
        }
        if request.host.is_none() && request.availability_zone.is_none() && self.case.claims.is_of_hosts() {
            request.host = self.stage.hosts.first().cloned();
        }
        if !self.case.network && request.network == NetworkChoice::Private && request.nics.is_empty() {
            request.network = NetworkChoice::None;
        }
        if let FlavorChoice::Made(spec) = &request.flavor {
            let flavor = self.flavor(spec.as_ref().clone()).await?;
            request.flavor = FlavorChoice::Named(flavor.id);
        }
        self.step(format!("boot `{}`", request.name));
        let made = crate::cloud::BootMade::default();
        let ordered = self.cloud.order_server(&request, &made).await;
        if let Some(id) = made.server() {
            self.log.said().made.servers.push((id, request.name.clone()));
        }
        Ok(Guest::new(&self.cloud, ordered?))
    }

    /// Boot what must be refused, at once or by the scheduler or on the host: the reason
    /// Nova gives. A guest that boots all the same fails the case.
    ///
    /// # Errors
    /// What is no refusal: the cloud does not answer, a name is unknown.
    pub async fn refused(&mut self, what: &str, request: BootRequest) -> Result<String> {
        // The conductor logs it with a traceback; here it is what is wanted.
        self.allow("NoValidHost");
        match self.boot_request(request).await {
            Ok(guest) => {
                let host = guest.server.host.clone().unwrap_or_default();
                self.check(what, false, format!("it boots, on {host}"), "Nova refuses it");
                Ok(String::new())
            }
            Err(Error::Fault { fault, .. }) => Ok(fault),
            Err(Error::Api { status, message, .. }) if status < 500 => Ok(message),
            Err(why) => Err(why),
        }
    }

    /// Look at a guest on all layers. What is seen stands in the report.
    ///
    /// # Errors
    /// As [`Seen::of`].
    pub async fn look(&self, guest: &mut Guest) -> Result<Seen> {
        let seen = Seen::of(&self.cloud, guest).await?;
        let huge =
            seen.process.memory.as_ref().map(|maps| maps.huge_kib().values().sum::<u64>()).unwrap_or(0);
        let place = Place {
            after: self.log.after(),
            guest: guest.name().to_string(),
            host: seen.host.clone(),
            vcpus: seen.affinity().into_values().collect(),
            pinned: seen.domain.is_pinned(),
            huge_mib: huge / 1024,
            cells: seen.domain.cells().len(),
        };
        self.log.said().places.push(place);
        Ok(seen)
    }

    /// Live-migrate a guest, to a host or to where the scheduler likes.
    ///
    /// # Errors
    /// As [`Guest::live_migrate`].
    pub async fn live_migrate(&self, guest: &mut Guest, to: Option<&str>) -> Result<()> {
        self.step(match to {
            Some(host) => format!("live-migrate `{}` to {host}", guest.name()),
            None => format!("live-migrate `{}`", guest.name()),
        });
        guest.live_migrate(to, self.wait()).await
    }

    /// Live-migrate where it must be refused: the reason Nova gives.
    ///
    /// # Errors
    /// What is no refusal.
    pub async fn migration_refused(
        &self,
        what: &str,
        guest: &mut Guest,
        how: &LiveMigration,
    ) -> Result<String> {
        self.step(format!("live-migrate `{}`, which must be refused", guest.name()));
        self.allow("NoValidHost");
        match self.cloud.live_migrate_with(&guest.server, how, self.wait()).await {
            Ok(server) => {
                let host = server.host.clone().unwrap_or_default();
                guest.server = server;
                self.check(what, false, format!("it moves, to {host}"), "Nova refuses it");
                Ok(String::new())
            }
            Err(Error::Fault { fault, .. }) => Ok(fault),
            Err(Error::Api { status, message, .. }) if status < 500 => Ok(message),
            Err(why) => Err(why),
        }
    }

    /// Give an order and wait until it is carried out.
    ///
    /// # Errors
    /// As [`Guest::carry_out`].
    pub async fn order_to(&self, guest: &mut Guest, order: impl Into<Order>) -> Result<()> {
        let order = order.into();
        self.step(format!("{} `{}`", order.name(), guest.name()));
        guest.carry_out(order, self.wait()).await
    }

    /// Resize to a flavor, and keep it so.
    ///
    /// # Errors
    /// As [`Guest::carry_out`].
    pub async fn resize(&mut self, guest: &mut Guest, spec: FlavorSpec) -> Result<()> {
        let flavor = self.flavor(spec).await?;
        self.order_to(guest, actions::RESIZE.with("flavor", flavor.id)).await?;
        self.order_to(guest, &actions::CONFIRM_RESIZE).await
    }

    /// Delete a guest and wait until it is gone.
    ///
    /// # Errors
    /// As [`Guest::delete`].
    pub async fn delete(&self, guest: &Guest) -> Result<()> {
        self.step(format!("delete `{}`", guest.name()));
        guest.delete(self.wait()).await
    }

    /// Two aggregates that split the hosts, removed with the case: the first host of the
    /// stage has `KEY=true`, all others `KEY=false`. Returned with the key, which is this
    /// case's alone: others split the hosts in their own ways meanwhile.
    ///
    /// # Errors
    /// As [`Cloud::create_aggregate`].
    pub async fn aggregate_pair(&mut self, what: &str) -> Result<(AggregatePair, String)> {
        let key = self.fresh_name(what);
        self.step(format!("make aggregates `{key}_true` and `{key}_false`"));
        let hosts: Vec<String> = self.inventory.hosts.iter().map(|host| host.name.clone()).collect();
        let one = self.stage.hosts.first().cloned().unwrap_or_default();
        let with =
            self.aggregate(&format!("{key}_true"), &[(&key, "true")], std::slice::from_ref(&one)).await?;
        let others: Vec<String> = hosts.into_iter().filter(|host| *host != one).collect();
        let without = self.aggregate(&format!("{key}_false"), &[(&key, "false")], &others).await?;
        Ok((AggregatePair { with, without }, key))
    }

    /// An aggregate with these hosts, removed with the case.
    ///
    /// # Errors
    /// As [`Cloud::create_aggregate`].
    pub async fn aggregate(
        &mut self,
        name: &str,
        metadata: &[(&str, &str)],
        hosts: &[String],
    ) -> Result<Aggregate> {
        let metadata: BTreeMap<String, String> =
            metadata.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let mut aggregate = self.cloud.create_aggregate(name, None, &metadata).await?;
        self.log.said().made.aggregates.push(aggregate.id.clone());
        for host in hosts {
            aggregate = self.cloud.add_aggregate_host(&aggregate.id, host).await?;
        }
        Ok(aggregate)
    }

    /// A server group, removed with the case.
    ///
    /// # Errors
    /// As [`Cloud::create_server_group`].
    pub async fn server_group(&mut self, policy: &str) -> Result<ServerGroup> {
        let name = self.fresh_name("group");
        self.step(format!("make server group `{name}` ({policy})"));
        let group = self.cloud.create_server_group(&name, policy, None).await?;
        self.log.said().made.groups.push(group.id.clone());
        Ok(group)
    }

    /// Change hosts for the rest of the case: taken back when it ends, and in the journal, so
    /// that `smog restore` does it after a crash. A case that does this has the cloud alone;
    /// where several cases want the same, they name a [`Change`](super::Change) instead.
    ///
    /// # Errors
    /// As [`Environment::prepare`].
    pub async fn prepare(&self, wish: &Wish) -> Result<()> {
        self.step("change the hosts");
        let environment = Environment::of_cloud(&self.cloud, &[], self.environment.clone()).await?;
        let (wish, log) = (wish.clone(), Arc::clone(&self.log));
        self.to_its_end(async move { change(&environment, &wish, &log).await }).await
    }

    /// Carry out what changes hosts, to its end even when the case is cut off meanwhile: what
    /// is half changed can neither be used nor be taken back.
    async fn to_its_end(&self, work: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
        let held = Arc::clone(&self.log.changing).lock_owned().await;
        let task = tokio::spawn(async move {
            let ended = work.await;
            drop(held);
            ended
        });
        match task.await {
            Ok(ended) => ended,
            Err(why) => std::panic::resume_unwind(why.into_panic()),
        }
    }

    /// The name of a custom trait that hosts will get, removed from placement with the case.
    pub fn fresh_trait(&mut self) -> String {
        let name = format!("CUSTOM_{}", self.fresh_name("trait").to_uppercase().replace('-', "_"));
        self.log.said().made.traits.push(name.clone());
        name
    }

    /// Cut a compute host off for the rest of the case: its nova-compute is stopped and
    /// Nova told that it is down. Both are taken back when the case ends. After a crash
    /// `smog restore` starts nova-compute, for the stop is in the journal, and `smog clean`
    /// tells Nova, for an aggregate without hosts bears the run's id and the service's.
    ///
    /// # Errors
    /// As [`Environment::prepare`] and [`Cloud::force_down`].
    pub async fn cut_off(&mut self, host: &str) -> Result<()> {
        self.step(format!("cut {host} off"));
        let way = self.cloud.host(host).await?;
        let layout = way.layout().await?;
        let unit = layout.place(ServiceRole::NovaCompute).and_then(|place| place.unit.clone());
        let unit = unit.ok_or_else(|| Error::Missing {
            host: host.into(),
            program: "nova-compute".into(),
            hint: "no unit of it is known on this host".into(),
        })?;
        let wish = Wish::new()
            .with(Target::Host(host.into()), Want::Unit { unit, enabled: None, active: Some(false) });
        let service = self.cloud.compute_service(host).await?;
        let environment =
            Environment::of_hosts(vec![way], Some(self.cloud.clone()), self.environment.clone());
        let mark = self.fresh_name("down");
        self.aggregate(&mark, &[(DOWN_SERVICE, &service.id), (DOWN_HOST, host)], &[]).await?;
        let (cloud, log, host) = (self.cloud.clone(), Arc::clone(&self.log), host.to_string());
        self.to_its_end(async move {
            change(&environment, &wish, &log).await?;
            log.said().made.undo.push(Undo::ForceDown(service.id.clone(), host));
            cloud.force_down(&service.id, true).await.map(drop)
        })
        .await
    }

    /// Take back what [`Test::cut_off`] did, and wait until Nova has the hosts back.
    ///
    /// # Errors
    /// As [`Cloud::force_down`] and [`Prepared::restore`].
    pub async fn bring_back(&self) -> Result<()> {
        self.step("bring the hosts back");
        let (cloud, log) = (self.cloud.clone(), Arc::clone(&self.log));
        self.to_its_end(async move {
            let undo = log.said().made.undo.clone();
            take_back(&cloud, undo, Wait::default()).await?;
            log.said().made.undo.clear();
            Ok(())
        })
        .await
    }

    /// Wait until the guest's serial console says something that `found` finds.
    ///
    /// # Errors
    /// [`Error::Timeout`] with the console's last line.
    pub async fn console_until<T>(
        &self,
        guest: &Guest,
        what: &str,
        found: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        let what = format!("console of `{}` to say {what}", guest.name());
        wait::until(&what, self.wait(), || async {
            let text = guest.console(Some(400)).await?;
            Ok(match found(&text) {
                Some(value) => wait::Seen::Done(value),
                None => wait::Seen::NotYet(text.lines().last().unwrap_or("nothing yet").to_string()),
            })
        })
        .await
    }
}

fn temporary_folder() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(no_folder)
}

fn no_folder(why: std::io::Error) -> Error {
    Error::Invalid { what: "a temporary folder for an image".into(), why: why.to_string(), hint: None }
}

/// Change hosts; what an error has interrupted is taken back with the rest.
async fn change(environment: &Environment, wish: &Wish, log: &CaseLog) -> Result<()> {
    let (prepared, ended) = environment.begin(wish).await?;
    log.said().made.undo.push(Undo::Restore(Box::new(prepared)));
    ended
}

/// The keys of the aggregate that marks a compute service as forced down by a run: the id of
/// the service, and the name of its host.
pub(super) const DOWN_SERVICE: &str = "smog_forced_down_service";
pub(super) const DOWN_HOST: &str = "smog_forced_down_host";

/// Take changes of hosts and services back.
pub(super) async fn take_back(cloud: &Cloud, undo: Vec<Undo>, wait: Wait<'_>) -> Result<()> {
    let mut first: Result<()> = Ok(());
    let mut forced = Vec::new();
    // nova-compute first: Nova keeps a host down until that has given up what was evacuated.
    for undo in undo.into_iter().rev() {
        match undo {
            Undo::Restore(prepared) => first = first.and(prepared.restore().await.map(drop)),
            Undo::ForceDown(service, host) => forced.push((service, host)),
        }
    }
    for (service, host) in forced {
        let what = format!("nova-compute on {host} to be up");
        let up = wait::until(&what, wait, || async {
            match cloud.force_down(&service, false).await {
                Ok(now) if now.state == "up" && !now.forced_down => return Ok(wait::Seen::Done(())),
                Ok(_) => {}
                Err(Error::Api { status, message, .. }) if status < 500 => {
                    return Ok(wait::Seen::NotYet(message));
                }
                Err(why) => return Err(why),
            }
            let service = cloud.compute_service(&host).await?;
            Ok(match service.state.as_str() {
                "up" => wait::Seen::Done(()),
                state => wait::Seen::NotYet(state.to_string()),
            })
        });
        first = first.and(up.await);
    }
    first
}

impl Debug for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Test({} on {})", self.case.name, self.stage.hosts.join(", "))
    }
}
