//! `numa.CpuPowerTest`: CPUs for pinned guests are on only while guests have them.

use super::super::changes::CPU_POWER;
use super::small;
use crate::cpuset::Cpuset;
use crate::error::Result;
use crate::testing::{Case, Check, Claims, Control, Need, Test, minutes};

/// A host's CPUs at one moment.
#[derive(Debug, Clone)]
struct Power {
    online: Cpuset,
    dedicated: Cpuset,
}

/// Of the dedicated CPUs, those that guests have are on, and no other.
fn only_used_are_on(power: &Power, used: &Cpuset, when: &str) -> Vec<Check> {
    let on = power.online.intersection(&power.dedicated);
    vec![
        Check::eq(format!("dedicated CPUs that are on {when}"), &on, used)
            .from("/sys/devices/system/cpu/online"),
    ]
}

async fn look(t: &Test) -> Result<Power> {
    let host = t.host(0)?;
    Ok(Power { online: host.host.facts().await?.cpus.online, dedicated: host.dedicated.clone() })
}

/// Check the host's CPUs, and that one more or one less would be seen.
async fn check(t: &Test, used: &Cpuset, when: &str) -> Result<()> {
    let power = look(t).await?;
    let other = |mut power: Power| {
        power.online = match power.online.intersection(&power.dedicated).is_empty() {
            true => power.online.union(&power.dedicated),
            false => power.online.difference(&power.dedicated),
        };
        power
    };
    t.assert(&power, |power| only_used_are_on(power, used, when), &[Control::new("the others", other)]);
    Ok(())
}

async fn cpu_state(t: &mut Test) -> Result<()> {
    // Servers of others that are there have CPUs, too.
    let taken = t.host(0)?.taken.clone();
    check(t, &taken, "before").await?;
    let mut guest = t.boot(small(1, 96).pinned()).await?;
    let seen = t.look(&mut guest).await?;
    let used = seen.domain().vcpu_pins().into_values().fold(Cpuset::new(), |all, cpus| all.union(&cpus));
    t.check("pins of the guest", used.len() == 1, used.to_string(), "one CPU");
    check(t, &used.union(&taken), "with the guest").await?;
    t.delete(&guest).await?;
    check(t, &taken, "afterwards").await
}

pub(super) const CASES: &[Case] = &[Case::new(
    "numa.CpuPowerTest.test_cpu_state",
    "Dedicated CPUs are off unless a guest has them.\n\
     Why: `[libvirt]cpu_power_management` saves power by it; a CPU that stays off is a guest that fails.\n\
     Steps: turn it on with strategy cpu_state; look at the host's CPUs; boot a pinned guest; look;\n\
     delete it; look.\n\
     Proves: exactly the guest's CPU is on, and only while there is the guest.",
    |t| Box::pin(cpu_state(t)),
)
.needs(&[Need::OwnKernels, Need::DedicatedCpus(1)])
.claims(Claims::ONE_GUEST.all_dedicated())
.under(&CPU_POWER)
.timeout(minutes(6))
.tags(&["cpu", "pinning"])];

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Cpuset {
        text.parse().expect("a CPU set")
    }

    #[test]
    fn what_is_on_must_be_what_is_used() {
        let holds = |online: &str, used: &str| {
            let power = Power { online: set(online), dedicated: set("2-5") };
            let used = if used.is_empty() { Cpuset::new() } else { set(used) };
            only_used_are_on(&power, &used, "now").iter().all(|check| check.holds)
        };
        assert!(holds("0-1", "") && holds("0-1,4", "4"));
        assert!(!holds("0-1", "4"), "the guest's CPU is off");
        assert!(!holds("0-2,4", "4"), "one more is on");
    }
}
