//! What is wanted of hosts, before anyone has looked at them.

use std::str::FromStr;

use super::machine_wish::MachineWish;
use crate::error::{Error, Result};

/// Everything that is wanted, in the order it was said.
///
/// ```
/// use smog::environment::{Target, Want, Wish};
///
/// let wish = Wish::new()
///     .with_option("nova.conf:libvirt.virt_type=kvm".parse()?)
///     .with_filters(["NUMATopologyFilter"])
///     .with(Target::Computes, Want::Pages("2M=256".parse()?));
/// assert_eq!(wish.items.len(), 3);
/// # Ok::<(), smog::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// What is wanted, and of which hosts.
    pub items: Vec<Item>,
}

/// One want and whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The hosts it is for.
    pub target: Target,
    /// What is wanted of them.
    pub want: Want,
}

/// Whom a want is for. Roles are found by looking which services a host has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Every host.
    All,
    /// Hosts with nova-compute.
    Computes,
    /// Hosts with nova-scheduler or nova-api.
    Controllers,
    /// One host, by name.
    Host(String),
    /// The machines that hosts of smog.yml are guests of.
    Parents,
}

/// One thing that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// An option of an oslo.config file.
    Option(OptionWish),
    /// These scheduler filters, in addition to those that are on.
    Filters(Vec<String>),
    /// At least so many huge pages.
    Pages(PagesWish),
    /// A value of `/proc/sys`: `vm.swappiness`.
    Sysctl {
        /// The name with dots or slashes.
        name: String,
        /// The value.
        value: String,
    },
    /// A file of /sys or /proc that takes a value.
    Value {
        /// Its path.
        path: String,
        /// The value.
        value: String,
    },
    /// Nested virtualization: parameter `nested` of kvm_intel or kvm_amd.
    NestedKvm,
    /// A word of the kernel's command line: `intel_iommu=on`.
    KernelWord(String),
    /// So many virtual functions of a network card.
    VirtualFunctions {
        /// The physical function's interface: `ens3f0`.
        interface: String,
        /// How many.
        count: u32,
    },
    /// A key of a file without sections: `libvirtd.conf`, `qemu.conf`.
    Key {
        /// The file's name or path.
        file: String,
        /// The key.
        key: String,
        /// The value as written, quotes included where the file needs them.
        value: String,
    },
    /// A whole file, in a folder that is there.
    File {
        /// Its path.
        path: String,
        /// What shall stand in it.
        text: String,
    },
    /// Whether a unit is enabled and active.
    Unit {
        /// The unit: `nova-compute.service`.
        unit: String,
        /// Enabled at boot; `None` leaves it.
        enabled: Option<bool>,
        /// Running now; `None` leaves it.
        active: Option<bool>,
    },
    /// CPU and cells of a host that is a guest of its parent (an L1). The change is made
    /// on the parent, and the host is restarted.
    Machine(MachineWish),
    /// The folder of servers' disks, shared by one host and mounted by the computes (NFS).
    SharedInstances(SharedWish),
}

/// A folder of servers' disks that computes share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedWish {
    /// The host that shares it, by smog's name.
    pub server: String,
    /// The address computes reach it by.
    pub address: String,
    /// The folder, the same on all hosts.
    pub folder: String,
}

/// An option of an oslo.config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionWish {
    /// A name (`nova.conf`: the files the service reads under that name, wherever
    /// they are) or an absolute path (that file and no other).
    pub file: String,
    /// The section.
    pub section: String,
    /// The option.
    pub key: String,
    /// Its values, one for a single-valued option; none removes it.
    pub values: Vec<String>,
}

/// Huge pages of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagesWish {
    /// The size of a page in KiB; `None` is the host's default size (`Hugepagesize` of
    /// /proc/meminfo).
    pub size_kib: Option<u64>,
    /// The NUMA node they shall be in; over all cells, evenly, when `None`.
    pub cell: Option<u32>,
    /// How many, at least.
    pub count: u64,
    /// Set them aside now.
    pub now: bool,
    /// Set them aside at each boot (a file of systemd-tmpfiles).
    pub at_boot: bool,
}

