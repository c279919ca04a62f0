//! What placement is asked for, and what it rules out.

use super::super::wanted::Ask;
use super::*;

#[test]
fn what_placement_is_asked_for() {
    let asks = |wanted: &Wanted| {
        let groups = wanted.resources().groups;
        let of = |(suffix, ask): (&String, &Ask)| {
            let resources = ask.resources.iter().map(|(class, amount)| format!("{class}:{amount}"));
            let traits =
                ask.required.iter().cloned().chain(ask.forbidden.iter().map(|name| format!("!{name}")));
            format!("{suffix}{}", resources.chain(traits).collect::<Vec<_>>().join(","))
        };
        groups.iter().map(of).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(asks(&wanted(&[])), "MEMORY_MB:512,VCPU:2");
    assert_eq!(asks(&wanted(&[("hw:cpu_policy", "dedicated")])), "MEMORY_MB:512,PCPU:2");
    let isolated = wanted(&[
        ("hw:cpu_policy", "mixed"),
        ("hw:cpu_dedicated_mask", "^0"),
        ("hw:emulator_threads_policy", "isolate"),
        ("hw:cpu_thread_policy", "isolate"),
    ]);
    assert_eq!(asks(&isolated), "MEMORY_MB:512,PCPU:2,VCPU:1,!HW_CPU_HYPERTHREADING");
    let custom = wanted(&[
        ("resources:CUSTOM_X", "1"),
        ("resources:VCPU", "0"),
        ("trait:CUSTOM_T", "required"),
        ("trait:CUSTOM_U", "forbidden"),
        ("resources1:VF", "2"),
        ("trait1:CUSTOM_NET", "required"),
    ]);
    assert_eq!(asks(&custom), "CUSTOM_X:1,MEMORY_MB:512,CUSTOM_T,!CUSTOM_U 1VF:2,CUSTOM_NET");
    let mut with_disk = wanted(&[]);
    (with_disk.flavor.disk_gib, with_disk.flavor.swap_mib) = (10, 1025);
    with_disk.image.insert("trait:HW_CPU_X86_AVX2".into(), "required".into());
    with_disk.image.insert("hw_tpm_version".into(), "2.0".into());
    assert_eq!(
        asks(&with_disk),
        "DISK_GB:12,MEMORY_MB:512,VCPU:2,COMPUTE_SECURITY_TPM_2_0,COMPUTE_SECURITY_TPM_TIS,HW_CPU_X86_AVX2"
    );
    with_disk.boots_from_volume = true;
    assert!(asks(&with_disk).starts_with("DISK_GB:2,"), "{}", asks(&with_disk));
}

#[test]
fn both_fit_when_nothing_rules_them_out() {
    assert_eq!(said(&wanted(&[]), &facts()), "cmp1 and cmp2 fit");
    assert_eq!(said(&wanted(&[("hw:cpu_policy", "dedicated")]), &facts()), "cmp1 and cmp2 fit");
    let only = Wanted { host: Some("cmp2".into()), ..wanted(&[]) };
    assert_eq!(said(&only, &facts()), "cmp2 fits");
}

#[test]
fn resources_and_traits() {
    let big = |change: fn(&mut WantedFlavor)| {
        let mut wanted = wanted(&[]);
        change(&mut wanted.flavor);
        said(&wanted, &unnamed(|_| {}))
    };
    assert_eq!(
        big(|flavor| flavor.ram_mib = 9000),
        "cmp1 and cmp2 each have 8192 MiB of memory in all; flavor `f` needs 9000 MiB"
    );
    assert_eq!(
        big(|flavor| flavor.vcpus = 5),
        "cmp1 and cmp2 give at most 4 VCPU to one server; flavor `f` needs 5"
    );
    assert_eq!(
        big(|flavor| flavor.disk_gib = 17),
        "cmp1 and cmp2 each have 16 GiB of disk in all; flavor `f` needs 17 GiB"
    );
    let none = unnamed(|one| one.inventories.retain(|inventory| inventory.resource_class != "PCPU"));
    assert_eq!(
        said(&wanted(&[("hw:cpu_policy", "dedicated")]), &none),
        "cmp1 and cmp2 each have no PCPU (dedicated CPUs); flavor `f` needs 2"
    );
    let used = unnamed(|one| {
        one.inventories[1].used = 3;
        let resources = BTreeMap::from([("PCPU".to_string(), 3)]);
        one.allocations.push(Allocation {
            consumer: "web".into(),
            provider: one.provider.id.clone(),
            resources,
        });
    });
    let found = judged(&wanted(&[("hw:cpu_policy", "dedicated")]), &used);
    assert_eq!(
        found[0].words(),
        "has 1 of 4 PCPU (dedicated CPUs) free; flavor `f` needs 2",
        "what is free, not what there is"
    );
    assert_eq!((found[0].reasons[0].has, found[0].reasons[0].needs), (Some(1), Some(2)));
    assert_eq!(
        found[0].reasons[0].helps,
        ["moving or deleting {web} on cmp1, which holds 3 PCPU (dedicated CPUs)"]
    );
    assert_eq!(
        said(&wanted(&[("trait:CUSTOM_T", "required")]), &unnamed(|_| {})),
        "cmp1 and cmp2 lack the trait CUSTOM_T; flavor `f` requires it"
    );
    assert_eq!(
        said(&wanted(&[("trait:HW_ARCH_X86_64", "forbidden")]), &unnamed(|_| {})),
        "cmp1 and cmp2 have the trait HW_ARCH_X86_64; flavor `f` forbids it"
    );
    // Nothing visible: what it hangs on by placement's own word.
    let mut hidden = unnamed(|_| {});
    hidden.left_out.insert("id-cmp1".into(), vec!["2 VCPU".into()]);
    assert!(judged(&wanted(&[]), &hidden)[0].words().starts_with("does not provide 2 VCPU"));
    assert_eq!(judged(&wanted(&[]), &hidden)[1].verdict, Verdict::RuledOut);
}

#[test]
fn what_could_not_be_read_never_fits() {
    let verdicts = |facts: &Facts, wanted: &Wanted| {
        judged(wanted, facts).into_iter().map(|one| one.verdict).collect::<Vec<_>>()
    };
    let mut blind = facts();
    blind.candidates = Err("the user's roles do not allow to look".into());
    assert_eq!(verdicts(&blind, &wanted(&[])), [Verdict::Unknown; 2]);
    assert_eq!(said(&wanted(&[]), &blind), "whether cmp1 and cmp2 could take it is not known");
    let mut silent = facts();
    silent.hosts.remove("cmp1");
    assert_eq!(verdicts(&silent, &wanted(&[])), [Verdict::Fits; 2], "nothing is asked of the host itself");
    assert_eq!(verdicts(&silent, &wanted(&[("hw:numa_nodes", "1")])), [Verdict::Fits, Verdict::Unknown]);
    let mut unread = facts();
    unread.scheduler = Err("no answer".into());
    assert_eq!(verdicts(&unread, &wanted(&[])), [Verdict::Unknown; 2], "another filter may be enabled");
    unread.services.iter_mut().flatten().for_each(|one| one.state = "down".into());
    assert_eq!(verdicts(&unread, &wanted(&[])), [Verdict::RuledOut; 2], "the default filters are computed");
    unread.services = facts().services;
    let found = judged(&wanted(&[("aggregate_instance_extra_specs:ssd", "true")]), &unread);
    assert!(found[0].words().contains("if it is enabled: it is in no aggregate with `ssd`"), "{found:#?}");
    let mut narrowed = facts();
    narrowed.scheduler = Ok(conf("[scheduler]\nlimit_tenants_to_placement_aggregate = True\n"));
    assert_eq!(verdicts(&narrowed, &wanted(&[])), [Verdict::Unknown; 2]);
    let mut foreign = facts();
    foreign.scheduler = Ok(conf("[filter_scheduler]\nenabled_filters = ComputeFilter,our.own.RackFilter\n"));
    assert_eq!(verdicts(&foreign, &wanted(&[])), [Verdict::Unknown; 2]);
}
