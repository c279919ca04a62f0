//! An authenticated session to one OpenStack cloud.
//!
//! Everything smog asks of an API passes through one gateway ([`Call`]), which pins
//! the microversion, retries what may be retried, reads the fault, and keeps the
//! request id and the time it took.

mod actions;
mod boot;
mod fault;
mod flavors;
mod gateway;
mod hosts;
mod hypervisors;
mod images;
mod lookup;
mod microversion;
mod migrations;
mod networks;
mod servers;
mod session;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use openstack_sdk::AsyncOpenStack;
use tokio::sync::OnceCell;

use crate::config::{Credentials, HostEntry, LabSection, Settings, SshSection};
use crate::error::Result;
use crate::host::Host;

pub use actions::{Action, ActionEvent};
pub(crate) use boot::OWN_FLAVOR;
pub use boot::{BootMade, BootRequest, FlavorChoice, NetworkChoice};
pub use flavors::Flavor;
pub use gateway::{Answer, Call, CallRecord, Service};
pub use hypervisors::Hypervisor;
pub use images::Image;
pub use microversion::Microversion;
pub use migrations::Migration;
pub use networks::Network;
pub use servers::{Address, Fault, Server, ServerFlavor};

/// Called after every API call; see [`Options::on_call`].
pub type OnCall = Arc<dyn Fn(&CallRecord) + Send + Sync>;

/// What a face may set beyond the user's [`Settings`].
#[derive(Clone, Default)]
pub struct Options {
    /// Told of every API call: for `-v`, reports and the flight recorder.
    pub on_call: Option<OnCall>,
    /// Do not keep the token on disk between commands.
    pub no_token_cache: bool,
    /// A folder for SSH control sockets; a private temporary one when absent.
    pub control_dir: Option<PathBuf>,
}

/// A session. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Cloud(Arc<Inner>);

struct Inner {
    session: AsyncOpenStack,
    credentials: Credentials,
    options: Options,
    ssh: SshSection,
    lab: Option<LabSection>,
    listed_hosts: Vec<HostEntry>,
    compute_versions: OnceCell<microversion::Range>,
    hosts: Mutex<HashMap<String, Host>>,
}

impl Cloud {
    /// Log in.
    ///
    /// # Errors
    /// [`Error::Auth`](crate::Error::Auth) when keystone says no,
    /// [`Error::Unreachable`](crate::Error::Unreachable) when it does not answer,
    /// [`Error::Untrusted`](crate::Error::Untrusted) for a certificate of an unknown authority.
    pub async fn connect(settings: &Settings, options: Options) -> Result<Cloud> {
        let session = session::open(&settings.credentials, options.no_token_cache).await?;
        Ok(Cloud(Arc::new(Inner {
            session,
            credentials: settings.credentials.clone(),
            options,
            ssh: settings.file.ssh.clone(),
            lab: settings.file.lab.clone(),
            listed_hosts: settings.file.hosts.clone(),
            compute_versions: OnceCell::new(),
            hosts: Mutex::new(HashMap::new()),
        })))
    }

    /// The cloud's name: that of clouds.yaml, or "envvars".
    pub fn name(&self) -> &str {
        &self.0.credentials.name
    }

    /// Set when this is smog's own lab; says whether its NUMA cells are simulated.
    pub fn lab(&self) -> Option<&LabSection> {
        self.0.lab.as_ref()
    }
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<Cloud {} at {}>", self.name(), self.0.credentials.auth_url)
    }
}
