use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use smog::cloud::{BootMade, BootRequest, FlavorChoice};
use smog::guest::Booted;
use smog::trace::TraceWanted;
use smog::why_not::WhyNotRequest;
use smog::{Cloud, Error, ExitCode, Guest};

use crate::args::key_value::key_and_value;
use crate::args::names;
use crate::args::spec::SpecArgs;
use crate::commands::trace;
use crate::output::{self, Form};
use crate::print::progress::Progress;
use crate::print::several::summed_up;
use crate::session::Session;

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
    /// Attach this volume, or a new one of so many GiB that is deleted with the guest; may be given
    /// several times
    #[arg(long = "volume", value_name = "VOLUME|GIB", help_heading = "More", add = names::volumes())]
    volumes: Vec<String>,
    /// Boot from a new volume of so many GiB with the image's content, which is deleted with the guest
    #[arg(long, value_name = "GIB", help_heading = "More")]
    boot_from_volume: Option<u64>,
    /// Availability zone
    #[arg(long, value_name = "ZONE", help_heading = "More")]
    zone: Option<String>,
    /// Key pair
    #[arg(long, value_name = "NAME", help_heading = "More", add = names::key_pairs())]
    key: Option<String>,
    /// Attach a config drive
    #[arg(long, help_heading = "More")]
    config_drive: bool,
    /// User data for cloud-init, from this file
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
    /// Number of guests to boot; more than one are named NAME-1, NAME-2 and so on
    #[arg(long, value_name = "N", default_value = "1")]
    count: NonZeroUsize,
    /// Do not wait; return when Nova has accepted the request
    #[arg(long)]
    no_wait: bool,
    /// On Ctrl-C, keep the server that Nova is building
    #[arg(long)]
    keep: bool,
    /// Then show where the time went, as `smog trace` does
    #[arg(long, conflicts_with_all = ["no_wait", "count"])]
    trace: bool,
    /// Stop waiting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
    #[command(flatten)]
    spec: SpecArgs,
}

pub async fn run(args: BootArgs, session: &Session) -> Result<ExitCode, Error> {
    let (timeout, name, keep) = (Duration::from_secs(args.timeout), args.name.clone(), args.keep);
    let (no_wait, is_traced, count) = (args.no_wait, args.trace, args.count.get());
    let requests = request(args)?.numbered(count)?;
    let cloud = session.cloud().await?;
    let made: Arc<Vec<BootMade>> = Arc::new(requests.iter().map(|_| BootMade::default()).collect());
    session.takes_back(made.clone(), keep);
    session.leaves(format!("Nova continues to boot `{0}`; `smog delete {0}` removes it", name));
    let progress = Progress::begin(format!("booting {name}"), session.quiet);
    let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
    let wait = (!no_wait).then(|| progress.wait(timeout, &tell));
    let [one] = &requests[..] else {
        let report = |one: &Booted| {
            if let (Ok(guest), true) = (&one.ended, session.view.is_for_people()) {
                progress.above(|| output::text(&line(guest, progress.so_far())));
            }
        };
        let mut all = cloud.boot_guests(&requests, &made, wait, &report).await;
        progress.end();
        // The same question for all of them: the first answer is enough.
        let failed = all.iter_mut().zip(&requests).zip(made.iter()).find(|((one, _), _)| one.ended.is_err());
        if let Some(((one, request), made)) = failed
            && let Err(why) = &one.ended
        {
            one.ended = Err(explained(why.clone(), request, made, cloud).await);
        }
        return many(all, session);
    };
    let booted = cloud.boot_guest(one, &made[0], wait).await;
    let took = progress.end();
    let guest = match booted {
        Ok(guest) => guest,
        Err(why) => {
            // How far it came says more than that it failed. Only what has an id has a trace.
            if let (true, Some(id)) = (is_traced, made[0].server()) {
                show_trace(&id, None, session).await;
            }
            return Err(explained(why, one, &made[0], cloud).await);
        }
    };
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

/// The error, with the reason where no host was found.
async fn explained(why: Error, request: &BootRequest, made: &BootMade, cloud: &Cloud) -> Error {
    cloud.with_why(why, &WhyNotRequest::of_boot(made.server().as_deref(), request)).await
}

/// What became of several: those that are there for machines, and each failure with its name.
fn many(all: Vec<Booted>, session: &Session) -> Result<ExitCode, Error> {
    let (mut guests, mut failed, count) = (vec![], vec![], all.len());
    for one in all {
        match one.ended {
            Ok(guest) => guests.push(guest),
            Err(why) => failed.push((one.name, why)),
        }
    }
    if !session.view.is_for_people() {
        output::machine(&guests, session.view.form)?;
    }
    summed_up(failed, count)
}

/// Print the trace of its creation, in JSON and YAML together with the guest. A trace that cannot be
/// read is a warning: the boot itself has succeeded.
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

fn request(args: BootArgs) -> Result<BootRequest, Error> {
    let user_data = match &args.user_data {
        None => None,
        Some(file) => Some(std::fs::read(file).map_err(|why| Error::Invalid {
            what: format!("user data `{}`", file.display()),
            why: why.to_string(),
            hint: None,
        })?),
    };
    let described = args.spec.is_given().then(|| args.spec.spec(&args.name)).transpose()?;
    let request = BootRequest {
        name: args.name,
        image: Some(args.image),
        flavor: FlavorChoice::of(args.flavor, described)?,
        host: args.host,
        availability_zone: args.zone,
        key_pair: args.key,
        config_drive: args.config_drive,
        volumes: args.volumes,
        boot_from_volume: args.boot_from_volume,
        user_data,
        server_group: args.group,
        security_groups: args.security_groups,
        tags: args.tags,
        metadata: args.properties.into_iter().collect(),
        ..BootRequest::default()
    };
    Ok(request.with_networks(&args.networks)?.with_hints(args.hints))
}
