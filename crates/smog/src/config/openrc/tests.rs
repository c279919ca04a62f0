//! Openrc files in variants, held against a real bash.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::*;
use crate::config::{Login, Secret};

const HEAD: &str = "export OS_AUTH_URL=http://192.0.2.1:5000/v3\nexport OS_USERNAME=u\n";

/// Everything that needs no shell.
const SIMPLE: &[&str] = &[
    "export OS_PASSWORD=plain",
    "OS_PASSWORD=plain",
    "export\tOS_PASSWORD=tab",
    "  \t export   OS_PASSWORD=blanks  ",
    "export OS_PASSWORD=abc#def",
    "export OS_PASSWORD=abc #def",
    "export OS_PASSWORD=abc;#def",
    "export OS_PASSWORD='it'\"'\"'s'",
    "export OS_PASSWORD='it'\\''s'",
    "export OS_PASSWORD=abc'd e'f",
    "export OS_PASSWORD=\"pa\\ss\"",
    "export OS_PASSWORD=\"pa\\\\ss\"",
    "export OS_PASSWORD=\"a\\\"b\\$c\\`d\"",
    "export OS_PASSWORD=a\\ b\\#c\\'d\\\"e",
    "export OS_PASSWORD='a\\b$c`d\"e'",
    "export OS_PASSWORD=\"'quoted'\"",
    "export OS_PASSWORD=''",
    "export OS_PASSWORD=",
    "export OS_PASSWORD=\"\"",
    "export OS_PASSWORD=a=b==c",
    "export OS_PASSWORD=a!b%c^d+e@f,g.h/i-j_k:l",
    "export OS_PASSWORD=\"a!b\"",
    "export OS_PASSWORD=*",
    "export OS_PASSWORD=[a-z]?",
    "OS_PASSWORD=a{b,c}d",
    "export OS_PASSWORD=\"a{b,c}d\"",
    "export OS_PASSWORD=\u{e4}\u{f6}\u{fc}\u{20ac}",
    "export OS_PASSWORD=p OS_PROJECT_NAME=pr OS_REGION_NAME=R1",
    "OS_PASSWORD=p; export OS_PROJECT_NAME=pr;OS_REGION_NAME=R1",
    "declare -x OS_PASSWORD=\"p\"",
    "declare -gx OS_PASSWORD=p",
    "typeset -x OS_PASSWORD=p",
    "OS_PASSWORD=p\nexport OS_PASSWORD",
    "OS_PASSWORD=p\nexport OS_PASSWORD OS_USERNAME",
    "export OS_PASSWORD=p\nunset OS_PASSWORD",
    "export OS_PASSWORD=p\nunset -v OS_PASSWORD OS_USERNAME",
    "export OS_PASSWORD=p\nexport OS_PASSWORD=q",
    "HOST=192.0.2.9\nexport OS_AUTH_URL=http://$HOST:5000/v3",
    "HOST=192.0.2.9\nexport OS_AUTH_URL=\"http://${HOST}:5000/v3\"",
    "HOST=192.0.2.9\nexport OS_AUTH_URL='http://$HOST:5000/v3'",
    "export OS_AUTH_URL=http://\"192.0.2.1\":5000/v3",
    "A=1 B=$A OS_PASSWORD=$B",
    "A=1\nexport A=2 OS_PASSWORD=$A",
    "A='a  b'\nexport OS_PASSWORD=$A",
    "A='a  b'\nexport OS_PASSWORD=x$A\"$A\"y",
    "export OS_PASSWORD=a\\\nb",
    "export OS_PASSWORD=\"a\\\nb\"",
    "export OS_PASSWORD='a\nb'",
    "export \\\n OS_PASSWORD=p \\\n OS_REGION_NAME=R",
    "export OS_PASSWORD=p # a comment with 'one quote",
    "# export OS_PASSWORD=p",
    "export OS_CACERT=~/ca.pem",
    "export OS_CACERT=~",
    "export OS_CACERT=\"~/ca.pem\"",
    "export OS_CACERT=/a:~/b",
    "export OS_CACERT=a~/b",
    "export OS_CACERT=$HOME/ca.pem",
    "echo \"for project $OS_PROJECT_NAME as $NOBODY\"\nexport OS_PASSWORD=p",
    "echo $OS_USERNAME # hi\nexport OS_PASSWORD=p",
    "export PS1='[\\u@\\h \\W(keystone_admin)]\\$ '\nexport OS_PASSWORD=p",
    "unset OS_NOTHING\nexport OS_PASSWORD=x$OS_NOTHING",
    "export OS_PASSWORD=$",
    "export OS_PASSWORD=\"a$\"",
    "export OS_PASSWORD=a$.b",
    "export OS_PASSWORD=\\~/x",
    "export OS_PASSWORD=p\\",
    "export _OS=1 OS_PASSWORD=p2",
    "true\n:\nexport OS_PASSWORD=p",
];

