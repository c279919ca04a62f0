//! The one error type, with its sentence, its hint and its exit code.
//!
//! Variants are grouped by what a person can do about them, not by the module
//! they come from. A sentence is lower case, has no full stop, names the thing
//! in backticks and ends with the part one wants to copy.

use std::time::Duration;

use crate::exit::ExitCode;
use crate::hint::{self, Face, Hint};
use crate::some_of::{some_of, some_of_with};

/// What went wrong, in terms of what can be done about it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing of this kind has this name or id.
    #[error("no {what} called `{name}`")]
    NotFound {
        /// The kind of thing: "image", "flavor", "host" …
        what: String,
        /// The name or id that was asked for.
        name: String,
        /// Existing names which look like it, best first; where none does, all there are.
        near: Vec<String>,
    },

    /// Several items have this name; only an id is unambiguous.
    #[error("{} {what}s are called `{name}`: {}", ids.len(), some_of(ids))]
    Ambiguous {
        /// The kind of thing.
        what: String,
        /// The name that was asked for.
        name: String,
        /// The ids of all that match.
        ids: Vec<String>,
    },

    /// The cloud answered a request with an error.
    #[error("{service} refused `{method} {path}` with {status}: {message}{}", request(request_id))]
    Api {
        /// The service type: "compute", "image" …
        service: String,
        /// HTTP method.
        method: String,
        /// Path below the service's root.
        path: String,
        /// HTTP status.
        status: u16,
        /// The reason the service gave.
        message: String,
        /// The request id to look for in the service's logs.
        request_id: Option<String>,
    },

    /// Keystone does not accept the credentials, or there are none.
    #[error("{message}")]
    Auth {
        /// What exactly is wrong with the credentials, and where they came from.
        message: String,
        /// The hint: what to do.
        hint: Hint,
    },

    /// The cloud (or a program on a host) is too old for what was asked.
    #[error("{feature} needs {need}, this cloud has {have}")]
    TooOld {
        /// What was asked.
        feature: String,
        /// The lowest version that can do it.
        need: String,
        /// The version found.
        have: String,
    },

    /// A host or an endpoint does not answer.
    #[error("no answer from {what}: {why}")]
    Unreachable {
        /// "host `cmp1` (10.0.0.11)", "keystone at http://…".
        what: String,
        /// The reason the transport gave.
        why: String,
        /// The hint: what to do.
        hint: Hint,
    },

    /// The other side's identity is not trusted: an unknown or changed SSH host
    /// key, or a certificate that no known authority signed.
    #[error("{what} is not trusted: {why}")]
    Untrusted {
        /// Whose identity.
        what: String,
        /// What the check said.
        why: String,
        /// The hint: what to do.
        hint: Hint,
    },

    /// A command on a host ended with another exit code than expected.
    #[error("`{command}` on host `{host}` ended with {exit}{}", indented(stderr))]
    Command {
        /// Where it ran.
        host: String,
        /// The command as typed.
        command: String,
        /// "exit code 1", "signal 9", "no answer in 30s" …
        exit: String,
        /// What it wrote to standard error (its last part).
        stderr: String,
    },

    /// A program that smog needs is not on a host.
    #[error("host `{host}` has no `{program}`")]
    Missing {
        /// Where it is missing.
        host: String,
        /// The program.
        program: String,
        /// The hint: what to do.
        hint: Hint,
    },

    /// A condition did not come true in time.
    #[error("gave up waiting for {what} after {}, last seen: {last}{}", seconds(waited), request(request_id))]
    Timeout {
        /// What was waited for: "server `web` to become ACTIVE".
        what: String,
        /// How long.
        waited: Duration,
        /// The last state seen.
        last: String,
        /// The request that should have caused it.
        request_id: Option<String>,
    },

    /// Nova (or another service) tried, and reported a fault.
    #[error("{what} failed: {fault}{}{}", on(host), request(request_id))]
    Fault {
        /// What was tried: "boot of server `web`".
        what: String,
        /// The fault, as the service reports it.
        fault: String,
        /// The compute host it happened on, if one was chosen.
        host: Option<String>,
        /// The request to look for in the logs.
        request_id: Option<String>,
        /// The hint, if there is one.
        hint: Option<Hint>,
    },

    /// A configuration file, or an environment variable, cannot be used.
    #[error("{place}: {message}")]
    Config {
        /// "file:line:column", or the variable's name.
        place: String,
        /// What is wrong there; may go on with the line and a caret.
        message: String,
        /// The hint: what to do.
        hint: Option<Hint>,
    },

    /// An answer is not of the form it should have.
    #[error("cannot read {what} from {source_of}: {why}")]
    Parse {
        /// "domain XML", "list of servers" …
        what: String,
        /// Where it came from.
        source_of: String,
        /// What is wrong with it.
        why: String,
    },

    /// What was asked contradicts itself, or is not allowed.
    #[error("{what}: {why}")]
    Invalid {
        /// The argument or step.
        what: String,
        /// Why it cannot be.
        why: String,
        /// The hint: what to do.
        hint: Option<Hint>,
    },

    /// Two layers contradict each other: Nova says one thing, libvirt or the kernel another.
    #[error("{what}: {why}")]
    Mismatch {
        /// What it is about: "guest `web`".
        what: String,
        /// Who says what.
        why: String,
        /// The hint: what to do.
        hint: Option<Hint>,
    },

    /// Something went wrong after an order was given, and the cloud goes on with it.
    #[error("{error}; {left}")]
    GoesOn {
        /// What went wrong.
        error: Box<Error>,
        /// What there is now, or goes on: "server `web` (1f…) exists and goes on building".
        left: String,
        /// How to look at it, or to remove it.
        hint: Hint,
    },

    /// Hosts or logs that should have been read were not, or only in part.
    #[error("not everything was read: {}", some_of_with(lines, "; "))]
    Unread {
        /// Each host or log, with the reason.
        lines: Vec<String>,
    },

    /// A recording does not hold what was asked for.
    #[error("not recorded: {what} (this is {of})")]
    NotRecorded {
        /// The call or command: "GET /servers of the compute service".
        what: String,
        /// The recording: "a recording of cloud `x`, made 2026-11-28 18:00:00 UTC".
        of: String,
        /// How it is recorded.
        hint: Hint,
    },

    /// The person (or the caller) asked to stop.
    #[error("interrupted: {left}")]
    Interrupted {
        /// What goes on or is left behind.
        left: String,
    },
}

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What to do, one paragraph in the words of the command; nothing where that is not known.
    pub fn hint(&self) -> Option<String> {
        self.hint_for(Face::Command)
    }

    /// The same in the words of a face.
    pub fn hint_for(&self, face: Face) -> Option<String> {
        Some(self.to_do()?.words(face))
    }

    fn to_do(&self) -> Option<Hint> {
        match self {
            Error::NotFound { what, near, .. } if near.is_empty() => Some(match what.as_str() {
                "guest" | "server" => hint::DISCOVER.hint().and(" lists the guests"),
                "host" => "hosts come from Nova's hypervisors and from `hosts:` in smog.yml".into(),
                "cloud" => {
                    Hint::from("clouds are named in clouds.yaml: ").and(hint::CLOUD.hint()).and(" takes one")
                }
                _ => return None,
            }),
            Error::NotFound { name, near, .. } => Some(crate::near::suggestion(name, near).into()),
            Error::Ambiguous { .. } => Some("use one of the ids".into()),
            Error::Api { status, message, .. } => locked_hint(message).or_else(|| api_hint(*status, message)),
            Error::Auth { hint, .. }
            | Error::Unreachable { hint, .. }
            | Error::Untrusted { hint, .. }
            | Error::NotRecorded { hint, .. }
            | Error::Missing { hint, .. } => Some(hint.clone()),
            Error::Fault { hint, .. }
            | Error::Config { hint, .. }
            | Error::Invalid { hint, .. }
            | Error::Mismatch { hint, .. } => hint.clone(),
            Error::Timeout { .. } => {
                Some(Hint::from("it may still happen; ").and(hint::TIMEOUT.hint()).and(" waits longer"))
            }
            Error::GoesOn { hint, .. } => Some(hint.clone()),
            Error::Unread { .. } => {
                let accept = hint::ALLOW_UNREAD.hint().and(" accepts that");
                Some(Hint::from("what was logged there is not known; ").and(accept))
            }
            Error::TooOld { .. }
            | Error::Command { .. }
            | Error::Parse { .. }
            | Error::Interrupted { .. } => None,
        }
    }

    /// The error itself, without what is said of an order that goes on.
    pub fn cause(&self) -> &Error {
        match self {
            Error::GoesOn { error, .. } => error.cause(),
            other => other,
        }
    }

    /// The same error, with what goes on. What is said first stays.
    #[must_use]
    pub(crate) fn while_goes_on(self, left: impl Into<String>, hint: impl Into<Hint>) -> Error {
        match self {
            Error::GoesOn { .. } | Error::Interrupted { .. } => self,
            error => Error::GoesOn { error: Box::new(error), left: left.into(), hint: hint.into() },
        }
    }

    /// Whether a call with this error may have been carried out all the same: the answer is
    /// what is missing.
    pub(crate) fn leaves_unknown(&self) -> bool {
        match self {
            Error::Unreachable { .. } | Error::Timeout { .. } | Error::Parse { .. } => true,
            // 503 says that the service, or the proxy before it, has not even begun.
            Error::Api { status, .. } => matches!(status, 500 | 502 | 504),
            _ => false,
        }
    }

    /// The exit code of a command that ends with this error.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Error::NotFound { .. }
            | Error::Ambiguous { .. }
            | Error::Config { .. }
            | Error::Invalid { .. } => ExitCode::Usage,
            Error::Api { status, .. } if *status < 500 => ExitCode::Failed,
            Error::Timeout { .. } | Error::Fault { .. } | Error::Command { .. } | Error::Mismatch { .. } => {
                ExitCode::Failed
            }
            Error::Api { .. }
            | Error::Auth { .. }
            | Error::TooOld { .. }
            | Error::Unreachable { .. }
            | Error::Untrusted { .. }
            | Error::Missing { .. }
            | Error::Unread { .. }
            | Error::NotRecorded { .. }
            | Error::Parse { .. } => ExitCode::CouldNotRun,
            Error::GoesOn { error, .. } => error.exit_code(),
            Error::Interrupted { .. } => ExitCode::Interrupted,
        }
    }

    /// The same with the server's name in a service's reason, where it has only the id.
    #[must_use]
    pub(crate) fn about_server(mut self, id: &str, name: &str) -> Error {
        if let Error::Api { message, .. } = &mut self {
            for called in [format!("Instance {id}"), format!("instance {id}"), format!("Server {id}")] {
                *message = message.replace(&called, &format!("guest `{name}`"));
            }
        }
        self
    }

    /// Whether the same thing, asked again a little later, may succeed.
    pub fn is_temporary(&self) -> bool {
        match self {
            Error::Unreachable { .. } | Error::Timeout { .. } => true,
            Error::Api { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
            Error::GoesOn { error, .. } => error.is_temporary(),
            _ => false,
        }
    }
}

