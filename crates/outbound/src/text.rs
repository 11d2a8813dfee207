//! Text that strangers wrote, made fit to be shown.

/// Replaces what cannot be seen, or changes how the rest is seen, by something that can: `<U+202E>`. Pictures of
/// controls (U+2400…) would be shorter, but many a font lacks them. With `lines`, line breaks and tabs stay.
///
/// What counts: controls, bidirectional marks and overrides, zero-width and invisible formatting characters,
/// line and paragraph separators, and the tag and variation-selector blocks in which text can be smuggled.
/// The zero-width joiner and the emoji variation selector stay, since ordinary text needs them.
pub(crate) fn visible(text: &str, lines: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let code = u32::from(character);
        match character {
            '\n' | '\t' if lines => shown.push(character),
            '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e01ef}' => shown.push_str(&format!("<U+{code:04X}>")),
            _ => shown.push(character),
        }
    }
    shown
}

/// At most `limit` bytes of `text`, cut between characters, and whether anything was cut.
pub(crate) fn capped(text: &str, limit: usize) -> (&str, bool) {
    if text.len() <= limit {
        return (text, false);
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], true)
}

/// A short single line of a stranger's text, for an error message.
pub(crate) fn brief(text: &str) -> String {
    let (text, cut) = capped(text, 300);
    let mut shown = visible(text, false);
    if cut {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{brief, capped, visible};

    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(visible("a\u{202e}b\u{7}c\r\n\u{e0041}", false), "a<U+202E>b<U+0007>c<U+000D><U+000A><U+E0041>");
        assert_eq!(visible("one\n\ttwo\r", true), "one\n\ttwo<U+000D>");
        assert_eq!(visible("Größe 👩‍💻 日本", false), "Größe 👩‍💻 日本");
    }

    #[test]
    fn cuts_fall_between_characters() {
        assert_eq!(capped("aé", 2), ("a", true));
        assert_eq!(capped("aé", 3), ("aé", false));
        assert!(brief(&"x".repeat(1000)).ends_with('…'));
    }
}
