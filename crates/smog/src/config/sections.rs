//! The sections of smog.yml about hosts and tests, as types.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What kind of machine a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostKind {
    /// A guest of its parent.
    Vm,
    /// A machine of its own.
    Baremetal,
}

/// `cirros:`: used as the default test image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct CirrosSection {
    /// URL or path it is fetched from.
    pub location: Option<String>,
    /// File name, and the image's name in Glance.
    pub name: Option<String>,
    /// Glance's `disk_format`: "qcow2", "raw" …
    pub disk_format: Option<String>,
}

/// `nova:`: what tests need of Nova and its hosts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct NovaSection {
    /// Scheduler filters that must be enabled: nova.conf's
    /// `[filter_scheduler]enabled_filters`, once `scheduler_default_filters`.
    #[serde(default)]
    pub filters: Vec<String>,
    /// Whether the parents must allow nested virtualisation (kvm's `nested`).
    pub nested_vm: Option<bool>,
    /// Whether an L1 gets `<cpu mode='host-passthrough'>` on its parent.
    pub host_passthrough: Option<bool>,
    /// `host-passthrough`, `host-model`, `custom` or `none`: nova.conf's `[libvirt]cpu_mode`.
    /// `exact` and `maximum`, and with `nested_vm` the first two as well: the CPU mode of
    /// computes that are guests, on their parents.
    pub cpu_mode: Option<String>,
    /// nova.conf's `[libvirt]virt_type`: `kvm`, `qemu`, `parallels` or `lxc`.
    pub virt_type: Option<String>,
    /// Whether huge pages are needed.
    pub large_page: Option<bool>,
    /// Pages of the default huge page size (2 MiB on x86).
    pub large_page_num: Option<u64>,
    /// Whether the pages are there after a reboot too.
    pub large_page_persist: Option<bool>,
    /// Any option of nova.conf, by "section.option"; several values for a multi-valued one.
    #[serde(default, deserialize_with = "options")]
    pub options: BTreeMap<String, Vec<String>>,
}

/// A value of libvirtd.conf.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ConfValue {
    /// A truth value; libvirtd.conf writes 1 or 0.
    Flag(bool),
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

/// As libvirtd.conf writes it: `1`, `"none"`, `["a", "b"]`.
impl std::fmt::Display for ConfValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ConfValue::Flag(flag) => write!(f, "{}", i32::from(*flag)),
            ConfValue::Number(number) => write!(f, "{number}"),
            ConfValue::Text(text) => write!(f, "\"{text}\""),
            ConfValue::List(items) => write!(f, "{items:?}"),
        }
    }
}

/// `live_migration:`: what it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct LiveMigrationSection {
    /// Whether it is to be prepared.
    pub enabled: Option<bool>,
    /// `type:` in the file: shared storage, "NFS" or "none".
    #[serde(rename = "type")]
    pub storage: Option<String>,
    /// Options of libvirtd.conf for it.
    #[serde(default)]
    pub conf: BTreeMap<String, ConfValue>,
}

/// `watch:`: watching logs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct WatchSection {
    /// Errors in logs that are not faults.
    #[serde(default)]
    pub allow: Vec<AllowEntry>,
    /// More logs to watch, as globs.
    #[serde(default)]
    pub logs: Vec<String>,
    /// Hosts whose logs are not wanted, such as one that Nova still has a service of and that
    /// is gone.
    #[serde(default)]
    pub leave_out: Vec<String>,
}

/// An error that is not a fault; has at least one of the first three.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct AllowEntry {
    /// The exception's class.
    pub exception: Option<String>,
    /// The logger.
    pub logger: Option<String>,
    /// A regular expression the message matches.
    pub message: Option<String>,
    /// Why it is not a fault.
    pub why: Option<String>,
}

/// One option of a file such as nova.conf, by `--set nova.conf:libvirt.virt_type=kvm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfOption {
    /// "nova.conf".
    pub file: String,
    /// "DEFAULT" when none was named.
    pub section: String,
    /// The option.
    pub option: String,
    /// Its value, as it stands.
    pub value: String,
}

fn options<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    let found = BTreeMap::<String, Value>::deserialize(from)?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    Ok(found
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| match value {
            Value::Array(items) => (key, items.iter().map(text).collect()),
            one => (key, vec![text(&one)]),
        })
        .collect())
}
