//! What was packed by *deflate* (RFC 1951), with or without the frame of RFC 1950, unpacked up to a limit. Pure.
//!
//! Owns the format. Written here since no library of it is among ours and it is small; the limit is the point: it is given by
//! the caller, and nothing longer is ever made.

/// Longest code of a letter (bits).
const BITS_MAX: usize = 15;
/// Letters and lengths, distances: as many as a block may have codes for.
const LETTERS_MAX: usize = 286;
const DISTANCES_MAX: usize = 30;
const END: u16 = 256;
/// The order in which the lengths of the lengths' codes come (RFC 1951, 3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// Shortest length, and further bits, of each length code from 257 on.
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];
/// Shortest distance, and further bits, of each distance code.
const DISTANCES: [(u16, u8); DISTANCES_MAX] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12289, 12),
    (16385, 13),
    (24577, 13),
];

/// Why it is not unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("unpacked it is larger than the limit")]
    TooLarge,
    #[error("not packed by deflate, or cut short")]
    Broken,
}

/// Unpacks to at most so many bytes. Senders differ in whether they put the frame around it: both are taken, and its sum
/// is looked at where there is one.
///
/// # Errors
/// See [`Refused`].
pub fn inflate(packed: &[u8], bytes_max: usize) -> Result<Vec<u8>, Refused> {
    if !is_framed(packed) {
        return Ok(Bits::new(packed).unpack(bytes_max)?.0);
    }
    let (out, used) = Bits::new(&packed[2..]).unpack(bytes_max)?;
    match packed[2..].get(used..) {
        Some(sum) if sum == adler(&out).to_be_bytes() => Ok(out),
        _ => Err(Refused::Broken),
    }
}

/// Method 8, a sum that fits, no dictionary of somebody's own.
fn is_framed(packed: &[u8]) -> bool {
    matches!(packed, [method, flags, ..] if method & 15 == 8
        && u16::from_be_bytes([*method, *flags]) % 31 == 0 && flags & 32 == 0)
}

fn adler(bytes: &[u8]) -> u32 {
    let (one, two) = bytes.iter().fold((1u32, 0u32), |(one, two), byte| {
        let one = (one + u32::from(*byte)) % 65_521;
        (one, (two + one) % 65_521)
    });
    two << 16 | one
}

