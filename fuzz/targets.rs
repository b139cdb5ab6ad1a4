//! What is fuzzed: one function for each parser that reads bytes from outside, up to what it hands on.
//!
//! A target takes any bytes and must come back: no panic, no endless loop, and what it promises holds. Driven by
//! libFuzzer (`fuzz_targets/`) and, in the ordinary tests, by random bytes and broken examples.

use bytes::BytesMut;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio_util::codec::Decoder;
use vagttavle::domain::identity::Board;
use vagttavle::domain::masking::Masking;
use vagttavle::protocol::observations::{LiveFacts, Observed};
use vagttavle::protocol::stream::StreamItem;
use vagttavle::protocol::text::{LongText, Text};
use vagttavle::protocol::{commands, item, urgency};
use vagttavle::sources::ami::queue_log::Line;
use vagttavle::sources::ami::translate::Calls;
use vagttavle::sources::ami::wire::{Frame, Wire};
use vagttavle::sources::canary_call::dialog::Dialog;
use vagttavle::sources::canary_call::{Account, Callee};
use vagttavle::sources::{ami, digest, inflate, medcom, scaip, visits, xml};
use vagttavle::tui::guard::{self, Guard};
use vagttavle::tui::keymap::Chord;

/// A parser and how it is driven.
pub struct Target {
    /// Of the file in `fuzz_targets`.
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// The files that it drives, below `src`.
    pub covers: &'static [&'static str],
    /// Good input to begin with.
    pub seeds: &'static [&'static [u8]],
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "ami",
        run: ami,
        covers: &["sources/ami/wire.rs", "sources/ami/translate.rs", "sources/ami/members.rs"],
        seeds: &[b"Asterisk Call Manager/11.0.0\r\nEvent: QueueCallerJoin\r\nQueue: doegnvagt\r\nUniqueid: 1.4\r\nCallerIDNum: 20304050\r\nCallerIDName: \\\"A\\tb\\\"\r\n\r\nEvent: QueueMemberPause\r\nQueue: doegnvagt\r\nInterface: PJSIP/1\r\nStatus: 1\r\nPaused: 1\r\n\r\nEvent: QueueCallerAbandon\r\nQueue: doegnvagt\r\nUniqueid: 1.4\r\nTimestamp: 1795326357.715594\r\n\r\n"],
    },
    Target {
        name: "queue_log",
        run: queue_log,
        covers: &["sources/ami/queue_log.rs"],
        seeds: &[b"1795326357|1.4|doegnvagt|NONE|ENTERQUEUE||20304050|1\n1795326360|1.4|doegnvagt|PJSIP/1|CONNECT|3|1.5|2\n1795326390|1.4|doegnvagt|PJSIP/1|COMPLETECALLER|3|30|1\n"],
    },
    Target {
        name: "observations",
        run: observations,
        covers: &["protocol/observations.rs", "protocol/wire.rs"],
        seeds: &[b"[{\"key\":\"k\",\"at\":\"2026-11-22T01:00:00Z\",\"agreement\":\"jammerbugt\",\"observation\":{\"type\":\"alarm-raised\",\"alarm\":\"a\",\"device\":\"d\",\"text\":\"x\"}}]"],
    },
    Target {
        name: "commands",
        run: commands,
        covers: &["protocol/commands.rs"],
        seeds: &[b"{\"id\":\"c\",\"entry\":\"019aa000-0000-7000-8000-000000000001\",\"expected_version\":1,\"command\":{\"type\":\"alarms.respond\",\"with\":\"own-help\",\"helper\":\"colleague\"}}"],
    },
    Target {
        name: "stream",
        run: stream,
        covers: &["protocol/stream.rs", "protocol/urgency.rs"],
        seeds: &[b"{\"type\":\"beat\",\"through\":1,\"now\":\"2026-11-22T01:00:00Z\",\"rate\":1.0}"],
    },
    Target {
        name: "keyboard",
        run: keyboard,
        covers: &["tui/guard.rs", "tui/guard/sequence.rs"],
        seeds: &[b"\x1bP>|tmux 3.3a\x1b\\\x1b[?64;1;2c\x1b]11;rgb:1e1e/1e1e/2e2e\x07\x1b[<0;12;7M\x1b[Mtat\x1b[200~tt1\r\x1b[201~\x1b[21~\xc3\xa5\x9bB\x1b[[A"],
    },
    Target { name: "text", run: text, covers: &["protocol/text.rs"], seeds: &["Åse \u{1b}[31m\u{202e}A\u{301}".as_bytes()] },
    Target {
        name: "xml",
        run: xml,
        covers: &["sources/xml.rs"],
        seeds: &[b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><a xmlns=\"x\" b=\"&amp;\"><c>d</c><!-- e --><![CDATA[f]]></a>"],
    },
    Target {
        name: "medcom",
        run: medcom,
        covers: &["sources/medcom/wire.rs", "sources/medcom/translate.rs", "sources/medcom/form.rs", "sources/medcom/acknowledge.rs"],
        seeds: &[
            b"{\"resourceType\":\"Bundle\",\"id\":\"1\",\"type\":\"message\",\"entry\":[{\"fullUrl\":\"MessageHeader/1\",\"resource\":{\"resourceType\":\"MessageHeader\",\"id\":\"1\",\"eventCoding\":{\"code\":\"hospital-notification-message\"}}}]}",
            b"<Bundle xmlns=\"http://hl7.org/fhir\"><id value=\"1\"/><type value=\"message\"/></Bundle>",
        ],
    },
    Target {
        name: "scaip",
        run: scaip,
        covers: &["sources/scaip/wire.rs", "sources/scaip/salvage.rs", "sources/scaip/translate.rs", "sources/scaip/auth.rs"],
        seeds: &[b"<mrq><ref>1</ref><cid>4570000000</cid><dty>0001</dty><stc>0000</stc><mty>ME</mty><crd>gsm:20304050</crd><dte>x</dte></mrq>"],
    },
    Target {
        name: "sip",
        run: sip,
        covers: &["sources/scaip/sip.rs", "sources/scaip/frames.rs", "sources/scaip/head.rs"],
        seeds: &[b"MESSAGE sip:vagt@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK1\r\nFrom: <sip:enhed@127.0.0.1>;tag=1\r\nTo: <sip:vagt@127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nContent-Type: application/scaip+xml\r\nContent-Length: 6\r\n\r\n<mrq/>"],
    },
    Target {
        name: "inflate",
        run: inflate,
        covers: &["sources/inflate.rs"],
        seeds: &[
            b"\xb3\xc9-*\xb4\xb3)JM\xb3\xab2\xb4\xd1\x07\xd16\xc9\x99)v\xe6\x06\x0666\xfa \x86MJI\xa5\x9d\xb1\x8d>\x88\xb2\xd1\x07)\x06\x00",
            b"\x01\x032\x00\xcd\xff<mrq>",
        ],
    },
    Target {
        name: "call",
        run: call,
        covers: &["sources/canary_call/dialog.rs", "sources/digest.rs"],
        seeds: &[
            b"SIP/2.0 401 Unauthorized\r\nTo: <sip:2500@h:1>;tag=t\r\nCall-ID: abc1@127.0.0.1\r\nCSeq: 1 INVITE\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=MD5\r\n\r\n",
            b"SIP/2.0 200 OK\r\nTo: <sip:2500@h:1>;tag=t\r\nCall-ID: abc1@127.0.0.1\r\nCSeq: 1 INVITE\r\nRecord-Route: <sip:a;lr>\r\nContact: <sip:b@c>\r\n\r\n",
            b"Digest realm=\"a \\\" b\", nonce=\"n\", opaque=\"o\", stale=true, qop=\"auth,auth-int\", algorithm=SHA-256",
        ],
    },
    Target {
        name: "visits",
        run: visits,
        covers: &["sources/visits/wire.rs", "sources/visits/translate.rs", "sources/visits/times.rs", "sources/visits/mapping.rs"],
        seeds: &[
            b"visit;citizen;agreed_at;help;grant\nv-1;b-1;2026-11-22 08:00;personal;pathway\n",
            b"[{\"visit\":\"v-1\",\"citizen\":\"b-1\",\"agreed_at\":\"2026-11-22T08:00:00+01:00\"}]",
        ],
    },
];

