//! Bodies that came compressed.

use control::Error;
use flate2::read::GzDecoder;
use std::io::Read as _;

/// What gzip packed, if it is no more than `limit` bytes: a few kilobytes can pretend to be gigabytes.
///
/// # Errors
/// [`Error::Invalid`] for what gzip did not make, and for what is larger.
pub fn unpacked(packed: &[u8], limit: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    GzDecoder::new(packed).take(most).read_to_end(&mut body).map_err(|_| Error::invalid("body", "it is not what gzip makes"))?;
    if body.len() > limit {
        return Err(Error::invalid("body", format!("send at most {limit} bytes, unpacked")));
    }
    Ok(body)
}
