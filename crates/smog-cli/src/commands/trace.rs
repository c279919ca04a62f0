use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use smog::trace::{Trace, TraceWanted, Weight};
use smog::watch::LogsWanted;
use smog::{Error, ExitCode};

use crate::args::log::{moment, zone};
use crate::args::names;
use crate::commands::watch::unread;
use crate::output::{self, Form, Painted, style};
use crate::saved_logs;
use crate::session::Session;

/// Trace one request through API, conductor, scheduler and compute
///
/// The logs of all hosts and Nova's action record become phases whose lengths add up to the
/// whole; the longest one is marked, and a second or more without a record is named by what was
/// waited for. At DEBUG the services log more, so the phases are finer.
///
/// Examples:
///   smog trace web                    # what was done to it last
///   smog trace web create
///   smog trace req-e78fdbcb-d5df-48e3-9c5c-df4d648aef7b -o json
///   smog trace req-e78fdbcb-d5df-48e3-9c5c-df4d648aef7b --from sosreport-ctl.tar.xz
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct TraceArgs {
    /// A request (req-…), or a guest: name or id, also of one that was deleted
    #[arg(value_name = "REQUEST|GUEST", add = names::guests())]
    of: String,
    /// Of a guest: the action's name or request id [default: the newest action]
    action: Option<String>,
    /// Look for the request this far back, or from this time on [default: 1d]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    /// Read only the logs of this host; may be given several times
    #[arg(long = "host", value_name = "HOST", add = names::hosts())]
    hosts: Vec<String>,
    /// Read saved logs instead: a folder, an archive, a sosreport, a job's logs; may be given several times
    #[arg(long, value_name = "PLACE", conflicts_with = "since")]
    from: Vec<PathBuf>,
    /// With --from, the zone of times that name none: Europe/Berlin, +02:00 [default: what the place says, else UTC]
    #[arg(long, value_name = "ZONE", value_parser = zone, allow_hyphen_values = true, requires = "from")]
    zone: Option<TimeZone>,
    /// Do not exit with 3 when a host or log could not be read
    #[arg(long)]
    allow_unread: bool,
}

pub async fn run(mut args: TraceArgs, session: &Session) -> Result<ExitCode, Error> {
    args.from.extend(session.saved_logs());
    if args.action.is_some() && args.of.starts_with("req-") {
        return Err(Error::Invalid {
            what: format!("request `{}`", args.of),
            why: "a request has no actions to choose from".into(),
            hint: Some("name a guest with an action, or the request alone".into()),
        });
    }
    if !args.from.is_empty() {
        return saved(args, session).await;
    }
    let logs = LogsWanted { hosts: args.hosts.clone(), ..logs_of(session)? };
    let wanted = TraceWanted { of: args.of, action: args.action, since: args.since, logs };
    let cloud = session.cloud().await?;
    let trace = cloud.trace(&wanted).await?;
    print(&trace, session)?;
    // The waterfall says it itself.
    if !session.view.is_for_people() {
        unread(&trace.unread, session.quiet, args.allow_unread);
    }
    Ok(match trace.unread.is_empty() || args.allow_unread {
        true => ExitCode::Ok,
        false => ExitCode::CouldNotRun,
    })
}

/// From saved logs: no cloud is asked.
async fn saved(args: TraceArgs, session: &Session) -> Result<ExitCode, Error> {
    let offline = saved_logs::offline(&args.from, &args.hosts, args.zone.clone());
    let allow_unread = args.allow_unread;
    let reading = tokio::task::spawn_blocking(move || {
        let saved = saved_logs::open(&offline)?;
        Trace::of_saved(&saved, &args.of, args.action.as_deref())
    });
    let read = reading.await.map_err(|why| Error::Invalid {
        what: "reading the logs".into(),
        why: why.to_string(),
        hint: None,
    })?;
    let (trace, up) = read?;
    print(&trace, session)?;
    Ok(up.exit_code(false, allow_unread))
}

/// The logs of all hosts, as smog.yml has them.
pub fn logs_of(session: &Session) -> Result<LogsWanted, Error> {
    let section = session.watch_section()?;
    Ok(LogsWanted {
        leave_out: section.leave_out,
        more: section.logs,
        all_services: true,
        ..LogsWanted::default()
    })
}

/// Print a trace: a waterfall for people, all it is for machines.
pub fn print(trace: &Trace, session: &Session) -> Result<(), Error> {
    match session.view.form {
        Form::Json | Form::Yaml => return output::machine(trace, session.view.form),
        Form::Value => return output::list(&trace.phases, &session.view),
        Form::Table | Form::Wide if !session.view.columns.is_empty() => {
            return output::list(&trace.phases, &session.view);
        }
        Form::Table | Form::Wide => {}
    }
    let mut text = Painted::default();
    for line in trace.lines(output::width()) {
        text = match line.weight {
            Weight::Plain => text.plain(&line.text),
            Weight::Head => text.in_style(style::BOLD, &line.text),
            Weight::Critical => text.in_style(style::STRONG, &line.text),
            Weight::Bad => text.in_style(style::BAD, &line.text),
            Weight::Dim => text.in_style(style::DIM, &line.text),
        };
        text = text.line_end();
    }
    output::painted(&text);
    Ok(())
}
