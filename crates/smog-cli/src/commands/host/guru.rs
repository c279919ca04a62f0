use std::time::Duration;

use serde_json::json;
use smog::guru::{Guru, Kind, Moved, Stacks, diff};
use smog::{Error, ExitCode};

use crate::args::names;
use crate::output::{self, Form, Painted, style};
use crate::print::progress::Progress;
use crate::session::Session;

/// Ask a service for its Guru Meditation Report: what each of its threads does now
///
/// The service is asked as it is configured: by SIGUSR2, or by its `[oslo_reports]
/// file_event_handler`. A process that does not handle the signal is never signalled. Equal
/// stacks are counted together; those that wait for nothing usual come first, with their frames
/// (`-o wide` shows the frames of all). Of a service with workers each worker is asked.
///
/// Examples:
///   smog host guru cmp1
///   smog host guru ctl nova-conductor --diff 5   # what did not move in 5 seconds
///   smog host guru cmp1 --configuration oslo_concurrency
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct GuruArgs {
    /// The host, as Nova or smog.yml names it
    #[arg(add = names::hosts())]
    host: String,
    /// The service, or its systemd unit
    #[arg(default_value = "nova-compute")]
    service: String,
    /// Ask twice, this many seconds apart, and mark what did not move
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    diff: Option<u64>,
    /// Show the configuration in use instead: all of it, or this section
    #[arg(long, value_name = "SECTION", num_args = 0..=1, default_missing_value = "", conflicts_with = "diff")]
    configuration: Option<String>,
}

pub async fn run(args: GuruArgs, session: &Session) -> Result<ExitCode, Error> {
    let host = session.cloud().await?.host(&args.host).await?;
    if session.dry_run {
        let text = format!("would ask {} on {} for its Guru Meditation Report\n", args.service, host.name());
        output::text(&text);
        return Ok(ExitCode::Ok);
    }
    session.leaves("a service that was asked writes its report nevertheless");
    let progress = Progress::begin(format!("{} on {}", args.service, host.name()), session.quiet);
    let first = host.guru(Some(&args.service)).await?;
    let Some(seconds) = args.diff else {
        progress.end();
        return match &args.configuration {
            Some(section) => configuration(&first, section, session),
            None => reports(&first, session),
        };
    };
    progress.state(&format!("the second report follows in {seconds} s"));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let second = host.guru(Some(&args.service)).await?;
    progress.end();
    differences(&first, &second, session)
}

fn reports(gurus: &[Guru], session: &Session) -> Result<ExitCode, Error> {
    match session.view.form {
        Form::Json | Form::Yaml => output::machine(&gurus, session.view.form)?,
        form => {
            for guru in gurus {
                if form != Form::Value {
                    head(guru);
                }
                output::list(&guru.stacks, &session.view)?;
                if session.view.is_for_people() && session.view.columns.is_empty() {
                    let shown = guru.stacks.iter().filter(|stacks| form == Form::Wide || !stacks.idle);
                    shown.for_each(|stacks| frames(stacks, ""));
                }
            }
        }
    }
    Ok(ExitCode::Ok)
}

fn head(guru: &Guru) {
    let Guru { service, host, pid, version, way, .. } = guru;
    let product = if guru.product.is_empty() { "no version said" } else { &guru.product };
    let text = Painted::default()
        .in_style(style::BOLD, &format!("{service} on {host}, process {pid}"))
        .plain(&format!(": {}; {way}", [product, version].join(" ").trim()))
        .line_end();
    output::painted(&text);
}

fn frames(stacks: &Stacks, about: &str) {
    let kind = match stacks.kind {
        Kind::Thread => "thread",
        Kind::Green => "green thread",
    };
    let plural = if stacks.count == 1 { "" } else { "s" };
    let head = format!("{} {kind}{plural}{about}, in: {}", stacks.count, stacks.waits_in);
    let mut text = Painted::default().line_end().in_style(style::BOLD, &head).line_end();
    for frame in &stacks.frames {
        text = text.plain(&format!("  {frame}")).line_end();
        text = text.in_style(style::DIM, &format!("      {}", frame.code)).line_end();
    }
    output::painted(&text);
}

fn configuration(gurus: &[Guru], section: &str, session: &Session) -> Result<ExitCode, Error> {
    // The workers of a service read the same files.
    let Some(guru) = gurus.first() else { return Ok(ExitCode::NothingRan) };
    let is_wanted = |name: &String| section.is_empty() || name.eq_ignore_ascii_case(section);
    let wanted: std::collections::BTreeMap<_, _> =
        guru.configuration.iter().filter(|(name, _)| is_wanted(name)).collect();
    if wanted.is_empty() {
        let names: Vec<&str> = guru.configuration.keys().map(String::as_str).collect();
        let near = smog::near(section, names);
        return Err(Error::NotFound {
            what: "section of the configuration".into(),
            name: section.into(),
            near,
        });
    }
    match session.view.form {
        Form::Json | Form::Yaml => output::machine(&wanted, session.view.form)?,
        _ => {
            for (name, options) in wanted {
                let lines: String = options.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
                output::text(&format!("[{name}]\n{lines}\n"));
            }
        }
    }
    Ok(ExitCode::Ok)
}

fn differences(first: &[Guru], second: &[Guru], session: &Session) -> Result<ExitCode, Error> {
    let pairs: Vec<(&Guru, &Guru, Vec<Moved>)> = second
        .iter()
        .filter_map(|after| {
            let before = first.iter().find(|before| before.pid == after.pid)?;
            Some((before, after, diff(before, after)))
        })
        .collect();
    for after in second.iter().filter(|after| !first.iter().any(|before| before.pid == after.pid)) {
        output::warning(&format!("process {} began between the two reports", after.pid));
    }
    match session.view.form {
        Form::Json | Form::Yaml => {
            let all: Vec<_> = pairs
                .iter()
                .map(|(before, after, moved)| json!({"first": before, "second": after, "moved": moved}))
                .collect();
            output::machine(&all, session.view.form)?;
        }
        form => {
            for (_, after, moved) in &pairs {
                if form != Form::Value {
                    head(after);
                }
                output::list(moved, &session.view)?;
                if session.view.is_for_people() && session.view.columns.is_empty() {
                    let still = moved.iter().filter(|moved| moved.state == "same" && !moved.stacks.idle);
                    still.for_each(|moved| frames(&moved.stacks, " that did not move"));
                }
            }
        }
    }
    if pairs.is_empty() {
        return Err(Error::Invalid {
            what: "the comparison".into(),
            why: "no process is in both reports: the service was restarted between them".into(),
            hint: None,
        });
    }
    Ok(ExitCode::Ok)
}
