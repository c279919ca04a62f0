//! The command, all its subcommands, and what a run of one must not show.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::cloud::Kind;

pub fn smog(home: &Path, port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smog"));
    command
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("OS_AUTH_URL", format!("http://127.0.0.1:{port}/v3"))
        .envs([("OS_USERNAME", "admin"), ("OS_PASSWORD", "p"), ("OS_PROJECT_NAME", "admin")])
        .current_dir(home)
        .stdin(Stdio::null());
    command
}

/// Commands that are not tried, and why.
pub const LEFT_OUT: &[(&str, &str)] =
    &[("shell", "it starts Python"), ("config init", "it writes the settings of this machine")];

/// Words for what a command wants, by the name in its usage.
fn word_of(name: &str) -> &'static str {
    match name {
        "ADDRESS" | "IP" => "192.0.2.5",
        "RESOURCE=LIMIT" => "cores=1",
        "KEY=VALUE" | "PAIR" | "PAIRS" | "SPEC" | "SPECS" => "hw:a=b",
        "METHOD" => "GET",
        "SERVICE" => "compute",
        "PATH" => "/servers",
        "REQUEST" => "req-11111111-2222-4333-8444-555555555555",
        "FILE" | "PUBLIC_KEY_FILE" => "/etc/hostname",
        "SHELL" => "bash",
        "COMMAND" | "COMMAND..." => "true",
        _ => "g",
    }
}

/// Every command, with words for what it must have.
pub fn commands(home: &Path) -> Vec<Vec<String>> {
    let mut found = vec![];
    let mut open: Vec<Vec<String>> = vec![vec![]];
    while let Some(words) = open.pop() {
        let help = smog(home, 1).args(&words).arg("--help").output().expect("smog runs");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        let list = help.split("\nCommands:\n").nth(1);
        if let Some(list) = list {
            for line in list.lines().take_while(|line| line.starts_with("  ") || line.is_empty()) {
                let name =
                    line.strip_prefix("  ").filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
                let Some(name) = name.and_then(|line| line.split_whitespace().next()) else { continue };
                if name != "help" {
                    open.push([words.clone(), vec![name.to_string()]].concat());
                }
            }
            continue;
        }
        let usage = help.lines().find(|line| line.starts_with("Usage:")).unwrap_or_default();
        let mut line = words.clone();
        let mut flag: Option<&str> = None;
        for word in usage.split_whitespace().skip(2 + words.len()) {
            if word.starts_with("--") && word != "--" {
                flag = Some(word);
            } else if let Some(name) =
                word.strip_prefix('<').map(|word| word.trim_end_matches("...").trim_end_matches('>'))
            {
                line.extend(flag.take().map(str::to_string));
                line.push(word_of(name.split('|').next().unwrap_or(name)).to_string());
            } else {
                flag = None;
            }
        }
        // What waits for something that never comes waits no longer than this.
        if help.contains("  --timeout <SECONDS>") {
            line.extend(["--timeout".into(), "1".into()]);
        }
        found.push(line);
    }
    found.sort();
    found
}

/// What a run must not show, and how it must end.
pub fn faults(
    kind: Kind,
    words: &[String],
    asked: usize,
    code: Option<i32>,
    out: &[u8],
    err: &str,
) -> Vec<String> {
    let mut faults = vec![];
    let Some(code) = code else { return vec!["it does not end by itself".into()] };
    if !matches!(code, 0..=4) {
        faults.push(format!("exit code {code}"));
    }
    let line = words.join(" ");
    // The first prints whatever was answered; of the second any answer of success is one.
    let takes_all = line.starts_with("api ") || line.starts_with("security-group remove-rule ");
    if code == 0
        && asked > 0
        && !takes_all
        && matches!(kind, Kind::Page | Kind::Empty | Kind::Failed | Kind::CutShort | Kind::List)
    {
        faults.push(format!("exit code 0 of {asked} answers that are none"));
    }
    if code != 0 && err.trim().is_empty() {
        faults.push(format!("exit code {code} without a sentence"));
    }
    let out = String::from_utf8_lossy(out);
    for (which, text) in [("stdout", &*out), ("stderr", err)] {
        // A console is bytes as they are.
        let is_data = which == "stdout" && line.starts_with("guest console ");
        if !is_data && text.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}') {
            faults.push(format!("a raw control character in {which}"));
        }
        for odd in [
            "panicked",
            "struct ",
            "DnsName(",
            "Some(",
            "Err(",
            "Ok(",
            "variant",
            "u64",
            "os error",
            "too many pages",
        ] {
            if text.contains(odd) {
                faults.push(format!("`{odd}` in {which}"));
            }
        }
    }
    faults
}

pub struct Ran {
    pub code: Option<i32>,
    pub out: Vec<u8>,
    pub err: String,
}

/// Run it; after 20 seconds it is ended.
pub fn run(mut command: Command) -> Ran {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("smog runs");
    fn all(from: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
        std::thread::spawn(move || {
            let mut bytes = vec![];
            let _ = from.map(|mut from| from.read_to_end(&mut bytes));
            bytes
        })
    }
    let (out, err) = (all(child.stdout.take()), all(child.stderr.take()));
    let begun = Instant::now();
    let mut code = None;
    while begun.elapsed() < Duration::from_secs(20) {
        if let Ok(Some(status)) = child.try_wait() {
            code = Some(status.code().unwrap_or(-1));
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    let err = String::from_utf8_lossy(&err.join().unwrap_or_default()).into_owned();
    Ran { code, out: out.join().unwrap_or_default(), err }
}

/// Do the work of all items on a few threads.
pub fn each<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(item);
                }
            });
        }
    });
}

pub fn is_listing(words: &[String]) -> bool {
    // The scripted cloud has no block storage: `volume list` is an error there.
    words.len() == 2 && words[1] == "list" && words[0] != "volume" || words == ["discover"]
}
