//! Whether a text rests anywhere below a folder, in whichever disguise.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Every way in which a text could rest somewhere.
fn disguises(text: &str) -> Vec<(String, Vec<u8>)> {
    let wide = |swap: bool| -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    };
    let escaped: String = text
        .encode_utf16()
        .map(|unit| if unit < 128 { char::from(unit as u8).to_string() } else { format!("\\u{unit:04x}") })
        .collect();
    let percent: String =
        text.bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect();
    let mut all = vec![
        ("plain".to_owned(), text.as_bytes().to_vec()),
        ("utf-16le".to_owned(), wide(false)),
        ("utf-16be".to_owned(), wide(true)),
        ("escaped".to_owned(), escaped.into_bytes()),
        ("percent".to_owned(), percent.into_bytes()),
        ("hex".to_owned(), hex::encode(text).into_bytes()),
        ("without blanks".to_owned(), text.replace(' ', "").into_bytes()),
        ("debug".to_owned(), format!("{text:?}").trim_matches('"').as_bytes().to_vec()),
    ];
    all.extend((0..3).map(|shift| (format!("base64+{shift}"), base64_inside(text.as_bytes(), shift))));
    all
}

/// The base64 letters that stand for `bytes` wherever it lies `shift` bytes behind a boundary.
fn base64_inside(bytes: &[u8], shift: usize) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let skip = (6 - shift * 8 % 6) % 6;
    bits[skip..]
        .chunks_exact(6)
        .map(|six| LETTERS[six.iter().fold(0, |sum, bit| sum << 1 | usize::from(*bit))])
        .collect()
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

/// Where any of these texts rests below a folder.
pub fn leaks(folder: &Path, canaries: &BTreeSet<String>) -> Vec<String> {
    let mut files = Vec::new();
    files_below(folder, &mut files);
    assert!(files.iter().any(|it| it.ends_with("log.db")), "{files:?}");
    // One pass over each file: what begins like a canary is compared whole.
    let mut wanted: HashMap<[u8; 4], Vec<(String, Vec<u8>)>> = HashMap::new();
    for canary in canaries {
        for (how, bytes) in disguises(canary) {
            let start = [bytes[0], bytes[1], bytes[2], bytes[3]];
            wanted.entry(start).or_default().push((format!("{canary} ({how})"), bytes));
        }
    }
    let mut found = BTreeSet::new();
    for file in files {
        let content = std::fs::read(&file).unwrap();
        for (at, start) in content.windows(4).enumerate() {
            for (canary, bytes) in wanted.get(start).into_iter().flatten() {
                if content[at..].starts_with(bytes) {
                    // With what stands around it: that says which field it was.
                    let around = &content[at.saturating_sub(60)..content.len().min(at + 60)];
                    let around = String::from_utf8_lossy(around);
                    found.insert(format!("{canary} in {}: {around:?}", file.display()));
                }
            }
        }
    }
    found.into_iter().collect()
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let folder = tempfile::tempdir().unwrap();
    let canary = "Agnete Blåvrå";
    let all = disguises(canary);
    for (n, (how, bytes)) in all.iter().enumerate() {
        let name = folder.path().join("log.db");
        std::fs::write(&name, [b"xx".as_slice(), bytes, b"yy"].concat()).unwrap();
        assert!(!leaks(folder.path(), &BTreeSet::from([canary.to_owned()])).is_empty(), "{n} {how}");
    }
    // Inside a longer text, at each place.
    for (encoded, shift) in [("QWduZXRl", 0), ("IEFnbmV0ZQ==", 1), ("YiBBZ25ldGU=", 2)] {
        let inside = String::from_utf8(base64_inside(b"Agnete", shift)).unwrap();
        assert!(encoded.contains(&inside), "{inside} in {encoded}");
    }
}
