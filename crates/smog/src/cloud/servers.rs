//! Nova servers: what the API says of them.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::images::show_pairs;
use super::lookup::{Named, is_uuid, pick};
use super::{Call, Cloud, ServerFilter, Service};
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// A server as Nova showed it at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct Server {
    /// UUID; also the libvirt domain's UUID.
    pub id: String,
    /// Display name; not unique.
    pub name: String,
    /// "ACTIVE", "BUILD", "ERROR", "SHUTOFF" …
    pub status: String,
    /// What Nova is doing with it now: "spawning", "migrating" …
    #[serde(rename(deserialize = "OS-EXT-STS:task_state"), default)]
    pub task_state: Option<String>,
    /// The project it belongs to.
    #[serde(rename(deserialize = "tenant_id"))]
    pub project_id: String,
    /// The user who made it.
    pub user_id: String,
    /// The compute service's host; only administrators see it.
    #[serde(rename(deserialize = "OS-EXT-SRV-ATTR:host"), default)]
    pub host: Option<String>,
    /// The hypervisor's own name, often the host's long name.
    #[serde(rename(deserialize = "OS-EXT-SRV-ATTR:hypervisor_hostname"), default)]
    pub hypervisor_hostname: Option<String>,
    /// The libvirt domain's name: "instance-0000002a".
    #[serde(rename(deserialize = "OS-EXT-SRV-ATTR:instance_name"), default)]
    pub instance_name: Option<String>,
    /// The availability zone it is in.
    #[serde(rename(deserialize = "OS-EXT-AZ:availability_zone"), default)]
    pub availability_zone: Option<String>,
    /// The flavor it was made from, as it was then.
    pub flavor: ServerFlavor,
    /// The image's id; none for a server that boots from a volume.
    #[serde(deserialize_with = "image_id", default)]
    pub image: Option<String>,
    /// The properties of its image as they were when it was made, and what Nova has added since
    /// (microversion 2.98): "hw_machine_type" …; none where Nova does not show them, and for a server
    /// that boots from a volume.
    #[serde(default)]
    pub image_properties: Option<BTreeMap<String, String>>,
    /// Addresses by network name.
    #[serde(default)]
    pub addresses: BTreeMap<String, Vec<Address>>,
    /// The user's own key/value pairs.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// "True" when it has a config drive.
    #[serde(default)]
    pub config_drive: String,
    /// The key pair's name.
    #[serde(default)]
    pub key_name: Option<String>,
    /// When it was made (UTC, ISO 8601).
    pub created: String,
    /// Why its status is ERROR.
    #[serde(default)]
    pub fault: Option<Fault>,
    /// When Nova changed it last (UTC, ISO 8601).
    #[serde(default)]
    pub updated: String,
    /// When it was first started (UTC, ISO 8601).
    #[serde(rename(deserialize = "OS-SRV-USG:launched_at"), default)]
    pub launched_at: Option<String>,
    /// "active", "stopped", "rescued" …: the state below the status.
    #[serde(rename(deserialize = "OS-EXT-STS:vm_state"), default)]
    pub vm_state: Option<String>,
    /// What the hypervisor last said: 1 running, 3 paused, 4 shut down, 6 crashed,
    /// 7 suspended, 0 unknown.
    #[serde(rename(deserialize = "OS-EXT-STS:power_state"), default)]
    pub power_state: u8,
    /// Its compute service: "UP", "DOWN", "MAINTENANCE", "UNKNOWN" (administrators).
    #[serde(default)]
    pub host_status: Option<String>,
    /// The user's own description.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether orders of plain users are refused.
    #[serde(default)]
    pub locked: bool,
    /// Why (microversion 2.73).
    #[serde(default)]
    pub locked_reason: Option<String>,
    /// The ids of its server groups (microversion 2.71).
    #[serde(default)]
    pub server_groups: Vec<String>,
    /// The names of its security groups.
    #[serde(deserialize_with = "group_names", default)]
    pub security_groups: Vec<String>,
    /// "/dev/vda".
    #[serde(rename(deserialize = "OS-EXT-SRV-ATTR:root_device_name"), default)]
    pub root_device_name: Option<String>,
    /// The ids of its volumes, as Nova has them attached.
    #[serde(
        rename(deserialize = "os-extended-volumes:volumes_attached"),
        deserialize_with = "volume_ids",
        default
    )]
    pub volumes: Vec<String>,
    /// The availability zone its user asked for (microversion 2.96).
    #[serde(default)]
    pub pinned_availability_zone: Option<String>,
}