/// What bash has to read.
const FOR_BASH: &[&str] = &[
    "export OS_PASSWORD=$(printf secret)",
    "export OS_PASSWORD=`printf secret`",
    "export OS_USERNAME=${OS_USERNAME:-admin}\nexport OS_PASSWORD=${ADMIN_PASSWORD:-secret}",
    "export OS_PASSWORD=$'a\\tb'",
    "export OS_PASSWORD=p\nif [ -z \"$OS_REGION_NAME\" ]; then unset OS_REGION_NAME; fi",
    "if [[ -n \"$1\" ]]; then\n  OS_USERNAME=$1\nfi\nexport OS_PASSWORD=${OS_PASSWORD:-p}",
    "for key in a b; do export OS_PASSWORD=$key; done",
    "f() { export OS_PASSWORD=p; }\nf",
    "export OS_PASSWORD=p\nexit 0",
    "export OS_PASSWORD=p\nreturn 0\nexport OS_PASSWORD=q",
    "export OS_PASSWORD=p\nf() { return 1; }\nf",
    "export OS_PASSWORD=p\n[ -n \"$X\" ] && export OS_PASSWORD=q",
    "set -u\nexport OS_PASSWORD=${X-p}",
    "OS_PASSWORD=a\nOS_PASSWORD+=b",
    "export OS_PASSWORD=a{b,c}",
    "set -e\nexport OS_PASSWORD=p",
    "export OS_PASSWORD=\"$(echo it\\'s)\"",
    "[ -n \"$X\" ] || export OS_PASSWORD=p",
    "export OS_PASSWORD=p && export OS_REGION_NAME=R",
    "if true; then\n  export OS_PASSWORD=p\nelse\n  export OS_PASSWORD=q\nfi",
    "export OS_PASSWORD=$((6 * 7))",
    "read -r OS_PASSWORD <<< hush\nexport OS_PASSWORD",
    "cat <<EOT\nexport OS_PASSWORD=no\nEOT\nexport OS_PASSWORD=p",
    "export OS_AUTH_URL=http://${HOSTNAME:-h}:5000/v3",
    "export OS_PASSWORD=p >/dev/null",
    "readonly OS_PASSWORD=p",
];

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("openrc");
    std::fs::write(&path, text).expect("write");
    (dir, path)
}

fn surroundings() -> Surroundings {
    Surroundings { home_dir: Some("/home/u".into()), ..Surroundings::default() }
}

/// A bash of its own, in no way smog's.
fn bash(path: &std::path::Path) -> Option<BTreeMap<String, String>> {
    const DUMP: &str = "dump() { for n in ${!OS_@}; do printf '%s\\0%s\\0' \"$n\" \"${!n}\" >&9; done; }
        trap dump EXIT; f=$1; set --; . \"$f\"";
    let out = Command::new("bash")
        .args(["--noprofile", "--norc", "-c", &format!("exec 9>&1 >/dev/null 2>&1; {DUMP}"), "bash"])
        .arg(path)
        .env_clear()
        .env("HOME", "/home/u")
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let mut parts = text.split('\0').map(str::to_string);
    let mut found = BTreeMap::new();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        found.insert(name, value);
    }
    Some(found)
}

