//! Orders to a server: start, stop, shelve, resize … and following them to their end.

use serde_json::{Value, json};

use super::{Action, Call, Cloud, Microversion, Server, Service};
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::quote;
use crate::wait::{self, Seen, Wait};

/// An order to a server. Live migration has a place of its own:
/// [`Cloud::live_migrate_with`].
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Power on.
    Start,
    /// Power off.
    Stop,
    /// Stop its vCPUs, keep its memory.
    Pause,
    /// Let its vCPUs run again.
    Unpause,
    /// Write its memory to disk and power off.
    Suspend,
    /// Bring it back from suspension.
    Resume,
    /// Refuse orders of plain users.
    Lock {
        /// Why, for people (microversion 2.73).
        reason: Option<String>,
    },
    /// Take orders of plain users again.
    Unlock,
    /// Reboot: ask the guest, or (`hard`) make its domain anew.
    Reboot {
        /// Do not ask the guest.
        hard: bool,
    },
    /// Power off, save the disk as an image, and after a while free the host.
    Shelve,
    /// Free the host of a shelved server now.
    ShelveOffload,
    /// Bring back a shelved server.
    Unshelve {
        /// In this availability zone (microversion 2.77).
        zone: Option<String>,
        /// On this compute host (microversion 2.91).
        host: Option<String>,
    },
    /// Boot it from a rescue image, its own disk as the second one.
    Rescue {
        /// Name or id; the server's own image when absent.
        image: Option<String>,
        /// The password of the rescue system; Nova makes one when absent.
        admin_password: Option<Secret>,
    },
    /// End the rescue.
    Unrescue,
    /// Make its disk anew from an image, on the same host.
    Rebuild {
        /// Name or id.
        image: String,
    },
    /// Move it to another flavor, and perhaps another host; to be confirmed or reverted.
    Resize {
        /// Name or id.
        flavor: String,
    },
    /// Keep the resize or cold migration.
    ConfirmResize,
    /// Go back to before the resize or cold migration.
    RevertResize,
    /// Power off and move to another host; to be confirmed or reverted.
    Migrate {
        /// To this compute host, which the scheduler still checks (microversion 2.56).
        host: Option<String>,
    },
    /// Start it elsewhere: its host is down.
    Evacuate {
        /// To this compute host, which the scheduler still checks.
        host: Option<String>,
    },
    /// Overwrite its status; nothing else is done (administrators).
    ResetState {
        /// "ACTIVE" instead of "ERROR".
        active: bool,
    },
}

impl Order {
    /// What it is called: "start", "cold migration" …
    pub fn name(&self) -> &'static str {
        match self {
            Order::Start => "start",
            Order::Stop => "stop",
            Order::Pause => "pause",
            Order::Unpause => "unpause",
            Order::Suspend => "suspend",
            Order::Resume => "resume",
            Order::Lock { .. } => "lock",
            Order::Unlock => "unlock",
            Order::Reboot { hard: false } => "reboot",
            Order::Reboot { hard: true } => "hard reboot",
            Order::Shelve => "shelve",
            Order::ShelveOffload => "shelve offload",
            Order::Unshelve { .. } => "unshelve",
            Order::Rescue { .. } => "rescue",
            Order::Unrescue => "unrescue",
            Order::Rebuild { .. } => "rebuild",
            Order::Resize { .. } => "resize",
            Order::ConfirmResize => "confirmation of the resize",
            Order::RevertResize => "revert of the resize",
            Order::Migrate { .. } => "cold migration",
            Order::Evacuate { .. } => "evacuation",
            Order::ResetState { .. } => "reset of the state",
        }
    }

    /// The statuses it may end in; none when the status does not change.
    fn ends_in(&self) -> &'static [&'static str] {
        match self {
            Order::Start | Order::Unpause | Order::Resume | Order::Reboot { .. } => &["ACTIVE"],
            Order::Stop => &["SHUTOFF"],
            Order::Pause => &["PAUSED"],
            Order::Suspend => &["SUSPENDED"],
            Order::Lock { .. } | Order::Unlock => &[],
            Order::Shelve => &["SHELVED", "SHELVED_OFFLOADED"],
            Order::ShelveOffload => &["SHELVED_OFFLOADED"],
            Order::Unshelve { .. } | Order::Unrescue => &["ACTIVE"],
            Order::Rescue { .. } => &["RESCUE"],
            Order::Resize { .. } | Order::Migrate { .. } => &["VERIFY_RESIZE"],
            // A server that was off stays off; an evacuated one too, from microversion 2.95 on.
            Order::Rebuild { .. } | Order::ConfirmResize | Order::RevertResize | Order::Evacuate { .. } => {
                &["ACTIVE", "SHUTOFF"]
            }
            Order::ResetState { active: true } => &["ACTIVE"],
            Order::ResetState { active: false } => &["ERROR"],
        }
    }

    fn has_ended(&self, before: &Server, server: &Server) -> bool {
        let wanted = self.ends_in();
        // The old host may still stop the server while another evacuates it, which
        // leaves it idle for a moment where it was.
        let is_there = !matches!(self, Order::Evacuate { .. }) || server.host != before.host;
        let fits = wanted.is_empty() || wanted.contains(&server.status.as_str());
        server.task_state.is_none() && fits && is_there
    }
}

