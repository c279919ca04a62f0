//! What must hold after every fault, whatever smog was at.

use std::path::Path;

use crate::command::Ran;
use crate::fault::{ApiFault, Fault, Injector, Signal, Stdio};

/// The most memory a command may take, in MiB: the largest answer it reads is 64 MiB.
const MEMORY: u64 = 700;

/// The promises broken by how a command ended and by what it said.
pub fn of_command(fault: &Fault, ran: &Ran, secrets: &[String], logs: &Path) -> Vec<String> {
    let mut broken = vec![];
    let (out, err) = (ran.out_text(), ran.err_text());
    if ran.hung {
        broken.push(format!("hang: not at its end after {:.0} s", ran.took.as_secs_f64()));
    }
    let both = format!("{out}\n{err}");
    if ran.code == Some(101) || both.contains("panicked at") || both.contains("stack backtrace") {
        broken.push("panic".into());
    }
    if let Some(signal) = ran.signal.filter(|_| !ran.hung) {
        let sent = match fault.injector {
            Injector::Kill { signal: Signal::Kill, .. } => vec![9],
            // Before smog listens to them, the system's own way to end.
            Injector::Kill { .. } => vec![1, 2, 15],
            Injector::Stdio(_) => vec![13],
            _ => vec![],
        };
        if !sent.contains(&signal) {
            broken.push(format!("crash: ended by signal {signal}"));
        }
    }
    if let Some(code) = ran.code
        && ![0, 1, 2, 3, 4, 101, 130, 137, 141].contains(&code)
    {
        broken.push(format!("exit code {code} is none of smog's"));
    }
    if ran.memory > MEMORY {
        broken.push(format!("memory: {} MiB", ran.memory));
    }
    if let Some(byte) = raw_control(&out, &ran.out).or_else(|| raw_control(&err, &ran.err)) {
        broken.push(format!("control character {byte} in the output"));
    }
    for secret in secrets.iter().filter(|secret| secret.len() > 6) {
        if both.contains(secret.as_str()) {
            broken.push("secret: a password or token in the output".into());
        }
        if folder_holds(logs, secret) {
            broken.push("secret: a password or token in the log folder".into());
        }
    }
    broken.extend(sentence(fault, ran));
    broken.dedup();
    broken
}

