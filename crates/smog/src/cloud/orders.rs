//! Orders to a server: one action with its arguments, given to Nova and followed to its end.

use crate::hint;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::server_actions::{Arguments, CONFIRM_RESIZE, CONFIRMS, Kind, Parameter, ServerAction};
use super::{Action, Call, Cloud, Microversion, Server, Service};
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::near::near;
use crate::wait::{self, Seen, Wait};

/// A server action with what is given to it.
///
/// ```
/// use smog::cloud::Order;
/// use smog::cloud::server_actions::{RESIZE, STOP};
///
/// let stop: Order = STOP.order();
/// let resize = RESIZE.with("flavor", "m1.small").with("confirm", true);
/// assert_eq!((stop.name(), resize.name()), ("stop", "resize"));
/// ```
#[derive(Debug, Clone)]
pub struct Order {
    action: &'static ServerAction,
    given: BTreeMap<String, Argument>,
}

/// What is given to a parameter of an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// Yes or no.
    Flag(bool),
    /// A text: a name, an id.
    Text(String),
    /// A text that is shown to nobody.
    Secret(Secret),
}

impl From<bool> for Argument {
    fn from(flag: bool) -> Argument {
        Argument::Flag(flag)
    }
}

impl From<&str> for Argument {
    fn from(text: &str) -> Argument {
        Argument::Text(text.into())
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Argument {
        Argument::Text(text)
    }
}

impl From<Secret> for Argument {
    fn from(secret: Secret) -> Argument {
        Argument::Secret(secret)
    }
}

impl From<&'static ServerAction> for Order {
    fn from(action: &'static ServerAction) -> Order {
        action.order()
    }
}

impl From<&Order> for Order {
    fn from(order: &Order) -> Order {
        order.clone()
    }
}

impl Order {
    /// The order of an action, with nothing given yet.
    pub fn of(action: &'static ServerAction) -> Order {
        Order { action, given: BTreeMap::new() }
    }

    /// With this for a parameter. What does not fit is refused when the order is given.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: impl Into<Argument>) -> Order {
        self.given.insert(parameter.into(), value.into());
        self
    }

    /// The same where there may be nothing to give.
    #[must_use]
    pub fn with_if(self, parameter: &str, value: Option<impl Into<Argument>>) -> Order {
        match value {
            Some(value) => self.with(parameter, value),
            None => self,
        }
    }

    /// The action.
    pub fn action(&self) -> &'static ServerAction {
        self.action
    }

    /// What it is called in a sentence: "start", "cold migration" …
    pub fn name(&self) -> &'static str {
        self.action.noun()
    }

    /// Whether a flag is given, and on.
    pub fn flag(&self, parameter: &str) -> bool {
        self.given.get(parameter) == Some(&Argument::Flag(true))
    }

    /// The text that is given for a parameter of this kind.
    pub(crate) fn text_of(&self, kind: Kind) -> Option<&str> {
        let mut of_kind = self.action.parameters.iter().filter(|one| one.kind == kind);
        of_kind.find_map(|one| match self.given.get(one.name) {
            Some(Argument::Text(text)) => Some(text.as_str()),
            _ => None,
        })
    }

    /// What continues when nobody waits for it.
    pub fn left(&self, guest: &str) -> String {
        format!("Nova continues the {} of `{guest}`", self.name())
    }

    /// Whether everything that is given fits, and nothing is missing.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the parameter.
    pub fn check(&self) -> Result<()> {
        let of = |name: &str| self.action.parameters.iter().find(|one| one.name == name);
        let wrong = |name: &str, why: String, hint| {
            Err(Error::Invalid { what: format!("`{name}` of {}", self.action.name), why, hint })
        };
        for (name, value) in &self.given {
            let Some(parameter) = of(name) else {
                let known = self.action.parameters.iter().map(|one| one.name);
                let near = near(name, known.clone()).first().map(|near| format!("did you mean `{near}`?"));
                let all = known.collect::<Vec<_>>().join(", ");
                let all = if all.is_empty() { "it takes nothing".into() } else { format!("it takes {all}") };
                return wrong(
                    name,
                    "this action has no such parameter".into(),
                    Some(near.unwrap_or(all).into()),
                );
            };
            let fits = match (parameter.kind, value) {
                (Kind::Flag, Argument::Flag(_)) | (Kind::Secret, Argument::Secret(_)) => true,
                (Kind::Flag | Kind::Secret, _) => false,
                (_, value) => matches!(value, Argument::Text(_)),
            };
            if !fits {
                return wrong(name, format!("a {} is expected", word(parameter.kind)), None);
            }
        }
        let is_missing = |one: &&Parameter| one.required && !self.given.contains_key(one.name);
        match self.action.parameters.iter().find(is_missing) {
            Some(one) => wrong(one.name, "it must be given".into(), Some(one.help.into())),
            None => Ok(()),
        }
    }

    fn has_ended(&self, before: &Server, server: &Server) -> bool {
        let wanted = (self.action.ends_in)(self);
        // The old host may still stop the server while another evacuates it, which
        // leaves it idle for a moment where it was.
        let is_there = !self.action.leaves_host || server.host != before.host;
        let fits = wanted.is_empty() || wanted.contains(&server.status.as_str());
        server.task_state.is_none() && fits && is_there
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Flag => "truth value",
        Kind::Secret => "secret",
        Kind::Text => "text",
        Kind::Image | Kind::Flavor | Kind::Host => "name or id",
    }
}

