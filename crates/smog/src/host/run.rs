//! Running one command to its end.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::error::{Error, Result};
use crate::host::begin::{Before, hint_of_sudo, reason_of_sudo};
use crate::host::channel::{Channel, Ended};
use crate::host::leash;
use crate::host::output::tail;
use crate::host::{Cmd, Exit, Expected, Host, Line, Output, Stream};

/// How long a killed command may take to be gone: TERM, three seconds, KILL, and the way back.
pub(super) const DEATH: Duration = Duration::from_secs(6);

/// How long the streams are still read after the end, while nothing comes: a
/// daemon that the command started may hold them open for ever.
pub(super) const SILENCE: Duration = Duration::from_millis(1500);

/// So much room there is for what comes next.
const PIECE: usize = 32 << 10;

/// What came out of one attempt.
struct Attempt {
    output: Output,
    ended: Option<Ended>,
    expired: bool,
    /// It wrote more than its limit.
    too_much: bool,
    before: Option<Before>,
}

impl Host {
    /// Run a command to its end.
    ///
    /// When the future is dropped or the time limit is reached, the command is
    /// ended on the host too.
    ///
    /// # Errors
    /// [`Error::Unreachable`] and [`Error::Untrusted`] when there is no
    /// connection; [`Error::Missing`] when the program is not there;
    /// [`Error::NotFound`] when the container is not; [`Error::Auth`] when sudo
    /// refuses; [`Error::Command`] when it ended with an exit code that was not
    /// expected, or was still running at its time limit.
    pub async fn run(&self, cmd: Cmd) -> Result<Output> {
        // A connection that cannot be made is not tried for a second time: that takes as long again.
        let begun = Instant::now();
        let ended = match self.open(&cmd, false).await {
            Ok(channel) => self.finish(&cmd, channel, begun).await,
            Err(error) => return Err(self.recorded_failure(&cmd, error)),
        };
        let ended = match ended {
            Err(error) if cmd.repeatable && error.is_temporary() => match self.open(&cmd, false).await {
                Ok(channel) => self.finish(&cmd, channel, begun).await,
                Err(error) => Err(error),
            },
            result => result,
        };
        ended.map_err(|error| self.recorded_failure(&cmd, error))
    }

    /// The same error, noted where answers are recorded.
    pub(super) fn recorded_failure(&self, cmd: &Cmd, error: Error) -> Error {
        if let Some(record) = &self.recorder {
            record.note_failure(self.container.as_ref(), cmd, &error);
        }
        error
    }

