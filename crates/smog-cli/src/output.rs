//! Printing: results to standard output, everything else to standard error. All that smog
//! prints passes here, so that three things hold everywhere: text of others is made visible
//! (`smog::show::visible`), a reader that went away ends the command cleanly, nothing panics.
//!
//! Data streams (a console, a command's output, domain XML) are bytes as they are where no
//! terminal is the reader, as with `kubectl logs`; JSON and YAML keep every value, JSON with
//! `\u009b` for what a terminal would obey.

mod pager;
mod painted;
mod sentence;
mod stream;
mod table;

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use smog::show::{Column, Show, steers, visible, visible_line};
use smog::{Error, near};

pub use pager::{begin_paging, end_paging};
pub use painted::Painted;
use sentence::sentence;
pub use stream::{err_is_terminal, failure, is_gone, reader_gone};
use table::table;

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
    /// Bare values, one row per line, separated by tabs
    Value,
}

/// What the user asked of the output: form, columns, order.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub form: Form,
    pub columns: Vec<String>,
    pub sort: Option<String>,
    /// Without notes, such as that a list is empty.
    pub quiet: bool,
}

impl View {
    /// Whether the output is for people.
    pub fn is_for_people(&self) -> bool {
        matches!(self.form, Form::Table | Form::Wide)
    }
}

/// Colours of text that smog lays out itself.
pub mod style {
    use anstyle::{AnsiColor, Style};

    pub const BOLD: Style = Style::new().bold();
    pub const DIM: Style = Style::new().dimmed();
    /// What to look at first.
    pub const STRONG: Style = AnsiColor::Yellow.on_default().bold();
    /// What failed.
    pub const BAD: Style = AnsiColor::Red.on_default();
}

/// The columns of the terminal; 100 where there is none.
pub fn width() -> usize {
    let of_terminal = comfy_table::Table::new().width().map(usize::from);
    of_terminal.filter(|_| stream::out_is_terminal()).unwrap_or(100)
}

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// Print an error, its hint below it.
pub fn error(why: &Error) {
    said(RED, "error", &why.to_string());
    hint(why.hint().as_deref());
}

/// The same for one of several things, which is named first.
pub fn error_of(name: &str, why: &Error) {
    said(RED, "error", &format!("{name}: {why}"));
    hint(why.hint().as_deref());
}

/// Print what is wrong where there is no [`Error`].
pub fn error_text(text: &str) {
    said(RED, "error", text);
}

/// Print a warning: the command goes on.
pub fn warning(text: &str) {
    said(YELLOW, "warning", text);
}

/// The same about an error, whose hint is kept: `about` comes before its sentence.
pub fn warning_of(about: &str, why: &Error) {
    said(YELLOW, "warning", &format!("{about}: {why}"));
    hint(why.hint().as_deref());
}

/// What to do, below an error or a warning.
pub fn hint(text: Option<&str>) {
    if let Some(text) = text {
        said(CYAN, "hint", text);
    }
}

fn said(style: Style, word: &str, text: &str) {
    stream::err_styled(&format!("{style}{word}{style:#}: {}\n", sentence(text)));
}

/// Print a line on standard error: progress, and what is good to know.
pub fn note(text: &str) {
    stream::err_styled(&format!("{}\n", visible(text)));
}

/// Print on standard error what a command wrote there.
pub fn error_output(text: &str) {
    match stream::err_is_terminal() {
        true => stream::err_styled(&visible(&text.replace("\r\n", "\n"))),
        false => stream::err_styled(text),
    }
}

/// Ask, on standard error, in the line the answer will be typed in. What was printed is seen before.
pub fn question(text: &str) {
    end_paging();
    stream::err_styled(&visible(text));
}

/// Print text to standard output.
pub fn text(text: &str) {
    stream::out(visible(text).as_bytes());
}

/// Print text with colours, which go away where there is no terminal.
pub fn painted(text: &Painted) {
    stream::out_styled(text.as_str());
}

/// Clear the screen of a terminal, for what is drawn again and again; whether there is one.
pub fn clear() -> bool {
    let is_terminal = stream::out_is_terminal();
    if is_terminal {
        stream::out_styled("\x1b[H\x1b[2J");
    }
    is_terminal
}

/// Print help, which has colours of its own.
pub fn help(text: &str) {
    stream::out_styled(text);
}

