//! Booting a guest: defaults, the order, the wait, and what a failure leaves.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::lookup::pick;
use super::{
    BootRequest, Call, Cloud, Flavor, FlavorChoice, Image, Microversion, NetworkChoice, NewFlavor, Server,
    Service,
};
use crate::error::{Error, Result};
use crate::hint::{self, Hint};
use crate::wait::{self, Seen, Wait};

/// The metadata key that names the flavor smog made for a server, so that it is
/// deleted with it.
pub(crate) const OWN_FLAVOR: &str = "smog:flavor";

/// The metadata key with a word no other boot has: a server is found by it when
/// Nova's answer to the order did not arrive.
const BOOT: &str = "smog:boot";

/// Every resource smog makes on its own account is named so.
const OWN_PREFIX: &str = "smog-";

/// A server whose order's answer was lost shows within this time.
const TAKEN_AFTER: Duration = Duration::from_secs(3);

/// For so long Nova is asked for the server of such an order, while it does not answer.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);

/// What a boot has made so far, to be removed if it is interrupted. A clone is of the same boot.
#[derive(Debug, Clone, Default)]
pub struct BootMade(Arc<Made>);

#[derive(Debug)]
struct Made {
    boot: String,
    /// How many orders are on their way to Nova.
    under_way: watch::Sender<usize>,
    flavor: Mutex<Option<String>>,
    /// Nova has said that the flavor is there; until then it may be at work on the order.
    has_flavor: AtomicBool,
    server: Mutex<Option<String>>,
    unknown: AtomicBool,
    flavor_stays: AtomicBool,
}

impl Default for Made {
    fn default() -> Made {
        Made {
            boot: unique(),
            under_way: watch::Sender::new(0),
            flavor: Mutex::default(),
            has_flavor: AtomicBool::default(),
            server: Mutex::default(),
            unknown: AtomicBool::default(),
            flavor_stays: AtomicBool::default(),
        }
    }
}

impl BootMade {
    /// The server's id, once Nova gave one.
    pub fn server(&self) -> Option<String> {
        self.0.server.lock().ok().and_then(|id| id.clone())
    }

    /// Whether the cloud did not say, when it was asked last, if there is a server.
    pub fn is_unknown(&self) -> bool {
        self.0.unknown.load(Ordering::Relaxed)
    }

    /// The flavor that was made for the server and could not be removed when the boot was interrupted.
    pub fn left_flavor(&self) -> Option<String> {
        self.flavor().filter(|_| self.0.flavor_stays.load(Ordering::Relaxed))
    }

    fn flavor(&self) -> Option<String> {
        self.0.flavor.lock().ok().and_then(|id| id.clone())
    }

    /// Send a request that completes, and is recorded, even when nobody waits for it any more:
    /// who gives a boot up knows then what there is to remove.
    async fn to_its_end<T: Send + 'static>(
        &self,
        order: impl Future<Output = Result<T>> + Send + 'static,
        note: impl FnOnce(&BootMade, &T) + Send + 'static,
    ) -> Result<T> {
        let made = self.clone();
        made.0.under_way.send_modify(|count| *count += 1);
        let task = tokio::spawn(async move {
            let answer = order.await;
            if let Ok(answer) = &answer {
                note(&made, answer);
            }
            made.0.under_way.send_modify(|count| *count -= 1);
            answer
        });
        task.await.unwrap_or_else(|why| {
            Err(Error::Parse {
                what: "the answer to a request".into(),
                source_of: "the compute service".into(),
                why: why.to_string(),
            })
        })
    }

    /// No order is under way any more, or it takes too long.
    async fn settled(&self) {
        let mut count = self.0.under_way.subscribe();
        let _ = tokio::time::timeout(TAKEN_WITHIN, count.wait_for(|count| *count == 0)).await;
    }

    fn note(slot: &Mutex<Option<String>>, id: &str) {
        if let Ok(mut slot) = slot.lock() {
            *slot = Some(id.to_string());
        }
    }
}

