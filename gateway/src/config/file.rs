//! The configuration file: read to the end whatever is wrong in it, so that everything is said at once.

use super::check;
use super::problem::Problems;
use super::settings::keys_in;
use super::{Credential, LogFormat, Metrics, MutualTls, Settings, TlsFiles, Upstream, WhenUnavailable};
use serde_spanned::Spanned;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::{DeString, DeTable, DeValue};

/// The largest file that is read, in bytes: thousands of MCP servers fit into it.
const LARGEST: usize = 1 << 20;
/// For longer keys it is not looked what could have been meant.
const LONGEST_MISSPELT: usize = 64;

/// Reads the file at `path`.
///
/// # Errors
/// Everything that is wrong in it.
pub fn read(path: &Path) -> Result<Settings, Problems> {
    let mut problems = Problems::default();
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text),
        Err(error) => {
            problems.add(path.display().to_string(), "", format!("it cannot be read: {error}"));
            Err(problems)
        }
    }
}

/// Reads `text`, which lies at `path`: files that it names relatively lie beside it.
///
/// # Errors
/// Everything that is wrong in it.
pub fn parse(path: &Path, text: &str) -> Result<Settings, Problems> {
    if text.len() > LARGEST {
        let mut problems = Problems::default();
        problems.add(path.display().to_string(), "", format!("it is larger than {} KiB: is this the right file?", LARGEST / 1024));
        return Err(problems);
    }
    let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
    let mut reader = Reader { path, breaks, problems: Problems::default(), places: BTreeMap::new() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let line = reader.line(error.span().map_or(0, |span| span.start));
        reader.problems.add(line, "", format!("this is not TOML: {}", error.message()));
    }
    if !errors.is_empty() {
        return Err(reader.problems);
    }
    let mut settings = reader.settings(table.get_ref());
    settings.places = std::mem::take(&mut reader.places);
    if reader.problems.0.is_empty() { Ok(settings) } else { Err(reader.problems) }
}

struct Reader<'f> {
    path: &'f Path,
    /// Where each line ends.
    breaks: Vec<usize>,
    problems: Problems,
    /// Where each setting and section stands.
    places: BTreeMap<String, String>,
}

