//! A form as a person fills it in: only what is offered can be set, and what is hidden goes along unchanged.

use super::page::{selector, words};
use anyhow::{Result, bail};
use reqwest::Method;
use scraper::ElementRef;
use url::{Url, form_urlencoded};

/// A form that was found on a page.
#[derive(Clone, Debug)]
pub struct Form {
    page: Url,
    action: Url,
    method: Method,
    controls: Vec<Control>,
}

#[derive(Clone, Debug)]
enum Control {
    Hidden {
        name: String,
        value: String,
    },
    Text {
        name: String,
        value: String,
    },
    /// A radio button or a checkbox.
    Tick {
        name: String,
        value: String,
        radio: bool,
        on: bool,
    },
    /// Each option with value and label, and the chosen value.
    Select {
        name: String,
        options: Vec<(String, String)>,
        chosen: Option<String>,
    },
    /// A button with a name, sent when pressed.
    Button {
        name: String,
        value: String,
        pressed: bool,
    },
}

impl Form {
    pub(super) fn read(page: &Url, form: &ElementRef<'_>) -> Option<Self> {
        let action = match form.value().attr("action") {
            Some(action) if !action.is_empty() => page.join(action).ok()?,
            _ => page.clone(),
        };
        let method =
            if form.value().attr("method").is_some_and(|method| method.eq_ignore_ascii_case("post")) { Method::POST } else { Method::GET };
        let wanted = selector("input, textarea, select, button");
        let controls = form.select(&wanted).filter_map(|control| read_control(&control)).collect();
        Some(Self { page: page.clone(), action, method, controls })
    }

    /// The path that it is sent to.
    pub fn path(&self) -> &str {
        self.action.path()
    }

    /// The value of a field as it stands.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.controls.iter().find_map(|control| match control {
            Control::Hidden { name: found, value } | Control::Text { name: found, value } if found == name => Some(value.as_str()),
            Control::Select { name: found, chosen, .. } if found == name => chosen.as_deref(),
            Control::Tick { name: found, value, on: true, .. } if found == name => Some(value.as_str()),
            _ => None,
        })
    }

    /// The choices of a list, radio group or set of boxes: values with labels where there are any.
    pub fn choices(&self, name: &str) -> Vec<(String, String)> {
        let of = |control: &Control| match control {
            Control::Select { name: found, options, .. } if found == name => options.clone(),
            Control::Tick { name: found, value, .. } if found == name => vec![(value.clone(), String::new())],
            _ => Vec::new(),
        };
        self.controls.iter().flat_map(of).collect()
    }

    /// Types into a field.
    ///
    /// # Errors
    /// When there is no such field.
    pub fn fill(mut self, name: &str, text: &str) -> Result<Self> {
        for control in &mut self.controls {
            if let Control::Text { name: found, value } = control
                && found == name
            {
                text.clone_into(value);
                return Ok(self);
            }
        }
        bail!("the form to {} has no field `{name}`", self.path())
    }

    /// Chooses from a list or a radio group by value, or ticks the box with this value.
    ///
    /// # Errors
    /// When that is not offered.
    pub fn choose(mut self, name: &str, wanted: &str) -> Result<Self> {
        let mut done = false;
        for control in &mut self.controls {
            match control {
                Control::Select { name: found, options, chosen } if found == name && options.iter().any(|(value, _)| value == wanted) => {
                    *chosen = Some(wanted.to_owned());
                    done = true;
                }
                Control::Tick { name: found, value, radio, on } if found == name => {
                    let this = value == wanted;
                    // A radio button puts the others of its group out; a box leaves them.
                    *on = this || (*on && !*radio);
                    done |= this;
                }
                _ => {}
            }
        }
        if done { Ok(self) } else { bail!("the form to {} does not offer {name} = `{wanted}`, but {:?}", self.path(), self.choices(name)) }
    }

    /// Chooses from a list by a part of its label, as a person does.
    ///
    /// # Errors
    /// When no label has it.
    pub fn choose_labelled(self, name: &str, label: &str) -> Result<Self> {
        let found = self.choices(name).into_iter().find(|(_, shown)| shown.contains(label)).map(|(value, _)| value);
        match found {
            Some(value) => self.choose(name, &value),
            None => bail!("the form to {} does not offer a {name} called `{label}`, but {:?}", self.path(), self.choices(name)),
        }
    }

    /// Presses the button with this value.
    ///
    /// # Errors
    /// When there is none.
    pub fn press(mut self, name: &str, value: &str) -> Result<Self> {
        for control in &mut self.controls {
            if let Control::Button { name: found, value: means, pressed } = control
                && found == name
                && means == value
            {
                *pressed = true;
                return Ok(self);
            }
        }
        bail!("the form to {} has no button {name} = `{value}`", self.path())
    }

    /// The same form with another value in a hidden field or with a field more: what a forger would send.
    #[must_use]
    pub fn forged(mut self, name: &str, value: &str) -> Self {
        self.controls
            .retain(|control| !matches!(control, Control::Hidden { name: found, .. } | Control::Text { name: found, .. } if found == name));
        self.controls.push(Control::Hidden { name: name.to_owned(), value: value.to_owned() });
        self
    }

    /// The same form sent to another path.
    ///
    /// # Errors
    /// When that makes no URL.
    pub fn forged_to(mut self, path: &str) -> Result<Self> {
        self.action = self.action.join(path)?;
        Ok(self)
    }

    /// Method, address, body, and the page it is on.
    pub(super) fn into_request(self) -> (Method, Url, Option<String>, Url) {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        for control in &self.controls {
            match control {
                Control::Hidden { name, value } | Control::Text { name, value } => {
                    // Browsers send line ends as CR LF.
                    pairs.append_pair(name, &value.replace("\r\n", "\n").replace('\n', "\r\n"));
                }
                Control::Tick { name, value, on: true, .. } | Control::Button { name, value, pressed: true } => {
                    pairs.append_pair(name, value);
                }
                Control::Select { name, chosen: Some(value), .. } => {
                    pairs.append_pair(name, value);
                }
                _ => {}
            }
        }
        let encoded = pairs.finish();
        let (mut url, mut body) = (self.action, None);
        if self.method == Method::POST {
            body = Some(encoded);
        } else {
            url.set_query(Some(&encoded));
        }
        (self.method, url, body, self.page)
    }
}

