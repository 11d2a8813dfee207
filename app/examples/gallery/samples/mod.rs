//! The running story as data: Acme, an incident, and everything that the console shows about it.

mod access;
mod delivery;
mod evidence;
mod grants;
mod keys;
mod resources;
mod rollout;
mod signin;

use app::{
    components::{Actor, Choice, Pager},
    instant::Instant,
    page::{Assets, Chrome, Flash, Frame, Nav, Person, Shell, Tenant, render},
    words::{AdminRole, Tone},
};
use leptos::prelude::*;

/// One rendered page.
pub struct Sample {
    /// Its file name without extension.
    pub name: &'static str,
    /// The document.
    pub html: String,
}

/// Text that tries to break out of wherever it is put.
pub const HOSTILE: &str = "<script>alert('x')</script></textarea></title>\"onload=\"y\u{202e}<img src=x>";

/// Every page.
pub fn all() -> Vec<Sample> {
    let mut out = Vec::new();
    signin::add(&mut out);
    access::add(&mut out);
    grants::add(&mut out);
    resources::add(&mut out);
    delivery::add(&mut out);
    evidence::add(&mut out);
    keys::add(&mut out);
    rollout::add(&mut out);
    out
}

/// 2026-11-23 at the given time.
pub fn at(h: i64, m: i64, s: i64) -> Instant {
    Instant::from_s(1_795_392_000 + h * 3600 + m * 60 + s)
}

fn tenant() -> Tenant {
    Tenant { slug: "acme".into(), name: "Acme".into() }
}

fn frame(title: &str, chrome: Chrome) -> Frame {
    Frame {
        title: title.into(),
        assets: Assets { css: "writ.css".into(), icon: "icon.svg".into(), start_js: Some("start.js".into()) },
        nonce: "n0nce".into(),
        csrf: "csrf-token".into(),
        flash: None,
        chrome,
    }
}

fn shell(current: Nav) -> Shell {
    let count = |nav: Nav| match nav {
        Nav::Requests => Some("3".into()),
        Nav::Grants => Some("41".into()),
        Nav::Servers => Some("2".into()),
        Nav::Draft => Some("4".into()),
        Nav::Fleet => Some("7/8".into()),
        _ => None,
    };
    Shell {
        tenant: tenant(),
        person: Person { name: "Ada Lindqvist".into(), roles: vec![AdminRole::Owner, AdminRole::IamAdmin] },
        current,
        nav: Nav::ALL.iter().map(|n| (*n, count(*n))).collect(),
        draft_edits: 4,
    }
}

/// A page of the console, seen by the IAM admin.
pub fn console<V: IntoView + 'static>(out: &mut Vec<Sample>, name: &'static str, title: &str, current: Nav, view: impl FnOnce() -> V) {
    out.push(Sample { name, html: render(frame(title, Chrome::Console(shell(current))), view) });
}

/// The same, just after something was done.
pub fn console_after<V: IntoView + 'static>(
    out: &mut Vec<Sample>,
    name: &'static str,
    title: &str,
    current: Nav,
    done: &str,
    view: impl FnOnce() -> V,
) {
    let flash = Some(Flash { tone: Tone::Ok, text: done.into() });
    out.push(Sample { name, html: render(Frame { flash, ..frame(title, Chrome::Console(shell(current))) }, view) });
}

/// A page of the console, seen by somebody without admin roles.
pub fn simple<V: IntoView + 'static>(out: &mut Vec<Sample>, name: &'static str, title: &str, current: Nav, view: impl FnOnce() -> V) {
    let nav = vec![(Nav::Home, None), (Nav::Requests, None), (Nav::NewRequest, None), (Nav::Grants, None)];
    let person = Person { name: "Dev Moreau".into(), roles: vec![] };
    let shell = Shell { tenant: tenant(), person, current, nav, draft_edits: 0 };
    out.push(Sample { name, html: render(frame(title, Chrome::Console(shell)), view) });
}

/// A bare page.
pub fn bare<V: IntoView + 'static>(out: &mut Vec<Sample>, name: &'static str, title: &str, view: impl FnOnce() -> V) {
    out.push(Sample { name, html: render(frame(title, Chrome::Bare { tenant: Some(tenant()) }), view) });
}

/// Through Code IDE, perhaps with the agent.
pub fn through(agent: bool) -> Actor {
    Actor { client: Some("Code IDE".into()), agent: agent.then(|| "triage-agent".into()), ..Actor::default() }
}

/// Dev, through the same.
pub fn dev(agent: bool) -> Actor {
    Actor { person: Some("Dev Moreau".into()), ..through(agent) }
}

/// Owned strings.
pub fn s(items: &[&str]) -> Vec<String> {
    items.iter().map(|i| (*i).to_owned()).collect()
}

/// Choices whose value is made from the label.
pub fn choices(items: &[(&str, &str)]) -> Vec<Choice> {
    items.iter().map(|(v, l)| Choice::new(*v, *l)).collect()
}

/// One page of many.
pub fn paged(shown: &str) -> Pager {
    Pager { shown: shown.into(), previous: None, next: Some("/audit?cursor=abc".into()) }
}
