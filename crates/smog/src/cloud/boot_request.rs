//! What to boot: every choice Nova has, with defaults that fit a lab.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Nic;
use crate::error::{Error, Result};
use crate::flavor::FlavorSpec;

/// Which flavor a server gets.
#[derive(Debug, Clone, Default)]
pub enum FlavorChoice {
    /// The smallest plain one that fits the image.
    #[default]
    Smallest,
    /// By name or id.
    Named(String),
    /// Made for this server, and deleted with it.
    Made(Box<FlavorSpec>),
}

/// Which network a server gets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NetworkChoice {
    /// The one called `private`.
    #[default]
    Private,
    /// By name or id.
    Named(String),
    /// No network at all.
    None,
}

/// What to boot.
#[derive(Debug, Clone, Default)]
pub struct BootRequest {
    /// The server's name.
    pub name: String,
    /// Image by name or id; `cirros` when absent.
    pub image: Option<String>,
    /// The flavor.
    pub flavor: FlavorChoice,
    /// The network.
    pub network: NetworkChoice,
    /// Ask for this compute host; the scheduler still checks it (microversion 2.74).
    pub host: Option<String>,
    /// Network cards, instead of the one on `network`.
    pub nics: Vec<Nic>,
    /// Disks in addition to (or instead of) the one made from the image.
    pub block_devices: Vec<BlockDevice>,
    /// Volumes, by name or id, or by their size in GiB for new ones that are deleted with the server.
    pub volumes: Vec<String>,
    /// Boot from a new volume of so many GiB with the image's content, which is deleted with the server.
    pub boot_from_volume: Option<u64>,
    /// Attach a config drive.
    pub config_drive: bool,
    /// User data for cloud-init, from this file, plain: smog encodes it.
    pub user_data: Option<Vec<u8>>,
    /// Key pair by name.
    pub key_pair: Option<String>,
    /// Availability zone.
    pub availability_zone: Option<String>,
    /// Ask for this hypervisor by its own name (microversion 2.74).
    pub hypervisor: Option<String>,
    /// Scheduler hints, such as `different_host` with a list of server ids.
    pub hints: BTreeMap<String, Value>,
    /// Server group by name or id.
    pub server_group: Option<String>,
    /// Tags (microversion 2.52).
    pub tags: Vec<String>,
    /// Security groups by name or id; the project's default one when empty.
    pub security_groups: Vec<String>,
    /// The user's own description.
    pub description: Option<String>,
    /// The user's own key/value pairs.
    pub metadata: BTreeMap<String, String>,
}

impl From<&str> for BootRequest {
    /// A guest of this name with every default.
    fn from(name: &str) -> BootRequest {
        BootRequest { name: name.into(), ..BootRequest::default() }
    }
}

impl FlavorChoice {
    /// The choice of a person: a flavor that is named, one that is described, or neither.
    ///
    /// # Errors
    /// [`Error::Invalid`] for both.
    pub fn of(named: Option<String>, described: Option<FlavorSpec>) -> Result<FlavorChoice> {
        match (named, described) {
            (Some(name), None) => Ok(FlavorChoice::Named(name)),
            (None, None) => Ok(FlavorChoice::Smallest),
            (None, Some(spec)) => Ok(FlavorChoice::Made(Box::new(spec))),
            (Some(name), Some(_)) => Err(Error::Invalid {
                what: format!("flavor `{name}`"),
                why: "a named flavor is taken as it is; the other options describe a new one".into(),
                hint: Some("leave the flavor's name out, or the options that describe one".into()),
            }),
        }
    }
}

impl BootRequest {
    /// With these networks, as a person names them: nothing for `private`, `none`, a name or id, and
    /// for several interfaces also `NETWORK=ADDRESS` and `port=PORT`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `none` among others.
    pub fn with_networks(mut self, asked: &[String]) -> Result<BootRequest> {
        (self.network, self.nics) = match asked {
            [] => (NetworkChoice::Private, vec![]),
            [one] if one == "none" => (NetworkChoice::None, vec![]),
            [one] if !one.contains('=') => (NetworkChoice::Named(one.clone()), vec![]),
            several => (NetworkChoice::Private, several.iter().map(|one| nic(one)).collect::<Result<_>>()?),
        };
        Ok(self)
    }

