//! The exceptions in a record: type, message and what caused it.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::level::Level;

/// An exception found in a record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Its type as written: "nova.exception.NoValidHost".
    pub name: String,
    /// What it says; at most 2,000 characters.
    pub message: String,
    /// What led to it, the first one first: "During handling of …", "The above exception
    /// was the direct cause …", and the exception of the other side inside an RPC error.
    pub causes: Vec<Cause>,
    /// Whether the record holds its traceback, or only its name.
    pub traceback: bool,
}

/// One step on the way to an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Its type as written.
    pub name: String,
    /// What it says.
    pub message: String,
    /// Whether it was thrown on the other side of an RPC call.
    pub remote: bool,
}

impl Exception {
    /// The type without its module: "NoValidHost".
    pub fn short_name(&self) -> &str {
        short(&self.name)
    }

    /// Where it began: the first cause, or itself. Name and message.
    pub fn root(&self) -> (&str, &str) {
        match self.causes.first() {
            Some(cause) => (&cause.name, &cause.message),
            None => (&self.name, &self.message),
        }
    }
}

fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The longest message that is kept, in characters.
const LONGEST: usize = 2000;

/// What a traceback begins with.
pub(super) const TRACEBACK: &str = "Traceback (most recent call last)";

/// What the interpreter says before the traceback of an exception nobody can catch.
pub(super) const IGNORED: &str = "Exception ignored";

/// Whether a traceback may follow a line that the interpreter wrote.
pub(super) fn leads_to_one(text: &str) -> bool {
    let last = text.lines().next_back().unwrap_or_default();
    last.contains(IGNORED) || last.contains("Exception occurred") || last.contains("Exception in ")
}

/// How grave a traceback without a head is.
pub(super) fn level_of(first: &str) -> Option<Level> {
    match first.starts_with(IGNORED) {
        true => Some(Level::Warning),
        false => Some(Level::Error),
    }
}

/// How the names end that are taken for exceptions in a message.
pub(super) const NAME_ENDS: &[&str] = &[
    "Error",
    "Exception",
    "Fault",
    "Timeout",
    "NotFound",
    "Exists",
    "Invalid",
    "NoValidHost",
    "Failed",
    "Failure",
    "Forbidden",
    "Unauthorized",
    "Conflict",
    "Exceeded",
    "Unavailable",
    "Unreachable",
    "Refused",
    "NotSupported",
    "Denied",
    "Unacceptable",
    "InUse",
    "Mismatch",
    "Aborted",
    "Exit",
    "Interrupt",
    "TooSmall",
    "TooLarge",
    "Missing",
    "Required",
    "Disabled",
    "Incompatible",
    "Unsupported",
    "NotReady",
    "Busy",
    "Disconnect",
    "Deadlock",
];

/// Modules of exceptions: below them every class is one.
pub(super) const MODULES: &[&str] = &["exception.", "exceptions.", "exc."];

/// An exception named in a message: `nova.exception.NoValidHost: …`, `ConnectionRefusedError: …`.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let ends = NAME_ENDS.join("|").replace("NoValidHost", r"NoValidHost\w*");
    // One word needs more than an ending: `Failed: …` is no exception.
    let one =
        format!(r"[A-Z]\w*(?:{ends})(?:: |\(|$)|(?:NoValidHost|Timeout|NotFound|Exception|Invalid)(?:: |\()");
    let dotted = format!(r"(?:[A-Za-z_]\w*\.)+(?:\w*(?:{ends}))(?:: |\(|$)");
    let module = r"(?:[A-Za-z_]\w*\.)*(?:exceptions?|exc)\.(?:\w+\.)*[A-Z]\w*(?:: |\(|$)";
    Regex::new(&format!(r#"(?:^|[\s(\[:'"<])((?:{module})|(?:{dotted})|(?:{one}))"#)).ok()
});

/// oslo.messaging's `RemoteError`: the type and message of the other side.
static REMOTE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"Remote error: (\w[\w.]*) ?([^\n]*)").ok());

