//! What a fault is: an activity of smog, what is done to it, and when.

use serde::{Deserialize, Serialize};

/// What smog is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// One of [`LISTS`].
    List(usize),
    Discover,
    Logs,
    Watch,
    Boot,
    Delete,
    Migrate,
    /// `prepare` and `restore` of a kernel setting; the fault meets the second when `restore`.
    PrepareSysctl {
        restore: bool,
    },
    /// The same for an option of nova.conf, which restarts nova-compute.
    PrepareNova {
        restore: bool,
    },
    Test,
}

/// Commands that only read, and a word that a right answer holds; `{guest}` is the name of a
/// guest that is there.
pub const LISTS: &[(&[&str], &str)] = &[
    (&["guest", "list"], "{guest}"),
    (&["guest", "show", "{guest}"], "{guest}"),
    (&["network", "list"], "private"),
    (&["image", "list"], "cirros"),
    (&["image", "show", "cirros"], "cirros"),
    (&["flavor", "list"], "m1.tiny"),
    (&["host", "list"], "cmp2"),
    (&["service", "list"], "nova-compute"),
    (&["hypervisor", "list"], "cmp1"),
    (&["placement", "inventory", "cmp1"], "MEMORY_MB"),
    (&["placement", "allocations", "{guest}"], "MEMORY_MB"),
    (&["quota", "show"], "instances"),
    (&["project", "list"], "service"),
    (&["network", "show", "private"], "private"),
    (&["flavor", "show", "m1.nano"], "m1.nano"),
    (&["xml", "{guest}"], "<domain"),
    (&["guest", "actions", "{guest}"], "create"),
];

impl Activity {
    /// The word of the table in docs/reliability.md.
    pub fn name(self) -> &'static str {
        match self {
            Activity::List(_) => "list",
            Activity::Discover => "discover",
            Activity::Logs => "logs",
            Activity::Watch => "watch",
            Activity::Boot => "boot",
            Activity::Delete => "delete",
            Activity::Migrate => "migrate",
            Activity::PrepareSysctl { .. } | Activity::PrepareNova { .. } => "prepare and restore",
            Activity::Test => "test",
        }
    }

    /// Whether hosts are changed by it.
    pub fn changes_hosts(self) -> bool {
        matches!(self, Activity::PrepareSysctl { .. } | Activity::PrepareNova { .. })
    }
}

/// A service of the cloud, which the proxy stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    Keystone,
    Nova,
    Neutron,
    Glance,
    Placement,
}

impl Service {
    pub const ALL: [Service; 5] =
        [Service::Keystone, Service::Nova, Service::Neutron, Service::Glance, Service::Placement];

    /// Its port on the lab's controller.
    pub fn port(self) -> u16 {
        match self {
            Service::Keystone => 5000,
            Service::Nova => 8774,
            Service::Neutron => 9696,
            Service::Glance => 9292,
            Service::Placement => 8778,
        }
    }
}

/// What is done to an answer of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiFault {
    /// Nobody listens.
    Refuse,
    /// The connection is reset; `asked`: after the service has done what was asked.
    Reset { asked: bool },
    /// Closed without an answer.
    Close { asked: bool },
    /// No answer at all.
    Hang,
    /// An answer after so many milliseconds.
    Delay { ms: u64 },
    /// The body ends before its stated length: so many percent of it arrive.
    Cut { percent: u8 },
    /// Half the JSON, with the length of half.
    HalfJson,
    /// The JSON's types are other ones.
    WrongTypes { variant: u8 },
    /// A page for people.
    Html { status: u16 },
    /// This status with the service's kind of error, and how long to wait.
    Status { code: u16, retry_after: Option<u16> },
    /// To another origin.
    Redirect { code: u16 },
    /// 512 MiB of JSON in half a megabyte.
    GzipBomb,
    /// A body without an end.
    Endless,
    /// Headers of 2 MiB.
    HugeHeaders,
    /// An error whose text moves a terminal's cursor.
    ControlCharacters { code: u16 },
    /// No HTTP.
    Garbage,
    /// 200 and nothing.
    Empty,
}

