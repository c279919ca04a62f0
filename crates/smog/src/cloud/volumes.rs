//! Cinder volumes: what they are attached to.

use serde::{Deserialize, Serialize};

use super::{Call, Cloud, Service};
use crate::error::Result;

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// UUID; also the serial of the disk in the domain XML.
    pub id: String,
    /// Name; not unique, may be empty.
    #[serde(default)]
    pub name: Option<String>,
    /// "available", "in-use", "attaching", "detaching", "reserved" …
    pub status: String,
    /// What it is attached to.
    #[serde(default)]
    pub attachments: Vec<VolumeAttachment>,
}

/// One attachment of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeAttachment {
    /// The server.
    pub server_id: String,
}

impl Cloud {
    /// All volumes of all projects (administrators).
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn volumes(&self) -> Result<Vec<Volume>> {
        let call = Call::get(Service::BlockStorage, "/volumes/detail").query("all_tenants", "True");
        self.list(call, "volumes").await
    }
}
