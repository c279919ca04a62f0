//! Printing: results to standard output, talk to standard error.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use serde::Serialize;
use smog::show::{Column, Show};
use smog::{Error, ExitCode, near};

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Aligned columns
    #[default]
    Table,
    /// More columns
    Wide,
    /// JSON: complete and stable
    Json,
    /// YAML: the same as JSON
    Yaml,
    /// Bare values, a row a line, a tab between
    Value,
}

/// What the user asked of the output: form, columns, order.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub form: Form,
    pub columns: Vec<String>,
    pub sort: Option<String>,
}

impl View {
    /// Whether the output is for people.
    pub fn is_for_people(&self) -> bool {
        matches!(self.form, Form::Table | Form::Wide)
    }
}

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// Print an error, its way out below it.
pub fn error(why: &Error) {
    let mut to = anstream::stderr();
    // Nothing to do when standard error itself is gone.
    let _ = writeln!(to, "{RED}error{RED:#}: {why}");
    if let Some(hint) = why.hint() {
        let _ = writeln!(to, "{CYAN}hint{CYAN:#}: {hint}");
    }
}

/// Print a warning: the command goes on.
pub fn warning(text: &str) {
    let _ = writeln!(anstream::stderr(), "{YELLOW}warning{YELLOW:#}: {text}");
}

/// Print text to standard output. A reader that went away (`smog … | head`) is fine.
pub fn text(text: &str) {
    bytes(text.as_bytes());
}

/// Print text with colours, which go away where there is no terminal, in the middle of work
/// that must come to its end: a reader that went away, or a full disk, is no reason to leave
/// hosts changed.
pub fn styled(text: &str) {
    let mut to = anstream::stdout();
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

/// The same on standard error, for a line.
pub fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Print bytes as they are to standard output.
pub fn bytes(bytes: &[u8]) {
    let mut to = std::io::stdout();
    let Err(why) = to.write_all(bytes).and_then(|()| to.flush()) else { return };
    let code = match why.kind() {
        std::io::ErrorKind::BrokenPipe => ExitCode::Ok,
        _ => {
            note(&format!("{RED}error{RED:#}: standard output: {why}"));
            ExitCode::Failed
        }
    };
    std::process::exit(i32::from(u8::from(code)));
}

/// Print many things: a table for people, or all they are for machines.
pub fn list<T: Show + Serialize>(items: &[T], view: &View) -> Result<(), Error> {
    if matches!(view.form, Form::Json | Form::Yaml) {
        return machine_list(items, view);
    }
    let all: Vec<&Column<T>> = T::COLUMNS.iter().collect();
    let chosen: Vec<&Column<T>> = match view.columns.is_empty() {
        true => all.iter().copied().filter(|column| view.form == Form::Wide || !column.wide).collect(),
        false => view.columns.iter().map(|name| column(name, &all)).collect::<Result<_, _>>()?,
    };
    let mut items: Vec<&T> = items.iter().collect();
    if let Some(name) = &view.sort {
        let by = column(name, &all)?;
        items.sort_by_key(|item| natural((by.cell)(item)));
    }
    let rows: Vec<Vec<String>> =
        items.iter().map(|item| chosen.iter().map(|column| (column.cell)(item)).collect()).collect();
    match view.form {
        Form::Value => text(&rows.iter().map(|row| row.join("\t") + "\n").collect::<String>()),
        _ => {
            let names: Vec<&str> = chosen.iter().map(|column| column.name).collect();
            // A column that says nothing for any row is left out of the calm form.
            let keep_empty = view.form == Form::Wide || !view.columns.is_empty();
            text(&table(&names, &rows, keep_empty));
        }
    }
    Ok(())
}

/// Print one thing: its columns below each other for people, all it is for machines.
pub fn show<T: Show + Serialize>(item: &T, view: &View) -> Result<(), Error> {
    match view.form {
        Form::Json | Form::Yaml => machine(item, view.form),
        Form::Value => list(std::slice::from_ref(item), view),
        Form::Table | Form::Wide => {
            let all: Vec<&Column<T>> = T::COLUMNS.iter().collect();
            let chosen: Vec<&Column<T>> = match view.columns.is_empty() {
                true => all.into_iter().filter(|column| view.form == Form::Wide || !column.wide).collect(),
                false => view.columns.iter().map(|name| column(name, &all)).collect::<Result<_, _>>()?,
            };
            let cells = chosen.iter().map(|column| (column.name, (column.cell)(item)));
            let cells: Vec<(&str, String)> = cells.filter(|(_, cell)| !cell.is_empty()).collect();
            let width = cells.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
            for (name, cell) in cells {
                let cell = cell.replace('\n', &format!("\n{:width$}  ", ""));
                text(&format!("{name:<width$}  {cell}\n"));
            }
            Ok(())
        }
    }
}

/// Print one thing for machines.
pub fn machine<T: Serialize>(item: &T, form: Form) -> Result<(), Error> {
    let printed = match form {
        Form::Yaml => serde_saphyr::to_string(item).map_err(|why| unprintable(&why))?,
        _ => serde_json::to_string_pretty(item).map_err(|why| unprintable(&why))?,
    };
    text(&printed);
    if !printed.ends_with('\n') {
        text("\n");
    }
    Ok(())
}

fn unprintable(why: &dyn std::fmt::Display) -> Error {
    Error::Parse { what: "the result".into(), source_of: "smog".into(), why: why.to_string() }
}

/// With `-c`, only the fields of these names; with `--sort`, ordered by this one.
fn machine_list<T: Serialize>(items: &[T], view: &View) -> Result<(), Error> {
    let mut values: Vec<serde_json::Value> =
        items.iter().map(serde_json::to_value).collect::<Result<_, _>>().map_err(|why| unprintable(&why))?;
    if let Some(by) = &view.sort {
        values.sort_by_key(|value| natural(field(value, by).map(plain).unwrap_or_default()));
    }
    if !view.columns.is_empty() {
        for value in &mut values {
            let kept = view.columns.iter().filter_map(|name| {
                let object = value.as_object()?;
                let (name, value) = object.iter().find(|(key, _)| same(key, name))?;
                Some((name.clone(), value.clone()))
            });
            *value = serde_json::Value::Object(kept.collect());
        }
    }
    machine(&values, view.form)
}

fn field<'a>(value: &'a serde_json::Value, name: &str) -> Option<&'a serde_json::Value> {
    value.as_object()?.iter().find(|(key, _)| same(key, name)).map(|(_, value)| value)
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

