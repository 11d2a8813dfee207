//! `.signatures.json`: one JWS over the hashes of all other files.
//!
//! ES256, compact form, the signature as the two numbers of 32 bytes each (RFC 7518 section 3.4). An OPA takes exactly one.

use crate::archive::Files;
use crate::canonical::canonical;
use crate::refused::Refused;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bundle::{PublicKey, sha256_hex};
use serde_json::json;

/// The file's name.
pub const FILE: &str = ".signatures.json";

/// What is signed: each file with its hash, and the scope. `issued` in Unix seconds.
pub(crate) fn payload(files: &Files, scope: &str, issued: i64) -> Result<Vec<u8>, Refused> {
    let hashed = |(name, bytes): (&String, &Vec<u8>)| json!({ "name": name, "hash": sha256_hex(bytes), "algorithm": "SHA-256" });
    let files: Vec<_> = files.iter().map(hashed).collect();
    canonical(&json!({ "files": files, "iat": issued, "iss": "writ", "scope": scope }))
}

/// The bytes under the signature: header and payload as the JWS carries them.
pub(crate) fn signing_input(payload: &[u8], key: &PublicKey) -> String {
    // A key's id is hex.
    let header = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, key.id());
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

/// The file, once `der` signs `input`.
pub(crate) fn file(input: &str, der: &[u8]) -> Option<Vec<u8>> {
    let signature = URL_SAFE_NO_PAD.encode(fixed(der)?);
    Some(json!({ "signatures": [format!("{input}.{signature}")] }).to_string().into_bytes())
}

/// From ASN.1 DER, as [`bundle::Signer`] gives it, to the two numbers of a JWS. `None` for what is not a signature of P-256.
#[must_use]
pub fn fixed(der: &[u8]) -> Option<[u8; 64]> {
    // SEQUENCE; its length fits into one byte for this curve.
    let (&[0x30, length], body) = der.split_first_chunk::<2>()? else { return None };
    if usize::from(length) != body.len() {
        return None;
    }
    let (r, rest) = integer(body)?;
    let (s, rest) = integer(rest)?;
    if !rest.is_empty() {
        return None;
    }
    let mut fixed = [0; 64];
    fixed[..32].copy_from_slice(&r);
    fixed[32..].copy_from_slice(&s);
    Some(fixed)
}

/// A positive INTEGER of at most 256 bits in its shortest form, and what follows it.
fn integer(der: &[u8]) -> Option<([u8; 32], &[u8])> {
    let (&[0x02, length], body) = der.split_first_chunk::<2>()? else { return None };
    let (digits, rest) = body.split_at_checked(usize::from(length))?;
    let digits = match digits {
        // A zero before a digit that would read as a sign.
        [0, next, ..] if *next >= 0x80 => &digits[1..],
        [first, ..] if *first != 0 && *first < 0x80 => digits,
        _ => return None,
    };
    let mut padded = [0; 32];
    padded[32usize.checked_sub(digits.len())?..].copy_from_slice(digits);
    Some((padded, rest))
}

/// That `der` is `key`'s signature over `input`.
pub(crate) fn check(input: &str, key: &PublicKey, der: &[u8]) -> Result<(), Refused> {
    if key.verifies(input.as_bytes(), der) { Ok(()) } else { Err(Refused::BadSignature(key.id().to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The DER that stands for these two numbers.
    fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
        let integer = |digits: &[u8]| [&[2, digits.len() as u8], digits].concat();
        let body = [integer(r), integer(s)].concat();
        [&[0x30, body.len() as u8], body.as_slice()].concat()
    }

    #[test]
    fn short_and_long_numbers_are_padded_to_32_bytes() {
        let fixed = fixed(&der(&[1], &[&[0][..], &[0x80; 32]].concat())).expect("a signature");
        assert_eq!((fixed[..31].iter().all(|byte| *byte == 0), fixed[31]), (true, 1));
        assert_eq!(fixed[32..], [0x80; 32]);
    }

    #[test]
    fn what_is_not_the_shortest_form_of_two_positive_numbers_is_none() {
        let good = der(&[1], &[2]);
        let mut longer = good.clone();
        longer.push(0);
        let negative = der(&[0x80], &[1]);
        let padded = der(&[0, 1], &[1]);
        let zero = der(&[0], &[1]);
        let empty = der(&[], &[1]);
        let large = der(&[1; 33], &[1]);
        for bad in [&[][..], &[0x30], &good[..good.len() - 1], &longer, &negative, &padded, &zero, &empty, &large] {
            assert_eq!(fixed(bad), None, "{bad:?}");
        }
    }
}
