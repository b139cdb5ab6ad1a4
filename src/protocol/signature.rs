//! Signed bodies: a time stamp and an HMAC over both, as they stand in the headers of a request.
//!
//! Owns what is signed and how it is compared: HMAC-SHA-256 over `TIMESTAMP.BODY`, in hex behind the name of the way.
//! Must never ask the time nor remember what came before; both are the receiver's.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The source that posts.
pub const SOURCE_HEADER: &str = "vagttavle-source";
/// When it was signed: whole seconds since 1970, UTC.
pub const TIMESTAMP_HEADER: &str = "vagttavle-timestamp";
/// `v1=` and the HMAC in hex.
pub const SIGNATURE_HEADER: &str = "vagttavle-signature";
/// How far the stamp may be from our clock, either way (seconds).
pub const WINDOW_SECONDS: i64 = 300;
/// A secret shorter than this is no secret (bytes).
pub const SECRET_MIN: usize = 32;

const WAY: &str = "v1=";
const HMAC_BYTES: usize = 32;

/// What the headers claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    at_seconds: i64,
    mac: [u8; HMAC_BYTES],
}

/// Why a signature is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// A header is missing or not of its shape.
    #[error("signature-malformed")]
    Malformed,
    /// The stamp is too far from our clock: seconds that it is ahead (negative: behind).
    #[error("signature-out-of-time")]
    OutOfTime(i64),
    /// It is of another secret, another stamp or another body.
    #[error("signature-wrong")]
    Wrong,
}

impl Claim {
    /// Reads the two headers.
    pub fn parse(timestamp: &str, signature: &str) -> Result<Self, BadSignature> {
        let is_digits =
            (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|it| it.is_ascii_digit());
        let at_seconds = timestamp.parse().ok().filter(|_| is_digits).ok_or(BadSignature::Malformed)?;
        let hex = signature.strip_prefix(WAY).ok_or(BadSignature::Malformed)?;
        let mut mac = [0; HMAC_BYTES];
        hex::decode_to_slice(hex, &mut mac).map_err(|_| BadSignature::Malformed)?;
        Ok(Self { at_seconds, mac })
    }

    /// Whether the stamp is near enough. Asked before the body is read.
    pub fn is_in_time(&self, now: DateTime<Utc>) -> Result<(), BadSignature> {
        let ahead = self.at_seconds - now.timestamp();
        if ahead.abs() <= WINDOW_SECONDS { Ok(()) } else { Err(BadSignature::OutOfTime(ahead)) }
    }

    /// Whether it is of this secret and this body. Takes as long for a wrong one as for a right one.
    pub fn check(&self, secret: &[u8], body: &[u8]) -> Result<(), BadSignature> {
        keyed(secret, self.at_seconds, body).verify_slice(&self.mac).map_err(|_| BadSignature::Wrong)
    }

    /// What must not come twice.
    pub fn mac(&self) -> [u8; HMAC_BYTES] {
        self.mac
    }

    /// Until when it would be in time: as long it must be remembered.
    pub fn until(&self) -> DateTime<Utc> {
        let at = DateTime::from_timestamp(self.at_seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        at.checked_add_signed(TimeDelta::seconds(WINDOW_SECONDS)).unwrap_or(at)
    }
}

fn keyed(secret: &[u8], at_seconds: i64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(at_seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

/// The two headers' values for a body: stamp and signature.
pub fn sign(secret: &[u8], at: DateTime<Utc>, body: &[u8]) -> (String, String) {
    let at_seconds = at.timestamp();
    let mac = keyed(secret, at_seconds, body).finalize().into_bytes();
    (at_seconds.to_string(), format!("{WAY}{}", hex::encode(mac)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"en hemmelighed paa mindst 32 tegn";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time")
    }

    fn signed(body: &[u8]) -> Claim {
        let (stamp, signature) = sign(SECRET, at(1_795_000_000), body);
        Claim::parse(&stamp, &signature).expect("our own headers")
    }

    /// As `printf '%s.%s' 1795000000 '[]' | openssl dgst -sha256 -hmac …` says.
    #[test]
    fn it_is_what_every_other_program_makes() {
        let (stamp, signature) = sign(SECRET, at(1_795_000_000), b"[]");
        assert_eq!(stamp, "1795000000");
        assert_eq!(signature, "v1=57c9a3e35c1e9cd70a6827925e6abcc73ea5320793c5f7c78adaa18750faa2b9");
    }

    #[test]
    fn a_body_that_was_altered_cut_or_prolonged_at_any_byte_is_refused() {
        let body = br#"[{"key":"kald-17/raised","at":"2026-11-22T02:14:00Z"}]"#;
        let claim = signed(body);
        assert_eq!(claim.check(SECRET, body), Ok(()));
        for place in 0..body.len() {
            let mut other = body.to_vec();
            other[place] ^= 1;
            assert_eq!(claim.check(SECRET, &other), Err(BadSignature::Wrong), "altered at {place}");
            assert_eq!(claim.check(SECRET, &body[..place]), Err(BadSignature::Wrong), "cut at {place}");
        }
        assert_eq!(claim.check(SECRET, &[body.as_slice(), b" "].concat()), Err(BadSignature::Wrong));
        assert_eq!(claim.check(b"another secret of the same length", body), Err(BadSignature::Wrong));
    }

    #[test]
    fn a_stamp_cannot_lend_its_digits_to_the_body() {
        // 17950000001 + "" and 1795000000 + "1": the dot stands between them.
        let (_, signature) = sign(SECRET, at(17_950_000_001), b"2");
        let claim = Claim::parse("1795000000", &signature).expect("headers");
        assert_eq!(claim.check(SECRET, b"12"), Err(BadSignature::Wrong));
    }

    #[test]
    fn the_window_is_open_to_its_last_second_on_both_sides() {
        let claim = signed(b"[]");
        for (now, expected) in [
            (1_795_000_000, Ok(())),
            (1_795_000_300, Ok(())),
            (1_794_999_700, Ok(())),
            (1_795_000_301, Err(BadSignature::OutOfTime(-301))),
            (1_794_999_699, Err(BadSignature::OutOfTime(301))),
        ] {
            assert_eq!(claim.is_in_time(at(now)), expected);
        }
        assert_eq!(claim.until(), at(1_795_000_300));
    }

    #[test]
    fn headers_of_another_shape_are_malformed() {
        let good = signed(b"[]");
        let hex = hex::encode(good.mac());
        for (stamp, signature) in [
            ("", format!("v1={hex}")),
            ("-1795000000", format!("v1={hex}")),
            ("+1795000000", format!("v1={hex}")),
            ("1795000000000", format!("v1={hex}")),
            ("1795000000.5", format!("v1={hex}")),
            ("1795000000", hex.clone()),
            ("1795000000", format!("v2={hex}")),
            ("1795000000", format!("v1={}", &hex[..62])),
            ("1795000000", format!("v1={hex}00")),
            ("1795000000", "v1=".to_owned()),
        ] {
            assert_eq!(Claim::parse(stamp, &signature), Err(BadSignature::Malformed), "{stamp} {signature}");
        }
    }
}
