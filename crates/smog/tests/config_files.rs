//! smog.yml as people write it: the introduction's own documents, layers, and every
//! refusal with its place.

use std::path::{Path, PathBuf};

use smog::Error;
use smog::config::{ComputesFile, HostKind, Origin, SmogFile, Surroundings, schema};

fn introduction(name: &str) -> SmogFile {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/introduction-2015");
    SmogFile::read(&folder.join(name)).unwrap_or_else(|why| panic!("{why}"))
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Folder {
        let dir = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("write");
        }
        Folder(dir)
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn surroundings(&self) -> Surroundings {
        Surroundings {
            current_dir: self.0.path().into(),
            config_dir: Some(self.path("home")),
            ..Surroundings::default()
        }
    }
    fn set(&self, sets: &[&str]) -> Result<SmogFile, Error> {
        let sets = sets.iter().map(|set| set.to_string()).collect();
        Surroundings { sets, ..self.surroundings() }.smog_file()
    }
}

fn refused(text: &str) -> (String, String) {
    let folder = Folder::with(&[("smog.yml", text)]);
    let why = SmogFile::read(&folder.path("smog.yml")).expect_err(text);
    let said = why.to_string().replace(&format!("{}/", folder.0.path().display()), "");
    (said, why.hint().unwrap_or_default())
}

#[test]
fn the_introduction_s_documents_as_they_stand() {
    let main = introduction("smog_config.yml");
    assert_eq!(main.notices.len(), 1, "{:?}", main.notices);
    assert!(main.credentials.is_some());
    assert!(!format!("{main:?}").contains("4b6b6e5db1054988"), "a password in Debug");

    let named = introduction("named_hosts.yml");
    assert_eq!(named.hosts.len(), 3);
    assert_eq!(named.hosts[1].role, "compute1");
    assert_eq!(named.hosts[2].parent.as_deref(), Some("10.8.0.60"));
    assert_eq!(named.hosts[2].domain(), Some("rhel7-beta-2"));
    assert_eq!(named.nova.filters.len(), 4);
    assert_eq!((named.nova.large_page, named.nova.large_page_num), (Some(true), Some(256)));
    assert_eq!((named.nova.large_page_persist, named.nova.host_passthrough), (Some(false), Some(true)));
    assert_eq!(named.cirros.disk_format.as_deref(), Some("qcow2"));
    let conf: Vec<String> =
        named.libvirt_conf.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    assert_eq!(conf[1], "auth_tls = \"none\"");
    assert_eq!(conf[4], "listen_tcp = 1");
    assert_eq!(named.live_migration.conf, named.libvirt_conf);
    assert_eq!(named.live_migration.storage.as_deref(), Some("NFS"));

    let listed = introduction("numa_lp_config.yml");
    let roles: Vec<&str> = listed.hosts.iter().map(|host| host.role.as_str()).collect();
    assert_eq!(roles, ["controllers", "computes", "computes"]);
    assert!(listed.hosts.iter().all(|host| host.kind == Some(HostKind::Vm)));
    assert_eq!(listed.nova.cpu_mode.as_deref(), Some("host-model"));
    assert_eq!(listed.baremetal["master1"], "10.8.0.58");
    assert!(listed.credentials.is_none());
}

