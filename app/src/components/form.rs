//! Forms that work without JavaScript: a label for every field, errors beside it and in a summary, input kept.

use super::untrusted::visible;
use crate::page::{csrf_token, url};
use leptos::prelude::*;

/// One complaint about one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl FieldError {
    /// The message; what was typed and cannot be seen is seen in it.
    fn shown(&self) -> String {
        visible(&self.message)
    }
}

/// Everything that is wrong with a sent form; empty on the first visit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormErrors(pub Vec<FieldError>);

impl FormErrors {
    /// The message for one field.
    pub fn of(&self, field: &str) -> Option<String> {
        self.0.iter().find(|e| e.field == field).map(FieldError::shown)
    }
}

/// A value with its label, for select, radio and checkbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What people read.
    pub label: String,
}

impl Choice {
    /// Both parts.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

/// One form control before it is drawn. Ids are `{form}-{name}`, so two forms on one page don't clash.
pub struct Field {
    form: String,
    name: &'static str,
    label: String,
    hint: Option<String>,
    value: String,
    error: Option<String>,
    required: bool,
    kind: &'static str,
    max: u32,
    rows: u32,
    mono: bool,
    autocomplete: &'static str,
}

impl Field {
    /// A text field. `form` prefixes its id.
    pub fn new(form: impl Into<String>, name: &'static str, label: impl Into<String>) -> Self {
        Self {
            form: form.into(),
            name,
            label: label.into(),
            hint: None,
            value: String::new(),
            error: None,
            required: false,
            kind: "text",
            max: 1024,
            rows: 3,
            mono: false,
            autocomplete: "off",
        }
    }
    /// A sentence under the label.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// What stands in the field.
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }
    /// Takes this field's message, if any.
    pub fn errors(mut self, errors: &FormErrors) -> Self {
        self.error = errors.of(self.name);
        self
    }
    /// Must be filled.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
    /// The input's type: `url`, `password`, `number`, `datetime-local`.
    pub fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }
    /// Longest value in characters.
    pub fn max(mut self, max: u32) -> Self {
        self.max = max;
        self
    }
    /// Height of a text area in lines.
    pub fn rows(mut self, rows: u32) -> Self {
        self.rows = rows;
        self
    }
    /// Shown in the monospace face: names and addresses that are typed as they stand.
    pub fn mono(mut self) -> Self {
        self.mono = true;
        self
    }
    fn id(&self) -> String {
        format!("{}-{}", self.form, self.name)
    }
    fn described_by(&self) -> Option<String> {
        let id = self.id();
        match (&self.hint, &self.error) {
            (Some(_), Some(_)) => Some(format!("{id}-hint {id}-error")),
            (Some(_), None) => Some(format!("{id}-hint")),
            (None, Some(_)) => Some(format!("{id}-error")),
            (None, None) => None,
        }
    }
    fn wrap(self, control: AnyView) -> AnyView {
        let id = self.id();
        let class = if self.error.is_some() { "field bad" } else { "field" };
        let optional = !self.required && !matches!(self.kind, "search" | "datetime-local");
        view! {
            <div class=class>
                <label for=id.clone()>{self.label}{optional.then(|| view! { <small>" (optional)"</small> })}</label>
                {self.hint.map(|h| view! { <small id=format!("{id}-hint")>{h}</small> })}
                {control}
                {self.error.map(|e| view! { <p class="error" id=format!("{id}-error")>{e}</p> })}
            </div>
        }
        .into_any()
    }
}

/// A one-line field.
pub fn input(f: Field) -> AnyView {
    let control = view! {
        <input id=f.id() name=f.name type=f.kind value=f.value.clone() maxlength=f.max.to_string() required=f.required autocomplete=f.autocomplete
            spellcheck=f.mono.then_some("false") class=if f.mono { "mono" } else { "" } aria-describedby=f.described_by() aria-invalid=f.error.as_ref().map(|_| "true")/>
    }
    .into_any();
    f.wrap(control)
}

/// A field of several lines.
pub fn area(f: Field) -> AnyView {
    // Leptos writes a textarea's children unescaped, so the escaping is done here; a first line break would be eaten by the parser.
    let inner = format!("\n{}", escape(&f.value));
    let control = view! {
        <textarea id=f.id() name=f.name rows=f.rows.to_string() maxlength=f.max.to_string() required=f.required
            spellcheck=f.mono.then_some("false") class=if f.mono { "mono" } else { "" } aria-describedby=f.described_by() aria-invalid=f.error.as_ref().map(|_| "true")
            inner_html=inner></textarea>
    }
    .into_any();
    f.wrap(control)
}