    /// With these scheduler hints. One that is given twice is a list, as Nova's `different_host`
    /// wants it.
    #[must_use]
    pub fn with_hints(mut self, hints: impl IntoIterator<Item = (String, String)>) -> BootRequest {
        for (key, value) in hints {
            let value = Value::String(value);
            let value = match self.hints.remove(&key) {
                None => value,
                Some(Value::Array(mut list)) => {
                    list.push(value);
                    Value::Array(list)
                }
                Some(first) => Value::Array(vec![first, value]),
            };
            self.hints.insert(key, value);
        }
        self
    }

    /// The same for so many servers, which are numbered: `web-1`, `web-2` … One keeps its name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for several servers on one port or address.
    pub fn numbered(&self, count: usize) -> Result<Vec<BootRequest>> {
        if count <= 1 {
            return Ok(vec![self.clone()]);
        }
        if self.nics.iter().any(|nic| nic.port.is_some() || nic.fixed_address.is_some()) {
            return Err(Error::Invalid {
                what: format!("{count} servers"),
                why: "a port or an address can be that of one server only".into(),
                hint: None,
            });
        }
        if let Some(volume) = self.volumes.iter().find(|asked| volume_size(asked).is_none()) {
            return Err(Error::Invalid {
                what: format!("{count} servers"),
                why: format!("volume `{volume}` can be that of one server only"),
                hint: None,
            });
        }
        let of = |number| BootRequest { name: format!("{}-{number}", self.name), ..self.clone() };
        Ok((1..=count).map(of).collect())
    }
}

/// The size in GiB, where a volume is asked for by its size: "10", "10G", "10GiB".
pub(super) fn volume_size(asked: &str) -> Option<u64> {
    let number = asked.strip_suffix("iB").unwrap_or(asked);
    number.strip_suffix('G').unwrap_or(number).parse().ok().filter(|size| *size > 0)
}

/// An interface as a person names it.
fn nic(text: &str) -> Result<Nic> {
    match text.split_once('=') {
        _ if text == "none" => Err(Error::Invalid {
            what: "network `none`".into(),
            why: "it cannot be combined with other networks".into(),
            hint: None,
        }),
        Some(("port", port)) => Ok(Nic::port(port)),
        Some((network, address)) => Ok(Nic::network(network).with_address(address)),
        None => Ok(Nic::network(text)),
    }
}

/// Where a disk's content comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum BlockSource {
    /// Nowhere: it is empty.
    #[default]
    Blank,
    /// An image's id.
    Image(String),
    /// A volume's id.
    Volume(String),
    /// A volume snapshot's id.
    Snapshot(String),
}

/// A disk of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlockDevice {
    /// Where its content comes from.
    pub source: BlockSource,
    /// A volume of the block storage service instead of a file on the compute host.
    pub on_volume: bool,
    /// Its size in GiB; required for a source that has no size of its own.
    pub size_gib: Option<u64>,
    /// 0 for the disk it boots from; none for disks it does not boot from.
    pub boot_index: Option<u32>,
    /// Keep it when the server is deleted; only volumes can be.
    pub keep: bool,
    /// "virtio", "scsi" …
    pub bus: Option<String>,
    /// "swap" or a file system, for an empty one on the compute host.
    pub format: Option<String>,
    /// A tag the guest sees in its metadata.
    pub tag: Option<String>,
}

impl BlockDevice {
    fn is_root(&self) -> bool {
        self.boot_index == Some(0)
    }

    fn body(&self) -> Value {
        let (kind, id) = match &self.source {
            BlockSource::Blank => ("blank", None),
            BlockSource::Image(id) => ("image", Some(id)),
            BlockSource::Volume(id) => ("volume", Some(id)),
            BlockSource::Snapshot(id) => ("snapshot", Some(id)),
        };
        let mut body = json!({
            "source_type": kind,
            "destination_type": if self.on_volume { "volume" } else { "local" },
            "boot_index": self.boot_index.map_or(-1, i64::from),
            "delete_on_termination": !self.keep,
        });
        let texts = [
            ("uuid", id),
            ("disk_bus", self.bus.as_ref()),
            ("guest_format", self.format.as_ref()),
            ("tag", self.tag.as_ref()),
        ];
        for (key, value) in texts {
            if let Some(value) = value {
                body[key] = json!(value);
            }
        }
        if let Some(size) = self.size_gib {
            body["volume_size"] = json!(size);
        }
        body
    }
}

