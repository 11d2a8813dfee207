//! What an OPA asks for in its headers: what it has, and for how long to be held.

use axum::http::HeaderMap;
use axum::http::header::{HeaderName, IF_NONE_MATCH};
use std::time::Duration;

/// What closes idle connections on the way often does so after a minute.
const LONGEST_HOLD: Duration = Duration::from_secs(55);

/// The digest in the entity tag of what the OPA has; empty when it has nothing, or something that was never ours.
pub fn known(headers: &HeaderMap) -> String {
    let tags = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let mut digests = tags.filter_map(|tag| tag.trim().strip_prefix('"')?.strip_suffix('"'));
    digests.find(|digest| digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit())).unwrap_or_default().to_owned()
}

/// For how long the OPA wants to be held: `Prefer: modes=snapshot,delta;wait=30`. `None` when it does not.
pub fn wait(headers: &HeaderMap) -> Option<Duration> {
    let preferences = headers.get_all(HeaderName::from_static("prefer")).iter().filter_map(|value| value.to_str().ok());
    let mut parts = preferences.flat_map(|value| value.split([';', ',']));
    let seconds = parts.find_map(|part| part.trim().strip_prefix("wait=")?.trim().parse::<u64>().ok())?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// How long to hold an OPA that wants to be held so long: never longer than the way lasts, and each for a bit less than the others, so
/// that those that came at once do not come again at once. `chance` is random.
pub fn hold(wanted: Duration, chance: u8) -> Duration {
    let most = wanted.min(LONGEST_HOLD);
    most - most.mul_f64(f64::from(chance) / 255.0 / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn with(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"));
        }
        headers
    }

    #[test]
    fn what_an_opa_has() {
        let digest = "0f".repeat(32);
        let (tag, weak) = (format!("\"{digest}\""), format!("W/\"{digest}\""));
        for (values, wanted) in [
            (vec![], ""),
            (vec![""], ""),
            (vec![tag.as_str()], digest.as_str()),
            (vec!["\"other\"", tag.as_str()], digest.as_str()),
            (vec![weak.as_str()], ""),
            (vec![digest.as_str()], ""),
            (vec!["*"], ""),
            (vec!["\"\""], ""),
        ] {
            assert_eq!(known(&with("if-none-match", &values)), wanted, "{values:?}");
        }
    }

    #[test]
    fn for_how_long_it_wants_to_be_held() {
        for (values, wanted) in [
            (vec!["modes=snapshot,delta"], None),
            (vec!["modes=snapshot,delta;wait=30"], Some(30)),
            (vec!["modes=snapshot,delta; wait=30"], Some(30)),
            (vec!["wait=7, modes=snapshot"], Some(7)),
            (vec!["modes=snapshot", "wait=7"], Some(7)),
            (vec!["wait=0"], None),
            (vec!["wait=-1"], None),
            (vec!["wait=x"], None),
            (vec!["await=7"], None),
            (vec![], None),
        ] {
            assert_eq!(wait(&with("prefer", &values)), wanted.map(Duration::from_secs), "{values:?}");
        }
    }

    #[test]
    fn a_hold_is_capped_and_spread_over_a_tenth() {
        let seconds = Duration::from_secs;
        assert_eq!((hold(seconds(30), 0), hold(seconds(30), 255)), (seconds(30), seconds(27)));
        assert_eq!((hold(seconds(3600), 0), hold(seconds(u64::MAX), 0)), (seconds(55), seconds(55)));
        assert!((0..=255).all(|chance| (seconds(27)..=seconds(30)).contains(&hold(seconds(30), chance))));
    }
}
