//! What inputs begin as: recorded answers, the lab's own files, and forms that people have.

use std::path::Path;

/// The corpus of a target.
pub fn of(name: &str, root: &Path) -> Vec<Vec<u8>> {
    let data = root.join("crates/smog/tests/data");
    let mut corpus = vec![];
    let mut from = |folder: &Path, take: &dyn Fn(&str) -> bool| gather(folder, take, &mut corpus);
    match name {
        "domain-xml" => from(&data, &|path| path.ends_with(".xml")),
        "oslo" => {
            from(&root.join("lab/config"), &|path| path.ends_with(".conf") || path.ends_with(".ini"));
            from(&data, &|path| path.contains("oslo") || path.ends_with(".conf"));
        }
        "log-records" => from(&data, &|path| path.contains("log")),
        "smog-yml" => {
            from(&root.join("docs"), &|path| path.ends_with(".yml"));
            from(&root.join("lab/access"), &|path| path.ends_with("smog.yml"));
            from(&data.join("introduction-2015"), &|path| path.ends_with(".yml"));
        }
        "clouds-yaml" => {
            from(&root.join("lab/access"), &|path| path.ends_with("clouds.yaml"));
            from(&data, &|path| {
                path.contains("cloud") && (path.ends_with(".yaml") || path.ends_with(".yml"))
            });
        }
        "openrc" => {
            from(&root.join("lab/access"), &|path| path.ends_with("openrc"));
            from(&data, &|path| path.contains("rc") && !path.ends_with(".json"));
        }
        "api-json" => from(&data.join("api"), &|path| path.ends_with(".json")),
        _ => {}
    }
    if name == "agent-frames" {
        corpus.push(frames(FRAMES.as_bytes()));
    }
    corpus.extend(by_hand(name).iter().map(|text| text.as_bytes().to_vec()));
    corpus
}

fn gather(folder: &Path, take: &dyn Fn(&str) -> bool, into: &mut Vec<Vec<u8>>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            gather(&path, take, into);
        } else if take(&path.display().to_string())
            && let Ok(bytes) = std::fs::read(&path)
            && bytes.len() < 100_000
        {
            into.push(bytes);
        }
    }
}

/// Frames of the far end of watching, one a line and without their lengths: see [`frames`].
const FRAMES: &str = r#"frames
H 0 0 {"now": 1790000000.5, "zone": "UTC", "offset": 0}
O 1 0 {"path": "/var/log/a.log", "dev": 1, "ino": 2, "old": null, "head": "32", "tail": "", "why": "there"}
D 1 0 2026-11-24 10:00:00.123 1 INFO a [-] one\n
D 1 42 2026-11-24 10:00:01.123 1 ERROR a [-] two\nTraceback (most recent call last):\nKeyError: 1\n
C 1 130 
O 2 0 {"path": "/var/log/b.log", "dev": 1, "ino": 3, "old": 0, "head": "", "tail": "61", "why": "there"}
D 2 18446744073709551610 x\n
B 0 0 
A 0 0 
L 1 82 {"path": "/var/log/a.log", "bytes": 7, "why": "b"}
E 0 0 {"path": "/var/log/b.log", "why": "no"}
R 1 82 
"#;

/// Lines of `KIND NUMBER OFFSET PAYLOAD` as frames with their lengths, so that mutations meet
/// what is behind the framing; anything else as it is.
pub fn frames(input: &[u8]) -> Vec<u8> {
    let Some(lines) = input.strip_prefix(b"frames\n") else { return input.to_vec() };
    let mut bytes = vec![];
    for line in lines.split(|byte| *byte == b'\n') {
        let words: Vec<&[u8]> = line.splitn(4, |byte| *byte == b' ').collect();
        let payload = String::from_utf8_lossy(words.get(3).copied().unwrap_or_default()).replace("\\n", "\n");
        let payload = match words.get(3) {
            Some(raw) if std::str::from_utf8(raw).is_err() => raw.to_vec(),
            _ => payload.into_bytes(),
        };
        bytes.extend_from_slice(&words[..words.len().min(3)].join(&b' '));
        bytes.extend_from_slice(format!(" {}\n", payload.len()).as_bytes());
        bytes.extend_from_slice(&payload);
    }
    bytes
}

