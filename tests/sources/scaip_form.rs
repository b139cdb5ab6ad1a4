//! Alarms in a form that they should not have, units that do not listen, and what units say of themselves: over real
//! sockets, as in `scaip`.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};
use vagttavle::sources::scaip::settings::Transport;

use crate::scaip::{ALARM, BOUND, World, held, snu, words};

/// An alarm as it should be. `{n}` stands for its number.
const GOOD: &str = "MESSAGE sip:scaip@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKf{n};rport\r\n\
    Max-Forwards: 70\r\nFrom: <sip:700@127.0.0.1>;tag=1\r\nTo: <sip:scaip@127.0.0.1>\r\nCall-ID: f{n}\r\n\
    CSeq: 1 MESSAGE\r\nContent-Type: application/scaip+xml\r\nContent-Length: {l}\r\n\r\n{b}";
const BODY: &str = "<mrq><ref>f{n}</ref><cid>700</cid><dty>3</dty><dte>Halsk\u{e6}de</dte></mrq>";

fn good(nth: usize) -> String {
    let body = BODY.replace("{n}", &nth.to_string());
    let length = body.len().to_string();
    GOOD.replace("{n}", &nth.to_string()).replace("{l}", &length).replace("{b}", &body)
}

/// What is answered to a datagram: SIP's own answer.
async fn answered(world: &World, bytes: &[u8]) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(bytes, world.at["udp"]).await.unwrap();
    let mut buffer = vec![0; 65_535];
    loop {
        let heard = tokio::time::timeout(BOUND, socket.recv(&mut buffer)).await;
        let size =
            heard.unwrap_or_else(|_| panic!("silence after {:?}", String::from_utf8_lossy(bytes))).unwrap();
        let text = String::from_utf8_lossy(&buffer[..size]).into_owned();
        if text.starts_with("SIP/2.0 ") {
            return text;
        }
    }
}

#[tokio::test]
async fn an_alarm_is_taken_whatever_its_envelope_looks_like() {
    let world = World::new("").await;
    let without = |name: &'static str| {
        move |text: &str| -> String {
            text.split_inclusive("\r\n").filter(|line| !line.starts_with(name)).collect()
        }
    };
    let put = |from: &str, to: &str| {
        let (from, to) = (from.to_owned(), to.to_owned());
        move |text: &str| {
            assert!(text.contains(&from), "{from}");
            text.replacen(&from, &to, 1)
        }
    };
    type Bend = Box<dyn Fn(&str) -> String>;
    let bends: Vec<(&str, Bend)> = vec![
        ("no From tag", Box::new(put(";tag=1", ""))),
        ("a line end in front", Box::new(|text| format!("\r\n{text}"))),
        ("a keep-alive in front", Box::new(|text| format!("\r\n\r\n{text}"))),
        ("NULs in front", Box::new(|text| format!("\0\0{text}"))),
        ("no Max-Forwards", Box::new(without("Max-Forwards"))),
        ("Max-Forwards of nonsense", Box::new(put("Max-Forwards: 70", "Max-Forwards: -x"))),
        ("no Via", Box::new(without("Via"))),
        ("a Via of nonsense", Box::new(put("SIP/2.0/UDP 127.0.0.1:9", ";;,"))),
        ("no From", Box::new(without("From"))),
        ("no To", Box::new(without("To"))),
        ("no Call-ID", Box::new(without("Call-ID"))),
        ("no CSeq", Box::new(without("CSeq"))),
        ("no Content-Type", Box::new(without("Content-Type"))),
        ("another Content-Type", Box::new(put("application/scaip+xml", "text/plain"))),
        ("no length", Box::new(without("Content-Length"))),
        (
            "a length of nothing",
            Box::new(|text| text.replace("Content-Length: ", "Content-Length: 0\r\nX-Was: ")),
        ),
        (
            "half its length",
            Box::new(|text| text.replace("Content-Length: ", "Content-Length: 30\r\nX-Was: ")),
        ),
        ("too great a length", Box::new(|text| text.replace("Content-Length: ", "Content-Length: 9"))),
        ("no number for a length", Box::new(|text| text.replace("Content-Length: ", "Content-Length: x"))),
        ("a NUL at the end", Box::new(|text| format!("{text}\0"))),
        (
            "short names in small letters",
            Box::new(|text| {
                [
                    ("Via:", "v:"),
                    ("From:", "f :"),
                    ("To:", "t:"),
                    ("Call-ID:", "i:"),
                    ("CSeq:", "cseq:"),
                    ("Content-Type:", "c:"),
                    ("Content-Length:", "l:"),
                ]
                .iter()
                .fold(text.to_owned(), |text, (long, short)| text.replacen(long, short, 1))
            }),
        ),
        ("folded lines", Box::new(put(";branch", "\r\n ;branch"))),
        ("bare line ends", Box::new(|text| text.replace("\r\n", "\n"))),
        ("a small method", Box::new(put("MESSAGE sip", "message sip"))),
        ("a method of nonsense", Box::new(put("MESSAGE sip:scaip@127.0.0.1", "MASSAGE \u{fffd}"))),
        ("no version", Box::new(put("sip:scaip@127.0.0.1 SIP/2.0", "sip:scaip@127.0.0.1"))),
        (
            "several Vias",
            Box::new(put("Max-Forwards", "Via: SIP/2.0/TCP 10.1.1.1;branch=z9hG4bKq\r\nMax-Forwards")),
        ),
        (
            "something we do not know required",
            Box::new(put("Max-Forwards", "Require: levitation\r\nMax-Forwards")),
        ),
        (
            "a packing that it is not packed in",
            Box::new(put("Max-Forwards", "Content-Encoding: gzip\r\nMax-Forwards")),
        ),
        (
            "a hundred more lines",
            Box::new(|text| text.replace("Max-Forwards", &("X-A: b\r\n".repeat(100) + "Max-Forwards"))),
        ),
    ];
    for (nth, (what, bend)) in bends.iter().enumerate() {
        let text = bend(&good(nth));
        let text = text.replace("{n}", &nth.to_string());
        let answer = answered(&world, text.as_bytes()).await;
        assert!(answer.starts_with("SIP/2.0 200 "), "{what}: {answer}");
        assert_eq!(world.told().pop(), Some(format!("raised 700/f{nth}")), "{what}");
        // Who sent it finds its own words again.
        if *what == "no From tag" {
            assert!(answer.contains("\r\nFrom: <sip:700@127.0.0.1>\r\n"), "{answer}");
        }
    }
    assert_eq!(world.told().len(), bends.len());
}

