//! What `smog watch` and `smog logs` have in common: which hosts, which files, which records.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use smog::host::Host;
use smog::watch::{
    Allow, AllowList, Event, Filter, From, Handler, Level, LogsWanted, Record, Save, Verdict, Watch, patterns,
};
use smog::{Error, ExitCode, Guest};

use crate::output;
use crate::record_print::Printer;
use crate::session::Session;
use crate::thrown::Thrown;

#[derive(Debug, Clone, Default, clap::Args)]
pub struct LogArgs {
    /// Only this host; may be given several times
    #[arg(long = "host", value_name = "HOST", help_heading = "Where")]
    pub hosts: Vec<String>,

    /// These files instead of the detected ones: paths or globs on the hosts
    #[arg(long = "file", value_name = "GLOB", help_heading = "Where")]
    pub files: Vec<String>,

    /// The journal of this systemd unit as well
    #[arg(long = "unit", value_name = "UNIT", help_heading = "Where")]
    pub units: Vec<String>,

    /// At least this grave: debug, info, warning, error, critical
    #[arg(long, value_parser = level, help_heading = "Which records")]
    pub level: Option<Level>,

    /// Holding this regular expression; of several, any
    #[arg(long = "grep", value_name = "REGEX", help_heading = "Which records")]
    pub greps: Vec<String>,

    /// Of this request (req-…); of several, any
    #[arg(long = "request", value_name = "ID", help_heading = "Which records")]
    pub requests: Vec<String>,

    /// Of this guest: naming it, or of the requests that acted on it; also one that was deleted
    #[arg(long, value_name = "GUEST", help_heading = "Which records")]
    pub guest: Option<String>,

    /// Only what tells of an exception
    #[arg(long, help_heading = "Which records")]
    pub exceptions: bool,

    /// Exit with 1 when there was an exception that is not allowed; when watching, at the first one
    #[arg(long)]
    pub exit_on_exception: bool,

    /// No exception: TYPE, or TYPE@LOGGER; may be given several times
    #[arg(long = "allow", value_name = "TYPE[@LOGGER]")]
    pub allow: Vec<String>,

    /// Save the records, a file for each host and log
    #[arg(long, value_name = "DIR")]
    pub save: Option<std::path::PathBuf>,

    /// Do not exit with 3 when a host or log that is wanted was not read
    #[arg(long)]
    pub allow_unread: bool,
}

/// Where records are saved; what cannot be saved ends no watch, but is no success either.
pub struct Saving {
    save: Option<Save>,
    failed: Option<Error>,
}

impl Saving {
    pub fn new(args: &LogArgs) -> Result<Saving, Error> {
        Ok(Saving { save: args.save.as_deref().map(Save::into).transpose()?, failed: None })
    }

    fn record(&mut self, record: &Record) {
        let Some(save) = self.save.as_mut().filter(|_| self.failed.is_none()) else { return };
        if let Err(why) = save.record(record) {
            output::warning(&format!("from now on nothing is saved: {why}"));
            self.failed = Some(why);
        }
    }

    /// The files written.
    pub fn files(&self) -> Option<&Save> {
        self.save.as_ref()
    }

    /// How the command ends with this.
    pub fn exit_code(&self, otherwise: ExitCode) -> ExitCode {
        match (&self.failed, otherwise) {
            (Some(_), ExitCode::Ok) => ExitCode::CouldNotRun,
            _ => otherwise,
        }
    }
}

impl LogArgs {
    /// The filter of the flags, and the guest that was named.
    pub async fn filter(&self, session: &Session) -> Result<(Filter, Option<Guest>), Error> {
        let mut filter = self.filter_of_records()?;
        let Some(asked) = &self.guest else { return Ok((filter, None)) };
        let cloud = session.cloud().await?;
        let guest = filter.of_guest(cloud, asked).await?;
        Ok((filter, Some(guest)))
    }

    /// The filter of the flags, without a guest.
    pub fn filter_of_records(&self) -> Result<Filter, Error> {
        let patterns = if self.greps.is_empty() { None } else { Some(patterns(&self.greps)?) };
        Ok(Filter {
            level: self.level,
            patterns,
            requests: self.requests.clone(),
            exceptions: self.exceptions,
            ..Filter::default()
        })
    }

    /// Begin to follow (or to search) the hosts. A host that cannot be asked is told and left out.
    pub async fn start(
        &self,
        session: &Session,
        from: From,
        until: Option<Timestamp>,
        follow: bool,
    ) -> Result<Watch, Error> {
        let section = session.watch_section()?;
        let wanted = LogsWanted {
            hosts: self.hosts.clone(),
            leave_out: section.leave_out,
            files: self.files.clone(),
            units: self.units.clone(),
            more: section.logs,
            from,
            until,
            follow,
            ..LogsWanted::default()
        };
        let plan = match session.cloud().await {
            Ok(cloud) => wanted.plan(cloud).await?,
            // When the cloud does not answer, one wants to see its logs.
            Err(why) if why.exit_code() == ExitCode::CouldNotRun => {
                wanted.plan_of(self.hosts_of_file(session, why)?).await
            }
            Err(why) => return Err(why),
        };
        for (host, why) in &plan.left_out {
            output::warning(&format!("host `{host}` is left out: {why}"));
        }
        Ok(plan.watch())
    }