/// Reads from the lowest bit of each byte on.
struct Bits<'a> {
    packed: &'a [u8],
    /// Bits that were read.
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(packed: &'a [u8]) -> Self {
        Self { packed, at: 0 }
    }

    fn bit(&mut self) -> Result<u16, Refused> {
        let byte = self.packed.get(self.at / 8).ok_or(Refused::Broken)?;
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        Ok(bit.into())
    }

    fn number(&mut self, bits: u8) -> Result<u16, Refused> {
        (0..bits).try_fold(0, |number, place| Ok(number | self.bit()? << place))
    }

    /// What it holds, and how many bytes that took.
    fn unpack(&mut self, bytes_max: usize) -> Result<(Vec<u8>, usize), Refused> {
        let mut out = Vec::new();
        loop {
            let is_last = self.bit()? == 1;
            match self.number(2)? {
                0 => self.stored(&mut out, bytes_max)?,
                1 => {
                    let (letters, distances) = fixed()?;
                    self.block(&letters, &distances, &mut out, bytes_max)?;
                }
                2 => {
                    let (letters, distances) = self.codes()?;
                    self.block(&letters, &distances, &mut out, bytes_max)?;
                }
                _ => return Err(Refused::Broken),
            }
            if is_last {
                return Ok((out, self.at.div_ceil(8)));
            }
        }
    }

    /// A block that was not packed: its length, that length's opposite, and the bytes.
    fn stored(&mut self, out: &mut Vec<u8>, bytes_max: usize) -> Result<(), Refused> {
        let at = self.at.div_ceil(8);
        let Some([a, b, c, d]) = self.packed.get(at..at + 4) else { return Err(Refused::Broken) };
        let (length, opposite) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
        if length != !opposite {
            return Err(Refused::Broken);
        }
        let end = at + 4 + usize::from(length);
        let bytes = self.packed.get(at + 4..end).ok_or(Refused::Broken)?;
        if out.len() + bytes.len() > bytes_max {
            return Err(Refused::TooLarge);
        }
        out.extend_from_slice(bytes);
        self.at = end * 8;
        Ok(())
    }

    fn block(
        &mut self,
        letters: &Code,
        distances: &Code,
        out: &mut Vec<u8>,
        bytes_max: usize,
    ) -> Result<(), Refused> {
        loop {
            let letter = letters.next(self)?;
            if letter == END {
                return Ok(());
            }
            if let Ok(byte) = u8::try_from(letter) {
                if out.len() == bytes_max {
                    return Err(Refused::TooLarge);
                }
                out.push(byte);
                continue;
            }
            let length = self.measure(&LENGTHS, letter - END - 1)?;
            let far = distances.next(self)?;
            let distance = self.measure(&DISTANCES, far)?;
            if out.len() + length > bytes_max {
                return Err(Refused::TooLarge);
            }
            let from = out.len().checked_sub(distance).ok_or(Refused::Broken)?;
            // It may overlap what it makes.
            (from..from + length).for_each(|at| out.push(out[at]));
        }
    }

    fn measure(&mut self, table: &[(u16, u8)], code: u16) -> Result<usize, Refused> {
        let (shortest, bits) = table.get(usize::from(code)).ok_or(Refused::Broken)?;
        Ok(usize::from(*shortest) + usize::from(self.number(*bits)?))
    }

    /// The codes of a block that brings its own.
    fn codes(&mut self) -> Result<(Code, Code), Refused> {
        let letters = usize::from(self.number(5)?) + 257;
        let distances = usize::from(self.number(5)?) + 1;
        let given = usize::from(self.number(4)?) + 4;
        if letters > LETTERS_MAX || distances > DISTANCES_MAX {
            return Err(Refused::Broken);
        }
        let mut lengths = [0; ORDER.len()];
        for place in &ORDER[..given] {
            lengths[*place] = self.number(3)? as u8;
        }
        let code = Code::new(&lengths)?;
        let mut lengths: Vec<u8> = Vec::new();
        while lengths.len() < letters + distances {
            let (length, times) = match code.next(self)? {
                16 => (*lengths.last().ok_or(Refused::Broken)?, self.number(2)? + 3),
                17 => (0, self.number(3)? + 3),
                18 => (0, self.number(7)? + 11),
                length => (length as u8, 1),
            };
            lengths.extend(std::iter::repeat_n(length, times.into()));
        }
        if lengths.len() > letters + distances {
            return Err(Refused::Broken);
        }
        Ok((Code::new(&lengths[..letters])?, Code::new(&lengths[letters..])?))
    }
}

/// The codes that need not be brought (RFC 1951, 3.2.6).
fn fixed() -> Result<(Code, Code), Refused> {
    let mut letters = [8; 288];
    letters[144..256].fill(9);
    letters[256..280].fill(7);
    Ok((Code::new(&letters)?, Code::new(&[5; DISTANCES_MAX])?))
}

/// A code of bits: by their number, then in the order of what they stand for.
struct Code {
    /// How many codes there are of each length.
    counts: [u16; BITS_MAX + 1],
    /// What they stand for.
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Result<Self, Refused> {
        let mut counts = [0u16; BITS_MAX + 1];
        for length in lengths.iter().filter(|it| **it > 0) {
            *counts.get_mut(usize::from(*length)).ok_or(Refused::Broken)? += 1;
        }
        // More codes of a length than there can be?
        let mut left = 1i32;
        for count in &counts[1..] {
            left = (left << 1) - i32::from(*count);
            if left < 0 {
                return Err(Refused::Broken);
            }
        }
        let mut symbols: Vec<u16> =
            (0..lengths.len() as u16).filter(|it| lengths[usize::from(*it)] > 0).collect();
        symbols.sort_by_key(|it| (lengths[usize::from(*it)], *it));
        Ok(Self { counts, symbols })
    }

