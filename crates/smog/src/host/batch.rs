//! Several questions in one command: the way to a host costs more than the answer.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::host::{Cmd, Exit, Host, Output, TIME_LIMIT};
use crate::quote::quote_all;

/// A longer script travels by standard input: Linux takes at most 128 KiB in one argument.
const LONGEST_ARGUMENT: usize = 64 * 1024;

/// Commands to run one after the other on one host, in one round trip.
///
/// ```no_run
/// # async fn example(host: smog::host::Host) -> smog::Result<()> {
/// use smog::host::{Batch, Cmd};
///
/// let mut batch = Batch::new();
/// let boot_id = batch.add(Cmd::new("cat").arg("/proc/sys/kernel/random/boot_id"));
/// let guests = batch.add(Cmd::new("virsh").args(["list", "--all", "--uuid"]));
/// let answers = host.ask(batch).await?;
/// let boot_id = answers.good(boot_id)?.text();
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Batch {
    cmds: Vec<Cmd>,
    /// The time limit of the whole.
    pub time_limit: Duration,
}

/// The place of one question in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask(usize);

/// The answers to a batch.
#[derive(Debug, Clone)]
pub struct Answers {
    host: Host,
    cmds: Vec<Cmd>,
    outputs: Vec<Output>,
}

impl Default for Batch {
    fn default() -> Self {
        Batch { cmds: Vec::new(), time_limit: TIME_LIMIT }
    }
}

impl Batch {
    /// No question yet.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// One more command. Its own time limit, and its standard input, do not count here.
    pub fn add(&mut self, cmd: Cmd) -> Ask {
        self.cmds.push(cmd);
        Ask(self.cmds.len() - 1)
    }

    /// How many questions there are.
    pub fn len(&self) -> usize {
        self.cmds.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cmds.is_empty()
    }
}

impl Answers {
    /// An answer, whatever its exit code.
    pub fn get(&self, ask: Ask) -> &Output {
        &self.outputs[ask.0]
    }

    /// An answer whose exit code was expected.
    ///
    /// # Errors
    /// As [`Host::run`] for this one command.
    pub fn good(&self, ask: Ask) -> Result<&Output> {
        let output = &self.outputs[ask.0];
        self.host.judge(&self.cmds[ask.0], output.clone())?;
        Ok(output)
    }

    /// All answers, in the order of the questions.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }
}

impl Host {
    /// Run all commands of a batch in one round trip, each with an output of its
    /// own. One that fails does not stop the others. As the batch only asks, it
    /// is run again when the connection is lost under way.
    ///
    /// # Errors
    /// As [`run`](Host::run) where the connection or the time limit is
    /// concerned. The exit codes are judged by [`Answers::good`].
    pub async fn ask(&self, batch: Batch) -> Result<Answers> {
        let mut outputs = Vec::with_capacity(batch.cmds.len());
        if self.is_replay() {
            for cmd in &batch.cmds {
                outputs.push(self.run(cmd.clone().any_exit()).await?);
            }
        } else if !batch.is_empty() {
            let marker = marker();
            let script = script(&batch.cmds, &marker);
            let cmd = if script.len() > LONGEST_ARGUMENT {
                Cmd::new("sh").arg("-s").stdin(script)
            } else {
                Cmd::shell(script)
            };
            let whole = self.run(cmd.time_limit(batch.time_limit).repeatable()).await?;
            outputs = split(&whole, &marker, batch.cmds.len()).ok_or_else(|| Error::Parse {
                what: format!("answers to {} questions", batch.cmds.len()),
                source_of: format!("host `{}`", self.name()),
                why: "the answer is cut off".to_string(),
            })?;
        }
        Ok(Answers { host: self.clone(), cmds: batch.cmds, outputs })
    }
}

/// A word that no output holds by accident. The standard library's hash keys
/// come from the system's random numbers.
fn marker() -> String {
    let random = || std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("smog-{:016x}{:016x}", random(), random())
}

/// After each command its exit code on standard output, and on both streams the
/// marker between two line ends: an output may end with or without one.
fn script(cmds: &[Cmd], marker: &str) -> String {
    let mut script = format!("e() {{ printf '\\n{marker} %s\\n' \"$1\"; printf '\\n{marker}\\n' >&2; }}\n");
    for cmd in cmds {
        // A script is an `sh -c` of its own, so neither `exit` nor a syntax error hurts the others.
        let argv = cmd.argv();
        let line = quote_all(argv.iter().map(String::as_str));
        script.push_str(&format!("{line} </dev/null; e $?\n"));
    }
    script.push_str("exit 0\n");
    script
}

/// The whole answer cut into the answers.
fn split(whole: &Output, marker: &str, count: usize) -> Option<Vec<Output>> {
    let (mut out, mut err) = (whole.stdout.as_slice(), whole.stderr.as_slice());
    let (out_mark, err_mark) = (format!("\n{marker} "), format!("\n{marker}\n"));
    let mut outputs = Vec::with_capacity(count);
    for _ in 0..count {
        let at = find(out, out_mark.as_bytes())?;
        let stdout = out[..at].to_vec();
        let rest = &out[at + out_mark.len()..];
        let line_end = find(rest, b"\n")?;
        let code = std::str::from_utf8(&rest[..line_end]).ok()?.parse().ok()?;
        out = &rest[line_end + 1..];
        let at = find(err, err_mark.as_bytes())?;
        let stderr = err[..at].to_vec();
        err = &err[at + err_mark.len()..];
        outputs.push(Output { stdout, stderr, exit: Exit { code }, elapsed: whole.elapsed });
    }
    Some(outputs)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
