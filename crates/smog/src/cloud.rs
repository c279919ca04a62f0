//! An authenticated session to one OpenStack cloud.
//!
//! Everything smog asks of an API passes through one gateway ([`Call`]), which pins
//! the microversion, retries what may be retried, reads the fault, and keeps the
//! request id and the time it took.

mod actions;
mod aggregates;
mod availability_zones;
mod boot;
mod boot_request;
mod boot_volumes;
mod checksum;
mod compute_services;
mod deleted;
mod deletion;
mod extra_specs;
mod fault;
mod flavors;
mod gateway;
mod holders;
mod host_list;
mod hosts;
mod hypervisors;
mod identity;
mod image_files;
mod image_source;
mod images;
mod isolated_project;
mod key_pairs;
mod labels;
mod live_migration;
mod lookup;
mod microversion;
mod migrations;
mod network_agents;
mod networks;
mod nic;
mod orders;
mod page;
mod paging;
mod parents;
mod placement;
mod ports;
mod quotas;
mod refusal;
mod remote_console;
mod security_groups;
pub mod server_actions;
mod server_filter;
mod server_groups;
mod server_waits;
mod servers;
mod tape;
mod topology;
mod traits;
mod transfer;
mod volume_attachments;
mod volume_changes;
mod volume_work;
mod volumes;
mod whoami;
mod wire;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

use crate::config::{Credentials, HostEntry, LabSection, Settings, SshSection};
use crate::error::Result;
use crate::host::Host;

pub use actions::{Action, ActionEvent, LockedBy};
pub use aggregates::{Aggregate, AggregatePair};
pub use availability_zones::AvailabilityZone;
pub use boot::BootMade;
pub(crate) use boot::{OWN_FLAVOR, flavor_made_at};
pub use boot_request::{BlockDevice, BlockSource, BootRequest, FlavorChoice, NetworkChoice};
pub use checksum::Checksum;
pub use compute_services::ComputeService;
pub use flavors::{Flavor, NewFlavor};
pub use gateway::{Answer, Call, CallRecord, Service};
pub use holders::{Holder, Holding, explain_holdings};
pub use host_list::HostLine;
pub(crate) use hosts::NO_HYPERVISOR;
pub use hypervisors::{Hypervisor, HypervisorServer, HypervisorService};
pub use identity::{Project, Role, RoleAssignment, User};
pub use image_files::NewImage;
pub use image_source::ImageSource;
pub use images::Image;
pub use isolated_project::IsolatedProject;
pub use key_pairs::KeyPair;
pub use live_migration::{BlockMigration, LiveMigration};
pub(crate) use lookup::is_uuid;
pub use microversion::Microversion;
pub use migrations::{Migration, MigrationFilter, RunningMigration};
pub use network_agents::{NetworkAgent, Reaches};
pub use networks::{AddressPool, Network, NewSubnet, Subnet};
pub use nic::{FixedAddress, Interface, Nic};
pub use orders::{Argument, Order};
pub use placement::{Allocation, Candidate, CandidateQuery, Inventory, Provider};
pub use ports::{NewPort, Port, PortBinding};
pub use quotas::{Limit, Quota};
pub use remote_console::{ConsoleConnection, RemoteConsole};
pub use security_groups::{NewRule, SecurityGroup, SecurityRule};
pub use server_filter::{ServerFilter, ServerPage};
pub use server_groups::ServerGroup;
pub use servers::{Address, Fault, Server, ServerFlavor};
pub(crate) use tape::Tape;
pub use topology::{
    CpuDiagnostics, Diagnostics, DiskDiagnostics, MemoryDiagnostics, NicDiagnostics, ServerTopology,
    TopologyNode,
};
pub use transfer::{OnTransfer, Transfer};
pub use volume_attachments::{AttachVolume, ServerVolume};
pub use volume_changes::NewVolume;
pub use volume_work::VolumeWork;
pub use volumes::{Volume, VolumeAttachment, VolumeSnapshot, VolumeType};