/// Print data that others wrote, whole: bytes as they are, on a terminal made visible.
pub fn data(bytes: &[u8]) {
    match stream::out_is_terminal() {
        true => stream::out(visible(&String::from_utf8_lossy(bytes).replace("\r\n", "\n")).as_bytes()),
        false => stream::out(bytes),
    }
}

/// Print JSON or YAML of ours.
pub fn machine_text(text: &str, form: Form) {
    match form {
        Form::Yaml => stream::out(text.as_bytes()),
        _ => stream::out(escaped_json(text).as_bytes()),
    }
}

/// The same JSON with `\uXXXX` for what a terminal would obey. Characters beyond ASCII only
/// stand in strings, where both are the same.
fn escaped_json(text: &str) -> Cow<'_, str> {
    let hides = |c: char| c >= '\u{7f}' && steers(c);
    if !text.contains(hides) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match hides(c) {
            true => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")))
            }
            false => out.push(c),
        }
    }
    Cow::Owned(out)
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
    if items.is_empty() && view.is_for_people() {
        if !view.quiet {
            note(&format!("no {}", T::PLURAL));
        }
        return Ok(());
    }
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| chosen.iter().map(|column| one_line(&(column.cell)(item))).collect())
        .collect();
    match view.form {
        Form::Value => text(&rows.iter().map(|row| row.join("\t") + "\n").collect::<String>()),
        _ => {
            let names: Vec<&str> = chosen.iter().map(|column| column.name).collect();
            // A column that says nothing for any row is left out of the calm form.
            let keep_empty = view.form == Form::Wide || !view.columns.is_empty();
            stream::out(table(&names, &rows, keep_empty, view.form == Form::Wide).as_bytes());
        }
    }
    Ok(())
}

fn one_line(cell: &str) -> String {
    visible_line(cell).into_owned()
}

/// Print one thing: all its columns that say something below each other for people, all it is
/// for machines. Below each other there is room: what a list shows in its wide form only
/// (a fault, properties) is shown here always.
pub fn show<T: Show + Serialize>(item: &T, view: &View) -> Result<(), Error> {
    match view.form {
        Form::Json | Form::Yaml => machine(item, view.form),
        Form::Value => list(std::slice::from_ref(item), view),
        Form::Table | Form::Wide => {
            let all: Vec<&Column<T>> = T::COLUMNS.iter().collect();
            let chosen: Vec<&Column<T>> = match view.columns.is_empty() {
                true => {
                    all.into_iter().filter(|column| view.form == Form::Wide || !column.only_wide).collect()
                }
                false => view.columns.iter().map(|name| column(name, &all)).collect::<Result<_, _>>()?,
            };
            let cells = chosen.iter().map(|column| (column.name, (column.cell)(item)));
            let cells: Vec<(&str, String)> = cells.filter(|(_, cell)| !cell.is_empty()).collect();
            let width = cells.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
            for (name, cell) in cells {
                let cell = cell.trim_end().replace('\n', &format!("\n{:width$}  ", ""));
                text(&format!("{name:<width$}  {cell}\n"));
            }
            Ok(())
        }
    }
}

/// Print one thing for machines.
pub fn machine<T: Serialize>(item: &T, form: Form) -> Result<(), Error> {
    let printed = match form {
        Form::Yaml => yaml(item)?,
        _ => serde_json::to_string_pretty(item).map_err(|why| unprintable(&why))?,
    };
    let end = if printed.ends_with('\n') { "" } else { "\n" };
    machine_text(&(printed + end), form);
    Ok(())
}

/// The same value as YAML, `"\u009b"` for what a terminal would obey: the crate writes such
/// characters as they are, which YAML forbids.
pub fn yaml<T: Serialize>(item: &T) -> Result<String, Error> {
    let text = serde_saphyr::to_string(item).map_err(|why| unprintable(&why))?;
    if !text.contains(|c: char| c != '\n' && steers(c)) {
        return Ok(text);
    }
    let mut value = serde_json::to_value(item).map_err(|why| unprintable(&why))?;
    let mut odd = vec![];
    set_aside(&mut value, &mut odd);
    let mut text = serde_saphyr::to_string(&value).map_err(|why| unprintable(&why))?;
    // From the last: `odd-1` begins `odd-10`.
    for (at, string) in odd.iter().enumerate().rev() {
        // A string of JSON is a quoted scalar of YAML.
        let quoted = serde_json::to_string(string).map_err(|why| unprintable(&why))?;
        text = text.replace(&placeholder(at), &escaped_json(&quoted));
    }
    Ok(text)
}

