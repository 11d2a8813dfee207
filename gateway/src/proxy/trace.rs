//! W3C Trace Context: what the caller says about the trace that a call belongs to, kept as it is and passed on.

use super::door::single;
use http::{HeaderMap, HeaderValue};

/// The longest `tracestate` that is passed on.
const LONGEST_STATE: usize = 512;

/// A trace that the caller named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext<'h> {
    parent: &'h str,
    state: Option<&'h str>,
}

impl<'h> TraceContext<'h> {
    /// From `traceparent` and `tracestate`; `None` unless the first is there once and well-formed, as the specification wants.
    pub fn of(headers: &'h HeaderMap) -> Option<Self> {
        let parent = single(headers, "traceparent")?;
        let mut parts = parent.split('-');
        let mut next = |len: usize| parts.next().filter(|part| part.len() == len && part.bytes().all(is_hex));
        let (version, trace, span, _flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        // A later version may say more after the parts that are known; this one may not.
        let whole = if version == "00" { parts.next().is_none() } else { version != "ff" && parent.len() <= 128 };
        let real = |id: &str| id.bytes().any(|digit| digit != b'0');
        let state = single(headers, "tracestate").filter(|state| state.len() <= LONGEST_STATE);
        (whole && real(trace) && real(span)).then_some(Self { parent, state })
    }

    /// The trace's id, 32 hex digits.
    pub fn id(&self) -> &'h str {
        self.parent.get(3..35).unwrap_or_default()
    }

    /// What goes upstream.
    pub fn onto(&self, headers: &mut HeaderMap) {
        let pairs = [("traceparent", Some(self.parent)), ("tracestate", self.state)];
        for (name, value) in pairs {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
    }
}

const fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(parent: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_str(parent).expect("a value"));
        headers.insert("tracestate", HeaderValue::from_static("a=b"));
        headers
    }

    #[test]
    fn only_what_is_well_formed_is_a_trace() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let sent = headers(good);
        let context = TraceContext::of(&sent).expect("a trace");
        assert_eq!(context.id(), "0af7651916cd43dd8448eb211c80319c");
        let mut out = HeaderMap::new();
        context.onto(&mut out);
        assert_eq!((&out["traceparent"], &out["tracestate"]), (&HeaderValue::from_static(good), &HeaderValue::from_static("a=b")));
        assert!(TraceContext::of(&headers(&format!("01{}-more", &good[2..]))).is_some());
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::of(&headers(bad)), None, "{bad}");
        }
    }
}
