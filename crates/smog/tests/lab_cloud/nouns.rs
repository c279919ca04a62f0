//! Nouns: listed, made, changed and deleted.

use super::*;

#[tokio::test]
async fn every_noun_is_listed_and_shown() {
    let (cloud, _mess) = Mess::begin("nouns").await;
    let hypervisors = cloud.hypervisors_with_servers().await.expect("hypervisors");
    assert_eq!(shown(&hypervisors), 2);
    let name = &hypervisors[0].service.host;
    let one = cloud.hypervisor(name).await.expect("by the service's host");
    assert!(one.uptime.is_some_and(|uptime| uptime.contains("load average")) && one.hypervisor_version > 0);

    let services = cloud.compute_services().await.expect("services");
    assert!(shown(&services) >= 4, "{services:#?}");
    let zones = cloud.availability_zones().await.expect("zones");
    let nova = zones.iter().find(|zone| zone.name == "nova").expect("zone nova");
    assert!(shown(&zones) >= 2 && nova.available && nova.hosts.len() == 2, "{zones:#?}");

    assert!(shown(&cloud.flavors().await.expect("flavors")) > 0);
    let images = cloud.images().await.expect("images");
    assert!(shown(&images) > 0);
    let cirros = cloud.image("cirros").await.expect("cirros");
    assert_eq!(cloud.image_name(&cirros.id).await.expect("its name"), "cirros");
    assert!(shown(&cloud.networks().await.expect("networks")) > 0);
    assert!(shown(&cloud.subnets().await.expect("subnets")) > 0);
    shown(&cloud.ports().await.expect("ports"));
    let groups = cloud.security_groups().await.expect("security groups");
    assert!(shown(&groups) > 0 && shown(&groups[0].rules) > 0);
    shown(&cloud.aggregates().await.expect("aggregates"));
    shown(&cloud.server_groups().await.expect("server groups"));
    shown(&cloud.key_pairs().await.expect("key pairs"));
    shown(&cloud.servers().await.expect("servers"));
    shown(&cloud.migrations_matching(&MigrationFilter::default()).await.expect("migrations"));

    let project = cloud.own_project_id().expect("the session's project");
    let quotas = cloud.quotas(&project).await.expect("quotas");
    let has = |name: &str| quotas.iter().any(|quota| quota.resource == name);
    assert!(shown(&quotas) > 5 && has("cores") && has("port"), "{quotas:#?}");
    let limits = cloud.limits(None).await.expect("limits");
    assert!(shown(&limits) > 3 && limits.iter().any(|limit| limit.used.is_some()), "{limits:#?}");

    assert!(shown(&cloud.projects().await.expect("projects")) > 0);
    assert_eq!(cloud.project("admin").await.expect("project admin").id, project);
    assert!(shown(&cloud.users().await.expect("users")) > 0);
    assert!(shown(&cloud.roles().await.expect("roles")) > 0);
    let assigned = cloud.role_assignments(Some(&project)).await.expect("role assignments");
    assert!(shown(&assigned) > 0 && assigned.iter().any(|one| one.role == "admin" && one.who == "admin"));
}

#[tokio::test]
async fn placement_says_who_has_what() {
    let (cloud, _mess) = Mess::begin("placement").await;
    let providers = cloud.providers().await.expect("providers");
    assert!(shown(&providers) >= 2, "{providers:#?}");
    let hypervisor = &cloud.hypervisors().await.expect("hypervisors")[0];
    let provider =
        cloud.provider(&hypervisor.hypervisor_hostname).await.expect("the provider of a hypervisor");
    assert_eq!(provider.id, hypervisor.id);
    let inventories = cloud.inventories(&provider.id).await.expect("inventories");
    let memory = inventories.iter().find(|one| one.resource_class == "MEMORY_MB").expect("memory");
    assert!(shown(&inventories) >= 2 && memory.capacity() > 500 && memory.capacity() <= memory.total);
    let traits = cloud.provider_traits(&provider.id).await.expect("traits");
    assert!(traits.iter().any(|one| one == "COMPUTE_NODE"), "{traits:?}");
    let allocations = cloud.provider_allocations(&provider.id).await.expect("allocations");
    let held: u64 = allocations.iter().filter_map(|one| one.resources.get("MEMORY_MB")).sum();
    assert_eq!(held, memory.used, "what is held is what is used: {allocations:#?}");

    let resources = BTreeMap::from([("MEMORY_MB".to_string(), 64)]);
    let query = CandidateQuery { resources: resources.clone(), ..CandidateQuery::default() };
    assert!(shown(&cloud.allocation_candidates(&query).await.expect("candidates")) >= 2);
    let without = CandidateQuery { traits: vec!["!COMPUTE_NODE".into()], ..query };
    assert!(cloud.allocation_candidates(&without).await.expect("no candidate").is_empty());
    let wrong =
        CandidateQuery { traits: vec!["NO_SUCH_TRAIT".into()], resources, ..CandidateQuery::default() };
    let why = refused(cloud.allocation_candidates(&wrong).await.expect_err("an unknown trait"), 400);
    assert!(why.contains("NO_SUCH_TRAIT"), "{why}");
}

