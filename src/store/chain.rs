//! The hash chain: what each record's hash is made of, and the walk that checks it.
//!
//! Must never know where rows are kept.
//!
//! # Encoding
//!
//! Every hash is SHA-256 over a list of parts; a part is its length in bytes (unsigned, 8 bytes, big-endian) and the
//! bytes. A whole number is a part of 8 bytes, big-endian, two's complement. An absent value is a part of length
//! `2^64 - 1` and no bytes. Texts are UTF-8. The first part names the list, so that no two lists can be confused.
//!
//! * content of a record: `vagttavle/content/1`, salt (16 bytes), payload (JSON exactly as stored)
//! * record: `vagttavle/record/1`, previous hash, sequence, entry (hyphenated lower case), happened_at, recorded_at (µs
//!   since 1970 UTC), actor, agreement?, kind, version, cause, index, digest of the content
//! * content of a look: `vagttavle/look-content/1`, salt, who, purpose, entry, citizen?
//! * look: `vagttavle/look/1`, previous hash, number, at (µs), digest of the content
//! * key that was seen: `vagttavle/key/1`, previous hash, number, scope, key, digest, outcome, entry?, first?, answer?
//! * keys from before they had numbers, in the order of scope and key: `vagttavle/keys-before/1`, hash of the ones before
//!   (32 zero bytes at first), scope, key, digest, outcome, entry?, first?, answer?
//!
//! The first record and the first look have 32 zero bytes as previous hash. The first key has the hash of the last of
//! those from before, which is 32 zero bytes when there were none. A content may be erased with its salt: its
//! digest stays and the chain still verifies, while nobody can try out what the content was.

use std::fmt;

use sha2::{Digest, Sha256};

use super::row::{LookRow, Row, SeenRow};
use super::{Head, StoreError};
use crate::domain::identity::Sequence;

/// A salt's length in bytes.
pub const SALT_BYTES: usize = 16;
const ABSENT: u64 = u64::MAX;

/// 32 bytes; shown as hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What stands before the first.
    pub const ZERO: Self = Self([0; 32]);

    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which of the chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    Records,
    Looks,
    /// What was seen.
    Keys,
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Records => "record",
            Self::Looks => "look",
            Self::Keys => "key",
        })
    }
}

struct Parts(Sha256);

impl Parts {
    fn of(list: &str) -> Self {
        Self(Sha256::new()).bytes(list.as_bytes())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    fn maybe(mut self, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(text),
            None => {
                self.0.update(ABSENT.to_be_bytes());
                self
            }
        }
    }

