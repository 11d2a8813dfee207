//! Rings, and the rule of rollouts.

use super::flash::{Flashed, done};
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::page::{Flash, Nav};
use app::pages::rings as view;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bundle::assignment::Members;
use control::delivery::rollout::{self, ArrangeRings, NewMembers, NewRing, RingView, Rule, SetRule};
use control::{Error, Invalid, Permission};
use serde::Deserialize;

/// What the page shows beside what is so.
#[derive(Default)]
struct Typed {
    flash: Option<Flash>,
    lines: Option<String>,
    errors: FormErrors,
    rule: Option<view::Rule>,
    changed: bool,
}

/// The rings.
pub async fn get(State(app): State<App>, SignedIn(caller): SignedIn, Flashed(flash): Flashed) -> Result<Response, Problem> {
    show(&app, &caller, Typed { flash, ..Typed::default() }, StatusCode::OK).await
}

async fn show(app: &App, caller: &Caller, typed: Typed, status: StatusCode) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let found = rollout::rings(control, cx).await?;
    let pinned: Vec<String> = match found.rings.iter().any(|ring| !ring.gateways.is_empty()) {
        true => {
            let fleet = control::delivery::fleet(control, cx).await?;
            fleet.gateways.into_iter().filter(|gateway| gateway.pinned_until_s.is_some()).map(|gateway| gateway.id).collect()
        }
        false => Vec::new(),
    };
    let lines: Vec<String> = found.rings.iter().filter_map(line).collect();
    let ring = |ring: RingView| view::Ring {
        who: who(&ring.members),
        version: Some(ring.version).filter(|version| *version > 0),
        gateways: ring.gateways.into_iter().map(|seen| (seen.id.clone(), seen.name, pinned.contains(&seen.id))).collect(),
        name: ring.name,
    };
    let model = view::Model {
        rings: found.rings.into_iter().map(ring).collect(),
        under_way: found.under_way,
        can_edit: cx.actor.may(Permission::WriteRollouts),
        digest: found.digest,
        lines: typed.lines.unwrap_or_else(|| lines.join("\n")),
        errors: typed.errors,
        rule: typed.rule.unwrap_or_else(|| shown(found.rule)),
        changed: typed.changed,
    };
    page::show(app, caller, status, "Rings", Nav::Rings, typed.flash, || view::view(model)).await
}

/// Hundredths of a percent, as people write percents.
fn percent(hundredths: u16) -> String {
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match rest {
        0 => whole.to_string(),
        rest if rest % 10 == 0 => format!("{whole}.{}", rest / 10),
        rest => format!("{whole}.{rest:02}"),
    }
}

/// The other way round.
fn hundredths(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(rest) || rest.len() > 2 {
        return None;
    }
    let rest: u16 = if rest.len() == 1 { rest.parse::<u16>().ok()? * 10 } else { rest.parse().ok()? };
    whole.parse::<u16>().ok()?.checked_mul(100)?.checked_add(rest)
}

/// Who belongs to a ring, in words.
pub(super) fn who(members: &Members) -> String {
    match members {
        Members::All => "everybody else".to_owned(),
        Members::Labels(labels) => {
            let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("labelled {}", labels.join(", "))
        }
        Members::Share(share) => format!("the first {} % of all gateways", percent(*share)),
    }
}

/// A ring as a line of the form; the last one has none.
fn line(ring: &RingView) -> Option<String> {
    let members = match &ring.members {
        Members::All => return None,
        Members::Labels(labels) => labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", "),
        Members::Share(share) => format!("{} %", percent(*share)),
    };
    Some(format!("{}: {members}", ring.name))
}