/// A part of the file: its name in the table of settings, its name as written, and what is in it.
struct Section<'t> {
    known_as: String,
    written: String,
    table: Option<&'t DeTable<'t>>,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl<'t> Section<'t> {
    fn get(&self, key: &str) -> Option<&'t Value<'t>> {
        let table = self.table?;
        table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    fn name_of(&self, key: &str) -> String {
        if self.written.is_empty() { key.to_owned() } else { format!("{}.{key}", self.written) }
    }
}

impl Reader<'_> {
    fn line(&self, at: usize) -> String {
        let line = 1 + self.breaks.partition_point(|end| *end < at);
        format!("{}:{line}", self.path.display())
    }

    fn wrong(&mut self, at: usize, setting: String, what: impl Into<String>) {
        let place = self.line(at);
        self.problems.add(place, setting, what);
    }

    fn settings(&mut self, table: &DeTable<'_>) -> Settings {
        let top = Section { known_as: String::new(), written: String::new(), table: Some(table) };
        self.only_known(&top);
        let tls = self.section(&top, "tls");
        let (metrics, limits) = (self.section(&top, "metrics"), self.section(&top, "limits"));
        let repository = self.section(&top, "repository");
        let (decisions, drift) = (self.section(&top, "decisions"), self.section(&top, "drift"));
        let mut settings = Settings {
            data: self.path_in(&top, "data"),
            control_plane: self.checked(&top, "control_plane", check::control_plane),
            repository_at: self.repository_at(&repository),
            repository_tenant: self.checked(&repository, "tenant", check::name),
            repository_root_sha256: self.checked(&repository, "root_sha256", check::sha256),
            repository_every: self.seconds(&repository, "every_seconds", 1..=3600),
            public_url: self.checked(&top, "public_url", check::base),
            listen: self.checked(&top, "listen", check::address),
            name: self.checked(&top, "name", check::name),
            labels: self.labels(&top),
            enrol_token_file: self.path_in(&top, "enrol_token_file"),
            log: self.checked(&top, "log", |text| match text {
                "text" => Ok(LogFormat::Text),
                "json" => Ok(LogFormat::Json),
                _ => Err("use \"text\" or \"json\"".into()),
            }),
            tls: self.pair(&tls, "cert", "key").map(|(cert, key)| TlsFiles { cert, key }),
            metrics: self.checked(&metrics, "listen", |text| match text {
                "off" => Ok(Metrics::Off),
                text => check::address(text).map(Metrics::At),
            }),
            when_unavailable: self.checked(&decisions, "when_unavailable", |text| match text {
                "deny_high_risk" => Ok(WhenUnavailable::DenyHighRisk),
                "deny_all" => Ok(WhenUnavailable::DenyAll),
                _ => Err("use \"deny_high_risk\" or \"deny_all\"".into()),
            }),
            disk_bytes: self.number(&decisions, "disk_bytes", 1 << 20..=1 << 50),
            drift_check: self.seconds(&drift, "check_seconds", 0..=86_400),
            ..Settings::default()
        };
        let l = &mut settings.limits;
        let count = |reader: &mut Self, key, within| reader.number(&limits, key, within).and_then(|n| usize::try_from(n).ok());
        set(&mut l.connections, count(self, "connections", 1..=1_000_000));
        set(&mut l.connections_per_peer, count(self, "connections_per_peer", 0..=1_000_000));
        set(&mut l.requests_per_caller, count(self, "requests_per_caller", 1..=1_000_000));
        set(&mut l.streams_per_caller, count(self, "streams_per_caller", 0..=1_000_000));
        set(&mut l.body_bytes, count(self, "body_bytes", 1024..=16 << 20));
        set(&mut l.head_bytes, count(self, "head_bytes", 8192..=1 << 20));
        set(&mut l.head, self.seconds(&limits, "head_seconds", 1..=600));
        set(&mut l.body, self.seconds(&limits, "body_seconds", 1..=600));
        set(&mut l.write, self.seconds(&limits, "write_seconds", 1..=3600));
        set(&mut l.stop, self.seconds(&limits, "stop_seconds", 0..=600));
        settings.upstreams = self.upstreams(&top);
        settings
    }

    fn upstreams(&mut self, top: &Section<'_>) -> BTreeMap<String, Upstream> {
        let mut found = BTreeMap::new();
        let Some(all) = top.get("upstreams") else { return found };
        let Some(table) = all.get_ref().as_table() else {
            self.wrong(all.span().start, "upstreams".into(), "write a section for each server: [upstreams.\"https://…/mcp/name\"]");
            return found;
        };
        for (resource, value) in table {
            let (name, at) = (resource.get_ref().to_string(), resource.span().start);
            let written = format!("upstreams.\"{name}\"");
            self.places.insert(written.clone(), self.line(at));
            let Some(table) = value.get_ref().as_table() else {
                self.wrong(at, written, "write a section: [upstreams.\"https://…/mcp/name\"]");
                continue;
            };
            if let Err(why) = check::base(&name) {
                self.wrong(at, written.clone(), format!("name a section by the server's resource URI: {why}"));
            }
            let section = Section { known_as: "upstreams.*".into(), written, table: Some(table) };
            self.only_known(&section);
            let upstream = self.upstream(&section);
            found.insert(name, upstream);
        }
        found
    }

    fn upstream(&mut self, section: &Section<'_>) -> Upstream {
        let (mtls, credential) = (self.section(section, "mtls"), self.section(section, "credential"));
        let mut upstream = Upstream { ca: self.path_in(section, "ca"), ..Upstream::default() };
        upstream.mtls = self.pair(&mtls, "cert", "key").map(|(cert, key)| MutualTls { cert, key });
        let header = self.checked(&credential, "header", check::credential_header);
        let file = self.path_in(&credential, "file");
        upstream.credential = match (header, file) {
            (Some(header), Some(file)) => Some(Credential { header, file }),
            (None, None) => None,
            _ => {
                let at = credential.table.and_then(|table| table.keys().next()).map_or(0, |key| key.span().start);
                self.wrong(at, credential.written.clone(), "set both `header` and `file`");
                None
            }
        };
        set(&mut upstream.connect, self.seconds(section, "connect_seconds", 1..=600));
        set(&mut upstream.answer, self.seconds(section, "answer_seconds", 1..=86_400));
        upstream.body_bytes = self.number(section, "body_bytes", 1024..=16 << 20).and_then(|n| usize::try_from(n).ok());
        upstream
    }

    fn section<'t>(&mut self, of: &Section<'t>, key: &str) -> Section<'t> {
        let known_as = if of.known_as.is_empty() { key.to_owned() } else { format!("{}.{key}", of.known_as) };
        let mut section = Section { known_as, written: of.name_of(key), table: None };
        if let Some(value) = of.get(key) {
            self.places.insert(section.written.clone(), self.line(value.span().start));
            section.table = value.get_ref().as_table();
            match section.table {
                Some(_) => self.only_known(&section),
                None => self.wrong(value.span().start, section.written.clone(), format!("this is a section: [{}]", section.written)),
            }
        }
        section
    }

    fn only_known(&mut self, section: &Section<'_>) {
        let known = keys_in(&section.known_as);
        let unknown: Vec<&Spanned<DeString<'_>>> =
            section.table.into_iter().flat_map(DeTable::keys).filter(|key| !known.contains(&key.get_ref().as_ref())).collect();
        for key in unknown {
            let close = known.iter().filter(|_| key.get_ref().len() <= LONGEST_MISSPELT);
            let close = close.map(|known| (strsim::jaro_winkler(known, key.get_ref()), known)).filter(|(near, _)| *near > 0.8);
            let hint = match close.max_by(|a, b| a.0.total_cmp(&b.0)) {
                Some((_, known)) => format!("did you mean `{}`?", section.name_of(known)),
                None => format!("here belong {}", known.join(", ")),
            };
            self.wrong(key.span().start, section.name_of(key.get_ref()), format!("there is no such setting; {hint}"));
        }
    }

    fn string<'t>(&mut self, section: &Section<'t>, key: &str) -> Option<(&'t str, usize)> {
        let value = section.get(key)?;
        self.places.insert(section.name_of(key), self.line(value.span().start));
        match value.get_ref().as_str() {
            Some(text) => Some((text, value.span().start)),
            None => {
                self.wrong(value.span().start, section.name_of(key), "write a text in quotes");
                None
            }
        }
    }

    fn checked<T>(&mut self, section: &Section<'_>, key: &str, check: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let (text, at) = self.string(section, key)?;
        check(text).map_err(|why| self.wrong(at, section.name_of(key), why)).ok()
    }

    fn path_in(&mut self, section: &Section<'_>, key: &str) -> Option<PathBuf> {
        let (text, at) = self.string(section, key)?;
        if text.is_empty() {
            self.wrong(at, section.name_of(key), "name a file or folder");
            return None;
        }
        let beside = self.path.parent().unwrap_or(Path::new(""));
        Some(beside.join(text))
    }

    /// An address, or a directory beside the file.
    fn repository_at(&mut self, section: &Section<'_>) -> Option<String> {
        let at = self.checked(section, "at", check::repository)?;
        let beside = self.path.parent().unwrap_or(Path::new(""));
        Some(if at.contains("://") { at } else { beside.join(at).to_string_lossy().into_owned() })
    }

    /// Two settings that only work together.
    fn pair(&mut self, section: &Section<'_>, one: &str, other: &str) -> Option<(PathBuf, PathBuf)> {
        match (self.path_in(section, one), self.path_in(section, other)) {
            (Some(one), Some(other)) => Some((one, other)),
            (None, None) => None,
            _ => {
                let at = section.table.and_then(|table| table.keys().next()).map_or(0, |key| key.span().start);
                self.wrong(at, section.written.clone(), format!("set both `{one}` and `{other}`"));
                None
            }
        }
    }

    fn number(&mut self, section: &Section<'_>, key: &str, within: RangeInclusive<u64>) -> Option<u64> {
        let value = section.get(key)?;
        let number = value.get_ref().as_integer().and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        match number.filter(|number| within.contains(number)) {
            Some(number) => Some(number),
            None => {
                let what = format!("give a whole number from {} to {}", within.start(), within.end());
                self.wrong(value.span().start, section.name_of(key), what);
                None
            }
        }
    }

    fn seconds(&mut self, section: &Section<'_>, key: &str, within: RangeInclusive<u64>) -> Option<Duration> {
        self.number(section, key, within).map(Duration::from_secs)
    }

    fn labels(&mut self, top: &Section<'_>) -> Option<BTreeMap<String, String>> {
        let value = top.get("labels")?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(value.span().start, "labels".into(), "write a table, such as { env = \"test\" }");
            return None;
        };
        let mut pairs = Vec::new();
        for (name, value) in table {
            match value.get_ref().as_str() {
                Some(text) => pairs.push(format!("{}={text}", name.get_ref())),
                None => self.wrong(value.span().start, format!("labels.{}", name.get_ref()), "write a text in quotes"),
            }
        }
        check::labels(&pairs).map_err(|why| self.wrong(value.span().start, "labels".into(), why)).ok()
    }
}

fn set<T>(setting: &mut T, to: Option<T>) {
    if let Some(to) = to {
        *setting = to;
    }
}