fn read_control(control: &ElementRef<'_>) -> Option<Control> {
    let attribute = |name: &str| control.value().attr(name).map(str::to_owned);
    let name = attribute("name").filter(|name| !name.is_empty())?;
    let value = attribute("value").unwrap_or_default();
    Some(match control.value().name() {
        "textarea" => {
            let text: String = control.text().collect();
            // The parser has taken the first line break away already, as HTML says.
            Control::Text { name, value: text }
        }
        "select" => {
            let wanted = selector("option");
            let options: Vec<(String, String, bool)> = control
                .select(&wanted)
                .map(|option| {
                    let label = words(&option);
                    (
                        option.value().attr("value").map_or_else(|| label.clone(), str::to_owned),
                        label,
                        option.value().attr("selected").is_some(),
                    )
                })
                .collect();
            let chosen = options.iter().find(|option| option.2).or_else(|| options.first()).map(|option| option.0.clone());
            Control::Select { name, options: options.into_iter().map(|(value, label, _)| (value, label)).collect(), chosen }
        }
        "button" => Control::Button { name, value, pressed: false },
        _ => match attribute("type").as_deref() {
            Some("hidden") => Control::Hidden { name, value },
            Some(kind @ ("radio" | "checkbox")) => {
                let value = if value.is_empty() && attribute("value").is_none() { "on".to_owned() } else { value };
                Control::Tick { name, value, radio: kind == "radio", on: attribute("checked").is_some() }
            }
            Some("submit") => Control::Button { name, value, pressed: false },
            Some("button" | "reset" | "image" | "file") => return None,
            _ => Control::Text { name, value },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::Page;
    use reqwest::{StatusCode, header::HeaderMap};
    use url::Url;

    const PAGE: &str = r#"<body><form method="post" action="/t/acme/requests">
        <input type="hidden" name="csrf" value="x&amp;y"><textarea name="reason">
one
two</textarea><select name="client"><option value="1">A</option><option value="2" selected>B (IDE)</option></select>
        <input type="checkbox" name="scope" value="a.read"><input type="checkbox" name="scope" value="b" checked>
        <input type="radio" name="decision" value="approve"><input type="radio" name="decision" value="deny" checked>
        <button name="go" value="now">Go</button><button>Send</button></form></body>"#;

    fn page() -> Page {
        Page::new(Url::parse("http://h/t/acme/requests/new").expect("a URL"), StatusCode::OK, HeaderMap::new(), PAGE.to_owned())
    }

    #[test]
    fn a_form_is_sent_as_a_browser_sends_it() {
        let form = page().form("/requests").expect("a form").choose("scope", "a.read").expect("a box");
        let form = form.choose("decision", "approve").expect("a choice").choose_labelled("client", "A").expect("a client");
        let (_, url, body, _) = form.into_request();
        assert_eq!(url.as_str(), "http://h/t/acme/requests");
        assert_eq!(body.as_deref(), Some("csrf=x%26y&reason=one%0D%0Atwo&client=1&scope=a.read&scope=b&decision=approve"));
    }

    #[test]
    fn what_is_not_offered_cannot_be_sent() {
        let form = page().form("/requests").expect("a form");
        assert!(form.clone().fill("csrf", "mine").is_err());
        assert!(form.clone().choose("client", "3").is_err());
        assert!(form.clone().press("go", "later").is_err());
        assert!(page().form("/elsewhere").is_err());
    }
}
