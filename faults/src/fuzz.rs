//! Mutated files, records and answers: no parser may panic, hang or take the machine's memory.
//!
//! cargo-fuzz needs a nightly compiler; this is a small driver instead: inputs are mutations of
//! a corpus (recorded answers of `crates/smog/tests/data`, the lab's own files), drawn from a
//! seed. An input that breaks a promise is kept as a file.

mod corpus;
mod mutate;
mod target;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Args;

use crate::campaign::say;
use crate::proxy::lock;
use crate::rng::Rng;
use target::{TARGETS, Target};

#[derive(Debug, Args)]
pub struct FuzzArgs {
    /// domain-xml, oslo, log-records, smog-yml, clouds-yaml, openrc, agent-frames, virsh or
    /// api-json; or all
    target: String,
    /// So long for each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only the input of this number
    #[arg(long)]
    number: Option<u64>,
}

/// One input may take so long, with all checks of a debug build on a busy machine.
const SLOW: Duration = Duration::from_secs(5);

/// The panics since it was last looked at, also those of tasks.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub fn run(args: &FuzzArgs, root: &Path) -> Result<ExitCode, String> {
    let chosen: Vec<&Target> =
        TARGETS.iter().filter(|target| args.target == "all" || args.target == target.name).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        return Err(format!("no fuzz target `{}`: {}", args.target, names.join(", ")));
    }
    if let Some(code) = target::with_fake_programs()? {
        return Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)));
    }
    std::panic::set_hook(Box::new(|panic| {
        let mut panics = lock(&PANICS);
        if panics.len() < 100 {
            panics.push(panic.to_string());
        }
    }));
    let mut failed = 0;
    for target in &chosen {
        failed += fuzz(target, args, root)?;
    }
    say(&format!("{} passed, {failed} failed", chosen.len() - failed.min(chosen.len())));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Fuzz one target until its time is up; 1 when something broke.
fn fuzz(target: &Target, args: &FuzzArgs, root: &Path) -> Result<usize, String> {
    let corpus = corpus::of(target.name, root);
    if corpus.is_empty() {
        return Err(format!("no corpus for {}", target.name));
    }
    let mut feed = (target.make)()?;
    let begun = Instant::now();
    let (mut number, mut understood) = (args.number.unwrap_or(0), 0_u64);
    let mut kinds: Vec<String> = vec![];
    while begun.elapsed() < Duration::from_secs(args.seconds) {
        let input = mutate::mutated(&corpus, &mut Rng::of(args.seed, number));
        let started = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| feed(&input)));
        let panics = std::mem::take(&mut *lock(&PANICS));
        let broke = match result {
            _ if !panics.is_empty() => Some(panics[0].clone()),
            Err(_) => Some("panic".to_string()),
            Ok(Err(why)) => Some(why),
            Ok(Ok(read)) => {
                understood += u64::from(read);
                (started.elapsed() > SLOW).then(|| format!("slow: {:.1} s", started.elapsed().as_secs_f64()))
            }
        };
        if let Some(why) = broke {
            // The same place once.
            let place: String =
                why.lines().next().unwrap_or_default().chars().filter(|one| !one.is_ascii_digit()).collect();
            if !kinds.contains(&place) && kinds.len() < 20 {
                let kept = keep(target.name, number, &input);
                say(&format!(
                    "  {} {}:{number}: {why}\n    kept as {}",
                    target.name,
                    args.seed,
                    kept.display()
                ));
                kinds.push(place);
            }
        }
        number += 1;
        if args.number.is_some() {
            break;
        }
    }
    let inputs = number - args.number.unwrap_or(0);
    let _ = writeln!(
        std::io::stdout(),
        "{:<13} {inputs:>9} inputs of {} seeds in {:.0} s, {understood} understood, {} kinds of failure",
        target.name,
        corpus.len(),
        begun.elapsed().as_secs_f64(),
        kinds.len()
    );
    Ok(usize::from(!kinds.is_empty()))
}

fn keep(name: &str, number: u64, input: &[u8]) -> PathBuf {
    let folder = std::env::temp_dir().join("smog-faults-fuzz");
    let _ = std::fs::create_dir_all(&folder);
    let path = folder.join(format!("{name}-{number}"));
    let _ = std::fs::write(&path, input);
    path
}
