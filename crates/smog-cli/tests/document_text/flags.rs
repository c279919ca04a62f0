//! The flags there are: smog's, and those of the repository's own scripts.

use std::collections::BTreeSet;

use regex::Regex;

/// Programs of this repository that have flags of their own, beside those in `lab`.
const PROGRAMS: &[&str] =
    &["check", "bench", "demo", "faults/run", "python/check", "python/stubs", "python/smog/pytest_plugin.py"];

/// Every flag of every command, and those that the scripts of this repository take.
pub fn known() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut root = smog_cli::command();
    root.build();
    of(&root, &mut all);
    let flag = Regex::new(r#"(?m)(?:^|[ "|(\[])(--[a-z][a-z-]+)"#).expect("a pattern");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let below =
        |folder: &str| std::fs::read_dir(root.join(folder)).into_iter().flatten().filter_map(Result::ok);
    let of_lab = below("lab").chain(below("lab/tests")).map(|entry| entry.path());
    for path in PROGRAMS.iter().map(|program| root.join(program)).chain(of_lab) {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        all.extend(flag.captures_iter(&text).map(|found| found[1].to_string()));
    }
    all
}

fn of(command: &clap::Command, all: &mut BTreeSet<String>) {
    for arg in command.get_arguments() {
        all.extend(arg.get_long().map(|long| format!("--{long}")));
        all.extend(arg.get_all_aliases().unwrap_or_default().iter().map(|long| format!("--{long}")));
    }
    command.get_subcommands().for_each(|one| of(one, all));
}

/// The flag that a span of code begins with.
pub fn leading(code: &str) -> Option<String> {
    let name = code.strip_prefix("--").filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))?;
    let is_of_name = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    Some(format!("--{}", &name[..name.find(|letter| !is_of_name(letter)).unwrap_or(name.len())]))
}