/// An error of the wait for an order that Nova has taken.
pub(super) fn goes_on(why: Error, order: &str, server: &Server) -> Error {
    match why {
        // Nova has ended it, or the server is gone; a time that is over says by itself that it
        // may still happen.
        Error::Fault { .. } | Error::NotFound { .. } | Error::Timeout { .. } => why,
        why => why.while_goes_on(
            format!("Nova goes on with the {order} of server `{}` ({})", server.name, server.id),
            format!("`smog guest actions {}` shows how it ends", quote(&server.name)),
        ),
    }
}

/// An order whose answer was lost may be carried out.
pub(super) fn not_known(why: Error, what: &str, server: &Server) -> Error {
    match why.leaves_unknown() {
        true => why.while_goes_on(
            format!("whether Nova has taken the {what} ({}) is not known", server.id),
            format!("`smog guest actions {}` shows it", quote(&server.name)),
        ),
        false => why,
    }
}

impl Cloud {
    /// Give an order; returns the request id when Nova has taken it, not when it is done.
    ///
    /// # Errors
    /// [`Error::Api`] 409 with the reason when the server is in a state that does not
    /// allow it, [`Error::TooOld`] for what this Nova cannot do, unknown names.
    pub async fn give(&self, server: &Server, order: &Order) -> Result<Option<String>> {
        let version = self.compute_microversion().await?;
        let body = self.body_of(order).await?;
        let taken = self.server_action(&server.id, body, version).await;
        taken.map_err(|why| why.about_server(&server.id, &server.name))
    }

    /// Give an order and wait until it is done.
    ///
    /// # Errors
    /// As [`Cloud::give`]; [`Error::Fault`] with Nova's reason when it tried and failed
    /// (also when the server is well again, as after a resize no host could take);
    /// [`Error::Timeout`].
    pub async fn carry_out(&self, server: &Server, order: &Order, wait: Wait<'_>) -> Result<Server> {
        let what = format!("{} of server `{}`", order.name(), server.name);
        let request_id = self.give(server, order).await.map_err(|why| not_known(why, &what, server))?;
        let ended =
            wait::until(&what, wait, || self.look_at_order(server, order, request_id.as_deref())).await;
        match ended {
            Ok(Ok(server)) => Ok(server),
            Ok(Err(broken)) => Err(self.fault_of(&what, &broken).await),
            Err(Error::Timeout { what, waited, last, .. }) => {
                Err(Error::Timeout { what, waited, last, request_id })
            }
            Err(other) => Err(goes_on(other, order.name(), server)),
        }
    }

    async fn look_at_order(
        &self,
        before: &Server,
        order: &Order,
        request_id: Option<&str>,
    ) -> Result<Seen<Result<Server, Server>>> {
        let server = self.server_by_id(&before.id).await?;
        if server.task_state.is_some() {
            return Ok(Seen::NotYet(server.state()));
        }
        let has_ended = order.has_ended(before, &server);
        if server.status == "ERROR" && !has_ended && before.status != "ERROR" {
            return Ok(Seen::Done(Err(server)));
        }
        // Idle. Nova may not have begun yet, may be done, or may have given up and put
        // the server back: the order's own record tells.
        let action = match request_id {
            Some(id) => self.action_if_recorded(&server.id, id).await?,
            None => None,
        };
        if let Some(action) = &action
            && let Some(fault) = action.failure()
        {
            return Err(self.order_failed(before, order, action, fault));
        }
        let is_under_way = action.as_ref().is_some_and(Action::is_under_way);
        if !has_ended || is_under_way {
            return Ok(Seen::NotYet(server.state()));
        }
        // Seen before its record was: look once more, now that all is done.
        let server = self.server_by_id(&before.id).await?;
        Ok(match order.has_ended(before, &server) {
            true => Seen::Done(Ok(server)),
            false => Seen::NotYet(server.state()),
        })
    }

