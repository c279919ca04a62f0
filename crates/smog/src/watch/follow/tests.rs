//! Frames of a far end that lies, and errors that name no script.

use super::*;
use crate::hint::Hint;
use crate::watch::frame::Frame;

fn follower() -> (Follower, mpsc::Receiver<Message>) {
    let (to, messages) = mpsc::channel(100);
    let follower = Follower {
        host: Host::local("here"),
        sources: Sources::usual(),
        to,
        generations: BTreeMap::new(),
        next_id: 0,
        zone: TimeZone::UTC,
        was_up: false,
        all_caught_up: false,
        twice: Twice::default(),
        unreadable: BTreeSet::new(),
        read_any: false,
    };
    (follower, messages)
}

fn frame(kind: u8, source: u64, offset: u64, payload: &str) -> Frame {
    Frame { kind, source, offset, payload: payload.as_bytes().to_vec() }
}

const OPENED: &str =
    r#"{"path": "/x", "dev": 1, "ino": 2, "old": null, "head": "zz\u00e9", "tail": "", "why": "start"}"#;

#[tokio::test]
async fn a_lying_far_end_is_an_error_and_no_panic() {
    let (mut follower, _told) = follower();
    for number in [0, u64::MAX] {
        let opened = frame(b'O', number, u64::MAX, OPENED);
        assert!(follower.frame(opened, &mut []).await.is_ok());
        let data = frame(b'D', number, u64::MAX, "a line\n");
        let why = follower.frame(data, &mut []).await.map(drop).expect_err("no such place");
        assert!(matches!(why, Error::Parse { .. }), "{why:?}");
    }
    for offset in [u64::MAX / 2, u64::MAX - 7, 1 << 63] {
        let _ = follower.frame(frame(b'D', 0, offset, "x\n"), &mut []).await;
    }
    let far = r#"{"now": 1e308, "zone": "../../etc/passwd", "offset": 2147483647}"#;
    for (kind, payload) in
        [(b'H', far), (b'H', "{}"), (b'L', "[]"), (b'E', "nonsense"), (b'C', ""), (b'R', "x"), (b'Z', "")]
    {
        let _ = follower.frame(frame(kind, u64::MAX, u64::MAX, payload), &mut []).await;
    }
    let mut kept: Vec<Option<Generation>> =
        std::mem::take(&mut follower.generations).into_values().map(Some).collect();
    follower.open(u64::MAX, 0, serde_json::from_str(OPENED).expect("opened"), &mut []);
    follower.keep(&mut kept);
    let _ = follower.ask(&[]);
}

#[test]
fn nobody_reads_smog_s_own_script() {
    let line = format!("sh -c 'for p in python3 …' smog-watch '{AGENT}'");
    let lost = Error::Unreachable {
        what: "host `a`".into(),
        why: format!("the connection was lost while `{line}` ran: closed"),
        hint: Hint::default(),
    };
    let said = without_script(lost, &line).to_string();
    assert_eq!(
        said,
        "no answer from host `a`: the connection was lost while smog's reader of logs ran: closed"
    );
    let command = Error::Command {
        host: "a".into(),
        command: line.clone(),
        exit: "exit code 1".into(),
        stderr: "x".into(),
    };
    assert!(!without_script(command, &line).to_string().contains("import"));
}
