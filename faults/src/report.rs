//! The counts, for people.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::campaign::say;
use crate::trial::Outcome;

/// Injected, held, failed.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    injected: u32,
    held: u32,
    failed: u32,
}

impl Count {
    fn add(&mut self, outcome: &Outcome) {
        self.injected += 1;
        match outcome.broken.is_empty() {
            true => self.held += 1,
            false => self.failed += 1,
        }
    }
}

fn is_counted(outcome: &Outcome) -> bool {
    outcome.injected || !outcome.broken.is_empty()
}

fn by(outcomes: &[Outcome], key: impl Fn(&Outcome) -> String) -> BTreeMap<String, Count> {
    let mut counts = BTreeMap::<String, Count>::new();
    for outcome in outcomes.iter().filter(|outcome| is_counted(outcome)) {
        counts.entry(key(outcome)).or_default().add(outcome);
    }
    counts
}

/// The end of a campaign; the last line is one that `./check` counts.
pub fn summary(outcomes: &[Outcome], untried: &[String], left: &[String], took: Duration) {
    say("");
    for (kind, count) in by(outcomes, |outcome| outcome.kind.clone()) {
        say(&format!(
            "{kind:<42} {:>4} injected {:>4} held {:>4} failed",
            count.injected, count.held, count.failed
        ));
    }
    for line in left {
        say(line);
    }
    let not_met = outcomes.iter().filter(|outcome| !is_counted(outcome)).count();
    let failed = outcomes.iter().filter(|outcome| !outcome.broken.is_empty()).count();
    say(&format!(
        "{} faults in {} s: {not_met} not met (the command had ended), {} not tried",
        outcomes.len(),
        took.as_secs(),
        untried.len()
    ));
    // Not met and nothing broken: the command ended as it should.
    say(&format!("{} passed, {} failed", outcomes.len() - failed, failed + untried.len() + left.len()));
}

/// The last outcome of each fault of these files.
fn read(files: &[PathBuf]) -> Result<Vec<Outcome>, String> {
    let mut all = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))?;
        for line in text.lines() {
            let outcome: Outcome =
                serde_json::from_str(line).map_err(|why| format!("{}: {why}", file.display()))?;
            all.insert((outcome.fault.seed, outcome.fault.number), outcome);
        }
    }
    Ok(all.into_values().collect())
}

/// The page docs/reliability.md.
pub fn page(files: &[PathBuf]) -> Result<String, String> {
    let outcomes = read(files)?;
    let counted: Vec<&Outcome> = outcomes.iter().filter(|outcome| is_counted(outcome)).collect();
    let failed: Vec<&&Outcome> = counted.iter().filter(|outcome| !outcome.broken.is_empty()).collect();
    let mut page = include_str!("reliability.md").to_string();
    page += &format!(
        "\n## The last campaign\n\n{} faults were injected; every promise held after {} of them, and {} broke one. \
         {} more were drawn and not met, because the command had ended before their moment.\n",
        counted.len(),
        counted.len() - failed.len(),
        failed.len(),
        outcomes.len() - counted.len()
    );
    page += &table("injected", by(&outcomes, |outcome| outcome.kind.clone()));
    page += &table("while smog does", by(&outcomes, |outcome| outcome.activity_name.clone()));
    if !failed.is_empty() {
        page +=
            "\n### What did not hold\n\n| fault | activity | injected | what broke |\n|---|---|---|---|\n";
        for outcome in failed {
            let broken = outcome.broken.join("; ").replace('|', "/").replace('\n', " ");
            let broken: String = broken.chars().filter(|one| !one.is_control()).take(160).collect();
            page += &format!(
                "| {}:{} | {} | {} | {broken} |\n",
                outcome.fault.seed,
                outcome.fault.number,
                outcome.activity_name,
                crate::campaign::injector(&outcome.fault)
            );
        }
    }
    Ok(page)
}

fn table(what: &str, counts: BTreeMap<String, Count>) -> String {
    let mut text = format!("\n| {what} | faults | held | failed |\n|---|---:|---:|---:|\n");
    for (name, count) in counts {
        text += &format!("| {name} | {} | {} | {} |\n", count.injected, count.held, count.failed);
    }
    text
}
