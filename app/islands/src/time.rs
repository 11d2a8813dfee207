//! Times as islands write them: the server sends the text, the machine form follows from it.

/// `2026-11-23 10:06:12 UTC` as the `datetime` attribute wants it.
pub(crate) fn machine_time(text: &str) -> String {
    text.replacen(' ', "T", 1).replace(" UTC", "Z")
}

/// How long ago, in the largest sensible unit. Both are unix milliseconds.
pub(crate) fn ago(now_ms: i64, then_ms: i64) -> String {
    let s = (now_ms - then_ms).max(0) / 1000;
    match s {
        0..=1 => "just now".to_owned(),
        2..=119 => format!("{s} s ago"),
        120..=7199 => format!("{} min ago", s / 60),
        _ => format!("{} h ago", s / 3600),
    }
}
