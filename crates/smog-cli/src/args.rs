//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{
    aggregate, api, boot, check, clean, completion, config, delete, discover, flavor, guest, host,
    hypervisor, image, keypair, logs, migrate, nested, network, pins, placement, prepare, project, quota,
    restore, scan, security_group, server_group, service, shell, test, trace, triage, watch, xml,
};
use crate::output::Form;

/// Explore OpenStack Nova from the API down to the kernel
#[derive(Debug, Parser)]
#[command(name = "smog", version, propagate_version = false, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 cloud, host or credentials \
                  unusable, 4 nothing ran, 130 interrupted, \
                  141 nobody reads the output.\n\
                  With smog's own lab: eval \"$(lab/env)\"")]
pub struct Args {
    /// The cloud of clouds.yaml to use
    #[arg(long, value_name = "NAME", global = true, help_heading = "Cloud")]
    pub os_cloud: Option<String>,

    /// The region to use, as the cloud's catalog writes it
    #[arg(long, value_name = "NAME", global = true, help_heading = "Cloud")]
    pub region: Option<String>,

    /// Log in anew, whatever token is kept from the last command
    #[arg(long, global = true, help_heading = "Cloud")]
    pub refresh_login: bool,

    /// Read credentials from this openrc/keystonerc file
    #[arg(long, value_name = "FILE", global = true, help_heading = "Cloud")]
    pub rc: Option<PathBuf>,

    /// Read this smog.yml
    #[arg(long, value_name = "FILE", global = true, help_heading = "Cloud")]
    pub config: Option<PathBuf>,

    /// Overrule a setting of smog.yml (hosts.computes.0.host=10.0.0.5), or name an option of
    /// a file on the hosts (nova.conf:libvirt.virt_type=kvm); may be given several times
    #[arg(long, value_name = "PATH=VALUE", global = true, help_heading = "Cloud")]
    pub set: Vec<String>,

    /// Change nothing: show the first change that would be asked for
    #[arg(long, global = true, help_heading = "Output")]
    pub dry_run: bool,

    /// Tell every API call, with its request id and time
    #[arg(short, long, global = true, help_heading = "Output")]
    pub verbose: bool,

    /// Say nothing but results and errors
    #[arg(short, long, global = true, help_heading = "Output")]
    pub quiet: bool,

    /// How to print results
    #[arg(
        short,
        long,
        value_name = "FORM",
        value_enum,
        default_value_t,
        global = true,
        help_heading = "Output"
    )]
    pub output: Form,

    /// Only this column (or field); may be given several times
    #[arg(short, long = "column", value_name = "COLUMN", global = true, help_heading = "Output")]
    pub columns: Vec<String>,

    /// Order by this column (or field)
    #[arg(long, value_name = "COLUMN", global = true, help_heading = "Output")]
    pub sort: Option<String>,

    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Boot a guest and wait until it is ACTIVE
    Boot(boot::BootArgs),
    /// Show every guest with its host, domain and pins
    Discover(discover::DiscoverArgs),
    /// Print a guest's libvirt domain XML
    Xml(xml::XmlArgs),
    /// Compare a guest's declared pins and pages with the kernel's
    Pins(pins::PinsArgs),
    /// Live-migrate a guest and wait until it has moved
    Migrate(migrate::MigrateArgs),
    /// Delete guests and wait until they are gone
    Delete(delete::DeleteArgs),
    /// Everything about guests: list, show, console, start, stop, resize …
    #[command(visible_alias = "server")]
    Guest(guest::GuestArgs),
    /// The hosts below the cloud: list, show, run
    Host(host::HostArgs),
    /// Flavors: list, show, create, set, unset, delete
    Flavor(flavor::FlavorArgs),
    /// Images: list, show, upload, fetch, download, set, unset, delete
    Image(image::ImageArgs),
    /// Networks: list, show, create, subnets, ports, delete
    Network(network::NetworkArgs),
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
    /// Follow every host's logs at once, exceptions whole; or while a command runs
    Watch(watch::WatchArgs),
    /// Search the logs of every host
    Logs(logs::LogsArgs),
    Trace(trace::TraceArgs),
    /// Find the exceptions in log files that are here
    Scan(scan::ScanArgs),
    /// Show what a failed job, or the last hours of a cloud, threw: by kind, by test, and what came first
    Triage(triage::TriageArgs),
    /// Any API call, for what smog has no verb for
    Api(api::ApiArgs),
    Check(check::CheckArgs),
    Prepare(prepare::PrepareArgs),
    Nested(nested::NestedArgs),
    Restore(restore::RestoreArgs),
    Shell(shell::ShellArgs),
    /// Run white-box tests on the cloud, in parallel
    Test(test::TestArgs),
    /// Remove what runs of tests have left behind
    Clean(clean::CleanArgs),
    /// smog's own settings: show, init, check, schema
    Config(config::ConfigArgs),
    /// Print the completion script of a shell
    Completion(completion::CompletionArgs),
    /// Print the licences of what smog is built from
    Licenses,
    #[command(hide = true)]
    RefreshNames,
}

impl Verb {
    /// The suite whose file the command uses over smog.yml (`--suite`).
    pub fn suite(&self) -> Option<&str> {
        match self {
            Verb::Check(args) => args.wish.suite.as_deref(),
            Verb::Prepare(args) => args.wish.suite.as_deref(),
            Verb::Restore(args) => args.suite.as_deref(),
            _ => None,
        }
    }
}