/// The last line of a remote traceback in a list's form: `'nova.exception.X: message\n']`.
static LISTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"['"]((?:[A-Za-z_]\w*\.)+[A-Z]\w*): ((?:[^'"\\]|\\.)*?)(?:\\n)?['"]\]"#).ok()
});

/// The exceptions in the lines of a record, which have lost their prefixes.
/// `names_count`: the record is an error, so that a name without a traceback counts.
pub(super) fn find<'a>(lines: impl Iterator<Item = &'a str>, names_count: bool) -> Option<Exception> {
    let mut chain: Vec<Cause> = vec![];
    let mut state = State::Outside;
    let mut all = String::new();
    for line in lines {
        if all.len() < 64 << 10 {
            all.push_str(line);
            all.push('\n');
        }
        let begins = line.contains(TRACEBACK);
        match state {
            _ if begins && !line.contains("\\n") => state = State::Frames,
            State::Frames => {
                if line.is_empty() || line.starts_with([' ', '\t', '+', '|']) {
                    continue;
                }
                if let Some((name, message)) = exception_line(line) {
                    chain.push(Cause { name: name.into(), message: message.into(), remote: false });
                    state = State::Message;
                } else {
                    state = State::Outside;
                }
            }
            State::Message => {
                let ends = line.is_empty()
                    || line.starts_with("During handling of")
                    || line.starts_with("The above exception was");
                // Nova's form for what a scheduler or compute threw: `: nova.exception_Remote.X_Remote: …`
                if let Some((name, message)) = line.strip_prefix(": ").and_then(exception_line) {
                    far_side(&mut chain, name, message);
                    continue;
                }
                match chain.last_mut() {
                    Some(last) if !ends => {
                        if last.message.len() < LONGEST {
                            last.message.push('\n');
                            last.message.push_str(line);
                        }
                    }
                    _ => state = State::Outside,
                }
            }
            State::Outside => {
                if !chain.is_empty()
                    && let Some((name, message)) = line.strip_prefix(": ").and_then(exception_line)
                {
                    far_side(&mut chain, name, message);
                    state = State::Message;
                }
            }
        }
    }
    let mut is_listed = false;
    if chain.is_empty()
        && let Some(listed) = listed(&all)
    {
        // Thrown on another host, and logged as a list of lines.
        chain.extend(listed.causes);
        chain.iter_mut().for_each(|cause| cause.remote = true);
        chain.push(Cause { name: listed.name, message: listed.message, remote: true });
        is_listed = true;
    }
    let traceback = !chain.is_empty();
    if chain.is_empty() && names_count {
        let first = all.lines().next().unwrap_or_default();
        // libvirtd names the errors of D-Bus in the same form; they are not exceptions of Python's.
        let named = NAMED.as_ref()?.captures_iter(first);
        let found = named.filter(|found| !found[1].starts_with("org.freedesktop.")).last()?;
        let (name, end) = (found.get(1)?.as_str(), found.get(0)?.end());
        let name = name.trim_end_matches([':', ' ', '(']);
        let message = first.get(end..).unwrap_or_default();
        // As `repr` writes many of them: `<RecoverableConnectionError: unknown error>`.
        let is_in_brackets = found.get(1).is_some_and(|found| first[..found.start()].ends_with('<'));
        let message = if is_in_brackets { message.strip_suffix('>').unwrap_or(message) } else { message };
        chain.push(Cause { name: name.into(), message: message.into(), remote: false });
    }
    let last = chain.pop()?;
    let mut causes = chain;
    if is_listed && causes.is_empty() {
        causes.push(last.clone());
    }
    if let Some(remote) = remote(&last.message, &all).filter(|_| !is_listed) {
        causes.insert(0, remote);
    }
    for cause in &mut causes {
        cut(&mut cause.message);
    }
    let mut exception = Exception { name: last.name, message: last.message, causes, traceback };
    cut(&mut exception.message);
    Some(exception)
}

/// What was found so far was thrown on the other side; this is its twin on this side.
fn far_side(chain: &mut Vec<Cause>, name: &str, message: &str) {
    for cause in chain.iter_mut() {
        cause.remote = true;
    }
    chain.push(Cause { name: name.into(), message: message.into(), remote: false });
}

enum State {
    Outside,
    /// Among `File …` lines; the next line without indentation names the exception.
    Frames,
    /// The exception's message may go on.
    Message,
}

/// `nova.exception.X: message`, `KeyError: 'a'`, or a bare `SystemExit`.
fn exception_line(line: &str) -> Option<(&str, &str)> {
    let (name, message) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
    let is_name = !name.is_empty()
        && name.split('.').all(|part| {
            part.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '<' | '>'))
        });
    is_name.then_some((name, message))
}

/// The exception in a list of a traceback's lines, as `repr` writes it: `['Traceback …\n', "X: …\n"]`.
fn listed(text: &str) -> Option<Exception> {
    let at = text.find(TRACEBACK)?;
    let open = text[..at].rfind(['\'', '"'])?;
    // Only spaces, a letter (`u'…'`) or brackets may stand between.
    if text[open + 1..at].contains(|c: char| c != ' ' && c != '\\' && c != 'n') {
        return None;
    }
    let mut lines = String::new();
    let mut rest = &text[open..];
    while let Some(quote) = rest.chars().next().filter(|c| *c == '\'' || *c == '"') {
        let mut escaped = false;
        let mut end = None;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => {
                    lines.push(match c {
                        'n' => '\n',
                        't' => '\t',
                        c => c,
                    });
                    escaped = false;
                }
                '\\' => escaped = true,
                c if c == quote => {
                    end = Some(at + 1);
                    break;
                }
                c => lines.push(c),
            }
        }
        let Some(end) = end else { break };
        rest = rest[end..].trim_start_matches([',', ' ', 'u']);
    }
    (lines.len() > TRACEBACK.len() + 2 && lines.contains('\n')).then(|| find(lines.lines(), false))?
}

