use smog::cloud::BootRequest;
use smog::why_not::{Verdict, WhyNot, WhyNotRequest};
use smog::{Error, ExitCode, Result};

use crate::args::key_value::key_and_value;
use crate::args::names;
use crate::output::{self, Form};
use crate::session::Session;

/// Explain why no host takes a guest, or which host would
///
/// For a guest, or for a request that found no host: a boot, a migration, a resize. With options and
/// without a guest, before one is booted. Each compute host is judged in the order in which Nova asks:
/// the project's limits, placement, then the filters of the scheduler. Placement itself is asked; the filters are computed from
/// what the APIs, nova.conf and libvirt say. What could not be read is unknown, and never fits.
///
///   smog why-not web
///   smog why-not --flavor big --zone east
///   smog why-not web --flavor big
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Exit codes: 0 a host fits, 1 none does or a limit of the project refuses it, 3 none does as far as could be looked (\"unknown\")."
)]
pub struct WhyNotArgs {
    /// A guest (name, id, or an unambiguous beginning) or a request ("req-…") that found no host
    #[arg(value_name = "GUEST|REQUEST", add = names::guests(), required_unless_present_any = ["flavor", "image"])]
    of: Option<String>,
    /// Flavor: name or id; for a guest, the one to resize to
    #[arg(long, value_name = "FLAVOR", add = names::flavors())]
    flavor: Option<String>,
    /// Image: name or id
    #[arg(long, value_name = "IMAGE", add = names::images())]
    image: Option<String>,
    /// Only this compute host
    #[arg(long, value_name = "HOST", add = names::hosts())]
    host: Option<String>,
    /// Server group: name or id
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Availability zone
    #[arg(long, visible_alias = "az", value_name = "ZONE")]
    zone: Option<String>,
    /// Network of a port: name or id; may be given several times
    #[arg(long = "network", value_name = "NETWORK", add = names::networks())]
    networks: Vec<String>,
    /// Scheduler hint; may be given several times
    #[arg(long = "hint", value_name = "KEY=VALUE", value_parser = key_and_value)]
    hints: Vec<(String, String)>,
    /// The root disk is a volume, which takes no disk of the host
    #[arg(long)]
    volume: bool,
}

pub async fn run(args: WhyNotArgs, session: &Session) -> Result<ExitCode, Error> {
    let hints = BootRequest::from("").with_hints(args.hints).hints;
    let request = WhyNotRequest {
        of: args.of,
        flavor: args.flavor,
        image: args.image,
        host: args.host,
        group: args.group,
        zone: args.zone,
        networks: args.networks,
        hints,
        boots_from_volume: args.volume,
        reads_log: true,
    };
    let answer = session.cloud().await?.why_not(&request).await?;
    match session.view.form {
        Form::Json | Form::Yaml => output::machine(&answer, session.view.form)?,
        _ => print(&answer, session)?,
    }
    Ok(answer.exit_code())
}

fn print(answer: &WhyNot, session: &Session) -> Result<()> {
    if session.view.is_for_people() {
        output::text(&format!("{}: {}\n", answer.asked, answer.sentence));
    }
    output::list(&answer.hosts, &session.view)?;
    if !session.view.is_for_people() {
        return Ok(());
    }
    if !answer.helps.is_empty() {
        output::text("what would help:\n");
    }
    for help in &answer.helps {
        output::text(&format!("  {help}\n"));
    }
    if let Some(log) = &answer.scheduler_log
        && !answer.fits()
    {
        output::text(&format!("nova-scheduler logged of {}: {}\n", log.request_id, log.words()));
    }
    for note in &answer.notes {
        output::note(&format!("note: {note}"));
    }
    let is_in_doubt =
        answer.hosts.is_empty() || answer.hosts.iter().any(|one| one.verdict == Verdict::Unknown);
    if is_in_doubt || session.verbose() {
        answer.unknown.iter().for_each(|unknown| output::warning(&unknown.to_string()));
    }
    if session.verbose() {
        output::note(&format!("{:.2} s", answer.took_s));
    }
    Ok(())
}
