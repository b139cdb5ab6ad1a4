//! Good input broken in every way: cut at each byte; each piece removed, doubled, swapped with the next, emptied,
//! filled with what nobody expects; each place of a JSON text likewise.
//!
//! Knows no format: a piece is what ends with one of the bytes that the caller names (lines and fields of a text, cells
//! of a row, tags). Lazy, and the same each time: a failing mutant is found again by its description.

use serde_json::Value;

/// Longer than any single limit of ours for a line, a field or an id (bytes).
pub const OVERSIZED: usize = 70_000;
/// Nested deeper than anything reads.
pub const DEEP: usize = 100_000;

/// One broken input and what was done to it.
pub struct Mutant {
    pub what: String,
    pub bytes: Vec<u8>,
}

/// What stands in a field that should hold something else; the name says what it is.
pub fn intruders() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("nothing", Vec::new()),
        ("a space", b" ".to_vec()),
        ("NUL", b"\0".to_vec()),
        ("an escape sequence", b"\x1b[2J\x1b]0;x\x07".to_vec()),
        ("8-bit controls", "\u{9b}2J\u{90}".as_bytes().to_vec()),
        ("right to left", "\u{202e}\u{2066}nettok\u{2069}".as_bytes().to_vec()),
        ("invisible characters", "\u{feff}\u{200b}\u{ad}\u{e0001}".as_bytes().to_vec()),
        ("no UTF-8", vec![0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80]),
        ("half a character", vec![0xe2, 0x82]),
        ("a line end", b"\r\n\r\n".to_vec()),
        ("a negative number", b"-1".to_vec()),
        ("a number beyond any", b"99999999999999999999999999999".to_vec()),
        ("a CPR number", b"010190-1234".to_vec()),
        ("markup", b"]]><!ENTITY a \"&a;&a;\">&a;".to_vec()),
        ("oversized", vec![b'a'; OVERSIZED]),
    ]
}

/// Every beginning, the empty one first, the whole not among them.
pub fn cuts(good: &[u8]) -> impl Iterator<Item = Mutant> {
    (0..good.len())
        .map(|length| Mutant { what: format!("cut at byte {length}"), bytes: good[..length].to_vec() })
}

/// Each piece removed, doubled, swapped with the next one, and replaced by each intruder, its end kept. `ends` are the
/// bytes a piece ends with: `b"\n"` for lines, `b"|\n"` for the fields of `queue_log`, `b";\n"` for cells, `b">"` for tags.
pub fn pieces<'g>(good: &'g [u8], ends: &'static [u8]) -> impl Iterator<Item = Mutant> + 'g {
    let pieces: Vec<&'g [u8]> = good.split_inclusive(|byte| ends.contains(byte)).collect();
    (0..pieces.len()).flat_map(move |at| {
        let piece = pieces[at];
        let body = piece.iter().rposition(|byte| !ends.contains(byte)).map_or(0, |last| last + 1);
        let end = &piece[body..];
        let with = |what: &str, middle: &[&[u8]], skip: usize| Mutant {
            what: format!("piece {at} {what}"),
            bytes: [&pieces[..at], middle, &pieces[at + skip..]].concat().concat(),
        };
        let mut mutants = vec![with("removed", &[], 1), with("doubled", &[piece, piece], 1)];
        if let Some(next) = pieces.get(at + 1) {
            mutants.push(with("swapped with the next", &[next, piece], 2));
        }
        for (name, bytes) in intruders() {
            mutants.push(with(&format!("is {name}"), &[&bytes, end], 1));
            // Behind what stands there: a header keeps its name, a tag its beginning.
            mutants.push(with(&format!("is followed by {name}"), &[&piece[..body], &bytes, end], 1));
        }
        mutants.into_iter()
    })
}

/// A JSON text with each place removed, doubled, swapped with its neighbour, of every other type, filled with each
/// intruder that is text, and nested deep. Object keys come twice when doubled.
pub fn json(good: &Value) -> impl Iterator<Item = Mutant> + '_ {
    places(good).into_iter().flat_map(move |place| bent_at(good, &place))
}

/// As [`json`], of one place.
pub fn bent_at(good: &Value, place: &str) -> Vec<Mutant> {
    let mut mutants: Vec<Mutant> = replacements()
        .into_iter()
        .map(|(name, value)| {
            let mut changed = good.clone();
            *changed.pointer_mut(place).expect("a place of this value") = value;
            Mutant { what: format!("{place:?} is {name}"), bytes: changed.to_string().into_bytes() }
        })
        .collect();
    mutants.extend(around(good, place));
    mutants.push(deep(good, place));
    mutants
}

/// The JSON pointer of every place, the whole first.
pub fn places(value: &Value) -> Vec<String> {
    let mut places = Vec::new();
    visit(value, &mut String::new(), &mut places);
    places
}

/// Runs a part of the work on each core: `work(nth, of)` takes every `of`th piece from the `nth` on.
#[allow(dead_code, reason = "each test binary uses its own part")]
pub fn in_parallel(work: impl Fn(usize, usize) + Sync) {
    let of = std::thread::available_parallelism().map_or(1, usize::from);
    let work = &work;
    std::thread::scope(|scope| {
        for nth in 0..of {
            scope.spawn(move || work(nth, of));
        }
    });
}