impl Cloud {
    /// Request a server; returns when Nova has accepted the request. `made` records
    /// everything as soon as it exists.
    ///
    /// # Errors
    /// Unknown or ambiguous names, a flavor too small for the image, a quota that is
    /// used up ([`Error::Api`], 403) — all before anything is left behind.
    pub async fn order_server(&self, request: &BootRequest, made: &BootMade) -> Result<Server> {
        // All questions first, so that a wrong name leaves nothing behind.
        let (image, networks) = tokio::try_join!(
            self.image(request.image.as_deref().unwrap_or("cirros")),
            self.networks_of(request)
        )?;
        if let Some(name) = &request.key_pair {
            self.key_pair(name).await?;
        }
        let host = match &request.host {
            Some(host) => Some(self.compute_host_called(host).await?),
            None => None,
        };
        let request = BootRequest { host, ..request.clone() };
        let request = &self.with_volumes(&request, &image).await?;
        let flavor = self.flavor_of(&request.flavor, &image, made).await?;
        match self.order(request, &image, &flavor, networks, made).await {
            Ok(server) => Ok(server),
            Err(why) if made.server().is_some() || why.leaves_unknown() => {
                self.look_for_order(request, made, why).await
            }
            // Nova has said no, or was not asked: there is no server to look for.
            Err(why) => Err(self.without_flavor(made, why).await),
        }
    }

    /// Nova's answer to a request did not arrive: the server it made nevertheless, or the
    /// error, with what is not known.
    async fn look_for_order(&self, request: &BootRequest, made: &BootMade, why: Error) -> Result<Server> {
        // Behind a proxy that gave up, nova-api may still be at work.
        let settled = match why {
            Error::Api { status: 500, .. } => Duration::ZERO,
            _ => TAKEN_AFTER,
        };
        let begun = Instant::now();
        let wait = Wait { every: Duration::from_millis(500), ..Wait::up_to(TAKEN_WITHIN) };
        let found = wait::until("the order", wait, || async {
            Ok(match self.ordered(made).await? {
                None if begun.elapsed() < settled => Seen::NotYet("no server of it yet".into()),
                found => Seen::Done(found),
            })
        });
        match found.await {
            Ok(Some(server)) => Ok(server),
            Ok(None) => Err(self.without_flavor(made, why).await),
            Err(_) => {
                let name = &request.name;
                Err(match made.server() {
                    Some(id) => why.while_goes_on(goes_on_building(name, &id), hint_of(name)),
                    None => why.while_goes_on(
                        format!("whether server `{name}` was made is not known"),
                        hint_of(name),
                    ),
                })
            }
        }
    }

    /// The server of a boot, by the word that only this boot has.
    async fn ordered(&self, made: &BootMade) -> Result<Option<Server>> {
        if let Some(id) = made.server() {
            return self.server_by_id(&id).await.map(Some);
        }
        let servers = self.servers().await?;
        let ours = servers.into_iter().find(|server| server.metadata.get(BOOT) == Some(&made.0.boot));
        if let Some(server) = &ours {
            BootMade::note(&made.0.server, &server.id);
        }
        Ok(ours)
    }

    /// Order a server and wait until it is ACTIVE.
    ///
    /// # Errors
    /// As [`Cloud::order_server`]; [`Error::Fault`] when the server goes to ERROR: it
    /// is kept for a look, and deleted by [`Guest::delete`](crate::Guest::delete).
    pub async fn boot_server(
        &self,
        request: &BootRequest,
        made: &BootMade,
        wait: Wait<'_>,
    ) -> Result<Server> {
        let server = self.order_server(request, made).await?;
        self.wait_for_status(&server.id, "ACTIVE", wait).await.map_err(|why| match why {
            Error::Fault { fault, host, request_id, hint, .. } => Error::Fault {
                what: format!("boot of server `{}`", request.name),
                fault,
                host,
                request_id,
                hint,
            },
            Error::NotFound { .. } => why,
            other => other.while_goes_on(goes_on_building(&request.name, &server.id), hint_of(&request.name)),
        })
    }

    /// Give up a boot half-way: remove what it has made before there was a server. A
    /// server there is, is kept and returned, also when Nova's answer to the order
    /// never arrived.
    pub async fn undo_boot(&self, made: &BootMade) -> Option<Server> {
        made.settled().await;
        // Nothing of this fails loudly: the caller already reports why the boot ended.
        let wait = Wait { every: Duration::from_millis(500), ..Wait::up_to(TAKEN_AFTER) };
        let look = || async { Ok(Seen::Done(self.ordered(made).await?)) };
        match wait::until("the order", wait, look).await {
            Ok(None) => {
                let removed = self.remove_flavor_of(made).await;
                made.0.flavor_stays.store(removed.is_err(), Ordering::Relaxed);
                None
            }
            Ok(found) => found,
            Err(_) => {
                // Where it is not known whether there is a server, its flavor stays.
                made.0.unknown.store(true, Ordering::Relaxed);
                None
            }
        }
    }