#[test]
fn a_typo_shows_file_line_column_and_the_nearest_key() {
    for (text, said, hint) in [
        ("hots: {}\n", "smog.yml:1:1: no key `hots` here", "did you mean `hosts`"),
        ("nova:\n  virt_typ: kvm\n", "smog.yml:2:3: no key `virt_typ` here", "`virt_type`"),
        ("hosts:\n  a: {host: b, usr: c}\n", "smog.yml:2:16: no key `usr` here", "`user`"),
        ("nova: {virt_type: xen}\n", "smog.yml:1:19: `virt_type` must be one of kvm, qemu", ""),
        ("nova: {cpu_mode: host-pasthrough}\n", "1:18: `cpu_mode` must be one of", "`host-passthrough`"),
        (
            "nova: {large_page_num: -1}\n",
            "1:24: `large_page_num` must be a whole number from 0, not this number",
            "",
        ),
        ("nova: {large_page: perhaps}\n", "1:20: `large_page` must be `true` or `false`, not this text", ""),
        ("nova: {filters: A}\n", "1:17: `filters` must be a list, not this text", ""),
        ("hosts: {a: {host: b, type: container}}\n", "1:28: `type` must be one of vm, baremetal", ""),
        ("hosts:\n  a: {user: b}\n", "2:6: a host of `a` has no `host`", ""),
        ("watch:\n  allow:\n    - why: x\n", "3:7: an entry of `allow` needs", ""),
        (
            "watch:\n  allow:\n    - message: '('\n",
            "3:16: `message` is not a regular expression: unclosed group",
            "",
        ),
        (
            "hosts:\n  a: {host: b, parent: c, type: baremetal}\n",
            "2:6: a host of `a` is `baremetal` and has a parent",
            "",
        ),
        ("nova:\n  filters: [A, ]\n  options: {a.b: [~]}\n", "3:19: an entry of `a.b` says nothing", ""),
        (
            "credentials: main\n",
            "1:14: `credentials` must be `smog`, `master` or a set of OS_* variables",
            "",
        ),
        ("cloud: a\ncloud: b\n", "2:1: this key is there twice", ""),
        ("- a\n", "1:1: `the file` must be a set of keys, not a list", ""),
    ] {
        let (got, way_out) = refused(text);
        assert!(got.contains(said), "{text}\n{got}");
        assert!(way_out.contains(hint), "{text}\n{way_out}");
    }
}

#[test]
fn a_secret_is_not_shown_in_an_error() {
    let (said, _) = refused("credentials:\n  OS_PASSWORD: [hush]\n");
    assert!(said.contains("2:16") && !said.contains("hush"), "{said}");
}

#[test]
fn what_is_no_configuration_is_refused() {
    let mut bomb = String::from("cloud: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for at in 1..9 {
        bomb += &format!("a{at}: &a{at} [{}]\n", vec![format!("*a{}", at - 1); 9].join(", "));
    }
    let (said, _) = refused(&bomb);
    assert!(said.contains("aliases"), "{said}");
    let (said, _) = refused(&"#".repeat((1 << 20) + 1));
    assert!(said.contains("larger than 1 MiB"), "{said}");
    let folder = Folder::with(&[]);
    let said = SmogFile::read(folder.0.path()).expect_err("a folder").to_string();
    assert!(said.contains("a folder"), "{said}");
    let path = folder.path("latin.yml");
    std::fs::write(&path, b"cloud: a\nlog_dir: caf\xe9\n").expect("write");
    let said = SmogFile::read(&path).expect_err("latin 1").to_string();
    assert!(said.contains("latin.yml:2:13: not UTF-8"), "{said}");
}

#[test]
fn a_suite_s_file_brings_its_hosts_and_may_have_sections_of_its_own() {
    let folder = Folder::with(&[
        ("smog.yml", "hosts: {computes: [{name: old, host: 192.0.2.1}]}\n"),
        ("mine.yml", "hosts: {controllers: [{name: c, host: 192.0.2.9}]}\nmy_images: [a, b]\n"),
        ("typo.yml", "novva: {virt_type: kvm}\n"),
    ]);
    let mut from = folder.surroundings();
    from.suite = Some("mine.yml".into());
    let hosts: Vec<_> =
        from.smog_file().expect("a file").hosts.into_iter().filter_map(|one| one.name).collect();
    assert!(hosts.contains(&"c".to_string()), "{hosts:?}");
    from.suite = Some("typo.yml".into());
    let said = from.smog_file().expect_err("a typo").hint();
    assert_eq!(said.as_deref(), Some("did you mean `nova`?"));
}

