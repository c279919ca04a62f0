//! Nova servers: what the API says of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lookup::{Named, is_uuid, pick};
use super::{Call, Cloud, Microversion, Service};
use crate::error::{Error, Result};
use crate::wait::{self, Seen, Wait};

/// A server as Nova showed it at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// The traceback, for administrators.
    #[serde(default)]
    pub details: Option<String>,
}

/// Nova gives `""` for a server that boots from a volume.
fn image_id<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(value.get("id").and_then(Value::as_str).map(str::to_string))
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

#[derive(Deserialize)]
struct OneServer {
    server: Server,
}

#[derive(Deserialize)]
struct ManyServers {
    servers: Vec<Server>,
    #[serde(default)]
    servers_links: Vec<Value>,
}

/// Nova's own default limit (`[api]max_limit`).
const PAGE: &str = "1000";

impl Cloud {
    /// All servers the user may see: of every project for an administrator, else
    /// of their own. `GET /servers/detail`, page by page.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn servers(&self) -> Result<Vec<Server>> {
        self.servers_where(&[]).await
    }

    /// Servers matching Nova's filters, such as `("host", "cmp1")`.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn servers_where(&self, filters: &[(&str, &str)]) -> Result<Vec<Server>> {
        match self.list_servers(filters, true).await {
            // Nova's default policy lets only administrators look across projects.
            Err(Error::Api { status: 403, .. }) => self.list_servers(filters, false).await,
            other => other,
        }
    }

    async fn list_servers(&self, filters: &[(&str, &str)], all_projects: bool) -> Result<Vec<Server>> {
        let version = self.compute_microversion().await?;
        let mut found: Vec<Server> = Vec::new();
        loop {
            let mut call = Call::get(Service::Compute, "/servers/detail").at(version).query("limit", PAGE);
            if all_projects {
                call = call.query("all_tenants", "1");
            }
            for (name, value) in filters {
                call = call.query(name, *value);
            }
            if let Some(last) = found.last() {
                call = call.query("marker", &last.id);
            }
            let page: ManyServers = self.call(call).await?.read("list of servers")?;
            let more = !page.servers_links.is_empty() && !page.servers.is_empty();
            found.extend(page.servers);
            if !more {
                return Ok(found);
            }
        }
    }

    /// One server by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names, [`Error::Ambiguous`] with the ids.
    pub async fn server(&self, asked: &str) -> Result<Server> {
        if is_uuid(asked) {
            return self.server_by_id(asked).await;
        }
        // Nova's `name` is a regular expression, matched anywhere.
        let beginning = format!("^{}", escaped(asked));
        let likely = self.servers_where(&[("name", &beginning)]).await?;
        match pick("server", asked, likely) {
            Err(Error::NotFound { .. }) => pick("server", asked, self.servers().await?),
            other => other,
        }
    }

    /// One server by its UUID.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is gone.
    pub async fn server_by_id(&self, id: &str) -> Result<Server> {
        let version = self.compute_microversion().await?;
        let answer = self.call(Call::get(Service::Compute, format!("/servers/{id}")).at(version)).await;
        match answer {
            Err(Error::Api { status: 404, .. }) => {
                Err(Error::NotFound { what: "server".into(), name: id.into(), near: vec![] })
            }
            other => Ok(other?.read::<OneServer>("server")?.server),
        }
    }

    /// Wait until the server has this status, and Nova is done with it.
    ///
    /// # Errors
    /// [`Error::Fault`] as soon as it goes to ERROR, with Nova's fault and the host;
    /// [`Error::NotFound`] when it vanishes; [`Error::Timeout`].
    pub async fn wait_for_status(&self, id: &str, status: &str, wait: Wait<'_>) -> Result<Server> {
        let mut name = id.to_string();
        let what = format!("server `{id}` to become {status}");
        let seen = wait::until(&what, wait, || async {
            let server = self.server_by_id(id).await?;
            Ok(if server.status == status && server.task_state.is_none() {
                Seen::Done(Ok(server))
            } else if server.status == "ERROR" && status != "ERROR" {
                Seen::Done(Err(server))
            } else {
                Seen::NotYet(server.state())
            })
        })
        .await?;
        match seen {
            Ok(server) => Ok(server),
            Err(broken) => {
                name.clone_from(&broken.name);
                Err(self.fault_of(&format!("server `{name}`"), &broken).await)
            }
        }
    }

    /// The error for a server in ERROR: Nova's fault, host and request.
    pub(super) async fn fault_of(&self, what: &str, server: &Server) -> Error {
        let told = server.fault.as_ref().map(|fault| fault.message.trim_end_matches('.').to_string());
        let last = self.actions(&server.id).await.ok().and_then(|actions| actions.into_iter().next());
        let tried_on = last.as_ref().and_then(|action| action.events.iter().rev().find_map(|event| event.host.clone()));
        let fault = told
            .or_else(|| last.as_ref().and_then(|action| action.message.clone()))
            .unwrap_or_else(|| "Nova tells no reason".into());
        let hint = if fault.contains("No valid host") {
            Some(
                "every compute host was ruled out, by placement or by a scheduler filter: \
                 nova-scheduler.log on the controller says which, under this request id"
                    .to_string(),
            )
        } else {
            Some("the compute host's nova-compute.log has the traceback under this request id".to_string())
        };
        Error::Fault {
            what: what.into(),
            host: server.host.clone().or(tried_on),
            fault,
            request_id: last.map(|action| action.request_id),
            hint,
        }
    }

    /// Delete a server; returns when Nova has taken the order, not when it is gone.
    ///
    /// # Errors
    /// As [`Cloud::call`]; a server that is gone already is fine.
    pub async fn delete_server(&self, id: &str) -> Result<()> {
        match self.call(Call::delete(Service::Compute, format!("/servers/{id}"))).await {
            Ok(_) | Err(Error::Api { status: 404, .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Wait until the server is gone.
    ///
    /// # Errors
    /// [`Error::Fault`] when deleting it failed, [`Error::Timeout`].
    pub async fn wait_until_gone(&self, id: &str, wait: Wait<'_>) -> Result<()> {
        wait::until(&format!("server `{id}` to be gone"), wait, || async {
            match self.server_by_id(id).await {
                Err(Error::NotFound { .. }) => Ok(Seen::Done(())),
                Ok(server) if server.status == "ERROR" && server.task_state.is_none() => {
                    // A server that was broken before stays in ERROR for a moment; its
                    // newest action tells whether the delete itself failed.
                    let newest = self.actions(id).await?.into_iter().next();
                    match newest {
                        Some(action) if action.action == "delete" && action.message.is_some() => {
                            Err(self.fault_of(&format!("delete of server `{}`", server.name), &server).await)
                        }
                        _ => Ok(Seen::NotYet(server.state())),
                    }
                }
                Ok(server) => Ok(Seen::NotYet(server.state())),
                Err(other) => Err(other),
            }
        })
        .await
    }

    /// `POST /servers/{id}/action`; returns the request id.
    pub(crate) async fn server_action(&self, id: &str, body: Value, at: Microversion) -> Result<Option<String>> {
        let path = format!("/servers/{id}/action");
        Ok(self.call(Call::post(Service::Compute, path, body).at(at)).await?.request_id)
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
        Ok(answer.body["output"].as_str().unwrap_or_default().to_string())
    }
}

/// The text with every character that means something in a regular expression quoted.
fn escaped(text: &str) -> String {
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
    fn names_are_quoted_for_nova_s_regular_expression() {
        assert_eq!(escaped("web-1.test (x)"), "web-1\\.test \\(x\\)");
    }
}
