//! The one entry of XML: what is refused, under which code, and that a checked document says what it said.

use serde::{Deserialize, Serialize};
use vagttavle::sources::xml::{Element, Limits, Refused, check, read, tree, write};

const LIMITS: Limits =
    Limits { bytes_max: 2_000, depth_max: 4, elements_max: 10, attributes_max: 3, text_bytes_max: 20 };

fn refused(bytes: impl AsRef<[u8]>) -> Option<&'static str> {
    check(bytes.as_ref(), &LIMITS).err().map(Refused::code)
}

#[test]
fn each_danger_has_its_code() {
    for (document, code) in [
        ("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "xml-doctype"),
        ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "xml-doctype"),
        (
            "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\"><!ENTITY d \"&b;&b;\">]><a>&d;</a>",
            "xml-doctype",
        ),
        ("<a><!DOCTYPE b></a>", "xml-doctype"),
        ("<a>&b;</a>", "xml-entity"),
        ("<a b=\"&c;\"/>", "xml-entity"),
        ("<a>&#0;</a>", "xml-syntax"),
        ("<a>&#1;</a>", "xml-bad-character"),
        ("<a b=\"&#x1b;\"/>", "xml-bad-character"),
        ("<a>&#xd800;</a>", "xml-syntax"),
        ("<a>\u{1b}[2J</a>", "xml-bad-character"),
        ("<a>\u{ffff}</a>", "xml-bad-character"),
        ("<?xml-stylesheet href=\"x\"?><a/>", "xml-instruction"),
        ("<a><?php echo ?></a>", "xml-instruction"),
        ("<?xml version=\"1.1\"?><a/>", "xml-bad-declaration"),
        ("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><a/>", "xml-bad-declaration"),
        (" <?xml version=\"1.0\"?><a/>", "xml-bad-declaration"),
        ("<a><?xml version=\"1.0\"?></a>", "xml-bad-declaration"),
        ("", "xml-incomplete"),
        ("  \n", "xml-incomplete"),
        ("<a>", "xml-incomplete"),
        ("<a><b></b>", "xml-incomplete"),
        ("<a></b>", "xml-syntax"),
        ("</a>", "xml-syntax"),
        ("<a/><b/>", "xml-syntax"),
        ("<a/>text", "xml-syntax"),
        ("text<a/>", "xml-syntax"),
        ("<a/>&amp;", "xml-syntax"),
        ("<a><![CDATA[x]]></a><![CDATA[x]]>", "xml-syntax"),
        ("<a b=\"<\"/>", "xml-syntax"),
        ("<a b=\"1\" b=\"2\"/>", "xml-syntax"),
        ("<a b=1/>", "xml-syntax"),
        ("<a b/>", "xml-syntax"),
        ("<a>&</a>", "xml-syntax"),
        ("<a>]]></a>", "xml-syntax"),
        ("<1/>", "xml-syntax"),
        // Found by fuzzing: behind its prefix it was no name, and could not be written again.
        ("<a xmln:3=\"x\"/>", "xml-syntax"),
        ("<a:3/>", "xml-syntax"),
        ("<a:b:c/>", "xml-syntax"),
        ("<:a/>", "xml-syntax"),
        ("< a/>", "xml-syntax"),
        ("<a><!-- -- --></a>", "xml-syntax"),
        ("<a><b><c><d><e/></d></c></b></a>", "xml-too-deep"),
        ("<a><b/><b/><b/><b/><b/><b/><b/><b/><b/><b/></a>", "xml-too-many-elements"),
        ("<a b=\"\" c=\"\" d=\"\" e=\"\"/>", "xml-too-many-attributes"),
        ("<a>123456789012345678901</a>", "xml-text-too-long"),
        ("<a>1234567890<!-- -->12345678901</a>", "xml-text-too-long"),
        ("<a>1234567890&amp;<![CDATA[1234567890]]></a>", "xml-text-too-long"),
        ("<a b=\"123456789012345678901\"/>", "xml-text-too-long"),
    ] {
        assert_eq!(refused(document), Some(code), "{document}");
    }
    assert_eq!(refused("<a/>".repeat(501)), Some("xml-too-large"));
    assert_eq!(refused(b"<a>\xe6</a>"), Some("xml-not-utf8"));
    assert_eq!(refused(b"\xff\xfe<\0a\0/\0>\0"), Some("xml-not-utf8"));
    assert_eq!(refused(b"<\0a\0/\0>\0"), Some("xml-bad-character"));
}

