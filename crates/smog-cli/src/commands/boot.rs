use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use smog::cloud::{BootMade, BootRequest, FlavorChoice, NetworkChoice, Nic};
use smog::trace::TraceWanted;
use smog::{Error, ExitCode, Guest};

use crate::commands::trace;
use crate::names;
use crate::output::{self, Form};
use crate::pairs::key_and_value;
use crate::progress::Progress;
use crate::session::Session;
use crate::spec_args::SpecArgs;

/// Boot a guest and wait until it is ACTIVE
///
/// Without `--flavor`, the options under "Flavor" describe one that is made for this guest and
/// deleted with it.
#[derive(Debug, clap::Args)]
pub struct BootArgs {
    /// The guest's name
    name: String,
    /// Image: name or id
    #[arg(long, value_name = "IMAGE", default_value = "cirros", add = names::images())]
    image: String,
    /// Flavor: name or id [default: the smallest plain one that fits the image]
    #[arg(long, value_name = "FLAVOR", add = names::flavors())]
    flavor: Option<String>,
    /// Network: name or id, or `none`; several times for several cards. NETWORK=ADDRESS asks for an
    /// address, port=PORT takes an existing port [default: private]
    #[arg(long = "network", value_name = "NETWORK", add = names::networks())]
    networks: Vec<String>,
    /// Ask for this compute host; the scheduler still checks it
    #[arg(long, value_name = "HOST", add = names::hosts())]
    host: Option<String>,
    /// Availability zone
    #[arg(long, value_name = "ZONE", help_heading = "More")]
    zone: Option<String>,
    /// Key pair
    #[arg(long, value_name = "NAME", help_heading = "More", add = names::key_pairs())]
    key: Option<String>,
    /// Give it a config drive
    #[arg(long, help_heading = "More")]
    config_drive: bool,
    /// What cloud-init reads
    #[arg(long, value_name = "FILE", help_heading = "More")]
    user_data: Option<std::path::PathBuf>,
    /// Server group: name or id
    #[arg(long, value_name = "GROUP", help_heading = "More")]
    group: Option<String>,
    /// Scheduler hint; may be given several times
    #[arg(long = "hint", value_name = "KEY=VALUE", value_parser = key_and_value, help_heading = "More")]
    hints: Vec<(String, String)>,
    /// Security group; may be given several times
    #[arg(long = "security-group", value_name = "GROUP", help_heading = "More")]
    security_groups: Vec<String>,
    /// Tag; may be given several times
    #[arg(long = "tag", value_name = "TAG", help_heading = "More")]
    tags: Vec<String>,
    /// Metadata; may be given several times
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = key_and_value, help_heading = "More")]
    properties: Vec<(String, String)>,
    /// Return when Nova has taken the order
    #[arg(long)]
    no_wait: bool,
    /// Show then where the time went, or how far it came: as `smog trace` does
    #[arg(long, conflicts_with = "no_wait")]
    trace: bool,
    /// Give up waiting after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
    #[command(flatten)]
    spec: SpecArgs,
}

pub async fn run(args: BootArgs, session: &Session) -> Result<ExitCode, Error> {
    let flavor = flavor(&args)?;
    let (no_wait, timeout, name) = (args.no_wait, Duration::from_secs(args.timeout), args.name.clone());
    let is_traced = args.trace;
    let request = request(args, flavor)?;
    let cloud = session.cloud().await?;
    let made = Arc::new(BootMade::default());
    session.takes_back(made.clone());
    session.leaves(format!("Nova goes on booting `{0}`; `smog delete {0}` removes it", name));
    let progress = Progress::begin(format!("booting {name}"), session.quiet);
    let booted = if no_wait {
        cloud.order_server(&request, &made).await
    } else {
        let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
        cloud.boot_server(&request, &made, progress.wait(timeout, &tell)).await
    };
    let took = progress.end();
    let server = match booted {
        Ok(server) => server,
        Err(why) => {
            // How far it came says more than that it failed. Only what has an id has a trace.
            if let (true, Some(id)) = (is_traced, made.server()) {
                show_trace(&id, None, session).await;
            }
            return Err(why);
        }
    };
    let guest = Guest::new(cloud, server);
    match session.view.form {
        Form::Table | Form::Wide | Form::Value => output::text(&line(&guest, took)),
        _ if is_traced => {}
        form => output::machine(&guest, form)?,
    }
    if is_traced {
        show_trace(&guest.server.id.clone(), Some(&guest), session).await;
    }
    Ok(ExitCode::Ok)
}