fn visit(value: &Value, at: &mut String, places: &mut Vec<String>) {
    places.push(at.clone());
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, it)| (name.replace('~', "~0").replace('/', "~1"), it)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(n, it)| (n.to_string(), it)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        let length = at.len();
        at.push('/');
        at.push_str(&name);
        visit(child, at, places);
        at.truncate(length);
    }
}

fn replacements() -> Vec<(&'static str, Value)> {
    let mut values = vec![
        ("null", Value::Null),
        ("true", true.into()),
        ("0", 0.into()),
        ("-1", (-1).into()),
        ("a large number", u64::MAX.into()),
        ("a tiny fraction", 5e-324.into()),
        ("an empty list", Value::Array(Vec::new())),
        ("an empty object", Value::Object(serde_json::Map::new())),
        ("a list of lists", serde_json::json!([[[[1]]]])),
        ("an object with a type", serde_json::json!({ "type": "claim" })),
        ("a lot of fields", (0..2_000).map(|n| (format!("f{n}"), Value::Null)).collect()),
    ];
    let texts =
        intruders().into_iter().filter_map(|(name, bytes)| Some((name, String::from_utf8(bytes).ok()?)));
    values.extend(texts.map(|(name, text)| (name, Value::String(text))));
    values
}

/// The place removed, doubled, and swapped with what stands beside it.
fn around(good: &Value, place: &str) -> Vec<Mutant> {
    let Some((parent, name)) = place.rsplit_once('/') else { return Vec::new() };
    let name = name.replace("~1", "/").replace("~0", "~");
    let changed = |what: &str, change: &dyn Fn(&mut Value)| {
        let mut changed = good.clone();
        change(changed.pointer_mut(parent).expect("the parent of a place"));
        Mutant { what: format!("{place:?} {what}"), bytes: changed.to_string().into_bytes() }
    };
    const TWICE: &str = "a name that nothing has";
    match good.pointer(parent) {
        Some(Value::Object(fields)) => {
            let mut mutants = vec![changed("removed", &|it| {
                it.as_object_mut().expect("an object").remove(&name);
            })];
            let mut twice = changed("doubled", &|it| {
                let value = it[&name].clone();
                it.as_object_mut().expect("an object").insert(TWICE.to_owned(), value);
            });
            let quoted = Value::from(name.as_str()).to_string();
            twice.bytes = String::from_utf8(twice.bytes)
                .expect("JSON")
                .replace(&format!("\"{TWICE}\""), &quoted)
                .into();
            mutants.push(twice);
            if let Some(other) = fields.keys().find(|other| **other != name) {
                mutants.push(changed("swapped with another", &|it| {
                    let (one, two) = (it[&name].take(), it[other].take());
                    it[&name] = two;
                    it[other] = one;
                }));
            }
            mutants
        }
        Some(Value::Array(items)) => {
            let at: usize = name.parse().expect("a place in a list");
            let mut mutants = vec![
                changed("removed", &|it| drop(it.as_array_mut().expect("a list").remove(at))),
                changed("doubled", &|it| {
                    let value = it[at].clone();
                    it.as_array_mut().expect("a list").insert(at, value);
                }),
            ];
            if at + 1 < items.len() {
                mutants.push(changed("swapped with the next", &|it| {
                    it.as_array_mut().expect("a list").swap(at, at + 1);
                }));
            }
            mutants
        }
        _ => Vec::new(),
    }
}

/// The place nested deeper than anything reads; made as text, since no value could hold it.
fn deep(good: &Value, place: &str) -> Mutant {
    const MARK: &str = "here it goes down";
    let mut changed = good.clone();
    *changed.pointer_mut(place).expect("a place of this value") = MARK.into();
    let down = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
    let text = changed.to_string().replace(&format!("\"{MARK}\""), &down);
    Mutant { what: format!("{place:?} is nested {DEEP} deep"), bytes: text.into_bytes() }
}

#[test]
fn everything_is_broken_once() {
    let texts = |mutants: &mut dyn Iterator<Item = Mutant>| -> Vec<String> {
        mutants.map(|it| String::from_utf8_lossy(&it.bytes).into_owned()).collect()
    };
    assert_eq!(texts(&mut cuts(b"ab")), ["", "a"]);
    let lines = texts(&mut pieces(b"a: 1\nb: 2\n", b"\n"));
    for wanted in ["b: 2\n", "a: 1\na: 1\nb: 2\n", "b: 2\na: 1\n", "\nb: 2\n", "a: 1-1\nb: 2\n", "a: 1\n-1\n"]
    {
        assert!(lines.iter().any(|it| it == wanted), "{wanted:?}");
    }
    let good = serde_json::json!({ "a": [1, 2], "b/c": "x" });
    let broken = texts(&mut json(&good));
    for wanted in [
        r#"{"b/c":"x"}"#,
        r#"{"a":[1,2],"a":[1,2],"b/c":"x"}"#,
        r#"{"a":"x","b/c":[1,2]}"#,
        r#"{"a":[2],"b/c":"x"}"#,
        r#"{"a":[2,1],"b/c":"x"}"#,
        r#"{"a":[1,1,2],"b/c":"x"}"#,
        r#"{"a":[1,null],"b/c":"x"}"#,
        r#"{"a":[1,2]}"#,
        "null",
    ] {
        assert!(broken.iter().any(|it| it == wanted), "{wanted}");
    }
    assert!(broken.iter().any(|it| it.len() > DEEP));
}