/// The flavor inside a server (microversion 2.47 and later).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerFlavor {
    /// The flavor's name when the server was made.
    #[serde(rename(deserialize = "original_name"), default)]
    pub name: String,
    /// Virtual CPUs.
    #[serde(default)]
    pub vcpus: u32,
    /// Memory in MiB.
    #[serde(rename(deserialize = "ram"), default)]
    pub ram_mib: u64,
    /// Root disk in GiB; 0 means the image's size.
    #[serde(rename(deserialize = "disk"), default)]
    pub disk_gib: u64,
    /// Extra specs.
    #[serde(default)]
    pub extra_specs: BTreeMap<String, String>,
}

/// One address of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    pub addr: String,
    /// 4 or 6.
    pub version: u8,
    /// The port's MAC address.
    #[serde(rename(deserialize = "OS-EXT-IPS-MAC:mac_addr"), default)]
    pub mac: String,
    /// "fixed" or "floating".
    #[serde(rename(deserialize = "OS-EXT-IPS:type"), default)]
    pub kind: String,
}

/// Why a server is in ERROR.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// HTTP-like code.
    #[serde(default)]
    pub code: u16,
    /// One sentence.
    pub message: String,
    /// When it happened (UTC, ISO 8601).
    #[serde(default)]
    pub created: String,
    /// The traceback, for administrators.
    #[serde(default)]
    pub details: Option<String>,
}

impl Fault {
    /// "No valid host was found (500, 2026-11-28T02:40:11Z)"
    pub fn words(&self) -> String {
        let about: Vec<String> = [(self.code > 0).then(|| self.code.to_string()), Some(self.created.clone())]
            .into_iter()
            .flatten()
            .filter(|word| !word.is_empty())
            .collect();
        match about.is_empty() {
            true => sentence(&self.message),
            false => format!("{} ({})", sentence(&self.message), about.join(", ")),
        }
    }
}

impl Serialize for Server {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Server::serialize(self, to)
    }
}

/// The properties of the image stand inside it, next to its id.
impl<'de> Deserialize<'de> for Server {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Server, D::Error> {
        let mut server = Value::deserialize(from)?;
        let inside = server.pointer_mut("/image/properties").map(Value::take);
        if let (Some(Value::Object(properties)), Some(server)) = (inside, server.as_object_mut()) {
            let text = |value: Value| match value {
                Value::String(text) => Value::String(text),
                other => Value::String(other.to_string()),
            };
            let properties = properties.into_iter().map(|(name, value)| (name, text(value)));
            server.insert("image_properties".into(), Value::Object(properties.collect()));
        }
        Server::deserialize(server).map_err(serde::de::Error::custom)
    }
}

/// Nova gives `""` for a server that boots from a volume.
fn image_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(value.get("id").and_then(Value::as_str).map(str::to_string))
}

fn volume_ids<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let volumes = Vec::<Value>::deserialize(from)?;
    Ok(volumes.iter().filter_map(|volume| Some(volume.get("id")?.as_str()?.to_string())).collect())
}

/// One name for each port that has the group, so the same name more than once.
fn group_names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let groups = Vec::<Value>::deserialize(from)?;
    let mut names: Vec<String> =
        groups.iter().filter_map(|group| Some(group.get("name")?.as_str()?.to_string())).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