/// For Nova's "Instance ID is locked", or the same with the name that [`Error::about_server`] puts in.
fn locked_hint(message: &str) -> Option<Hint> {
    let (before, _) = message.split_once(" is locked")?;
    let name = match before.strip_suffix('`').and_then(|before| before.rsplit_once('`')) {
        Some((_, name)) => name,
        None => before.rsplit(' ').next()?,
    };
    let unlock = hint::GUEST_UNLOCK.with(name).and(", by the user who locked it or an administrator");
    Some(Hint::from("it is locked: ").and(unlock))
}

fn api_hint(status: u16, message: &str) -> Option<Hint> {
    if is_quota(message) {
        return Some(QUOTA.into());
    }
    if message.contains("No valid host") {
        return Some(NO_VALID_HOST.into());
    }
    if message.contains("zero disk") {
        return Some(Hint::from("name a flavor with a disk: ").and(hint::FLAVORS.hint()).and(" shows them"));
    }
    if message.contains("os-flavor-manage:create") {
        let why =
            "only administrators make flavors; name one that is there, without sizes or pins of your own: ";
        return Some(Hint::from(why).and(hint::FLAVOR.hint()).and("; there are: ").and(hint::FLAVORS.hint()));
    }
    let text = match status {
        403 => Some("the user's roles do not allow it; most of smog needs the admin role"),
        409 => Some("its state does not allow this, or something else uses it"),
        413 => {
            Some("what was sent is larger than the service takes, or the cloud limits the rate of requests")
        }
        429 => Some("the cloud limits the rate of requests: try again later"),
        500.. => Some("the service failed; its log has the traceback under the request id"),
        _ => None,
    };
    text.map(Hint::from)
}