/// A character that a terminal obeys; newlines and tabs are fine.
fn raw_control(text: &str, bytes: &[u8]) -> Option<String> {
    // JSON may hold C1 and bidirectional marks; C0 it never may.
    let is_json = matches!(bytes.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['));
    text.chars()
        .find(|one| match *one {
            '\n' | '\t' => false,
            '\0'..='\u{1f}' | '\u{7f}' => true,
            '\u{80}'..='\u{9f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{2028}'
            | '\u{2029}' => !is_json,
            _ => false,
        })
        .map(|one| format!("U+{:04X}", u32::from(one)))
}

fn folder_holds(folder: &Path, secret: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.filter_map(std::result::Result::ok).any(|entry| {
        let path = entry.path();
        match path.is_dir() && !path.is_symlink() {
            true => folder_holds(&path, secret),
            false => std::fs::read(&path)
                .is_ok_and(|bytes| bytes.windows(secret.len()).any(|window| window == secret.as_bytes())),
        }
    })
}

/// What failed says so in a sentence that names the cause.
fn sentence(fault: &Fault, ran: &Ran) -> Option<String> {
    let code = ran.code?;
    let cannot_be_said = matches!(
        fault.injector,
        Injector::Stdio(Stdio::ErrClosed | Stdio::ErrFull | Stdio::BothBroken | Stdio::BothAfterLine)
    );
    if code == 0 || code == 101 || cannot_be_said || ran.hung {
        return None;
    }
    let said = format!("{}\n{}", ran.err_text(), ran.out_text()).to_lowercase();
    if code == 130 {
        return (!said.contains("interrupted")).then(|| "sentence: interrupted, and no word of it".into());
    }
    if code == 141 {
        return None;
    }
    if ran.err_text().trim().is_empty() && !said.contains("fail") {
        return Some(format!("sentence: exit code {code} and nothing said"));
    }
    let causes = causes(&fault.injector);
    let named = causes.is_empty() || causes.iter().any(|cause| said.contains(cause));
    (!named).then(|| format!("sentence: the cause is not named (any of {})", causes.join(", ")))
}

/// Words of which one must be said, or none in particular.
fn causes(injector: &Injector) -> Vec<&'static str> {
    const AWAY: [&str; 12] = [
        "no answer",
        "refused",
        "closed",
        "reset",
        "end of file",
        "eof",
        "lost",
        "cut",
        "timed out",
        "broken pipe",
        "unreachable",
        "incomplete",
    ];
    match injector {
        Injector::Api { what, .. } => match what {
            ApiFault::Refuse | ApiFault::Reset { .. } | ApiFault::Close { .. } => AWAY.to_vec(),
            ApiFault::Hang | ApiFault::Delay { .. } => vec!["no answer", "timed out", "time", "gave up"],
            ApiFault::Cut { .. } | ApiFault::HalfJson | ApiFault::Empty => {
                [&AWAY[..], &["cannot read", "eof", "body", "empty"]].concat()
            }
            // Other types may say another thing truly: nothing of this name, a state that never comes.
            ApiFault::WrongTypes { .. } => vec![],
            ApiFault::Html { .. } => {
                vec![
                    "web page",
                    "html",
                    "cannot read",
                    "no keystone",
                    "not json",
                    "http 200",
                    "404",
                    "500",
                    "503",
                    "it works",
                ]
            }
            ApiFault::Garbage => vec!["no answer", "invalid http", "http", "cannot read"],
            ApiFault::Status { code, .. } => match code {
                401 => vec!["401", "not accept", "credentials", "log in"],
                403 => vec!["403", "not allow", "forbid", "role"],
                409 => vec!["409"],
                413 => vec!["413", "limits the rate", "too large"],
                429 => vec!["429", "limits the rate"],
                500 => vec!["500"],
                502 => vec!["502"],
                503 => vec!["503"],
                _ => vec!["504"],
            },
            ApiFault::Redirect { .. } => {
                vec!["redirect", "moved", "points to", "another origin", "301", "302", "303", "307", "308"]
            }
            ApiFault::GzipBomb | ApiFault::Endless => vec!["mib", "limit", "larger", "too large", "too much"],
            ApiFault::HugeHeaders => vec!["header", "no answer", "too large", "message head"],
            ApiFault::ControlCharacters { .. } => vec!["a fault", "400", "403", "409", "500"],
        },
        Injector::Ssh { .. } => [
            &AWAY[..],
            &["ssh", "not read", "unread", "is away", "is left out", "connection", "no host could"],
        ]
        .concat(),
        Injector::Disk(_) => vec!["no space", "disk", "full", "cannot write", "cannot be written"],
        Injector::Clock { .. } => vec!["clock", "time", "ahead", "behind", "expired"],
        Injector::Kill { .. } | Injector::Stdio(_) | Injector::Names(_) => vec![],
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::of_command;
    use crate::command::Ran;
    use crate::draw::draw;
    use crate::fault::{ApiFault, Fault, Injector, Service};

    fn refused() -> Fault {
        let what = ApiFault::Status { code: 503, retry_after: None };
        Fault {
            injector: Injector::Api { service: Service::Nova, from: 0, times: Some(1), what },
            ..draw(1, 1)
        }
    }

    fn broken(ran: Ran) -> String {
        of_command(&refused(), &ran, &["planted-secret".into()], Path::new("/nonexistent")).join("; ")
    }

    fn ended(code: i32, out: &str, err: &str) -> Ran {
        Ran { code: Some(code), out: out.into(), err: err.into(), ..Ran::default() }
    }

    #[test]
    fn a_command_that_keeps_its_promises_breaks_none() {
        assert_eq!(broken(ended(0, "name\nweb\n", "")), "");
        assert_eq!(broken(ended(3, "", "error: compute refused `GET /servers` with 503: no\n")), "");
        assert_eq!(broken(ended(0, "{\"name\": \"a\u{202e}\"}", "")), "", "JSON may hold what is not a C0");
    }

    #[test]
    fn every_broken_promise_is_seen() {
        let seen = |ran: Ran, word: &str| {
            let broken = broken(ran);
            assert!(broken.contains(word), "{word}: {broken:?}");
        };
        seen(ended(101, "", "thread 'main' panicked at a.rs:1:2\n503"), "panic");
        seen(ended(3, "", "error: something is wrong\n"), "cause is not named");
        seen(ended(3, "", ""), "nothing said");
        seen(ended(130, "", "error: no\n"), "no word of it");
        seen(ended(0, "a\u{1b}[31mb", ""), "U+001B");
        seen(ended(0, "{\"name\": \"a\u{7}\"}", ""), "U+0007");
        seen(ended(0, "web\u{202e}", ""), "U+202E");
        seen(ended(0, "", "token planted-secret"), "secret");
        seen(ended(77, "", "503"), "none of smog's");
        seen(Ran { signal: Some(6), ..Ran::default() }, "crash");
        seen(Ran { hung: true, took: Duration::from_secs(200), ..Ran::default() }, "hang");
        seen(Ran { memory: 5000, ..ended(0, "", "") }, "memory");
    }
}
