//! The table of server actions: start, stop, resize, evacuate … Each is declared here once: what it
//! is called and does, what it takes, the statuses it ends in, and what Nova is asked. The command's
//! `smog guest …`, Python's `Guest` methods with their stubs, and the waiting are made from it.
//!
//! A live migration is not a row of it: it has options of its own ([`Cloud::live_migrate_with`]).
//!
//! [`Cloud::live_migrate_with`]: super::Cloud::live_migrate_with

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Microversion;
use super::orders::{Argument, Order};

/// A server action.
pub struct ServerAction {
    /// What it is called: "resize-confirm" is `smog guest resize-confirm`.
    pub name: &'static str,
    /// The name of Python's method; empty when it is `name` with underscores.
    pub method: &'static str,
    /// What it is called in a sentence; empty when it is `name`.
    pub noun: &'static str,
    /// What it does, in one sentence for a person.
    pub help: &'static str,
    /// Its arguments, other than the server.
    pub parameters: &'static [Parameter],
    /// The statuses it may end in; none when the status does not change.
    pub ends_in: fn(&Order) -> &'static [&'static str],
    /// It cannot be undone: a person names the server in full.
    pub destroys: bool,
    /// It ends on another host only.
    pub leaves_host: bool,
    /// The body Nova is asked with. Names are resolved, and hosts are known, when it is called.
    pub body: fn(&Arguments) -> Value,
}

/// What an action takes.
pub struct Parameter {
    /// Its name: Python's keyword, and the command's flag unless `flag` says otherwise.
    pub name: &'static str,
    /// The command's flag; empty when it is `name`.
    pub flag: &'static str,
    /// What it is, in one sentence for a person.
    pub help: &'static str,
    /// What kind of thing it is.
    pub kind: Kind,
    /// Whether it must be given.
    pub required: bool,
    /// The microversion that knows it, and what is said to be too new for an older Nova.
    pub since: Option<(Microversion, &'static str)>,
}

/// What a parameter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no.
    Flag,
    /// Any text.
    Text,
    /// A text that is shown to nobody.
    Secret,
    /// An image: name or id.
    Image,
    /// A flavor: name or id.
    Flavor,
    /// A compute host, which is looked for before Nova is asked.
    Host,
}

/// What was given, by the parameters' names; images and flavors are ids.
#[derive(Debug, Default)]
pub struct Arguments(pub(super) BTreeMap<&'static str, Value>);

impl Arguments {
    /// What was given, or null.
    fn get(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or(Value::Null)
    }

    /// What was given of these parameters, under the names Nova has for them.
    fn object(&self, names: &[(&str, &str)]) -> Value {
        let given =
            names.iter().filter_map(|(own, novas)| Some((novas.to_string(), self.0.get(own)?.clone())));
        Value::Object(given.collect::<Map<String, Value>>())
    }

    /// The same; null when nothing was given.
    fn object_or_null(&self, names: &[(&str, &str)]) -> Value {
        match self.object(names) {
            Value::Object(object) if object.is_empty() => Value::Null,
            object => object,
        }
    }
}

impl ServerAction {
    /// What it is called in a sentence: "cold migration".
    pub fn noun(&self) -> &'static str {
        if self.noun.is_empty() { self.name } else { self.noun }
    }

    /// The name of Python's method: "confirm_resize".
    pub fn method(&self) -> String {
        if self.method.is_empty() { self.name.replace('-', "_") } else { self.method.into() }
    }

    /// The order of this action, with nothing given yet.
    pub fn order(&'static self) -> Order {
        Order::of(self)
    }

    /// The order of this action with an argument: `RESIZE.with("flavor", "m1.small")`.
    pub fn with(&'static self, parameter: &str, value: impl Into<Argument>) -> Order {
        self.order().with(parameter, value)
    }

    /// The action of a name, or of Python's name for it.
    pub fn named(name: &str) -> Option<&'static ServerAction> {
        ALL.into_iter().find(|action| action.name == name || action.method() == name)
    }
}

impl Parameter {
    /// The command's flag, without dashes.
    pub fn flag(&self) -> &'static str {
        if self.flag.is_empty() { self.name } else { self.flag }
    }
}

impl std::fmt::Debug for ServerAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What most actions are like.
const PLAIN: ServerAction = ServerAction {
    name: "",
    method: "",
    noun: "",
    help: "",
    parameters: &[],
    ends_in: |_| &["ACTIVE"],
    destroys: false,
    leaves_host: false,
    body: |_| Value::Null,
};

/// What most parameters are like.
const GIVEN: Parameter =
    Parameter { name: "", flag: "", help: "", kind: Kind::Text, required: false, since: None };

/// For a move that waits for its confirmation: [`Cloud::carry_out`](super::Cloud::carry_out)
/// confirms it when it is done.
const CONFIRM: Parameter =
    Parameter { name: "confirm", help: "Confirm the move when it is done", kind: Kind::Flag, ..GIVEN };

