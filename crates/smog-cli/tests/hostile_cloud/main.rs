//! Every command against a cloud that answers nonsense, and every listing whose reader is odd: no
//! panic, no raw control character, a sentence, and an exit code that is not "all is well".
//!
//! The commands are found by asking `--help`, so that a new one is tried as well.

mod cloud;
mod good;
mod pager;
mod run;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use cloud::{Cloud, HOSTILE, Kind};
use run::{LEFT_OUT, Ran, commands, each, faults, is_listing, run, smog};

#[test]
fn no_answer_of_a_cloud_breaks_a_command() {
    let home = tempfile::tempdir().expect("a folder");
    let all: Vec<Vec<String>> = commands(home.path())
        .into_iter()
        .filter(|words| !LEFT_OUT.iter().any(|(name, _)| words.join(" ").starts_with(name)))
        .collect();
    assert!(all.len() > 100, "{} commands are found", all.len());
    // All answers for listings; of the others each gets one, in turn, so that it takes no minute
    // (SMOG_TEST_ALL_ANSWERS=1 gives all to all: 1,215 runs).
    let mut tries: Vec<(Kind, &Vec<String>)> = vec![];
    for (at, words) in all.iter().enumerate() {
        match is_listing(words) || std::env::var_os("SMOG_TEST_ALL_ANSWERS").is_some() {
            true => tries.extend(HOSTILE.iter().map(|kind| (*kind, words))),
            false => tries.push((HOSTILE[at % HOSTILE.len()], words)),
        }
    }
    let wrong: Mutex<BTreeMap<String, Vec<String>>> = Mutex::default();
    each(&tries, |(kind, words)| {
        let cloud = Cloud::new(*kind);
        let home = tempfile::tempdir().expect("a folder");
        let mut command = smog(home.path(), cloud.port);
        command.args(*words);
        let ran = run(command);
        let found = faults(*kind, words, cloud.asked.load(Ordering::Relaxed), ran.code, &ran.out, &ran.err);
        if !found.is_empty() {
            let said: String = ran.err.chars().take(300).collect();
            let key = format!("{kind:?}: smog {}: {:?}", words.join(" "), said);
            wrong.lock().expect("wrong").insert(key, found);
        }
    });
    let wrong = wrong.into_inner().expect("wrong");
    let lines: Vec<String> =
        wrong.iter().map(|(what, why)| format!("{}\n    {what}", why.join(", "))).collect();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), tries.len(), lines.join("\n"));
}

#[test]
fn a_reader_that_is_odd_ends_a_listing_cleanly() {
    let home = tempfile::tempdir().expect("a folder");
    let cloud = Cloud::new(Kind::Good);
    let mut listings: Vec<Vec<String>> =
        commands(home.path()).into_iter().filter(|words| is_listing(words)).collect();
    assert!(listings.len() >= 12, "{listings:?}");
    listings.extend(
        [
            "--help",
            "--version",
            "licenses",
            "config schema",
            "completion bash",
            "completion zsh",
            "completion fish",
            "guest --help",
        ]
        .map(|line| line.split(' ').map(str::to_string).collect()),
    );
    let wrong: Mutex<Vec<String>> = Mutex::default();
    each(&listings, |words| {
        let in_shell = |end: &str| {
            let own = smog(home.path(), cloud.port);
            let mut command = Command::new("sh");
            command.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.current_dir(home.path()).stdin(Stdio::null());
            command.args(["-c", &format!("\"$0\" \"$@\" {end}"), env!("CARGO_BIN_EXE_smog")]).args(words);
            run(command)
        };
        let fault = |what: &str, ran: &Ran| {
            wrong.lock().expect("wrong").push(format!(
                "smog {} {what}: {:?} {}",
                words.join(" "),
                ran.code,
                ran.err
            ));
        };
        let full = in_shell(">/dev/full");
        // A list of nothing has nothing to say on standard output.
        let says_nothing = run({
            let mut command = smog(home.path(), cloud.port);
            command.args(words);
            command
        })
        .out
        .is_empty();
        if !says_nothing
            && (matches!(full.code, None | Some(0 | 101)) || !full.err.contains("standard output"))
        {
            fault(">/dev/full", &full);
        }
        let head = in_shell("| head -1");
        if head.code != Some(0) || head.err.contains("error") || head.err.contains("panicked") {
            fault("| head -1", &head);
        }
        let closed = in_shell(">&-");
        if !matches!(closed.code, Some(0..=4)) || closed.err.contains("panicked") {
            fault(">&-", &closed);
        }
    });
    let wrong = wrong.into_inner().expect("wrong");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A proxy that answers every request with one status.
fn proxy(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 8192]);
            let page = "<html>no</html>";
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            );
            let _ = stream.write_all(head.as_bytes());
        }
    });
    port
}

#[test]
fn a_proxy_that_refuses_is_named_without_its_password() {
    let home = tempfile::tempdir().expect("a folder");
    for (url, variable) in
        [("https://192.0.2.7:5000/v3", "HTTPS_PROXY"), ("http://192.0.2.7:5000/v3", "all_proxy")]
    {
        for (status, said) in [
            ("407 Proxy Authentication Required", "wants a user and a password"),
            ("403 Forbidden", "the proxy http://127.0.0.1:"),
        ] {
            let port = proxy(status);
            let mut command = smog(home.path(), 1);
            command
                .env("OS_AUTH_URL", url)
                .env(variable, format!("http://me:geheim@127.0.0.1:{port}"))
                .args(["guest", "list"]);
            let ran = run(command);
            assert_eq!(ran.code, Some(3), "{}", ran.err);
            let name = format!("the proxy http://127.0.0.1:{port} (of {variable})");
            assert!(
                ran.err.contains(said) && ran.err.contains(&name) && ran.err.contains("NO_PROXY"),
                "{}",
                ran.err
            );
            assert!(!ran.err.contains("geheim"), "{}", ran.err);
        }
    }
    // One that is not there.
    let mut command = smog(home.path(), 1);
    command
        .env("OS_AUTH_URL", "https://192.0.2.7:5000/v3")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .args(["guest", "list"]);
    let ran = run(command);
    assert!(ran.err.contains("the proxy http://127.0.0.1:1 (of HTTPS_PROXY) does not answer"), "{}", ran.err);
}
