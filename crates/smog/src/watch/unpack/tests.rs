use super::*;

fn text(bytes: &'static [u8]) -> Result<String, String> {
    let mut text = vec![];
    let read = unpack(bytes).and_then(|mut input| input.read_to_end(&mut text));
    read.map_err(|why| format!("{}|{why}", String::from_utf8_lossy(&text)))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn other_systems_texts() {
    assert_eq!(text(b"\xff\xfea\0\n\0\x3d\xd8\0\xde"), Ok("a\n\u{1f600}".into()));
    assert_eq!(text(b"\xfe\xff\0a\0\n"), Ok("a\n".into()));
    assert_eq!(text(b"\xef\xbb\xbfa\n"), Ok("a\n".into()));
    assert_eq!(text(b"a\rb\r"), Ok("a\nb\n".into()));
    assert_eq!(text(b"a\r\nb\r\n"), Ok("a\r\nb\r\n".into()));
    assert_eq!(text(b"\0\0\0\0\0\0\0\0\0a line\n"), Ok("\0\0\0\0\0\0\0\0\0a line\n".into()));
    assert_eq!(text(b""), Ok(String::new()));
}

#[test]
fn what_is_no_text_is_named() {
    for (bytes, word) in [
        (&b"\x01\x02\x03\x04abc\x05\x06"[..], "binary file"),
        (b"PK\x03\x04abc", "zip archive"),
        (b"LPKSHHRH\0\0", "systemd's journal"),
    ] {
        let why = text(bytes).expect_err("no text");
        assert!(why.contains(word), "{why}");
    }
}

#[test]
fn the_journal_s_export_form() {
    let export = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1795516300000000\nMESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n_PID=7\n\n__CURSOR=s=2\nMESSAGE=c\n";
    let lines = text(export).expect("read");
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(lines.contains(r#""MESSAGE":"a\nb""#), "{lines}");
}
