//! The error for an answer that is not a success, with what smog did about it.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::gateway::request_id;
use super::wire::{Token, retry};
use super::{Call, fault};
use crate::error::{Error, is_quota};

/// How long smog has been patient with one call.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Tries so far.
    pub tried: u32,
    /// Waited in all, as the service asked.
    pub waited: Duration,
    /// A wait that was asked for and is longer than smog waits.
    pub too_long: Option<Duration>,
}

impl Patience {
    /// What a person should know of it, or nothing.
    fn words(&self) -> String {
        if let Some(asked) = self.too_long {
            return format!(
                "; it asks to wait {} s before the next try, and smog waits {} s at most",
                asked.as_secs(),
                retry::LONGEST_DELAY.as_secs()
            );
        }
        match self.waited.is_zero() {
            true => String::new(),
            false => format!(
                "; smog has asked {} times and waited {:.1} s in all",
                self.tried,
                self.waited.as_secs_f64()
            ),
        }
    }
}

/// The error for an answer that is not a success.
pub(super) fn error(
    call: &Call,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    token: &Token,
    patience: &Patience,
) -> Error {
    let status = status.as_u16();
    let message = fault::text(body, status);
    match (status, call.microversion) {
        (406, Some(version)) => Error::TooOld {
            feature: format!("`{} {}`", call.method, call.path),
            need: format!("microversion {version} of the {} service", call.service.name()),
            have: "an older one".into(),
        },
        (401, _) => Error::Auth {
            message: format!("the {} service does not accept the token: {message}", call.service.name()),
            hint: "log in again; the project or user may have been disabled since".into(),
        },
        _ => {
            // Who may do it is decided by roles: those one has say what is missing.
            let roles = match status == 403 && !is_quota(&message) {
                true => format!(" ({})", token.roles_words()),
                false => String::new(),
            };
            Error::Api {
                service: call.service.name().into(),
                method: call.method.to_string(),
                path: call.path.clone(),
                status,
                message: format!("{message}{roles}{}", patience.words()),
                request_id: request_id(headers),
            }
        }
    }
}
