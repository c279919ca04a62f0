//! `smog.yml`, and the two forms of the 2015 introduction it also reads:
//! `smog_config.yml` (log_dir, rdo_clones, credentials) and the per-test file's
//! `hosts:` section.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::credentials::Credentials;
use super::keys::{FILE, Kind, checked, wrong};
use super::layers::Layers;
use super::os_variables;
use super::sections::{
    CirrosSection, ConfOption, ConfValue, HostKind, LiveMigrationSection, NovaSection, WatchSection,
};
use super::tree::Node;
use crate::error::{Error, Result};

/// What all smog.yml files, variables and flags say together. Empty when nothing is said.
#[derive(Debug, Clone, Default)]
pub struct SmogFile {
    /// The file, for messages.
    pub path: Option<PathBuf>,
    /// Where smog puts what it records.
    pub log_dir: Option<PathBuf>,
    /// A cloud of clouds.yaml.
    pub cloud: Option<String>,
    /// Credentials written in the file itself.
    pub credentials: Option<Credentials>,
    /// Every host the file lists, by its key or its `name`.
    pub hosts: Vec<HostEntry>,
    /// How to reach hosts by SSH.
    pub ssh: SshSection,
    /// Set when the cloud is smog's own lab.
    pub lab: Option<LabSection>,
    /// `baremetal:`: the machines that OpenStack nodes are guests of, by name.
    pub baremetal: BTreeMap<String, String>,
    /// `cirros:`: the default test image.
    pub cirros: CirrosSection,
    /// `nova:`: what tests need of Nova.
    pub nova: NovaSection,
    /// `libvirt_conf:`: options of libvirtd.conf.
    pub libvirt_conf: BTreeMap<String, ConfValue>,
    /// `live_migration:`: what it needs.
    pub live_migration: LiveMigrationSection,
    /// `watch:`: watching logs.
    pub watch: WatchSection,
    /// `--set nova.conf:section.option=value`, in the order given.
    pub conf_options: Vec<ConfOption>,
    /// Notices for people, each shown once.
    pub notices: Vec<String>,
    /// Where all this came from.
    pub(super) layers: Layers,
}

/// One machine of the `hosts:` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry {
    /// "controllers", "computes", or the host's own key, such as "compute1".
    pub role: String,
    /// Short or long host name, not an address. For a guest of a parent it is also
    /// the name of its libvirt domain there, see [`HostEntry::domain`].
    pub name: Option<String>,
    /// The address SSH connects to (or a name of the user's ssh configuration).
    pub host: String,
    /// The user to log in as; the user's own ssh configuration decides when absent.
    pub user: Option<String>,
    /// The address of the bare-metal machine this one is a guest of; a name of
    /// `baremetal:` has become its address, and `none` nothing.
    pub parent: Option<String>,
    /// `type:`.
    pub kind: Option<HostKind>,
    /// The container that libvirt runs in, such as `nova_libvirt`; smog finds kolla's by itself.
    pub container: Option<String>,
    /// "auto" (when the user is not root), "always" or "never".
    pub sudo: Option<String>,
}

impl HostEntry {
    /// The name of its libvirt domain on its parent, if it has one.
    pub fn domain(&self) -> Option<&str> {
        self.parent.as_ref()?;
        self.name.as_deref()
    }
}

/// The `ssh:` section; everything in it is optional, since the user's own ssh
/// configuration is used anyway.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshSection {
    /// A private key.
    pub key: Option<PathBuf>,
    /// A known_hosts file to use instead of the user's.
    pub known_hosts: Option<PathBuf>,
    /// An ssh_config file to use instead of the user's.
    pub config: Option<PathBuf>,
    /// The host to go through (a bastion), as `ssh -J` takes it.
    pub jump: Option<String>,
    /// How many seconds a host may take to answer.
    pub connect_timeout: Option<u64>,
    /// The folder for SSH's control sockets, with a short path.
    pub control_dir: Option<PathBuf>,
    /// How many seconds a connection without a command is kept for the next one; 0 keeps none.
    pub keep: Option<u64>,
    /// Where sockets of kept connections lie: [`Surroundings::runtime_dir`](super::Surroundings).
    #[serde(skip)]
    pub runtime_dir: Option<PathBuf>,
    /// Where the user's own ssh configuration lies.
    #[serde(skip)]
    pub home_dir: Option<PathBuf>,
}

/// The `lab:` section, written by `lab/up`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabSection {
    /// "epoxy" or "zed".
    pub release: String,
    /// Whether, and how many, NUMA nodes are simulated on each compute.
    #[serde(default)]
    pub simulated_cells: SimulatedCells,
}

