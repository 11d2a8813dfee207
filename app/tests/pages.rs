//! Every page of the gallery: whole, safe, usable without script.

#[path = "../examples/gallery/samples/mod.rs"]
mod samples;

use std::collections::HashSet;

/// Start tags of `html` as (name, attributes), enough of a parser for what Leptos writes.
fn tags(html: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut out = Vec::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        rest = &rest[open + 1..];
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let (name, mut body) = rest.split_at(rest.find(|c: char| c == '>' || c == '/' || c.is_whitespace()).expect("a tag ends"));
        let mut attributes = Vec::new();
        loop {
            body = body.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            if let Some(after) = body.strip_prefix('>') {
                rest = after;
                break;
            }
            let end = body.find(|c: char| c == '=' || c == '>' || c == '/' || c.is_whitespace()).expect("an attribute ends");
            let (key, after) = body.split_at(end);
            body = after;
            let mut value = String::new();
            if let Some(quoted) = body.strip_prefix("=\"") {
                let close = quoted.find('"').expect("a quote closes");
                quoted[..close].clone_into(&mut value);
                body = &quoted[close + 1..];
            }
            attributes.push((key.to_owned(), value));
        }
        out.push((name.to_owned(), attributes));
    }
    out
}

fn get<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    attributes.iter().find(|a| a.0 == name).map(|a| a.1.as_str())
}

