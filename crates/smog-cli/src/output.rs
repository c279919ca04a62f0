//! Printing: results to standard output, talk to standard error.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use serde::Serialize;
use smog::show::Show;
use smog::{Error, ExitCode};

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
}

const RED: Style = AnsiColor::Red.on_default().bold();
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
    let yellow = AnsiColor::Yellow.on_default().bold();
    let _ = writeln!(anstream::stderr(), "{yellow}warning{yellow:#}: {text}");
}

/// Print text to standard output. A reader that went away (`smog … | head`) is fine.
pub fn text(text: &str) {
    bytes(text.as_bytes());
}

/// Print bytes as they are to standard output.
pub fn bytes(bytes: &[u8]) {
    let mut to = std::io::stdout();
    if to.write_all(bytes).and_then(|()| to.flush()).is_err() {
        std::process::exit(i32::from(u8::from(ExitCode::Ok)));
    }
}

/// Print many things: a table for people, or all they are for machines.
pub fn list<T: Show + Serialize>(items: &[T], form: Form) -> Result<(), Error> {
    match form {
        Form::Table | Form::Wide => text(&table(items, form == Form::Wide)),
        Form::Json | Form::Yaml => machine(&items, form)?,
    }
    Ok(())
}

/// Print one thing for machines.
pub fn machine<T: Serialize>(item: &T, form: Form) -> Result<(), Error> {
    let fail = |why: String| Error::Parse { what: "the result".into(), source_of: "smog".into(), why };
    let printed = match form {
        Form::Yaml => serde_saphyr::to_string(item).map_err(|why| fail(why.to_string()))?,
        _ => serde_json::to_string_pretty(item).map_err(|why| fail(why.to_string()))?,
    };
    text(&printed);
    if !printed.ends_with('\n') {
        text("\n");
    }
    Ok(())
}

fn table<T: Show>(items: &[T], wide: bool) -> String {
    let columns: Vec<_> = T::COLUMNS.iter().filter(|column| wide || !column.wide).collect();
    let rows: Vec<Vec<String>> =
        items.iter().map(|item| columns.iter().map(|column| (column.cell)(item)).collect()).collect();
    // A column that says nothing for any row is left out of the calm form.
    let shown: Vec<usize> = (0..columns.len())
        .filter(|at| wide || *at == 0 || rows.iter().any(|row| !row[*at].is_empty()))
        .collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(
        shown.iter().map(|at| Cell::new(columns[*at].name.to_uppercase()).add_attribute(Attribute::Dim)),
    );
    for row in &rows {
        table.add_row(shown.iter().map(|at| {
            let cell = Cell::new(&row[*at]);
            match (columns[*at].name, row[*at].as_str()) {
                ("status" | "state", "ACTIVE" | "up") => cell.fg(Color::Green),
                ("status" | "state", text) if text.starts_with("ERROR") || text == "down" => {
                    cell.fg(Color::Red)
                }
                _ => cell,
            }
        }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if std::io::stdout().is_terminal() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_string()).collect();
    lines.join("\n") + "\n"
}