/// `false`, or the number of simulated cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum SimulatedCells {
    /// `false`: the machine's real topology.
    Flag(bool),
    /// This many simulated cells.
    Count(u32),
}

impl Default for SimulatedCells {
    fn default() -> Self {
        SimulatedCells::Flag(false)
    }
}

impl LabSection {
    /// The number of simulated NUMA nodes, if they are simulated.
    pub fn simulated(&self) -> Option<u32> {
        match self.simulated_cells {
            SimulatedCells::Count(count) if count > 0 => Some(count),
            _ => None,
        }
    }
}

impl SmogFile {
    /// Read and check one file.
    ///
    /// # Errors
    /// [`Error::Config`] with file, line and column.
    pub fn read(path: &Path) -> Result<SmogFile> {
        Layers::of_file(path)?.smog_file()
    }

    /// A file with this text, for tests.
    #[cfg(test)]
    pub(crate) fn of_text(text: &str) -> SmogFile {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("smog.yml");
        std::fs::write(&path, text).expect("write");
        SmogFile::read(&path).expect("smog.yml")
    }

    /// The same with a suite's file over it, below variables and flags.
    ///
    /// # Errors
    /// As [`SmogFile::read`].
    pub fn with_suite(&self, path: &Path) -> Result<SmogFile> {
        self.layers.with_suite(path)?.smog_file()
    }

    /// Every setting with its value and where it came from; secrets are hidden.
    pub fn entries(&self) -> Vec<super::SettingLine> {
        self.layers.entries()
    }

    /// The merged tree as types.
    pub(super) fn of_tree(tree: &Node, layers: Layers) -> Result<SmogFile> {
        let all = checked(tree, Kind::Section(FILE), "smog.yml")?;
        let mut notices = layers.notices.clone();
        if let Some(clones) = tree.get("rdo_clones").filter(|node| !node.is_null()) {
            notices.push(format!(
                "`rdo_clones` ({}) has no meaning any more: smog brings its own client",
                clones.place.origin()
            ));
        }
        let baremetal: BTreeMap<String, String> = section(tree, &all, "baremetal")?;
        let mut hosts = Vec::new();
        for (role, nodes) in each_host(tree) {
            for node in nodes {
                hosts.push(host(role, node, &baremetal)?);
            }
        }
        let watch: WatchSection = section(tree, &all, "watch")?;
        for (at, entry) in watch.allow.iter().enumerate() {
            if entry.exception.is_none() && entry.logger.is_none() && entry.message.is_none() {
                let place = tree.get("watch").and_then(|watch| watch.get("allow")).map(|allow| &allow.body);
                if let Some(super::tree::Body::List(items)) = place
                    && let Some(item) = items.get(at)
                {
                    return Err(wrong(
                        &item.place,
                        "an entry of `allow` needs `exception`, `logger` or `message`".into(),
                        None,
                    ));
                }
            }
        }
        let credentials = match all.get("credentials").filter(|value| !value.is_null()) {
            None => None,
            Some(value) => {
                let pairs: BTreeMap<String, String> =
                    serde_json::from_value(value.clone()).unwrap_or_default();
                let place = tree.get("credentials").map(|node| node.place.origin().to_string());
                let source = format!("the credentials in {}", place.unwrap_or_default());
                let found = os_variables::credentials(&pairs, &source, os_variables::set_it, layers.home());
                let (found, said) = found?;
                notices.extend(said);
                Some(found)
            }
        };
        let text = |key: &str| all.get(key).and_then(Value::as_str).map(str::to_string);
        Ok(SmogFile {
            path: layers.path(),
            log_dir: text("log_dir").map(PathBuf::from),
            cloud: text("cloud"),
            credentials,
            hosts,
            ssh: SshSection {
                runtime_dir: layers.runtime_dir.clone(),
                home_dir: layers.home().map(Path::to_path_buf),
                ..section(tree, &all, "ssh")?
            },
            lab: match all.get("lab") {
                Some(_) => Some(typed(tree, &all, "lab")?),
                None => None,
            },
            baremetal,
            cirros: section(tree, &all, "cirros")?,
            nova: section(tree, &all, "nova")?,
            libvirt_conf: section(tree, &all, "libvirt_conf")?,
            live_migration: section(tree, &all, "live_migration")?,
            watch,
            conf_options: layers.conf_options.clone(),
            notices,
            layers,
        })
    }
}