/// Checks each page and names all that fail.
fn every(check: impl Fn(&samples::Sample) -> Result<(), String>) {
    let bad: Vec<String> = samples::all().iter().filter_map(|s| check(s).err().map(|e| format!("{}: {e}", s.name))).collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn pages_are_whole() {
    every(|s| {
        let h1 = tags(&s.html).iter().filter(|t| t.0 == "h1").count();
        let whole = s.html.starts_with("<!DOCTYPE html>") && s.html.ends_with("</html>");
        (whole && h1 == 1).then_some(()).ok_or(format!("whole {whole}, {h1} h1"))
    });
}

#[test]
fn foreign_text_stays_text() {
    every(|s| {
        for needle in ["<script>alert", "<img", "</textarea></title>", "\u{202e}"] {
            if s.html.contains(needle) && !(needle == "\u{202e}" && only_in_values(&s.html)) {
                return Err(format!("contains {needle:?}"));
            }
        }
        Ok(())
    });
}

/// Values that a form sends back keep every character; what people read does not.
fn only_in_values(html: &str) -> bool {
    html.split('\u{202e}').collect::<Vec<_>>().windows(2).all(|w| {
        let open_value = w[0].rfind("value=\"").is_some_and(|at| !w[0][at + 7..].contains('"'));
        let open_area = w[0].rfind("<textarea").is_some_and(|at| !w[0][at..].contains("</textarea>"));
        open_value || open_area
    })
}

#[test]
fn no_inline_style_or_script() {
    every(|s| {
        for (name, attributes) in tags(&s.html) {
            if name == "style" || (name == "script" && get(&attributes, "src").is_none()) {
                return Err(format!("inline <{name}>"));
            }
            if name == "script" && get(&attributes, "nonce") != Some("n0nce") {
                return Err("a script without nonce".into());
            }
            if let Some(a) =
                attributes.iter().find(|a| a.0 == "style" || a.0.starts_with("on") || a.0 == "inner_html" || a.1.starts_with("javascript:"))
            {
                return Err(format!("<{name}> with {}", a.0));
            }
        }
        let nonces = s.html.matches("n0nce").count();
        (nonces <= 1).then_some(()).ok_or(format!("the nonce stands {nonces} times"))
    });
}

#[test]
fn forms_say_how_and_carry_the_token() {
    every(|s| {
        for (at, _) in s.html.match_indices("<form") {
            let form = &s.html[at..at + s.html[at..].find("</form>").ok_or("an open form")?];
            let tags = tags(form);
            let attributes = &tags[0].1;
            if get(attributes, "action").is_none_or(|a| !a.starts_with("/t/acme/")) {
                return Err(format!("action {:?}", get(attributes, "action")));
            }
            let token = tags
                .iter()
                .filter(|t| t.0 == "input" && get(&t.1, "name") == Some("csrf") && get(&t.1, "value") == Some("csrf-token"))
                .count();
            match (get(attributes, "method"), token) {
                (Some("post"), 1) | (Some("get"), 0) => {}
                other => return Err(format!("{other:?} in {}", get(attributes, "action").unwrap_or_default())),
            }
            let snake = |n: &str| n.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if let Some(bad) = tags.iter().filter_map(|t| get(&t.1, "name")).find(|n| !snake(n)) {
                return Err(format!("field {bad}"));
            }
        }
        Ok(())
    });
}

#[test]
fn fields_have_labels_and_ids_are_unique() {
    every(|s| {
        let tags = tags(&s.html);
        let ids: Vec<&str> = tags.iter().filter_map(|t| get(&t.1, "id")).collect();
        let set: HashSet<&str> = ids.iter().copied().collect();
        if set.len() != ids.len() {
            let twice: Vec<&&str> = set.iter().filter(|id| ids.iter().filter(|other| other == id).count() > 1).collect();
            return Err(format!("ids twice: {twice:?}"));
        }
        let labelled: HashSet<&str> = tags.iter().filter(|t| t.0 == "label").filter_map(|t| get(&t.1, "for")).collect();
        for (name, attributes) in &tags {
            let control = matches!(name.as_str(), "input" | "select" | "textarea") && get(attributes, "type") != Some("hidden");
            if control && !get(attributes, "id").is_some_and(|id| labelled.contains(id)) {
                return Err(format!("no label for {:?}", get(attributes, "name")));
            }
            for reference in ["aria-describedby", "for"] {
                let missing = get(attributes, reference).and_then(|ids| ids.split(' ').find(|id| !set.contains(id)));
                if let Some(id) = missing {
                    return Err(format!("{reference} names {id}, which is not there"));
                }
            }
            if let Some(target) = get(attributes, "href").and_then(|h| h.strip_prefix('#')).filter(|t| !set.contains(t)) {
                return Err(format!("link to #{target}, which is not there"));
            }
        }
        Ok(())
    });
}

#[test]
fn only_pages_with_islands_load_script() {
    every(|s| {
        let islands = s.html.contains("<leptos-island");
        (s.html.contains("<script") == islands).then_some(()).ok_or(format!("islands: {islands}"))
    });
    let islands: Vec<&str> = samples::all().iter().filter(|s| s.html.contains("<leptos-island")).map(|s| s.name).collect();
    let with_key = ["audit", "audit-never", "audit-nomatch", "audit-range"];
    let expected: Vec<&str> =
        ["receipt", "client", "idp", "idp-none", "fleet", "fleet-token", "opa-ready"].into_iter().chain(with_key).collect();
    assert_eq!(islands, expected);
}

#[test]
fn approval_fits_its_budget() {
    let style = include_str!("../../style/writ.css").len();
    assert!(style <= 25_000, "the stylesheet has {style} bytes");
    for sample in samples::all().iter().filter(|s| s.name.starts_with("approval")) {
        let bytes = sample.html.len() + style;
        assert!(bytes <= 60_000, "{} weighs {bytes} bytes with its stylesheet", sample.name);
        assert!(!sample.html.contains("checked"), "nothing is preselected");
        let buttons = sample.html.matches("name=\"decision\"").count();
        assert!(matches!(buttons, 0 | 2), "{} has {buttons} ways to decide", sample.name);
    }
}

#[test]
fn sentences_are_found_whole_in_the_source() {
    let all = samples::all();
    let html = |name: &str| &all.iter().find(|s| s.name == name).expect("a sample").html;
    assert!(html("receipt").contains("7 of 8 gateways deny it, slowest 0.40 s; gw-eu-3 unconfirmed"));
    assert!(html("approval-own").contains("You asked for this; somebody else must decide."));
    assert!(html("fleet").contains("3 of 8 run policy 128 and revocations up to 5512."));
    assert!(html("role-import-fault").contains("Line 3: "));
    assert!(html("role-import-preview").contains("1 role of the file unchanged"));
    assert!(!html("role-import-preview-all").contains("of the file unchanged"), "nobody needs to be told of none");
    assert!(html("draft-undone").contains("/draft/settle") && !html("draft").contains("/draft/settle"));
    assert!(html("draft-undone").contains("Nothing differs from policy 128") && !html("draft-undone").contains("2 unpublished edits"));
    assert!(
        html("server-remove").contains("4 grants in force") && html("server-remove").contains("Policy 128, which is live, stays in force.")
    );
    assert!(html("server-bind").contains("widens what 12 people can do"));
    // Whoever binds a tool sees all that is kept of its description, and is told of what is not.
    let long = html("server-bind-unread");
    assert!(long.contains("995,920 of this description's 1,000,000 characters were read by nobody here."));
    assert_eq!(long.matches("Ignore previous instructions.").count(), 136);
    assert!(long.contains("name=\"accept_unread\"") && !html("server-bind").contains("accept_unread"));
    assert!(!long.contains("characters are not shown.") && !long.contains("You accept the definition as shown."));
    // Who asked sees their request, not what an approver weighs.
    assert!(html("approval-own").contains("You asked to ") && !html("approval-own").contains("risk.</strong>"));
    assert!(html("approval").contains("Dev Moreau") && html("approval").contains("risk.</strong>"));
    assert!(html("approval-hostile").contains("Nothing was saved.") && html("approval-hostile").contains("#decision-reason"));
    // What nobody may ask for has no button.
    assert!(html("request-nothing").contains("There is nothing to ask for.") && !html("request-nothing").contains("Send request"));
    assert!(html("request-new").contains("1 day (too long for incidents.trigger)"));
    // No right to read is not said to be nothing.
    assert!(!html("home-plain").contains("Nothing is published yet") && html("home-plain").contains("Ask for access"));
    assert!(html("home-first").contains("Nothing is published yet") && !html("home-first").contains("Nothing needs you now."));
    assert!(html("consent").contains("yours already") && html("consent").contains("only after approval"));
    assert!(html("error-403").contains("Owner or IAM admin") && html("error-403").contains("href=\"/t/acme/home\""));
    assert!(html("roles-empty").contains("/roles/import") && !html("roles-nomatch").contains("/roles/import"));
}

#[test]
fn textareas_go_through_the_one_that_escapes() {
    let mut seen = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/pages")).expect("pages") {
        let path = entry.expect("an entry").path();
        let source = std::fs::read_to_string(&path).expect("text");
        assert!(!source.contains("<textarea") && !source.contains("inner_html"), "{} writes HTML by itself", path.display());
        seen += 1;
    }
    assert!(seen > 20);
}