/// The lines as rings.
fn parsed(text: &str) -> Result<Vec<NewRing>, Invalid> {
    let wrong = |at: usize, what: &str| Invalid { field: "rings", reason: format!("Ring {at} {what}") };
    let mut rings = Vec::new();
    for (at, line) in (1..).zip(words::lines(text)) {
        let (name, members) = line.split_once(':').ok_or_else(|| wrong(at, "has no colon after the name"))?;
        let members = members.trim();
        let members = match members.strip_suffix('%') {
            Some(share) => NewMembers::Share(hundredths(share.trim()).ok_or_else(|| wrong(at, "names no percentage, such as 10 %"))?),
            None => {
                let pairs = members.split(',').map(|pair| pair.trim().split_once('='));
                let pairs: Option<Vec<_>> = pairs.collect();
                let pairs = pairs.ok_or_else(|| wrong(at, "names neither a label, such as stage=canary, nor a share, such as 10 %"))?;
                NewMembers::Labels(pairs.into_iter().map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect())
            }
        };
        rings.push(NewRing { name: name.trim().to_owned(), members });
    }
    Ok(rings)
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Sent {
    digest: String,
    rings: String,
}

/// Saves the rings.
pub async fn save(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Sent>) -> Result<Response, Problem> {
    let cx = &caller.cx;
    cx.needs(Permission::WriteRollouts)?;
    let saved = match parsed(&sent.rings) {
        Ok(rings) => app.control().run(cx, ArrangeRings { rings, digest: sent.digest.clone() }).await,
        Err(invalid) => Err(Error::Invalid(vec![invalid])),
    };
    let wrong = |errors| Typed { lines: Some(sent.rings.clone()), errors, ..Typed::default() };
    match saved {
        Ok(()) => Ok(done(cx, "/rings", "rings_saved")),
        Err(Error::Invalid(invalid)) => show(&app, &caller, wrong(words::errors(&invalid)), StatusCode::UNPROCESSABLE_ENTITY).await,
        Err(Error::Refused { text, .. }) => show(&app, &caller, wrong(words::error("rings", text)), StatusCode::UNPROCESSABLE_ENTITY).await,
        Err(Error::Changed(_)) => show(&app, &caller, Typed { changed: true, ..Typed::default() }, StatusCode::CONFLICT).await,
        Err(other) => Err(other.into()),
    }
}

fn shown(rule: Rule) -> view::Rule {
    view::Rule {
        version: rule.version,
        promotes: rule.promotes,
        soak: (rule.soak_s / 60).to_string(),
        most_rise: percent(rule.most_rise),
        least_calls: rule.least_calls.to_string(),
        errors: FormErrors::default(),
    }
}

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub struct SentRule {
    version: i64,
    promotes: String,
    soak: String,
    most_rise: String,
    least_calls: String,
}

impl SentRule {
    fn read(&self) -> Result<Rule, Error> {
        let mut wrong = Vec::new();
        let mut asked = |field: &'static str, found: Option<i64>, reason: &str| {
            found.unwrap_or_else(|| {
                wrong.push(Invalid { field, reason: reason.to_owned() });
                0
            })
        };
        let soak_s = self.soak.trim().parse::<i64>().ok().and_then(|minutes| minutes.checked_mul(60));
        let soak_s = asked("soak", soak_s, "use a whole number of minutes");
        let most_rise = asked("most_rise", hundredths(self.most_rise.trim()).map(i64::from), "use a number of points, such as 5 or 0.5");
        let least_calls = asked("least_calls", self.least_calls.trim().parse().ok(), "use a whole number");
        if !wrong.is_empty() {
            return Err(Error::Invalid(wrong));
        }
        let least_calls = u64::try_from(least_calls).map_err(|_| Error::invalid("least_calls", "use 0 or more"))?;
        let most_rise = u16::try_from(most_rise).unwrap_or(u16::MAX);
        Ok(Rule { promotes: self.promotes == "yes", soak_s, most_rise, least_calls, version: self.version })
    }
}

/// Saves the rule.
pub async fn save_rule(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<SentRule>) -> Result<Response, Problem> {
    let cx = &caller.cx;
    cx.needs(Permission::WriteRollouts)?;
    let saved = match sent.read() {
        Ok(rule) => app.control().run(cx, SetRule(rule)).await,
        Err(error) => Err(error),
    };
    match saved {
        Ok(()) => Ok(done(cx, "/rings", "rule_saved")),
        Err(Error::Invalid(invalid)) => {
            let SentRule { version, promotes, soak, most_rise, least_calls } = sent.0;
            let errors = words::errors(&invalid);
            let rule = Some(view::Rule { version, promotes: promotes == "yes", soak, most_rise, least_calls, errors });
            show(&app, &caller, Typed { rule, ..Typed::default() }, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(Error::Changed(_)) => show(&app, &caller, Typed { changed: true, ..Typed::default() }, StatusCode::CONFLICT).await,
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_read_as_they_are_written() {
        for (text, value) in [("10", 1000), ("0.5", 50), ("0.05", 5), ("33.33", 3333), ("100", 10_000)] {
            assert_eq!((hundredths(text), percent(value).as_str()), (Some(value), text));
        }
        for bad in ["", ".5", "5.", "-1", "1e1", "0.001", "99999", "10 "] {
            assert_eq!(hundredths(bad), None, "{bad}");
        }
    }

    #[test]
    fn lines_are_read_as_they_are_written() {
        let text = "canary: stage=canary, region=eu\n\n early : 2.5 %\n";
        let rings = parsed(text).expect("rings");
        assert_eq!((rings[0].name.as_str(), rings[1].name.as_str()), ("canary", "early"));
        assert_eq!(rings[1].members, NewMembers::Share(250));
        let shown = |members: &NewMembers| match members.clone() {
            NewMembers::Labels(labels) => Members::Labels(labels),
            NewMembers::Share(share) => Members::Share(share),
        };
        let views = rings.iter().map(|ring| RingView {
            name: ring.name.clone(),
            members: shown(&ring.members),
            version: 0,
            since_ms: None,
            gateways: vec![],
        });
        let lines: Vec<String> = views.filter_map(|view| line(&view)).collect();
        assert_eq!(lines, ["canary: region=eu, stage=canary", "early: 2.5 %"]);
        for bad in ["canary", "canary: stage", "canary:", "early: ten %", "early: %"] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }
}