fn masking() -> Masking {
    Masking::new([7; 32])
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_310_040, 0).expect("a night in November 2026")
}

/// What every source promises of what it hands in: nothing in the future, and only text that may be drawn.
fn hold(told: &[Observed], latest: DateTime<Utc>) {
    for observed in told {
        assert!(observed.at <= latest, "{} is in the future", observed.key);
        let LiveFacts { caller, caller_name, text } = &observed.live;
        for shown in [caller, caller_name, text].into_iter().flatten() {
            drawable(shown.as_str());
        }
    }
}

fn drawable(shown: &str) {
    let is_foul = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!shown.contains(is_foul), "{shown:?} must not be drawn");
}

fn exchange() -> ami::settings::Settings {
    let text = "name = \"central\"\naddress = \"h:1\"\nuser = \"u\"\nsecret_file = \"s\"\n\
        queues = { doegnvagt = { kind = \"phone\", agreements = [\"jammerbugt\"] }, noedkald = { kind = \"alarm\", agreements = [\"jammerbugt\"] } }";
    toml::from_str(text).expect("good settings")
}

/// Bytes of the manager interface, whole and in pieces: the same frames, and facts that hold.
pub fn ami(bytes: &[u8]) {
    let read = |size: usize| {
        let (mut wire, mut buffer, mut frames) = (Wire::default(), BytesMut::new(), Vec::new());
        for piece in bytes.chunks(size) {
            buffer.extend_from_slice(piece);
            while let Some(frame) = wire.decode(&mut buffer).expect("only the socket fails") {
                frames.push(frame);
            }
        }
        frames
    };
    let frames = read(7);
    // A line over the limit is noticed as soon as it is, so only what is read must be the same.
    let messages = |frames: &[Frame]| {
        frames.iter().filter(|it| matches!(it, Frame::Message(_))).cloned().collect::<Vec<_>>()
    };
    assert_eq!(messages(&frames), messages(&read(bytes.len().max(1))));
    let mut calls = Calls::new(&exchange());
    calls.ask_list(Vec::new(), now());
    let mut told = Vec::new();
    for frame in &frames {
        if let Frame::Message(message) = frame {
            told.extend(calls.message(message, now()));
            calls.ends_list(message);
        }
    }
    calls.compare(now());
    let late = now() + TimeDelta::hours(1);
    told.extend(calls.settle(late));
    calls.staff();
    hold(&told, late);
}

