//! `docs/reference.md` is written from the tables of what there is to ask.

use std::fmt::Write;
use std::path::Path;

use smog::cloud::server_actions::{ALL, Kind};
use smog::environment::PREPARABLE;
use smog::findings::{KnownBugs, Proof, Rule};

const HEAD: &str = "# What there is to ask\n\n\
    Written from smog's own tables by `cargo nextest run -p smog --test reference_page`.\n";

fn page() -> Result<String, std::fmt::Error> {
    let mut page = HEAD.to_string();
    page.push_str(
        "\n## Things to prepare\n\n\
         `smog check`, `smog prepare` and Python's `cloud.environment` take them. WHO is a host, `computes`, \
         `controllers` or `all`.\n\n\
         | command | Python | example | what it is |\n|---|---|---|---|\n",
    );
    for row in PREPARABLE {
        let (form, example) = match row.is_switch() {
            true => (String::new(), format!("`{}=True`", row.keyword())),
            false => (format!(" {}", row.form), format!("`{}`", row.example)),
        };
        let help = match row.needs {
            "" => row.help.to_string(),
            needs => format!("{}; with `--{needs}`", row.help),
        };
        writeln!(page, "| `--{}{form}` | `{}` | {example} | {help} |", row.name, row.keyword())?;
    }
    page.push_str(
        "\nOptions of files: `--set [WHO/]FILE:[SECTION.]KEY=VALUE`, in Python the first argument.\n\n\
         ## Server actions\n\n\
         Subcommands of `smog guest`; in Python methods of a guest. `--no-wait` (`wait=False`) returns when Nova \
         has accepted it.\n\n\
         | command | Python | what it does | takes |\n|---|---|---|---|\n",
    );
    for action in ALL {
        let takes = action.parameters.iter().map(|parameter| {
            let value = if parameter.kind == Kind::Flag { "" } else { "=…" };
            format!("`{}{value}`: {}", parameter.name, parameter.help)
        });
        let takes: Vec<String> = takes.collect();
        writeln!(
            page,
            "| `{}` | `{}` | {} | {} |",
            action.name,
            action.method(),
            action.help,
            takes.join("; ")
        )?;
    }
    page.push_str(
        "\n## Rules of an audit\n\n\
         `smog audit --list` has them too. Shown on: `lab`, where each rule was seen to fire on its own fault on a real \
         OpenStack and was silent without it; `recording`, where only recorded or hand-written states have shown it.\n\n\
         | rule | severity | layers | what it finds | known from | shown on |\n|---|---|---|---|---|---|\n",
    );
    for rule in Rule::all() {
        let shown = match rule.proof {
            Proof::Lab => "lab",
            Proof::Recording => "recording",
        };
        writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {shown} |",
            rule.name,
            rule.severity,
            rule.layers(),
            rule.about.replace('|', "\\|"),
            rule.source
        )?;
    }
    writeln!(
        page,
        "\n## Known bugs\n\n\
         `known-bug` and `smog triage` find these in logs. `smog audit --known FILE` adds your own.\n\n\
         | bug | what goes wrong | repaired in | what to do |\n|---|---|---|---|"
    )?;
    for bug in KnownBugs::bundled().all() {
        writeln!(page, "| {} | {} | {} | {} |", bug.bug, bug.title, bug.versions, bug.advice)?;
    }
    Ok(page)
}

#[test]
fn the_page_has_what_the_tables_have() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference.md");
    let page = page().expect("a page");
    if std::fs::read_to_string(&path).unwrap_or_default() != page {
        std::fs::write(&path, page).expect("docs/reference.md");
        panic!("docs/reference.md was behind the tables; it is written again: look at it and commit it");
    }
}
