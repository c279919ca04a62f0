use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use smog::show::visible_line;
use smog::triage::{self, By, FailedTest, Gather, Group, Triage};
use smog::watch::{Event, Filter, From, LogsWanted};
use smog::{Error, ExitCode};

use crate::commands::watch::told;
use crate::log_args::{moment, zone};
use crate::output::{self, View};
use crate::saved_logs::{self, apart};
use crate::session::Session;

/// Show what a failed job, or the last hours of a cloud, threw: by kind, by test, and what came first
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

    /// Do not exit with 3 when a host or log that is wanted was not read
    #[arg(long)]
    allow_unread: bool,
}

pub async fn run(args: TriageArgs, session: &Session) -> Result<ExitCode, Error> {
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
                let words = saved_logs::read_words(&up, begun.elapsed());
                output::note(&format!("{} exceptions {words}", triage.exceptions));
            }
            // A place in which nothing is known is no good run.
            Ok(if code == ExitCode::Ok { up.exit_code(false, args.allow_unread) } else { code })
        })
        .await;
    }
    let since = args.since.unwrap_or_else(|| Timestamp::now() - jiff::SignedDuration::from_hours(1));
    let section = session.watch_section()?;
    let wanted = LogsWanted {
        hosts: args.hosts.clone(),
        all_services: true,
        from: From::Since(since),
        until: args.until,
        ..LogsWanted::of_section(&section)
    };
    let plan = wanted.plan(session.cloud().await?).await?;
    for (host, why) in &plan.left_out {
        output::warning(&format!("host `{host}` is left out: {why}"));
    }
    let filter = Filter { since: Some(since), until: args.until, ..Filter::default() };
    let (mut watch, mut gather) = (plan.watch(), Gather::default());
    while let Some(event) = watch.next().await {
        match event {
            Event::Record(record) if filter.wants(&record) => gather.record(&record),
            Event::Record(_) => {}
            other => told(&other),
        }
    }
    let unread = watch.unread().lines();
    apart(move || {
        if let Some(good) = baseline(&args)? {
            gather.baseline(&good)?;
        }
        let mut triage = gather.judged(None);
        triage.of = "the cloud".into();
        triage.unread = unread;
        name_baseline(&args, &mut triage);
        for line in triage.unread.iter().filter(|_| !quiet) {
            output::warning(&format!("not read: {line}"));
        }
        let code = shown(&triage, &args, &view)?;
        if !quiet {
            output::note(&format!(
                "{} exceptions, {:.1} s",
                triage.exceptions,
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
        false => saved_logs::open(&saved_logs::offline(&args.baseline, &[], args.zone.clone())).map(Some),
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
    if let Some(likely) = &triage.likely {
        let time = likely.time.map_or("no time".into(), shown_time);
        let request = likely.request.as_ref().map(|id| format!(", request {id}")).unwrap_or_default();
        let log = likely.source.rsplit('/').next().unwrap_or(&likely.source);
        line("likely first cause");
        line(&format!("  {}", likely.text));
        line(&format!("  {time} on {} in {log}{request}", likely.host));
        line(&format!("  ({})", likely.why));
        line("");
    }
    if let Some(tests) = &triage.tests {
        let s = if tests.failed.len() == 1 { "" } else { "s" };
        line(&format!(
            "{} failed test{s}, {} passed, {} skipped",
            tests.failed.len(),
            tests.passed,
            tests.skipped
        ));
        tests.failed.iter().take(MOST_TESTS).for_each(|test| of_test(test, &triage.groups));
        if tests.failed.len() > MOST_TESTS {
            line(&format!("  and {} more (-o json has all)", tests.failed.len() - MOST_TESTS));
        }
        line("");
    }
    match triage.groups.is_empty() {
        true => line("no exception was logged"),
        false => output::list(&triage.groups, view)?,
    }
    Ok(triage.exit_code(args.allow_unread))
}

/// So many failed tests are shown, and so many kinds of exceptions for each.
const MOST_TESTS: usize = 20;
const MOST_TIES: usize = 6;

fn of_test(test: &FailedTest, groups: &[Group]) {
    let when = match (test.began, test.ended) {
        (Some(began), Some(ended)) => {
            format!("  {}, {:.1} s", shown_time(began), ended.duration_since(began).as_secs_f64())
        }
        _ => String::new(),
    };
    line(&format!("  {}{when}", test.name));
    let message: String = test.message.lines().next().unwrap_or_default().chars().take(160).collect();
    if !message.is_empty() {
        line(&format!("    {message}"));
    }
    for tie in test.exceptions.iter().take(MOST_TIES) {
        let Some(group) = groups.get(tie.group) else { continue };
        let why = match tie.by {
            By::Request => "of its requests",
            By::Time => "while it ran",
        };
        let noise = if group.is_noise() { ", noise" } else { "" };
        line(&format!("    {} × {} in {} ({why}{noise})", tie.count, group.short_name(), group.place));
    }
    if test.exceptions.len() > MOST_TIES {
        line(&format!("    and {} more kinds", test.exceptions.len() - MOST_TIES));
    }
}

fn line(text: &str) {
    output::text(&format!("{}\n", visible_line(text)));
}

/// A time as the table of exceptions has it.
fn shown_time(time: Timestamp) -> String {
    time.strftime("%F %T%.3fZ").to_string()
}
