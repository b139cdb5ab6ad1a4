//! The canary call: what it says to an exchange and when, and what it hears from a real one.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use secrecy::SecretString;
use vagttavle::sources::ami::canary::{Canary, QueueStanding};
use vagttavle::sources::ami::translate::Calls;
use vagttavle::sources::canary_call::dialog::Dialog;
use vagttavle::sources::canary_call::link::call;
use vagttavle::sources::canary_call::{Account, CALLER, Callee, Missed};

use crate::pbx::Pbx;
use crate::support::{messages, night, settings};

fn callee(text: &str) -> Result<Callee, String> {
    Callee::try_from(text.to_owned())
}

fn account(user: &str, secret: Option<&str>) -> Account {
    Account { user: user.to_owned(), secret: secret.map(SecretString::from) }
}

fn dialog() -> Dialog {
    dialog_of(account(CALLER, None))
}

fn dialog_of(account: Account) -> Dialog {
    let to = callee("sip:2500@127.0.0.1:5060").unwrap();
    Dialog::new(&to, account, "127.0.0.1:40000".parse().unwrap(), 40_002, "abc1")
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

/// A refusal that asks who we are, in these ways.
fn asks(status: &str, cseq: &str, challenges: &[&str]) -> String {
    let name = if status.starts_with("401") { "WWW-Authenticate" } else { "Proxy-Authenticate" };
    let lines: String = challenges.iter().map(|it| format!("{name}: {it}\r\n")).collect();
    says(status, cseq).replace("Content-Length", &format!("{lines}Content-Length"))
}

const MD5: &str = "Digest realm=\"central\", nonce=\"n1\", qop=\"auth\", algorithm=MD5";
const SHA: &str = "Digest realm=\"central\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256";

#[test]
fn who_is_asked_for_a_secret_says_it_by_a_digest_and_the_call_goes_on() {
    for (status, header) in [("401 Unauthorized", "Authorization"), ("407 Proxy", "Proxy-Authorization")] {
        let mut dialog = dialog_of(account("kanarie", Some("hemmelig")));
        let first = dialog.begin();
        assert!(first.contains("From: <sip:kanarie@") && !first.contains("uthorization"), "{first}");
        let refused = asks(status, "1 INVITE", &["Basic realm=\"x\"", SHA, MD5]);
        let said = dialog.told(&refused);
        assert_eq!(first_words(&said), ["ACK sip:2500@127.0.0.1:5060", "INVITE sip:2500@127.0.0.1:5060"]);
        assert!(said[0].contains("CSeq: 1 ACK") && said[0].contains(";tag=theirs"), "{}", said[0]);
        let again = &said[1];
        assert!(again.contains("CSeq: 2 INVITE") && !again.contains(";tag=theirs"), "{again}");
        let proves = format!("\r\n{header}: Digest username=\"kanarie\", realm=\"central\", nonce=\"n1\"");
        assert!(again.contains(&proves) && again.contains("algorithm=SHA-256"), "{again}");
        assert!(!again.contains("hemmelig"), "{again}");
        let mark = |text: &str| text.split("branch=").nth(1).unwrap().split(';').next().unwrap().to_owned();
        assert_eq!(mark(&first), mark(&said[0]));
        assert_ne!(mark(&first), mark(again));
        // The refusal said again is acknowledged again and asks nothing.
        assert_eq!(dialog.told(&refused), said[..1]);
        assert_eq!(dialog.repeats().as_ref(), Some(again));
        let said = dialog.told(&says("200 OK", "2 INVITE"));
        assert!(said[0].contains("CSeq: 2 ACK") && said[0].contains(&proves), "{}", said[0]);
        assert!(dialog.hang_up()[0].contains("CSeq: 3 BYE"));
        // Some ask again who hangs up.
        let said = dialog.told(&asks(status, "3 BYE", &[MD5]));
        assert!(said[0].contains("CSeq: 4 BYE") && said[0].contains(&proves), "{said:?}");
        assert!(dialog.told(&says("200 OK", "4 BYE")).is_empty() && dialog.is_over());
    }
}

#[test]
fn a_secret_that_is_wrong_or_missing_is_told_and_never_tried_again_and_again() {
    let ended = |secret: Option<&str>, refusals: &[String]| {
        let mut dialog = dialog_of(account("kanarie", secret));
        let said: usize = refusals.iter().map(|it| dialog.told(it).len()).sum();
        assert!(dialog.is_refused() && dialog.repeats().is_none(), "{refusals:?}");
        (dialog.why_not_seen(), said)
    };
    let asked =
        |number: u32, challenge: &str| asks("401 Unauthorized", &format!("{number} INVITE"), &[challenge]);
    let stale = MD5.replace("n1", "n2") + ", stale=true";
    assert_eq!(ended(None, &[asked(1, MD5)]), (Missed::SecretNeeded, 1));
    assert_eq!(ended(Some("nej"), &[asked(1, MD5), asked(2, MD5)]), (Missed::SecretWrong, 3));
    let forbidden = says("403 Forbidden", "2 INVITE");
    assert_eq!(ended(Some("nej"), &[asked(1, MD5), forbidden]), (Missed::SecretWrong, 3));
    // Too old a nonce is tried once more, and not for ever.
    let old = [asked(1, MD5), asked(2, &stale), asked(3, &stale)];
    assert_eq!(ended(Some("ja"), &old), (Missed::SecretWrong, 5));
    assert_eq!(
        ended(Some("ja"), &[asked(1, "Digest realm=\"x\", nonce=\"y\", algorithm=MD5-sess")]),
        (Missed::Refused, 1)
    );
    // Given up before the exchange said a word: it is not asked again.
    let mut late = dialog_of(account("kanarie", Some("ja")));
    assert!(late.hang_up().is_empty());
    assert_eq!(first_words(&late.told(&asked(1, MD5))), ["ACK sip:2500@127.0.0.1:5060"]);
    assert!(late.is_refused());
}

#[test]
fn only_a_plain_number_and_host_can_be_called() {
    let good = [
        "sip:2500@127.0.0.1:5060",
        "sip:+4512345678@central.kommune.example",
        "sip:*99@pbx",
        "sip:2500@[::1]",
    ];
    for good in good.iter().chain(&["sip:2500@[2001:db8::5]:5061"]) {
        assert!(callee(good).is_ok(), "{good}");
    }
    let six = Dialog::new(
        &callee("sip:1@[::1]").unwrap(),
        account(CALLER, None),
        "[::1]:40000".parse().unwrap(),
        40_002,
        "abc1",
    );
    let invite = six.begin();
    assert!(
        invite.starts_with("INVITE sip:1@[::1]:5060 SIP/2.0\r\nVia: SIP/2.0/UDP [::1]:40000;"),
        "{invite}"
    );
    assert!(invite.contains("\r\nc=IN IP6 ::1\r\n") && !invite.contains("IP4"), "{invite}");
    let bad = [
        "2500",
        "sip:2500",
        "sip:@h",
        "sip:1@",
        "sip:1@h:0",
        "sip:1@h:x",
        "sip:1@h\r\nX: y",
        "sip:1 2@h",
        "sip:1@::1",
        "sip:1@[::1",
        "sip:1@[x]",
        "sip:1@[::1]5060",
    ];
    for bad in bad {
        assert!(callee(bad).is_err(), "{bad}");
    }
}

fn event(name: &str, more: &str) -> Vec<u8> {
    format!("Asterisk Call Manager/11.0.0\r\nEvent: {name}\r\nPrivilege: agent,all\r\n{more}\r\n")
        .into_bytes()
}

fn joins(queue: &str, caller: &str) -> Vec<u8> {
    event(
        "QueueCallerJoin",
        &format!(
            "Channel: PJSIP/x\r\nCallerIDNum: {caller}\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\nQueue: {queue}\r\nPosition: 1\r\nCount: 1\r\n"
        ),
    )
}

#[tokio::test]
async fn only_our_own_call_in_its_own_queue_is_the_canary_and_it_is_no_observation() {
    let canary = Canary::new("kanarie", CALLER);
    let seen = |bytes: Vec<u8>| {
        let waits = canary.seen();
        canary.hears(&messages(&bytes).remove(0));
        waits.now_or_never().is_some()
    };
    assert!(seen(joins("kanarie", CALLER)));
    assert!(!seen(joins("kanarie", "20304050")));
    assert!(!seen(joins("hovednummer", CALLER)));
    let observed = Calls::new(&settings()).message(&messages(&joins("kanarie", CALLER)).remove(0), night());
    assert!(observed.is_empty());
}

#[tokio::test]
async fn how_its_queue_stands_is_known_from_the_whole_list_alone() {
    let canary = Canary::new("kanarie", CALLER);
    assert_eq!(canary.is_known().now_or_never(), None);
    let member = |queue: &str| {
        event("QueueMember", &format!("Queue: {queue}\r\nLocation: PJSIP/1\r\nStatus: 5\r\nPaused: 1\r\n"))
    };
    let params = |queue: &str| event("QueueParams", &format!("Queue: {queue}\r\n"));
    let lists = [
        (vec![params("kanarie"), params("anden"), member("anden")], QueueStanding::Empty),
        (vec![params("anden")], QueueStanding::Missing),
        // Away and on pause: it is a member all the same.
        (vec![params("kanarie"), member("kanarie")], QueueStanding::Members),
        (vec![params("kanarie")], QueueStanding::Empty),
    ];
    for (items, stands) in lists {
        let link = async {
            canary.wanted().await;
            canary.list_begins();
            items.iter().for_each(|it| canary.hears(&messages(it).remove(0)));
            canary.list_ended();
        };
        assert_eq!(tokio::join!(canary.look(), link).0, stands);
    }
    assert_eq!(canary.is_known().now_or_never(), Some(()));
    let lost = async { canary.lost() };
    assert_eq!(tokio::join!(canary.look(), lost).0, QueueStanding::Unknown);
}

#[tokio::test]
async fn a_real_exchange_refuses_a_wrong_number_hears_a_right_one_out_and_is_missed_when_it_is_gone() {
    let Some(pbx) = tokio::task::spawn_blocking(Pbx::start).await.unwrap().map(Arc::new) else { return };
    let number = |number: &str| callee(&format!("sip:{number}@127.0.0.1:{}", pbx.sip_port())).unwrap();
    let (second, us) = (Duration::from_secs(1), account(CALLER, None));
    assert_eq!(call(&number("2999"), &us, "a1", second * 30, pending()).await, Err(Missed::Refused));
    // It is taken and nobody sees it in its queue: hung up all the same.
    assert_eq!(call(&number("2500"), &us, "a2", second, pending()).await, Err(Missed::NotSeen));
    assert_eq!(call(&number("2500"), &us, "a3", second * 30, async {}).await, Ok(()));
    // Somebody holds the port and says nothing.
    let deaf = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let nobody = callee(&format!("sip:2500@127.0.0.1:{}", deaf.local_addr().unwrap().port())).unwrap();
    assert_eq!(call(&nobody, &us, "a4", second, pending()).await, Err(Missed::Unanswered));
}

/// An endpoint that must prove who it is.
const ENDPOINT: &str = "\n[kanarie](telefon)\ncontext = fra-net\nauth = kanarie-auth\n\
    [kanarie-auth]\ntype = auth\nauth_type = userpass\nusername = kanarie\npassword = hemmelig\n";

#[tokio::test]
async fn a_real_exchange_that_asks_for_a_secret_takes_the_right_one_alone() {
    let Some(pbx) = tokio::task::spawn_blocking(Pbx::start).await.unwrap().map(Arc::new) else { return };
    // Where there is IPv6, by that too.
    let six = format!("\n[udp6]\ntype = transport\nprotocol = udp\nbind = [::1]:{}\n", pbx.sip_port());
    let has_six = std::net::UdpSocket::bind("[::1]:0").is_ok();
    let configured = pbx.clone();
    let more = if has_six { ENDPOINT.to_owned() + &six } else { ENDPOINT.to_owned() };
    tokio::task::spawn_blocking(move || configured.configure(&[("pjsip.conf", &more)])).await.unwrap();
    let port = pbx.sip_port();
    let long = Duration::from_secs(30);
    let four = callee(&format!("sip:2500@127.0.0.1:{port}")).unwrap();
    let as_kanarie = |secret: Option<&str>| account("kanarie", secret);
    assert_eq!(call(&four, &as_kanarie(None), "b1", long, pending()).await, Err(Missed::SecretNeeded));
    assert_eq!(call(&four, &as_kanarie(Some("nej")), "b2", long, pending()).await, Err(Missed::SecretWrong));
    assert_eq!(call(&four, &as_kanarie(Some("hemmelig")), "b3", long, async {}).await, Ok(()));
    if has_six {
        let six = callee(&format!("sip:2500@[::1]:{port}")).unwrap();
        assert_eq!(call(&six, &as_kanarie(Some("hemmelig")), "b4", long, async {}).await, Ok(()));
    } else {
        eprintln!("NOT TESTED by IPv6: this machine has none");
    }
}