    /// Run a command to its end and call `each` with every piece of its output as it comes, byte
    /// for byte, however much it is. Nothing is kept but the end of standard error, for the error.
    ///
    /// # Errors
    /// As [`run`](Host::run).
    pub async fn run_pieces(&self, cmd: Cmd, mut each: impl FnMut(Stream, &[u8])) -> Result<Exit> {
        let mut running = self.start(&cmd, false).await?;
        let pieces = async {
            while let Some((stream, bytes)) = running.next_piece().await? {
                each(stream, &bytes);
            }
            Ok::<_, Error>(())
        };
        match tokio::time::timeout(cmd.time_limit, pieces).await {
            Ok(Ok(())) => running.wait().await,
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let is_gone = running.stop().await.is_ok();
                Err(self.too_slow(&cmd, &[], is_gone))
            }
        }
    }

    /// Run a command to its end and call `each` for every line while it runs.
    /// The output has all lines too.
    ///
    /// # Errors
    /// As [`run`](Host::run).
    pub async fn run_lines(&self, cmd: Cmd, mut each: impl FnMut(&Line)) -> Result<Output> {
        let begun = Instant::now();
        let mut running = self.start(&cmd, false).await?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let lines = async {
            while let Some(line) = running.next_line().await? {
                let into = if line.stream == crate::host::Stream::Out { &mut stdout } else { &mut stderr };
                into.extend_from_slice(line.text.as_bytes());
                into.push(b'\n');
                each(&line);
                if stdout.len() + stderr.len() > cmd.output_limit {
                    return Err(self.too_much(&cmd, &stderr));
                }
            }
            Ok::<_, Error>(())
        };
        let in_time = tokio::time::timeout(cmd.time_limit, lines).await;
        let exit = match in_time {
            Ok(Ok(())) => running.wait().await?,
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                // Whatever its end is now, the time limit is the reason.
                let is_gone = running.stop().await.is_ok();
                return Err(self.too_slow(&cmd, &stderr, is_gone));
            }
        };
        self.judge(&cmd, Output { stdout, stderr, exit, elapsed: begun.elapsed() })
    }

    async fn finish(&self, cmd: &Cmd, channel: Channel, begun: Instant) -> Result<Output> {
        let mut attempt = collect(channel, cmd).await;
        attempt.output.elapsed = begun.elapsed();
        let ended = attempt.ended.is_some();
        match attempt.ended {
            _ if attempt.expired => Err(self.too_slow(cmd, &attempt.output.stderr, ended)),
            _ if attempt.too_much => Err(self.too_much(cmd, &attempt.output.stderr)),
            Some(Ended::Exited(exit)) => {
                let output = Output { exit, ..attempt.output };
                self.begun(cmd, exit, attempt.before.as_ref())?;
                self.record(cmd, &output);
                self.judge(cmd, output)
            }
            Some(Ended::Lost(why)) => Err(self.lost(cmd, &why)),
            None => Err(self.lost(cmd, "its exit status was not received")),
        }
    }

    pub(super) fn record(&self, cmd: &Cmd, output: &Output) {
        if let Some(record) = &self.recorder {
            record.note(self.container.as_ref(), cmd, output);
        }
    }

    pub(super) fn lost(&self, cmd: &Cmd, why: &str) -> Error {
        Error::Unreachable {
            what: format!("host `{}`", self.name()),
            why: format!("the connection was lost while `{}` ran: {why}", cmd.line()),
            hint: "whether the command finished there is unknown; the next command connects again"
                .to_string()
                .into(),
        }
    }

    /// `ended` says whether it is known that the command has ended since.
    fn too_slow(&self, cmd: &Cmd, stderr: &[u8], ended: bool) -> Error {
        let limit = cmd.time_limit;
        let limit = match limit.subsec_millis() {
            0 => format!("{} s", limit.as_secs()),
            _ => format!("{:.1} s", limit.as_secs_f64()),
        };
        Error::Command {
            host: self.name().to_string(),
            command: cmd.line(),
            exit: match ended {
                true => format!("no end within {limit} (it was killed)"),
                false => format!("no end within {limit} (whether it has ended there since is not known)"),
            },
            stderr: tail(stderr),
        }
    }

    fn too_much(&self, cmd: &Cmd, stderr: &[u8]) -> Error {
        let limit = match cmd.output_limit {
            bytes if bytes < 1 << 20 => format!("{bytes} bytes"),
            bytes => format!("{} MiB", bytes >> 20),
        };
        Error::Command {
            host: self.name().to_string(),
            command: cmd.line(),
            exit: format!("more than {limit} of output, the most that is read of a command (it is killed)"),
            stderr: tail(stderr),
        }
    }

    /// The error for a command that was never started, with the reason of who stood in its way.
    pub(super) fn begun(&self, cmd: &Cmd, exit: Exit, before: Option<&Before>) -> Result<()> {
        let Some((before, said)) = before.and_then(|before| Some((before, before.instead()?))) else {
            return Ok(());
        };
        if let Some(error) = self.not_there(cmd, exit.code, &said) {
            return Err(error);
        }
        if before.by_sudo {
            let reason = reason_of_sudo(&said);
            return Err(Error::Auth {
                message: format!("no root on host `{}`: {reason}", self.name()),
                hint: hint_of_sudo(reason).to_string().into(),
            });
        }
        Err(Error::Command {
            host: self.name().to_string(),
            command: cmd.line(),
            exit: format!("{exit} before it was started"),
            stderr: tail(said.as_bytes()),
        })
    }

    /// The error for a program or a container that is not there.
    fn not_there(&self, cmd: &Cmd, code: i32, stderr: &str) -> Option<Error> {
        if code == 127
            && let Some(program) = not_found(cmd, stderr)
        {
            return Some(self.missing(&program));
        }
        let container = self.container().filter(|container| container.is_gone(code, stderr))?;
        Some(Error::NotFound {
            what: "container".to_string(),
            name: format!("{} on {}", container.name, self.name()),
            near: Vec::new(),
        })
    }

    /// The output, or the error its exit code stands for.
    pub(super) fn judge(&self, cmd: &Cmd, output: Output) -> Result<Output> {
        self.is_good(cmd, &output).map(|()| output)
    }

    /// The error an output's exit code stands for.
    pub(super) fn is_good(&self, cmd: &Cmd, output: &Output) -> Result<()> {
        let code = output.exit.code;
        let fine = match &cmd.expected {
            Expected::Any => true,
            Expected::Codes(codes) => codes.contains(&code),
        };
        if fine && !matches!(code, 1 | 125..=127) {
            return Ok(());
        }
        let stderr = tail(&output.stderr);
        if let Some(error) = self.not_there(cmd, code, &stderr) {
            return Err(error);
        }
        if fine {
            return Ok(());
        }
        Err(Error::Command {
            host: self.name().to_string(),
            command: cmd.line(),
            exit: output.exit.to_string(),
            stderr,
        })
    }

    pub(crate) fn missing(&self, program: &str) -> Error {
        let packages = match program {
            "virsh" => "libvirt-clients (Debian) or libvirt-client (RDO)",
            "numactl" => "numactl",
            "lspci" => "pciutils",
            "setsid" | "flock" | "lscpu" => "util-linux",
            "sudo" => "sudo",
            "python3" => "python3",
            "podman" => "podman",
            "docker" => "docker.io (Debian) or moby-engine (Fedora)",
            "systemctl" => "systemd",
            _ => "",
        };
        let hint = match (program, packages) {
            ("virsh", packages) => format!(
                "install {packages}; where libvirt runs in a container that smog does not find, name it for this host in smog.yml: `container: nova_libvirt`"
            ),
            ("sudo", packages) => {
                format!("install {packages}, log in as root, or set `sudo: never` for this host in smog.yml")
            }
            (_, "") => format!("install the package that holds `{program}`, or check PATH on the host"),
            (_, packages) => format!("install {packages}"),
        };
        Error::Missing { host: self.name().to_string(), program: program.to_string(), hint: hint.into() }
    }
}

