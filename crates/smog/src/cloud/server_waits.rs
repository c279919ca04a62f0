//! Waiting until a server is in a state or gone, and why it went to ERROR instead.

use std::time::Duration;

use super::servers::sentence;
use super::{ActionEvent, Cloud, Fault, Server};
use crate::error::{Error, NO_VALID_HOST, QUOTA, Result, is_quota};
use crate::hint::{self, Hint};
use crate::wait::{self, Seen, Wait};

/// Nova writes a server's fault after its state, in another transaction.
const FAULT_FOLLOWS: Duration = Duration::from_secs(3);

impl Cloud {
    /// Wait until the server has this status, and Nova is done with it.
    ///
    /// # Errors
    /// [`Error::Fault`] as soon as it goes to ERROR, with Nova's fault and the host;
    /// [`Error::NotFound`] when it vanishes; [`Error::Timeout`].
    pub async fn wait_for_status(&self, id: &str, status: &str, wait: Wait<'_>) -> Result<Server> {
        let mut name = id.to_string();
        let what = format!("server `{id}` to become {status}");
        let seen = wait::until(&what, wait, || async {
            let server = self.server_by_id(id).await?;
            Ok(if server.status == status && server.task_state.is_none() {
                Seen::Done(Ok(server))
            } else if server.status == "ERROR" && status != "ERROR" {
                Seen::Done(Err(server))
            } else {
                Seen::NotYet(server.state())
            })
        })
        .await?;
        match seen {
            Ok(server) => Ok(server),
            Err(broken) => {
                name.clone_from(&broken.name);
                Err(self.fault_of(&format!("server `{name}`"), &broken).await)
            }
        }
    }

    /// The error for a server in ERROR: Nova's fault, host and request.
    pub(super) async fn fault_of(&self, what: &str, server: &Server) -> Error {
        let reported = match &server.fault {
            Some(fault) => Some(fault.clone()),
            None => self.fault_to_come(&server.id).await,
        };
        let reported = reported.map(|fault| sentence(&fault.message));
        let last = self.actions(&server.id).await.ok().and_then(|actions| actions.into_iter().next());
        // The conductor's and the API's steps have a host too, which is not a compute.
        let on_compute = |event: &&ActionEvent| event.event.starts_with("compute_");
        let tried_on = last.as_ref().and_then(|action| {
            action.events.iter().rev().filter(on_compute).find_map(|event| event.host.clone())
        });
        let fault = reported
            .or_else(|| last.as_ref().and_then(|action| action.message.clone()))
            .unwrap_or_else(|| "Nova gives no reason".into());
        let request_id = last.map(|action| action.request_id);
        let hint: Hint = if fault.contains("No valid host") {
            NO_VALID_HOST.into()
        } else if is_quota(&fault) {
            QUOTA.into()
        } else {
            match &request_id {
                Some(id) => hint::EXCEPTIONS_OF_REQUEST.with(id),
                None => hint::EXCEPTIONS_OF_REQUEST.hint(),
            }
            .and(" shows the traceback that nova-compute logged")
        };
        Error::Fault {
            what: what.into(),
            // A server that could not move is still said to be where it was.
            host: tried_on.or_else(|| server.host.clone()),
            fault,
            request_id,
            hint: Some(hint),
        }
    }

    /// The fault that Nova writes a moment after the state ERROR; none when it writes none.
    async fn fault_to_come(&self, id: &str) -> Option<Fault> {
        let wait = Wait { every: Duration::from_millis(200), ..Wait::up_to(FAULT_FOLLOWS) };
        let seen = wait::until("Nova's fault", wait, || async {
            let fault = self.server_by_id(id).await?.fault;
            Ok(fault.map_or_else(|| Seen::NotYet("no fault yet".into()), Seen::Done))
        });
        // Gone, or in ERROR by `reset-state`: then there is none.
        seen.await.ok()
    }

    /// Wait until the server is gone.
    ///
    /// # Errors
    /// [`Error::Fault`] when deleting it failed, [`Error::Timeout`].
    pub async fn wait_until_gone(&self, id: &str, wait: Wait<'_>) -> Result<()> {
        wait::until(&format!("server `{id}` to be gone"), wait, || async {
            match self.server_by_id(id).await {
                Err(Error::NotFound { .. }) => Ok(Seen::Done(())),
                Ok(server) if server.status == "ERROR" && server.task_state.is_none() => {
                    // A server that was broken before stays in ERROR for a moment; its
                    // newest action shows whether the delete itself failed.
                    let newest = self.actions(id).await?.into_iter().next();
                    match newest {
                        Some(action) if action.action == "delete" && action.message.is_some() => {
                            Err(self.fault_of(&format!("delete of server `{}`", server.name), &server).await)
                        }
                        _ => Ok(Seen::NotYet(server.state())),
                    }
                }
                Ok(server) => Ok(Seen::NotYet(server.state())),
                Err(other) => Err(other),
            }
        })
        .await
    }
}