/// What is done to the connection to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SshFault {
    Refuse,
    /// Accepted, and no word of SSH.
    NoBanner,
    /// Cut after so many bytes from the host.
    Cut {
        bytes: u64,
    },
    /// Silent after so many bytes from the host.
    Freeze {
        bytes: u64,
    },
    /// So many bytes a second.
    Slow {
        rate: u64,
    },
    /// Random bytes after so many from the host.
    Noise {
        bytes: u64,
    },
}

/// When a signal is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// When this request (of all services) arrives; `after`: when it is answered.
    Request { number: u32, after: bool },
    /// So long after the start.
    Milliseconds(u64),
    /// At this step of a prepare or restore (`SMOG_TEST_DIE_AT`).
    Step(u32),
}

/// Where no space is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disk {
    State,
    Cache,
    Logs,
    /// The journal's folder on the host.
    OnHost,
}

/// How the command's standard streams are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdio {
    OutClosed,
    ErrClosed,
    OutFull,
    ErrFull,
    /// The reader goes away at once.
    OutBroken,
    /// Both go away at once (`2>&1 | true`).
    BothBroken,
    /// The reader goes away after a line (`2>&1 | head -1`).
    BothAfterLine,
    InClosed,
}

/// Names that a tenant or an account of a host may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hostile {
    /// Escape sequences in every `name` of the answers.
    Escapes,
    /// Newlines and bidirectional overrides.
    Lines,
    /// 20 000 characters.
    Long,
    /// A file next to Nova's logs whose name is not UTF-8, and one with a newline.
    LogFile,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Injector {
    /// From this request of the service on, so many times, or for good.
    Api {
        service: Service,
        from: u32,
        times: Option<u32>,
        what: ApiFault,
    },
    Ssh {
        host: usize,
        what: SshFault,
    },
    Kill {
        signal: Signal,
        when: When,
    },
    Disk(Disk),
    Clock {
        seconds: i64,
    },
    Stdio(Stdio),
    Names(Hostile),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    #[serde(rename = "INT")]
    Int,
    #[serde(rename = "TERM")]
    Term,
    #[serde(rename = "HUP")]
    Hup,
    #[serde(rename = "KILL")]
    Kill,
}

impl Signal {
    pub fn name(self) -> &'static str {
        match self {
            Signal::Int => "INT",
            Signal::Term => "TERM",
            Signal::Hup => "HUP",
            Signal::Kill => "KILL",
        }
    }
}

impl Injector {
    /// The row of the table in docs/reliability.md.
    pub fn kind(self) -> &'static str {
        match self {
            Injector::Api { what, .. } => match what {
                ApiFault::Refuse => "API: connection refused",
                ApiFault::Reset { .. } | ApiFault::Close { .. } => "API: connection reset or closed",
                ApiFault::Hang | ApiFault::Delay { .. } => "API: slow or silent",
                ApiFault::Cut { .. } | ApiFault::HalfJson | ApiFault::Empty => "API: half an answer",
                ApiFault::WrongTypes { .. } => "API: JSON of other types",
                ApiFault::Html { .. } | ApiFault::Garbage => "API: a web page, or no HTTP",
                ApiFault::Status { .. } => "API: error status",
                ApiFault::Redirect { .. } => "API: redirect to another origin",
                ApiFault::GzipBomb | ApiFault::Endless | ApiFault::HugeHeaders => "API: more than fits",
                ApiFault::ControlCharacters { .. } => "API: control characters in errors",
            },
            Injector::Ssh { .. } => "SSH: refused, cut, frozen, slow or noisy",
            Injector::Kill { signal: Signal::Kill, .. } => "SIGKILL",
            Injector::Kill { .. } => "SIGINT, SIGTERM, SIGHUP",
            Injector::Disk(_) => "full disk",
            Injector::Clock { .. } => "wrong clock",
            Injector::Stdio(_) => "standard streams closed, full or broken",
            Injector::Names(_) => "hostile names",
        }
    }
}

/// One fault of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub seed: u64,
    pub number: u64,
    pub activity: Activity,
    pub injector: Injector,
}
