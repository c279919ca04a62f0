//! What is asked of a cloud, so that the answers are there later: smog's own looks, one after the
//! other. Their results do not matter here; what the wires answered does.

use futures_util::StreamExt;

use super::RecordRequest;
use crate::cloud::{Call, Cloud, Server, ServerFilter, Service};
use crate::error::{Error, Result};
use crate::explain::Topic;
use crate::findings::AuditRequest;
use crate::guest::Guest;
use crate::redact::Redactor;
use crate::watch::Sources;
use crate::why_not::WhyNotRequest;

/// So many guests are looked at at once.
const AT_ONCE: usize = 4;

/// For so many flavors it is asked which host would take them.
const FLAVORS: usize = 30;

/// So many of a guest's newest actions are asked for with their events.
const ACTIONS: usize = 20;

/// Which guests and hosts are recorded.
pub(super) struct Whom {
    /// All of the cloud.
    pub whole: bool,
    pub servers: Vec<Server>,
    /// The hosts that are asked.
    pub hosts: Vec<String>,
    /// Those whose logs are read; empty: all.
    pub log_hosts: Vec<String>,
}

/// What could not be asked.
#[derive(Default)]
pub(super) struct Unread(pub Vec<(String, String)>);

impl Unread {
    fn note<T>(&mut self, what: &str, answer: Result<T>) -> Option<T> {
        match answer {
            Ok(found) => Some(found),
            Err(why) => {
                self.0.push((what.to_string(), why.to_string()));
                None
            }
        }
    }

    pub(super) fn lines(&self, redactor: &Redactor) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for (what, why) in &self.0 {
            let line = redactor.text(&if what == "logs" { why.clone() } else { format!("{what}: {why}") });
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }
}

/// Decide whom it is about.
pub(super) async fn whom(cloud: &Cloud, request: &RecordRequest) -> Result<Whom> {
    let servers = cloud.servers().await?;
    let all = cloud.host_names().await?;
    if request.guests.is_empty() && request.hosts.is_empty() {
        return Ok(Whom { whole: true, servers, hosts: all, log_hosts: vec![] });
    }
    let mut chosen: Vec<Server> = Vec::new();
    let mut hosts: Vec<String> = Vec::new();
    for asked in &request.guests {
        let guest = cloud.guest_even_deleted(asked).await?;
        hosts.extend(guest.server.host.clone());
        chosen.push(guest.server);
    }
    for asked in &request.hosts {
        let name = cloud.host(asked).await?.name().to_string();
        chosen.extend(servers.iter().filter(|server| server.host.as_deref() == Some(&name)).cloned());
        hosts.push(name);
    }
    hosts.sort();
    hosts.dedup();
    // What is done to a guest is logged by its host, and by those without guests: controllers.
    let services = cloud.compute_services().await.unwrap_or_default();
    let is_compute =
        |host: &String| services.iter().any(|one| one.binary == "nova-compute" && one.host == *host);
    let mut log_hosts = hosts.clone();
    if !request.guests.is_empty() {
        log_hosts.extend(all.into_iter().filter(|host| !is_compute(host)));
    }
    log_hosts.sort();
    log_hosts.dedup();
    Ok(Whom { whole: false, servers: chosen, hosts, log_hosts })
}

/// Ask all of it. What fails is noted.
pub(super) async fn all(cloud: &Cloud, whom: &Whom, unread: &mut Unread, tell: &impl Fn(&str)) {
    tell("APIs");
    lists(cloud, unread).await;
    for name in &whom.hosts {
        tell(&format!("host {name}"));
        host(cloud, name, unread).await;
    }
    let count = whom.servers.len();
    let mut looks = futures_util::stream::iter(&whom.servers)
        .map(|server| async move {
            let mut unread = Unread::default();
            // Boxed: the type of all of it together is too deep for the compilers of those who await it.
            Box::pin(guest(cloud, server, !whom.whole, &mut unread)).await;
            unread
        })
        .buffer_unordered(AT_ONCE);
    let mut done = 0;
    while let Some(found) = looks.next().await {
        unread.0.extend(found.0);
        done += 1;
        tell(&format!("guests: {done} of {count}"));
    }
    if whom.whole {
        tell("the whole cloud");
        let flavors = cloud.flavors().await.unwrap_or_default();
        for flavor in flavors.into_iter().take(FLAVORS) {
            let request = WhyNotRequest { flavor: Some(flavor.name.clone()), ..WhyNotRequest::default() };
            let why = Box::pin(cloud.why_not(&request)).await;
            unread.note(&format!("why-not --flavor {}", flavor.name), why);
        }
        unread.note("discover", Box::pin(cloud.discover()).await);
        let all = crate::topology::Seen::All;
        unread.note("topology", Box::pin(cloud.topology_of(&all)).await);
        // Last: it looks twice at what seems wrong, and what it saw last is kept.
        let audit = Box::pin(cloud.audit(&AuditRequest::default())).await;
        if let Some(audit) = unread.note("audit", audit) {
            let more = audit.unknown.into_iter().map(|one| (one.what, one.why));
            unread.0.extend(more);
        }
    }
}

