//! What a SCAIP request says: reading, meaning, ids, limits.

use rstest::rstest;
use vagttavle::sources::scaip::settings::{Fit, Listen, Network, Settings, fit};
use vagttavle::sources::scaip::translate::{Sort, alarm, device, has_voice, meaning};
use vagttavle::sources::scaip::wire::{Answer, Kind, Root, Status, read, read_answer};

use crate::mutate::{cuts, pieces};

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
#[case("<dty>2</dty><stc>87</stc>", Sort::Technical, "presence")]
#[case("<dty>3</dty><stc>10</stc><ico>099</ico>", Sort::Test, "pendant")]
fn codes_mean(#[case] elements: &str, #[case] sort: Sort, #[case] trigger: &str) {
    let meaning = meaning(&request(elements), &settings("test_info_codes = [99]"));
    assert_eq!((meaning.sort, meaning.trigger.as_str(), meaning.is_reset), (sort, trigger, false));
}

#[test]
fn a_reset_is_one_by_its_kind_or_its_state() {
    for elements in ["<mty>RE</mty>", "<mty>re</mty>", "<stc>2</stc>", "<stc>0019</stc>"] {
        assert!(meaning(&request(elements), &settings("")).is_reset, "{elements}");
    }
}

#[test]
fn ids_are_as_sent_or_a_digest_and_never_have_the_shape_of_a_cpr_number() {
    assert_eq!(device("4512345678").0.as_str(), "4512345678");
    assert_eq!(alarm("700", "r1", 1).as_str(), "700/r1");
    assert_eq!(alarm("700", "r1", 2).as_str(), "700/r1/2");
    for odd in ["0101701234", "010170-1234", "a b", "æ", &"9".repeat(121)] {
        let (id, is_plain) = device(odd);
        assert!(!is_plain && id.as_str().starts_with("account-"), "{id}");
        assert!(alarm("700", odd, 1).as_str().starts_with("session-"));
        assert_eq!(device(odd), device(odd));
    }
    assert_ne!(alarm("700", "0101701234", 1), alarm("700", "0101701235", 1));
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
    let deep = format!("{}{}", "<mrq>".repeat(9), "</mrq>".repeat(9));
    let many = format!("<mrq>{}</mrq>", "<crd>x</crd>".repeat(200));
    let long = format!("<mrq><dte>{}</dte></mrq>", "a".repeat(3_000));
    let id = format!("<mrq><ref>{}</ref></mrq>", "a".repeat(200));
    let large = format!("<mrq>{}</mrq>", " ".repeat(20_000));
    let cases = [
        (deep, "xml-too-deep"),
        (many, "xml-too-many-elements"),
        (long, "xml-text-too-long"),
        (id, "scaip-id-too-long"),
        (large, "xml-too-large"),
    ];
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
                alarm(account, request.reference.as_deref().unwrap_or("none"), 1);
                device(account);
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
