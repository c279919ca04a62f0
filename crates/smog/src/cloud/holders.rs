//! Who holds allocations, and of which providers, by name.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Allocation, Cloud, Migration, MigrationFilter, Provider, Server};
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// So many of a server's newest migrations are asked for what they hold.
const MIGRATIONS: usize = 10;

/// An allocation, with the names of its two ends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Holding {
    /// What is held, of which provider, by which consumer.
    #[serde(flatten)]
    pub allocation: Allocation,
    /// The provider's name.
    pub provider_name: Option<String>,
    /// The name of the topmost provider of its tree: the hypervisor's.
    pub root_name: Option<String>,
    /// Who the consumer is.
    pub holder: Holder,
}

/// Who an allocation's consumer is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Holder {
    /// A server.
    Server {
        /// Its name.
        name: String,
        /// Its status.
        status: String,
    },
    /// A move of a server: it holds what the server has on the other host until the move has ended.
    Migration {
        /// The migration's number.
        id: u64,
        /// "live-migration", "migration", "resize", "evacuation".
        what: String,
        /// "running", "finished", "completed" …
        status: String,
        /// Whether it has ended, so that it should hold nothing.
        is_over: bool,
        /// The server's name, or its id where it is gone.
        server: String,
    },
    /// Neither a server nor a migration that Nova shows.
    Unknown,
}

impl Holder {
    /// "server web", "migration 12 of web (live-migration, running)", "unknown".
    pub fn words(&self) -> String {
        match self {
            Holder::Server { name, .. } => format!("server {name}"),
            Holder::Migration { id, what, status, server, .. } => {
                format!("migration {id} of {server} ({what}, {status})")
            }
            Holder::Unknown => "unknown".into(),
        }
    }

    fn of_server(server: &Server) -> Holder {
        Holder::Server { name: server.name.clone(), status: server.state() }
    }

    fn of_migration(migration: &Migration, names: &BTreeMap<String, String>) -> Holder {
        Holder::Migration {
            id: migration.id,
            what: migration.migration_type.clone().unwrap_or_else(|| "move".into()),
            status: migration.status.clone(),
            is_over: migration.has_ended(),
            server: names.get(&migration.server_id).unwrap_or(&migration.server_id).clone(),
        }
    }
}

impl Show for Holding {
    const PLURAL: &'static str = "allocations";
    const COLUMNS: &'static [Column<Holding>] = &[
        Column::new("consumer", |holding| holding.holder.words()),
        Column::new("provider", |holding| {
            holding.provider_name.clone().unwrap_or_else(|| holding.allocation.provider.clone())
        }),
        Column::new("resources", |holding| super::placement::show_resources(&holding.allocation.resources)),
        Column::new("consumer id", |holding| holding.allocation.consumer.clone()),
        Column::wide("provider id", |holding| holding.allocation.provider.clone()),
    ];
}

impl Cloud {
    /// What a server holds, and what its migrations hold for it.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn holdings_of(&self, server: &Server) -> Result<Vec<Holding>> {
        let providers = self.providers().await?;
        let named = |allocations: Vec<Allocation>, holder: Holder| {
            allocations.into_iter().map(|one| holding(one, &providers, holder.clone())).collect::<Vec<_>>()
        };
        let mut all = named(self.allocations(&server.id).await?, Holder::of_server(server));
        let migrations = match self.migrations(&server.id).await {
            Err(Error::Api { status: 403, .. }) => Vec::new(),
            other => other?,
        };
        let names = BTreeMap::from([(server.id.clone(), server.name.clone())]);
        for migration in migrations.iter().take(MIGRATIONS) {
            if let Some(uuid) = &migration.uuid {
                all.extend(named(self.allocations(uuid).await?, Holder::of_migration(migration, &names)));
            }
        }
        Ok(all)
    }

    /// Show the consumers of a provider.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn holdings_at(&self, provider: &Provider) -> Result<Vec<Holding>> {
        let allocations = self.provider_allocations(&provider.id).await?;
        let (providers, servers) = tokio::try_join!(self.providers(), self.servers())?;
        let names: BTreeMap<String, String> =
            servers.iter().map(|server| (server.id.clone(), server.name.clone())).collect();
        let is_server = |id: &String| names.contains_key(id);
        let migrations = match allocations.iter().all(|one| is_server(&one.consumer)) {
            true => Vec::new(),
            false => self.migrations_matching(&MigrationFilter::default()).await?,
        };
        let mut all = Vec::new();
        for one in allocations {
            let server = servers.iter().find(|server| server.id == one.consumer);
            let migration =
                migrations.iter().find(|migration| migration.uuid.as_ref() == Some(&one.consumer));
            let holder = match (server, migration) {
                (Some(server), _) => Holder::of_server(server),
                (None, Some(migration)) => Holder::of_migration(migration, &names),
                // A server that was made after the list was.
                (None, None) => match self.server_by_id(&one.consumer).await {
                    Ok(server) => Holder::of_server(&server),
                    Err(_) => Holder::Unknown,
                },
            };
            all.push(holding(one, &providers, holder));
        }
        Ok(all)
    }
}