impl BootRequest {
    /// Whether the disk it boots from is a volume, so that Nova gets no image.
    pub(crate) fn boots_from_volume(&self) -> bool {
        self.boot_from_volume.is_some()
            || self.block_devices.iter().any(|device| device.is_root() && device.on_volume)
    }

    /// `block_device_mapping_v2`. Nova wants the disk made from the image listed as
    /// soon as any is.
    pub(super) fn block_devices_body(&self, image_id: &str) -> Option<Value> {
        if self.block_devices.is_empty() {
            return None;
        }
        let mut devices: Vec<Value> = self.block_devices.iter().map(BlockDevice::body).collect();
        if !self.block_devices.iter().any(BlockDevice::is_root) {
            let root = BlockDevice {
                source: BlockSource::Image(image_id.into()),
                boot_index: Some(0),
                ..BlockDevice::default()
            };
            devices.insert(0, root.body());
        }
        Some(Value::Array(devices))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hints_and_numbers_as_a_person_gives_them() {
        let of = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
            BootRequest::from("web").with_networks(&texts)
        };
        assert_eq!(of(&[]).expect("private").network, NetworkChoice::Private);
        assert_eq!(of(&["none"]).expect("none").network, NetworkChoice::None);
        assert_eq!(of(&["net"]).expect("a name").network, NetworkChoice::Named("net".into()));
        let two = of(&["net=10.0.0.5", "port=p"]).expect("two");
        assert_eq!(two.nics, [Nic::network("net").with_address("10.0.0.5"), Nic::port("p")]);
        assert!(of(&["none", "net"]).is_err() && two.numbered(2).is_err());
        let hints = ["a", "b", "c"].map(|value| ("different_host".to_string(), value.to_string()));
        let request = BootRequest::from("web").with_hints(hints);
        assert_eq!(request.hints["different_host"], json!(["a", "b", "c"]));
        let names = |count| request.numbered(count).expect("numbers").into_iter().map(|one| one.name);
        assert_eq!(names(1).collect::<Vec<_>>(), ["web"]);
        assert_eq!(names(2).collect::<Vec<_>>(), ["web-1", "web-2"]);
        assert!(FlavorChoice::of(Some("m1".into()), Some(FlavorSpec::new("big"))).is_err());
    }

    #[test]
    fn a_volume_is_asked_for_by_name_or_size() {
        for (asked, size) in
            [("10", Some(10)), ("2G", Some(2)), ("3GiB", Some(3)), ("0", None), ("data", None), ("G", None)]
        {
            assert_eq!(volume_size(asked), size, "{asked}");
        }
        let of = |volumes: &[&str]| BootRequest {
            volumes: volumes.iter().map(ToString::to_string).collect(),
            ..BootRequest::from("web")
        };
        assert!(of(&["1", "2G"]).numbered(2).is_ok());
        assert!(of(&["1", "data"]).numbered(2).is_err() && of(&["data"]).numbered(1).is_ok());
        let root = BootRequest { boot_from_volume: Some(1), ..BootRequest::from("web") };
        assert!(root.boots_from_volume());
    }

    #[test]
    fn an_empty_disk_beside_the_image_s() {
        let disk = BlockDevice { size_gib: Some(1), format: Some("swap".into()), ..BlockDevice::default() };
        let request = BootRequest { block_devices: vec![disk], ..BootRequest::from("web") };
        assert!(!request.boots_from_volume());
        let wanted = json!([
            {"source_type": "image", "destination_type": "local", "boot_index": 0, "delete_on_termination": true, "uuid": "i"},
            {"source_type": "blank", "destination_type": "local", "boot_index": -1, "delete_on_termination": true,
             "guest_format": "swap", "volume_size": 1},
        ]);
        assert_eq!(request.block_devices_body("i"), Some(wanted));
    }

    #[test]
    fn a_boot_from_a_volume() {
        let disk = BlockDevice {
            source: BlockSource::Volume("v".into()),
            on_volume: true,
            boot_index: Some(0),
            keep: true,
            ..BlockDevice::default()
        };
        let request = BootRequest { block_devices: vec![disk], ..BootRequest::from("web") };
        assert!(request.boots_from_volume());
        let wanted = json!([{"source_type": "volume", "destination_type": "volume", "boot_index": 0,
                             "delete_on_termination": false, "uuid": "v"}]);
        assert_eq!(request.block_devices_body("i"), Some(wanted));
    }
}