/// The trace of its creation; for machines beside the guest. That it cannot be had fails no boot.
async fn show_trace(id: &str, guest: Option<&Guest>, session: &Session) {
    let traced = async {
        let logs = trace::logs_of(session)?;
        let action = Some("create".to_string());
        let wanted = TraceWanted { of: id.to_string(), action, since: None, logs };
        let traced = session.cloud().await?.trace(&wanted).await?;
        match session.view.form {
            Form::Json | Form::Yaml => {
                output::machine(&serde_json::json!({"guest": guest, "trace": traced}), session.view.form)
            }
            _ => trace::print(&traced, session),
        }
    };
    if let Err(why) = traced.await {
        output::warning_of("it cannot be traced", &why);
    }
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

fn request(args: BootArgs, flavor: FlavorChoice) -> Result<BootRequest, Error> {
    let (network, nics) = networks(&args.networks)?;
    let user_data = match &args.user_data {
        None => None,
        Some(file) => Some(std::fs::read(file).map_err(|why| Error::Invalid {
            what: format!("user data `{}`", file.display()),
            why: why.to_string(),
            hint: None,
        })?),
    };
    let mut hints: BTreeMap<String, Value> = BTreeMap::new();
    for (key, value) in args.hints {
        // A hint given twice is a list, as Nova's `different_host` wants it.
        match hints.remove(&key) {
            None => hints.insert(key, Value::String(value)),
            Some(Value::Array(mut list)) => {
                list.push(Value::String(value));
                hints.insert(key, Value::Array(list))
            }
            Some(first) => hints.insert(key, Value::Array(vec![first, Value::String(value)])),
        };
    }
    Ok(BootRequest {
        name: args.name,
        image: Some(args.image),
        flavor,
        network,
        nics,
        host: args.host,
        availability_zone: args.zone,
        key_pair: args.key,
        config_drive: args.config_drive,
        user_data,
        server_group: args.group,
        hints,
        security_groups: args.security_groups,
        tags: args.tags,
        metadata: args.properties.into_iter().collect(),
        ..BootRequest::default()
    })
}

/// One network by name is a choice; several, addresses and ports are cards.
fn networks(asked: &[String]) -> Result<(NetworkChoice, Vec<Nic>), Error> {
    match asked {
        [] => return Ok((NetworkChoice::Private, vec![])),
        [one] if one == "none" => return Ok((NetworkChoice::None, vec![])),
        [one] if !one.contains('=') => return Ok((NetworkChoice::Named(one.clone()), vec![])),
        _ => {}
    }
    let nics = asked.iter().map(|one| match one.split_once('=') {
        _ if one == "none" => Err(Error::Invalid {
            what: "`--network none`".into(),
            why: "it stands beside other networks".into(),
            hint: None,
        }),
        Some(("port", port)) => Ok(Nic::port(port)),
        Some((network, address)) => Ok(Nic::network(network).with_address(address)),
        None => Ok(Nic::network(one)),
    });
    Ok((NetworkChoice::Private, nics.collect::<Result<_, _>>()?))
}

/// A named flavor, the smallest, or one made for this guest and deleted with it.
fn flavor(args: &BootArgs) -> Result<FlavorChoice, Error> {
    match (&args.flavor, args.spec.is_given()) {
        (Some(name), false) => Ok(FlavorChoice::Named(name.clone())),
        (None, false) => Ok(FlavorChoice::Smallest),
        (None, true) => Ok(FlavorChoice::Made(Box::new(args.spec.spec(&args.name)?))),
        (Some(name), true) => Err(Error::Invalid {
            what: format!("flavor `{name}`"),
            why: "`--flavor` names a flavor as it is; the other options describe a new one".into(),
            hint: Some("leave `--flavor` out, or the options that describe a flavor".into()),
        }),
    }
}
