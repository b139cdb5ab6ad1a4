//! What a SCAIP request says: reading, meaning, ids, limits.

use rstest::rstest;
use vagttavle::domain::masking::Masked;
use vagttavle::domain::observation::Ends;
use vagttavle::sources::scaip::codes::{STATES, Says, state};
use vagttavle::sources::scaip::settings::{Fit, Listen, Network, Settings, fit};
use vagttavle::sources::scaip::translate::{Sort, Word, alarm, by_call, device, has_voice, meaning};
use vagttavle::sources::scaip::wire::{Answer, Kind, Read, Root, Status, ends, read, read_answer, read_any};

use crate::mutate::{cuts, pieces};
use crate::support::masking;

fn settings(more: &str) -> Settings {
    let text = format!("listen = ['udp://127.0.0.1:5060']\nagreement = 'jammerbugt'\n{more}");
    toml::from_str(&text).unwrap()
}

fn request(elements: &str) -> vagttavle::sources::scaip::wire::Request {
    read(format!("<mrq><ref>r</ref><cid>700</cid>{elements}</mrq>").as_bytes()).unwrap()
}

#[rstest]
#[case("<dty>0003</dty><stc>0010</stc>", Sort::Person, "pendant")]
#[case("<dty>3</dty>", Sort::Person, "pendant")]
#[case("<dty>23</dty><stc>9</stc>", Sort::Person, "smoke")]
#[case("", Sort::Person, "alarm-unit")]
#[case("<dty>9999</dty><stc>888</stc>", Sort::Person, "alarm-unit")]
#[case("<dty>3</dty><stc>not a number</stc>", Sort::Person, "pendant")]
#[case("<dty>3</dty><stc>110</stc>", Sort::Person, "pendant")]
#[case("<dty>3</dty><stc>0016</stc>", Sort::Technical, "battery")]
#[case("<dty>2</dty><stc>85</stc>", Sort::Technical, "mains-lost")]
#[case("<dty>2</dty><stc>0125</stc>", Sort::Technical, "tamper")]
#[case("<dty>3</dty><stc>10</stc><ico>099</ico>", Sort::Test, "pendant")]
fn codes_mean(#[case] elements: &str, #[case] sort: Sort, #[case] trigger: &str) {
    let meaning = meaning(&request(elements), &settings("test_info_codes = [99]"));
    assert_eq!((meaning.sort, meaning.trigger.as_str(), meaning.is_reset), (sort, trigger, false));
}

#[test]
fn a_reset_is_one_by_its_kind_or_its_state() {
    for elements in ["<mty>RE</mty>", "<mty>re</mty>", "<stc>2</stc>", "<stc>0019</stc>", "<stc>0093</stc>"] {
        assert!(meaning(&request(elements), &settings("")).is_reset, "{elements}");
    }
}

#[rstest]
#[case("0070", Some(Word::Well(Ends::All)))]
#[case("86", Some(Word::Well(Ends::Mains)))]
#[case("0092", Some(Word::Well(Ends::All)))]
#[case("093", Some(Word::Well(Ends::All)))]
#[case("0112", Some(Word::Well(Ends::Link)))]
#[case("116", Some(Word::Well(Ends::Link)))]
#[case("0087", Some(Word::Presence))]
#[case("0088", Some(Word::Presence))]
#[case("0111", Some(Word::Presence))]
#[case("0010", None)]
#[case("0002", None)]
#[case("0085", None)]
#[case("0117", None)]
fn what_a_unit_says_of_itself_opens_nothing(#[case] code: &str, #[case] word: Option<Word>) {
    let elements = format!("<dty>3</dty><stc>{code}</stc>");
    assert_eq!(meaning(&request(&elements), &settings("")).word, word);
    let gives_up = meaning(&request(&format!("<mty>RE</mty>{elements}")), &settings(""));
    assert_eq!((gives_up.word, gives_up.is_reset), (None, true), "a unit that gives an alarm up says that");
}

#[test]
fn every_state_stands_once_in_the_table_and_every_other_rings() {
    let mut known = Vec::new();
    for (codes, _) in &STATES {
        known.extend(codes.clone());
    }
    let count = known.len();
    known.sort_unstable();
    known.dedup();
    assert_eq!(known.len(), count, "one of them stands twice");
    for code in (0..=u16::MAX).filter(|code| known.binary_search(code).is_err()) {
        assert_eq!(state(Some(code)), Says::Rings, "{code}");
    }
    assert_eq!(state(None), Says::Rings);
}

