//! `smog security-group …`

use clap::Subcommand;
use smog::cloud::NewRule;
use smog::{Error, ExitCode};

use crate::output;
use crate::session::{Session, in_full};

/// Security groups and their rules
#[derive(Debug, clap::Args)]
pub struct SecurityGroupArgs {
    #[command(subcommand)]
    verb: SecurityGroupVerb,
}

#[derive(Debug, Subcommand)]
enum SecurityGroupVerb {
    /// List security groups
    #[command(visible_alias = "ls")]
    List,
    /// List the rules of a security group
    Rules(One),
    /// Create a security group
    Create {
        /// Its name
        name: String,
    },
    /// Add a rule
    AddRule(AddRuleArgs),
    /// Remove a rule by its id
    RemoveRule {
        /// The rule's id
        rule: String,
    },
    /// Delete a security group
    Delete(One),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The security group: name, id, or an unambiguous beginning
    #[arg(add = crate::args::names::security_groups())]
    group: String,
}

#[derive(Debug, clap::Args)]
struct AddRuleArgs {
    #[command(flatten)]
    one: One,
    /// tcp, udp, icmp … [default: any]
    #[arg(long, value_name = "PROTOCOL")]
    protocol: Option<String>,
    /// A port, or a range such as 8000-8080
    #[arg(long, value_name = "PORTS", value_parser = ports)]
    ports: Option<(u16, u16)>,
    /// Only from (or, with --egress, to) these addresses
    #[arg(long, value_name = "CIDR")]
    remote: Option<String>,
    /// For outgoing instead of incoming traffic
    #[arg(long)]
    egress: bool,
    /// IPv6 instead of IPv4
    #[arg(long)]
    ipv6: bool,
}

fn ports(text: &str) -> Result<(u16, u16), String> {
    let (lowest, highest) = text.split_once('-').unwrap_or((text, text));
    match (lowest.parse(), highest.parse()) {
        (Ok(lowest), Ok(highest)) if lowest <= highest => Ok((lowest, highest)),
        _ => Err("neither a port nor a range such as 8000-8080".into()),
    }
}

pub async fn run(args: SecurityGroupArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    match args.verb {
        SecurityGroupVerb::List => output::list(&cloud.security_groups().await?, &session.view)?,
        SecurityGroupVerb::Rules(args) => {
            output::list(&cloud.own_security_group(&args.group).await?.rules, &session.view)?;
        }
        SecurityGroupVerb::Create { name } => {
            output::show(&cloud.create_security_group(&name, "").await?, &session.view)?;
        }
        SecurityGroupVerb::AddRule(args) => {
            let group = cloud.own_security_group(&args.one.group).await?;
            let rule = NewRule {
                egress: args.egress,
                ipv6: args.ipv6,
                protocol: args.protocol,
                ports: args.ports,
                remote_ip_prefix: args.remote,
                ..NewRule::default()
            };
            output::show(&cloud.add_security_rule(&group.id, &rule).await?, &session.view)?;
        }
        SecurityGroupVerb::RemoveRule { rule } => {
            cloud.delete_security_rule(&rule).await?;
            session.done(&format!("{rule}: removed"));
        }
        SecurityGroupVerb::Delete(args) => {
            let group = cloud.security_group(&args.group).await?;
            in_full("security group", &args.group, &group.name, &group.id)?;
            cloud.delete_security_group(&group.id).await?;
            session.done(&format!("{}: deleted", group.name));
        }
    }
    Ok(ExitCode::Ok)
}
