//! What is so in the cloud and on its hosts, asked without smog.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fault::Service;
use crate::http::{Answer, Request, ask, header};
use crate::proxy::lock;

/// The lab's hosts, as faults number them.
pub const HOSTS: [&str; 3] = ["ctl", "cmp1", "cmp2"];

/// The administrator of the lab.
pub struct Oracle {
    /// The controller's address.
    pub controller: String,
    /// The hosts' addresses, as [`HOSTS`] has them.
    pub addresses: Vec<String>,
    /// The lab's access folder.
    pub access: PathBuf,
    token: Mutex<Option<String>>,
    /// User (and project) and password.
    login: Mutex<(String, String)>,
    sockets: tempfile::TempDir,
}

pub type Result<T> = std::result::Result<T, String>;

impl Oracle {
    /// From the folder that `lab/env` names.
    pub fn of_lab() -> Result<Oracle> {
        let config = std::env::var_os("SMOG_FAULTS_ACCESS").or_else(|| std::env::var_os("SMOG_CONFIG"));
        let config = config.ok_or("SMOG_CONFIG is not set: lab/up, then eval \"$(lab/env)\"")?;
        let access = PathBuf::from(config).parent().map(PathBuf::from).unwrap_or_default();
        let text =
            std::fs::read_to_string(access.join("ssh_config")).map_err(|why| format!("ssh_config: {why}"))?;
        let address = |host: &str| {
            let behind = text.split(&format!("Host {host}\n  HostName ")).nth(1)?;
            behind.split_whitespace().next().map(str::to_string)
        };
        let addresses: Option<Vec<String>> = HOSTS.iter().map(|host| address(host)).collect();
        let addresses = addresses.ok_or("ssh_config names no addresses")?;
        let sockets = tempfile::tempdir().map_err(|why| why.to_string())?;
        Ok(Oracle {
            controller: addresses[0].clone(),
            addresses,
            access,
            token: Mutex::default(),
            login: Mutex::new(("admin".into(), "lab".into())),
            sockets,
        })
    }

    /// From now on as this user, in the project of the same name.
    pub fn act_as(&self, user: &str, password: &str) {
        *lock(&self.login) = (user.into(), password.into());
        *lock(&self.token) = None;
    }

