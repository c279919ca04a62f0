//! 100 hosts with 20 guests each, judged by all rules.

use super::*;

/// 100 hosts with 20 guests each: judged by all rules in linear time.
///
/// `./bench rules` runs it; by itself it is not asked for, since it measures.
#[test]
#[ignore = "it measures: ./bench rules"]
#[expect(clippy::print_stdout, reason = "what it measured is for whoever asked")]
fn all_rules_at_scale() {
    // Joining the layers of each guest first, then each rule.
    let seconds = |hosts: usize| {
        let many = many(hosts);
        let begun = std::time::Instant::now();
        let guests = many.guests();
        let mut parts = vec![("joining the layers", begun.elapsed().as_secs_f64())];
        for rule in Rule::all() {
            let begun = std::time::Instant::now();
            let findings = rule.of_cloud(&many, &guests);
            parts.push((rule.name, begun.elapsed().as_secs_f64()));
            assert!(findings.is_empty(), "{:#?}", findings.first());
        }
        parts
    };
    let begun = std::time::Instant::now();
    for _ in 0..2000 {
        let read = (domain(XML), GuestProcess::parse_all(PROCESS));
        assert_eq!(read.1.len(), 1);
    }
    let reading = begun.elapsed().as_secs_f64();
    let (few, many) = (seconds(25), seconds(100));
    let sum = |parts: &[(&str, f64)]| parts.iter().map(|(_, took)| took).sum::<f64>();
    let (quarter, whole) = (sum(&few), sum(&many));
    let mut parts: Vec<(&str, f64, f64)> =
        few.iter().zip(&many).map(|((name, few), (_, many))| (*name, *many, many / few)).collect();
    parts.sort_by(|one, other| other.1.total_cmp(&one.1));
    for (name, took, times) in parts.into_iter().take(5) {
        println!("{name}: {:.0} % of it, {times:.1} times as long", took / whole * 100.0);
    }
    println!("25 hosts, 500 guests: {:.1} ms; 100 hosts, 2,000 guests: {:.1} ms", quarter * 1e3, whole * 1e3);
    println!("four times as much takes {:.1} times as long", whole / quarter);
    println!(
        "reading the XML and the processes of 2,000 guests takes {:.1} ms: judging is {:.2} of it",
        reading * 1e3,
        whole / reading
    );
    assert!(whole < quarter * 8.0, "not linear");
}

/// So many hosts with 20 guests each, all well.
fn many(hosts: usize) -> CloudSnapshot {
    let one = cloud();
    let mut many = CloudSnapshot { servers: vec![], hosts: BTreeMap::new(), ..one.clone() };
    let mut placement = Placement::default();
    let mut hypervisors = Vec::new();
    for number in 0..hosts {
        let name = format!("cmp{number}");
        let provider = format!("cmp{number}-id");
        let mut host = one.hosts["cmp1"].clone();
        host.name.clone_from(&name);
        host.libvirt.as_mut().expect("libvirt").host_uuid = Some(format!("uuid-{number}"));
        let machine = host.machine.as_mut().expect("a machine");
        machine.compute_id = Some(provider.clone());
        machine.sets = Some(CpuSets { dedicated: Some(set("1-20")), shared: Some(set("0")) });
        machine.cpus.online = set("0-21");
        machine.details.as_mut().expect("details").booted = number as i64;
        let (domain, process) = (host.domains.remove(0), host.processes.remove(0));
        let mut allocations = Vec::new();
        for guest in 0..20_u32 {
            let id = format!("{number:08x}-{guest:04x}-4000-8000-000000000000");
            let mut server = one.servers[0].clone();
            (server.id, server.name) = (id.clone(), format!("guest-{number}-{guest}"));
            server.host = Some(name.clone());
            let mut domain = domain.clone();
            let cpus: Cpuset = [guest + 1].into_iter().collect();
            let changed = Arc::make_mut(&mut domain.domain);
            changed.uuid.clone_from(&id);
            changed.cputune.vcpu_pins.insert(0, cpus.clone());
            changed.cputune.emulator_pin = Some(cpus.clone());
            domain.persistent = Some(domain.domain.clone());
            let mut process = (*process).clone();
            process.uuid.clone_from(&id);
            process.threads.iter_mut().for_each(|thread| thread.cpus = cpus.clone());
            host.domains.push(domain);
            host.processes.push(Arc::new(process));
            let held = one.placement.as_ref().expect("placement").providers[0].allocations[0].clone();
            allocations.push(Allocation { consumer: id, provider: provider.clone(), ..held });
            many.servers.push(server);
        }
        let snapshot = &one.placement.as_ref().expect("placement").providers[0];
        let mut found = snapshot.provider.clone();
        (found.id, found.root, found.name) = (provider.clone(), Some(provider.clone()), name.clone());
        placement.providers.push(ProviderSnapshot { provider: found, inventories: vec![], allocations });
        let mut hypervisor = one.hypervisors.as_ref().expect("hypervisors")[0].clone();
        (hypervisor.id, hypervisor.hypervisor_hostname) = (provider, name.clone());
        hypervisor.service.host.clone_from(&name);
        hypervisors.push(hypervisor);
        many.hosts.insert(name, host);
    }
    (many.placement, many.hypervisors) = (Some(placement), Some(hypervisors));
    many
}
