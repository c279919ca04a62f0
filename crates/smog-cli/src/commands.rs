//! All commands, one file each: its arguments with their help, then what it does. A new command
//! is such a file, and three lines here: its module, its name with its help, and its run.

pub mod aggregate;
pub mod api;
pub mod audit;
pub mod boot;
pub mod check;
pub mod clean;
pub mod completion;
pub mod config;
pub mod delete;
pub mod discover;
pub mod doctor;
pub mod explain;
pub mod flavor;
pub mod guest;
pub mod host;
pub mod hypervisor;
pub mod image;
pub mod keypair;
pub mod licenses;
pub mod logs;
pub mod migrate;
pub mod nested;
pub mod network;
pub mod pins;
pub mod placement;
pub mod prepare;
pub mod project;
pub mod quota;
pub mod record;
pub mod restore;
pub mod scan;
pub mod security_group;
pub mod server_group;
pub mod service;
pub mod shell;
pub mod test;
mod topology;
pub mod trace;
pub mod triage;
pub mod volume;
pub mod watch;
pub mod why_not;
pub mod xml;

use clap::{Parser, Subcommand};
use smog::testing::Case;
use smog::{Error, ExitCode};

use crate::global_args::GlobalArgs;
use crate::session::Session;

/// Explore OpenStack Nova from the API down to the kernel
#[derive(Debug, Parser)]
#[command(name = "smog", version, propagate_version = false, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 cloud, host or credentials \
                  unusable, 4 nothing ran, 130 interrupted, \
                  141 nobody reads the output.\n\
                  With smog's own lab: eval \"$(lab/env)\"")]
pub struct CommandLine {
    #[command(flatten)]
    pub global: GlobalArgs,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Boot a guest and wait until it is ACTIVE
    Boot(boot::BootArgs),
    /// List every guest with its host, domain and pins
    Discover(discover::DiscoverArgs),
    /// Look whether smog can work here: credentials, services, hosts, libvirt, logs
    Doctor(doctor::DoctorArgs),
    /// Print a guest's libvirt domain XML
    Xml(xml::XmlArgs),
    /// Compare a guest's declared pins and pages with the kernel's
    Pins(pins::PinsArgs),
    /// Explain a guest on one page: what Nova, placement, libvirt, the kernel and the logs say about it
    Explain(explain::ExplainArgs),
    /// Check the whole cloud for places where Nova, placement, libvirt and the kernel disagree
    Audit(audit::AuditArgs),
    /// Explain why no host takes a guest, or which host would
    WhyNot(why_not::WhyNotArgs),
    Topology(topology::TopologyArgs),
    /// Live-migrate a guest and wait until it has moved
    Migrate(migrate::MigrateArgs),
    /// Delete guests and wait until they are gone
    Delete(delete::DeleteArgs),
    /// Guests: list, show, console, start, stop, resize and more
    #[command(visible_alias = "server")]
    Guest(guest::GuestArgs),
    /// Hosts: list, show, run, processes, power, guru
    Host(host::HostArgs),
    /// Flavors: list, show, create, set, unset, delete
    Flavor(flavor::FlavorArgs),
    /// Images: list, show, upload, fetch, download, set, unset, delete
    Image(image::ImageArgs),
    /// Networks: list, show, create, subnets, ports, delete
    Network(network::NetworkArgs),
    /// Volumes: list, show, create, attach, detach, extend, snapshot, types, delete
    Volume(volume::VolumeArgs),
    /// Nova's services: list, enable, disable, force-down
    Service(service::ServiceArgs),
    /// Host aggregates: list, show, create, add-host, remove-host, set, unset, delete
    Aggregate(aggregate::AggregateArgs),
    /// Server groups: list, show, create, delete
    ServerGroup(server_group::ServerGroupArgs),
    /// Key pairs: list, create, import, delete
    Keypair(keypair::KeypairArgs),
    /// Security groups: list, rules, create, add-rule, remove-rule, delete
    SecurityGroup(security_group::SecurityGroupArgs),
    /// Hypervisors: list, show, zones
    Hypervisor(hypervisor::HypervisorArgs),
    /// Placement: providers, inventory, traits, allocations, consumers
    Placement(placement::PlacementArgs),
    /// Quotas: show, set, reset
    Quota(quota::QuotaArgs),
    /// Projects: list, users, roles, create, delete
    Project(project::ProjectArgs),
    /// Follow the logs of all hosts, or only while a command runs
    Watch(watch::WatchArgs),
    /// Search the logs of all hosts
    Logs(logs::LogsArgs),
    Trace(trace::TraceArgs),
    Record(record::RecordArgs),
    /// Find exceptions in local log files
    Scan(scan::ScanArgs),
    /// Summarize the exceptions of a failed job or of a cloud: by type, by test, and the likely first cause
    Triage(triage::TriageArgs),
    /// Make a raw API call
    Api(api::ApiArgs),
    Check(check::CheckArgs),
    Prepare(prepare::PrepareArgs),
    Nested(nested::NestedArgs),
    Restore(restore::RestoreArgs),
    Shell(shell::ShellArgs),
    /// Run white-box tests on the cloud, in parallel
    Test(test::TestArgs),
    /// Remove what test runs left behind
    Clean(clean::CleanArgs),
    /// smog's own settings: show, init, check, schema
    Config(config::ConfigArgs),
    /// Print the completion script of a shell, or install it
    Completion(completion::CompletionArgs),
    /// Print the licences of smog and its dependencies
    Licenses,
    #[command(hide = true)]
    RefreshNames,
}

