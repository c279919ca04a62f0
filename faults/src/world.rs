//! What all faults of a campaign share: a project and a user of its own, a flavor no host can
//! hold, an exception that is known to be in the logs.

use std::path::PathBuf;
use std::sync::{Mutex, RwLock};

use serde_json::{Value, json};

use crate::fault::Service;
use crate::oracle::{Oracle, Result};

pub struct World {
    pub oracle: Oracle,
    /// Also the project's name.
    pub user: String,
    pub password: String,
    pub smog: PathBuf,
    pub image: String,
    pub network: String,
    pub nano: String,
    pub giant: String,
    /// The request whose exception is in the controller's logs.
    pub request: String,
    /// Shortly before and after it.
    pub request_times: (String, String),
    pub clock_can_be_moved: bool,
    /// Taken for writing by what restarts nova-compute.
    pub computes: RwLock<()>,
    /// Locked while hosts are changed, for others on the same lab.
    pub lock_file: Option<PathBuf>,
    /// Flavors that killed commands have left, which `smog clean` must know.
    pub left_by_kills: Mutex<Vec<(u64, String)>>,
    user_id: String,
    project_id: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

/// The id of the one with this name.
fn named(list: &Value, name: &str) -> Result<String> {
    let found = list.as_array().and_then(|items| items.iter().find(|item| item["name"] == name));
    found.map(|item| text(&item["id"])).ok_or_else(|| format!("the lab has no `{name}`"))
}

impl World {
    pub fn make(smog: PathBuf) -> Result<World> {
        let oracle = Oracle::of_lab()?;
        let user = format!("faults-{}", std::process::id());
        let password = format!("planted-Sesam-{}-oeffne", std::process::id());
        let role = named(&oracle.get(Service::Keystone, "/v3/roles")?["roles"], "admin")?;
        let domain = named(&oracle.get(Service::Keystone, "/v3/domains")?["domains"], "Default")?;
        let project = oracle.post(
            Service::Keystone,
            "/v3/projects",
            &json!({"project": {"name": user, "domain_id": domain}}),
        )?;
        let project_id = text(&project["project"]["id"]);
        let made = oracle.post(
            Service::Keystone,
            "/v3/users",
            &json!({"user": {"name": user, "password": password, "domain_id": domain}}),
        )?;
        let user_id = text(&made["user"]["id"]);
        let grant = format!("/v3/projects/{project_id}/users/{user_id}/roles/{role}");
        oracle.call(Service::Keystone, "PUT", &grant, None)?;
        let image = named(&oracle.get(Service::Glance, "/v2/images")?["images"], "cirros")?;
        let network = named(&oracle.get(Service::Neutron, "/v2.0/networks")?["networks"], "private")?;
        let nano = named(&oracle.get(Service::Nova, "/v2.1/flavors")?["flavors"], "m1.nano")?;
        let giant = oracle.post(
            Service::Nova,
            "/v2.1/flavors",
            &json!({"flavor": {"name": format!("{user}-giant"), "ram": 64_000_000, "vcpus": 1, "disk": 0}}),
        )?;
        let giant = text(&giant["flavor"]["id"]);
        oracle.act_as(&user, &password);
        let seconds = |ahead: i64| jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + ahead);
        let time = |ahead: i64| seconds(ahead).map(|time| time.to_string()).unwrap_or_default();
        let before = time(-5);
        let request = provoke(&oracle, &format!("{user}-none"), &image, &giant)?;
        Ok(World {
            oracle,
            user,
            password,
            smog,
            image,
            network,
            nano,
            giant,
            request,
            request_times: (before, time(5)),
            clock_can_be_moved: std::path::Path::new(crate::desk::FAKETIME).exists(),
            computes: RwLock::default(),
            lock_file: std::env::var_os("SMOG_FAULTS_LOCK").map(PathBuf::from),
            left_by_kills: Mutex::default(),
            user_id,
            project_id,
        })
    }

    /// A small guest, ACTIVE; its id.
    pub fn guest(&self, name: &str) -> Result<String> {
        let body = json!({"server": {"name": name, "imageRef": self.image, "flavorRef": self.nano,
            "networks": [{"uuid": self.network}]}});
        for attempt in 0.. {
            let made = self.oracle.post(Service::Nova, "/v2.1/servers", &body)?;
            let id = text(&made["server"]["id"]);
            match self.oracle.wait_server(&id, &["ACTIVE", "ERROR"], 90) {
                Ok(server) if server["status"] == "ACTIVE" => return Ok(id),
                _ if attempt < 2 => self.oracle.delete_server(&id)?,
                Ok(server) => return Err(format!("a guest cannot be made: {}", server["fault"])),
                Err(why) => return Err(why),
            }
        }
        Err("no guest".into())
    }

    /// Take back what [`World::make`] made, and every server of the campaign.
    pub fn unmake(&self) -> Result<()> {
        let found = self.oracle.get(Service::Nova, "/v2.1/servers?limit=500")?;
        for server in found["servers"].as_array().into_iter().flatten() {
            self.oracle.delete_server(&text(&server["id"]))?;
        }
        self.oracle.call(Service::Nova, "DELETE", &format!("/v2.1/flavors/{}", self.giant), None)?;
        self.oracle.act_as("admin", "lab");
        self.oracle.call(Service::Keystone, "DELETE", &format!("/v3/users/{}", self.user_id), None)?;
        self.oracle.call(Service::Keystone, "DELETE", &format!("/v3/projects/{}", self.project_id), None)?;
        Ok(())
    }
}

/// Boot what no host can hold; the request whose exception is in the logs then.
pub fn provoke(oracle: &Oracle, name: &str, image: &str, giant: &str) -> Result<String> {
    let body = json!({"server": {"name": name, "imageRef": image, "flavorRef": giant, "networks": "none"}});
    let made = oracle.post(Service::Nova, "/v2.1/servers", &body)?;
    let id = text(&made["server"]["id"]);
    let server = oracle.wait_server(&id, &["ERROR", "ACTIVE"], 60)?;
    let actions = oracle.get(Service::Nova, &format!("/v2.1/servers/{id}/os-instance-actions"))?;
    let request = text(&actions["instanceActions"][0]["request_id"]);
    oracle.delete_server(&id)?;
    match server["status"] == "ERROR" && request.starts_with("req-") {
        true => Ok(request),
        false => Err(format!("no exception was provoked: {}", server["status"])),
    }
}

impl World {
    /// Flavors that killed commands have left and `smog clean` does not name; all are removed.
    pub fn left_by_kills(&self, _smog: &std::path::Path) -> Result<Vec<String>> {
        let left = std::mem::take(&mut *crate::proxy::lock(&self.left_by_kills));
        let mut unknown = vec![];
        if left.is_empty() {
            return Ok(unknown);
        }
        let desk = crate::desk::Desk::new(self, &[1], &[]).map_err(|why| why.to_string())?;
        let ran = desk.clean(&["clean", "--dry-run"]);
        let said = ran.out_text() + &ran.err_text();
        for (number, id) in left {
            let path = format!("/v2.1/flavors/{id}");
            let (status, flavor) = self.oracle.call(Service::Nova, "GET", &path, None)?;
            if status != 200 {
                continue;
            }
            let name = text(&flavor["flavor"]["name"]);
            if !said.contains(&name) && !said.contains(&id) {
                unknown.push(format!(
                    "fault {number}: `smog clean` does not know the flavor {name} that SIGKILL left"
                ));
            }
            self.oracle.call(Service::Nova, "DELETE", &path, None)?;
        }
        Ok(unknown)
    }
}