/// Put a plain word in place of each string that YAML cannot show.
fn set_aside(value: &mut serde_json::Value, odd: &mut Vec<String>) {
    let mut put = |text: &mut String| {
        if text.contains(|c: char| c != '\n' && steers(c)) {
            odd.push(std::mem::replace(text, placeholder(odd.len())));
        }
    };
    match value {
        serde_json::Value::String(text) => put(text),
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| set_aside(item, odd)),
        serde_json::Value::Object(fields) => {
            let pairs: Vec<(String, serde_json::Value)> = std::mem::take(fields).into_iter().collect();
            for (mut key, mut value) in pairs {
                if key.contains(steers) {
                    odd.push(std::mem::replace(&mut key, placeholder(odd.len())));
                }
                set_aside(&mut value, odd);
                fields.insert(key, value);
            }
        }
        _ => {}
    }
}

fn placeholder(at: usize) -> String {
    format!("smog-set-this-string-aside-{at}")
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
    for value in &mut values {
        only_fields(value, &view.columns);
    }
    machine(&values, view.form)
}

/// Keep only the fields of these names; all, when none is named.
pub fn only_fields(value: &mut serde_json::Value, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let kept = names.iter().filter_map(|name| {
        let object = value.as_object()?;
        let (name, value) = object.iter().find(|(key, _)| same(key, name))?;
        Some((name.clone(), value.clone()))
    });
    *value = serde_json::Value::Object(kept.collect());
}

/// The columns of these names.
pub fn columns<T: Show>(names: &[String]) -> Result<Vec<&'static Column<T>>, Error> {
    let all: Vec<&'static Column<T>> = T::COLUMNS.iter().collect();
    names.iter().map(|name| column(name, &all)).collect()
}

fn field<'a>(value: &'a serde_json::Value, name: &str) -> Option<&'a serde_json::Value> {
    value.as_object()?.iter().find(|(key, _)| same(key, name)).map(|(_, value)| value)
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

/// Columns that had another name until the last release: the old one, and the one of today.
const RENAMED: &[(&str, &str)] = &[("cells", "NUMA nodes"), ("cells", "nodes"), ("cell", "node")];

/// The column a person means: case, spaces, dashes and underscores do not matter.
fn column<'a, T>(asked: &str, all: &[&'a Column<T>]) -> Result<&'a Column<T>, Error> {
    let found = all.iter().find(|column| same(column.name, asked)).or_else(|| {
        let mut beginning = all.iter().filter(|column| plainly(column.name).starts_with(&plainly(asked)));
        beginning.next().filter(|_| beginning.next().is_none())
    });
    let found = found.or_else(|| {
        let (_, now) = RENAMED
            .iter()
            .find(|(old, now)| same(old, asked) && all.iter().any(|column| same(column.name, now)))?;
        note(&format!("note: the column `{asked}` is now called `{now}`"));
        all.iter().find(|column| same(column.name, now))
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
        let all: Vec<&Column<smog::host::Facts>> = <smog::host::Facts as Show>::COLUMNS.iter().collect();
        assert_eq!(column("cells", &all).expect("a renamed column").name, "NUMA nodes");
        let all: Vec<&Column<smog::Guest>> = <smog::Guest as Show>::COLUMNS.iter().collect();
        // A beginning of several is of none.
        assert!(column("p", &all).is_err());
        assert_eq!(
            column("hots", &all).err().and_then(|why| why.hint()).as_deref(),
            Some("did you mean `host`?")
        );
    }

    #[test]
    fn json_keeps_its_values_without_steering_a_terminal() {
        let value = serde_json::json!({"name": "a\u{9b}b\u{202e}c\u{e0041}\u{7f}d\x1b"});
        let text = serde_json::to_string(&value).expect("json");
        let shown = escaped_json(&text);
        assert!(!shown.chars().any(steers), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("json again"), value);
    }

    #[test]
    fn yaml_has_no_raw_control_characters() {
        let value = serde_json::json!({"name": "a\x1b]0;b\x07\u{9b}c\u{202e}\r\u{7f}\u{2028}"});
        let value = serde_json::json!([value, {"plain": ["b", "tab\there", "two\nlines"], "k\u{9b}": 1}]);
        let text = yaml(&value).expect("yaml");
        assert!(!text.chars().any(|c| c != '\n' && steers(c)), "{text:?}");
        assert_eq!(serde_saphyr::from_str::<serde_json::Value>(&text).expect("yaml again"), value);
    }
}