#[expect(clippy::print_stderr, reason = "a test that compares nothing says so")]
fn skipped() {
    eprintln!("SKIPPED: there is no bash here, so openrc files are compared with nothing");
}

#[test]
fn every_variant_is_read_as_bash_reads_it() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for (text, simple) in
        SIMPLE.iter().map(|text| (text, true)).chain(FOR_BASH.iter().map(|text| (text, false)))
    {
        let (_dir, path) = file(&format!("{HEAD}{text}\n"));
        // Nothing may follow a backslash at the end.
        if text.ends_with('\\') {
            std::fs::write(&path, format!("{HEAD}{text}")).expect("write");
        }
        let Some(expected) = bash(&path) else {
            return skipped();
        };
        compared += 1;
        match read(&path, &surroundings()) {
            Err(why) => wrong.push(format!("{text:?}: {why}")),
            Ok(found) if found.variables != expected => {
                wrong.push(format!("{text:?}:\n   smog {:?}\n   bash {expected:?}", found.variables));
            }
            Ok(found) if found.notices.is_empty() != simple => {
                wrong.push(format!("{text:?}: notices {:?}", found.notices));
            }
            Ok(_) => {}
        }
    }
    assert!(compared >= 80, "{compared}");
    assert!(wrong.is_empty(), "{} of {compared}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_no_shell_would_read_rightly_is_refused_with_its_line() {
    for (text, line, what) in [
        ("export OS_AUTH_URL=http://$HOST:5000/v3", 3, "`$HOST` is used"),
        ("export OS_PASSWORD=\"pa$$word\"", 3, "`$$`"),
        ("export OS_PASSWORD=pa$1", 3, "`$1`"),
        ("\nexport OS_PASSWORD='open", 5, "not closed"),
        ("export OS_PASSWORD=\"open", 4, "not closed"),
    ] {
        let (_dir, path) = file(&format!("{HEAD}{text}\n"));
        let error = read(&path, &surroundings()).err().expect(text);
        let said = error.to_string();
        assert!(said.contains(&format!("openrc:{line}: ")) && said.contains(what), "{said}");
        assert!(error.hint().unwrap_or_default().contains("source"), "{error:?}");
    }
}

#[test]
fn a_file_that_others_can_write_is_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let marker = tempfile::tempdir().expect("a folder");
    let touched = marker.path().join("touched");
    let (_dir, path) = file(&format!("{HEAD}export OS_PASSWORD=$(touch {})\n", touched.display()));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).expect("chmod");
    let error = read(&path, &surroundings()).err().expect("not run");
    assert!(error.to_string().contains("openrc:3: `$(…)` needs a shell"), "{error}");
    assert!(error.to_string().contains("everybody can write it"), "{error}");
    assert!(!touched.exists());
}

