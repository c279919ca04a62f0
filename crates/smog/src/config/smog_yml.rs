//! `smog.yml`, and the two forms of the 2015 introduction it also reads:
//! `smog_config.yml` (log_dir, rdo_clones, credentials) and the per-test file's
//! `hosts:` section.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::credentials::Credentials;
use super::{os_variables, yaml};
use crate::error::{Error, Result};

/// What a smog.yml says. Empty when there is none.
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
    /// Things a person should be told once.
    pub notices: Vec<String>,
}

/// One machine of the `hosts:` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry {
    /// "controllers", "computes", or the host's own key, such as "compute1".
    pub role: String,
    /// Short or long host name, not an address.
    pub name: Option<String>,
    /// The address SSH connects to (or a name of the user's ssh configuration).
    pub host: String,
    /// The user to log in as; the user's own ssh configuration decides when absent.
    pub user: Option<String>,
    /// The bare-metal machine this one is a guest of.
    pub parent: Option<String>,
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
}

/// The `lab:` section, written by `lab/up`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabSection {
    /// "epoxy" or "zed".
    pub release: String,
    /// Whether, and how many, NUMA cells are simulated on each compute.
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
    /// The number of simulated NUMA cells, if they are simulated.
    pub fn simulated(&self) -> Option<u32> {
        match self.simulated_cells {
            SimulatedCells::Count(count) if count > 0 => Some(count),
            _ => None,
        }
    }
}

/// The file as written. Sections whose meaning comes with environment preparation
/// are accepted as they stand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    log_dir: Option<PathBuf>,
    rdo_clones: Option<serde_json::Value>,
    cloud: Option<String>,
    credentials: Option<WrittenCredentials>,
    #[serde(default)]
    hosts: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    ssh: SshSection,
    lab: Option<LabSection>,
    #[serde(rename = "baremetal")]
    _baremetal: Option<serde_json::Value>,
    #[serde(rename = "cirros")]
    _cirros: Option<serde_json::Value>,
    #[serde(rename = "nova")]
    _nova: Option<serde_json::Value>,
    #[serde(rename = "libvirt_conf")]
    _libvirt_conf: Option<serde_json::Value>,
    #[serde(rename = "live_migration")]
    _live_migration: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum WrittenCredentials {
    /// "smog" or "master": the main file's.
    Word(String),
    Variables(BTreeMap<String, Scalar>),
}

/// A password may look like a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(WrittenHost),
    Many(Vec<WrittenHost>),
}

#[derive(Debug, Clone, Deserialize)]
struct WrittenHost {
    host: String,
    name: Option<String>,
    user: Option<String>,
    parent: Option<String>,
}

impl SmogFile {
    /// Read and check a file.
    ///
    /// # Errors
    /// [`Error::Config`] with file, line and column.
    pub fn read(path: &Path) -> Result<SmogFile> {
        let written: Written = yaml::parse(path, &yaml::read_text(path)?)?;
        let mut notices = Vec::new();
        if written.rdo_clones.is_some() {
            notices.push(format!(
                "`rdo_clones` in {} has no meaning any more: smog brings its own client",
                path.display()
            ));
        }
        let credentials = match written.credentials {
            None => None,
            // "the main file's", and this is the main file: nothing to look up.
            Some(WrittenCredentials::Word(word)) if word == "smog" || word == "master" => None,
            Some(WrittenCredentials::Word(word)) => {
                return Err(Error::Config {
                    place: path.display().to_string(),
                    message: format!(
                        "`credentials: {word}` is neither `smog` nor `master` nor a set of OS_* variables"
                    ),
                    hint: Some("a cloud of clouds.yaml is named by `cloud:`".into()),
                });
            }
            Some(WrittenCredentials::Variables(pairs)) => {
                let pairs = pairs
                    .into_iter()
                    .map(|(name, value)| match value {
                        Scalar::Text(text) => (name, text),
                        Scalar::Number(number) => (name, number.to_string()),
                    })
                    .collect();
                let source = format!("the credentials in {}", path.display());
                Some(os_variables::credentials(&pairs, &source)?)
            }
        };
        let hosts = written
            .hosts
            .into_iter()
            .flat_map(|(role, entry)| {
                let entries = match entry {
                    OneOrMany::One(one) => vec![one],
                    OneOrMany::Many(many) => many,
                };
                entries.into_iter().map(move |entry| HostEntry {
                    role: role.clone(),
                    name: entry.name,
                    host: entry.host,
                    user: entry.user,
                    parent: entry.parent.filter(|parent| parent != "none"),
                })
            })
            .collect();
        Ok(SmogFile {
            path: Some(path.into()),
            log_dir: written.log_dir,
            cloud: written.cloud,
            credentials,
            hosts,
            ssh: written.ssh,
            lab: written.lab,
            notices,
        })
    }
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
        assert_eq!(named.hosts[0].role, "compute1");
        assert_eq!(named.hosts[0].parent.as_deref(), Some("192.0.2.59"));
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
