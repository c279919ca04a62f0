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

fn completion(home: &Path, words: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smog"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home);
    let output = command.env("SHELL", "/bin/bash").arg("completion").args(words).output().expect("smog runs");
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code().unwrap_or(-1), text)
}

#[test]
fn an_installed_completion_is_the_user_s_own_and_goes_again() {
    let home = tempfile::tempdir().expect("a folder");
    let home = home.path();
    for (words, file) in [
        (&["--install"][..], ".local/share/bash-completion/completions/smog"),
        (&["zsh", "--install"], ".local/share/zsh/site-functions/_smog"),
        (&["fish", "--install"], ".config/fish/completions/smog.fish"),
    ] {
        let path = home.join(file);
        let (code, said) = completion(home, words);
        assert!(code == 0 && said.contains(&format!("{}: written", path.display())), "{code} {said}");
        let text = std::fs::read_to_string(&path).expect("the script");
        assert!(text.contains("_smog_complete"), "{text}");
        let (code, said) = completion(home, words);
        assert!(code == 0 && said.contains("up to date"), "{code} {said}");
        assert_eq!(said.contains("fpath=("), file.contains("zsh"), "{said}");
        // One of an older smog is written over, someone else's is not.
        std::fs::write(&path, text.replace("_smog_complete", "_old")).expect("written");
        assert!(completion(home, words).1.contains(": written"), "an old one");
        assert_eq!(std::fs::read_to_string(&path).expect("the script"), text);
        std::fs::write(&path, "mine\n").expect("written");
        let remove: Vec<&str> =
            words.iter().map(|word| word.replace("--install", "--uninstall").leak() as &str).collect();
        for words in [words, &remove] {
            let (code, said) = completion(home, words);
            assert!(code == 2 && said.contains("is not a file that smog wrote"), "{code} {said}");
        }
        std::fs::write(&path, text).expect("written");
        assert!(completion(home, &remove).1.contains("removed") && !path.exists());
        assert_eq!(completion(home, &remove), (0, format!("{}: not there\n", path.display())));
    }
    // A .zshrc that names the folder needs no advice.
    std::fs::write(home.join(".zshrc"), "fpath=(~/.local/share/zsh/site-functions $fpath)\n")
        .expect("written");
    assert!(!completion(home, &["zsh", "--install"]).1.contains("fpath"));
    assert_eq!(completion(home, &["--install", "--uninstall"]).0, 2);
    assert_eq!(completion(home, &[]).0, 2, "a shell must be named to print its script");
}

#[test]
fn an_installed_script_completes_in_its_shell() {
    let home = tempfile::tempdir().expect("a folder");
    let home = home.path();
    let own = Path::new(env!("CARGO_BIN_EXE_smog")).parent().expect("its folder");
    let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap_or_default());
    for (shell, script) in [
        (
            "bash",
            "source ~/.local/share/bash-completion/completions/smog; COMP_LINE='smog disc'; COMP_POINT=9; _smog_complete; echo \"${COMPREPLY[@]}\"",
        ),
        ("fish", "complete -C 'smog disc'"),
    ] {
        if !installed(shell) {
            continue;
        }
        assert_eq!(completion(home, &[shell, "--install"]).0, 0);
        let mut command = Command::new(shell);
        command.env_clear().env("HOME", home).env("PATH", &path).args(["-c", script]);
        let output = command.output().expect("the shell runs");
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(out.contains("discover"), "{shell}: {out} {}", String::from_utf8_lossy(&output.stderr));
    }
}