#[test]
fn layers_overrule_key_by_key_and_remember_their_place() {
    let folder = Folder::with(&[
        ("home/smog/smog.yml", "log_dir: /home\nnova:\n  virt_type: kvm\n  filters: [A, B]\n"),
        ("smog.yml", "nova:\n  filters: [C]\n  large_page: true\n"),
        ("suites/numa.yml", "nova: {large_page_num: 5}\ncredentials: master\n"),
    ]);
    let mut from = folder.surroundings();
    from.variables.insert("SMOG_NOVA__CPU_MODE".into(), "none".into());
    from.variables.insert("SMOG_LAB_DIR".into(), "/no/setting".into());
    from.sets = vec!["nova.virt_type=qemu".into()];
    let file = from.suite_file("numa").expect("settings");
    assert_eq!(file.log_dir.as_deref(), Some(Path::new("/home")));
    assert_eq!(file.nova.filters, ["C"]);
    assert_eq!(file.nova.virt_type.as_deref(), Some("qemu"));
    assert_eq!(file.nova.cpu_mode.as_deref(), Some("none"));
    assert_eq!(file.nova.large_page_num, Some(5));
    let from = |setting: &str| {
        let lines = file.entries();
        lines.into_iter().find(|line| line.setting == setting).expect(setting).from
    };
    let line = |name: &str, line, column| Origin::File { path: folder.path(name), line, column };
    assert_eq!(from("log_dir"), line("home/smog/smog.yml", 1, 10));
    assert_eq!(from("nova.filters.0"), line("smog.yml", 2, 13));
    assert_eq!(from("nova.large_page_num"), line("suites/numa.yml", 1, 24));
    assert_eq!(from("nova.virt_type"), Origin::Flag("nova.virt_type".into()));
    assert_eq!(from("nova.cpu_mode"), Origin::Variable("SMOG_NOVA__CPU_MODE".into()));
    // A file that is named is the only one.
    let mut named = folder.surroundings();
    named.config_file = Some(folder.path("smog.yml"));
    assert_eq!(named.smog_file().expect("one file").log_dir, None);
}

#[test]
fn a_password_never_goes_with_another_file_s_login() {
    let folder = Folder::with(&[
        (
            "home/smog/smog.yml",
            "credentials: {OS_AUTH_URL: 'http://own/v3', OS_USERNAME: a, OS_PASSWORD: hush}\n",
        ),
        ("smog.yml", "credentials: {OS_AUTH_URL: 'http://other/v3', OS_USERNAME: a}\n"),
    ]);
    assert!(matches!(folder.surroundings().smog_file(), Err(Error::Auth { .. })));
    std::fs::write(folder.path("smog.yml"), "credentials: {OS_PROJECT_NAME: p}\n").expect("write");
    let file = folder.surroundings().smog_file().expect("settings");
    assert_eq!(file.credentials.as_ref().and_then(|own| own.project_name.as_deref()), Some("p"));
    let password = file.entries().into_iter().find(|line| line.setting.ends_with("OS_PASSWORD")).expect("it");
    assert_eq!(password.value, "(hidden)");
}

#[test]
fn set_is_typed_and_names_the_part_that_is_wrong() {
    let folder = Folder::with(&[(
        "smog.yml",
        "hosts:\n  computes: [{host: a}, {host: b}]\n  controllers: {host: c}\n",
    )]);
    let file = folder
        .set(&[
            "hosts.computes.0.host=10.0.0.5",
            "hosts.controllers.0.user=root",
            "nova.filters=[A, B]",
            "nova.options.libvirt.virt_type=qemu",
            "nova.conf:libvirt.cpu_mode=none",
            "nova.conf:debug=true",
        ])
        .expect("settings");
    assert_eq!((file.hosts[0].host.as_str(), file.hosts[1].host.as_str()), ("10.0.0.5", "b"));
    assert_eq!(file.hosts[2].user.as_deref(), Some("root"));
    assert_eq!(file.nova.filters, ["A", "B"]);
    assert_eq!(file.nova.options["libvirt.virt_type"], ["qemu"]);
    let options: Vec<String> = file
        .conf_options
        .iter()
        .map(|one| format!("{}:{}.{}={}", one.file, one.section, one.option, one.value))
        .collect();
    assert_eq!(options, ["nova.conf:libvirt.cpu_mode=none", "nova.conf:DEFAULT.debug=true"]);
    for (set, said, hint) in [
        ("nova.virt_type=xen", "--set nova.virt_type: `virt_type` must be one of", ""),
        ("nova.virt_typ=kvm", "--set nova.virt_typ: no key `virt_typ` in `nova`", "`virt_type`"),
        ("hosts.computes.7.host=a", "no entry `7` in `hosts.computes`: there are 2", ""),
        ("hosts.compute.0.host=a", "no key `compute` in `hosts`", "`computes`"),
        ("nova.large_page.x=1", "`nova.large_page` is a single value", ""),
        ("nova.filters=[A", "the value is not YAML", ""),
        ("nova", "--set: is not of the form PATH=VALUE", ""),
    ] {
        let why = folder.set(&[set]).expect_err(set);
        assert!(why.to_string().contains(said), "{set}: {why}");
        assert!(why.hint().unwrap_or_default().contains(hint), "{set}: {:?}", why.hint());
    }
}

