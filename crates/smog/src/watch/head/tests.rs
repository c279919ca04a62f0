use super::*;

fn head(line: &str) -> Head<'_> {
    parse(line, &jiff::tz::TimeZone::UTC.into()).unwrap_or_else(|| panic!("no head: {line}"))
}

#[test]
fn oslo_log() {
    let line = "2026-11-24 10:31:41.513 258 INFO nova.compute.manager [None req-e78fdbcb-d5df u1 p1 - - default default] [instance: 4f2a] Took 2 s";
    let head = head(line);
    assert_eq!((head.kind, head.pid, head.level), (Kind::Oslo, Some(258), Some(Level::Info)));
    assert_eq!(head.context.request_id, Some("req-e78fdbcb-d5df"));
    assert_eq!((head.context.global_request_id, head.context.user), (None, Some("u1")));
    assert_eq!((head.context.project, head.instance), (Some("p1"), Some("4f2a")));
    assert_eq!(&line[head.message..], "Took 2 s");
}

#[test]
fn both_request_ids_and_none() {
    let both = head("2026-11-24 10:31:41.513 258 INFO a [req-global req-own u p - - -] x");
    assert_eq!(both.context.global_request_id, Some("req-global"));
    assert_eq!(both.context.request_id, Some("req-own"));
    let old = head("2026-11-24 10:31:41.513 258 INFO a [req-own u p - - -] x");
    assert_eq!((old.context.request_id, old.context.global_request_id), (Some("req-own"), None));
    let none = head("2026-11-24 10:31:41.513 258 INFO a [-] x");
    assert_eq!((none.kind, none.context), (Kind::Oslo, Context::default()));
}

#[test]
fn a_line_of_a_traceback_has_no_context() {
    let line = "2026-11-24 10:31:41.513 258 ERROR nova.compute.manager [instance: 4f2a]   File \"x\", line 1";
    let more = head(line);
    assert_eq!((more.kind, more.instance), (Kind::OsloMore, Some("4f2a")));
    assert_eq!(&line[more.message..], "  File \"x\", line 1");
    assert_eq!(head("2026-11-24 10:31:41.513 258 ERROR nova Traceback").kind, Kind::OsloMore);
    assert_eq!(head("2026-11-24 10:31:41.513 258 ERROR nova ").kind, Kind::OsloMore);
}

#[test]
fn the_other_programs() {
    let line = "2026-11-24 10:31:38.222+0000: 155: error : virNetSocketReadWire:1791 : End of file";
    let libvirt = head(line);
    assert_eq!((libvirt.pid, libvirt.level), (Some(155), Some(Level::Error)));
    assert_eq!((libvirt.logger, &line[libvirt.message..]), (Some("virNetSocketReadWire"), "End of file"));

    let qemu = head("2026-11-24T10:31:38.222222Z qemu-system-x86_64: warning: no such bit");
    assert_eq!((qemu.logger, qemu.level), (Some("qemu-system-x86_64"), Some(Level::Warning)));

    let line = "2026-11-24T10:31:40.123Z|00001|vlog|INFO|opened";
    assert_eq!((head(line).level, &line[head(line).message..]), (Some(Level::Info), "opened"));

    let line = "2026-11-24 10:31:40.123456+00:00 [error] <0.1.0> closing";
    assert_eq!((head(line).level, &line[head(line).message..]), (Some(Level::Error), "<0.1.0> closing"));

    assert_eq!(head("2026-11-24 10:31:38 0 [Note] InnoDB").level, Some(Level::Info));

    let line = "[pid: 258|app: 0|req: 1/1] 10.0.0.1 () {30 vars in 5 bytes} [Tue Nov 24 10:31:40 2026] GET /v2.1 => generated 4 bytes in 6 msecs (HTTP/1.1 500) 8 headers";
    assert_eq!((head(line).pid, head(line).level), (Some(258), Some(Level::Error)));

    let line =
        "[Tue Nov 24 10:31:40.123456 2026] [wsgi:error] [pid 12:tid 13] [remote 10.0.0.1:5] Traceback (most";
    let apache = head(line);
    assert_eq!((apache.pid, apache.level, apache.logger), (Some(12), Some(Level::Error), Some("wsgi")));
    assert_eq!(&line[apache.message..], "Traceback (most");

    let access = head("10.0.0.1 - - [24/Nov/2026:10:31:40 +0000] \"GET / HTTP/1.1\" 503 12");
    assert_eq!(access.level, Some(Level::Error));

    let line = "Nov 24 10:31:40 cmp1 systemd[1]: nova-compute.service: Failed";
    assert_eq!((head(line).logger, head(line).pid), (Some("systemd"), Some(1)));

    let line = "\x1b[00;32mINFO nova.compute \x1b[00m[None req-1 admin demo] done";
    assert!(parse(line, &jiff::tz::TimeZone::UTC.into()).is_some());
}

#[test]
fn a_hole_of_nul_bytes_is_stepped_over() {
    let line = "\0\0\x002026-11-24 10:31:41.513 258 INFO a [-] x";
    assert_eq!(&line[head(line).message..], "x");
}

#[test]
fn brackets_without_a_space_behind_them() {
    for (line, message) in [
        ("2026-11-24 10:31:41.513 258 INFO a [None req-1 u p]\u{fffd}x", "\u{fffd}x"),
        ("2026-11-24 10:31:41.513 258 INFO a [None req-1 u p]", ""),
        ("2026-11-24 10:31:40.123456+00:00 [error]\u{e9}", "\u{e9}"),
        ("[Tue Nov 24 10:31:40.123456 2026]\u{e9}", "\u{e9}"),
        ("[Tue Nov 24 10:31:40.123456 2026] [wsgi:error]\u{e9}", "\u{e9}"),
    ] {
        assert_eq!(&line[head(line).message..], message, "{line}");
    }
    assert!(parse("Nov 2\u{e9} 0:31:40 cmp1 x: y", &jiff::tz::TimeZone::UTC.into()).is_none());
}

#[test]
fn what_has_no_head() {
    for line in
        ["", "  File \"x\"", "Traceback (most recent call last):", "ValueError: x", "ERROR at once", "[x] y"]
    {
        assert!(parse(line, &jiff::tz::TimeZone::UTC.into()).is_none(), "{line}");
    }
}