/// The column a person means: case, spaces, dashes and underscores do not matter.
fn column<'a, T>(asked: &str, all: &[&'a Column<T>]) -> Result<&'a Column<T>, Error> {
    let found = all.iter().find(|column| same(column.name, asked)).or_else(|| {
        let mut beginning = all.iter().filter(|column| plainly(column.name).starts_with(&plainly(asked)));
        beginning.next().filter(|_| beginning.next().is_none())
    });
    found.copied().ok_or_else(|| {
        let names = all.iter().map(|column| column.name);
        let near = match near(asked, names.clone()) {
            found if found.is_empty() => names.map(str::to_string).collect(),
            found => found,
        };
        Error::NotFound { what: "column".into(), name: asked.into(), near }
    })
}

fn plainly(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn same(one: &str, other: &str) -> bool {
    plainly(one) == plainly(other)
}

/// A key which sorts "web-9" before "web-10", and "512 MiB" before "1024 MiB".
fn natural(text: String) -> Vec<(u64, String)> {
    let mut key: Vec<(u64, String)> = vec![];
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = rest[..digits].parse().unwrap_or(u64::MAX);
        let word = rest[digits..].split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
        key.push((if digits == 0 { 0 } else { number }, word.to_lowercase()));
        rest = &rest[digits + word.len()..];
    }
    key
}

fn table(names: &[&str], rows: &[Vec<String>], keep_empty: bool) -> String {
    let shown: Vec<usize> = (0..names.len())
        .filter(|at| keep_empty || *at == 0 || rows.iter().any(|row| !row[*at].is_empty()))
        .collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(
        shown.iter().map(|at| Cell::new(names[*at].to_uppercase()).add_attribute(Attribute::Dim)),
    );
    for row in rows {
        table.add_row(shown.iter().map(|at| coloured(names[*at], &row[*at])));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if std::io::stdout().is_terminal()
        && anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
    {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_string()).collect();
    lines.join("\n") + "\n"
}

/// Colour repeats what the word says; it never says anything alone.
fn coloured(column: &str, text: &str) -> Cell {
    let cell = Cell::new(text);
    match (column, text) {
        ("status" | "state", "ACTIVE" | "up" | "completed") => cell.fg(Color::Green),
        ("status" | "state", text) if text.starts_with("ERROR") || text == "down" => cell.fg(Color::Red),
        ("agrees", "NO") => cell.fg(Color::Red),
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_sort_as_numbers() {
        let mut names = vec!["web-10", "web-9", "Web-1", "db", "512 MiB", "1024 MiB"];
        names.sort_by_key(|name| natural(name.to_string()));
        assert_eq!(names, ["db", "Web-1", "web-9", "web-10", "512 MiB", "1024 MiB"]);
    }

    #[test]
    fn columns_are_found_forgivingly() {
        let all: Vec<&Column<smog::Guest>> = <smog::Guest as Show>::COLUMNS.iter().collect();
        for asked in ["pinned to", "Pinned_To", "pinnedto", "pin"] {
            assert_eq!(column(asked, &all).expect("a column").name, "pinned to");
        }
        // A beginning of several is of none.
        assert!(column("p", &all).is_err());
        assert_eq!(
            column("hots", &all).err().and_then(|why| why.hint()).as_deref(),
            Some("did you mean `host`?")
        );
    }

    #[test]
    fn empty_columns_are_left_out_of_the_calm_table() {
        let rows = vec![vec!["web".to_string(), String::new()], vec!["db".to_string(), String::new()]];
        assert_eq!(table(&["name", "pages"], &rows, false), "NAME\nweb\ndb\n");
        assert_eq!(table(&["name", "pages"], &rows, true), "NAME  PAGES\nweb\ndb\n");
    }
}