/// Lines of the exchange's own log.
pub fn queue_log(bytes: &[u8]) {
    let mut calls = Calls::new(&exchange());
    let mut told = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n').filter_map(Line::parse) {
        told.extend(calls.line(&line, now()));
    }
    let late = now() + TimeDelta::hours(1);
    told.extend(calls.settle(late));
    hold(&told, late);
}

/// A body of `/v1/observations`.
pub fn observations(bytes: &[u8]) {
    let Ok(Value::Array(items)) = serde_json::from_slice(bytes) else { return };
    for item in items {
        if let (_, Ok(observed)) = item::parse_item(item, now(), &masking()) {
            // As told; the writer bounds it.
            hold(&[observed], DateTime::<Utc>::MAX_UTC);
        }
    }
}

/// A body of `/v1/commands`.
pub fn commands(bytes: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return };
    if let Ok(parsed) = commands::parse(body) {
        for of in Board::ALL.iter().copied().map(Some).chain([None]) {
            if let Ok(command) = parsed.clone().command(of) {
                let _ = command.demands_version();
                assert!(serde_json::to_value(&command).is_ok(), "what was read can be sent");
            }
        }
    }
}

/// What a desk is sent.
pub fn stream(bytes: &[u8]) {
    let Ok(item) = serde_json::from_slice::<StreamItem>(bytes) else { return };
    if let StreamItem::Recorded(recorded) = &item
        && let Some(entry) = &recorded.entry
    {
        let _ = urgency::attention(entry, now());
        let _ = urgency::changes_at(entry, now());
    }
}