fn holding(allocation: Allocation, providers: &[Provider], holder: Holder) -> Holding {
    let by_id = |id: &str| providers.iter().find(|provider| provider.id == id);
    let provider = by_id(&allocation.provider);
    let root = provider.and_then(|one| by_id(one.root.as_deref().unwrap_or(&one.id)));
    Holding {
        provider_name: provider.map(|one| one.name.clone()),
        root_name: root.map(|one| one.name.clone()),
        holder,
        allocation,
    }
}

/// What is unusual about these, a sentence each: a server with allocations of two hosts, a
/// migration that holds something, and consumers nobody knows.
pub fn explain_holdings(holdings: &[Holding]) -> Vec<String> {
    let mut said = Vec::new();
    let mut hosts: BTreeMap<&str, (String, BTreeSet<String>)> = BTreeMap::new();
    for one in holdings {
        let place = one.root_name.clone().unwrap_or_else(|| one.allocation.provider.clone());
        match &one.holder {
            Holder::Server { name, .. } => {
                let entry = hosts.entry(one.allocation.consumer.as_str()).or_insert_with(|| (name.clone(), BTreeSet::new()));
                entry.1.insert(place);
            }
            Holder::Migration { id, status, is_over: true, server, .. } => said.push(format!(
                "migration {id} of `{server}` has ended ({status}) and still holds resources of {place}: they are \
                 left over; `nova-manage placement audit` finds and deletes such"
            )),
            Holder::Migration { id, server, status, .. } => said.push(format!(
                "migration {id} of `{server}` ({status}) holds the resources on {place} until the move has ended, \
                 confirmed or reverted"
            )),
            Holder::Unknown => said.push(format!(
                "consumer {} is neither a server nor a migration that Nova shows: what it holds of {place} is left \
                 over, unless another service made it",
                one.allocation.consumer
            )),
        }
    }
    for (name, places) in hosts.into_values().filter(|(_, places)| places.len() > 1) {
        let places: Vec<String> = places.into_iter().collect();
        said.push(format!(
            "`{name}` holds resources of {}: so it is after an evacuation until the lost host is back; otherwise \
             one is left over, and `nova-manage placement audit` finds it",
            places.join(" and ")
        ));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(consumer: &str, provider: &str, holder: Holder) -> Holding {
        let providers: Vec<Provider> = [("1", "cmp1", "1"), ("2", "cmp2", "2"), ("3", "cmp2-cell0", "2")]
            .into_iter()
            .map(|(id, name, root)| Provider {
                id: id.into(),
                name: name.into(),
                generation: 1,
                parent: None,
                root: Some(root.into()),
                depth: 0,
            })
            .collect();
        let resources = BTreeMap::from([("VCPU".to_string(), 1)]);
        holding(
            Allocation { consumer: consumer.into(), provider: provider.into(), resources },
            &providers,
            holder,
        )
    }

    fn server() -> Holder {
        Holder::Server { name: "web".into(), status: "ACTIVE".into() }
    }

    fn migration(status: &str, is_over: bool) -> Holder {
        let what = "live-migration".to_string();
        Holder::Migration { id: 12, what, status: status.into(), is_over, server: "web".into() }
    }

    #[test]
    fn what_is_unusual_is_explained() {
        // Two providers of one host are one host.
        assert!(explain_holdings(&[of("w", "2", server()), of("w", "3", server())]).is_empty());
        let two = explain_holdings(&[of("w", "1", server()), of("w", "3", server())]);
        assert!(two.len() == 1 && two[0].starts_with("`web` holds resources of cmp1 and cmp2"), "{two:?}");
        let moves = explain_holdings(&[of("w", "2", server()), of("m", "1", migration("running", false))]);
        assert!(moves.len() == 1 && moves[0].contains("until the move has ended"), "{moves:?}");
        let left =
            explain_holdings(&[of("m", "1", migration("completed", true)), of("x", "2", Holder::Unknown)]);
        assert!(
            left[0].contains("still holds resources of cmp1") && left[1].contains("consumer x"),
            "{left:?}"
        );
        let shown = (Holding::COLUMNS[0].cell)(&of("m", "1", migration("running", false)));
        assert_eq!(shown, "migration 12 of web (live-migration, running)");
    }
}