fn by_hand(name: &str) -> &'static [&'static str] {
    match name {
        "oslo" => &[
            "[DEFAULT]\ndebug = true\nmulti = a\nmulti = b\nlong = a,\n  b,\n\n  c\n# comment\n[libvirt]\nvirt_type=kvm\n",
            "[DEFAULT]\r\ntransport_url = rabbit://a:b@c:5672/\r\n[Libvirt]\r\nx: y\r\n",
        ],
        "log-records" => &[
            "2026-11-24 10:00:00.123 1234 INFO nova.compute.manager [None req-11111111-2222-3333-4444-555555555555 user project - - default default] [instance: 11111111-2222-3333-4444-555555555555] Took 2 seconds\n\
             2026-11-24 10:00:01.123 1234 ERROR nova.compute.manager [-] No valid host\n\
             2026-11-24 10:00:01.123 1234 ERROR nova.compute.manager Traceback (most recent call last):\n\
             2026-11-24 10:00:01.123 1234 ERROR nova.compute.manager   File \"/usr/lib/python3/nova/a.py\", line 7, in b\n\
             2026-11-24 10:00:01.123 1234 ERROR nova.compute.manager nova.exception.NoValidHost: No valid host was found.\n",
            "Nov 24 10:00:00 cmp1 nova-compute[12]: Traceback (most recent call last):\nNov 24 10:00:00 cmp1 nova-compute[12]: KeyError: 'a'\n",
            "{\"message\": \"a\", \"asctime\": \"2026-11-24 10:00:00\", \"levelname\": \"ERROR\", \"traceback\": [\"Traceback (most recent call last):\", \"ValueError: x\"]}\n",
            "[Tue Nov 24 10:00:00.123456 2026] [wsgi:error] [pid 12:tid 34] [remote 10.0.0.1:80] Traceback (most recent call last):\n[Tue Nov 24 10:00:00.123456 2026] [wsgi:error] [pid 12:tid 34] KeyError: 1\n",
            "2026-11-24T10:00:00.123456789Z stdout F 2026-11-24 10:00:00.123 7 ERROR nova Traceback (most recent call last):\n",
            "2026-11-24 10:00:00.123456+00:00 [error] <0.12.0> Channel error on connection\n  second line\n",
            "Traceback (most recent call last):\n  File \"a\", line 1, in <module>\n    raise X\nlibvirt.libvirtError: internal error\n",
        ],
        "smog-yml" => &[
            "cloud: lab\nhosts: &h\n  computes:\n    - {name: a, host: 10.0.0.1}\n  controllers: []\nwatch:\n  allow: [{exception: A, why: b}]\n",
        ],
        "clouds-yaml" => &[
            "clouds:\n  a: &a\n    auth: {auth_url: 'https://k:5000/v3', username: u, password: p, project_name: x}\n    regions: [one, {name: two, values: {verify: false}}]\n  b:\n    <<: *a\n    auth_type: v3applicationcredential\n    auth:\n      auth_url: https://k/v3\n      application_credential_id: i\n      application_credential_secret: s\n",
        ],
        "openrc" => &[
            "#!/usr/bin/env bash\nexport OS_AUTH_URL=http://k:5000/v3\nexport OS_USERNAME='a'\"b\"\\ c\nexport OS_PASSWORD=p#q\nOS_PROJECT_NAME=x; export OS_PROJECT_NAME\nunset OS_REGION_NAME\nif [ -z \"$OS_X\" ]; then unset OS_X; fi\ndeclare -x OS_USER_DOMAIN_NAME=Default\n",
        ],
        "agent-frames" => &[FRAMES],
        "virsh" => &[
            "11111111-2222-3333-4444-555555555555 instance-00000001\n\n==states==\nDomain: 'instance-00000001'\n  state.state=1\n  state.reason=1\n\n",
            "<domain type='qemu'><name>a</name><uuid>11111111-2222-3333-4444-555555555555</uuid><memory unit='KiB'>1</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>\n==next==\n<domain/>",
            "<capabilities><host><cpu><arch>x86_64</arch></cpu><topology><cells num='1'><cell id='0'><memory unit='KiB'>7</memory><cpus num='1'><cpu id='0' socket_id='0' core_id='0' siblings='0'/></cpus></cell></cells></topology></host></capabilities>",
        ],
        "api-json" => &[
            "{\"servers\": [{\"id\": \"a\", \"name\": \"b\", \"status\": \"ACTIVE\", \"addresses\": {\"n\": [{\"addr\": \"::1\", \"version\": 6}]}}], \"servers_links\": []}",
        ],
        _ => &[],
    }
}