impl Named for Server {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Server {
    /// "BUILD (spawning)", or just the status.
    pub fn state(&self) -> String {
        match &self.task_state {
            Some(task) => format!("{} ({task})", self.status),
            None => self.status.clone(),
        }
    }
}

impl Server {
    /// "locked: maintenance tonight", "locked", or nothing.
    pub fn lock_words(&self) -> String {
        match (self.locked, self.locked_reason.as_deref().filter(|reason| !reason.is_empty())) {
            (false, _) => String::new(),
            (true, Some(reason)) => format!("locked: {reason}"),
            (true, None) => "locked".into(),
        }
    }
}

#[derive(Deserialize)]
struct OneServer {
    server: Server,
}

impl Show for Server {
    const PLURAL: &'static str = "servers";
    const COLUMNS: &'static [Column<Server>] = &[
        Column::new("name", |server| server.name.clone()),
        Column::new("status", |server| server.state()),
        Column::new("host", |server| server.host.clone().unwrap_or_default()),
        Column::new("flavor", |server| server.flavor.name.clone()),
        Column::new("vcpus", |server| server.flavor.vcpus.to_string()),
        Column::new("ram", |server| format!("{} MiB", server.flavor.ram_mib)),
        Column::new("address", |server| {
            let addresses = server.addresses.values().flatten().map(|address| address.addr.clone());
            addresses.collect::<Vec<_>>().join(", ")
        }),
        Column::wide("zone", |server| server.availability_zone.clone().unwrap_or_default()),
        Column::wide("domain", |server| server.instance_name.clone().unwrap_or_default()),
        Column::wide("key", |server| server.key_name.clone().unwrap_or_default()),
        Column::wide("tags", |server| server.tags.join(", ")),
        Column::wide("metadata", |server| show_pairs(&server.metadata)),
        Column::wide("locked", Server::lock_words),
        Column::wide("fault", |server| server.fault.as_ref().map(Fault::words).unwrap_or_default()),
        Column::new("id", |server| server.id.clone()),
        Column::wide("project", |server| server.project_id.clone()),
        Column::wide("created", |server| server.created.clone()),
    ];
}

/// Calls for faults at once.
const FAULTS_AT_ONCE: usize = 16;

impl Cloud {
    /// All servers the user may see: of every project for an administrator, else
    /// of their own. `GET /servers/detail`, page by page.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn servers(&self) -> Result<Vec<Server>> {
        self.servers_matching(&ServerFilter::default()).await
    }

    /// Servers matching Nova's filters, such as `("host", "cmp1")`. [`ServerFilter`]
    /// has names for them.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn servers_where(&self, filters: &[(&str, &str)]) -> Result<Vec<Server>> {
        let more = filters.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        self.servers_matching(&ServerFilter { more, ..ServerFilter::default() }).await
    }

    /// One server by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names, [`Error::Ambiguous`] with the ids.
    pub async fn server(&self, asked: &str) -> Result<Server> {
        if is_uuid(asked) {
            return self.server_by_id(asked).await;
        }
        if self.recording_of().is_some() {
            // It has the list, and not the answer for each name.
            return pick("server", asked, self.servers().await?);
        }
        // Nova's `name` is a regular expression, matched anywhere.
        let beginning = format!("^{}", escaped(asked));
        let likely = self.servers_where(&[("name", &beginning)]).await?;
        let mut found = match pick("server", asked, likely) {
            Err(Error::NotFound { .. }) => pick("server", asked, self.servers().await?)?,
            other => other?,
        };
        self.add_faults(std::slice::from_mut(&mut found)).await?;
        Ok(found)
    }

    /// Give servers in ERROR their faults, which Nova's lists leave out: a call for each, 16 at once.
    ///
    /// # Errors
    /// As [`Cloud::call`]. A server that is gone meanwhile keeps what the list said.
    pub async fn add_faults(&self, servers: &mut [Server]) -> Result<()> {
        let silent = servers.iter_mut().filter(|one| one.status == "ERROR" && one.fault.is_none());
        let asks: Vec<_> = silent
            .map(|server| async move {
                match self.server_by_id(&server.id).await {
                    Ok(read) => server.fault = read.fault,
                    Err(Error::NotFound { .. }) => {}
                    Err(why) => return Err(why),
                }
                Ok(())
            })
            .collect();
        let answers: Vec<Result<()>> = stream::iter(asks).buffer_unordered(FAULTS_AT_ONCE).collect().await;
        answers.into_iter().collect()
    }

    /// One server by its UUID.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is gone.
    pub async fn server_by_id(&self, id: &str) -> Result<Server> {
        let answer = self.compute(Call::get(Service::Compute, format!("/servers/{id}"))).await;
        match answer {
            Err(Error::Api { status: 404, .. }) => {
                Err(Error::NotFound { what: "server".into(), name: id.into(), near: vec![] })
            }
            other => Ok(other?.read::<OneServer>("server")?.server),
        }
    }

    /// Delete a server; returns when Nova has taken the order, not when it is gone.
    ///
    /// # Errors
    /// As [`Cloud::call`]; a server that is gone already is fine.
    pub async fn delete_server(&self, id: &str) -> Result<()> {
        self.delete(Service::Compute, format!("/servers/{id}")).await
    }

    /// The last lines of the server's serial console.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn console_log(&self, id: &str, lines: Option<u32>) -> Result<String> {
        let version = self.compute_microversion().await?;
        let path = format!("/servers/{id}/action");
        let body = json!({"os-getConsoleOutput": {"length": lines}});
        let answer = self.call(Call::post(Service::Compute, path, body).at(version)).await?;
        #[derive(Deserialize)]
        struct Console {
            output: String,
        }
        Ok(answer.read::<Console>("console log")?.output)
    }
}