#[test]
fn the_small_file_of_computes() {
    let folder = Folder::with(&[
        (
            "good.yml",
            "computes:\n  - {parent: 192.0.2.1, name: l1, host: 192.0.2.2, user: root, vtype: vm, passthrough: yes}\n",
        ),
        ("typo.yml", "computes:\n  - {host: a, passthru: true}\n"),
    ]);
    let file = ComputesFile::read(&folder.path("good.yml")).expect("computes");
    let first = &file.computes[0];
    assert_eq!((first.kind, first.passthrough), (Some(HostKind::Vm), Some(true)));
    let why = ComputesFile::read(&folder.path("typo.yml")).expect_err("a typo");
    assert!(why.to_string().contains("typo.yml:2:15: no key `passthru`"), "{why}");
    assert!(why.hint().is_some_and(|hint| hint.contains("passthrough")), "{why}");
}

#[test]
fn the_committed_schema_is_the_one_printed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/smog.schema.json");
    let committed = std::fs::read_to_string(path).expect("docs/smog.schema.json");
    let printed = format!("{:#}\n", schema());
    assert!(committed == printed, "`smog config schema > docs/smog.schema.json` renews it");
}

#[test]
fn the_example_can_be_read_and_names_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/smog.yml");
    let file = SmogFile::read(&path).unwrap_or_else(|why| panic!("{why}"));
    assert!(!file.hosts.is_empty() && !file.watch.allow.is_empty());
    let text = std::fs::read_to_string(path).expect("docs/smog.yml");
    let schema = schema();
    for key in schema["properties"].as_object().expect("properties").keys() {
        let named = ["rdo_clones", "lab"].contains(&key.as_str()) || text.contains(&format!("{key}:"));
        assert!(named, "docs/smog.yml does not show `{key}`");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    /// Whatever two files and the flags say: the last that speaks wins, and is named.
    #[test]
    fn the_last_layer_that_speaks_wins(
        below: [Option<u32>; 3],
        above: [Option<u32>; 3],
        flags: [Option<u32>; 3],
    ) {
        const KEYS: [&str; 3] = ["a", "b", "c"];
        let text = |values: &[Option<u32>; 3]| {
            let lines = KEYS.iter().zip(values).map(|(key, value)| match value {
                Some(value) => format!("  {key}: {value}\n"),
                None => format!("  {key}:\n"),
            });
            format!("libvirt_conf:\n{}", lines.collect::<String>())
        };
        let folder = Folder::with(&[("home/smog/smog.yml", &text(&below)), ("smog.yml", &text(&above))]);
        let sets: Vec<String> = KEYS
            .iter()
            .zip(flags)
            .filter_map(|(key, value)| Some(format!("libvirt_conf.{key}={}", value?)))
            .collect();
        let file = folder.set(&sets.iter().map(String::as_str).collect::<Vec<_>>()).expect("settings");
        let entries = file.entries();
        for at in 0..3 {
            let setting = format!("libvirt_conf.{}", KEYS[at]);
            let found = entries.iter().find(|entry| entry.setting == setting);
            let line = |name: &str| Origin::File { path: folder.path(name), line: at + 2, column: 6 };
            let wanted = match (flags[at], above[at], below[at]) {
                (Some(value), _, _) => Some((value, Origin::Flag(setting.clone()))),
                (_, Some(value), _) => Some((value, line("smog.yml"))),
                (_, _, Some(value)) => Some((value, line("home/smog/smog.yml"))),
                _ => None,
            };
            let got = found.map(|entry| (entry.value.clone(), entry.from.clone()));
            proptest::prop_assert_eq!(got, wanted.map(|(value, from)| (value.to_string(), from)));
        }
    }
}