    fn login(&self) -> Result<String> {
        let (user, password) = lock(&self.login).clone();
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": user, "domain": {"name": "Default"}, "password": password}}},
            "scope": {"project": {"name": user, "domain": {"name": "Default"}}}}});
        let answer = self.send(Service::Keystone, "POST", "/v3/auth/tokens", &[], Some(&body))?;
        header(&answer.headers, "x-subject-token").map(str::to_string).ok_or_else(|| "no token".into())
    }

    fn send(
        &self,
        service: Service,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let address = format!("{}:{}", self.controller, service.port());
        let mut all =
            vec![("Host".to_string(), address.clone()), ("Accept".into(), "application/json".into())];
        if body.is_some() {
            all.push(("Content-Type".into(), "application/json".into()));
        }
        all.extend(headers.iter().map(|(key, value)| (key.to_string(), value.to_string())));
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request = Request { method: method.into(), path: path.into(), headers: all, body };
        let mut tries = 0;
        loop {
            match ask(&address, &request) {
                Ok(answer) => return Ok(answer),
                Err(why) if tries == 3 => return Err(format!("{method} {path}: {why}")),
                Err(_) => tries += 1,
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// One call; the status and the answer, whatever they are.
    pub fn call(
        &self,
        service: Service,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value)> {
        let mut renewed = false;
        loop {
            let known = lock(&self.token).clone();
            let token = match known {
                Some(token) => token,
                None => self.login()?,
            };
            *lock(&self.token) = Some(token.clone());
            let headers = [
                ("X-Auth-Token", token.as_str()),
                (
                    "OpenStack-API-Version",
                    if service == Service::Placement { "placement 1.39" } else { "compute 2.90" },
                ),
            ];
            let answer = self.send(service, method, path, &headers, body)?;
            if answer.status == 401 && !renewed {
                renewed = true;
                *lock(&self.token) = None;
                continue;
            }
            return Ok((answer.status, serde_json::from_slice(&answer.body).unwrap_or_default()));
        }
    }

    /// A call that must succeed.
    pub fn get(&self, service: Service, path: &str) -> Result<Value> {
        match self.call(service, "GET", path, None)? {
            (200..300, value) => Ok(value),
            (status, value) => Err(format!("GET {path}: {status} {value}")),
        }
    }

    pub fn post(&self, service: Service, path: &str, body: &Value) -> Result<Value> {
        match self.call(service, "POST", path, Some(body))? {
            (200..300, value) => Ok(value),
            (status, value) => Err(format!("POST {path}: {status} {value}")),
        }
    }

    /// All servers of this name, of any project.
    pub fn servers_named(&self, name: &str) -> Result<Vec<Value>> {
        let found = self.get(Service::Nova, &format!("/v2.1/servers/detail?all_tenants=1&name=^{name}$"))?;
        Ok(found["servers"].as_array().cloned().unwrap_or_default())
    }

    /// Delete a server, and wait until it is gone.
    pub fn delete_server(&self, id: &str) -> Result<()> {
        let begun = Instant::now();
        loop {
            let (status, _) = self.call(Service::Nova, "DELETE", &format!("/v2.1/servers/{id}"), None)?;
            if status == 404 {
                return Ok(());
            }
            if begun.elapsed() > Duration::from_secs(90) {
                return Err(format!("server {id} does not go away"));
            }
            std::thread::sleep(Duration::from_millis(700));
        }
    }

    /// Wait until a server is in one of these states; the server.
    pub fn wait_server(&self, id: &str, states: &[&str], limit: u64) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let (status, found) = self.call(Service::Nova, "GET", &format!("/v2.1/servers/{id}"), None)?;
            let server = found["server"].clone();
            let now = server["status"].as_str().unwrap_or_default().to_string();
            let task = server["OS-EXT-STS:task_state"].clone();
            if states.contains(&now.as_str()) && task.is_null() {
                return Ok(server);
            }
            if status == 404 {
                return Err(format!("server {id} is gone"));
            }
            if begun.elapsed() > Duration::from_secs(limit) {
                return Err(format!("server {id} is {now} ({task})"));
            }
            std::thread::sleep(Duration::from_millis(400));
        }
    }

    /// The providers a consumer has allocations with.
    pub fn allocations(&self, consumer: &str) -> Result<usize> {
        let found = self.get(Service::Placement, &format!("/allocations/{consumer}"))?;
        Ok(found["allocations"].as_object().map_or(0, serde_json::Map::len))
    }

    /// Run a script on a host by plain ssh.
    pub fn ssh(&self, host: &str, script: &str) -> Result<String> {
        let socket = format!("ControlPath={}/%n", self.sockets.path().display());
        let ran = Command::new("ssh")
            .arg("-F")
            .arg(self.access.join("ssh_config"))
            .args([
                "-o",
                "ControlMaster=auto",
                "-o",
                "ControlPersist=20",
                "-o",
                &socket,
                "-o",
                "ConnectTimeout=20",
                host,
                script,
            ])
            .stdin(std::process::Stdio::null())
            .output()
            .map_err(|why| format!("ssh: {why}"))?;
        match ran.status.success() {
            true => Ok(String::from_utf8_lossy(&ran.stdout).into_owned()),
            false => Err(format!("ssh {host}: {}", String::from_utf8_lossy(&ran.stderr))),
        }
    }

    /// Everything of a host that smog must bring back, as text; guests come and go meanwhile.
    pub fn fingerprint(&self, host: &str) -> Result<String> {
        self.ssh(
            host,
            "cd /etc && find . -path ./libvirt/qemu -prune -o -type f -print0 | sort -z | xargs -0 sha256sum; find . -path ./libvirt/qemu -prune -o -printf '%p %y %m %u %g %l\\n' | sort; \
             grep -H '' /sys/kernel/mm/hugepages/*/nr_hugepages /proc/sys/vm/swappiness; \
             for u in nova-compute neutron-openvswitch-agent libvirtd; do \
             echo $u $(systemctl is-enabled $u 2>/dev/null) $(systemctl is-active $u); done; \
             ls -A /var/lib/smog 2>&1; ls -A /run | grep -i smog; true",
        )
    }
}

/// The first lines in which two texts differ.
pub fn difference(before: &str, after: &str) -> String {
    let only = |one: &str, other: &str, sign: char| {
        let lines = one.lines().filter(|line| !other.lines().any(|two| two == *line)).take(4);
        lines.map(|line| format!("{sign}{line}; ")).collect::<String>()
    };
    only(before, after, '-') + &only(after, before, '+')
}