/// Nova's text without the full stop and the blanks around it.
pub(super) fn sentence(text: &str) -> String {
    text.trim_matches(|c: char| c.is_whitespace() || c == '.').to_string()
}

/// The text with every character that means something in a regular expression quoted.
pub(super) fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if !c.is_alphanumeric() && !matches!(c, '-' | '_' | ' ') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from smog's lab (Epoxy, compute 2.100): one pinned server.
    const RECORDED: &str = include_str!("../../tests/data/api/server-pinned-epoxy.json");

    #[test]
    fn a_recorded_server() {
        let server: Server = serde_json::from_str(RECORDED).expect("the recorded server");
        assert_eq!(server.host.as_deref(), Some("cmp1"));
        assert_eq!(server.instance_name.as_deref(), Some("instance-00000001"));
        assert_eq!((server.flavor.vcpus, server.flavor.ram_mib), (1, 128));
        assert_eq!(server.flavor.extra_specs["hw:cpu_policy"], "dedicated");
        assert_eq!(server.addresses["private"][0].version, 4);
        assert_eq!(server.state(), "ACTIVE");
    }

    #[test]
    fn a_server_without_image_and_admin_fields() {
        let text = RECORDED.replace("\"OS-EXT-SRV-ATTR:host\": \"cmp1\",", "");
        let mut value: Value = serde_json::from_str(&text).expect("json");
        value["image"] = json!("");
        let server: Server = serde_json::from_value(value).expect("a server of a plain user");
        assert_eq!((server.host, server.image), (None, None));
    }

    #[test]
    fn what_a_user_wrote_on_a_recorded_server() {
        let text = include_str!("../../tests/data/api/server-full-epoxy.json");
        let server = serde_json::from_str::<OneServer>(text).expect("the recorded server").server;
        assert_eq!(
            (server.description.as_deref(), &server.tags[..]),
            (Some("recorded"), &["t-cloud".into()][..])
        );
        assert_eq!((server.metadata["a"].as_str(), server.config_drive.as_str()), ("b", "True"));
        assert_eq!(
            (server.locked, server.vm_state.as_deref(), server.power_state),
            (false, Some("active"), 1)
        );
    }

    #[test]
    fn the_security_groups_of_all_ports_are_named_once() {
        let mut value: Value = serde_json::from_str(RECORDED).expect("json");
        value["security_groups"] = json!([{"name": "ssh"}, {"name": "default"}, {"name": "ssh"}]);
        let server: Server = serde_json::from_value(value).expect("a server");
        assert_eq!(server.security_groups, ["default", "ssh"]);
    }

    #[test]
    fn names_are_quoted_for_nova_s_regular_expression() {
        assert_eq!(escaped("web-1.test (x)"), "web-1\\.test \\(x\\)");
    }
}