#[test]
fn ids_are_as_sent_or_a_digest_and_never_have_the_shape_of_a_cpr_number() {
    assert_eq!(device("700", &masking()).0.as_str(), "700");
    assert_eq!(alarm("700", "r1", 1, &masking()).as_str(), "700/r1");
    assert_eq!(alarm("700", "r1", 2, &masking()).as_str(), "700/r1/2");
    // An account may be the unit's telephone number, however it is written; a reference never is.
    let phone = device("4512345678", &masking());
    for written in ["+4512345678", "45 12 34 56 78", "12345678"] {
        assert_eq!(device(written, &masking()), phone, "{written}");
    }
    assert_eq!(phone.1, Some(Masked::Phone));
    assert_eq!(alarm("4512345678", "20304050", 1, &masking()).as_str(), format!("{}/20304050", phone.0));
    // A reference made of the account, as units make them, keeps the number no more than the account does.
    for made in ["12345678-0001", "4512345678/7", "12 34 56 78"] {
        let id = alarm("4512345678", made, 1, &masking());
        assert!(id.as_str().starts_with(&format!("{}/x-", phone.0)), "{made}: {id:?}");
    }
    let call = by_call("4512345678-3@127.0.0.1:5060", &masking());
    assert!(call.as_str().starts_with("x-"), "{call:?}");
    for (odd, why) in [
        ("0101701234", Masked::Cpr),
        ("010170-1234", Masked::Cpr),
        ("01 01 70 12 34", Masked::Cpr),
        ("101701234", Masked::Cpr),
        ("a b", Masked::Form),
        ("æ", Masked::Form),
        (&"9".repeat(121), Masked::Form),
    ] {
        let (id, masked) = device(odd, &masking());
        assert_eq!(masked, Some(why), "{odd}");
        assert!(id.as_str().starts_with("x-"), "{id}");
        assert!(alarm("700", odd, 1, &masking()).as_str().starts_with("700/x-"), "{odd}");
        assert!(!alarm(odd, odd, 2, &masking()).as_str().contains("0170"), "{odd}");
        assert_eq!(device(odd, &masking()), device(odd, &masking()));
    }
    assert_ne!(alarm("700", "0101701234", 1, &masking()), alarm("700", "0101701235", 1, &masking()));
}

#[test]
fn nothing_of_a_request_is_printed() {
    let request = request("<dte>Bodil Hansen</dte><crd>gsm:+4520304050</crd>");
    let shown = format!("{request:?}");
    assert!(!shown.contains("Bodil") && !shown.contains("2030") && !shown.contains("700"), "{shown}");
    assert!(has_voice(&request));
    assert!(!has_voice(&self::request("<crd>no-voice:</crd>")));
}

#[rstest]
#[case("", "xml-incomplete")]
#[case("hej", "xml-syntax")]
#[case("<!DOCTYPE mrq [<!ENTITY a 'b'>]><mrq><ref>&a;</ref></mrq>", "xml-doctype")]
#[case("<mrq><ref>&a;</ref></mrq>", "xml-entity")]
#[case("<?x?><mrq/>", "xml-instruction")]
#[case("<mrq><ref>1</ref>", "xml-incomplete")]
#[case("<mrq><ref>1</mrq>", "xml-syntax")]
#[case("<other/>", "scaip-unknown-root")]
fn what_is_no_request_says_why(#[case] body: &str, #[case] code: &str) {
    assert_eq!(read(body.as_bytes()).unwrap_err().code(), code);
}

#[test]
fn every_limit_has_a_name() {
    let deep = format!("{}{}", "<mrq>".repeat(40), "</mrq>".repeat(40));
    let many = format!("<mrq>{}</mrq>", "<crd>x</crd>".repeat(2000));
    let large = format!("<mrq>{}</mrq>", " ".repeat(200_000));
    let cases = [(deep, "xml-too-deep"), (many, "xml-too-many-elements"), (large, "xml-too-large")];
    for (body, code) in cases {
        assert_eq!(read(body.as_bytes()).unwrap_err().code(), code);
    }
}