impl Wish {
    /// Nothing is wanted yet.
    pub fn new() -> Wish {
        Wish::default()
    }

    /// One more want. Values of one option that come one after the other are the
    /// values of a multi-valued option.
    #[must_use]
    pub fn with(mut self, target: Target, want: Want) -> Wish {
        if let Want::Option(new) = &want {
            let same = self.items.iter_mut().find_map(|item| match &mut item.want {
                Want::Option(old)
                    if item.target == target
                        && (&old.file, &old.section, &old.key) == (&new.file, &new.section, &new.key) =>
                {
                    Some(old)
                }
                _ => None,
            });
            if let Some(old) = same {
                old.values.extend(new.values.iter().cloned());
                return self;
            }
        }
        self.items.push(Item { target, want });
        self
    }

    /// An option, of the hosts its section is for: `[filter_scheduler]` and the like of
    /// controllers, everything else of computes.
    #[must_use]
    pub fn with_option(self, option: OptionWish) -> Wish {
        const OF_CONTROLLERS: [&str; 5] = ["filter_scheduler", "scheduler", "api", "conductor", "metrics"];
        let target = match OF_CONTROLLERS.contains(&option.section.as_str()) {
            true => Target::Controllers,
            false => Target::Computes,
        };
        self.with(target, Want::Option(option))
    }

    /// Scheduler filters that shall be on.
    #[must_use]
    pub fn with_filters<F: Into<String>>(self, filters: impl IntoIterator<Item = F>) -> Wish {
        let filters: Vec<String> = filters.into_iter().map(Into::into).collect();
        match filters.is_empty() {
            true => self,
            false => self.with(Target::Controllers, Want::Filters(filters)),
        }
    }

    /// Read what a person wrote after `--cpu-mode`: `[WHO/]MODE`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what there is.
    pub fn with_machine_cpu(self, text: &str) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let machine = MachineWish { cpu: Some(rest.trim().parse()?), cells: None };
        Ok(self.with(target.unwrap_or(Target::Computes), Want::Machine(machine)))
    }

    /// Read what a person wrote after `--numa-cells`: `[WHO/]COUNT`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the form.
    pub fn with_machine_cells(self, text: &str) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let cells = rest.trim().parse().ok().filter(|cells| (1..=64).contains(cells));
        let cells = cells.ok_or_else(|| Error::Invalid {
            what: format!("NUMA nodes `{text}`"),
            why: "not a number from 1 to 64".into(),
            hint: Some("as in 2, or cmp1/2 for one host".into()),
        })?;
        let machine = MachineWish { cpu: None, cells: Some(cells) };
        Ok(self.with(target.unwrap_or(Target::Computes), Want::Machine(machine)))
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Read what a person wrote after `--set`: `[WHO/]FILE:[SECTION.]KEY=VALUE`, where
    /// WHO is a host, `computes`, `controllers` or `all`. Without a section the file has
    /// none, as libvirtd.conf. `KEY=` without a value removes an oslo.config option.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the form.
    pub fn with_setting(self, text: &str) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let (name, value) = rest.split_once('=').ok_or_else(|| no_setting(text))?;
        let (file, name) = name.split_once(':').ok_or_else(|| no_setting(text))?;
        if file.is_empty() || name.is_empty() {
            return Err(no_setting(text));
        }
        if name.contains('.') {
            let option: OptionWish = rest.parse()?;
            return Ok(match target {
                Some(target) => self.with(target, Want::Option(option)),
                None => self.with_option(option),
            });
        }
        let key = Want::Key { file: file.into(), key: name.into(), value: value.into() };
        Ok(self.with(target.unwrap_or(Target::Computes), key))
    }

    /// Read what a person wrote after `--huge-pages`: `[WHO/]SIZE=COUNT[@CELL]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the form.
    pub fn with_pages(self, text: &str, now: bool, at_boot: bool) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let pages = PagesWish { now, at_boot, ..rest.parse()? };
        Ok(self.with(target.unwrap_or(Target::Computes), Want::Pages(pages)))
    }

    /// Read what a person wrote after `--sysctl`: `[WHO/]NAME=VALUE`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the form.
    pub fn with_sysctl(self, text: &str) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let (name, value) = rest.split_once('=').ok_or_else(|| Error::Invalid {
            what: format!("sysctl `{text}`"),
            why: "not of the form NAME=VALUE".into(),
            hint: Some("as in vm.swappiness=10".into()),
        })?;
        let want = Want::Sysctl { name: name.trim().into(), value: value.trim().into() };
        Ok(self.with(target.unwrap_or(Target::Computes), want))
    }

    /// Read what a person wrote after `--service`: `[WHO/]UNIT=WORDS`, where the words are
    /// `enabled` or `disabled`, and `active` or `inactive`, with a comma between.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the form.
    pub fn with_service(self, text: &str) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let parsed = rest.split_once('=').and_then(|(unit, words)| {
            let (mut enabled, mut active) = (None, None);
            for word in words.split(',') {
                match word.trim() {
                    "enabled" => enabled = Some(true),
                    "disabled" => enabled = Some(false),
                    "active" => active = Some(true),
                    "inactive" => active = Some(false),
                    _ => return None,
                }
            }
            (!unit.is_empty()).then(|| Want::Unit { unit: unit.to_string(), enabled, active })
        });
        let want = parsed.ok_or_else(|| Error::Invalid {
            what: format!("service `{text}`"),
            why: "not of the form UNIT=enabled,active".into(),
            hint: Some("as in cmp1/neutron-openvswitch-agent=inactive, or ksm=disabled,inactive".into()),
        })?;
        Ok(self.with(target.unwrap_or(Target::Computes), want))
    }

    /// Read what a person wrote after `--vfs`: `[WHO/]INTERFACE=COUNT`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the form.
    pub fn with_vfs(self, text: &str) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let parsed = rest.split_once('=').and_then(|(name, count)| {
            let plain = !name.is_empty() && !name.contains(['/', '.']);
            plain.then_some(())?;
            Some(Want::VirtualFunctions { interface: name.into(), count: count.parse().ok()? })
        });
        let want = parsed.ok_or_else(|| Error::Invalid {
            what: format!("virtual functions `{text}`"),
            why: "not of the form INTERFACE=COUNT".into(),
            hint: Some("as in ens3f0=4".into()),
        })?;
        Ok(self.with(target.unwrap_or(Target::Computes), want))
    }
}