#[tokio::test]
async fn flavors_and_their_extra_specs() {
    let (cloud, mess) = Mess::begin("flavors").await;
    let new = NewFlavor {
        ram_mib: 64,
        swap_mib: 16,
        is_public: false,
        description: Some("for a test".into()),
        extra_specs: pairs(&[("hw:mem_page_size", "small"), ("hw:cpu_policy", "shared")]),
        ..NewFlavor::from(mess.name("f").as_str())
    };
    let made = cloud.create_flavor_as(&new).await.expect("a flavor");
    let seen = cloud.flavor(&new.name).await.expect("it is listed");
    assert_eq!((seen.ram_mib, seen.swap_mib, seen.is_public), (64, 16, false));
    assert_eq!((&seen.extra_specs, seen.description.as_deref()), (&new.extra_specs, Some("for a test")));

    cloud.set_extra_specs(&made.id, &pairs(&[("hw:numa_nodes", "1")])).await.expect("set");
    cloud.unset_extra_specs(&made.id, &["hw:cpu_policy", "not:there"]).await.expect("unset");
    let specs = cloud.extra_specs(&made.id).await.expect("extra specs");
    assert_eq!(specs, pairs(&[("hw:mem_page_size", "small"), ("hw:numa_nodes", "1")]));
    let wrong = cloud.set_extra_specs(&made.id, &pairs(&[("hw:cpu_policy", "maybe")])).await;
    let why = refused(wrong.expect_err("a value Nova does not know"), 400);
    assert!(why.contains("maybe"), "{why}");

    let project = cloud.own_project_id().expect("the session's project");
    cloud.set_flavor_access(&made.id, &project, true).await.expect("access");
    assert_eq!(cloud.flavor_access(&made.id).await.expect("who sees it"), [project]);

    // Refused extra specs leave no flavor behind.
    let bad = NewFlavor {
        extra_specs: pairs(&[("hw:cpu_policy", "maybe")]),
        ..NewFlavor::from(mess.name("bad").as_str())
    };
    cloud.create_flavor_as(&bad).await.expect_err("refused");
    let left = cloud.flavors().await.expect("flavors");
    assert!(!left.iter().any(|flavor| flavor.name == bad.name));
    cloud.delete_flavor(&made.id).await.expect("delete");
    cloud.delete_flavor(&made.id).await.expect("gone is fine");
}