/// Lists of everything that there is.
async fn lists(cloud: &Cloud, unread: &mut Unread) {
    // Sessions remember these, so they are asked for by themselves.
    for service in [Service::Compute, Service::Placement] {
        let answer = cloud.call(Call::get(service, "/")).await;
        unread.note(&format!("versions of {}", service.name()), answer);
    }
    let own = cloud.own_project_id();
    let quotas = async {
        match &own {
            Some(project) => cloud.quotas(project).await.map(drop),
            None => Ok(()),
        }
    };
    let (a, b, c, d, e, f, g, h) = tokio::join!(
        async { cloud.servers().await.map(drop) },
        async { cloud.deleted_servers(&ServerFilter::default()).await.map(drop) },
        async { cloud.flavors().await.map(drop) },
        async { cloud.images().await.map(drop) },
        async { cloud.networks().await.map(drop) },
        async { cloud.subnets().await.map(drop) },
        async { cloud.ports().await.map(drop) },
        async { cloud.aggregates().await.map(drop) },
    );
    let (i, j, k, l, m, n, o, p) = tokio::join!(
        async { cloud.availability_zones().await.map(drop) },
        async { cloud.compute_services().await.map(drop) },
        async { cloud.hypervisors().await.map(drop) },
        async { cloud.host_list().await.map(drop) },
        async { cloud.key_pairs().await.map(drop) },
        async { cloud.security_groups().await.map(drop) },
        async { cloud.server_groups().await.map(drop) },
        async { cloud.providers().await.map(drop) },
    );
    let (q, r, s) = tokio::join!(quotas, async { cloud.projects().await.map(drop) }, async {
        cloud.migrations_matching(&Default::default()).await.map(drop)
    },);
    let named = [
        ("servers", a),
        ("deleted servers", b),
        ("flavors", c),
        ("images", d),
        ("networks", e),
        ("subnets", f),
        ("ports", g),
        ("aggregates", h),
        ("zones", i),
        ("services", j),
        ("hypervisors", k),
        ("hosts", l),
        ("key pairs", m),
        ("security groups", n),
        ("server groups", o),
        ("providers", p),
        ("quotas", q),
        ("projects", r),
        ("migrations", s),
    ];
    for (what, answer) in named {
        unread.note(what, answer);
    }
}

/// What is asked of a host itself.
async fn host(cloud: &Cloud, name: &str, unread: &mut Unread) {
    let Some(host) = unread.note(&format!("host `{name}`"), cloud.host(name).await) else { return };
    if let Err(why) = host.connect().await {
        unread.0.push((format!("host `{name}`"), why.to_string()));
        // Each command says so as well, later.
        let _ = host.facts().await;
        return;
    }
    let facts = host.facts().await;
    if unread.note(&format!("facts of host `{name}`"), facts).is_none() {
        return;
    }
    // A controller has neither libvirt nor guests.
    let _ = tokio::join!(host.guest_processes(), Sources::detect(&host), host.topology());
    let _ = host.domains_in_full().await;
    let _ = host.list_domains().await;
    let _ = host.capabilities().await;
}

/// All looks at one guest; `reason` asks why no host would take it as well.
async fn guest(cloud: &Cloud, server: &Server, reason: bool, unread: &mut Unread) {
    let what = |look: &str| format!("{look} {}", server.name);
    let _ = cloud.guest_even_deleted(&server.name).await;
    let Some(server) = unread.note(&what("guest show"), cloud.server_even_deleted(&server.id).await) else {
        return;
    };
    let _ = cloud.actions_with_events(&server.id).await;
    if let Some(actions) = unread.note(&what("actions of"), cloud.actions(&server.id).await) {
        for action in actions.iter().take(ACTIONS) {
            unread.note(&what("an action of"), cloud.action(&server.id, &action.request_id).await);
        }
    }
    let _ = tokio::join!(
        cloud.who_locked(&server.id),
        cloud.migrations(&server.id),
        cloud.running_migrations(&server.id),
        cloud.diagnostics(&server.id),
        cloud.console_log(&server.id, None),
        cloud.allocations(&server.id),
        cloud.ports_of(&server.id)
    );
    let topics = Topic::ALL.into_iter().map(Some).chain([None]);
    for topic in topics {
        let page = Box::pin(cloud.explain(&server, topic)).await;
        if let Some(page) = unread.note(&what("explain"), page)
            && topic.is_none()
        {
            unread.0.extend(page.unknown.into_iter().map(|one| (one.what, one.why)));
        }
    }
    if server.host.is_some() {
        let mut guest = Guest::new(cloud, server.clone());
        let _ = guest.dumpxml().await;
        let mut guest = Guest::new(cloud, server.clone());
        let _ = guest.compare().await;
        let mut guest = Guest::new(cloud, server.clone());
        let _ = guest.process().await;
        let mut guest = Guest::new(cloud, server.clone());
        let _ = guest.look().await;
    }
    if server.status == "ERROR" || reason {
        for of in [server.name.clone(), server.id.clone()] {
            let request = WhyNotRequest { of: Some(of), reads_log: true, ..WhyNotRequest::default() };
            match Box::pin(cloud.why_not(&request)).await {
                // It found a host: there is nothing to explain.
                Err(Error::Invalid { .. }) | Ok(_) => {}
                Err(why) => unread.0.push((what("why-not"), why.to_string())),
            }
        }
    }
}
