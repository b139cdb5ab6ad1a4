//! Digest authentication, as both sides of it reckon (RFC 7616; SIP: RFC 3261 22.4, RFC 8760). Pure.
//!
//! Owns the reading of such a header and the sum that proves a secret. Must never know a password in clear on the wire, nor
//! remember anything: whose nonce is good is decided by who made it.

use std::collections::HashMap;
use std::fmt::Write as _;

use md5::Md5;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Longest header that is looked at (bytes).
const HEADER_MAX: usize = 2_048;
/// A nonce of the other side is used once.
const FIRST_USE: &str = "00000001";

/// How the sum is made. Those whose sum needs a session are not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    pub const ALL: [Self; 2] = [Self::Md5, Self::Sha256];

    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// By its name in a header; none is MD5.
    pub fn named(name: Option<&str>) -> Option<Self> {
        let Some(name) = name else { return Some(Self::Md5) };
        Self::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }

    fn sum(self, text: &str) -> String {
        match self {
            Self::Md5 => hex::encode(Md5::digest(text.as_bytes())),
            Self::Sha256 => hex::encode(Sha256::digest(text.as_bytes())),
        }
    }
}

/// What a proof is about.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    pub user: &'a str,
    pub realm: &'a str,
    pub method: &'a str,
    pub uri: &'a str,
    pub nonce: &'a str,
    /// With `qop=auth`: the use of the nonce, in hexadecimal digits, and the nonce of who proves.
    pub counted: Option<(&'a str, &'a str)>,
}

impl Claim<'_> {
    /// The sum that whoever knows the secret gives.
    pub fn proof(&self, algorithm: Algorithm, secret: &SecretString) -> String {
        let Self { user, realm, method, uri, nonce, counted } = self;
        let one = algorithm.sum(&format!("{user}:{realm}:{}", secret.expose_secret()));
        let two = algorithm.sum(&format!("{method}:{uri}"));
        algorithm.sum(&match counted {
            Some((count, own)) => format!("{one}:{nonce}:{count}:{own}:auth:{two}"),
            None => format!("{one}:{nonce}:{two}"),
        })
    }
}

/// The value of the header that answers a challenge. `own`: a word that was never used before, without quotes.
/// None: nothing that we know is asked for.
pub fn answer(
    challenge: &str,
    (user, secret): (&str, &SecretString),
    (method, uri): (&str, &str),
    own: &str,
) -> Option<String> {
    let asked = parameters(challenge)?;
    let get = |name: &str| asked.get(name).map(String::as_str);
    let (realm, nonce) = (get("realm")?, get("nonce")?);
    let algorithm = Algorithm::named(get("algorithm"))?;
    let counted = match get("qop") {
        None => None,
        Some(all) if all.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")) => {
            Some((FIRST_USE, own))
        }
        Some(_) => return None,
    };
    let proof = Claim { user, realm, method, uri, nonce, counted }.proof(algorithm, secret);
    let mut header = format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{proof}\", \
         algorithm={}",
        algorithm.name()
    );
    if counted.is_some() {
        let _ = write!(header, ", qop=auth, nc={FIRST_USE}, cnonce=\"{own}\"");
    }
    if let Some(opaque) = get("opaque") {
        let _ = write!(header, ", opaque=\"{opaque}\"");
    }
    Some(header)
}

/// Whether a challenge says that the secret was right and only its nonce too old.
pub fn is_stale(challenge: &str) -> bool {
    parameters(challenge).is_some_and(|it| it.get("stale").is_some_and(|it| it.eq_ignore_ascii_case("true")))
}

/// `Digest name="value", name=value`; names in small letters, what stands between quotes as it stands there. The first
/// of each counts. None: no digest.
pub fn parameters(header: &str) -> Option<HashMap<String, String>> {
    if header.len() > HEADER_MAX || header.chars().any(|it| it.is_control() && it != '\t') {
        return None;
    }
    let (scheme, mut rest) = header.trim().split_once(char::is_whitespace)?;
    if !scheme.eq_ignore_ascii_case("digest") {
        return None;
    }
    let mut found = HashMap::new();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches(|c: char| c == ',' || c.is_whitespace()).to_ascii_lowercase();
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_at_checked(quoted_length(quoted)?)?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.entry(name).or_insert_with(|| value.trim().to_owned());
        rest = left.strip_prefix('"').unwrap_or(left);
    }
    Some(found)
}

/// Bytes up to the quote that ends it; one behind a backslash does not.
fn quoted_length(quoted: &str) -> Option<usize> {
    let mut is_escaped = false;
    quoted.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616, 3.9.1.
    fn example(algorithm: &str) -> String {
        format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        )
    }

    fn answered(challenge: &str) -> Option<String> {
        let secret = SecretString::from("Circle of Life");
        let own = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        answer(challenge, ("Mufasa", &secret), ("GET", "/dir/index.html"), own)
    }

    #[test]
    fn the_examples_of_the_standard_are_answered_as_it_says() {
        let sums = [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ];
        for (algorithm, sum) in sums {
            let said = answered(&example(algorithm)).expect("an answer");
            let said = parameters(&said).expect("a digest");
            assert_eq!(said["response"], sum);
            assert_eq!((said["nc"].as_str(), said["qop"].as_str()), ("00000001", "auth"));
            assert_eq!(said["opaque"], "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS");
        }
    }

    #[test]
    fn what_we_do_not_know_is_not_answered() {
        let bad = [
            example("SHA-512-256"),
            example("MD5-sess"),
            example("MD5").replace("auth, auth-int", "auth-int"),
            example("MD5").replace("Digest", "Basic"),
            example("MD5").replace("nonce=", "once="),
            example("MD5").replace("tdS\"", "tdS"),
            format!("Digest realm=\"{}\", nonce=\"1\"", "x".repeat(HEADER_MAX)),
            String::new(),
        ];
        for bad in bad {
            assert_eq!(answered(&bad), None, "{bad}");
        }
    }

    #[test]
    fn quotes_in_quotes_go_back_as_they_came() {
        let said = answered(r#"Digest realm="a \"b\" c\\", nonce="n", stale=TRUE"#).expect("an answer");
        assert!(said.contains(r#"realm="a \"b\" c\\", nonce="n""#) && !said.contains("qop"), "{said}");
        assert!(is_stale(r#"Digest realm="a, stale=true", stale=True"#));
        assert!(!is_stale(r#"Digest realm="a, stale=true", nonce="n""#));
    }
}
