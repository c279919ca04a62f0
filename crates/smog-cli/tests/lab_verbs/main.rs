//! Every verb the lab can do, as a person types it.

#[path = "../lab/mod.rs"]
mod lab;

mod disagreement;
mod guests;
mod nouns;

use lab::{Guests, Ran, lab, ssh, unique};

/// Deletes something by a command at the test's end, also when it fails.
struct Undo(Vec<String>);

impl Undo {
    fn by(args: &[&str]) -> Undo {
        Undo(args.iter().map(|arg| arg.to_string()).collect())
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        let args: Vec<&str> = self.0.iter().map(String::as_str).collect();
        lab().run(&args);
    }
}

#[track_caller]
fn ok(args: &[&str]) -> Ran {
    lab().run(args).expect(0)
}