impl Command {
    /// The suite whose file the command uses over smog.yml (`--suite`).
    pub fn suite(&self) -> Option<&str> {
        match self {
            Command::Check(args) => args.wish.suite.as_deref(),
            Command::Prepare(args) => args.wish.suite.as_deref(),
            Command::Restore(args) => args.suite.as_deref(),
            _ => None,
        }
    }

    /// What the command does beyond looking at a cloud, when it does.
    fn does(&self) -> Option<&'static str> {
        Some(match self {
            Command::Boot(_) => "boot",
            Command::Migrate(_) => "migrate",
            Command::Delete(_) => "delete",
            Command::Watch(_) => "watch",
            Command::Record(_) => "record",
            Command::Check(_) => "check",
            Command::Prepare(_) => "prepare",
            Command::Nested(_) => "nested",
            Command::Restore(_) => "restore",
            Command::Test(_) => "test",
            Command::Clean(_) => "clean",
            Command::Doctor(_) => "doctor",
            _ => return None,
        })
    }

    /// Run the command.
    pub async fn run(self, session: &Session, cases: Vec<Case>) -> Result<ExitCode, Error> {
        if let (Some(replay), Some(name)) = (session.replay(), self.does()) {
            return Err(Error::Invalid {
                what: format!("smog {name}"),
                why: format!(
                    "{} is a recording: nothing goes on in it, and nothing can be changed",
                    replay.display()
                ),
                hint: Some("without `--replay` it asks the cloud itself".into()),
            });
        }
        match self {
            Command::Boot(args) => boot::run(args, session).await,
            Command::Discover(args) => discover::run(args, session).await,
            Command::Doctor(args) => doctor::run(args, session).await,
            Command::Xml(args) => xml::run(args, session).await,
            Command::Pins(args) => pins::run(args, session).await,
            Command::Audit(args) => audit::run(args, session).await,
            Command::Explain(args) => explain::run(args, session).await,
            Command::WhyNot(args) => why_not::run(args, session).await,
            Command::Topology(args) => topology::run(args, session).await,
            Command::Migrate(args) => migrate::run(args, session).await,
            Command::Delete(args) => delete::run(args, session).await,
            Command::Guest(args) => guest::run(args, session).await,
            Command::Host(args) => host::run(args, session).await,
            Command::Flavor(args) => flavor::run(args, session).await,
            Command::Image(args) => image::run(args, session).await,
            Command::Network(args) => network::run(args, session).await,
            Command::Volume(args) => volume::run(args, session).await,
            Command::Service(args) => service::run(args, session).await,
            Command::Aggregate(args) => aggregate::run(args, session).await,
            Command::ServerGroup(args) => server_group::run(args, session).await,
            Command::Keypair(args) => keypair::run(args, session).await,
            Command::SecurityGroup(args) => security_group::run(args, session).await,
            Command::Hypervisor(args) => hypervisor::run(args, session).await,
            Command::Placement(args) => placement::run(args, session).await,
            Command::Quota(args) => quota::run(args, session).await,
            Command::Project(args) => project::run(args, session).await,
            Command::Watch(args) => watch::run(args, session).await,
            Command::Logs(args) => logs::run(args, session).await,
            Command::Trace(args) => trace::run(args, session).await,
            Command::Record(args) => record::run(args, session).await,
            Command::Scan(args) => scan::run(args, session).await,
            Command::Triage(args) => triage::run(args, session).await,
            Command::Api(args) => api::run(args, session).await,
            Command::Config(args) => config::run(args, session).await,
            Command::Check(args) => check::run(args, session).await,
            Command::Prepare(args) => prepare::run(args, session).await,
            Command::Nested(args) => nested::run(args, session).await,
            Command::Restore(args) => restore::run(args, session).await,
            Command::Shell(args) => shell::run(args, session),
            Command::Test(args) => test::run(args, session, cases).await,
            Command::Clean(args) => clean::run(args, session).await,
            Command::Completion(args) => completion::run(args),
            Command::Licenses => Ok(licenses::run()),
            Command::RefreshNames => crate::args::names::refresh().await,
        }
    }
}