    pub(super) async fn action_if_recorded(
        &self,
        server_id: &str,
        request_id: &str,
    ) -> Result<Option<Action>> {
        match self.action(server_id, request_id).await {
            Ok(action) => Ok(Some(action)),
            Err(Error::Api { status: 404, .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    fn order_failed(&self, server: &Server, order: &Order, action: &Action, fault: String) -> Error {
        let host = action.events.iter().rev().find_map(|event| event.host.clone());
        let hint = match fault.contains("No valid host") {
            true => {
                "every compute host was ruled out, by placement or by a scheduler filter: \
                     nova-scheduler.log on the controller says which, under this request id"
            }
            false => "the compute host's nova-compute.log has the traceback under this request id",
        };
        Error::Fault {
            what: format!("{} of server `{}`", order.name(), server.name),
            fault,
            host,
            request_id: Some(action.request_id.clone()),
            hint: Some(hint.into()),
        }
    }

    async fn body_of(&self, order: &Order) -> Result<Value> {
        Ok(match order {
            Order::Start => json!({"os-start": null}),
            Order::Stop => json!({"os-stop": null}),
            Order::Pause => json!({"pause": null}),
            Order::Unpause => json!({"unpause": null}),
            Order::Suspend => json!({"suspend": null}),
            Order::Resume => json!({"resume": null}),
            Order::Lock { reason: None } => json!({"lock": null}),
            Order::Lock { reason: Some(reason) } => {
                self.needs_compute("a lock's reason", Microversion(2, 73)).await?;
                json!({"lock": {"locked_reason": reason}})
            }
            Order::Unlock => json!({"unlock": null}),
            Order::Reboot { hard } => json!({"reboot": {"type": if *hard { "HARD" } else { "SOFT" }}}),
            Order::Shelve => json!({"shelve": null}),
            Order::ShelveOffload => json!({"shelveOffload": null}),
            Order::Unshelve { zone, host } => self.unshelve_body(zone.as_deref(), host.as_deref()).await?,
            Order::Rescue { image, admin_password } => {
                let mut rescue = json!({});
                if let Some(image) = image {
                    rescue["rescue_image_ref"] = json!(self.image(image).await?.id);
                }
                if let Some(password) = admin_password {
                    rescue["adminPass"] = json!(password.reveal());
                }
                json!({"rescue": rescue})
            }
            Order::Unrescue => json!({"unrescue": null}),
            Order::Rebuild { image } => json!({"rebuild": {"imageRef": self.image(image).await?.id}}),
            Order::Resize { flavor } => json!({"resize": {"flavorRef": self.flavor(flavor).await?.id}}),
            Order::ConfirmResize => json!({"confirmResize": null}),
            Order::RevertResize => json!({"revertResize": null}),
            Order::Migrate { host: None } => json!({"migrate": null}),
            Order::Migrate { host: Some(host) } => {
                self.check_compute_host(host).await?;
                json!({"migrate": {"host": host}})
            }
            Order::Evacuate { host } => {
                let mut evacuate = json!({});
                if let Some(host) = host {
                    self.check_compute_host(host).await?;
                    evacuate["host"] = json!(host);
                }
                json!({"evacuate": evacuate})
            }
            Order::ResetState { active } => {
                json!({"os-resetState": {"state": if *active { "active" } else { "error" }}})
            }
        })
    }

    async fn unshelve_body(&self, zone: Option<&str>, host: Option<&str>) -> Result<Value> {
        let mut unshelve = serde_json::Map::new();
        if let Some(zone) = zone {
            self.needs_compute("unshelving into an availability zone", Microversion(2, 77)).await?;
            unshelve.insert("availability_zone".into(), json!(zone));
        }
        if let Some(host) = host {
            self.needs_compute("unshelving to a host", Microversion(2, 91)).await?;
            self.check_compute_host(host).await?;
            unshelve.insert("host".into(), json!(host));
        }
        Ok(json!({"unshelve": if unshelve.is_empty() { Value::Null } else { Value::Object(unshelve) }}))
    }

    /// `POST /servers/{id}/action`; returns the request id.
    pub(crate) async fn server_action(
        &self,
        id: &str,
        body: Value,
        at: Microversion,
    ) -> Result<Option<String>> {
        let path = format!("/servers/{id}/action");
        Ok(self.call(Call::post(Service::Compute, path, body).at(at)).await?.request_id)
    }
}
