//! Running smog: with a deadline, its memory watched, its streams broken, a signal at its time.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio as Std};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::fault::{Signal, Stdio};

/// How a command ended.
#[derive(Debug, Clone, Default)]
pub struct Ran {
    /// The exit code, if it had one.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    pub out: Vec<u8>,
    pub err: Vec<u8>,
    pub took: Duration,
    /// It was ended at the deadline.
    pub hung: bool,
    /// The most memory it had, in MiB.
    pub memory: u64,
    /// When the timed signal was sent.
    pub signalled: Option<Instant>,
}

impl Ran {
    pub fn err_text(&self) -> String {
        String::from_utf8_lossy(&self.err).into_owned()
    }

    pub fn out_text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

/// What a command runs with.
#[derive(Debug, Clone)]
pub struct Runs {
    pub program: PathBuf,
    pub folder: PathBuf,
    pub variables: Vec<(String, String)>,
    pub stdio: Option<Stdio>,
    pub signal: Option<(Signal, Duration)>,
    pub deadline: Duration,
}

/// The most address space a command gets, in KiB: a fault must not take the machine's memory.
const ADDRESS_SPACE: &str = "4000000";

impl Runs {
    /// Run it with these words; `begun` gets its process id.
    pub fn run(&self, words: &[&str], begun: impl FnOnce(u32)) -> Ran {
        let mut command = Command::new("sh");
        let closes = match self.stdio {
            Some(Stdio::OutClosed) => " >&-",
            Some(Stdio::ErrClosed) => " 2>&-",
            Some(Stdio::OutFull) => " >/dev/full",
            Some(Stdio::ErrFull) => " 2>/dev/full",
            Some(Stdio::InClosed) => " <&-",
            _ => "",
        };
        let joins = matches!(self.stdio, Some(Stdio::BothBroken | Stdio::BothAfterLine));
        let joined = if joins { " 2>&1" } else { "" };
        // Signals that are ignored here (by nohup, say) are not ignored there.
        let script =
            format!("ulimit -v {ADDRESS_SPACE}; exec env --default-signal \"$0\" \"$@\"{closes}{joined}");
        command.arg("-c").arg(script).arg(&self.program).args(words);
        command.current_dir(&self.folder).env_clear().envs(self.variables.iter().cloned());
        command.stdin(Std::null()).stdout(Std::piped()).stderr(Std::piped()).process_group(0);
        let started = Instant::now();
        let Ok(mut child) = command.spawn() else { return Ran { hung: true, ..Ran::default() } };
        begun(child.id());
        let out = reader(child.stdout.take(), self.stdio);
        let err = reader(child.stderr.take(), None);
        let mut ran = self.wait(&mut child, started);
        let rest = Duration::from_secs(3);
        ran.out = out.recv_timeout(rest).unwrap_or_default();
        ran.err = err.recv_timeout(rest).unwrap_or_default();
        ran
    }

    fn wait(&self, child: &mut Child, started: Instant) -> Ran {
        let mut ran = Ran::default();
        let id = child.id();
        let mut looks = 0_u32;
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                (ran.code, ran.signal, ran.took) = (status.code(), status.signal(), started.elapsed());
                return ran;
            }
            if looks.is_multiple_of(4) {
                ran.memory = ran.memory.max(peak_memory(id));
            }
            looks += 1;
            if let Some((signal, when)) = self.signal
                && ran.signalled.is_none()
                && started.elapsed() >= when
            {
                ran.signalled = Some(Instant::now());
                send(signal, id);
            }
            if started.elapsed() > self.deadline {
                ran.hung = true;
                send(Signal::Kill, id);
                let _ = child.wait();
                ran.took = started.elapsed();
                return ran;
            }
            std::thread::sleep(Duration::from_millis(15));
        }
    }
}

/// Send a signal to one process.
pub fn send(signal: Signal, id: u32) {
    let _ = Command::new("kill").args([format!("-{}", signal.name()), id.to_string()]).status();
}

/// VmHWM of /proc/PID/status, in MiB.
fn peak_memory(id: u32) -> u64 {
    let text =
        std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Read a stream in a thread of its own, or go away from it as the fault says.
fn reader(from: Option<impl Read + Send + 'static>, stdio: Option<Stdio>) -> mpsc::Receiver<Vec<u8>> {
    let (to, result) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let Some(mut from) = from else { return };
        match stdio {
            Some(Stdio::OutBroken | Stdio::BothBroken) => {}
            Some(Stdio::BothAfterLine) => {
                let mut one = [0];
                while matches!(from.read(&mut one), Ok(1)) {
                    bytes.push(one[0]);
                    if one[0] == b'\n' {
                        break;
                    }
                }
            }
            _ => {
                // The first 16 MiB are looked at.
                let _ = (&mut from).take(16 << 20).read_to_end(&mut bytes);
                let _ = std::io::copy(&mut from, &mut std::io::sink());
            }
        }
        let _ = to.send(bytes);
    });
    result
}
