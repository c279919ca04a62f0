//! Completion in real shells: names that tenants chose complete to one word, and run nothing.
//!
//! A shell that is not installed is skipped; `./check` says so (it installs them where it may).
#![expect(clippy::expect_used, reason = "tests")]

use std::path::Path;
use std::process::Command;

/// Each begins with characters of its own, so that TAB has one answer.
const NAMES: &[&str] = &[
    "n00-plain",
    "n01-$(touch${IFS}pwned)",
    "n02-`touch pwned`",
    "n03-;touch pwned",
    "n04-|touch pwned",
    "n05-&touch pwned&",
    "n06-';touch pwned;'",
    "n07-\";touch pwned;\"",
    "n08-a b",
    "n09-{a,b}",
    "n10-*",
    "n11-!!",
    "n12->pwned",
    "n13-<(touch pwned)",
    "n14-(touch pwned)",
    "n15-$'touch'\\''",
    "n16-back\\slash\\",
    "n17-größe 日本語",
    "n18-a:b=c@d",
    "n19-#comment ~x ^y",
    "n20-$((1+1))${HOME}%n[0]?",
    "n21-\ntouch pwned\n",
    "n22-\x1b]0;OWNED\x07",
    "n23-\rtouch pwned\r",
    "n24-\u{202e}dewnp",
    "n25-a\u{9b}b\u{7f}",
    "n26-tab\there",
    "~root",
    "=(touch pwned)",
    "-rf",
    "--output=json",
];

fn installed(shell: &str) -> bool {
    Command::new(shell).arg("--version").output().is_ok()
}

fn completes(shell: &str) {
    if !installed(shell) || !installed("python3") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(path.join("names.json"), serde_json::to_vec(NAMES).expect("json")).expect("written");
    let names = serde_json::json!({"guests": NAMES});
    let cache = path.join("cache/smog/names");
    std::fs::create_dir_all(&cache).expect("a folder");
    std::fs::write(cache.join(file_name()), names.to_string()).expect("written");
    let ended = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shells/complete.py"))
        .args([shell, env!("CARGO_BIN_EXE_smog")])
        .arg(path)
        .env("XDG_CACHE_HOME", path.join("cache"))
        .envs([("OS_AUTH_URL", "http://127.0.0.1:9/v3"), ("OS_USERNAME", "u"), ("OS_PASSWORD", "p")])
        .envs([("OS_PROJECT_NAME", "p"), ("OS_USER_DOMAIN_NAME", "Default")])
        .env("OS_PROJECT_DOMAIN_NAME", "Default")
        .output()
        .expect("python3");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains(" completed, 0 wrong") && !said.contains(" 0 completed"), "{said}");
}

/// As names.rs calls the file of this cloud and user.
fn file_name() -> String {
    let key: String = "envvars u http://127.0.0.1:9/v3"
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect();
    key + ".json"
}

#[test]
fn bash_completes_hostile_names_to_one_word() {
    completes("bash");
}

#[test]
fn zsh_completes_hostile_names_to_one_word() {
    completes("zsh");
}

#[test]
fn fish_completes_hostile_names_to_one_word() {
    completes("fish");
}