/// Whether a service's reason is a limit that is reached, in the words of any service:
/// nova's and cinder's "Quota exceeded …" and "Maximum number of … exceeded", neutron's
/// "Quota exceeded for resources", the unified limits' "over a limit for", glance's "exceed the quota".
pub(crate) fn is_quota(message: &str) -> bool {
    let lower = message.to_lowercase();
    let has = |text: &str| lower.contains(text);
    (has("quota") && has("exceed"))
        // Nova's "Exceeded maximum number of retries" is about hosts.
        || (has("maximum number of") && has("exceeded") && !has("retries"))
        || has("exceeded for resources")
        || has("over a limit for")
        || has("is over limit of")
        || has("over quota")
}

/// The hint for a limit that is reached.
pub(crate) const QUOTA: &str =
    "the project's quota is used up: delete something, or have an administrator raise it";

/// The hint for Nova's most common fault.
pub(crate) const NO_VALID_HOST: &str = "every compute host was ruled out, by placement or by a scheduler filter: \
     nova-scheduler.log on the controller says which, under this request id";

fn request(id: &Option<String>) -> String {
    id.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default()
}

fn on(host: &Option<String>) -> String {
    host.as_ref().map(|host| format!(" on host `{host}`")).unwrap_or_default()
}

fn seconds(duration: &Duration) -> String {
    if duration.as_secs() >= 10 || duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// The last lines of what a command wrote, each indented, or nothing.
fn indented(text: &str) -> String {
    const LINES: usize = 12;
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let from = lines.len().saturating_sub(LINES);
    lines[from..].iter().map(|line| format!("\n    {line}")).collect()
}
