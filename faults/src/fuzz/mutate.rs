//! Inputs near those that people have.

use crate::rng::Rng;

/// The longest input: more is another matter (limits are tested by the campaign).
const LONGEST: usize = 200_000;

/// What parsers stumble over.
const WORDS: &[&[u8]] = &[
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\r",
    b"\n\n",
    b"\t",
    b"\"",
    b"'",
    b"\\",
    b"`",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"-",
    b"=",
    b"#",
    b";",
    b"&",
    b"*",
    b"<<: *a",
    b"&a ",
    b"!!binary ",
    b"---\n",
    b"...\n",
    b"%",
    b"$",
    b"${x}",
    b"<",
    b">",
    b"</",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"&lt;",
    b"&#0;",
    b"&#x10ffff;",
    b"<!DOCTYPE a [<!ENTITY b \"c\">]>",
    b"&b;",
    b"0",
    b"-1",
    b"18446744073709551615",
    b"18446744073709551616",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"4294967296",
    b"1e309",
    b"NaN",
    b"0x",
    b"null",
    b"true",
    b"~",
    b"Traceback (most recent call last):\n",
    b"  File \"a.py\", line 1, in b\n",
    b"ValueError: x\n",
    b"2026-11-24 10:00:00.000 1 ERROR a [-] b\n",
    b"9999-99-99 99:99:99.999",
    b"1969-12-31 23:59:60.000",
    b"req-00000000-0000-0000-0000-000000000000",
    b"\x1b[31m",
    b"\xe2\x80\xae",
    b"\xc2\x85",
    b"\xed\xa0\x80",
    b"export ",
    b"unset ",
    b"OS_PASSWORD",
    b"[DEFAULT]",
    b"[[",
    b"0-3,^2",
    b"0-4294967295",
    b"1-0",
    b"KiB",
];

/// One of the corpus, changed a little or much.
pub fn mutated(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = one(corpus, rng).clone();
    for _ in 0..rng.one(&[0, 1, 1, 2, 2, 3, 5, 8, 20]) {
        change(&mut bytes, corpus, rng);
        bytes.truncate(LONGEST);
    }
    bytes
}

fn one<'a>(corpus: &'a [Vec<u8>], rng: &mut Rng) -> &'a Vec<u8> {
    &corpus[rng.below(corpus.len() as u64) as usize]
}

/// A place in so many bytes, both ends included.
fn place(length: usize, rng: &mut Rng) -> usize {
    rng.below(length as u64 + 1) as usize
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    let at = place(bytes.len(), rng);
    let length = match rng.below(3) {
        0 => rng.below(4) as usize,
        1 => rng.below(64) as usize,
        _ => place(bytes.len(), rng),
    };
    let end = (at + length).min(bytes.len());
    match rng.below(9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
        1 if at < bytes.len() => bytes[at] = rng.next() as u8,
        2 => drop(bytes.drain(at..end)),
        3 => drop(bytes.splice(at..at, WORDS[rng.below(WORDS.len() as u64) as usize].iter().copied())),
        4 => {
            let piece = bytes[at..end].to_vec();
            let times = rng.one(&[1, 1, 2, 10, 300, 3000]);
            let piece: Vec<u8> =
                piece.iter().copied().cycle().take((piece.len() * times).min(LONGEST)).collect();
            bytes.splice(at..at, piece);
        }
        5 => bytes.truncate(at),
        6 => {
            let other = one(corpus, rng);
            let from = place(other.len(), rng);
            let to = from + place(other.len() - from, rng);
            bytes.splice(at..end, other[from..to].iter().copied());
        }
        7 => number(bytes, at, rng),
        _ => lines(bytes, rng),
    }
}

/// Put another number in the place of the next one.
fn number(bytes: &mut Vec<u8>, at: usize, rng: &mut Rng) {
    let Some(from) = bytes[at..].iter().position(u8::is_ascii_digit).map(|from| at + from) else { return };
    let to = bytes[from..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |to| from + to);
    let new = match rng.below(3) {
        0 => (rng.next() >> rng.below(64)).to_string(),
        1 => format!("-{}", rng.below(1000)),
        _ => rng
            .one(&[
                "0",
                "4294967295",
                "18446744073709551615",
                "18446744073709551616",
                "99999999999999999999999",
                "1.5",
            ])
            .to_string(),
    };
    bytes.splice(from..to, new.into_bytes());
}

/// Exchange two lines.
fn lines(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let mut all: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let (one, two) = (rng.below(all.len() as u64) as usize, rng.below(all.len() as u64) as usize);
    all.swap(one, two);
    *bytes = all.join(&b'\n');
}
