//! `smog why-not` against Nova itself: each reason is made real on the lab, and what the command says is
//! what Nova does. Each reason has its twin: the same question with the reason taken away, which fits.
//!
//! Whoever runs it must be alone on the lab: services are disabled under it, and placement is changed.

#[path = "../lab/mod.rs"]
mod lab;

mod cloud;
mod flavors;
mod guests;

use lab::{Guests, Ran, Undo, eventually, lab, ssh, undo, unique};
use serde_json::Value;

/// Run, and it must succeed.
#[track_caller]
fn smog(args: &[&str]) -> String {
    lab().run(args).expect(0).out
}

/// Call an API.
#[track_caller]
fn api(args: &[&str]) -> String {
    smog(&[&["api", "-q"], args].concat())
}

/// A flavor, deleted at the end.
#[track_caller]
fn flavor(name: &str, args: &[&str]) -> Undo<'static> {
    let sizes = ["--vcpus", "1", "--ram", "96", "--disk", "0"];
    let sizes = sizes.chunks(2).filter(|pair| !args.contains(&pair[0])).flatten();
    let given: Vec<&str> = sizes.chain(args).copied().collect();
    smog(&[&["flavor", "create", name, "-q"], given.as_slice()].concat());
    let name = name.to_string();
    undo(move || drop(lab().run(&["flavor", "delete", &name, "-q"])))
}

/// What the command answers.
#[track_caller]
fn answer(args: &[&str]) -> (Ran, Value) {
    let ran = lab().run(&[&["why-not", "-o", "json"], args].concat());
    assert!(ran.code == 0 || ran.code == 1, "{}\n{}", ran.out, ran.err);
    let answer = ran.json();
    (ran, answer)
}

/// No host fits, and the first reason on every one is this. The server that Nova is asked for fails.
struct Row<'a> {
    reason: &'a str,
    /// Who rules it out, and by what.
    by: &'a str,
    what: &'a str,
    /// Part of the sentence.
    said: &'a str,
}

impl Row<'_> {
    #[track_caller]
    fn is_said(&self, args: &[&str]) {
        let (ran, answer) = answer(args);
        assert_eq!(ran.code, 1, "{}: {answer:#}", self.reason);
        for host in answer["hosts"].as_array().expect("hosts") {
            let first = &host["reasons"][0];
            let wanted = (self.by, self.what);
            assert_eq!(
                (first["by"].as_str(), first["what"].as_str()),
                (Some(wanted.0), Some(wanted.1)),
                "{}: {answer:#}",
                self.reason
            );
        }
        let sentence = answer["sentence"].as_str().expect("a sentence");
        assert!(sentence.contains(self.said), "{}: {sentence}", self.reason);
    }

    /// Both what the command says and, once `nova` has settled, what Nova does.
    #[track_caller]
    fn shown(&self, nova: &mut Asked, args: &[&str]) {
        self.is_said(args);
        nova.ask(self.reason, args);
    }
}

/// Servers that Nova is asked for and must find no host for: all at once, as each takes its time.
#[derive(Default)]
struct Asked(Vec<(String, String)>);

impl Asked {
    #[track_caller]
    fn ask(&mut self, reason: &str, args: &[&str]) {
        let name = unique(&format!("why-no-{}", self.0.len()));
        smog(&[&["boot", &name, "-q", "--no-wait", "--network", "none"], args].concat());
        self.0.push((name, reason.to_string()));
    }

    /// Wait until Nova has said no to all of them, and delete them.
    #[track_caller]
    fn settle(&mut self) {
        let asked = std::mem::take(&mut self.0);
        let names: Vec<&str> = asked.iter().map(|(name, _)| name.as_str()).collect();
        let servers = || lab().run(&["guest", "list", "-o", "json"]).expect(0).json();
        let status = |all: &Value, name: &str| {
            let one = all.as_array().and_then(|all| all.iter().find(|one| one["name"] == name));
            one.map(|one| one["status"].as_str().unwrap_or_default().to_string()).unwrap_or_default()
        };
        let begun = std::time::Instant::now();
        let left = loop {
            let all = servers();
            let open: Vec<_> = asked.iter().filter(|(name, _)| status(&all, name) == "BUILD").collect();
            if open.is_empty() || begun.elapsed().as_secs() > 90 {
                break asked
                    .iter()
                    .filter(|(name, _)| status(&all, name) != "ERROR")
                    .map(|(name, reason)| format!("{reason}: {}", status(&all, name)))
                    .collect::<Vec<_>>();
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        };
        lab().run(&[&["delete", "-q"], names.as_slice()].concat());
        assert!(left.is_empty(), "Nova found a host, or said nothing: {left:?}");
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        for (name, _) in &self.0 {
            lab().run(&["delete", "-q", name]);
        }
    }
}

/// A host fits.
#[track_caller]
fn fits(what: &str, args: &[&str]) {
    let (ran, answer) = answer(args);
    assert_eq!(ran.code, 0, "{what}: {answer:#}");
}

/// A host fits, and Nova finds it.
#[track_caller]
fn boots(what: &str, args: &[&str]) {
    fits(what, args);
    let name = unique("why-yes");
    let _guest = Guests::named(&[&name]);
    let ran = lab().run(&[&["boot", &name, "-q", "--network", "none"], args].concat());
    assert_eq!(ran.code, 0, "{what}: {}", ran.err);
}

const NUMA: &str = "NUMATopologyFilter";