#[test]
fn bodies_broken_in_every_way_are_read_or_refused() {
    let bodies = [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><mrq xmlns=\"urn:x\"><ref>m1</ref><ver>01.00</ver><mty>ME</mty>\
         <cid>700</cid><dty>0003</dty><dte>Halskæde</dte><stc>0010</stc><crd>gsm:+4500000000</crd></mrq>",
        "<scaip><mrq><ref>m3</ref><mty>RE</mty><cid>700</cid></mrq></scaip>",
    ];
    for body in bodies {
        for mutant in cuts(body.as_bytes()) {
            assert!(read(&mutant.bytes).is_err(), "{} is no whole request", mutant.what);
        }
        let mut readable = 0;
        for mutant in pieces(body.as_bytes(), b">").chain(pieces(body.as_bytes(), b"<")) {
            if let Ok(request) = read(&mutant.bytes) {
                readable += 1;
                let meant = meaning(&request, &settings(""));
                let account = request.account.as_deref().unwrap_or("unknown");
                alarm(account, request.reference.as_deref().unwrap_or("none"), 1, &masking());
                device(account, &masking());
                assert!(!meant.trigger.as_str().is_empty(), "{}", mutant.what);
            }
        }
        assert!(readable > 5, "{readable}");
    }
}

/// Those that units sent, as they lie beside the project; without them this says so.
#[test]
fn recorded_bodies_cut_at_every_byte_are_no_whole_request() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/scaip");
    let Ok(files) = std::fs::read_dir(&folder) else {
        assert!(std::env::var_os("CI").is_none(), "the recordings are missing: {}", folder.display());
        eprintln!("NOT TESTED: no recorded bodies in {}", folder.display());
        return;
    };
    let xml =
        files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|it| it == "xml"));
    let mut bodies = 0;
    for path in xml {
        let body = std::fs::read(&path).unwrap();
        for mutant in cuts(body.trim_ascii_end()) {
            assert!(read(&mutant.bytes).is_err(), "{}: {}", path.display(), mutant.what);
        }
        for mutant in pieces(&body, b">").chain(pieces(&body, b"<")) {
            if let Ok(request) = read(&mutant.bytes) {
                meaning(&request, &settings(""));
            }
        }
        bodies += 1;
    }
    assert!(bodies >= 4, "{bodies}");
}

#[test]
fn answers_are_written_and_read_back_whatever_the_reference() {
    for reference in ["r1", "", "<&\">", "]]>"] {
        let answer = Answer {
            reference: reference.into(),
            status: Status::Handled,
            voice: true,
            interval_minutes: Some(60),
        };
        let (content_type, text) = answer.write(Root::Mrq);
        assert_eq!(content_type, "application/scaip+xml");
        let (read_reference, snu) = read_answer(text.as_bytes()).unwrap();
        assert_eq!((read_reference.unwrap_or_default().as_str(), snu), (reference, Some(0)));
        assert!(text.ends_with("<mre>1</mre><hbi>60</hbi></mrs>"), "{text}");
    }
    assert_eq!(request("<mty>PI</mty>").kind, Kind::Heartbeat);
}

#[rstest]
#[case(None, None, Fit::Fits)]
#[case(Some(160), None, Fit::Fits)]
#[case(Some(180), None, Fit::Needs(200))]
#[case(Some(180), Some(180), Fit::TooLate(180))]
#[case(Some(180), Some(200), Fit::Fits)]
#[case(Some(1781), None, Fit::TooLate(1800))]
#[case(Some(u32::MAX), Some(1800), Fit::TooLate(1800))]
fn an_alarm_rings_out_before_the_unit_gives_up(
    #[case] ring_out: Option<u32>,
    #[case] holds: Option<u32>,
    #[case] expected: Fit,
) {
    assert_eq!(fit(ring_out, holds), expected);
}

#[rstest]
#[case("listen = []", "listen names nothing")]
#[case("listen = ['tls://127.0.0.1:5061']", "tls:// needs")]
#[case("listen = ['udp://0.0.0.0:5060']", "beyond this machine")]
#[case("listen = ['udp://127.0.0.1:1']\nheartbeat_minutes = 0", "heartbeat_minutes")]
#[case("listen = ['udp://127.0.0.1:1']\nheartbeat_factor = 1.0", "heartbeat_factor")]
#[case("listen = ['udp://127.0.0.1:1']\nholds_seconds = 60", "holds_seconds")]
#[case("listen = ['udp://127.0.0.1:1']\nredirects_to = 'hvem'", "redirects_to")]
fn wrong_settings_say_what_is_wrong(#[case] text: &str, #[case] says: &str) {
    let settings: Settings = toml::from_str(&format!("agreement = 'jammerbugt'\n{text}")).unwrap();
    let error = settings.check().unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
}