    /// What is done with each record: counted, and when it is wanted saved, printed and looked at.
    pub fn take(
        record: &Record,
        filter: &Filter,
        saving: &mut Saving,
        printer: Option<&mut Printer>,
        thrown: &mut Thrown,
    ) -> Verdict {
        thrown.seen += 1;
        match filter.wants(record) {
            true => LogArgs::take_wanted(record, saving, printer, thrown),
            false => Verdict::GoOn,
        }
    }

    /// What is done with a record that is wanted.
    pub fn take_wanted(
        record: &Record,
        saving: &mut Saving,
        printer: Option<&mut Printer>,
        thrown: &mut Thrown,
    ) -> Verdict {
        saving.record(record);
        if let Some(printer) = printer {
            printer.record(record);
        }
        thrown.record(record)
    }

    fn hosts_of_file(&self, session: &Session, why: Error) -> Result<Vec<Host>, Error> {
        let all = Host::of_file(&session.smog_file()?);
        if all.is_empty() {
            return Err(why);
        }
        output::warning_of("going on with the hosts of smog.yml", &why);
        let known: Vec<&str> = all.iter().map(Host::name).collect();
        if let Some(name) = self.hosts.iter().find(|name| !known.contains(&name.as_str())) {
            let near = known.into_iter().map(str::to_string).collect();
            return Err(Error::NotFound { what: "host".into(), name: name.clone(), near });
        }
        Ok(all
            .into_iter()
            .filter(|host| self.hosts.is_empty() || self.hosts.iter().any(|name| name == host.name()))
            .collect())
    }

    /// The allow-list of the flags and of smog.yml.
    pub fn allow_list(&self, session: &Session) -> Result<AllowList, Error> {
        let mut entries = session.allowed()?;
        for text in &self.allow {
            let (exception, logger) = match text.split_once('@') {
                Some((exception, logger)) => (Some(exception).filter(|text| !text.is_empty()), Some(logger)),
                None => (Some(text.as_str()).filter(|text| !text.is_empty()), None),
            };
            entries.push(Allow::of(exception, logger, None, Some("--allow"))?);
        }
        Ok(AllowList::new(entries))
    }
}

/// The time the first record that names a request was written; at most a day back.
pub async fn beginning_of(request: &str, args: &LogArgs, session: &Session) -> Result<Timestamp, Error> {
    let day_ago = Timestamp::now() - SignedDuration::from_hours(24);
    let filter = Filter { requests: vec![request.to_string()], ..Filter::default() };
    let mut watch = args.start(session, From::Since(day_ago), None, false).await?;
    while let Some(event) = watch.next().await {
        if let Event::Record(record) = event
            && filter.wants(&record)
            && let Some(time) = record.time
        {
            watch.stop().await;
            return Ok(time);
        }
    }
    Err(Error::NotFound { what: "request of the last day".into(), name: request.into(), near: vec![] })
}

fn level(text: &str) -> Result<Level, String> {
    Level::of(text).ok_or_else(|| "one of trace, debug, info, warning, error, critical".into())
}

/// `10m`, `2h`, `1d` before now; or a time: `2026-11-24 10:30`, `2026-11-24T10:30:00Z`.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(length) = text.parse::<jiff::Span>() {
        let then = jiff::Zoned::now().checked_sub(length).map_err(|why| why.to_string())?;
        return Ok(then.timestamp());
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let civil: DateTime = text
        .parse()
        .map_err(|_| "neither a length of time (10m, 2h, 1d) nor a time (2026-11-24 10:30)".to_string())?;
    TimeZone::system().to_timestamp(civil).map_err(|why| why.to_string())
}

/// A zone by its name, or an offset from UTC.
pub fn zone(text: &str) -> Result<TimeZone, String> {
    match text {
        "Z" | "UTC" | "utc" => return Ok(TimeZone::UTC),
        _ if text.starts_with(['+', '-']) => {
            let sign = if text.starts_with('-') { -1 } else { 1 };
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let (hours, minutes) = digits.split_at(2.min(digits.len()));
            let minutes: i32 = if minutes.is_empty() { 0 } else { minutes.parse().unwrap_or(99) };
            if let Ok(hours) = hours.parse::<i32>()
                && hours < 24
                && minutes < 60
                && let Ok(offset) = jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60))
            {
                return Ok(TimeZone::fixed(offset));
            }
        }
        _ => {}
    }
    TimeZone::get(text).map_err(|_| "no time zone is called so (Europe/Berlin, UTC, +02:00)".into())
}

/// `5m`, `90s`, `1h`.
pub fn length(text: &str) -> Result<std::time::Duration, String> {
    let length: SignedDuration =
        text.parse().map_err(|_| "not a length of time, such as 90s, 5m, 1h".to_string())?;
    std::time::Duration::try_from(length).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_lengths() {
        let ago = Timestamp::now() - moment("10m").expect("ten minutes");
        assert!((599..602).contains(&ago.get_seconds()), "{ago:?}");
        assert_eq!(
            moment("2026-11-24T10:30:00Z").map(|time| time.to_string()),
            Ok("2026-11-24T10:30:00Z".into())
        );
        assert!(moment("2026-11-24 10:30").is_ok());
        assert!(moment("soon").is_err());
        assert_eq!(length("5m"), Ok(std::time::Duration::from_secs(300)));
        assert!(length("-5m").is_err() && length("x").is_err());
    }
}
