use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use smog::show::visible_line;
use smog::triage::{self, Triage};
use smog::watch::{Filter, From, LogsWanted};
use smog::{Error, ExitCode};

use crate::args::log::{moment, zone};
use crate::commands::watch::{print_event, unread};
use crate::output::{self, View};
use crate::print::exceptions::exceptions;
use crate::saved_logs::{self, apart};
use crate::session::Session;

/// Summarize the exceptions of a failed job or of a cloud: by type, by test, and the likely first cause
///
/// Exceptions are grouped by type and place, with counts, hosts, times and requests. Failed tests
/// that lie among the logs (subunit, JUnit, job-output.txt) are shown with the exceptions of the
/// requests they name, and with those thrown while they ran. With --baseline, what a good run has
/// as well is noise and comes last. Without a PLACE, the hosts of the cloud are asked.
///
/// It ends with 1 when a test failed or an exception is new, with 3 when something could not be
/// read and nothing was found in the rest.
///
/// Examples:
///   smog triage job/
///   smog triage job/ --baseline good-job/ --html triage.html
///   smog triage sosreport-*.tar.xz -o json
///   smog triage --since 1h
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct TriageArgs {
    /// Folders, archives (sosreports, jobs) and files; `-` is standard input; default: the cloud's hosts
    #[arg(value_name = "PLACE")]
    places: Vec<PathBuf>,

    /// The logs of a good run
    #[arg(long, value_name = "PLACE", num_args = 1..)]
    baseline: Vec<PathBuf>,

    /// Begin this far back, or at this time [default without a PLACE: 1h]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,

    /// End this far back, or at this time
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Timestamp>,

    /// Only this host; may be given several times
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,

    /// The zone of times that name none: Europe/Berlin, +02:00; default: what the place says, else UTC
    #[arg(long, value_name = "ZONE", value_parser = zone, allow_hyphen_values = true)]
    zone: Option<TimeZone>,

    /// Write all of it as one page of HTML
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Do not exit with 3 when a host or log could not be read
    #[arg(long)]
    allow_unread: bool,
}

pub async fn run(mut args: TriageArgs, session: &Session) -> Result<ExitCode, Error> {
    args.places.extend(session.saved_logs());
    let (view, quiet) = (session.view.clone(), session.quiet);
    let begun = Instant::now();
    if !args.places.is_empty() {
        return apart(move || {
            let saved = saved_logs::open(&saved_logs::offline(&args.places, &args.hosts, args.zone.clone()))?;
            let good = baseline(&args)?;
            let filter = Filter { since: args.since, until: args.until, ..Filter::default() };
            let of: Vec<String> = args.places.iter().map(|place| place.display().to_string()).collect();
            let (mut triage, up) = Triage::of_saved(&saved, good.as_ref(), &filter, &of.join(", "))?;
            name_baseline(&args, &mut triage);
            saved_logs::troubles(&up, quiet);
            let code = shown(&triage, &args, &view)?;
            if !quiet {
                let counted = exceptions(triage.exceptions);
                output::note(&match saved_logs::read_words(&up, begun.elapsed()) {
                    Some(read) => format!("{counted} in {read}"),
                    None => saved_logs::NOTHING_READ.into(),
                });
            }
            // A place in which nothing is known is no good run.
            Ok(if code == ExitCode::Ok { up.exit_code(false, args.allow_unread) } else { code })
        })
        .await;
    }
    let cloud = session.cloud().await?;
    let since = args.since.unwrap_or_else(|| cloud.now() - jiff::SignedDuration::from_hours(1));
    let section = session.watch_section()?;
    let wanted = LogsWanted {
        hosts: args.hosts.clone(),
        all_services: true,
        from: From::Since(since),
        until: args.until,
        ..LogsWanted::of_section(&section)
    };
    let plan = wanted.plan(cloud).await?;
    for (host, why) in &plan.left_out {
        output::warning(&format!("host `{host}` is left out: {why}"));
    }
    let filter = Filter { since: Some(since), until: args.until, ..Filter::default() };
    let good = baseline(&args)?;
    let mut triage = Triage::of_hosts(plan.watch(), good, &filter, print_event).await?;
    apart(move || {
        name_baseline(&args, &mut triage);
        unread(&triage.unread, quiet, args.allow_unread);
        let code = shown(&triage, &args, &view)?;
        if !quiet {
            output::note(&format!(
                "{}, {:.1} s",
                exceptions(triage.exceptions),
                begun.elapsed().as_secs_f64()
            ));
        }
        Ok(code)
    })
    .await
}

fn baseline(args: &TriageArgs) -> Result<Option<smog::watch::Saved>, Error> {
    match args.baseline.is_empty() {
        true => Ok(None),
        false => {
            let good = saved_logs::open(&saved_logs::offline(&args.baseline, &[], args.zone.clone()))?;
            // What it lacks looks new in the other one.
            for trouble in good.troubles() {
                output::warning(&format!("the baseline is not whole: {}", trouble.text()));
            }
            Ok(Some(good))
        }
    }
}

fn name_baseline(args: &TriageArgs, triage: &mut Triage) {
    let names: Vec<String> = args.baseline.iter().map(|place| place.display().to_string()).collect();
    triage.baseline = Some(names.join(", ")).filter(|names| !names.is_empty());
}

fn shown(triage: &Triage, args: &TriageArgs, view: &View) -> Result<ExitCode, Error> {
    if let Some(file) = &args.html {
        std::fs::write(file, triage::html(triage)).map_err(|why| Error::Invalid {
            what: format!("`{}`", file.display()),
            why: why.to_string(),
            hint: None,
        })?;
    }
    if !view.is_for_people() {
        output::machine(triage, view.form)?;
        return Ok(triage.exit_code(args.allow_unread));
    }
    triage.head().iter().for_each(|text| line(text));
    if !triage.groups.is_empty() {
        output::list(&triage.groups, view)?;
    }
    Ok(triage.exit_code(args.allow_unread))
}

fn line(text: &str) {
    output::text(&format!("{}\n", visible_line(text)));
}