/// The name of [`CONFIRM`].
pub(super) const CONFIRMS: &str = CONFIRM.name;

/// Power on.
pub static START: ServerAction =
    ServerAction { name: "start", help: "Power on", body: |_| json!({"os-start": null}), ..PLAIN };

/// Power off.
pub static STOP: ServerAction = ServerAction {
    name: "stop",
    help: "Power off",
    ends_in: |_| &["SHUTOFF"],
    body: |_| json!({"os-stop": null}),
    ..PLAIN
};

/// Stop the vCPUs, keep the memory.
pub static PAUSE: ServerAction = ServerAction {
    name: "pause",
    help: "Stop the vCPUs and keep the memory",
    ends_in: |_| &["PAUSED"],
    body: |_| json!({"pause": null}),
    ..PLAIN
};

/// Let the vCPUs run again.
pub static UNPAUSE: ServerAction = ServerAction {
    name: "unpause",
    help: "Let the vCPUs run again",
    body: |_| json!({"unpause": null}),
    ..PLAIN
};

/// Write the memory to disk and power off.
pub static SUSPEND: ServerAction = ServerAction {
    name: "suspend",
    help: "Write the memory to disk and power off",
    ends_in: |_| &["SUSPENDED"],
    body: |_| json!({"suspend": null}),
    ..PLAIN
};

/// Bring back from suspension.
pub static RESUME: ServerAction = ServerAction {
    name: "resume",
    help: "Resume a suspended guest",
    body: |_| json!({"resume": null}),
    ..PLAIN
};

/// Only administrators may act on it.
pub static LOCK: ServerAction = ServerAction {
    name: "lock",
    help: "Lock: only administrators may act on the guest",
    parameters: &[Parameter {
        name: "reason",
        help: "Why, for people (microversion 2.73)",
        since: Some((Microversion(2, 73), "a lock's reason")),
        ..GIVEN
    }],
    ends_in: |_| &[],
    body: |given| json!({"lock": given.object_or_null(&[("reason", "locked_reason")])}),
    ..PLAIN
};

/// Everybody may act on it again.
pub static UNLOCK: ServerAction = ServerAction {
    name: "unlock",
    help: "Unlock: the guest's users may act on it again",
    ends_in: |_| &[],
    body: |_| json!({"unlock": null}),
    ..PLAIN
};

/// Reboot: ask the guest, or (`hard`) recreate its domain.
pub static REBOOT: ServerAction = ServerAction {
    name: "reboot",
    help: "Reboot",
    parameters: &[Parameter {
        name: "hard",
        help: "Recreate the domain instead of asking the guest",
        kind: Kind::Flag,
        ..GIVEN
    }],
    body: |given| {
        let kind = if given.get("hard") == json!(true) { "HARD" } else { "SOFT" };
        json!({"reboot": {"type": kind}})
    },
    ..PLAIN
};

/// Power off, save the disk as an image, and after a while free the host.
pub static SHELVE: ServerAction = ServerAction {
    name: "shelve",
    help: "Power off, save the disk as an image, and free the host",
    ends_in: |_| &["SHELVED", "SHELVED_OFFLOADED"],
    body: |_| json!({"shelve": null}),
    ..PLAIN
};

/// Free the host of a shelved server now.
pub static SHELVE_OFFLOAD: ServerAction = ServerAction {
    name: "shelve-offload",
    noun: "shelve offload",
    help: "Free the host of a shelved guest now",
    ends_in: |_| &["SHELVED_OFFLOADED"],
    body: |_| json!({"shelveOffload": null}),
    ..PLAIN
};

/// Bring back a shelved server.
pub static UNSHELVE: ServerAction = ServerAction {
    name: "unshelve",
    help: "Bring back a shelved guest",
    parameters: &[
        Parameter {
            name: "zone",
            help: "In this availability zone (microversion 2.77)",
            since: Some((Microversion(2, 77), "unshelving into an availability zone")),
            ..GIVEN
        },
        Parameter {
            name: "host",
            flag: "to",
            help: "To this compute host (microversion 2.91)",
            kind: Kind::Host,
            since: Some((Microversion(2, 91), "unshelving to a host")),
            ..GIVEN
        },
    ],
    body: |given| json!({"unshelve": given.object_or_null(&[("zone", "availability_zone"), ("host", "host")])}),
    ..PLAIN
};

/// Boot from a rescue image, with its own disk as the second one.
pub static RESCUE: ServerAction = ServerAction {
    name: "rescue",
    help: "Boot from a rescue image, with the guest's disk as the second one",
    parameters: &[
        Parameter {
            name: "image",
            help: "The rescue image: name or id [default: the guest's own]",
            kind: Kind::Image,
            ..GIVEN
        },
        Parameter {
            name: "admin_password",
            flag: "admin-password-file",
            help: "The password of the rescue system [default: Nova makes one]",
            kind: Kind::Secret,
            ..GIVEN
        },
    ],
    ends_in: |_| &["RESCUE"],
    body: |given| json!({"rescue": given.object(&[("image", "rescue_image_ref"), ("admin_password", "adminPass")])}),
    ..PLAIN
};

