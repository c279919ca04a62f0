//! Hosts that are virtual machines themselves (L1), and the machines they run on.

use super::Cloud;
use crate::error::{Error, Result};
use crate::host::{Host, Machine};

impl Cloud {
    /// The hosts of smog.yml that are virtual machines of others, with these. Nothing is connected yet.
    pub fn machines(&self) -> Vec<Machine> {
        let listed = &self.0.listed_hosts;
        Machine::of_entries(listed, listed, |name, address, user| self.open(name, address, user))
    }

    /// The machine a host of smog.yml is a guest of, and the host's libvirt name
    /// there: `parent:` and `name:` of its entry.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a host smog.yml does not list, [`Error::Invalid`] for
    /// one whose entry has no parent.
    pub async fn parent_of(&self, name: &str) -> Result<(Host, String)> {
        let entry = self.listed(name).ok_or_else(|| Error::NotFound {
            what: "host in smog.yml".into(),
            name: name.into(),
            near: self.near_hosts(name, &[]),
        })?;
        match (&entry.parent, &entry.name) {
            (Some(parent), Some(domain)) => Ok((self.parent_host(parent), domain.clone())),
            _ => Err(Error::Invalid {
                what: format!("host `{name}`"),
                why: "its entry in smog.yml names no `parent` (or no `name` there), so smog cannot switch it"
                    .into(),
                hint: Some(
                    "`parent:` is the machine it runs on, `name:` its libvirt name on that machine".into(),
                ),
            }),
        }
    }

    /// A parent is often listed itself; else only its address is known.
    fn parent_host(&self, address: &str) -> Host {
        match self.listed(address) {
            Some(entry) => {
                self.open(entry.name.as_deref().unwrap_or(address), &entry.host, entry.user.as_deref())
            }
            None => self.open(address, address, None),
        }
    }
}
