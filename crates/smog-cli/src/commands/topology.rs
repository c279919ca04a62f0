use std::path::{Path, PathBuf};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use smog::topology::{self, Drawing, Seen, Tone, Topology};
use smog::{Cloud, Error, ExitCode, Result};

use crate::args::log::length;
use crate::args::names;
use crate::output::{self, Form, Painted, style};
use crate::session::Session;

/// Draw a host: NUMA nodes, cores, CPUs, pages and devices, and which guest may run where
///
/// The CPUs of one core stand side by side. Marks say what Nova may use a CPU for (D dedicated, S shared)
/// and whether it is isolated; the letters below are guests, where the kernel lets their vCPUs run. Of a
/// guest its host is drawn, and both hosts while it moves.
///
/// Examples:
///   smog topology cmp1
///   smog topology web-1 --watch
///   smog topology --html topology.html
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "Exit codes: 0 everything was read, 3 a host or a part of it was not.")]
pub struct TopologyArgs {
    /// A host, or a guest; default: all compute hosts
    #[arg(value_name = "HOST|GUEST", add = names::hosts_and_guests())]
    of: Option<String>,

    /// Write it as one page of HTML
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Draw with ASCII characters only
    #[arg(long)]
    ascii: bool,

    /// Draw it again whenever something changes, until Ctrl-C; a guest is followed from host to host
    #[arg(long)]
    watch: bool,

    /// With --watch, end after this time
    #[arg(long = "for", value_name = "LENGTH", value_parser = length, requires = "watch")]
    for_how_long: Option<Duration>,
}

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

pub async fn run(args: TopologyArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let seen = match &args.of {
        Some(name) => cloud.host_or_guest(name).await?,
        None => Seen::All,
    };
    if args.watch {
        return follow(&args, cloud, &seen, session).await;
    }
    let found = cloud.topology_of(&seen).await?;
    show(&found, &args, session)?;
    Ok(found.exit_code())
}

/// Look again and again; draw what differs from what was drawn last.
async fn follow(
    args: &TopologyArgs,
    cloud: &Cloud,
    seen: &Seen,
    session: &Session,
) -> Result<ExitCode, Error> {
    session.ends_itself();
    let interrupt = crate::interrupt::interrupted();
    let nobody_reads = output::reader_gone();
    let end = async {
        match args.for_how_long {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(interrupt, nobody_reads, end);
    let mut drawn: Option<Topology> = None;
    loop {
        let found = tokio::select! {
            found = cloud.topology_of(seen) => found,
            () = &mut interrupt => return Ok(ExitCode::Interrupted),
            () = &mut nobody_reads => return Ok(ExitCode::Ok),
            () = &mut end => return Ok(drawn.map_or(ExitCode::Ok, |drawn| drawn.exit_code())),
        };
        let found = match found {
            // What it is of has gone: nothing more can change.
            Err(Error::NotFound { .. } | Error::Invalid { .. }) if drawn.is_some() => {
                output::note("it is gone");
                return Ok(ExitCode::Ok);
            }
            found => found?,
        };
        if drawn.as_ref().is_none_or(|drawn| found.differs_from(drawn)) {
            if !output::clear() && drawn.is_some() && session.view.is_for_people() {
                output::text("\n");
            }
            show(&found, args, session)?;
            drawn = Some(found);
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = &mut interrupt => return Ok(ExitCode::Interrupted),
            () = &mut nobody_reads => return Ok(ExitCode::Ok),
            () = &mut end => return Ok(drawn.map_or(ExitCode::Ok, |drawn| drawn.exit_code())),
        }
    }
}

fn show(found: &Topology, args: &TopologyArgs, session: &Session) -> Result<()> {
    if let Some(file) = &args.html {
        write(file, &topology::html(found))?;
    }
    match session.view.form {
        Form::Json | Form::Yaml => return output::machine(found, session.view.form),
        Form::Value => {
            values(found);
            return Ok(());
        }
        Form::Table | Form::Wide => {}
    }
    if args.html.is_none() {
        draw(found, args.ascii);
    } else if !session.quiet {
        output::note(&format!("written: {}", args.html.as_deref().unwrap_or(Path::new("")).display()));
    }
    for why in &found.unreached {
        output::warning(&format!("not read: {why}"));
    }
    Ok(())
}

fn draw(found: &Topology, ascii: bool) {
    let how = Drawing { width: output::width(), ascii, of: found.guest.clone() };
    let mut text = Painted::default();
    if let Some(state) = &found.state {
        let at =
            found.hosts.first().map(|host| host.at.strftime("  %H:%M:%SZ").to_string()).unwrap_or_default();
        text = text.in_style(style::BOLD, state).in_style(style::DIM, &at).line_end();
    }
    for (number, host) in found.hosts.iter().enumerate() {
        if number > 0 {
            text = text.line_end();
        }
        for line in topology::lines(host, &how) {
            for piece in &line.0 {
                text = match tone(piece.tone) {
                    Some(tone) => text.in_style(tone, &piece.text),
                    None => text.plain(&piece.text),
                };
            }
            text = text.line_end();
        }
    }
    output::painted(&text);
}

fn tone(tone: Tone) -> Option<Style> {
    match tone {
        Tone::Plain => None,
        Tone::Dim => Some(style::DIM),
        Tone::Head | Tone::Guest => Some(style::BOLD),
        Tone::Dedicated => Some(AnsiColor::Cyan.on_default()),
        Tone::Shared => Some(AnsiColor::Yellow.on_default()),
        Tone::Chosen => Some(AnsiColor::Magenta.on_default().bold()),
        Tone::Bad => Some(style::BAD),
    }
}

/// A line per CPU: host, node, CPU, role, isolated, guests.
fn values(found: &Topology) {
    for host in &found.hosts {
        for node in &host.nodes {
            for cpu in node.cores.iter().flat_map(|core| &core.cpus) {
                let guests: Vec<&str> =
                    cpu.guests.iter().map(|sitting| host.guests[sitting.guest].name.as_str()).collect();
                let fields = [
                    host.host.clone(),
                    node.id.to_string(),
                    cpu.id.to_string(),
                    cpu.role.word().to_string(),
                    if cpu.isolated { "isolated".into() } else { String::new() },
                    guests.join(","),
                ];
                output::text(&format!(
                    "{}\n",
                    fields.map(|text| smog::show::visible_line(&text).into_owned()).join("\t")
                ));
            }
        }
    }
}

fn write(file: &Path, page: &str) -> Result<()> {
    std::fs::write(file, page).map_err(|why| Error::Invalid {
        what: format!("`{}`", file.display()),
        why: why.to_string(),
        hint: None,
    })
}