impl FromStr for OptionWish {
    type Err = Error;

    /// `FILE:SECTION.KEY=VALUE`.
    fn from_str(text: &str) -> Result<OptionWish> {
        let parsed = text.split_once('=').and_then(|(name, value)| {
            let (file, name) = name.split_once(':')?;
            let (section, key) = name.rsplit_once('.')?;
            let value = value.trim();
            let values = if value.is_empty() { vec![] } else { vec![value.to_string()] };
            let option = OptionWish {
                file: file.trim().to_string(),
                section: section.trim().to_string(),
                key: key.trim().to_string(),
                values,
            };
            let whole = ![&option.file, &option.section, &option.key].iter().any(|part| part.is_empty());
            whole.then_some(option)
        });
        parsed.ok_or_else(|| no_setting(text))
    }
}

impl FromStr for PagesWish {
    type Err = Error;

    /// `SIZE=COUNT[@CELL]`: `2M=256`, `1G=2@0`, `2048=64@cell1` (a bare size is in KiB).
    fn from_str(text: &str) -> Result<PagesWish> {
        let parsed = text.split_once('=').and_then(|(size, rest)| {
            let (count, cell) = match rest.split_once('@') {
                Some((count, cell)) => {
                    let cell = cell.trim_start_matches("cell").trim_start_matches("node");
                    (count, Some(cell.parse().ok()?))
                }
                None => (rest, None),
            };
            Some(PagesWish {
                size_kib: Some(size_kib(size)?),
                cell,
                count: count.trim().parse().ok()?,
                now: true,
                at_boot: false,
            })
        });
        parsed.ok_or_else(|| Error::Invalid {
            what: format!("huge pages `{text}`"),
            why: "not of the form SIZE=COUNT or SIZE=COUNT@CELL".into(),
            hint: Some("as in 2M=256, or 1G=2@0 for NUMA node 0".into()),
        })
    }
}