/// The program the shell, or setsid, or sudo did not find.
fn not_found(cmd: &Cmd, stderr: &str) -> Option<String> {
    for line in stderr.lines().rev() {
        if let Some(rest) = line.strip_prefix("setsid: failed to execute ") {
            return rest.split(':').next().map(str::to_string);
        }
        let before = line
            .strip_suffix(": not found")
            .or(line.strip_suffix(": command not found"))
            .or(line.strip_suffix(": No such file or directory"));
        if let Some(before) = before {
            return before.rsplit(": ").next().map(|name| name.trim_matches(['‘', '’', '\'']).to_string());
        }
    }
    cmd.program().map(str::to_string)
}

/// Feed standard input, gather both outputs to their end, see the exit code; kill at the time limit.
async fn collect(channel: Channel, cmd: &Cmd) -> Attempt {
    let Channel { stdin, mut stdout, mut stderr, mark, before, ended, _slot } = channel;
    let mut stdin = Some(stdin);
    let (mut fed, mut out, mut err) = (0, Vec::new(), Vec::new());
    let (mut out_open, mut err_open, mut expired, mut too_much) = (true, true, false, false);
    let mut end = None;
    let mut deadline = tokio::time::Instant::now() + cmd.time_limit;
    while out_open || err_open {
        if out.len() + err.len() > cmd.output_limit {
            // The end of the channel ends the command; nobody waits for that.
            too_much = true;
            break;
        }
        let searched = err.len();
        for bytes in [&mut out, &mut err] {
            if bytes.capacity() - bytes.len() < PIECE / 4 {
                bytes.reserve(PIECE);
            }
        }
        tokio::select! {
            read = stdout.read_buf(&mut out), if out_open => out_open = read.is_ok_and(|count| count > 0),
            read = stderr.read_buf(&mut err), if err_open => {
                err_open = read.is_ok_and(|count| count > 0);
                if end.is_none() && let Some((code, range)) = leash::end_behind(&err, searched, &mark) {
                    err.drain(range);
                    end = Some(Ended::Exited(Exit { code }));
                }
            }
            written = feed(&mut stdin, &cmd.stdin[fed..]), if fed < cmd.stdin.len() && end.is_none() => {
                match written {
                    Ok(count) if count > 0 => fed += count,
                    // The wrapper reads all of it; one that does not has already ended, and reports that.
                    _ => fed = cmd.stdin.len(),
                }
            }
            () = tokio::time::sleep(SILENCE), if end.is_some() => break,
            () = tokio::time::sleep_until(deadline), if end.is_none() => {
                if expired {
                    break;
                }
                expired = true;
                stdin = None;
                deadline += DEATH;
            }
        }
    }
    if !out_open && !err_open && !too_much {
        // With the end of the channel its place on the connection is free as well.
        let limit = if end.is_some() { Duration::from_secs(1) } else { DEATH };
        if let Ok(seen) = tokio::time::timeout(limit, ended).await {
            end = end.or(Some(seen));
        }
    }
    let output = Output { stdout: out, stderr: err, exit: Exit::OK, elapsed: Duration::ZERO };
    Attempt { output, ended: end, expired, too_much, before }
}

