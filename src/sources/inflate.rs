//! What was packed by *deflate* (RFC 1951), with or without the frame of RFC 1950, unpacked up to a limit. Pure.
//!
//! Owns which of the two it is, and the limit: it is given by the caller, and nothing longer is ever made.

use flate2::{Decompress, FlushDecompress, Status};

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
    // Room for one more than is allowed: so it shows which of the two it is.
    let mut unpacked = Vec::with_capacity(bytes_max + 1);
    let outcome =
        Decompress::new(is_framed(packed)).decompress_vec(packed, &mut unpacked, FlushDecompress::Finish);
    match outcome {
        _ if unpacked.len() > bytes_max => Err(Refused::TooLarge),
        Ok(Status::StreamEnd) => Ok(unpacked),
        Ok(Status::Ok | Status::BufError) | Err(_) => Err(Refused::Broken),
    }
}

/// Method 8, a sum that fits, no dictionary of somebody's own.
fn is_framed(packed: &[u8]) -> bool {
    matches!(packed, [method, flags, ..] if method & 15 == 8
        && u16::from_be_bytes([*method, *flags]) % 31 == 0 && flags & 32 == 0)
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