    fn number(self, number: i64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn maybe_number(mut self, number: Option<i64>) -> Self {
        match number {
            Some(number) => self.number(number),
            None => {
                self.0.update(ABSENT.to_be_bytes());
                self
            }
        }
    }

    fn seen(self, row: &SeenRow) -> Self {
        self.text(&row.scope)
            .text(&row.key)
            .text(&row.digest)
            .text(&row.outcome)
            .maybe(row.entry.as_deref())
            .maybe_number(row.first)
            .maybe(row.answer.as_deref())
    }

    fn hash(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}

/// Digest of a record's content.
pub fn content_digest(salt: &[u8], payload: &str) -> Hash {
    Parts::of("vagttavle/content/1").bytes(salt).text(payload).hash()
}

/// Hash of a record after `previous`.
pub fn record_hash(row: &Row, previous: Hash) -> Hash {
    Parts::of("vagttavle/record/1")
        .bytes(&previous.0)
        .number(row.sequence)
        .text(&row.entry)
        .number(row.happened_at)
        .number(row.recorded_at)
        .text(&row.actor)
        .maybe(row.agreement.as_deref())
        .text(&row.kind)
        .number(row.version)
        .text(&row.cause)
        .number(row.index)
        .bytes(&row.digest.0)
        .hash()
}

/// Digest of a look's content.
pub fn look_digest(salt: &[u8], who: &str, purpose: &str, entry: &str, citizen: Option<&str>) -> Hash {
    Parts::of("vagttavle/look-content/1")
        .bytes(salt)
        .text(who)
        .text(purpose)
        .text(entry)
        .maybe(citizen)
        .hash()
}

/// Hash of a look after `previous`.
pub fn look_hash(row: &LookRow, previous: Hash) -> Hash {
    Parts::of("vagttavle/look/1")
        .bytes(&previous.0)
        .number(row.number)
        .number(row.at)
        .bytes(&row.digest.0)
        .hash()
}

/// Hash of a key that was seen, after `previous`.
pub fn key_hash(row: &SeenRow, previous: Hash) -> Hash {
    Parts::of("vagttavle/key/1").bytes(&previous.0).number(row.number).seen(row).hash()
}

/// Hash over a key from before they had numbers, after those before it.
pub fn key_before_hash(row: &SeenRow, previous: Hash) -> Hash {
    Parts::of("vagttavle/keys-before/1").bytes(&previous.0).seen(row).hash()
}

/// A link of one of the chains.
pub trait Link {
    const CHAIN: Chain;
    fn number(&self) -> i64;
    fn hash(&self) -> Hash;
    /// The hash it should have after `previous`.
    fn expected_hash(&self, previous: Hash) -> Hash;
    /// False when the content is there and is not the one its digest was made of.
    fn content_fits(&self) -> bool;
}

impl Link for Row {
    const CHAIN: Chain = Chain::Records;

    fn number(&self) -> i64 {
        self.sequence
    }

    fn hash(&self) -> Hash {
        self.hash
    }

    fn expected_hash(&self, previous: Hash) -> Hash {
        record_hash(self, previous)
    }

    fn content_fits(&self) -> bool {
        match (&self.salt, &self.payload) {
            (Some(salt), Some(payload)) => content_digest(salt, payload) == self.digest,
            (None, None) => true,
            _ => false,
        }
    }
}

impl Link for LookRow {
    const CHAIN: Chain = Chain::Looks;

    fn number(&self) -> i64 {
        self.number
    }

    fn hash(&self) -> Hash {
        self.hash
    }

    fn expected_hash(&self, previous: Hash) -> Hash {
        look_hash(self, previous)
    }

    fn content_fits(&self) -> bool {
        match (&self.salt, &self.who, &self.purpose, &self.entry) {
            (Some(salt), Some(who), Some(purpose), Some(entry)) => {
                look_digest(salt, who, purpose, entry, self.citizen.as_deref()) == self.digest
            }
            (None, None, None, None) => self.citizen.is_none(),
            _ => false,
        }
    }
}

impl Link for SeenRow {
    const CHAIN: Chain = Chain::Keys;

    fn number(&self) -> i64 {
        self.number
    }

    fn hash(&self) -> Hash {
        self.hash
    }

    fn expected_hash(&self, previous: Hash) -> Hash {
        key_hash(self, previous)
    }

    fn content_fits(&self) -> bool {
        true
    }
}

/// Checks one link against the hash before it.
/// Errors: `Corrupt` with the link's number.
pub fn check<L: Link>(link: &L, previous: Hash) -> Result<(), StoreError> {
    if !link.content_fits() {
        return Err(corrupt::<L>(link.number(), "the content is not the one that was written"));
    }
    if link.expected_hash(previous) != link.hash() {
        return Err(corrupt::<L>(link.number(), "the header, the hash or the one before it was changed"));
    }
    Ok(())
}

fn corrupt<L: Link>(number: i64, why: impl Into<String>) -> StoreError {
    StoreError::Corrupt { chain: L::CHAIN, sequence: Sequence(number.unsigned_abs()), why: why.into() }
}

/// Walks along a chain and stops at the first bad link.
pub struct Walk {
    last: i64,
    hash: Hash,
}

impl Walk {
    /// From the beginning.
    pub fn start() -> Self {
        Self { last: 0, hash: Hash::ZERO }
    }

    /// Begins behind a link whose hash is believed.
    pub fn after(link: Head) -> Self {
        Self { last: i64::try_from(link.sequence.0).unwrap_or(i64::MAX), hash: link.hash }
    }

    /// The next link. Errors: `Corrupt` naming the number that is missing or wrong.
    pub fn step<L: Link>(&mut self, link: &L) -> Result<(), StoreError> {
        let expected = self.last + 1;
        if link.number() != expected {
            let why = format!("missing; the next one there is {}", link.number());
            return Err(corrupt::<L>(expected, why));
        }
        check(link, self.hash)?;
        (self.last, self.hash) = (expected, link.hash());
        Ok(())
    }

    /// The last link that was good.
    pub fn head(&self) -> Head {
        Head { sequence: Sequence(self.last.unsigned_abs()), hash: self.hash }
    }
}