#[test]
fn horizon_s_file_asks_or_takes_the_password_that_is_known() {
    let text = format!(
        "{HEAD}export OS_PROJECT_NAME=\"pr\"\nif [ -z \"$OS_USER_DOMAIN_NAME\" ]; then unset OS_USER_DOMAIN_NAME; fi\n\
         echo \"Please enter your OpenStack Password for project $OS_PROJECT_NAME as user $OS_USERNAME: \"\n\
         read -sr OS_PASSWORD_INPUT\nexport OS_PASSWORD=$OS_PASSWORD_INPUT\nexport OS_REGION_NAME=\"R1\"\n"
    );
    let (_dir, path) = file(&text);
    let mut from = Surroundings { rc_file: Some(path.clone()), ..surroundings() };
    assert!(read(&path, &from).expect("asks").asks);
    let question = from.password_question().expect("a question").expect("asked");
    assert!(question.contains("pr") && question.contains('u'), "{question}");
    let said = from.settings().expect_err("nobody was asked");
    assert!(said.to_string().contains("asks for the password"), "{said}");
    assert!(said.hint().unwrap_or_default().contains("OS_PASSWORD"), "{said:?}");
    // Blanks, quotes and `$` in it are no matter.
    const TYPED: &str = "it's $a \"pass\\word ";
    from.password = Some(Secret::new(TYPED));
    let password = |from: &Surroundings| match from.settings().expect("settings").credentials.login {
        Login::Password { password, .. } => password.reveal().to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(password(&from), TYPED);
    assert_eq!(from.password_question().expect("known"), None);
    from.password = None;
    from.variables.insert("OS_PASSWORD".into(), "of the environment".into());
    assert_eq!(password(&from), "of the environment");
}

#[test]
fn a_file_that_asks_for_something_else_is_refused() {
    let (_dir, path) = file(&format!("{HEAD}read -p 'User: ' OS_USERNAME\nexport OS_PASSWORD=p\n"));
    let error = read(&path, &surroundings()).err().expect("asks").to_string();
    assert!(error.contains("openrc:3: `read` needs a shell, and it asks for OS_USERNAME"), "{error}");
}

#[test]
fn nothing_of_the_user_s_environment_reaches_the_file_and_nothing_is_waited_for() {
    let mut from = surroundings();
    from.variables.insert("OS_USERNAME".into(), "of the environment".into());
    let (_dir, path) = file(&format!(
        "{HEAD}export OS_REGION_NAME=${{OS_REGION_NAME:-R}}\nexport OS_PASSWORD=${{SMOG_RC_PASSWORD:-$(cat)p}}\n"
    ));
    let found = read(&path, &from).expect("read");
    assert_eq!(
        (found.variables["OS_USERNAME"].as_str(), found.variables["OS_PASSWORD"].as_str()),
        ("u", "p")
    );
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_no_part_of_a_value() {
    let (_dir, path) = file(&format!("\u{feff}{HEAD}export OS_PASSWORD=p\n").replace('\n', "\r\n"));
    let found = read(&path, &surroundings()).expect("read");
    assert_eq!(found.variables["OS_PASSWORD"], "p");
    assert_eq!(found.notices.len(), 1, "{:?}", found.notices);
}

#[test]
fn an_included_file_is_followed() {
    let (dir, path) = file(&format!("{HEAD}. ./more.rc\n"));
    std::fs::write(dir.path().join("more.rc"), "export OS_PASSWORD=more\n").expect("write");
    let from = Surroundings { current_dir: dir.path().into(), ..surroundings() };
    assert_eq!(read(&path, &from).expect("read").variables["OS_PASSWORD"], "more");
}

#[test]
fn a_file_that_stops_early_is_explained_with_its_line() {
    for (text, line, why) in [
        ("export OS_PASSWORD=$(echo p)\nexit 3", 4, "`exit` ends the file here, with 3"),
        (
            "export OS_PASSWORD=$(echo p)\nreturn 1\nexport OS_PASSWORD=q",
            4,
            "`return` ends the file here, with 1",
        ),
        ("set -u\nexport OS_PASSWORD=$(echo $NOPE)\nexport OS_PASSWORD=${NOPE}", 5, "`$NOPE` is not set"),
        ("set -e\nfalse\nexport OS_PASSWORD=p", 4, "`set -e` ends the file here: a command failed with 1"),
        ("[ -n \"$X\" ] || { echo set X; return 2; }\nexport OS_PASSWORD=p", 3, "with 2"),
        ("f() {\n  exit 7\n}\nf\nexport OS_PASSWORD=p", 4, "`exit` ends the file here, with 7"),
        ("export OS_PASSWORD=p\nif true; then\nexport OS_REGION_NAME=R", 6, "a syntax error"),
    ] {
        let (_dir, path) = file(&format!("{HEAD}{text}\n"));
        let Some(_) = bash(&path) else { return skipped() };
        let error = read(&path, &surroundings()).err().unwrap_or_else(|| panic!("{text:?} is read"));
        let said = error.to_string();
        assert!(said.contains(&format!("openrc:{line}: ")) && said.contains(why), "{text:?}: {said}");
        assert!(error.hint().unwrap_or_default().contains("fix the line"), "{error:?}");
    }
    let (_dir, path) = file(&format!("{HEAD}export OS_PASSWORD=$(no-such-store show os)\n"));
    let found = read(&path, &surroundings()).expect("read");
    assert!(
        found.notices.iter().any(|said| said.contains("openrc:3: a command in it was not found")),
        "{:?}",
        found.notices
    );
}

#[test]
fn a_file_for_another_shell_is_refused_with_its_line() {
    for (text, line, shell) in [
        ("# mine\nsetenv OS_AUTH_URL http://k:5000/v3\nsetenv OS_PASSWORD p\n", 2, "csh"),
        ("set -x OS_AUTH_URL http://k:5000/v3\n", 1, "fish"),
        ("set -gx OS_AUTH_URL 'http://k:5000/v3'\n", 1, "fish"),
        ("set --export OS_AUTH_URL http://k:5000/v3\n", 1, "fish"),
        ("@echo off\r\nset OS_AUTH_URL=http://k:5000/v3\r\n", 2, "cmd.exe"),
        ("$env:OS_AUTH_URL = \"http://k:5000/v3\"\n", 1, "PowerShell"),
        ("$env.OS_AUTH_URL = 'http://k:5000/v3'\n", 1, "nushell"),
    ] {
        let (_dir, path) = file(text);
        let error = read(&path, &surroundings()).err().unwrap_or_else(|| panic!("{text:?} is read"));
        let said = error.to_string();
        assert!(
            said.contains(&format!("openrc:{line}: ")) && said.contains(&format!("is for {shell}")),
            "{said}"
        );
        assert!(error.hint().unwrap_or_default().contains("`source` the file in"), "{error:?}");
    }
    // bash's own `set -x` is no fish.
    let (_dir, path) = file(&format!("set -x\n{HEAD}export OS_PASSWORD=p\n"));
    assert!(read(&path, &surroundings()).is_ok());
}

#[test]
fn a_file_that_is_given_up_ends_at_once_and_leaves_nothing() {
    let mark = format!("smog-test-{}", std::process::id());
    let is_left = || {
        let all = std::fs::read_dir("/proc").expect("/proc").flatten();
        let line = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        all.map(line).any(|line| {
            String::from_utf8_lossy(&line).contains(&format!("exec -a {mark}"))
                || line.starts_with(mark.as_bytes())
        })
    };
    // The kernel takes its time to end what was killed.
    let all_ended = || {
        let begun = std::time::Instant::now();
        while is_left() && begun.elapsed().as_secs() < 10 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        !is_left()
    };
    let begun = std::time::Instant::now();
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let give_up = {
        let asked = asked.clone();
        std::sync::Arc::new(move || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 5)
    };
    let (_dir, path) = file(&format!("{HEAD}export OS_PASSWORD=$(exec -a {mark} sleep 30)\n"));
    let Some(_) = bash_is_here() else { return skipped() };
    let from = Surroundings { give_up: Some(give_up), ..surroundings() };
    let error = read(&path, &from).err().expect("given up");
    assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
    assert!(all_ended());
    // What a file leaves in the background holds nothing up, and is ended.
    let (_dir, path) = file(&format!("{HEAD}(exec -a {mark} sleep 30) &\nexport OS_PASSWORD=p\n"));
    assert_eq!(read(&path, &surroundings()).expect("read").variables["OS_PASSWORD"], "p");
    assert!(begun.elapsed().as_secs() < 25, "{:?}", begun.elapsed());
    assert!(all_ended());
}

fn bash_is_here() -> Option<()> {
    Command::new("bash").args(["-c", ":"]).status().ok().map(drop)
}