/// What people give as smog.yml by mistake, and typos around a password.
#[test]
fn no_error_shows_a_line_or_a_value_of_a_file() {
    const PW: &str = "s3cr3tPW";
    for text in [
        "export OS_AUTH_URL=http://192.0.2.1:5000/v3\nexport OS_USERNAME=u\nexport OS_PASSWORD='s3cr3tPW'\n",
        "export OS_PASSWORD: s3cr3tPW\n",
        "OS_PASSWORD=s3cr3tPW: x\n",
        "[keystone_authtoken]\npassword = s3cr3tPW\n",
        "[database]\nconnection = mysql://u:s3cr3tPW@h/d\n",
        "connection: mysql://u:s3cr3tPW@h/d\n",
        "s3cr3tPW\n",
        "- s3cr3tPW\n",
        "s3cr3tPW: x\n",
        "credentials: s3cr3tPW\n",
        "credentials: {OS_PASSWORD: [s3cr3tPW]}\n",
        "credentials: {OS_PASSWORD: {a: s3cr3tPW}}\n",
        "credentials: {OS_PASSWORD: s3cr3tPW\n",
        "credentials: {OS_PASSWORD: s3cr3tPW}}\n",
        "credentials: {OS_PASSWORD: *s3cr3tPW}\n",
        "credentials: {OS_PASSWORD: \"\\s3cr3tPW\"}\n",
        "credentials: {OS_AUTH_URL: http://k, OS_USERNAME: u, OS_PASSWORD: p, OS_VERIFY: s3cr3tPW}\n",
        "credentials: {OS_AUTH_URL: http://k, OS_USERNAME: u, OS_PASSWORD: p, OS_AUTH_TYPE: 's3cr3tPW!'}\n",
        "nova: {virt_type: s3cr3tPW}\n",
        "nova: {large_page: s3cr3tPW}\n",
        "nova: s3cr3tPW\n",
        "nova: {s3cr3tPW: 1}\n",
        "hosts: {a: s3cr3tPW}\n",
        "hosts: {a: {host: [s3cr3tPW]}}\n",
        "lab: {release: s3cr3tPW, simulated_cells: s3cr3tPW}\n",
        "watch: {allow: [{message: '(s3cr3tPW'}]}\n",
        "ssh: s3cr3tPW\n",
        "cloud: [s3cr3tPW]\n",
        "cloud: \"s3cr3tPW\n",
        "cloud: a\n\ts3cr3tPW: b\n",
        "cloud: &s3cr3tPW\ncloud: *other\n",
    ] {
        let folder = Folder::with(&[("smog.yml", text)]);
        let path = folder.path("smog.yml");
        let errors = [SmogFile::read(&path).err(), ComputesFile::read(&path).err()];
        assert!(errors.iter().any(Option::is_some), "{text}");
        for why in errors.into_iter().flatten() {
            let said = format!("{why} {}", why.hint().unwrap_or_default());
            assert!(!said.contains(PW), "{text}\n{said}");
            assert!(said.contains("smog.yml"), "{said}");
        }
    }
    let folder = Folder::with(&[]);
    for set in [
        "nova.virt_type=s3cr3tPW",
        "nova.large_page=s3cr3tPW",
        "nova.filters=[s3cr3tPW",
        "nova.filters=*s3cr3tPW",
        "credentials.OS_PASSWORD=[s3cr3tPW",
        "credentials=s3cr3tPW",
        "hosts.computes=s3cr3tPW",
    ] {
        let said = folder.set(&[set]).map(|_| ()).expect_err(set).to_string();
        assert!(!said.contains(PW), "{set}\n{said}");
    }
    for name in ["SMOG_NOVA__VIRT_TYPE", "SMOG_NOVA__FILTERS", "SMOG_CREDENTIALS", "SMOG_HOSTS"] {
        let variables = [(name.to_string(), format!("[{PW}"))].into();
        let why = Surroundings { variables, ..folder.surroundings() }.smog_file().expect_err(name);
        assert!(!why.to_string().contains(PW), "{name}: {why}");
    }
}

#[test]
fn a_file_that_others_can_write_is_not_obeyed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with(&[("smog.yml", "log_dir: /x\n"), ("one.yml", "log_dir: /y\n")]);
    let chmod = |name: &str, mode: u32| {
        std::fs::set_permissions(folder.path(name), std::fs::Permissions::from_mode(mode)).expect("chmod");
    };
    chmod("smog.yml", 0o666);
    chmod("one.yml", 0o666);
    let file = folder.surroundings().smog_file().expect("nothing is wrong");
    assert_eq!(file.log_dir, None);
    assert!(file.notices[0].contains("is not read: everybody can write it"), "{:?}", file.notices);
    assert!(file.notices[0].contains("--config"), "{:?}", file.notices);
    let file = folder.surroundings().suite_file("one").expect("nothing is wrong");
    assert_eq!((file.log_dir, file.notices.len()), (None, 2));
    let named = Surroundings { config_file: Some(folder.path("smog.yml")), ..folder.surroundings() };
    assert!(named.smog_file().expect("named, so read").log_dir.is_some());
}
