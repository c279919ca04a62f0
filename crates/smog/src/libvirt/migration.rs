//! A migration that libvirt has under way.

use crate::error::Result;
use crate::host::{Cmd, Host};

use super::virsh::URI;

impl Host {
    /// Limit the live migration of a domain of this host to so many MiB per second, which a migration
    /// under way takes up at once: `virsh migrate-setspeed`. A domain that has left already has no speed,
    /// and that is not an error.
    ///
    /// # Errors
    /// The host's own errors.
    pub async fn set_migration_speed(&self, name_or_uuid: &str, mib_per_second: u32) -> Result<()> {
        let words = ["-c", URI, "migrate-setspeed", name_or_uuid, &mib_per_second.to_string()];
        self.virsh_run(Cmd::new("virsh").args(words).any_exit(), Some(name_or_uuid)).await.map(drop)
    }
}