#[tokio::test]
async fn what_cannot_be_understood_is_told_so_and_is_seen() {
    let world = World::new("").await;
    let cases = [
        ("MESSAGE sip:scaip@127.0.0.1 SIP/2.0\r\n\r\n".to_owned(), "400"),
        ("MESSAGE sip:scaip@127.0.0.1".to_owned(), "400"),
        (good(1)[..150].to_owned(), "400"),
        (good(2).replace("<cid>700</cid>", "").replace("</mrq>", ""), "400"),
        ("DANCE sip:scaip@127.0.0.1 SIP/2.0\r\n\r\n".to_owned(), "405"),
    ];
    for (text, status) in cases {
        let answer = answered(&world, text.as_bytes()).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{text}: {answer}");
    }
    assert!(world.told().is_empty());
    let seen = world.inbox.change(|seen| seen.lost.clone());
    assert_eq!(seen, ["xml-incomplete"], "a duty for somebody, once");
}

#[tokio::test]
async fn a_broken_alarm_that_says_who_it_is_rings_and_one_that_does_not_is_a_duty() {
    let world = World::new("").await;
    let mut unit = world.unit(Transport::Udp, "700").await;
    let cut = "<mrq><ref>u1</ref><cid>700</cid><dty>0004";
    assert_eq!(unit.ask_with(cut).await, held());
    assert_eq!(unit.ask_with("<!DOCTYPE mrq><mrq><ref>u2</ref><cid>700</cid></mrq>").await, held());
    assert_eq!(world.told(), ["raised 700/u1", "raised 700/u2"]);
    assert!(world.inbox.change(|seen| seen.lost.is_empty()));
    assert_eq!(unit.ask_with("<mrq><ref>u3</ref><cid>70").await.sip, 400);
    assert_eq!(world.inbox.change(|seen| seen.lost.clone()), ["xml-incomplete"]);
    // It lives, says what there is of it.
    assert_eq!(unit.ask_with("<mrq><ref>u4</ref><cid>700</cid><mty>PI</mty><hb").await.own, Some(0));
    assert_eq!(world.told().len(), 3);
}