    fn next(&self, bits: &mut Bits<'_>) -> Result<u16, Refused> {
        let (mut code, mut first, mut index) = (0u16, 0u16, 0u16);
        for count in &self.counts[1..] {
            code |= bits.bit()?;
            if code - first < *count {
                return self.symbols.get(usize::from(index + code - first)).copied().ok_or(Refused::Broken);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Refused::Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packed by another hand: codes of its own, the fixed ones, none.
    const DYNAMIC: &str = "78daedd2b10d84300c05d055b2818d2868be5cdf1a77c4485100e9421ad80766a0cf62c45b50a4b19ff55d7e2ce92f483ac9d1816c630c5e066690013eefc2cc3dc8842d8ff5ec6a6aaaa9cae73b6fb15c5e5d70b1dc31eaaad9de5510ea28e74f57e7cb9d5c63e32b08b26682acfd0f63035c77";
    const FIXED: &str =
        "b3c92d2ab4b3294a4db3ab32b4d107d136c9992976e6060636fa20864d4a49a59db18d3e88b2d107290600";
    const STORED: &str = "013200cdff3c6d72713e3c7265663e7a313c2f7265663e3c6369643e3730303c2f6369643e3c6474793e333c2f6474793e3c2f6d72713e";
    const SHORT: &str = "<mrq><ref>z1</ref><cid>700</cid><dty>3</dty></mrq>";

    fn unpacked(packed: &[u8]) -> Result<String, Refused> {
        inflate(packed, 1_000).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn bytes(packed: &str) -> Vec<u8> {
        hex::decode(packed).expect("hexadecimal digits")
    }

    #[test]
    fn what_was_packed_comes_out_again() {
        let long = format!("{SHORT}{}", "åben dør ".repeat(60)).replace(
            "<dty>3</dty></mrq>",
            "<dty>0003</dty><stc>0010</stc><dte>Halskæde i køkkenet</dte><ite>",
        );
        assert_eq!(unpacked(&bytes(DYNAMIC)), Ok(long + "</ite></mrq>"));
        assert_eq!(unpacked(&bytes(FIXED)), Ok(SHORT.into()));
        assert_eq!(unpacked(&bytes(STORED)), Ok(SHORT.into()));
    }

    #[test]
    fn what_would_be_larger_than_the_limit_is_never_made() {
        for packed in [DYNAMIC, FIXED, STORED] {
            assert_eq!(inflate(&bytes(packed), 49), Err(Refused::TooLarge));
        }
        assert_eq!(inflate(&bytes(FIXED), 50).map(|it| it.len()), Ok(50));
    }

    #[test]
    fn cut_or_changed_anywhere_it_is_refused_or_something_small_and_nothing_panics() {
        for packed in [DYNAMIC, FIXED, STORED].map(bytes) {
            for cut in 0..packed.len() {
                assert_eq!(unpacked(&packed[..cut]), Err(Refused::Broken), "cut at {cut}");
            }
            for at in 0..packed.len() {
                for change in 1..=255 {
                    let mut changed = packed.clone();
                    changed[at] ^= change;
                    let out = inflate(&changed, 1_000);
                    assert!(out.is_err() || out.is_ok_and(|it| it.len() <= 1_000));
                }
            }
        }
        // In its frame the sum tells of every change but those of the frame's own first bytes.
        let mut changed = bytes(DYNAMIC);
        changed[60] ^= 4;
        assert!(unpacked(&changed).is_err());
        for rubbish in [&[][..], &[0x78], &[0x78, 0x9c], &[7], &[0xff; 40]] {
            assert_eq!(unpacked(rubbish), Err(Refused::Broken), "{rubbish:?}");
        }
    }
}