#[tokio::test]
async fn an_image_is_fetched_uploaded_changed_and_downloaded() {
    let (cloud, mess) = Mess::begin("images").await;
    let folder = tempfile::tempdir().expect("a folder");
    let content: Vec<u8> = (0..20u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let server = loopback::Files::start(content.clone()).await;
    let source = ImageSource::new(server.url("disk.img"), folder.path().join("cache"))
        .with_checksum(loopback::sha256(&content));
    let file = source.fetch(&|_| {}).await.expect("the file");
    assert_eq!(source.fetch(&|_| {}).await.expect("from the cache"), file);
    assert_eq!(server.count(), 1, "the cache asks nobody");

    let told = Mutex::new(Vec::<Transfer>::new());
    let tell = |step: Transfer| told.lock().expect("told").push(step);
    let new = NewImage {
        min_ram_mib: 48,
        properties: pairs(&[("hw_rng_model", "virtio"), ("os_distro", "windows")]),
        ..NewImage::from(mess.name("image").as_str())
    };
    let image = cloud.upload_image(new, &file, &tell).await.expect("an active image");
    let size = content.len() as u64;
    assert_eq!((image.status.as_str(), image.size, image.min_ram), ("active", Some(size), 48));
    assert_eq!(image.disk_format.as_deref(), Some("raw"), "seen from the file");
    assert_eq!(image.properties["os_distro"], "windows");
    let told = told.into_inner().expect("told");
    assert_eq!(told.last(), Some(&Transfer { done_bytes: size, total_bytes: Some(size) }));
    assert!(told.is_sorted_by_key(|step| step.done_bytes), "{told:?}");

    let set = pairs(&[("hw_numa_nodes", "1"), ("os_distro", "debian"), ("x/y~z", "kept")]);
    cloud.set_image_properties(&image.id, &set).await.expect("set");
    let image = cloud.unset_image_properties(&image.id, &["hw_rng_model", "no"]).await.expect("unset");
    assert_eq!(image.properties.get("os_distro").map(String::as_str), Some("debian"));
    assert_eq!(image.properties.get("x/y~z").map(String::as_str), Some("kept"));
    assert!(!image.properties.contains_key("hw_rng_model"), "{:?}", image.properties);

    let back = folder.path().join("back.img");
    cloud.download_image(&image, &back, &|_| {}).await.expect("the file from glance");
    assert!(std::fs::read(&back).expect("the file") == content, "the same bytes come back");
    // Glance's hash is compared: another one must be refused, and nothing left.
    let mut wrong = image.clone();
    wrong.hash = Some("0".repeat(128));
    let other = folder.path().join("other.img");
    let why = cloud.download_image(&wrong, &other, &|_| {}).await.expect_err("a wrong hash");
    assert!(matches!(&why, Error::Invalid { why, .. } if why.contains("sha512")), "{why:?}");
    assert!(!other.exists());
    let files = std::fs::read_dir(folder.path()).expect("the folder").count();
    assert_eq!(files, 2, "the cache and the file that came back");

    cloud.delete_image(&image.id).await.expect("delete");
    let gone = cloud.image_by_id(&image.id).await.expect_err("gone");
    assert!(matches!(gone, Error::NotFound { .. }), "{gone:?}");
    // A file that is not there makes no image.
    let none = mess.name("none");
    cloud.upload_image(none.as_str(), &folder.path().join("no"), &|_| {}).await.expect_err("no file");
    assert!(!cloud.images().await.expect("images").iter().any(|image| image.name == none));
}

#[tokio::test]
async fn networks_ports_and_security_groups() {
    let (cloud, mess) = Mess::begin("net").await;
    let network = cloud.create_network(&mess.name("net")).await.expect("a network");
    let unusable = cloud.network(&network.name).await.expect_err("no subnet yet");
    assert!(unusable.to_string().contains("no subnet"), "{unusable}");
    let subnet = NewSubnet { name: mess.name("sub"), cidr: "192.0.2.0/24".into(), ..NewSubnet::default() };
    let subnet = cloud.create_subnet(&network.id, &subnet).await.expect("a subnet");
    assert_eq!((subnet.ip_version, subnet.gateway_ip.as_deref()), (4, None));
    assert_eq!(cloud.subnet(&subnet.name).await.expect("by name").id, subnet.id);
    assert_eq!(cloud.network(&network.name).await.expect("usable now").subnets, [subnet.id.as_str()]);

    let group = cloud.create_security_group(&mess.name("group"), "for a test").await.expect("a group");
    let rule = cloud.add_security_rule(&group.id, &NewRule::tcp(22, 22)).await.expect("a rule");
    assert_eq!((rule.protocol.as_deref(), rule.port_range_max), (Some("tcp"), Some(22)));
    let twice = cloud.add_security_rule(&group.id, &NewRule::tcp(22, 22)).await;
    refused(twice.expect_err("twice the same rule"), 409);
    let ping = NewRule { remote_ip_prefix: Some("192.0.2.0/24".into()), ..NewRule::icmp() };
    cloud.add_security_rule(&group.id, &ping).await.expect("a second rule");
    cloud.delete_security_rule(&rule.id).await.expect("delete a rule");
    let rules = cloud.security_group(&group.id).await.expect("the group").rules;
    assert!(rules.iter().any(|rule| rule.protocol.as_deref() == Some("icmp")));
    assert!(!rules.iter().any(|rule| rule.protocol.as_deref() == Some("tcp")));

    let port = NewPort {
        name: mess.name("port"),
        fixed_address: Some("192.0.2.77".into()),
        security_groups: Some(vec![group.id.clone()]),
        ..NewPort::default()
    };
    let port = cloud.create_port(&network.id, &port).await.expect("a port");
    assert_eq!(
        (port.fixed_ips[0].ip_address.as_str(), &port.security_groups),
        ("192.0.2.77", &vec![group.id.clone()])
    );
    assert_eq!(cloud.port(&port.name).await.expect("by name").id, port.id);
    let why = refused(cloud.delete_network(&network.id).await.expect_err("a port is on it"), 409);
    assert!(why.contains("ports still in use"), "{why}");
    cloud.delete_port(&port.id).await.expect("delete the port");
    cloud.delete_subnet(&subnet.id).await.expect("delete the subnet");
    cloud.delete_network(&network.id).await.expect("delete the network");
    cloud.delete_security_group(&group.id).await.expect("delete the group");
}

#[tokio::test]
async fn aggregates_and_their_pair() {
    let (cloud, mess) = Mess::begin("agg").await;
    let key = mess.name("key");
    let pair = cloud.create_aggregate_pair(&mess.name("pair"), &key, None).await.expect("a pair");
    assert_eq!((pair.with.hosts.len(), pair.without.hosts.len()), (1, 1));
    assert_eq!((pair.with.metadata[&key].as_str(), pair.without.metadata[&key].as_str()), ("true", "false"));
    assert_ne!(pair.with.hosts, pair.without.hosts);

    // The pair does what it is for: the flavor goes to the one host.
    let flavor = NewFlavor {
        ram_mib: 128,
        extra_specs: pairs(&[(&format!("aggregate_instance_extra_specs:{key}"), "false")]),
        ..NewFlavor::from(mess.name("f").as_str())
    };
    let flavor = cloud.create_flavor_as(&flavor).await.expect("a flavor");
    let server = mess.boot(BootRequest {
        flavor: FlavorChoice::Named(flavor.name),
        network: NetworkChoice::None,
        ..BootRequest::from(mess.name("s").as_str())
    });
    let server = server.await.expect("a server");
    assert_eq!(server.host.as_deref(), Some(pair.without.hosts[0].as_str()));

    let name = pair.with.name.clone();
    let again = cloud.create_aggregate_pair(&mess.name("pair"), &key, None).await.expect_err("taken");
    refused(again, 409);
    assert_eq!(cloud.aggregate(&name).await.expect("untouched").id, pair.with.id);
    let change = BTreeMap::from([(key.clone(), None), ("other".to_string(), Some("1".to_string()))]);
    let changed = cloud.set_aggregate_metadata(&pair.with.id, &change).await.expect("changed");
    assert_eq!(changed.metadata, pairs(&[("other", "1")]));
    let unknown = cloud.add_aggregate_host(&pair.with.id, "nohost").await.expect_err("unknown host");
    assert!(matches!(unknown, Error::NotFound { .. }), "{unknown:?}");
    cloud.delete_aggregate_pair(&pair).await.expect("removed with their hosts");
    assert!(!cloud.aggregates().await.expect("aggregates").iter().any(|one| one.name == name));
}

#[tokio::test]
async fn server_groups_and_key_pairs() {
    let (cloud, mess) = Mess::begin("groups").await;
    let group =
        cloud.create_server_group(&mess.name("apart"), "anti-affinity", Some(1)).await.expect("a group");
    assert_eq!((group.policy.as_str(), &group.rules["max_server_per_host"]), ("anti-affinity", &json!(1)));
    let request = |name: &str| BootRequest {
        network: NetworkChoice::None,
        server_group: Some(group.name.clone()),
        ..BootRequest::from(mess.name(name).as_str())
    };
    // One after the other: Nova's scheduler may send two that boot at once to one host, and
    // the host then refuses the second.
    let one = mess.boot(request("one")).await.expect("the first server");
    let two = mess.boot(request("two")).await.expect("the second server");
    assert_ne!(one.host, two.host, "they are apart");
    assert_eq!(one.server_groups, [group.id.as_str()]);
    let third = mess.boot(request("three")).await.expect_err("there is no third host");
    assert!(matches!(&third, Error::Fault { fault, .. } if fault.contains("No valid host")), "{third:?}");
    let seen = cloud.server_group(&group.id).await.expect("the group");
    assert!(seen.members.contains(&one.id) && seen.members.contains(&two.id), "{seen:?}");
    cloud.delete_server_group(&group.id).await.expect("delete");

    let name = mess.name("key");
    let (made, private) = cloud.create_key_pair(&name).await.expect("a key pair");
    assert!(private.reveal().contains("PRIVATE KEY") && made.public_key.starts_with("ssh-"), "{made:?}");
    cloud.delete_key_pair(&name).await.expect("delete");
    let imported = cloud.import_key_pair(&name, &made.public_key).await.expect("imported");
    assert_eq!(imported.fingerprint, made.fingerprint);
    cloud.import_key_pair(&name, private.reveal()).await.expect_err("a private key stays here");
    let same = cloud.import_key_pair(&name, &made.public_key).await.expect_err("taken");
    refused(same, 409);
    assert_eq!(cloud.key_pair(&name).await.expect("by name").kind, "ssh");
    cloud.delete_key_pair(&name).await.expect("delete");
}

#[tokio::test]
async fn an_isolated_project_and_its_quota() {
    let (cloud, mess) = Mess::begin("iso").await;
    let isolated = cloud.isolated_project(&mess.name("run")).await.expect("a project");
    let settings = Settings {
        credentials: isolated.credentials.clone(),
        file: SmogFile::default(),
        cache_dir: None,
        notices: vec![],
    };
    let options = Options { no_token_cache: true, ..Options::default() };
    let tenant = Cloud::connect(&settings, options).await.expect("the user logs in");
    assert_eq!(tenant.own_project_id().as_deref(), Some(isolated.project.id.as_str()));
    assert!(tenant.servers().await.expect("their own").is_empty(), "they see no one else's");
    refused(tenant.hypervisors().await.expect_err("no administrator"), 403);
    assert!(tenant.server_groups().await.expect("their own").is_empty());
    assert!(tenant.availability_zones().await.expect("zones").iter().all(|zone| zone.hosts.is_empty()));

    cloud.set_quota(&isolated.project.id, Service::Compute, "instances", Some(1)).await.expect("set");
    cloud.set_quota(&isolated.project.id, Service::Network, "network", Some(0)).await.expect("set");
    let quotas = cloud.quotas(&isolated.project.id).await.expect("quotas");
    let limit = |name: &str| quotas.iter().find(|quota| quota.resource == name).expect("a quota").limit;
    assert_eq!((limit("instances"), limit("network")), (Some(1), Some(0)));
    refused(tenant.create_network("over").await.expect_err("over the quota"), 409);

    // Nova keeps flavors without a disk of their own from plain users.
    let flavor = NewFlavor { ram_mib: 128, disk_gib: 1, ..NewFlavor::from(mess.name("f").as_str()) };
    let flavor = cloud.create_flavor_as(&flavor).await.expect("a flavor");
    let first = BootRequest {
        flavor: FlavorChoice::Named(flavor.name),
        network: NetworkChoice::None,
        ..BootRequest::from(mess.name("one").as_str())
    };
    let server = tenant.boot_server(&first, &BootMade::default(), mess::PATIENT).await.expect("a server");
    assert_eq!((server.host, &server.project_id), (None, &isolated.project.id));
    let second = BootRequest { name: mess.name("two"), ..first };
    let over = tenant.order_server(&second, &BootMade::default()).await.expect_err("over the quota");
    assert!(refused(over, 403).contains("Quota exceeded"));
    let quotas = cloud.quotas(&isolated.project.id).await.expect("quotas");
    assert_eq!(quotas.iter().find(|quota| quota.resource == "instances").expect("instances").used, 1);

    cloud.remove_isolated_project(&isolated, mess::PATIENT).await.expect("removed with its server");
    assert!(!cloud.projects().await.expect("projects").iter().any(|one| one.id == isolated.project.id));
    assert!(!cloud.users().await.expect("users").iter().any(|one| one.id == isolated.user.id));
    let groups = cloud.security_groups().await.expect("security groups");
    assert!(!groups.iter().any(|group| group.project_id == isolated.project.id), "its default group too");
    let options = Options { no_token_cache: true, ..Options::default() };
    let late = Cloud::connect(&settings, options).await.expect_err("nobody to log in");
    assert!(matches!(late, Error::Auth { .. }), "{late:?}");
}