/// What a terminal sends, in pieces with pauses: whatever it is, it comes to an end, and then a key is heard.
pub fn keyboard(bytes: &[u8]) {
    let mut guard = Guard::default();
    let mut now = std::time::Duration::ZERO;
    for (nth, piece) in bytes.chunks(1 + bytes.len() / 7).enumerate() {
        now += [0, 40, 60, 1_100, 2_100].map(std::time::Duration::from_millis)[nth % 5];
        let _ = guard.read(piece, now);
    }
    now += guard::SILENCE + guard::SILENCE;
    let _ = guard.expire(now);
    assert_eq!(guard.due(), None, "something stays open");
    assert_eq!(guard.read(b"j", now), [guard::Event::Press(Chord::Char('j'))], "a key is heard");
}

/// The one type that can be drawn.
pub fn text(bytes: &[u8]) {
    let raw = String::from_utf8_lossy(bytes);
    drawable(Text::cut(&raw).as_str());
    let long = LongText::cut(&raw);
    long.as_str().lines().for_each(drawable);
    if let Ok(short) = Text::new(&raw) {
        drawable(short.as_str());
    }
}

/// The only entry of XML.
pub fn xml(bytes: &[u8]) {
    let limits = xml::Limits {
        bytes_max: 4096,
        depth_max: 8,
        elements_max: 32,
        attributes_max: 4,
        text_bytes_max: 256,
    };
    let Ok(checked) = xml::check(bytes, &limits) else { return };
    let tree = xml::tree(&checked).expect("a checked document has a tree");
    // What we write ourselves can be read again, and says the same.
    let written = tree.document();
    let generous =
        xml::Limits { bytes_max: usize::MAX, text_bytes_max: usize::MAX, attributes_max: 64, ..limits };
    let again = xml::check(written.as_bytes(), &generous).and_then(|it| xml::tree(&it));
    assert!(again.is_ok_and(|again| again == tree), "{written:?}");
}

/// A hospital notification, JSON or XML, and the answer to it.
pub fn medcom(bytes: &[u8]) {
    let ours = medcom::Ours { default_agreement: "jammerbugt".parse().ok(), ..medcom::Ours::default() };
    let form = medcom::Form::of(bytes);
    let Ok(received) = medcom::receive(bytes, &ours, now(), &masking()) else { return };
    hold(&received.observations, now() + vagttavle::protocol::observations::CLOCK_SKEW_MAX);
    if let Some(reply) = &received.reply {
        let id = uuid::Uuid::nil();
        let stamp = medcom::Stamp { bundle: id, header: id, outcome: id, provenances: [id, id], now: now() };
        let answer = form.write(&reply.acknowledge(&received.answer(), &stamp));
        assert_eq!(medcom::Form::of(&answer), form);
    }
}

/// A SCAIP body, and the same bytes as an `Authorization` header.
pub fn scaip(bytes: &[u8]) {
    let settings: scaip::settings::Settings =
        toml::from_str("listen = [\"udp://127.0.0.1:5060\"]\nagreement = \"jammerbugt\"")
            .expect("good settings");
    let header = String::from_utf8_lossy(bytes);
    let accounts = [("enhed".to_owned(), "hemmelig".to_owned().into())].into();
    let mut door = scaip::auth::Doorkeeper::new(accounts, [7; 32]);
    let verdict = door.judge("MESSAGE", Some(&header), now());
    assert!(!matches!(verdict, scaip::auth::Verdict::Good), "nobody gets in without our nonce");
    let _ = scaip::wire::read_answer(bytes);
    let _ = scaip::wire::may_be_request(Some(&header), bytes);
    if let Some(end) = scaip::wire::ends(bytes) {
        assert!(end <= bytes.len() && bytes[end - 1] == b'>');
    }
    let request = match scaip::wire::read_any(bytes) {
        Ok(scaip::wire::Read::Whole(request)) => request,
        Ok(scaip::wire::Read::Broken(request, _)) => {
            assert!(request.account.is_some(), "what is broken says who sent it");
            request
        }
        Err(_) => return,
    };
    let _ = scaip::translate::meaning(&request, &settings);
    let _ = scaip::translate::has_voice(&request);
    if let (Some(account), Some(reference)) = (&request.account, &request.reference) {
        let _ = scaip::translate::device(account, &masking());
        let _ = scaip::translate::alarm(account, reference, 2, &masking());
    }
}

