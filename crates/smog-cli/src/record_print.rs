//! Records on a terminal: a line each, further lines below it.

use anstyle::{AnsiColor, Style};
use jiff::tz::TimeZone;
use smog::watch::{Level, Record};

use crate::output::{self, Form};

const DIM: Style = Style::new().dimmed();
const HOST: Style = AnsiColor::Cyan.on_default();

/// Prints records in the form asked for.
pub struct Printer {
    form: Form,
    zone: TimeZone,
    /// The widest host name and log name so far: columns grow, and stay.
    widths: (usize, usize),
}

impl Printer {
    pub fn new(form: Form, hosts: &[String]) -> Printer {
        let widest = hosts.iter().map(|name| name.chars().count()).max().unwrap_or(4);
        Printer { form, zone: TimeZone::system(), widths: (widest, 12) }
    }

    pub fn record(&mut self, record: &Record) {
        match self.form {
            // One object a line: a stream has no end to close a list at.
            Form::Json => output::text(&format!("{}\n", serde_json::to_string(record).unwrap_or_default())),
            Form::Yaml => {
                let text = serde_saphyr::to_string(&[record]).unwrap_or_default();
                output::text(&text);
            }
            Form::Value => output::text(&format!("{}\n", plain(&record.text))),
            Form::Table | Form::Wide => self.line(record),
        }
    }

    fn line(&mut self, record: &Record) {
        let source = record.short_source();
        let source = source.strip_suffix(".log").unwrap_or(source);
        self.widths.0 = self.widths.0.max(record.host.chars().count());
        self.widths.1 = self.widths.1.max(source.chars().count().min(28));
        let time = match record.time {
            Some(time) => time.to_zoned(self.zone.clone()).strftime("%H:%M:%S%.3f").to_string(),
            None => "-".into(),
        };
        let level = record.level.map(|level| level.to_string()).unwrap_or_default();
        let colour = colour(record.level);
        let (host_width, source_width) = self.widths;
        let mut text = format!(
            "{DIM}{time:<12}{DIM:#}  {HOST}{:<host_width$}{HOST:#}  {:<source_width$}  {colour}{level:<8}{colour:#}  {}",
            plain(&record.host),
            plain(source),
            plain(&record.message),
        );
        let mut about = vec![];
        if let Some(request) = &record.request_id {
            about.push(request.clone());
        }
        if let Some(instance) = &record.instance {
            about.push(format!("guest {instance}"));
        }
        if self.form == Form::Wide
            && let Some(logger) = &record.logger
        {
            about.push(logger.clone());
        }
        let is_grave =
            record.level >= Some(Level::Warning) || record.is_exception() || self.form == Form::Wide;
        if is_grave && !about.is_empty() {
            text += &format!("  {DIM}[{}]{DIM:#}", plain(&about.join(", ")));
        }
        text.push('\n');
        for line in record.further_lines() {
            text += &format!("    {}\n", plain(&line));
        }
        if record.cut_bytes > 0 {
            text += &format!("    {DIM}… {} bytes more{DIM:#}\n", record.cut_bytes);
        }
        output::styled(&text);
    }
}

fn colour(level: Option<Level>) -> Style {
    match level {
        Some(Level::Critical | Level::Error) => AnsiColor::Red.on_default().bold(),
        Some(Level::Warning) => AnsiColor::Yellow.on_default(),
        Some(Level::Debug | Level::Trace) => DIM,
        _ => Style::new(),
    }
}

/// Text that cannot steer the terminal: control characters are spelled out.
pub fn plain(text: &str) -> String {
    if !text.contains(|c: char| c.is_control() && c != '\t') {
        return text.to_string();
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' | '\n' => shown.push(c),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_log_cannot_steer_the_terminal() {
        assert_eq!(plain("a\x1b[2Jb\0"), "a\\u{1b}[2Jb\\u{0}");
        assert_eq!(plain("a\tb"), "a\tb");
    }
}