    /// The error of a boot, after its flavor was removed; it says so where that failed, too.
    async fn without_flavor(&self, made: &BootMade, why: Error) -> Error {
        match (self.remove_flavor_of(made).await, made.flavor()) {
            (Err(_), Some(id)) => why.while_goes_on(
                format!("flavor `{id}`, made for the server, is left"),
                hint::FLAVOR_DELETE
                    .with(&id)
                    .and(" removes it, and so does ")
                    .and(hint::CLEAN.hint())
                    .and(" after ten minutes"),
            ),
            _ => why,
        }
    }

    /// Remove the flavor a boot has made, if it has.
    async fn remove_flavor_of(&self, made: &BootMade) -> Result<()> {
        let Some(id) = made.flavor() else { return Ok(()) };
        if !made.0.has_flavor.load(Ordering::Relaxed) {
            let wait = Wait { every: Duration::from_millis(500), ..Wait::up_to(TAKEN_AFTER) };
            let there = wait::until("the flavor", wait, || async {
                Ok(match self.flavors().await?.iter().any(|flavor| flavor.id == id) {
                    true => Seen::Done(()),
                    false => Seen::NotYet("no such flavor yet".into()),
                })
            });
            // Where it is not known, it is tried anyway.
            let _ = there.await;
        }
        self.delete_flavor(&id).await
    }

    /// Delete a flavor smog made for a server. One that is gone, or that does not
    /// bear smog's name any more, is left alone.
    pub(crate) async fn delete_own_flavor(&self, id: &str) -> Result<()> {
        let flavors = self.flavors().await?;
        match flavors.iter().find(|flavor| flavor.id == id) {
            Some(flavor) if flavor.name.starts_with(OWN_PREFIX) => self.delete_flavor(id).await,
            _ => Ok(()),
        }
    }

    async fn order(
        &self,
        request: &BootRequest,
        image: &Image,
        flavor: &Flavor,
        networks: Value,
        made: &BootMade,
    ) -> Result<Server> {
        let mut version = self.compute_microversion().await?;
        let mut metadata = request.metadata.clone();
        metadata.insert(BOOT.into(), made.0.boot.clone());
        if matches!(request.flavor, FlavorChoice::Made(_)) {
            metadata.insert(OWN_FLAVOR.into(), flavor.id.clone());
        }
        let mut server = json!({
            "name": request.name,
            "flavorRef": flavor.id,
            "networks": networks,
            "metadata": metadata,
        });
        if !request.boots_from_volume() {
            server["imageRef"] = json!(image.id);
        }
        if let Some(devices) = request.block_devices_body(&image.id) {
            server["block_device_mapping_v2"] = devices;
        }
        if request.config_drive {
            server["config_drive"] = json!(true);
        }
        if let Some(data) = &request.user_data {
            server["user_data"] = json!(BASE64_STANDARD.encode(data));
        }
        let named = [
            ("key_name", &request.key_pair),
            ("availability_zone", &request.availability_zone),
            ("description", &request.description),
            ("host", &request.host),
            ("hypervisor_hostname", &request.hypervisor),
        ];
        for (key, value) in named {
            if let Some(value) = value {
                server[key] = json!(value);
            }
        }
        if request.host.is_some() || request.hypervisor.is_some() {
            version =
                self.needs_compute("booting on a host of that name", Microversion(2, 74)).await?.max(version);
        }
        if !request.tags.is_empty() {
            server["tags"] = json!(request.tags);
        }
        if !request.security_groups.is_empty() {
            server["security_groups"] = self.security_groups_body(&request.security_groups).await?;
        }
        let mut hints = request.hints.clone();
        if let Some(group) = &request.server_group {
            hints.insert("group".into(), json!(self.server_group(group).await?.id));
        }
        let mut body = json!({"server": server});
        if !hints.is_empty() {
            body["os:scheduler_hints"] = json!(hints);
        }
        let call = Call::post(Service::Compute, "/servers", body).at(version);
        let cloud = self.clone();
        let order = async move {
            let answer = cloud.call(call).await?;
            let id = answer.body.pointer("/server/id").and_then(Value::as_str);
            id.map(str::to_string).ok_or_else(|| Error::Parse {
                what: "the new server's id".into(),
                source_of: "the compute service".into(),
                why: "there is none in the answer".into(),
            })
        };
        let id = made.to_its_end(order, |made, id: &String| BootMade::note(&made.0.server, id)).await?;
        self.server_by_id(&id).await
    }