/// A list to choose one from, with nothing chosen until somebody does; `prompt` says what to choose.
pub fn select_prompt(f: Field, prompt: &'static str, choices: &[Choice]) -> AnyView {
    let all: Vec<Choice> = std::iter::once(Choice::new("", prompt)).chain(choices.iter().cloned()).collect();
    select(f.required(), &all)
}

/// A list to choose one from; the field's value is the one chosen.
pub fn select(f: Field, choices: &[Choice]) -> AnyView {
    let options = choices
        .iter()
        .map(|c| view! { <option value=c.value.clone() selected=c.value == f.value>{c.label.clone()}</option> })
        .collect_view();
    let control =
        view! { <select id=f.id() name=f.name required=f.required aria-describedby=f.described_by() aria-invalid=f.error.as_ref().map(|_| "true")>{options}</select> }.into_any();
    Field { required: true, ..f }.wrap(control)
}

fn choice(kind: &'static str, form: &str, name: &'static str, value: &str, title: AnyView, note: AnyView, checked: bool) -> AnyView {
    let id = format!("{form}-{name}-{}", slug(value));
    view! {
        <label class="choice" for=id.clone()>
            <input id=id.clone() type=kind name=name value=value.to_owned() checked=checked/>
            <span><strong>{title}</strong><small class="block">{note}</small></span>
        </label>
    }
    .into_any()
}

/// One of several exclusive choices, with a line saying what it does.
pub fn radio(
    form: &str,
    name: &'static str,
    value: &str,
    title: impl IntoView + 'static,
    note: impl IntoView + 'static,
    checked: bool,
) -> AnyView {
    choice("radio", form, name, value, title.into_any(), note.into_any(), checked)
}

/// A yes or no; unchecked sends nothing.
pub fn checkbox(
    form: &str,
    name: &'static str,
    value: &str,
    title: impl IntoView + 'static,
    note: impl IntoView + 'static,
    checked: bool,
) -> AnyView {
    choice("checkbox", form, name, value, title.into_any(), note.into_any(), checked)
}

fn slug(value: &str) -> String {
    if value.is_empty() {
        return "none".to_owned();
    }
    if value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')) {
        return value.to_owned();
    }
    // Values from outside may hold anything; an id must not.
    value.bytes().map(|b| format!("{b:02x}")).collect()
}

/// A hidden field.
pub fn hidden(name: &'static str, value: impl Into<String>) -> AnyView {
    view! { <input type="hidden" name=name value=value.into()/> }.into_any()
}

/// A form that changes something: POST to a path inside the tenant, with the token that proves it comes from our page.
pub fn post_form(path: &str, body: impl IntoView + 'static) -> AnyView {
    view! { <form class="stack-m" method="post" action=url(path)>{hidden("csrf", csrf_token())}{body.into_any()}</form> }.into_any()
}

/// A form whose fields end up in the URL: filters and questions.
pub fn filter_form(path: &str, body: impl IntoView + 'static) -> AnyView {
    view! { <form class="filters" method="get" action=url(path) role="search">{body.into_any()}</form> }.into_any()
}

/// The same for a question of several parts: fields as wide as what there is to choose.
pub fn question_form(path: &str, body: impl IntoView + 'static) -> AnyView {
    view! { <form class="filters wide" method="get" action=url(path) role="search">{body.into_any()}</form> }.into_any()
}

/// The row of buttons that ends a form.
pub fn buttons(body: impl IntoView + 'static) -> AnyView {
    view! { <div class="row buttons">{body.into_any()}</div> }.into_any()
}

/// The form's one main button.
pub fn submit(label: impl Into<String>) -> AnyView {
    view! { <button type="submit" class="button primary">{label.into()}</button> }.into_any()
}

/// The button of something that takes away.
pub fn submit_danger(label: impl Into<String>) -> AnyView {
    view! { <button type="submit" class="button danger-solid">{label.into()}</button> }.into_any()
}

/// What is wrong with the form as a whole, linking to each field.
pub fn error_summary(form: &'static str, errors: &FormErrors) -> AnyView {
    if errors.0.is_empty() {
        return ().into_any();
    }
    let items = errors.0.iter().map(|e| view! { <li><a href=format!("#{form}-{}", e.field)>{e.shown()}</a></li> }).collect_view();
    view! { <div class="flag danger" role="alert" tabindex="-1"><div><strong>"Nothing was saved."</strong><ul class="bullets">{items}</ul></div></div> }.into_any()
}

/// HTML's five characters, for the one place where Leptos does not escape.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
