//! What the command shows, without a lab: the help of every command, and what each says to a
//! scripted cloud that is well, that is empty, that refuses (403), and whose hosts do not answer.
//! All of it is in snapshots to read, one file per command: `cargo insta review`.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use regex::Regex;
use smog_fake_cloud::{Fake, Trouble};

/// The lines of `commands.txt`.
const LINES: &str = include_str!("faces/commands.txt");
/// So much of one output is shown.
const LONGEST: usize = 70;
/// Names that are in the scripted cloud.
const NAMES: &[&str] =
    &["web", "cmp1", "m1.nano", "cirros", "private", "racks", "apart", "ops", "default", "admin"];

/// Every command of the tree that does something itself, by its words.
fn leaves(command: &clap::Command, before: &[String], all: &mut Vec<Vec<String>>) {
    let inner: Vec<_> =
        command.get_subcommands().filter(|one| !one.is_hide_set() && one.get_name() != "help").collect();
    for one in &inner {
        let words = [before, &[one.get_name().to_string()]].concat();
        leaves(one, &words, all);
    }
    if inner.is_empty() {
        all.push(before.to_vec());
    }
}

/// Check every text against the snapshot of its name; all of them are looked at before one fails.
fn assert_all(texts: Vec<(String, String)>) {
    let wrong: Vec<String> = texts
        .into_iter()
        .filter(|(name, text)| {
            std::panic::catch_unwind(|| {
                let mut settings = insta::Settings::clone_current();
                settings.set_prepend_module_to_snapshot(false);
                settings.set_snapshot_path("faces");
                settings.set_omit_expression(true);
                settings.bind(|| insta::assert_snapshot!(name.as_str(), text));
            })
            .is_err()
        })
        .map(|(name, _)| name)
        .collect();
    assert!(wrong.is_empty(), "these differ from their snapshots in tests/faces/: {}", wrong.join(", "));
}

#[test]
fn every_help() {
    let mut root = smog_cli::command().term_width(100);
    root.build();
    let mut texts = vec![("help".to_string(), root.render_long_help().to_string())];
    let tops: Vec<_> = root.get_subcommands().filter(|one| one.get_name() != "help").cloned().collect();
    for top in tops.iter().filter(|one| !one.is_hide_set()) {
        let mut text = String::new();
        helps(top, &mut text);
        texts.push((format!("help-{}", top.get_name()), text));
    }
    assert_all(texts);
}

/// The help of a command and of those below it, without what all commands share.
fn helps(command: &clap::Command, text: &mut String) {
    let help = command.clone().term_width(100).render_long_help().to_string();
    let mut shared = false;
    for line in help.lines() {
        if line.ends_with(':') && !line.starts_with(' ') {
            shared = ["Cloud:", "Output:"].contains(&line);
        }
        if !shared {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    for one in command.get_subcommands().filter(|one| !one.is_hide_set() && one.get_name() != "help") {
        text.push_str("\n----------------------------------------\n");
        helps(one, text);
    }
}

#[test]
fn every_command_has_a_line_in_commands_txt() {
    let mut all = Vec::new();
    leaves(&smog_cli::command(), &[], &mut all);
    assert!(all.len() > 100, "{all:?}");
    let named = |words: &[String]| {
        LINES.lines().filter_map(|line| line.split_once(' ')).any(|(_, line)| {
            let line: Vec<&str> = line.split(' ').collect();
            line.len() >= words.len() && line.iter().zip(words).all(|(one, other)| one == other)
        })
    };
    let missing: Vec<String> =
        all.into_iter().filter(|words| !named(words)).map(|words| words.join(" ")).collect();
    assert!(missing.is_empty(), "tests/faces/commands.txt has no line for: {}", missing.join(", "));
}

/// One command to run.
struct Run {
    file: String,
    /// It is the first of its line: what is to be seen when all is well.
    first: bool,
    trouble: Trouble,
    words: Vec<String>,
}

/// What is run for a line: in all forms, with a name that is not there, and with each trouble.
fn runs_of(kind: &str, line: &str) -> Vec<Run> {
    let words: Vec<String> = line.split(' ').map(str::to_string).collect();
    let is_change = kind == "change";
    let with = |more: &[&str], trouble: Trouble, words: &[String]| {
        let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
        let more = more.iter().chain(is_change.then_some(&"--dry-run")).map(|word| word.to_string());
        let words = [&words[..end], &more.collect::<Vec<_>>(), &words[end..]].concat();
        Run { file: words[0].clone(), first: false, trouble, words }
    };
    let mut runs = vec![with(&[], Trouble::None, &words)];
    if !is_change {
        runs.push(with(&["-o", "json"], Trouble::None, &words));
    }
    match words.iter().position(|word| NAMES.contains(&word.as_str())) {
        Some(at) => {
            let mut other = words.clone();
            other[at] = "nosuch".into();
            runs.push(with(&[], Trouble::None, &other));
        }
        None => runs.push(with(&[], Trouble::Empty, &words)),
    }
    runs.push(with(&[], Trouble::Forbidden, &words));
    if !is_change {
        runs.push(with(&[], Trouble::NoHosts, &words));
    }
    runs[0].first = true;
    runs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer() {
    let troubles = [Trouble::None, Trouble::Empty, Trouble::Forbidden, Trouble::NoHosts];
    let mut fakes = Vec::new();
    for trouble in troubles {
        fakes.push((trouble, Fake::two_guests(trouble).await));
    }
    let kinds = LINES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
    let runs: Vec<Run> =
        kinds.filter(|(kind, _)| *kind != "help").flat_map(|(kind, line)| runs_of(kind, line)).collect();
    let said: Vec<Mutex<String>> = runs.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    let mask = Mask::new(&fakes);
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(run) = runs.get(at) else { break };
                        let (_, fake) = fakes.iter().find(|(one, _)| *one == run.trouble).expect("a cloud");
                        *said[at].lock().expect("a text") = shown(fake, &mask, &run.words);
                    }
                });
            }
        });
    });
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut well = String::new();
    for (run, said) in runs.iter().zip(said) {
        let said = said.into_inner().expect("a text");
        match run.trouble {
            // What has one form only.
            Trouble::None if !run.first && said == well => continue,
            Trouble::None if run.first => well = said.clone(),
            // What needs none of it answers as well without it.
            Trouble::NoHosts | Trouble::Empty | Trouble::Forbidden if said == well => continue,
            _ => {}
        }
        let about = match run.trouble {
            Trouble::None => "",
            Trouble::Empty => "    # an empty cloud",
            Trouble::Forbidden => "    # refused (403)",
            Trouble::NoHosts => "    # no host answers",
        };
        let text = files.entry(run.file.clone()).or_default();
        text.push_str(&format!("$ smog {}{about}\n{said}\n", run.words.join(" ")));
    }
    assert_all(files.into_iter().collect());
}