#[test]
fn addresses_are_those_they_say() {
    assert!(Listen::try_from("ftp://127.0.0.1:1".to_owned()).is_err());
    assert!(Listen::try_from("127.0.0.1:1".to_owned()).is_err());
    let holds =
        |network: &str, address: &str| network.parse::<Network>().unwrap().holds(address.parse().unwrap());
    assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
    assert!(holds("0.0.0.0/0", "1.2.3.4") && holds("1.2.3.4", "1.2.3.4") && !holds("1.2.3.4", "1.2.3.5"));
    assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe12::1") && !holds("fd00::/8", "10.0.0.1"));
    assert!(holds("10.0.0.0/8", "::ffff:10.1.1.1"), "an IPv4 address in an IPv6 one");
    for bad in ["10.0.0.0/33", "10.0.0", "", "::/129", "a/8"] {
        assert!(bad.parse::<Network>().is_err(), "{bad}");
    }
}

/// The account of a request that is read whole, or as far as it goes.
fn account(body: &[u8]) -> Option<String> {
    match read_any(body) {
        Ok(Read::Whole(request) | Read::Broken(request, _)) => request.account,
        Err(_) => None,
    }
}

#[test]
fn a_body_is_read_in_whatever_it_is_written_and_whatever_stands_around_it() {
    let text = "<mrq><ref>r1</ref><cid>444</cid><dte>N\u{f8}d</dte></mrq>";
    let wide = |to: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
        format!("{mark}{text}").encode_utf16().flat_map(to).collect()
    };
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let with = |front: &str, back: &str| format!("{front}{text}{back}").into_bytes();
    let declared =
        |it: &str| with(&format!("<?xml version='1.0' encoding='{it}' standalone='yes'?>\r\n"), "");
    let bodies = [
        wide(u16::to_le_bytes, ""),
        wide(u16::to_be_bytes, ""),
        wide(u16::to_le_bytes, "\u{feff}"),
        wide(u16::to_be_bytes, "\u{feff}"),
        wide(u16::to_le_bytes, "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-16\"?>"),
        latin.clone(),
        [b"<?xml version='1.0' encoding='UTF-8'?>", &latin[..]].concat(),
        with("", "\0"),
        with("\0\0", "\0\0\0\r\n"),
        with("\u{feff}", ""),
        with(" \r\n\t<?xml version='1.1'?>", "\r\n"),
        declared("utf8"),
        declared("iso-8859-15"),
        declared("UTF-16"),
        text.replace("444", "4\u{0}4\u{0}4").into_bytes(),
    ];
    for (nth, body) in bodies.iter().enumerate() {
        let request = read(body).unwrap_or_else(|why| panic!("{nth}: {why}"));
        let said = (request.reference.as_deref(), request.account.as_deref(), request.texts.join(""));
        assert_eq!(said, (Some("r1"), Some("444"), "N\u{f8}d".to_owned()), "{nth}");
    }
}

#[test]
fn nothing_is_refused_for_its_form_while_it_says_who_it_is() {
    let of = |elements: &str| read(format!("<mrq>{elements}</mrq>").as_bytes()).unwrap();
    let long = of(&format!("<ref>{}</ref><cid>444</cid><dte>{}</dte>", "a".repeat(200), "x".repeat(60_000)));
    assert_eq!(long.account.as_deref(), Some("444"));
    assert!(alarm("444", long.reference.as_deref().unwrap(), 1, &masking()).as_str().starts_with("444/x-"));
    // Blanks in an id are none of it; of two the first that is one; empty and unknown elements say nothing.
    let odd = of(
        "<ref/><cid> </cid><stc></stc><cid> 44\u{a0}4 </cid><cid>555</cid><new><cid>6</cid></new><ref>a b</ref>",
    );
    assert_eq!(
        (odd.account.as_deref(), odd.reference.as_deref(), odd.state),
        (Some("444"), Some("ab"), None)
    );
    for huge in ["99999999999999999999", "-1", "0x10", "1e1", "\u{661}"] {
        let request = of(&format!("<cid>444</cid><stc>{huge}</stc><dty>{huge}</dty><ame>{huge}</ame>"));
        assert_eq!((request.state, request.device_type, request.to_come), (None, None, 0), "{huge}");
    }
    assert_eq!(of("<stc>000000000000000016</stc>").state, Some(16));
}