/// What was packed: within its limit, or refused.
pub fn inflate(bytes: &[u8]) {
    for limit in [0, 50, 4096] {
        if let Ok(out) = inflate::inflate(bytes, limit) {
            assert!(out.len() <= limit);
        }
    }
}

/// What an exchange says to a call of ours, and the same bytes as a challenge: whatever it is, we say whole messages, and
/// of a header line one.
pub fn call(bytes: &[u8]) {
    let to = Callee::try_from("sip:2500@h:1".to_owned()).expect("a good address");
    let account = || Account { user: "kanarie".into(), secret: Some("hemmelig".to_owned().into()) };
    let mut dialog = Dialog::new(&to, account(), ([127, 0, 0, 1], 9).into(), 10, "abc1");
    let text = String::from_utf8_lossy(bytes);
    let mut said = dialog.told(&text);
    said.extend(dialog.told(&text));
    said.extend(dialog.hang_up());
    said.extend(dialog.told(&text));
    assert!(said.iter().all(|it| it.contains("\r\nContent-Length: ") && !it.contains("hemmelig")));
    let secret = "hemmelig".to_owned().into();
    if let Some(header) = digest::answer(&text, ("kanarie", &secret), ("INVITE", "sip:2500@h:1"), "abc") {
        assert!(!header.contains(['\r', '\n']) && !header.contains("hemmelig"), "{header:?}");
    }
}

/// A datagram, and a stream in pieces: no byte of it is read twice, and what is answered is one whole answer.
pub fn sip(bytes: &[u8]) {
    use scaip::frames::{Frames, Next, datagram};
    let peer = ([127, 0, 0, 1], 9).into();
    match datagram(bytes) {
        Ok(message) => {
            assert!(message.body.len() + message.beyond.len() <= bytes.len());
            let _ = (message.head.contact(), message.head.from_user(), message.head.answers_also_at(peer));
            let answer = message.head.answer((400, "Bad Request"), peer, "t", &[], None);
            let blank = answer.windows(4).position(|it| it == b"\r\n\r\n");
            assert_eq!(blank, Some(answer.len() - 4), "a line of theirs ends our answer");
        }
        Err(code) => assert!(code.starts_with("sip-"), "{code}"),
    }
    let (mut frames, mut buffer) = (Frames::new(scaip::wire::ends), BytesMut::new());
    for piece in bytes.chunks(7) {
        buffer.extend_from_slice(piece);
        let mut before = buffer.len() + 1;
        loop {
            match frames.next(&mut buffer) {
                Next::More => break,
                Next::Lost(_) => return,
                Next::KeepAlive | Next::Message(_) | Next::Unreadable(_) => {
                    assert!(buffer.len() < before, "nothing was taken");
                    before = buffer.len();
                }
            }
        }
    }
    let _ = frames.last(&mut buffer);
}

/// A route list, CSV or JSON.
pub fn visits(bytes: &[u8]) {
    let reading = visits::Reading { now: now(), written_at: now() };
    let _ = visits::check(bytes, &visits::Mapping::default(), &reading);
    let text = String::from_utf8_lossy(bytes);
    let _ = (visits::times::when(&text), visits::times::date(&text), visits::times::clock(&text));
}
