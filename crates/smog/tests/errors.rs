//! Sentence, way out and exit code of every error, in one snapshot to read as a whole.

use std::time::Duration;

use smog::Error;

fn text(text: &str) -> String {
    text.to_string()
}

fn every_error() -> Vec<Error> {
    let request_id = Some(text("req-6b1f"));
    vec![
        Error::NotFound {
            what: text("image"),
            name: text("ciros"),
            near: vec![text("cirros"), text("cirros-2")],
        },
        Error::NotFound { what: text("guest"), name: text("web"), near: vec![] },
        Error::Ambiguous { what: text("server"), name: text("web"), ids: vec![text("1f…"), text("2a…")] },
        Error::Api {
            service: text("compute"),
            method: text("POST"),
            path: text("/servers"),
            status: 403,
            message: text("Quota exceeded for instances: Requested 1, but already used 0 of 0 instances"),
            request_id: request_id.clone(),
        },
        Error::Api {
            service: text("compute"),
            method: text("POST"),
            path: text("/servers/1f/action"),
            status: 409,
            message: text("Cannot 'os-migrateLive' instance 1f while it is in vm_state stopped"),
            request_id: request_id.clone(),
        },
        Error::Api {
            service: text("compute"),
            method: text("DELETE"),
            path: text("/servers/1f"),
            status: 409,
            message: text("guest `my web` is locked"),
            request_id: None,
        },
        Error::Api {
            service: text("network"),
            method: text("GET"),
            path: text("/networks"),
            status: 500,
            message: text("Internal Server Error"),
            request_id: None,
        },
        Error::Auth {
            message: text(
                "keystone at http://192.0.2.10:5000/v3 does not accept user `admin` with the given password, for project `admin`",
            ),
            hint: text(
                "the credentials come from the OS_* variables: check user, password, project and domains",
            )
            .into(),
        },
        Error::TooOld {
            feature: text("`--host`"),
            need: text("Nova's API microversion 2.74"),
            have: text("2.72"),
        },
        Error::Unreachable {
            what: text("host `cmp1` (192.0.2.11)"),
            why: text("Connection refused"),
            hint: text("is sshd running there?").into(),
        },
        Error::Untrusted {
            what: text("host `cmp1` (192.0.2.11)"),
            why: text("its host key is not known"),
            hint: text("compare it, then add it to known_hosts").into(),
        },
        Error::Command {
            host: text("cmp1"),
            command: text("virsh dumpxml instance-00000001"),
            exit: text("exit code 1"),
            stderr: text("error: failed to connect to the hypervisor\nerror: no such file\n"),
        },
        Error::Missing {
            host: text("ctl"),
            program: text("virsh"),
            hint: text("is it a compute host?").into(),
        },
        Error::Timeout {
            what: text("server `web` to become ACTIVE"),
            waited: Duration::from_secs(300),
            last: text("BUILD (spawning)"),
            request_id: request_id.clone(),
        },
        Error::Fault {
            what: text("boot of server `web`"),
            fault: text("No valid host was found. There are not enough hosts available"),
            host: Some(text("cmp1")),
            request_id,
            hint: Some(text("every compute host was ruled out").into()),
        },
        Error::Config {
            place: text("smog.yml:2:1"),
            message: text("unknown field `hots`\n    hots: {}\n    ^"),
            hint: None,
        },
        Error::Parse {
            what: text("domain XML"),
            source_of: text("host `cmp1`"),
            why: text("unexpected end of stream at 3:1"),
        },
        Error::Invalid {
            what: text("thread policy `isolate`"),
            why: text("it needs dedicated CPUs"),
            hint: Some(text("add `--pin`").into()),
        },
        Error::Mismatch {
            what: text("guest `web`"),
            why: text("Nova says ACTIVE on cmp1, but libvirt there has no domain `instance-00000001`"),
            hint: Some(text("`smog guest reboot --hard web` recreates the domain").into()),
        },
        Error::GoesOn {
            error: Box::new(Error::Unreachable {
                what: text("the compute service at http://192.0.2.10"),
                why: text("connection reset"),
                hint: text("see the message").into(),
            }),
            left: text("server `web` (1f…) exists and is still building"),
            hint: text("`smog guest show web` shows it, `smog delete web` removes it").into(),
        },
        Error::Unread {
            lines: vec![text("host `cmp1`: no answer"), text("/var/log/x on host `cmp2`: Permission denied")],
        },
        Error::NotRecorded {
            what: text("GET /servers/1f of the compute service"),
            of: text("a recording of cloud `lab`, made 2026-11-28 18:00:00 UTC"),
            hint: text("`smog record FILE` records it").into(),
        },
        Error::Interrupted { left: text("Nova continues to boot `web`; `smog delete web` removes it") },
    ]
}

#[test]
fn every_sentence_and_way_out() {
    let all: Vec<String> = every_error()
        .into_iter()
        .map(|error| {
            let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            format!("[exit {}] error: {error}{hint}\n", u8::from(error.exit_code()))
        })
        .collect();
    insta::assert_snapshot!("errors", all.join("\n"));
}