#[rstest]
#[case("<!DOCTYPE mrq><mrq><ref>1</ref><cid>444</cid></mrq>", true)]
#[case("<!DOCTYPE mrq [<!ENTITY a '<cid>666</cid>'>]><mrq><cid>444</cid><dte>&a;</dte></mrq>", true)]
#[case("<mrq><cid>444</cid><dte>Hansen & S\u{f8}n</dte></mrq>", true)]
#[case("<mrq><cid>444</cid><dty>0004", true)]
#[case("<mrq><cid>444</cid></mrqq>", true)]
#[case("<?x?><mrq><cid>444</cid></mrq>", true)]
#[case("<mrq><cid>444</cid></mrq><mrq><cid>555</cid></mrq>", true)]
#[case("<alarm><cid>444</cid></alarm>", true)]
#[case("<mrq><!-- <cid>444</cid> --><dty>3", false)]
#[case("<!DOCTYPE a [<!ENTITY x '444'>]><mrq><cid>&x;</cid></mrq>", false)]
#[case("<mrq><cid>444", false)]
#[case("<mrq><dty>3</dty>", false)]
#[case("hej", false)]
#[case("<mrs><ref>1</ref><cid>444</cid><snu>0</snu></mrs>", false)]
fn a_broken_body_that_says_who_it_is_rings_as_unreadable(#[case] body: &str, #[case] rings: bool) {
    assert!(read(body.as_bytes()).is_err());
    match read_any(body.as_bytes()) {
        Ok(Read::Broken(request, _)) => {
            assert!(rings, "{body}");
            assert_eq!(request.account.as_deref(), Some("444"));
            let meant = meaning(&request, &settings(""));
            assert_eq!((meant.sort, meant.trigger.as_str()), (Sort::Person, "unreadable"));
        }
        Ok(Read::Whole(_)) => panic!("{body} is broken"),
        Err(_) => assert!(!rings, "{body}"),
    }
}

#[test]
fn a_body_cut_at_every_byte_says_who_it_is_or_nothing_but_never_another() {
    let bodies = [
        "<?xml version=\"1.0\"?><mrq xmlns=\"urn:x\"><ref>m1</ref><cid>4512345678</cid><dty>0003</dty></mrq>",
        "<scaip><mrq><cid><![CDATA[4512345678]]></cid><dte>N\u{f8}d</dte></mrq></scaip>",
    ];
    for body in bodies {
        let known_from = body.find("4512345678").unwrap() + 10;
        for cut in cuts(body.as_bytes()) {
            let said = account(&cut.bytes);
            assert!(said.is_none() || said.as_deref() == Some("4512345678"), "{}: {said:?}", cut.what);
            if cut.bytes.len() > known_from + "]]></cid>".len() {
                assert!(said.is_some(), "{}", cut.what);
            }
            assert_eq!(ends(&cut.bytes), None, "{}", cut.what);
        }
        assert_eq!(ends(body.as_bytes()), Some(body.len()));
        assert_eq!(ends(format!("{body}MESSAGE sip:a SIP/2.0").as_bytes()), Some(body.len()));
    }
}

#[test]
fn what_is_broken_is_believed_where_it_is_whole() {
    let broken = |elements: &str| match read_any(format!("<mrq><cid>444</cid>{elements}<x").as_bytes()) {
        Ok(Read::Broken(request, _)) => request,
        _ => panic!("{elements} is broken"),
    };
    assert_eq!(broken("<mty>PI</mty>").kind, Kind::Heartbeat);
    assert_eq!(broken("<mty>PI").kind, Kind::Heartbeat, "something begins behind it");
    let meant = meaning(&broken("<stc>0016</stc>"), &settings(""));
    assert_eq!((meant.sort, meant.trigger.as_str()), (Sort::Technical, "battery"));
    assert_eq!(broken("<crd>gsm:20304050</crd><ame>3</ame>").to_come, 0, "nobody waits for the rest of it");
    let tested = meaning(&broken(""), &settings("test_accounts = ['444']"));
    assert_eq!(tested.sort, Sort::Test);
}
