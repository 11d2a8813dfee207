//! Text that somebody else wrote: shown as text, isolated, capped, with its invisible characters made visible.

use leptos::prelude::*;

/// Characters that change how others are shown without being seen themselves.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// At most `cap` characters of `text`, hidden ones replaced by `U+XXXX` in brackets; line breaks stay when `multiline`.
fn plain(text: &str, cap: usize, multiline: bool) -> (String, usize) {
    let mut shown = String::new();
    let mut chars = text.chars();
    for c in chars.by_ref().take(cap) {
        match c {
            '\n' if multiline => shown.push('\n'),
            '\n' | '\t' | '\r' => shown.push(' '),
            c if is_hidden(c) => shown.push_str(&format!("[U+{:04X}]", u32::from(c))),
            c => shown.push(c),
        }
    }
    (shown, chars.count())
}

/// All of it as one line for a terminal: nothing in it moves the cursor, turns the direction or is not seen.
pub fn visible(text: &str) -> String {
    plain(text, usize::MAX, false).0
}

/// One line of foreign text in `<bdi>`, cut after `cap` characters.
pub fn untrusted(text: impl AsRef<str>, cap: usize) -> AnyView {
    let (mut shown, rest) = plain(text.as_ref(), cap, false);
    if rest > 0 {
        shown.push('…');
    }
    view! { <bdi>{shown}</bdi> }.into_any()
}

/// Several lines of foreign text in a block, cut after `cap` characters with the cut said.
pub fn long_untrusted(text: impl AsRef<str>, cap: usize) -> AnyView {
    let (shown, rest) = plain(text.as_ref(), cap, true);
    view! {
        <bdi class="foreign">{shown}</bdi>
        {(rest > 0).then(|| view! { <small class="block">{format!("{rest} more characters are not shown.")}</small> })}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::{plain, visible};

    #[test]
    fn shows_hidden_characters_and_caps() {
        assert_eq!(visible("a\u{1b}[2K\rb\n"), "a[U+001B][2K b ");
        assert_eq!(plain("a\u{202e}b\u{0}", 10, false), ("a[U+202E]b[U+0000]".to_owned(), 0));
        assert_eq!(plain(&"x".repeat(1_000_000), 3, false), ("xxx".to_owned(), 999_997));
        assert_eq!(plain("a\nb", 10, true).0, "a\nb");
    }
}