/// An error of the wait for an order that Nova has taken.
pub(super) fn goes_on(why: Error, order: &str, server: &Server) -> Error {
    match why {
        // Nova has ended it, or the server is gone; a time that is over says by itself that it
        // may still happen.
        Error::Fault { .. } | Error::NotFound { .. } | Error::Timeout { .. } => why,
        why => why.while_goes_on(
            format!("Nova continues the {order} of server `{}` ({})", server.name, server.id),
            hint::GUEST_ACTIONS.with(&server.name).and(" shows how it ends"),
        ),
    }
}

/// An order whose answer was lost may be carried out.
pub(super) fn not_known(why: Error, what: &str, server: &Server) -> Error {
    match why.leaves_unknown() {
        true => why.while_goes_on(
            format!("whether Nova has taken the {what} ({}) is not known", server.id),
            hint::GUEST_ACTIONS.with(&server.name).and(" shows it"),
        ),
        false => why,
    }
}

impl Cloud {
    /// Give an order; returns the request id when Nova has taken it, not when it is done.
    ///
    /// # Errors
    /// [`Error::Api`] 409 with the reason when the server is in a state that does not
    /// allow it, [`Error::TooOld`] for what this Nova cannot do, unknown names; [`Error::Invalid`]
    /// for arguments that do not fit, and for a confirmation, which comes after the end.
    pub async fn give(&self, server: &Server, order: impl Into<Order>) -> Result<Option<String>> {
        let order = order.into();
        if order.flag(CONFIRMS) {
            return Err(Error::Invalid {
                what: format!("`{CONFIRMS}` of {}", order.action.name),
                why: "it arrives when the move is complete, which is not waited for".into(),
                hint: None,
            });
        }
        self.ask_for(server, &order).await
    }

    async fn ask_for(&self, server: &Server, order: &Order) -> Result<Option<String>> {
        order.check()?;
        let version = self.compute_microversion().await?;
        let body = (order.action.body)(&self.resolved(order).await?);
        let taken = self.server_action(&server.id, body, version).await;
        taken.map_err(|why| why.about_server(&server.id, &server.name))
    }

    /// Give an order and wait until it is done; a move is confirmed then, if its order says so.
    ///
    /// # Errors
    /// As [`Cloud::give`]; [`Error::Fault`] with Nova's reason when it tried and failed
    /// (also when the server is well again, as after a resize no host could take);
    /// [`Error::Timeout`].
    pub async fn carry_out(
        &self,
        server: &Server,
        order: impl Into<Order>,
        wait: Wait<'_>,
    ) -> Result<Server> {
        let order = order.into();
        let done = self.carry_out_one(server, &order, wait).await?;
        match order.flag(CONFIRMS) {
            true => self.carry_out_one(&done, &CONFIRM_RESIZE.order(), wait).await,
            false => Ok(done),
        }
    }

    async fn carry_out_one(&self, server: &Server, order: &Order, wait: Wait<'_>) -> Result<Server> {
        let what = format!("{} of server `{}`", order.name(), server.name);
        let request_id = self.ask_for(server, order).await.map_err(|why| not_known(why, &what, server))?;
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
        // Idle. Nova may not have begun yet, may be done, or may have failed and put
        // the server back: the action's own record shows which.
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
            true => "every compute host was ruled out, by placement or by a scheduler filter: \
                     nova-scheduler.log on the controller says which, under this request id"
                .into(),
            false => hint::EXCEPTIONS_OF_REQUEST
                .with(&action.request_id)
                .and(" shows the traceback that nova-compute logged"),
        };
        Error::Fault {
            what: format!("{} of server `{}`", order.name(), server.name),
            fault,
            host,
            request_id: Some(action.request_id.clone()),
            hint: Some(hint),
        }
    }

    /// What was given, with names looked up.
    async fn resolved(&self, order: &Order) -> Result<Arguments> {
        let mut resolved = BTreeMap::new();
        for parameter in order.action.parameters {
            let value = match order.given.get(parameter.name) {
                // A flag that is off asks for nothing.
                None | Some(Argument::Flag(false)) => continue,
                Some(Argument::Flag(true)) => json!(true),
                Some(Argument::Secret(secret)) => json!(secret.reveal()),
                Some(Argument::Text(text)) => match parameter.kind {
                    Kind::Image => json!(self.image(text).await?.id),
                    Kind::Flavor => json!(self.flavor(text).await?.id),
                    _ => json!(text),
                },
            };
            if let Some((version, feature)) = parameter.since {
                self.needs_compute(feature, version).await?;
            }
            let value = match (parameter.kind, value) {
                (Kind::Host, Value::String(host)) => json!(self.compute_host_called(&host).await?),
                (_, value) => value,
            };
            resolved.insert(parameter.name, value);
        }
        Ok(Arguments(resolved))
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
