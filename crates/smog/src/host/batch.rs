//! Several questions in one command: the way to a host costs more than the answer.

use std::time::Duration;

use jiff::Timestamp;

use crate::error::{Error, Result};
use crate::host::leash;
use crate::host::{Cmd, Exit, Host, Output, TIME_LIMIT, Wire};
use crate::quote::quote_all;

/// A longer script travels by standard input: Linux takes at most 128 KiB in one argument.
/// On its way through SSH it grows by half at the least.
const LONGEST_ARGUMENT: usize = 24 * 1024;

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
    /// Which of them may be missing in a recording.
    dispensable: Vec<usize>,
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
    missing: Vec<usize>,
    between: (Timestamp, Timestamp),
}

impl Default for Batch {
    fn default() -> Self {
        Batch { cmds: Vec::new(), dispensable: Vec::new(), time_limit: TIME_LIMIT }
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

    /// The same of a question without whose answer the others are of use: in a recording that does
    /// not hold it, it has none ([`Answers::is_missing`]). A host answers it as any other.
    pub(crate) fn add_dispensable(&mut self, cmd: Cmd) -> Ask {
        let ask = self.add(cmd);
        self.dispensable.push(ask.0);
        ask
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

    /// Whether it was not recorded; the answer is empty then.
    pub(crate) fn is_missing(&self, ask: Ask) -> bool {
        self.missing.contains(&ask.0)
    }

    /// An answer whose exit code was expected.
    ///
    /// # Errors
    /// As [`Host::run`] for this one command.
    pub fn good(&self, ask: Ask) -> Result<&Output> {
        let output = &self.outputs[ask.0];
        self.host.is_good(&self.cmds[ask.0], output)?;
        Ok(output)
    }

    /// When it was asked and when the answer had come, by this machine's clock; of a recording, as
    /// it was then.
    pub(crate) fn between(&self) -> (Timestamp, Timestamp) {
        self.between
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
        let begun = Timestamp::now();
        let (mut recorded, mut missing) = (None, Vec::new());
        if let Wire::Replay(replay) = &*self.wire {
            recorded = batch.cmds.iter().rev().find_map(|cmd| replay.times(self.container.as_ref(), cmd));
            for (at, cmd) in batch.cmds.iter().enumerate() {
                // As the host answered: whether that is good is judged later.
                match replay.answer_to(&self.name, self.container.as_ref(), cmd) {
                    Ok(output) => outputs.push(output),
                    Err(Error::NotRecorded { .. }) if batch.dispensable.contains(&at) => {
                        outputs.push(Output { exit: Exit { code: 127 }, ..Output::of("") });
                        missing.push(at);
                    }
                    Err(why) => return Err(why),
                }
            }
        } else if !batch.is_empty() {
            let marker = leash::mark();
            let script = script(&batch.cmds, &marker);
            let cmd = if script.len() > LONGEST_ARGUMENT {
                Cmd::new("sh").arg("-s").stdin(script)
            } else {
                Cmd::shell(script)
            };
            // The marker differs each time, so the single answers are what a record holds.
            let plain = Host { recorder: None, ..self.clone() };
            let whole = plain.run(cmd.time_limit(batch.time_limit).repeatable()).await;
            let whole = whole.map_err(|error| {
                batch.cmds.iter().fold(error, |error, cmd| self.recorded_failure(cmd, error))
            })?;
            outputs = split(&whole, &marker, batch.cmds.len()).ok_or_else(|| Error::Parse {
                what: format!("answers to {} questions", batch.cmds.len()),
                source_of: format!("host `{}`", self.name()),
                why: "the answer is cut off".to_string(),
            })?;
            for (cmd, output) in batch.cmds.iter().zip(&outputs) {
                self.record(cmd, output);
            }
        }
        let between = recorded.unwrap_or_else(|| (begun, Timestamp::now()));
        Ok(Answers { host: self.clone(), cmds: batch.cmds, outputs, missing, between })
    }
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
    memchr::memmem::find(bytes, what)
}

#[cfg(test)]
mod tests {
    use super::{Batch, split};
    use crate::host::{Cmd, Exit, Host, Output, Sudo};

    fn local() -> Host {
        Host::local("here").with_sudo(Sudo::Never)
    }

    #[tokio::test]
    async fn each_answer_is_its_own() {
        let mut batch = Batch::new();
        let plain = batch.add(Cmd::new("printf").arg("no line end"));
        let lines = batch.add(Cmd::shell("echo one; echo; echo two >&2; exit 3"));
        let bytes = batch.add(Cmd::shell(r"printf '\0\377\nsmog-\n'"));
        let broken = batch.add(Cmd::shell("if fi ("));
        let input = batch.add(Cmd::new("cat"));
        let left = batch.add(Cmd::shell("exit 0"));
        let answers = local().ask(batch).await.expect("answers");
        assert_eq!(answers.get(plain).stdout, b"no line end");
        assert_eq!(answers.get(lines).stdout, b"one\n\n");
        assert_eq!(answers.get(lines).stderr, b"two\n");
        assert_eq!(answers.get(lines).exit, Exit { code: 3 });
        assert!(answers.good(lines).is_err() && answers.good(plain).is_ok());
        assert_eq!(answers.get(bytes).stdout, b"\0\xff\nsmog-\n");
        assert_ne!(answers.get(broken).exit, Exit::OK);
        assert_eq!(answers.get(input).stdout, b"", "there is no input to eat");
        assert_eq!(answers.get(left).exit, Exit::OK);
    }

    #[tokio::test]
    async fn a_script_too_long_for_an_argument_travels_otherwise() {
        let mut batch = Batch::new();
        let long = "x".repeat(1000);
        let asks: Vec<_> = (0..300).map(|_| batch.add(Cmd::new("echo").arg(long.clone()))).collect();
        let answers = local().ask(batch).await.expect("answers");
        assert!(asks.iter().all(|ask| answers.get(*ask).stdout.len() == 1001));
        assert!(local().ask(Batch::new()).await.expect("nothing").outputs().is_empty());
    }

    #[test]
    fn an_answer_that_is_cut_off_is_none() {
        let whole = Output::of("a\nm 0\nb\nm");
        assert!(split(&Output { stderr: b"\nm\n\nm\n".to_vec(), ..whole }, "m", 2).is_none());
    }
}
