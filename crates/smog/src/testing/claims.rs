//! What a case takes of the cloud while it runs.

/// How much of something on each host a case uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So much.
    Some(u64),
    /// All of them: no other case may use any meanwhile.
    All,
}

impl Amount {
    /// Nothing.
    pub const NONE: Amount = Amount::Some(0);

    /// Whether nothing is taken.
    pub fn is_none(self) -> bool {
        self == Amount::NONE
    }
}

/// What a case takes. The runner lets cases run at once only when the machines have room
/// for all of them, and gives each that takes CPUs or pages hosts of its own choice: its
/// *stage* ([`Test::stage`](super::Test::stage)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// How many compute hosts its stage has.
    pub hosts: usize,
    /// CPUs for pinned guests (of `[compute]cpu_dedicated_set`), on each host of the stage.
    pub dedicated: Amount,
    /// Memory in huge pages in MiB, on each host of the stage.
    pub pages_mib: Amount,
    /// Memory of its guests in MiB, all together.
    pub memory_mib: u64,
    /// Nothing else may run on this cloud meanwhile: it stops services, cuts a host off …
    pub alone: bool,
}

impl Claims {
    /// One small guest anywhere.
    pub const ONE_GUEST: Claims =
        Claims { hosts: 1, dedicated: Amount::NONE, pages_mib: Amount::NONE, memory_mib: 256, alone: false };

    /// A guest that moves between two hosts.
    pub const TWO_HOSTS: Claims = Claims { hosts: 2, ..Claims::ONE_GUEST };

    /// The whole cloud.
    pub const ALONE: Claims = Claims { alone: true, hosts: 2, ..Claims::ONE_GUEST };

    /// The same with CPUs for pinned guests, on each host of the stage.
    pub const fn dedicated(self, cpus: u64) -> Claims {
        Claims { dedicated: Amount::Some(cpus), ..self }
    }

    /// The same with all CPUs for pinned guests.
    pub const fn all_dedicated(self) -> Claims {
        Claims { dedicated: Amount::All, ..self }
    }

    /// The same with memory in huge pages, on each host of the stage.
    pub const fn pages_mib(self, mib: u64) -> Claims {
        Claims { pages_mib: Amount::Some(mib), ..self }
    }

    /// The same with all huge pages.
    pub const fn all_pages(self) -> Claims {
        Claims { pages_mib: Amount::All, ..self }
    }

    /// The same with so much memory for its guests.
    pub const fn memory_mib(self, mib: u64) -> Claims {
        Claims { memory_mib: mib, ..self }
    }

    /// Whether it takes something that only certain hosts have.
    pub fn is_of_hosts(&self) -> bool {
        !self.dedicated.is_none() || !self.pages_mib.is_none()
    }
}

impl std::fmt::Display for Claims {
    /// "2 hosts, 1 dedicated CPU, 128 MiB in pages, 256 MiB"
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.alone {
            return f.write_str("the cloud alone");
        }
        let mut parts = vec![format!("{} host{}", self.hosts, if self.hosts == 1 { "" } else { "s" })];
        match self.dedicated {
            Amount::All => parts.push("all dedicated CPUs".into()),
            Amount::Some(0) => {}
            Amount::Some(cpus) => {
                parts.push(format!("{cpus} dedicated CPU{}", if cpus == 1 { "" } else { "s" }));
            }
        }
        match self.pages_mib {
            Amount::All => parts.push("all huge pages".into()),
            Amount::Some(0) => {}
            Amount::Some(mib) => parts.push(format!("{mib} MiB in huge pages")),
        }
        parts.push(format!("{} MiB", self.memory_mib));
        f.write_str(&parts.join(", "))
    }
}
