//! Security groups and their rules: what may reach a server.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::lookup::{Named, pick};
use super::{Call, Cloud, Service};
use crate::error::Result;
use crate::show::{Column, Show};

/// A security group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SecurityGroup {
    /// UUID.
    pub id: String,
    /// Name; not unique.
    pub name: String,
    /// The user's own description.
    #[serde(default)]
    pub description: String,
    /// Its rules.
    #[serde(rename(deserialize = "security_group_rules"), default)]
    pub rules: Vec<SecurityRule>,
    /// The project it belongs to.
    #[serde(default)]
    pub project_id: String,
}

/// One rule of a security group: what it lets pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SecurityRule {
    /// UUID.
    pub id: String,
    /// "ingress" or "egress".
    pub direction: String,
    /// "IPv4" or "IPv6".
    pub ethertype: String,
    /// "tcp", "udp", "icmp" …; any when absent.
    #[serde(default)]
    pub protocol: Option<String>,
    /// The lowest port, or the ICMP type.
    #[serde(default)]
    pub port_range_min: Option<u32>,
    /// The highest port, or the ICMP code.
    #[serde(default)]
    pub port_range_max: Option<u32>,
    /// From (or to) these addresses only.
    #[serde(default)]
    pub remote_ip_prefix: Option<String>,
    /// From (or to) servers of this group only.
    #[serde(default)]
    pub remote_group_id: Option<String>,
}

/// A rule to be made; the default lets everything in over IPv4.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewRule {
    /// For outgoing instead of incoming traffic.
    pub egress: bool,
    /// Over IPv6 instead of IPv4.
    pub ipv6: bool,
    /// "tcp", "udp", "icmp" …; any when absent.
    pub protocol: Option<String>,
    /// The lowest and the highest port.
    pub ports: Option<(u16, u16)>,
    /// From (or to) these addresses only.
    pub remote_ip_prefix: Option<String>,
    /// From (or to) servers of this group only.
    pub remote_group_id: Option<String>,
}

impl NewRule {
    /// TCP to these ports: `NewRule::tcp(22, 22)`.
    pub fn tcp(lowest: u16, highest: u16) -> NewRule {
        NewRule { protocol: Some("tcp".into()), ports: Some((lowest, highest)), ..NewRule::default() }
    }

    /// Ping.
    pub fn icmp() -> NewRule {
        NewRule { protocol: Some("icmp".into()), ..NewRule::default() }
    }
}

impl Named for SecurityGroup {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Show for SecurityGroup {
    const PLURAL: &'static str = "security groups";
    const COLUMNS: &'static [Column<SecurityGroup>] = &[
        Column::new("name", |group| group.name.clone()),
        Column::new("rules", |group| group.rules.len().to_string()),
        Column::new("description", |group| group.description.clone()),
        Column::new("id", |group| group.id.clone()),
        Column::wide("project", |group| group.project_id.clone()),
    ];
}

impl Show for SecurityRule {
    const PLURAL: &'static str = "rules";
    const COLUMNS: &'static [Column<SecurityRule>] = &[
        Column::new("direction", |rule| rule.direction.clone()),
        Column::new("protocol", |rule| rule.protocol.clone().unwrap_or_else(|| "any".into())),
        Column::new("ports", |rule| match (rule.port_range_min, rule.port_range_max) {
            (Some(lowest), Some(highest)) if lowest == highest => lowest.to_string(),
            (Some(lowest), Some(highest)) => format!("{lowest}-{highest}"),
            (Some(kind), None) => format!("type {kind}"),
            _ => String::new(),
        }),
        Column::new("remote", |rule| {
            rule.remote_ip_prefix.clone().or_else(|| rule.remote_group_id.clone()).unwrap_or_default()
        }),
        Column::new("over", |rule| rule.ethertype.clone()),
        Column::new("id", |rule| rule.id.clone()),
    ];
}

#[derive(Deserialize)]
struct OneGroup {
    security_group: SecurityGroup,
}

#[derive(Deserialize)]
struct OneRule {
    security_group_rule: SecurityRule,
}

impl Cloud {
    /// All security groups the user may see: of every project for an administrator.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn security_groups(&self) -> Result<Vec<SecurityGroup>> {
        self.list(Call::get(Service::Network, "/security-groups"), "security_groups").await
    }

    /// One security group by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub async fn security_group(&self, asked: &str) -> Result<SecurityGroup> {
        pick("security group", asked, self.security_groups().await?)
    }

    /// The same, where `default` is that of the own project: every project has one, and an
    /// administrator sees them all.
    ///
    /// # Errors
    /// As [`Cloud::security_group`].
    pub async fn own_security_group(&self, asked: &str) -> Result<SecurityGroup> {
        let mut groups = self.security_groups().await?;
        if let ("default", Some(own)) = (asked, self.own_project_id())
            && let Some(at) = groups.iter().position(|one| one.name == asked && one.project_id == own)
        {
            return Ok(groups.swap_remove(at));
        }
        pick("security group", asked, groups)
    }

    /// Create a security group; neutron lets its servers reach everything.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn create_security_group(&self, name: &str, description: &str) -> Result<SecurityGroup> {
        let body = json!({"security_group": {"name": name, "description": description}});
        let call = Call::post(Service::Network, "/security-groups", body);
        Ok(self.call(call).await?.read::<OneGroup>("security group")?.security_group)
    }

    /// Delete a security group. One that is gone already is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 409 with the reason when a port has it.
    pub async fn delete_security_group(&self, id: &str) -> Result<()> {
        self.delete(Service::Network, format!("/security-groups/{id}")).await
    }

    /// Add a rule to a security group.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 409 when it has that rule already.
    pub async fn add_security_rule(&self, group_id: &str, rule: &NewRule) -> Result<SecurityRule> {
        let body = json!({"security_group_rule": {
            "security_group_id": group_id,
            "direction": if rule.egress { "egress" } else { "ingress" },
            "ethertype": if rule.ipv6 { "IPv6" } else { "IPv4" },
            "protocol": rule.protocol,
            "port_range_min": rule.ports.map(|(lowest, _)| lowest),
            "port_range_max": rule.ports.map(|(_, highest)| highest),
            "remote_ip_prefix": rule.remote_ip_prefix,
            "remote_group_id": rule.remote_group_id,
        }});
        let call = Call::post(Service::Network, "/security-group-rules", body);
        Ok(self.call(call).await?.read::<OneRule>("security group rule")?.security_group_rule)
    }

    /// Delete a rule. One that is gone already is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn delete_security_rule(&self, id: &str) -> Result<()> {
        self.delete(Service::Network, format!("/security-group-rules/{id}")).await
    }
}
