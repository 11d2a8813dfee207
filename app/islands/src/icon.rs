//! Icons as inline SVG: one stroke style, coloured by the text around them, never the only carrier of meaning.

use leptos::prelude::*;

/// Every icon of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say what is drawn")]
pub enum Icon {
    Check,
    Cross,
    Warning,
    Clock,
    Wrench,
    Agent,
    Person,
    Client,
    Server,
    Key,
    Lock,
    Info,
    Question,
    Menu,
    Plus,
    Minus,
    Pencil,
    Dot,
    Shield,
}

impl Icon {
    const fn body(self) -> &'static str {
        match self {
            Self::Check => r#"<path d="m3 8.5 3.2 3.2L13 5"/>"#,
            Self::Cross => r#"<path d="m4 4 8 8M12 4l-8 8"/>"#,
            Self::Warning => r#"<path d="M8 2 1.8 13.2h12.4L8 2Z"/><path d="M8 6.4v3.2M8 11.4v.1"/>"#,
            Self::Clock => r#"<circle cx="8" cy="8" r="6"/><path d="M8 4.7V8l2.2 1.4"/>"#,
            Self::Wrench => {
                r#"<path d="M10 2.5a3.3 3.3 0 0 0-3.5 4.6l-4 4a1.5 1.5 0 0 0 2.2 2.2l4-4A3.3 3.3 0 0 0 13.4 6l-2.1 2-2.1-.8-.8-2.1L10 2.5Z"/>"#
            }
            Self::Agent => r#"<rect x="3" y="5.5" width="10" height="7.5" rx="2"/><path d="M8 5.5V3M6 9v.8M10 9v.8"/>"#,
            Self::Person => r#"<circle cx="8" cy="5.4" r="2.6"/><path d="M2.8 13.6c.6-2.6 2.6-3.9 5.2-3.9s4.6 1.3 5.2 3.9"/>"#,
            Self::Client => r#"<rect x="2" y="3" width="12" height="8.5" rx="1.5"/><path d="M5.5 14h5"/>"#,
            Self::Server => {
                r#"<rect x="2.5" y="2.5" width="11" height="4.6" rx="1.2"/><rect x="2.5" y="8.9" width="11" height="4.6" rx="1.2"/><path d="M5 4.8v.1M5 11.2v.1"/>"#
            }
            Self::Key => r#"<circle cx="5.2" cy="10.8" r="2.7"/><path d="m7.2 8.8 5.8-5.8M10.5 5.5l2 2"/>"#,
            Self::Lock => r#"<rect x="3.2" y="7" width="9.6" height="6.5" rx="1.5"/><path d="M5.3 7V5a2.7 2.7 0 0 1 5.4 0v2"/>"#,
            Self::Info => r#"<circle cx="8" cy="8" r="6"/><path d="M8 7.3v3.7M8 5v.1"/>"#,
            Self::Question => r#"<circle cx="8" cy="8" r="6"/><path d="M6.3 6.3a1.7 1.7 0 1 1 2.5 1.6c-.6.3-.8.6-.8 1.2M8 11.2v.1"/>"#,
            Self::Menu => r#"<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/>"#,
            Self::Plus => r#"<path d="M8 3v10M3 8h10"/>"#,
            Self::Minus => r#"<path d="M3 8h10"/>"#,
            Self::Pencil => r#"<path d="m3 13 .6-2.8 7-7 2.2 2.2-7 7L3 13Z"/>"#,
            Self::Dot => r#"<circle cx="8" cy="8" r="2.5"/>"#,
            Self::Shield => r#"<path d="M8 2 3 4v3.8c0 3 2.1 5.2 5 6.2 2.9-1 5-3.2 5-6.2V4L8 2Z"/>"#,
        }
    }
}

/// Draws `icon`, hidden from assistive technology: a word always stands beside it.
pub fn icon(icon: Icon) -> AnyView {
    view! { <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" inner_html=icon.body()></svg> }.into_any()
}