#[tokio::test]
async fn an_alarm_on_a_stream_that_ends_in_it_rings_with_what_there_is_of_it() {
    let world = World::new("").await;
    let text = good(1).replace("UDP", "TCP");
    let half = &text[..text.find("<dte>").unwrap() + 7];
    let mut stream = TcpStream::connect(world.at["tcp"]).await.unwrap();
    stream.write_all(half.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    world.inbox.until("it rings", |seen| words(seen) == ["raised 700/f1"]).await;
    world.inbox.until("it is seen", |seen| seen.unreadable.contains(&"sip-half-message".to_owned())).await;
}

#[tokio::test]
async fn a_long_text_is_cut_and_marked_and_the_place_is_still_read() {
    let world = World::new("").await;
    let mut unit = world.unit(Transport::Tcp, "700").await;
    let elements = format!("<dty>3</dty><dte>{}</dte><lte>K\u{f8}kkenet</lte>", "x".repeat(5_000));
    assert_eq!(unit.ask("t1", &elements).await, held());
    let text = world.inbox.change(|seen| seen.live[0].clone());
    assert!(text.contains('…') && text.ends_with("K\u{f8}kkenet") && text.chars().count() <= 400, "{text}");
}

#[tokio::test]
async fn what_a_unit_says_of_itself_is_heard_and_told_again_only_when_it_is_news() {
    let world = World::new("").await;
    let mut unit = world.unit(Transport::Udp, "700").await;
    let states = ["85", "86", "85", "86", "86", "0070", "0070", "0112", "0087", "0111", "92"];
    for (nth, state) in states.iter().enumerate() {
        let own = unit.ask(&format!("w{nth}"), &format!("<dty>2</dty><stc>{state}</stc>")).await.own;
        assert_eq!(own, Some(0), "{state}: nobody needs to take it");
    }
    let expected = [
        "raised 700/w0 technical",
        "well 700 Mains",
        "raised 700/w2 technical",
        "well 700 Mains",
        "well 700 All",
        "well 700 Link",
        "presence 700",
        "well 700 All",
    ];
    assert_eq!(world.told(), expected);
    // Under the reference of an alarm that rings it is a remark on that.
    assert_eq!(unit.ask("p1", ALARM).await, held());
    assert_eq!(unit.ask("p1", "<stc>93</stc>").await.own, Some(0));
    assert_eq!(world.told()[8..], ["raised 700/p1", "raised 700/p1", "cleared 700/p1", "well 700 All"]);
    assert_eq!(unit.ask("p1", ALARM).await, held(), "it still rings");
}

#[tokio::test]
async fn units_that_do_not_answer_ours_hold_up_nobody() {
    let world = World::new("").await;
    let at = world.at["udp"];
    // The first of them: as long as it is told again, it has not been given up.
    let first = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let flood = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let alarm = |nth: usize| good(nth).replace("<cid>700", &format!("<cid>9{nth}"));
    let mut known = 0;
    for from in (0..3_000).step_by(100) {
        known += 100;
        // What the machine lost is sent again.
        loop {
            for nth in from..from + 100 {
                let socket = if nth == 0 { &first } else { &flood };
                socket.send_to(alarm(nth).as_bytes(), at).await.unwrap();
            }
            let all = world.inbox.until("they are recorded", |seen| seen.observed.len() >= known);
            if tokio::time::timeout(Duration::from_secs(1), all).await.is_ok() {
                break;
            }
        }
    }
    let mut unit = world.unit(Transport::Udp, "700").await;
    assert_eq!(unit.ask("real", ALARM).await, held());
    assert_eq!(world.told().pop(), Some("raised 700/real".to_owned()));
    // Nobody has answered, and nobody is given up yet: the first is still told.
    let mut buffer = vec![0; 65_535];
    while first.try_recv(&mut buffer).is_ok() {}
    let size =
        tokio::time::timeout(BOUND, first.recv(&mut buffer)).await.expect("it was waited for").unwrap();
    assert_eq!(snu(&String::from_utf8_lossy(&buffer[..size])), Some(4));
}
