//! The canary call: what it says to an exchange and when, and what it hears from a real one.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use vagttavle::sources::ami::translate::{Calls, is_canary};
use vagttavle::sources::canary_call::dialog::Dialog;
use vagttavle::sources::canary_call::link::call;
use vagttavle::sources::canary_call::{CALLER, Callee, Missed};

use crate::pbx::Pbx;
use crate::support::{messages, night, settings};

fn callee(text: &str) -> Result<Callee, String> {
    Callee::try_from(text.to_owned())
}

fn dialog() -> Dialog {
    let to = callee("sip:2500@127.0.0.1:5060").unwrap();
    Dialog::new(&to, "127.0.0.1:40000".parse().unwrap(), 40_002, "abc1")
}

/// What the exchange says to a request of ours.
fn says(status: &str, cseq: &str) -> String {
    format!(
        "SIP/2.0 {status}\r\nv: SIP/2.0/UDP 127.0.0.1:40000;branch=z9hG4bKabc1\r\nFrom: <sip:x@y>;tag=abc1\r\n\
         To: <sip:2500@127.0.0.1:5060>;tag=theirs\r\nCall-ID: abc1@127.0.0.1\r\nCSeq: {cseq}\r\n\
         Record-Route: <sip:first;lr>\r\nRecord-Route: <sip:second;lr>\r\nContact: <sip:here@127.0.0.1:5080>\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

fn first_words(messages: &[String]) -> Vec<String> {
    let words = |it: &String| it.split(' ').take(2).collect::<Vec<_>>().join(" ");
    messages.iter().map(words).collect()
}

#[test]
fn an_answered_call_is_acknowledged_and_hung_up_where_the_exchange_says() {
    let mut dialog = dialog();
    let invite = dialog.begin();
    assert!(invite.starts_with("INVITE sip:2500@127.0.0.1:5060 SIP/2.0\r\n"), "{invite}");
    assert!(
        invite.contains(&format!("From: <sip:{CALLER}@")) && invite.contains("m=audio 40002 "),
        "{invite}"
    );
    let (head, body) = invite.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{invite}");
    assert_eq!(dialog.repeats(), Some(invite));
    assert!(dialog.told(&says("100 Trying", "1 INVITE")).is_empty());
    assert_eq!(dialog.repeats(), None);
    let said = dialog.told(&says("200 OK", "1 INVITE"));
    assert_eq!(first_words(&said), ["ACK sip:here@127.0.0.1:5080"]);
    assert!(said[0].contains(";tag=theirs") && said[0].contains("CSeq: 1 ACK"), "{}", said[0]);
    assert!(said[0].contains("Route: <sip:second;lr>\r\nRoute: <sip:first;lr>"), "{}", said[0]);
    // Said again, it is acknowledged again.
    assert_eq!(dialog.told(&says("200 OK", "1 INVITE")), said);
    let bye = dialog.hang_up();
    assert_eq!(first_words(&bye), ["BYE sip:here@127.0.0.1:5080"]);
    assert_eq!((dialog.repeats(), dialog.is_over()), (Some(bye[0].clone()), false));
    assert!(dialog.told(&says("200 OK", "2 BYE")).is_empty());
    assert!(dialog.is_over() && !dialog.is_refused());
}

#[test]
fn a_call_nobody_answered_is_cancelled_and_one_answered_meanwhile_is_hung_up() {
    let mut rings = dialog();
    rings.told(&says("180 Ringing", "1 INVITE"));
    assert_eq!(first_words(&rings.hang_up()), ["CANCEL sip:2500@127.0.0.1:5060"]);
    assert!(rings.told(&says("200 OK", "1 CANCEL")).is_empty() && !rings.is_over());
    assert_eq!(
        first_words(&rings.told(&says("487 Terminated", "1 INVITE"))),
        ["ACK sip:2500@127.0.0.1:5060"]
    );
    assert!(rings.is_over() && !rings.is_refused());

    let mut crossed = dialog();
    crossed.told(&says("183 Progress", "1 INVITE"));
    crossed.hang_up();
    let said = crossed.told(&says("200 OK", "1 INVITE"));
    assert_eq!(first_words(&said), ["ACK sip:here@127.0.0.1:5080", "BYE sip:here@127.0.0.1:5080"]);

    // Nothing can be ended that nobody has answered a word to; it is as soon as somebody has.
    let mut late = dialog();
    assert!(late.hang_up().is_empty() && late.repeats().is_none());
    assert_eq!(first_words(&late.told(&says("100 Trying", "1 INVITE"))), ["CANCEL sip:2500@127.0.0.1:5060"]);
}

#[test]
fn a_refusal_and_a_hang_up_of_the_other_side_are_answered_and_other_calls_are_not() {
    let mut refused = dialog();
    assert_eq!(
        first_words(&refused.told(&says("404 Not Found", "1 INVITE"))),
        ["ACK sip:2500@127.0.0.1:5060"]
    );
    assert!(refused.is_refused() && refused.is_over());

    let mut ended = dialog();
    let theirs = says("200 OK", "7 BYE").replace("SIP/2.0 200 OK", "BYE sip:us@127.0.0.1 SIP/2.0");
    assert!(ended.told(&theirs.replace("abc1@", "other@")).is_empty() && !ended.is_over());
    let said = ended.told(&theirs);
    assert!(said[0].starts_with("SIP/2.0 200 OK\r\n") && said[0].contains("cseq: 7 BYE"), "{said:?}");
    assert!(ended.is_over() && !ended.is_refused());
    for rubbish in ["", "\r\n\r\n", "SIP/2.0 999 x\r\n\r\n", "SIP/2.0 2é", "HTTP/1.1 200 OK\r\n\r\n"] {
        assert!(dialog().told(rubbish).is_empty(), "{rubbish}");
    }
}

#[test]
fn only_a_plain_number_and_host_can_be_called() {
    for good in ["sip:2500@127.0.0.1:5060", "sip:+4512345678@central.kommune.example", "sip:*99@pbx"] {
        assert!(callee(good).is_ok(), "{good}");
    }
    let bad =
        ["2500", "sip:2500", "sip:@h", "sip:1@", "sip:1@h:0", "sip:1@h:x", "sip:1@h\r\nX: y", "sip:1 2@h"];
    for bad in bad {
        assert!(callee(bad).is_err(), "{bad}");
    }
}

#[test]
fn only_our_own_call_in_its_own_queue_is_the_canary_and_it_is_no_observation() {
    let joins = |queue: &str, caller: &str| {
        let text = format!(
            "Asterisk Call Manager/11.0.0\r\nEvent: QueueCallerJoin\r\nPrivilege: agent,all\r\nChannel: PJSIP/x\r\nCallerIDNum: {caller}\r\n\
             Uniqueid: 1.1\r\nLinkedid: 1.1\r\nQueue: {queue}\r\nPosition: 1\r\nCount: 1\r\n\r\n"
        );
        messages(text.as_bytes()).remove(0)
    };
    assert!(is_canary(&joins("kanarie", CALLER), "kanarie"));
    assert!(!is_canary(&joins("kanarie", "20304050"), "kanarie"));
    assert!(!is_canary(&joins("hovednummer", CALLER), "kanarie"));
    assert!(Calls::new(&settings()).message(&joins("kanarie", CALLER), night()).is_empty());
}

#[tokio::test]
async fn a_real_exchange_refuses_a_wrong_number_hears_a_right_one_out_and_is_missed_when_it_is_gone() {
    let Some(pbx) = tokio::task::spawn_blocking(Pbx::start).await.unwrap().map(Arc::new) else { return };
    let number = |number: &str| callee(&format!("sip:{number}@127.0.0.1:{}", pbx.sip_port())).unwrap();
    let second = Duration::from_secs(1);
    assert_eq!(call(&number("2999"), "a1", second * 30, pending()).await, Err(Missed::Refused));
    // It is taken and nobody sees it in its queue: hung up all the same.
    assert_eq!(call(&number("2500"), "a2", second, pending()).await, Err(Missed::NotSeen));
    assert_eq!(call(&number("2500"), "a3", second * 30, async {}).await, Ok(()));
    let stopped = pbx.clone();
    tokio::task::spawn_blocking(move || stopped.tool("stop", &[])).await.unwrap();
    assert_eq!(call(&number("2500"), "a4", second, pending()).await, Err(Missed::Unanswered));
}