fn each_host(tree: &Node) -> Vec<(&str, Vec<&Node>)> {
    use super::tree::Body;
    let Some(Body::Map(entries)) = tree.get("hosts").map(|hosts| &hosts.body) else { return vec![] };
    entries
        .iter()
        .map(|entry| match &entry.value.body {
            Body::List(items) => (entry.key.as_str(), items.iter().collect()),
            Body::Null => (entry.key.as_str(), vec![]),
            _ => (entry.key.as_str(), vec![&entry.value]),
        })
        .collect()
}

fn host(role: &str, node: &Node, baremetal: &BTreeMap<String, String>) -> Result<HostEntry> {
    let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_string);
    let Some(address) = text("host") else {
        let message = format!("a host of `{role}` has no `host`, the address SSH connects to");
        return Err(wrong(&node.place, message, None));
    };
    let parent = text("parent").filter(|parent| parent != "none");
    let kind = text("type").map(|kind| match kind.eq_ignore_ascii_case("vm") {
        true => HostKind::Vm,
        false => HostKind::Baremetal,
    });
    if kind == Some(HostKind::Baremetal) && parent.is_some() {
        let message = format!("a host of `{role}` is `baremetal` and has a parent");
        return Err(wrong(&node.place, message, Some("`parent: none`, or `type: vm`".into())));
    }
    Ok(HostEntry {
        role: role.to_string(),
        name: text("name"),
        host: address,
        user: text("user"),
        parent: parent.map(|parent| baremetal.get(&parent).cloned().unwrap_or(parent)),
        kind,
        container: text("container"),
        sudo: text("sudo"),
    })
}

/// A section as its type, or its default.
fn section<T: serde::de::DeserializeOwned + Default>(tree: &Node, all: &Value, key: &str) -> Result<T> {
    match all.get(key) {
        None => Ok(T::default()),
        Some(_) => typed(tree, all, key),
    }
}

fn typed<T: serde::de::DeserializeOwned>(tree: &Node, all: &Value, key: &str) -> Result<T> {
    serde_json::from_value(all.get(key).cloned().unwrap_or_default()).map_err(|why| match tree.get(key) {
        // The sentence of the library may repeat the value.
        Some(node) => {
            let kind = if why.is_data() { "is not of the form it should have" } else { "cannot be read" };
            wrong(&node.place, format!("`{key}` {kind}"), None)
        }
        None => Error::Config { place: key.into(), message: "cannot be read".into(), hint: None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SmogFile> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("smog.yml");
        std::fs::write(&path, text).expect("write");
        SmogFile::read(&path)
    }

    #[test]
    fn the_introduction_s_smog_config_yml() {
        let file = read(
            "log_dir: /tmp/smog\n\
             rdo_clones:\n  base: /home/stoner/Projects/rdo\n\
             credentials: # FIXME: This is for keystone v2\n  OS_USERNAME: admin\n  OS_TENANT_NAME: admin\n  \
             OS_PASSWORD: 4466545105498866\n  OS_AUTH_URL: \"http://192.0.2.30:5000/v2.0/\"\n",
        )
        .expect("the introduction's file");
        assert_eq!(file.log_dir.as_deref(), Some(Path::new("/tmp/smog")));
        assert_eq!(file.notices.len(), 1);
        assert!(file.credentials.is_some());
    }

    #[test]
    fn hosts_in_both_shapes_with_anchors() {
        let named = read(
            "baremetal: {master1: &master1 192.0.2.59}\n\
             hosts:\n  controller: &controller\n    parent: *master1\n    name: beta-1\n    host: 192.0.2.30\n    user: root\n  \
             compute1: *controller\n",
        )
        .expect("the first shape");
        assert_eq!(named.hosts.len(), 2);
        assert_eq!(named.hosts[1].role, "compute1");
        assert_eq!(named.hosts[1].parent.as_deref(), Some("192.0.2.59"));
        let listed = read(
            "hosts:\n  controllers: &c\n    {name: a, host: 192.0.2.1, user: root, type: vm}\n  computes:\n    - *c\n    - {name: b, host: 192.0.2.2}\n",
        )
        .expect("the second shape");
        let computes: Vec<_> = listed.hosts.iter().filter(|host| host.role == "computes").collect();
        assert_eq!(computes.len(), 2);
        assert_eq!(computes[1].name.as_deref(), Some("b"));
    }

    #[test]
    fn a_typo_shows_its_place() {
        let error = read("log_dir: /tmp\nhots: {}\n").expect_err("typo").to_string();
        assert!(error.contains("smog.yml:2:1: "), "{error}");
        assert!(error.contains("hots"), "{error}");
    }
}
