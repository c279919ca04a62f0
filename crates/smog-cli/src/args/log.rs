//! What `smog watch` and `smog logs` have in common: which hosts, which files, which records.

use std::sync::OnceLock;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use smog::watch::{Filter, Handler, Level, LogQuery, LogSearch, Record, Save, Verdict};
use smog::{Error, ExitCode};

use crate::output;
use crate::print::exceptions::Thrown;
use crate::print::records::Printer;
use crate::session::Session;

#[derive(Debug, Clone, Default, clap::Args)]
pub struct LogArgs {
    /// Only this host; may be given several times
    #[arg(long = "host", value_name = "HOST", help_heading = "Where")]
    pub hosts: Vec<String>,

    /// Read these files instead of the detected ones: paths or globs on the hosts
    #[arg(long = "file", value_name = "GLOB", help_heading = "Where")]
    pub files: Vec<String>,

    /// Also read the journal of this systemd unit
    #[arg(long = "unit", value_name = "UNIT", help_heading = "Where")]
    pub units: Vec<String>,

    /// Minimum level: debug, info, warning, error, critical
    #[arg(long, value_name = "LEVEL", help_heading = "Which records")]
    pub level: Option<Level>,

    /// Only records that match this regular expression; repeat it to match any of several
    #[arg(long = "grep", value_name = "REGEX", help_heading = "Which records")]
    pub greps: Vec<String>,

    /// Only records of this request id (req-…); may be given several times
    #[arg(long = "request", value_name = "ID", help_heading = "Which records")]
    pub requests: Vec<String>,

    /// Only records that name this guest, or belong to a request that acted on it; it may be deleted already
    #[arg(long, value_name = "GUEST", help_heading = "Which records")]
    pub guest: Option<String>,

    /// Only records with an exception
    #[arg(long, help_heading = "Which records")]
    pub exceptions: bool,

    /// Exit with 1 when there was an exception that is not allowed; when watching, at the first one
    #[arg(long)]
    pub exit_on_exception: bool,

    /// Ignore this known exception: TYPE or TYPE@LOGGER; may be given several times
    #[arg(long = "allow", value_name = "TYPE[@LOGGER]")]
    pub allow: Vec<String>,

    /// Save the records, one file per host and log
    #[arg(long, value_name = "DIR")]
    pub save: Option<std::path::PathBuf>,

    /// Do not exit with 3 when a host or log could not be read
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
            output::warning(&format!("records are no longer saved: {why}"));
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
    /// What the flags ask for.
    pub fn query(&self) -> LogQuery {
        LogQuery {
            hosts: self.hosts.clone(),
            files: self.files.clone(),
            units: self.units.clone(),
            level: self.level,
            patterns: self.greps.clone(),
            requests: self.requests.clone(),
            guest: self.guest.clone(),
            exceptions: self.exceptions,
            allow: self.allow.clone(),
            ..LogQuery::default()
        }
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
}

/// What a query comes to. What is read instead, and what is left out, is printed.
pub async fn resolve(query: &LogQuery, session: &Session) -> Result<LogSearch, Error> {
    let cloud = session.cloud().await.cloned();
    let search = query.resolve(&session.smog_file()?, cloud).await?;
    if let Some(why) = &search.without_cloud {
        output::warning_of("continuing with the hosts of smog.yml", why);
    }
    for (host, why) in &search.plan.left_out {
        output::warning(&format!("host `{host}` is left out: {why}"));
    }
    Ok(search)
}

/// The time it is: of a recording, when it was made.
static NOW: OnceLock<Timestamp> = OnceLock::new();

/// Take the time of the recording of `--replay`, which counts before the command line is read.
pub fn take_time_of_recording() {
    let words: Vec<_> = std::env::args_os().collect();
    let named = words.iter().enumerate().find_map(|(at, word)| {
        let word = word.to_str()?;
        match word.strip_prefix("--replay=") {
            Some(path) => Some(std::path::PathBuf::from(path)),
            None if word == "--replay" => words.get(at + 1).map(Into::into),
            None => None,
        }
    });
    if let Some(time) = named.and_then(|path| smog::recording::Recording::time_of(&path)) {
        let _ = NOW.set(time);
    }
}

/// `10m`, `2h`, `1d` before now (of a recording: before it was made); or a time: `2026-11-24 10:30`, `2026-11-24T10:30:00Z`.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(length) = text.parse::<jiff::Span>() {
        let now = NOW.get().map_or_else(jiff::Zoned::now, |now| now.to_zoned(TimeZone::system()));
        let then = now.checked_sub(length).map_err(|why| why.to_string())?;
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
    smog::watch::zone(text)
        .ok_or_else(|| "there is no such time zone (Europe/Berlin, UTC and +02:00 are)".into())
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