/// End the rescue.
pub static UNRESCUE: ServerAction = ServerAction {
    name: "unrescue",
    help: "End the rescue: boot from the guest's own disk again",
    body: |_| json!({"unrescue": null}),
    ..PLAIN
};

/// Rebuild from an image, on the same host; the disk's contents are lost.
pub static REBUILD: ServerAction = ServerAction {
    name: "rebuild",
    help: "Rebuild from an image on the same host; the disk's contents are lost",
    parameters: &[Parameter {
        name: "image",
        help: "The image: name or id",
        kind: Kind::Image,
        required: true,
        ..GIVEN
    }],
    // A server that was off stays off.
    ends_in: |_| &["ACTIVE", "SHUTOFF"],
    destroys: true,
    body: |given| json!({"rebuild": {"imageRef": given.get("image")}}),
    ..PLAIN
};

/// Move it to another flavor, and perhaps another host; to be confirmed or reverted.
pub static RESIZE: ServerAction = ServerAction {
    name: "resize",
    help: "Move to another flavor; then confirm or revert the resize",
    parameters: &[
        Parameter {
            name: "flavor",
            help: "The new flavor: name or id",
            kind: Kind::Flavor,
            required: true,
            ..GIVEN
        },
        CONFIRM,
    ],
    ends_in: |_| &["VERIFY_RESIZE"],
    body: |given| json!({"resize": {"flavorRef": given.get("flavor")}}),
    ..PLAIN
};

/// Keep the resize or cold migration.
pub static CONFIRM_RESIZE: ServerAction = ServerAction {
    name: "resize-confirm",
    method: "confirm_resize",
    noun: "confirmation of the resize",
    help: "Confirm a resize or cold migration",
    ends_in: |_| &["ACTIVE", "SHUTOFF"],
    body: |_| json!({"confirmResize": null}),
    ..PLAIN
};

/// Go back to before the resize or cold migration.
pub static REVERT_RESIZE: ServerAction = ServerAction {
    name: "resize-revert",
    method: "revert_resize",
    noun: "revert of the resize",
    help: "Revert a resize or cold migration",
    ends_in: |_| &["ACTIVE", "SHUTOFF"],
    body: |_| json!({"revertResize": null}),
    ..PLAIN
};

/// Power off and move to another host; to be confirmed or reverted.
pub static COLD_MIGRATE: ServerAction = ServerAction {
    name: "cold-migrate",
    method: "migrate",
    noun: "cold migration",
    help: "Power off and move to another host; then confirm or revert the resize",
    parameters: &[
        Parameter {
            name: "host",
            flag: "to",
            help: "To this compute host, which the scheduler still checks",
            kind: Kind::Host,
            ..GIVEN
        },
        CONFIRM,
    ],
    ends_in: |_| &["VERIFY_RESIZE"],
    body: |given| json!({"migrate": given.object_or_null(&[("host", "host")])}),
    ..PLAIN
};

/// Start it elsewhere: its host is down.
pub static EVACUATE: ServerAction = ServerAction {
    name: "evacuate",
    noun: "evacuation",
    help: "Start the guest on another host, since its own is down",
    parameters: &[Parameter {
        name: "host",
        flag: "to",
        help: "To this compute host, which the scheduler still checks",
        kind: Kind::Host,
        ..GIVEN
    }],
    // A server that was off stays off, from microversion 2.95 on.
    ends_in: |_| &["ACTIVE", "SHUTOFF"],
    leaves_host: true,
    body: |given| json!({"evacuate": given.object(&[("host", "host")])}),
    ..PLAIN
};

/// Overwrite its status; nothing else is done (administrators).
pub static RESET_STATE: ServerAction = ServerAction {
    name: "reset-state",
    noun: "reset of the state",
    help: "Set the status to ERROR in Nova's database, and change nothing else (administrators)",
    parameters: &[Parameter { name: "active", help: "Set it to ACTIVE instead", kind: Kind::Flag, ..GIVEN }],
    ends_in: |order| if order.flag("active") { &["ACTIVE"] } else { &["ERROR"] },
    body: |given| {
        let state = if given.get("active") == json!(true) { "active" } else { "error" };
        json!({"os-resetState": {"state": state}})
    },
    ..PLAIN
};

/// All of them, in the order a person reads them.
pub static ALL: [&ServerAction; 21] = [
    &START,
    &STOP,
    &PAUSE,
    &UNPAUSE,
    &SUSPEND,
    &RESUME,
    &LOCK,
    &UNLOCK,
    &REBOOT,
    &SHELVE,
    &SHELVE_OFFLOAD,
    &UNSHELVE,
    &RESCUE,
    &UNRESCUE,
    &REBUILD,
    &RESIZE,
    &CONFIRM_RESIZE,
    &REVERT_RESIZE,
    &COLD_MIGRATE,
    &EVACUATE,
    &RESET_STATE,
];

#[cfg(test)]
mod tests;