/// Called after every API call; see [`Options::on_call`].
pub type OnCall = Arc<dyn Fn(&CallRecord) + Send + Sync>;

/// Called with a sentence for a person; see [`Options::on_notice`].
pub type OnNotice = Arc<dyn Fn(&str) + Send + Sync>;

/// Called instead of a change; see [`Options::instead_of_changes`].
pub type OnChange = Arc<dyn Fn(&Call) + Send + Sync>;

/// Says whether a change may be made.
pub type BeforeChange = Arc<dyn Fn() -> Result<()> + Send + Sync>;

/// What a face may set beyond the user's [`Settings`].
#[derive(Clone, Default)]
pub struct Options {
    /// Called with every API call: for `-v`, reports and the flight recorder.
    pub on_call: Option<OnCall>,
    /// Change nothing: called with a call that would change something, which is not made and never
    /// comes back. The caller that sets this ends the work then, by dropping it.
    pub instead_of_changes: Option<OnChange>,
    /// Asked before each call that changes something. With an error the call is not made and
    /// ends in it.
    pub before_changes: Option<BeforeChange>,
    /// Called with what a person should know and need not act on: a region that smog chose, a long
    /// wait that a service asked for, certificates that are not checked.
    pub on_notice: Option<OnNotice>,
    /// Do not keep the token on disk between commands.
    pub no_token_cache: bool,
    /// Log in again, whatever token is on disk.
    pub refresh_login: bool,
    /// A folder for SSH control sockets; a private temporary one when absent.
    pub control_dir: Option<PathBuf>,
}

impl Options {
    fn tell_notice(&self, text: &str) {
        if let Some(tell) = &self.on_notice {
            tell(text);
        }
    }
}

/// A session. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Cloud(Arc<Inner>, Option<OnCall>, Option<Arc<tape::Tape>>);

struct Inner {
    wire: wire::Wire,
    credentials: Credentials,
    options: Options,
    /// Where all answers come from, when this is a recording.
    recorded: Option<Arc<tape::Tape>>,
    ssh: SshSection,
    lab: Option<LabSection>,
    listed_hosts: Vec<HostEntry>,
    compute_versions: OnceCell<microversion::Range>,
    volume_versions: OnceCell<Microversion>,
    placement_version: OnceCell<Microversion>,
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
        let wire = wire::Wire::open(&settings.credentials, settings.cache_dir.as_deref(), &options).await?;
        let on_call = options.on_call.clone();
        let inner = Inner {
            wire,
            credentials: settings.credentials.clone(),
            options,
            recorded: None,
            ssh: settings.file.ssh.clone(),
            lab: settings.file.lab.clone(),
            listed_hosts: settings.file.hosts.clone(),
            compute_versions: OnceCell::new(),
            volume_versions: OnceCell::new(),
            placement_version: OnceCell::new(),
            hosts: Mutex::new(HashMap::new()),
        };
        Ok(Cloud(Arc::new(inner), on_call, None))
    }

    /// The same session, whose calls by this handle are passed to `on_call` as well as to
    /// the observers there are.
    #[must_use]
    pub fn heard_by(&self, on_call: OnCall) -> Cloud {
        let both: OnCall = match self.1.clone() {
            Some(first) => Arc::new(move |call| {
                first(call);
                on_call(call);
            }),
            None => on_call,
        };
        Cloud(Arc::clone(&self.0), Some(both), self.2.clone())
    }

    /// The cloud's name: that of clouds.yaml, or "envvars".
    pub fn name(&self) -> &str {
        &self.0.credentials.name
    }

    /// Set when this is smog's own lab; says whether its NUMA nodes are simulated.
    pub fn lab(&self) -> Option<&LabSection> {
        self.0.lab.as_ref()
    }
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<Cloud {} at {}>", self.name(), self.0.credentials.auth_url)
    }
}
