use std::sync::Arc;
use std::time::Duration;

use smog::cloud::{BootMade, BootRequest, FlavorChoice, NetworkChoice};
use smog::{Error, ExitCode, Guest};

use crate::output::{self, Form};
use crate::progress::Progress;
use crate::session::Session;

/// Boot a guest and wait until it is ACTIVE
#[derive(Debug, clap::Args)]
pub struct BootArgs {
    /// The guest's name
    name: String,
    /// Image: name or id
    #[arg(long, value_name = "IMAGE", default_value = "cirros")]
    image: String,
    /// Flavor: name or id [default: the smallest plain one that fits the image]
    #[arg(long, value_name = "FLAVOR")]
    flavor: Option<String>,
    /// Network: name or id, or `none`
    #[arg(long, value_name = "NETWORK", default_value = "private")]
    network: String,
    /// Virtual CPUs of a flavor made for this guest
    #[arg(
        long,
        value_name = "COUNT",
        conflicts_with = "flavor",
        help_heading = "A flavor made for this guest"
    )]
    vcpus: Option<u32>,
    /// Memory in MiB of a flavor made for this guest
    #[arg(
        long,
        value_name = "MIB",
        conflicts_with = "flavor",
        help_heading = "A flavor made for this guest"
    )]
    ram: Option<u64>,
    /// Pin each vCPU to a host CPU of its own (hw:cpu_policy=dedicated)
    #[arg(long, conflicts_with = "flavor", help_heading = "A flavor made for this guest")]
    pin: bool,
    /// Memory pages: small, large, any, or a size such as 2MB (hw:mem_page_size)
    #[arg(
        long,
        value_name = "SIZE",
        conflicts_with = "flavor",
        help_heading = "A flavor made for this guest"
    )]
    pages: Option<String>,
    /// Ask for this compute host; the scheduler still checks it
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Return when Nova has taken the order
    #[arg(long)]
    no_wait: bool,
    /// Give up waiting after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
}

pub async fn run(args: BootArgs, session: &Session) -> Result<ExitCode, Error> {
    let flavor = flavor(&args)?;
    let cloud = session.cloud().await?;
    let request = BootRequest {
        name: args.name.clone(),
        image: Some(args.image),
        flavor,
        network: match args.network.as_str() {
            "none" => NetworkChoice::None,
            name => NetworkChoice::Named(name.into()),
        },
        host: args.host,
    };
    let made = Arc::new(BootMade::default());
    session.takes_back(made.clone());
    session.leaves(format!("Nova goes on booting `{0}`; `smog delete {0}` removes it", args.name));
    let progress = Progress::begin(format!("booting {}", args.name), session.quiet);
    let server = if args.no_wait {
        cloud.order_server(&request, &made).await?
    } else {
        let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
        cloud.boot_server(&request, &made, progress.wait(Duration::from_secs(args.timeout), &tell)).await?
    };
    let took = progress.end();
    let guest = Guest::new(cloud, server);
    match session.form {
        Form::Table | Form::Wide => output::text(&line(&guest, took)),
        form => output::machine(&guest, form)?,
    }
    Ok(ExitCode::Ok)
}

/// "web: ACTIVE on cmp1, 192.168.5.7 (6.1 s)"
fn line(guest: &Guest, took: Duration) -> String {
    let mut line = format!("{}: {}", guest.name(), guest.server.state());
    if let Some(host) = &guest.server.host {
        line.push_str(&format!(" on {host}"));
    }
    if let Some(address) = guest.address() {
        line.push_str(&format!(", {address}"));
    }
    line.push_str(&format!(" ({:.1} s)\n", took.as_secs_f64()));
    line
}

fn flavor(args: &BootArgs) -> Result<FlavorChoice, Error> {
    if let Some(name) = &args.flavor {
        return Ok(FlavorChoice::Named(name.clone()));
    }
    if args.vcpus.is_none() && args.ram.is_none() && !args.pin && args.pages.is_none() {
        return Ok(FlavorChoice::Smallest);
    }
    todo!()
}