    async fn networks_of(&self, request: &BootRequest) -> Result<Value> {
        if !request.nics.is_empty() {
            return self.networks_body(&request.nics).await;
        }
        let name = match &request.network {
            NetworkChoice::None => return Ok(json!("none")),
            NetworkChoice::Private => "private",
            NetworkChoice::Named(name) => name,
        };
        Ok(json!([{"uuid": self.network(name).await?.id}]))
    }

    /// The project's own groups, by name or id; Nova takes their ids as names.
    async fn security_groups_body(&self, asked: &[String]) -> Result<Value> {
        let own = self.own_project_id();
        let all = self.security_groups().await?;
        // Every project has a group `default`, and an administrator sees them all.
        let (own, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|group| own.as_deref().is_none_or(|own| group.project_id == own));
        let mut groups = Vec::new();
        for asked in asked {
            let found = match pick("security group", asked, own.clone()) {
                Err(Error::NotFound { .. }) if others.iter().any(|group| group.id == *asked) => {
                    pick("security group", asked, others.clone())
                }
                found => found,
            };
            groups.push(json!({"name": found?.id}));
        }
        Ok(Value::Array(groups))
    }

    async fn flavor_of(&self, choice: &FlavorChoice, image: &Image, made: &BootMade) -> Result<Flavor> {
        let flavor = match choice {
            FlavorChoice::Smallest => return self.smallest_flavor(image).await,
            FlavorChoice::Named(name) => self.flavor(name).await?,
            FlavorChoice::Made(spec) => {
                let specs = spec.extra_specs()?;
                // Not public: no other project shall see it, or boot from it.
                let name = format!("{OWN_PREFIX}{}", unique());
                let new = NewFlavor {
                    // Known before Nova answers, so that a boot that is interrupted meanwhile leaves none.
                    id: Some(name.clone()),
                    name,
                    vcpus: spec.vcpus,
                    ram_mib: spec.ram_mib,
                    disk_gib: spec.disk_gib,
                    extra_specs: specs,
                    is_public: false,
                    ..NewFlavor::from("")
                };
                BootMade::note(&made.0.flavor, &new.name);
                let cloud = self.clone();
                let order = async move { cloud.create_flavor_as(&new).await };
                let has_flavor =
                    |made: &BootMade, _: &Flavor| made.0.has_flavor.store(true, Ordering::Relaxed);
                let flavor = match made.to_its_end(order, has_flavor).await {
                    Ok(flavor) => flavor,
                    Err(why) if why.leaves_unknown() => return Err(self.without_flavor(made, why).await),
                    Err(why) => return Err(why),
                };
                // Nova gives a private flavor to no project by itself, not even to its maker's.
                if let Some(project) = self.own_project_id()
                    && let Err(why) = self.give_flavor(&flavor.id, &project).await
                {
                    return Err(self.without_flavor(made, why).await);
                }
                flavor
            }
        };
        if !flavor.fits(image) {
            let why = Error::Invalid {
                what: format!("flavor `{}`", flavor.name),
                why: format!(
                    "too small for image `{}`, which needs {} MiB of memory and {} GiB of disk",
                    image.name,
                    image.min_ram,
                    image.needs_disk_gib()
                ),
                hint: None,
            };
            return Err(self.without_flavor(made, why).await);
        }
        Ok(flavor)
    }
}

/// The server's order has an end in any case, whatever became of smog's waiting.
fn goes_on_building(name: &str, id: &str) -> String {
    format!("server `{name}` ({id}) exists and is still building")
}

fn hint_of(name: &str) -> Hint {
    hint::GUEST_SHOW.with(name).and(" shows it, ").and(hint::GUEST_DELETE.with(name)).and(" removes it")
}

/// When a boot made the flavor of this name: the other way round than [`unique`]. A smog from
/// before the count of the process is understood.
pub(crate) fn flavor_made_at(flavor: &str) -> Option<Timestamp> {
    let mut parts =
        flavor.strip_prefix(OWN_PREFIX)?.split('-').map(|part| i64::from_str_radix(part, 16).ok());
    let (time, process, count) = (parts.next()??, parts.next()?, parts.next());
    let is_whole = process.is_some() && count.is_none_or(|count| count.is_some()) && parts.next().is_none();
    Timestamp::from_millisecond(time).ok().filter(|_| is_whole)
}

/// A name part no one else has: time, process, and which one of the process it is.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = Timestamp::now().as_millisecond();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{now:x}-{:x}-{count:x}", std::process::id())
}

#[cfg(test)]
mod tests;