fn remote(message: &str, all: &str) -> Option<Cause> {
    let text = if message.contains("Remote error: ") { message } else { all };
    let found = REMOTE.as_ref()?.captures(text)?;
    let mut cause = Cause { name: found[1].to_string(), message: found[2].to_string(), remote: true };
    // The list of the remote traceback ends with the full name.
    if let Some(full) = LISTED.as_ref().and_then(|listed| listed.captures_iter(all).last())
        && short(&full[1]) == short(&cause.name)
    {
        cause.name = full[1].to_string();
    }
    Some(cause)
}

fn cut(message: &mut String) {
    if let Some((at, _)) = message.char_indices().nth(LONGEST) {
        message.truncate(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Exception {
        find(text.lines(), true).unwrap_or_else(|| panic!("no exception: {text}"))
    }

    #[test]
    fn a_chain_is_told_from_its_beginning() {
        let exception = found(
            "Failed to build\nTraceback (most recent call last):\n  File \"a\", line 1, in f\n    g()\n    ~^^\nKeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"b\", line 2\nnova.exception.NoValidHost: No valid host\nwas found\n",
        );
        assert_eq!(
            (exception.name.as_str(), exception.short_name()),
            ("nova.exception.NoValidHost", "NoValidHost")
        );
        assert_eq!(exception.message, "No valid host\nwas found");
        assert_eq!(exception.root(), ("KeyError", "'x'"));
        assert!(exception.traceback && exception.causes.len() == 1);
    }

    #[test]
    fn what_the_other_side_threw() {
        let exception = found(
            "Traceback (most recent call last):\n  File \"a\", line 1\noslo_messaging.rpc.client.RemoteError: Remote error: InstanceNotFound Instance 4f could not be found.\n['Traceback (most recent call last):\\n', '  File \"x\", line 1, in y\\n', 'nova.exception.InstanceNotFound: Instance 4f could not be found.\\n'].",
        );
        assert_eq!(exception.short_name(), "RemoteError");
        assert_eq!(exception.root().0, "nova.exception.InstanceNotFound");
        assert!(exception.causes[0].remote);
    }

    #[test]
    fn nova_s_remote_twin_is_the_outer_one() {
        let exception = found(
            "Failed to build: No valid host was found.\nTraceback (most recent call last):\n\n  File \"a\", line 1\n\nnova.exception.NoValidHost: No valid host was found.\n\n: nova.exception_Remote.NoValidHost_Remote: No valid host was found.\n",
        );
        assert_eq!(exception.name, "nova.exception_Remote.NoValidHost_Remote");
        assert_eq!(exception.root().0, "nova.exception.NoValidHost");
        assert!(exception.causes[0].remote);
    }

    #[test]
    fn a_double_spaced_traceback_inside_an_error() {
        let exception = found(
            "Exception during message handling\nTraceback (most recent call last):\n\n  File \"a\", line 1\n    f()\n\nlibvirt.libvirtError: internal error: qemu\n",
        );
        assert_eq!(exception.name, "libvirt.libvirtError");
        assert_eq!(exception.message, "internal error: qemu");
    }

    #[test]
    fn brackets_around_an_exception_are_no_part_of_it() {
        let line = "Unexpected error during heartbeat thread processing, retrying...: <RecoverableConnectionError: unknown error>";
        let found = find([line].into_iter(), true).expect("an exception");
        assert_eq!(
            (found.name.as_str(), found.message.as_str()),
            ("RecoverableConnectionError", "unknown error")
        );
    }

    #[test]
    fn a_name_counts_only_in_an_error() {
        let line = "Connection failed: [Errno 111] ECONNREFUSED (retrying in 1.0 seconds): ConnectionRefusedError: [Errno 111] ECONNREFUSED";
        let exception = found(line);
        assert_eq!((exception.name.as_str(), exception.traceback), ("ConnectionRefusedError", false));
        assert_eq!(exception.message, "[Errno 111] ECONNREFUSED");
        assert_eq!(find(line.lines(), false), None);
        assert_eq!(find("Registering ErrorHandler".lines(), true), None);
    }

    #[test]
    fn a_traceback_that_was_cut_is_none() {
        assert_eq!(find("x\nTraceback (most recent call last):\n  File \"a\", line 1".lines(), true), None);
    }
}
