//! The arguments that every command takes.

use std::path::PathBuf;

use crate::output::Form;

#[derive(Debug, clap::Args)]
pub struct GlobalArgs {
    /// The cloud of clouds.yaml to use
    #[arg(long, value_name = "NAME", global = true, help_heading = "Cloud")]
    pub os_cloud: Option<String>,

    /// The region to use, as the cloud's catalog writes it
    #[arg(long, value_name = "NAME", global = true, help_heading = "Cloud")]
    pub region: Option<String>,

    /// Log in again; do not use the cached token
    #[arg(long, global = true, help_heading = "Cloud")]
    pub refresh_login: bool,

    /// Read credentials from this openrc/keystonerc file
    #[arg(long, value_name = "FILE", global = true, help_heading = "Cloud")]
    pub rc: Option<PathBuf>,

    /// Read this smog.yml
    #[arg(long, value_name = "FILE", global = true, help_heading = "Cloud")]
    pub config: Option<PathBuf>,

    /// Answer from this recording instead of the cloud (`smog record` makes one): nothing is
    /// connected, and nothing can be changed
    #[arg(long, value_name = "FILE", global = true, help_heading = "Cloud")]
    pub replay: Option<PathBuf>,

    /// Override a setting of smog.yml (hosts.computes.0.host=10.0.0.5), or name an option of
    /// a file on the hosts (nova.conf:libvirt.virt_type=kvm); may be given several times
    #[arg(long, value_name = "PATH=VALUE", global = true, help_heading = "Cloud")]
    pub set: Vec<String>,

    /// Change nothing; show the first change that would be requested
    #[arg(long, global = true, help_heading = "Output")]
    pub dry_run: bool,

    /// Print each API call with its request id and duration
    #[arg(short, long, global = true, help_heading = "Output")]
    pub verbose: bool,

    /// Print only results and errors
    #[arg(short, long, global = true, help_heading = "Output")]
    pub quiet: bool,

    /// Output format
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

    /// Sort by this column (or field)
    #[arg(long, value_name = "COLUMN", global = true, help_heading = "Output")]
    pub sort: Option<String>,

    /// Do not page long output on a terminal (pager: SMOG_PAGER, PAGER, less)
    #[arg(long, global = true, help_heading = "Output")]
    pub no_pager: bool,
}
