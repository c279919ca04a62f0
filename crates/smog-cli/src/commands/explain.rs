use anstyle::{AnsiColor, Style};
use smog::explain::{Explanation, Line, Topic};
use smog::{Error, ExitCode, Result};

use crate::args::names;
use crate::output::{self, Form, Painted};
use crate::print::findings::{counts, group};
use crate::session::Session;

/// Explain a guest on one page: what Nova, placement, libvirt, the kernel and the logs say about it
///
/// Every layer is asked at once, and lines where layers disagree are marked with `!`. What could not be
/// looked at is called unknown. Any state of a guest is explained as far as it goes: without a host, in
/// ERROR, shelved, deleted, while it moves, on a host that does not answer.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 all layers agree, 1 they do not, 3 some of it could not be read.")]
pub struct ExplainArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,

    /// Only this part, and deeper: server, placement, cpu, memory, host, network, disk, logs
    #[arg(value_parser = topic)]
    topic: Option<Topic>,

    /// Show for each line the command, file or call it came from
    #[arg(long)]
    raw: bool,
}

fn topic(text: &str) -> std::result::Result<Topic, String> {
    let names: Vec<&str> = Topic::ALL.into_iter().map(Topic::name).collect();
    text.parse().map_err(|_| format!("there are: {}", names.join(", ")))
}

pub async fn run(args: ExplainArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let guest = cloud.guest_even_deleted(&args.guest).await?;
    let page = cloud.explain(&guest.server, args.topic).await?;
    match session.view.form {
        Form::Json | Form::Yaml => output::machine(&page, session.view.form)?,
        _ => print(&page, args.raw, session),
    }
    Ok(page.exit_code())
}

const HEAD: Style = Style::new().bold();
const WRONG: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();

fn print(page: &Explanation, raw: bool, session: &Session) {
    output::painted(
        &Painted::default().in_style(HEAD, &page.name).plain(&format!(" ({})", page.id)).line_end(),
    );
    let lines = page.sections.iter().flat_map(|section| &section.lines);
    let width = lines.map(|line| line.what.chars().count()).max().unwrap_or(0);
    for section in &page.sections {
        output::painted(&Painted::default().in_style(HEAD, section.topic.name()).line_end());
        section.lines.iter().for_each(|one| line(one, width, raw));
    }
    if !page.findings.is_empty() {
        output::text("\n");
    }
    let mut names: Vec<&str> = Vec::new();
    for found in &page.findings {
        if !names.contains(&found.rule) {
            names.push(found.rule);
            group(
                found.rule,
                &page.findings.iter().filter(|other| other.rule == found.rule).collect::<Vec<_>>(),
            );
        }
    }
    for unknown in &page.unknown {
        output::warning(&unknown.to_string());
    }
    if session.verbose() {
        let mut sources = page.sources.clone();
        sources.sort_by_key(|source| source.took);
        for source in sources {
            let state = if source.answered { "" } else { "  (no answer)" };
            output::note(&format!("{:>7.0} ms  {}{state}", source.took.as_secs_f64() * 1000.0, source.name));
        }
        output::note(&format!("{:>7.0} ms  all of it, asked at once", page.took_s * 1000.0));
    }
    if !session.quiet {
        let rest = if page.unknown.is_empty() { "" } else { "; some of it could not be read" };
        let said = match page.tells_of_errors() {
            true => "the layers agree; the lines marked with `!` are errors that they report".to_string(),
            false => counts(&page.findings),
        };
        output::note(&format!("{said}{rest}"));
    }
}

fn line(line: &Line, width: usize, raw: bool) {
    let (mark, style) = if line.wrong { ("!", WRONG) } else { (" ", Style::new()) };
    let mut text = Painted::default()
        .in_style(style, &format!("{mark} {:<width$}", line.what))
        .plain(&format!("  {}", line.said.replace('\n', " ")));
    if raw && !line.source.is_empty() {
        text = text.in_style(DIM, &format!("  [{}]", line.source));
    }
    output::painted(&text.line_end());
}
