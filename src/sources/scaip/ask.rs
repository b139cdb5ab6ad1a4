//! Asks a receiver as a unit would, and waits for its answer: to see that alarms get through.
//!
//! Owns one question over UDP. Must never be used for an alarm of a person: nobody would repeat it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use sha2::{Digest, Sha256};

use super::places::Places;
use super::settings::{Allowed, Listen, Transport};
use super::sip::{Body, Heard, Made, NotSent, Reply, Station, Tls};
use super::wire;

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// SIP's status: 200 when the request is on disk.
    pub sip: u16,
    /// The answer's own status (`snu`), if one came in time.
    pub status: Option<u16>,
}

/// Sends one request: `account`, `reference` and further elements (name, text). Waits at most `within` for the answer that follows SIP's.
///
/// # Errors
/// [`NotSent`]: there is no way to the receiver.
pub async fn ask(
    receiver: SocketAddr,
    account: &str,
    reference: &str,
    elements: &[(&str, &str)],
    within: Duration,
) -> Result<Asked, NotSent> {
    let stop = CancellationToken::new();
    let _ended = stop.clone().drop_guard();
    let (tell, mut heard) = mpsc::channel(8);
    let any: SocketAddr = match (receiver.ip().is_loopback(), receiver.is_ipv4()) {
        (true, _) => SocketAddr::new(receiver.ip(), 0),
        (false, true) => ([0; 4], 0).into(),
        (false, false) => ([0u16; 8], 0).into(),
    };
    let listens = [Listen { transport: Transport::Udp, address: any }];
    // The reference is its own each time, and known to nobody else.
    let seed = Sha256::digest(format!("{account}\n{reference}")).into();
    // It is asked by datagrams alone.
    let connections = Places::new(0);
    let made = Made {
        tls: Tls::default(),
        allowed: Allowed::only(receiver.ip()),
        ends: wire::ends,
        seed,
        connections,
    };
    let station = Station::open(&listens, made, tell, stop).await.map_err(|_| NotSent)?;
    let flow = station.flow_to(receiver).ok_or(NotSent)?;
    let (content_type, text) = wire::question(account, reference, elements);
    let body = Body { content_type: content_type.to_owned(), bytes: text.into_bytes() };
    let sip = station.send(&flow, "scaip", &body).await?;
    if !(200..300).contains(&sip) {
        return Ok(Asked { sip, status: None });
    }
    let answer = async {
        while let Some(heard) = heard.recv().await {
            let Heard::Request(arrived) = heard else { continue };
            let said = wire::read_answer(&arrived.body);
            let _ = arrived.answer(Reply::Ok, &[], None).await;
            match said {
                Ok((Some(about), status)) if about == reference => return status,
                _ => {}
            }
        }
        None
    };
    Ok(Asked { sip, status: timeout(within, answer).await.ok().flatten() })
}