/// `2M`, `2MB`, `2MiB`, `1G`, `2048` and `2048K` (KiB), `16G`.
fn size_kib(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let kib = match &text[digits.len()..] {
        "" | "k" | "kb" | "kib" => number,
        "m" | "mb" | "mib" => number.checked_mul(1 << 10)?,
        "g" | "gb" | "gib" => number.checked_mul(1 << 20)?,
        _ => return None,
    };
    (kib > 0).then_some(kib)
}

/// The part before a slash that names hosts, and the rest. A text that begins with a slash is a path.
fn targeted(text: &str) -> (Option<Target>, &str) {
    let name_end = text.find([':', '=']).unwrap_or(text.len());
    match text[..name_end].split_once('/') {
        Some((who, _)) if !who.is_empty() => {
            let target = match who {
                "all" => Target::All,
                "computes" => Target::Computes,
                "controllers" => Target::Controllers,
                host => Target::Host(host.to_string()),
            };
            (Some(target), &text[who.len() + 1..])
        }
        _ => (None, text),
    }
}

fn no_setting(text: &str) -> Error {
    Error::Invalid {
        what: format!("setting `{}`", text.split('=').next().unwrap_or_default()),
        why: "not of the form FILE:SECTION.KEY=VALUE".into(),
        hint: Some(
            "as in nova.conf:libvirt.virt_type=kvm, cmp1/nova.conf:compute.cpu_shared_set=0-1 for one host, \
             or libvirtd.conf:listen_tls=0 for a file without sections"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_say_for_whom_they_are() {
        let wish = Wish::new()
            .with_setting("nova.conf:libvirt.virt_type=kvm")
            .and_then(|wish| wish.with_setting("cmp1/nova.conf:DEFAULT.debug=true"))
            .and_then(|wish| wish.with_setting("nova.conf:filter_scheduler.weight=1.5"))
            .and_then(|wish| wish.with_setting("all//etc/x.conf:a.url=rabbit://u:p@h:1/"))
            .and_then(|wish| wish.with_setting("/etc/x.conf:a.b=c/d"))
            .and_then(|wish| wish.with_setting("libvirtd.conf:listen_tls=0"))
            .expect("settings");
        let targets: Vec<&Target> = wish.items.iter().map(|item| &item.target).collect();
        assert_eq!(
            targets,
            [
                &Target::Computes,
                &Target::Host("cmp1".into()),
                &Target::Controllers,
                &Target::All,
                &Target::Computes,
                &Target::Computes
            ]
        );
        let Want::Option(option) = &wish.items[3].want else { panic!("an option") };
        assert_eq!((option.file.as_str(), option.values[0].as_str()), ("/etc/x.conf", "rabbit://u:p@h:1/"));
        assert!(matches!(&wish.items[5].want, Want::Key { key, .. } if key == "listen_tls"));
        for wrong in ["nova.conf", "nova.conf:x", ":a.b=c", "nova.conf:.b=c", "=", ""] {
            assert!(Wish::new().with_setting(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_option_given_again_has_several_values() {
        let wish = Wish::new()
            .with_setting("nova.conf:pci.alias={\"name\": \"a\"}")
            .and_then(|wish| wish.with_setting("nova.conf:pci.alias={\"name\": \"b\"}"))
            .expect("settings");
        assert_eq!(wish.items.len(), 1);
        let Want::Option(option) = &wish.items[0].want else { panic!("an option") };
        assert_eq!(option.values.len(), 2);
    }

    #[test]
    fn pages() {
        let pages = |text: &str| {
            text.parse::<PagesWish>().map(|one| (one.size_kib.unwrap_or(0), one.count, one.cell))
        };
        assert_eq!(pages("2M=256").ok(), Some((2048, 256, None)));
        assert_eq!(pages("1GiB=2@cell1").ok(), Some((1 << 20, 2, Some(1))));
        assert_eq!(pages("2048=1@0").ok(), Some((2048, 1, Some(0))));
        for wrong in ["2M", "2T=1", "0=1", "2M=x", "2M=1@x", "=1"] {
            assert!(pages(wrong).is_err(), "{wrong}");
        }
    }
}
