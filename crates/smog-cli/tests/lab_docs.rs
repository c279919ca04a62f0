//! The console blocks of the README, typed on the lab in their order: what is shown there is
//! what comes out, but for what is another at each run. A block behind `<!-- not run: why -->` is
//! left out.

mod lab;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use lab::{Guests, lab};
use regex::Regex;

/// A command of a block, and the output that the document shows.
struct Typed {
    line: usize,
    command: String,
    shown: String,
}

/// The commands of all blocks that are run, and the reasons why others are not.
fn typed(document: &str) -> (Vec<Typed>, Vec<String>) {
    let (mut all, mut left_out) = (Vec::<Typed>::new(), Vec::new());
    let (mut inside, mut reason) = (false, None);
    for (number, line) in document.lines().enumerate() {
        if let Some(why) = line.strip_prefix("<!-- not run: ") {
            reason = Some(why.trim_end_matches(" -->").to_string());
        } else if line == "```console" {
            left_out.extend(reason.clone());
            inside = reason.take().is_none();
        } else if line.starts_with("```") {
            inside = false;
        } else if inside {
            match (line.strip_prefix("$ "), all.last_mut()) {
                (Some(command), _) => {
                    let command = command.to_string();
                    all.push(Typed { line: number + 1, command, shown: String::new() });
                }
                (None, Some(last)) => last.shown.push_str(&format!("{line}\n")),
                (None, None) => panic!("line {}: output without a command", number + 1),
            }
        }
    }
    (all, left_out)
}

/// What is the same at each run: states on the way are left out; numbers, ids, addresses, hosts and widths are masked; of lines
/// that are then alike one is kept; `…` stands for any lines.
fn masked(text: &str, masks: &[(Regex, &str)]) -> Vec<String> {
    let on_the_way = Regex::new(r"^  ([A-Z]+( \(.*\))?|[a-z]+( to \S+)?(, [0-9]+ of [0-9]+ [MG]iB)?)$| yet$")
        .expect("a pattern");
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !on_the_way.is_match(line)) {
        let line = masks
            .iter()
            .fold(line.to_string(), |line, (pattern, with)| pattern.replace_all(&line, *with).into_owned());
        let line = line.trim().to_string();
        if !line.is_empty() && lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines
}

fn masks() -> Vec<(Regex, &'static str)> {
    let all = [
        (r"\breq-[0-9a-f-]{36}", "REQUEST"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,}", "ID"),
        (r"\b\d{8}-\d{6}-[0-9a-f]+|\b\d{4}-\d{6}-[0-9a-f]+", "RUN"),
        (r"\binstance-[0-9a-f]{8}\b", "DOMAIN"),
        (r"\bcmp[12]\b", "HOST"),
        (r"\b\d+(\.\d+)*(-\d+)?\b", "N"),
        (r"\d+", "N"),
        (r"\s+", " "),
        (r"--+", "--"),
    ];
    all.map(|(pattern, with)| (Regex::new(pattern).expect("a pattern"), with)).into()
}

/// Whether the lines are those shown, where `…` stands for any.
fn alike(shown: &[String], said: &[String]) -> bool {
    match shown.split_first() {
        None => said.is_empty(),
        Some((line, rest)) if line == "…" || line == "..." => {
            (0..=said.len()).any(|skipped| alike(rest, &said[skipped..]))
        }
        Some((line, rest)) => {
            let begins = line.strip_suffix('…').map(str::trim_end);
            let fits = |one: &String| begins.map_or(one == line, |begins| one.starts_with(begins));
            said.split_first().is_some_and(|(one, others)| fits(one) && alike(rest, others))
        }
    }
}

#[test]
fn the_readme_shows_what_comes_out() {
    let begun = Instant::now();
    let _guests = Guests::named(&["web", "big"]);
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let document = std::fs::read_to_string(root.join("README.md")).expect("the README");
    let (all, left_out) = typed(&document);
    assert!(all.len() > 12 && left_out.len() < 6, "{} commands, not run: {left_out:?}", all.len());
    let masks = masks();
    let smog = Path::new(env!("CARGO_BIN_EXE_smog")).parent().expect("its folder");
    let path = format!("{}:{}", smog.display(), std::env::var("PATH").expect("PATH"));
    // Only for the variables of the lab; the commands are typed into a shell.
    lab();
    let folder = tempfile::tempdir().expect("a folder");
    let mut wrong = Vec::new();
    for one in all.iter().filter(|one| !one.command.contains('…')) {
        let output = Command::new("bash")
            .args(["-c", &format!("exec 2>&1\n{}", one.command)])
            .env("PATH", &path)
            .env("NO_COLOR", "1")
            .current_dir(folder.path())
            .output()
            .expect("bash");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !alike(&masked(&one.shown, &masks), &masked(&said, &masks)) {
            wrong.push(format!(
                "README.md:{}: $ {}\n{said}\n  shown is\n{}",
                one.line, one.command, one.shown
            ));
        }
    }
    assert!(wrong.is_empty(), "the README shows something else:\n{}", wrong.join("\n"));
    assert!(begun.elapsed().as_secs() < 90, "it took {} s", begun.elapsed().as_secs());
}

#[test]
fn a_changed_column_is_seen() {
    let masks = masks();
    let alike = |shown: &str, said: &str| alike(&masked(shown, &masks), &masked(said, &masks));
    let shown = "NAME  STATUS  HOST\nweb   ACTIVE  cmp2\n…\nlast 3 s\n";
    assert!(alike(shown, "NAME STATUS HOST\nweb ACTIVE cmp1\nany\nlast 14.5 s\n"));
    assert!(!alike(shown, "NAME STATE HOST\nweb ACTIVE cmp1\nany\nlast 14.5 s\n"));
    assert!(!alike(shown, "NAME STATUS HOST\nweb ACTIVE cmp1\nany\n"));
}
