//! `smog test --list`: the cases, and whether each can run on this cloud.

use serde::Serialize;
use smog::show::{Column, Show};
use smog::testing::{Case, Inventory};
use smog::{Error, ExitCode};

use crate::output;
use crate::session::Session;

/// A line of the list.
#[derive(Debug, Serialize)]
struct Line {
    name: &'static str,
    summary: &'static str,
    doc: &'static str,
    tags: &'static [&'static str],
    claims: String,
    change: Option<&'static str>,
    /// Why it cannot run here; nothing when it can.
    skipped_because: Option<String>,
}

impl Show for Line {
    const PLURAL: &'static str = "cases";
    const COLUMNS: &'static [Column<Line>] = &[
        Column::new("case", |line| line.name.to_string()),
        Column::new("runs here", |line| match (&line.skipped_because, line.change) {
            (Some(why), _) => format!("no: {why}"),
            (None, Some(change)) => format!("with --prepare ({change})"),
            (None, None) => "yes".into(),
        }),
        Column::new("what", |line| line.summary.to_string()),
        Column::wide("claims", |line| line.claims.clone()),
        Column::wide("tags", |line| line.tags.join(" ")),
    ];
}

pub async fn run(chosen: &[Case], long: bool, session: &Session) -> Result<ExitCode, Error> {
    // The list itself needs no cloud; without one it does not say what runs.
    let inventory = match session.cloud().await {
        Ok(cloud) => match Inventory::look(cloud).await {
            Ok(inventory) => Some(inventory),
            Err(why @ Error::Api { status: 403, .. }) => {
                output::warning(&format!(
                    "whether they can run is not known, since only administrators may look at compute hosts: {why}"
                ));
                None
            }
            Err(why) => return Err(why),
        },
        Err(why) => {
            output::warning_of("whether they can run is not known", &why);
            None
        }
    };
    let lines: Vec<Line> = chosen
        .iter()
        .map(|case| Line {
            name: case.name,
            summary: case.summary(),
            doc: case.doc,
            tags: case.tags,
            claims: case.claims.to_string(),
            change: match &inventory {
                Some(inventory) => case.change_on(inventory).map(|change| change.name),
                None => case.change.map(|change| change.name),
            },
            skipped_because: match &inventory {
                Some(inventory) if case.change_on(inventory).is_none() => case.missing(inventory),
                _ => None,
            },
        })
        .collect();
    if long && session.view.is_for_people() {
        for line in &lines {
            output::text(&format!("{}\n", line.name));
            for text in line.doc.lines() {
                output::text(&format!("    {text}\n"));
            }
            if let Some(why) = &line.skipped_because {
                output::text(&format!("    (cannot run here: {why})\n"));
            }
            output::text("\n");
        }
    } else {
        output::list(&lines, &session.view)?;
    }
    Ok(if chosen.is_empty() { ExitCode::NothingRan } else { ExitCode::Ok })
}
