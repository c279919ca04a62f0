//! `smog-faults`: faults injected into smog at work on the lab, and what must hold after each.
//!
//! `faults/run` builds and starts it. A fault is drawn from a seed and a number, so that each
//! can be run again by its name, `SEED:NUMBER`.

mod campaign;
mod checks;
mod command;
mod desk;
mod draw;
mod fault;
mod fuzz;
mod http;
mod mangle;
mod oracle;
mod proxy;
mod relay;
mod report;
mod rng;
mod trial;
mod world;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use campaign::{Campaign, drawn, say};

/// Inject faults into smog at work on the lab
#[derive(Debug, Parser)]
#[command(name = "smog-faults")]
struct Args {
    /// The `smog` command
    #[arg(long, value_name = "FILE", default_value = "target/debug/smog")]
    smog: PathBuf,
    /// The folder of the sources
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// How many faults
    count: Option<u64>,
    /// What they are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The first number
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// At most so many at once
    #[arg(long, short, default_value_t = 4)]
    jobs: usize,
    /// Begin no more after so many seconds
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Only these faults, each SEED:NUMBER
    #[arg(long, value_name = "SEED:NUMBER")]
    only: Vec<String>,
    /// Write a line of JSON for each
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Say what they are, and run nothing
    #[arg(long)]
    list: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print docs/reliability.md of such lines
    Report { files: Vec<PathBuf> },
    /// Feed mutated files, records and answers to the parsers
    Fuzz(fuzz::FuzzArgs),
    /// Boot what no host can hold (run by `smog watch`)
    #[command(hide = true)]
    Provoke {
        name: String,
        #[arg(long)]
        image: String,
        #[arg(long)]
        giant: String,
        #[arg(long)]
        into: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(why) => {
            say(&format!("faults: {why}"));
            ExitCode::from(3)
        }
    }
}

fn run(args: &Args) -> Result<ExitCode, String> {
    match &args.verb {
        Some(Verb::Report { files }) => {
            let page = report::page(files)?;
            let _ = std::io::stdout().write_all(page.as_bytes());
            return Ok(ExitCode::SUCCESS);
        }
        Some(Verb::Fuzz(fuzz)) => return fuzz::run(fuzz, &args.root),
        Some(Verb::Provoke { name, image, giant, into }) => {
            let request = world::provoke(&oracle::Oracle::of_lab()?, name, image, giant)?;
            std::fs::write(into, request).map_err(|why| why.to_string())?;
            return Ok(ExitCode::SUCCESS);
        }
        None => {}
    }
    let faults = match args.only.is_empty() {
        true => drawn(args.seed, args.from..args.from + args.count.unwrap_or(30)),
        false => args.only.iter().map(|name| named(name)).collect::<Result<_, _>>()?,
    };
    if args.list {
        for fault in &faults {
            let line = serde_json::to_string(fault).unwrap_or_default();
            let _ = writeln!(std::io::stdout(), "{line}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let jobs = args.jobs.clamp(1, faults.len().max(1));
    let campaign = Campaign { faults, jobs, json: args.json.clone(), seconds: args.seconds };
    let begun = std::time::Instant::now();
    let world = world::World::make(args.smog.clone())?;
    let ran = campaign.run(&world);
    let left = world.left_by_kills(&world.smog);
    let unmade = world.unmake();
    let (outcomes, untried) = ran?;
    report::summary(&outcomes, &untried, &left?, begun.elapsed());
    unmade?;
    let failed = outcomes.iter().any(|outcome| !outcome.broken.is_empty());
    Ok(if failed || !untried.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// `SEED:NUMBER`
fn named(name: &str) -> Result<fault::Fault, String> {
    let parts =
        name.split_once(':').and_then(|(seed, number)| Some((seed.parse().ok()?, number.parse().ok()?)));
    let (seed, number) = parts.ok_or_else(|| format!("`{name}` is not SEED:NUMBER"))?;
    Ok(draw::draw(seed, number))
}