#[test]
fn a_deep_document_takes_no_stack() {
    let wide = Limits { bytes_max: 10_000_000, depth_max: 32, elements_max: 1_000_000, ..LIMITS };
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    assert_eq!(check(deep.as_bytes(), &wide).err(), Some(Refused::TooDeep));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Greeting {
    #[serde(rename = "@to")]
    to: String,
    text: String,
}

const GREETING: &str = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- x --><g:greeting xmlns:g=\"urn:g\" \
                        to=\"A &amp; B\"><g:text>&#230; <![CDATA[<o>]]></g:text></g:greeting>\n";

#[test]
fn a_checked_document_says_what_it_said() {
    let checked = check(GREETING.as_bytes(), &LIMITS).map_err(Refused::code).unwrap();
    let expected = Greeting { to: "A & B".into(), text: "æ <o>".into() };
    assert_eq!(read::<Greeting>(&checked), Ok(expected));
    let tree = tree(&checked).map_err(Refused::code).unwrap();
    assert_eq!((tree.name.as_str(), tree.attribute("to")), ("greeting", Some("A & B")));
    assert_eq!(tree.name_space.as_deref(), Some("urn:g"));
    assert_eq!((tree.children[0].name.as_str(), tree.children[0].text.as_str()), ("text", "æ <o>"));
    assert_eq!(read::<Vec<u8>>(&checked).map_err(Refused::code).err(), Some("xml-wrong-shape"));
}

#[test]
fn what_is_written_reads_the_same() {
    let wide = Limits { text_bytes_max: 200, ..LIMITS };
    let greeting = Greeting { to: "\"<&>'\"".into(), text: "<b>&</b>".into() };
    let written = write("greeting", &greeting).unwrap();
    let checked = check(written.as_bytes(), &wide).map_err(Refused::code).unwrap();
    assert_eq!(read::<Greeting>(&checked), Ok(greeting));
    let child = Element { text: "<b>&\n\u{1b}".into(), ..Element::new("c") };
    let element = Element { name_space: Some("urn:x".into()), ..Element::new("a") }
        .with("b", "1\n\"<&")
        .holding(child.clone());
    let written = element.document();
    let checked = check(written.as_bytes(), &wide).map_err(Refused::code).unwrap();
    let again = tree(&checked).map_err(Refused::code).unwrap();
    assert_eq!((again.name_space.as_deref(), again.attribute("b")), (Some("urn:x"), Some("1\n\"<&")));
    assert_eq!(again.children[0].text, "<b>&\n\u{fffd}");
}

#[test]
fn a_document_cut_anywhere_is_refused_and_never_a_panic() {
    let whole = GREETING.trim_end().as_bytes();
    for length in 0..whole.len() {
        assert!(refused(&whole[..length]).is_some(), "{length}");
    }
    for place in 0..whole.len() {
        for byte in [0, b'<', b'>', b'&', b'"', b'/', b'!', b'?', b'[', b'-', 0xff] {
            let mut bent = whole.to_vec();
            bent[place] = byte;
            if let Ok(checked) = check(&bent, &LIMITS) {
                assert!(tree(&checked).is_ok(), "{place} {byte}");
                let _ = read::<Greeting>(&checked);
            }
        }
    }
}

#[test]
fn of_two_attributes_that_differ_in_their_prefix_only_the_first_is_taken_and_the_tree_is_written_and_read_back()
 {
    let document = "<a p:b=\"1\" b=\"2\" q:b=\"3\"/>";
    let read = |text: &str| tree(&check(text.as_bytes(), &LIMITS).unwrap()).unwrap();
    let first = read(document);
    assert_eq!((first.attribute("b"), first.attributes.len()), (Some("1"), 1));
    assert!(read(&first.document()) == first);
}
