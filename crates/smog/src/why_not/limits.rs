//! The limits of a project: Nova refuses what exceeds them before it looks for a host.

use serde::Serialize;

use super::facts::Asked;
use crate::cloud::Limit;

/// What a request adds to what its project has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Charge {
    /// Another project than the user's own.
    pub project_id: Option<String>,
    pub instances: u64,
    pub cores: u64,
    pub ram_mib: u64,
    /// The name and size of a server group that it joins.
    pub group: Option<(String, u64)>,
}

/// A limit of the project that refuses a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// "instances", "cores", "ram" (in MiB), "server group members".
    pub limit: String,
    /// The most the project may have.
    pub most: u64,
    /// What it has.
    pub used: u64,
    /// What the request adds.
    pub needs: u64,
}

impl Refusal {
    /// "the project has 9 of 10 cores, and this needs 2"
    pub fn words(&self) -> String {
        let (unit, used, most, needs) = (self.unit(), self.used, self.most, self.needs);
        match self.limit.as_str() {
            "server group members" => format!("the server group has {used} of {most} members"),
            _ => format!(
                "the project has {used} of {most} {unit}, and {needs} more {} needed",
                is_or_are(needs)
            ),
        }
    }

    /// What would help.
    pub(super) fn help(&self) -> String {
        let least = self.used + self.needs;
        match self.limit.as_str() {
            "server group members" => {
                format!("a quota of {least} server group members (it is {})", self.most)
            }
            limit => format!(
                "a quota of {least} for {limit} (it is {}), or deleting guests of the project with {} {} together",
                self.most,
                least.saturating_sub(self.most),
                self.unit()
            ),
        }
    }

    fn unit(&self) -> &str {
        match self.limit.as_str() {
            "ram" => "MiB of memory",
            other => other,
        }
    }
}

fn is_or_are(number: u64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// The limits that refuse it, in the order in which Nova asks.
pub(super) fn refusals(charge: &Charge, limits: &Asked<Vec<Limit>>) -> Vec<Refusal> {
    let mut found = Vec::new();
    let mut ask = |name: &str, needs: u64, used: Option<u64>| {
        let limit = limits.iter().flatten().find(|one| one.name == name);
        let Some((most, used)) = limit.and_then(|one| Some((one.limit?, used.or(one.used)?))) else { return };
        if needs > 0 && used + needs > most {
            found.push(Refusal { limit: name.into(), most, used, needs });
        }
    };
    ask("instances", charge.instances, None);
    ask("cores", charge.cores, None);
    ask("ram", charge.ram_mib, None);
    if let Some((_, members)) = &charge.group {
        ask("server group members", 1, Some(*members));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &str, limit: Option<u64>, used: Option<u64>) -> Limit {
        Limit { name: name.into(), limit, used }
    }

    #[test]
    fn what_a_project_may_have() {
        let limits = Ok(vec![
            limit("instances", Some(10), Some(10)),
            limit("cores", Some(20), Some(19)),
            limit("ram", None, Some(4096)),
            limit("server group members", Some(2), None),
        ]);
        let charge = Charge {
            instances: 1,
            cores: 1,
            ram_mib: 512,
            group: Some(("g".into(), 2)),
            ..Charge::default()
        };
        let found = refusals(&charge, &limits);
        let names: Vec<&str> = found.iter().map(|one| one.limit.as_str()).collect();
        assert_eq!(names, ["instances", "server group members"], "cores just fit, memory has no limit");
        assert_eq!(found[0].words(), "the project has 10 of 10 instances, and 1 more is needed");
        assert_eq!(
            found[0].help(),
            "a quota of 11 for instances (it is 10), or deleting guests of the project with 1 instances together"
        );
        let larger = Charge { cores: 2, ..charge.clone() };
        assert_eq!(refusals(&larger, &limits)[1].limit, "cores");
        // A move adds nothing, and what could not be asked refuses nothing.
        assert_eq!(refusals(&Charge::default(), &limits), []);
        assert_eq!(refusals(&charge, &Err("no answer".into())), []);
    }
}