/// What the command says: its output, its errors, its exit code.
fn shown(fake: &Fake, mask: &Mask, words: &[String]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smog"));
    command.env_clear().envs(fake.variables()).env("NO_COLOR", "1").args(words).stdin(Stdio::null());
    let output = command.current_dir(fake.hosts.folder()).output().expect("smog runs");
    let mut text = String::new();
    for stream in [&output.stdout, &output.stderr] {
        let stream = mask.masked(&String::from_utf8_lossy(stream));
        let lines: Vec<&str> = stream.lines().collect();
        for line in lines.iter().take(LONGEST) {
            let cut: String = line.chars().take(240).collect();
            text.push_str(if cut.len() < line.len() { cut.trim_end() } else { line.trim_end() });
            text.push('\n');
        }
        if lines.len() > LONGEST {
            text.push_str(&format!("… {} more lines\n", lines.len() - LONGEST));
        }
    }
    match output.status.code() {
        Some(0) => {}
        code => text.push_str(&format!("[exit code {}]\n", code.unwrap_or(-1))),
    }
    text
}

/// What is another at each run.
struct Mask(Vec<(Regex, &'static str)>);

impl Mask {
    fn new(fakes: &[(Trouble, Fake)]) -> Mask {
        let mut all: Vec<(Regex, &'static str)> = Vec::new();
        let mut add = |pattern: &str, text: &'static str| {
            all.push((Regex::new(pattern).expect("a pattern"), text));
        };
        for (_, fake) in fakes {
            add(&regex::escape(&fake.hosts.folder().display().to_string()), "HOME");
            add(&regex::escape(&fake.cloud.url()), "http://CLOUD");
        }
        add(r"\b\d+\.\d s\b", "TIME");
        add(r#""smog:boot": "[^"]*""#, r#""smog:boot": "ID""#);
        // When it was, how long it took, and in what order the sources answered.
        add(r#""at": "[^"]*""#, r#""at": "NOW""#);
        add(r#""(took|elapsed)_s": [0-9.e-]+"#, r#""${1}_s": 0"#);
        add(r#"(?s)"sources": \[\n.*?\n  \]"#, r#""sources": []"#);
        // Many commands ask several things at once: whichever was refused first is named.
        add(r"\w+ refused `(\w+) [^`]*`", "a service refused `$1`");
        // A long sentence is cut, later or sooner with the length of the path before.
        add(r"\(the roles of [^\n]*", "(the roles …");
        Mask(all)
    }

    fn masked(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_string(), |text, (pattern, with)| pattern.replace_all(&text, *with).into_owned())
    }
}
