//! Records on a terminal: a line each, further lines below it.

use anstyle::{AnsiColor, Style};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use smog::show::{Column, visible_line};
use smog::watch::{Level, Record};
use smog::{Error, Result};

use crate::output::{self, Form, Painted, View};

const DIM: Style = Style::new().dimmed();
const HOST: Style = AnsiColor::Cyan.on_default();

/// Prints records in the form asked for.
pub struct Printer {
    form: Form,
    /// The names of `-c`, and their columns.
    names: Vec<String>,
    columns: Vec<&'static Column<Record>>,
    zone: TimeZone,
    /// Records of another day than this one show theirs.
    today: Date,
    /// The widest time, host and log so far, or the widest of each `-c`: columns grow, and stay.
    widths: Vec<usize>,
}

/// Where a log's name or a cell of `-c` is longer, the next column begins later.
const WIDEST_SOURCE: usize = 28;
const WIDEST_CELL: usize = 40;

impl Printer {
    /// Prints as `view` says; records of `hosts` are expected.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a column there is none of; [`Error::Invalid`] for `--sort`.
    pub fn new(view: &View, hosts: &[String]) -> Result<Printer> {
        if view.sort.is_some() {
            return Err(Error::Invalid {
                what: "`--sort`".into(),
                why: "records are printed as they are read, in time order".into(),
                hint: Some("`-o value -c COLUMN | sort` orders them otherwise".into()),
            });
        }
        let columns = match view.form {
            Form::Json | Form::Yaml => vec![],
            _ => output::columns(&view.columns)?,
        };
        let widest = hosts.iter().map(|name| name.chars().count()).max().unwrap_or(4);
        let widths = if columns.is_empty() { vec![12, widest, 12] } else { vec![0; columns.len()] };
        let today = Zoned::now().date();
        Ok(Printer {
            form: view.form,
            names: view.columns.clone(),
            columns,
            zone: TimeZone::system(),
            today,
            widths,
        })
    }

    pub fn record(&mut self, record: &Record) {
        match self.form {
            Form::Json | Form::Yaml => self.machine(record),
            Form::Value if self.columns.is_empty() => output::text(&format!("{}\n", record.text)),
            Form::Value => {
                let cells: Vec<String> =
                    self.columns.iter().map(|column| self.cell(column, record)).collect();
                output::text(&(cells.join("\t") + "\n"));
            }
            Form::Table | Form::Wide if !self.columns.is_empty() => {
                let cells: Vec<String> =
                    self.columns.iter().map(|column| self.cell(column, record)).collect();
                output::text(&aligned(&cells, &mut self.widths));
            }
            Form::Table | Form::Wide => self.line(record),
        }
    }

    /// One object per line: a stream has no end to close a list at.
    fn machine(&self, record: &Record) {
        let mut value = serde_json::to_value(record).unwrap_or_default();
        output::only_fields(&mut value, &self.names);
        let text = match self.form {
            Form::Yaml => output::yaml(&[value]).unwrap_or_default(),
            // The record itself keeps the order of its fields.
            _ if self.names.is_empty() => serde_json::to_string(record).unwrap_or_default() + "\n",
            _ => value.to_string() + "\n",
        };
        output::machine_text(&text, self.form);
    }

    /// A cell of `-c`, in one line.
    fn cell(&self, column: &Column<Record>, record: &Record) -> String {
        match (column.name, record.time) {
            ("time", Some(time)) if self.form != Form::Value => moment(time, &self.zone, self.today),
            _ => visible_line(&(column.cell)(record)).into_owned(),
        }
    }

    fn line(&mut self, record: &Record) {
        let source = record.short_source();
        let source = visible_line(source.strip_suffix(".log").unwrap_or(source));
        let host = visible_line(&record.host);
        let time = match record.time {
            Some(time) => moment(time, &self.zone, self.today),
            None => "-".into(),
        };
        for (width, text, most) in [(0, &*time, 30), (1, &*host, usize::MAX), (2, &*source, WIDEST_SOURCE)] {
            self.widths[width] = self.widths[width].max(text.chars().count().min(most));
        }
        let level = record.level.map(|level| level.to_string()).unwrap_or_default();
        let (time_width, host_width, source_width) = (self.widths[0], self.widths[1], self.widths[2]);
        let mut text = Painted::default()
            // Times of today below those of other days.
            .in_style(
                DIM,
                &if record.time.is_some() {
                    format!("{time:>time_width$}")
                } else {
                    format!("{time:<time_width$}")
                },
            )
            .plain("  ")
            .in_style(HOST, &format!("{host:<host_width$}"))
            .plain(&format!("  {source:<source_width$}  "))
            .in_style(colour(record.level), &format!("{level:<8}"))
            .plain(&format!("  {}", visible_line(&record.message)));
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
            text = text.plain("  ").in_style(DIM, &format!("[{}]", visible_line(&about.join(", "))));
        }
        text = text.line_end();
        for line in record.further_lines() {
            text = text.plain(&format!("    {}", visible_further(&line))).line_end();
        }
        if record.cut_bytes > 0 {
            text = text.plain("    ").in_style(DIM, &format!("… {} bytes more", record.cut_bytes)).line_end();
        }
        output::painted(&text);
    }
}

/// A further line keeps its tabs: tracebacks are indented by them.
fn visible_further(line: &str) -> String {
    line.split('\t').map(|part| visible_line(part).into_owned()).collect::<Vec<_>>().join("\t")
}

/// "11:54:18.123", with the date before it when that is another day than today.
fn moment(time: Timestamp, zone: &TimeZone, today: Date) -> String {
    let time = time.to_zoned(zone.clone());
    let form = if time.date() == today { "%H:%M:%S%.3f" } else { "%Y-%m-%d %H:%M:%S%.3f" };
    time.strftime(form).to_string()
}

/// Cells in columns that grow; the last one is as long as it is.
fn aligned(cells: &[String], widths: &mut [usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths.iter_mut()) {
        *width = (*width).max(cell.chars().count().min(WIDEST_CELL));
        line += &format!("{cell:<width$}  ", width = *width);
    }
    line.trim_end().to_string() + "\n"
}

fn colour(level: Option<Level>) -> Style {
    match level {
        Some(Level::Critical | Level::Error) => AnsiColor::Red.on_default().bold(),
        Some(Level::Warning) => AnsiColor::Yellow.on_default(),
        Some(Level::Debug | Level::Trace) => DIM,
        _ => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{aligned, moment};

    #[test]
    fn a_record_of_another_day_shows_its_date() {
        let time = "2026-11-25T23:59:59.5Z".parse().expect("a time");
        let day = |day| jiff::civil::date(2026, 11, day);
        assert_eq!(moment(time, &TimeZone::UTC, day(25)), "23:59:59.500");
        assert_eq!(moment(time, &TimeZone::UTC, day(28)), "2026-11-25 23:59:59.500");
        // The day is that of the zone it is shown in.
        let east = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(moment(time, &east, day(26)), "01:59:59.500");
    }

    #[test]
    fn columns_grow_and_stay() {
        let mut widths = [0, 0];
        let mut line = |cells: [&str; 2]| aligned(&cells.map(str::to_string), &mut widths);
        assert_eq!(line(["cmp1", "a"]), "cmp1  a\n");
        assert_eq!(line(["controller", "b"]), "controller  b\n");
        assert_eq!(line(["cmp1", "c"]), "cmp1        c\n");
    }
}