type Stdin = std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>;

async fn feed(stdin: &mut Option<Stdin>, bytes: &[u8]) -> std::io::Result<usize> {
    match stdin {
        Some(stdin) => {
            let count = stdin.write(bytes).await?;
            stdin.flush().await?;
            Ok(count)
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::error::Error;
    use crate::host::begin::Before;
    use crate::host::{Cmd, Container, Engine, Exit, Host, Output, Replay};

    fn ended(code: i32, stderr: &str) -> Output {
        Output { stdout: Vec::new(), stderr: stderr.into(), exit: Exit { code }, elapsed: Duration::ZERO }
    }

    // What the programs say was seen with podman 5 and docker 26 (their sources),
    // sudo 1.9 and dash and bash (run).

    #[test]
    fn what_a_container_engine_says_is_told_apart() {
        let container = Container { engine: Engine::Podman, name: "nova_libvirt".to_string() };
        let host = Host::local("cmp1").inside(container);
        let gone =
            ended(125, "Error: no container with name or ID \"nova_libvirt\" found: no such container\n");
        let error = host.judge(&Cmd::new("virsh"), gone).expect_err("is gone");
        assert_eq!(error.to_string(), "no container called `nova_libvirt on cmp1`");
        let none = ended(127, "sh: 1: podman: not found\n");
        let error = host.judge(&Cmd::new("virsh"), none).expect_err("is missing");
        assert!(matches!(&error, Error::Missing { program, .. } if program == "podman"), "{error:?}");
    }

    #[test]
    fn what_is_not_found_is_named_by_every_shell() {
        let host = Host::local("cmp1");
        for stderr in [
            "setsid: failed to execute virsh: No such file or directory\n",
            "sh: 1: virsh: not found\n",
            "sh: line 1: virsh: command not found\n",
            "env: 'virsh': No such file or directory\n",
        ] {
            let error = host.judge(&Cmd::shell("x"), ended(127, stderr)).expect_err(stderr);
            assert!(matches!(&error, Error::Missing { program, .. } if program == "virsh"), "{error:?}");
            assert!(error.hint().expect("a hint").contains("libvirt-clients"));
        }
    }

    #[test]
    fn a_refusal_of_sudo_is_no_failure_of_the_command() {
        let host = Host::local("cmp1");
        let never = Before::new(true);
        let error = host.begun(&Cmd::new("id"), Exit { code: 1 }, Some(&never)).expect_err("sudo");
        assert!(matches!(error, Error::Auth { .. }), "{error:?}");
        // The output of a command that has begun may be anything.
        let error =
            host.judge(&Cmd::new("id"), ended(1, "sudo: a password is required\n")).expect_err("fails");
        assert!(matches!(error, Error::Command { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_recording_gives_the_same_answers_again() {
        let (host, record) = Host::local("here").with_sudo(crate::host::Sudo::Never).recording();
        let cmd = || Cmd::shell("echo out; echo err >&2; exit 3").any_exit();
        let real = host.run(cmd()).await.expect("runs");
        let replay = Replay::from_json(&record.to_json().expect("JSON")).expect("reads back");
        let again = Host::replay("here", replay.clone()).run(cmd()).await.expect("answers");
        assert_eq!((again.stdout, again.stderr, again.exit), (real.stdout, real.stderr, real.exit));
        assert_eq!(replay.asked().len(), 1);
        let unknown = Host::replay("here", replay).run(Cmd::new("id")).await.expect_err("was not recorded");
        assert!(matches!(unknown, Error::NotFound { .. }), "{unknown:?}");
    }
}
