//! Server-sent events, one whole event at a time, so that single ones can be changed on the way and all others pass byte by byte.

/// Cuts a stream of bytes into events.
#[derive(Debug, Default)]
pub struct Events {
    buffer: Vec<u8>,
    /// Up to here no event ends.
    scanned: usize,
    /// Something was given out.
    begun: bool,
}

impl Events {
    /// Takes bytes in and gives out the events that are complete by now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.buffer.extend_from_slice(bytes);
        let (mut events, mut begin) = (Vec::new(), 0);
        while let Some(end) = self.end_of_next() {
            let first = !std::mem::replace(&mut self.begun, true);
            events.push(Event { bytes: self.buffer[begin..end].to_vec(), first });
            (begin, self.scanned) = (end, end);
        }
        // Moved once, not for each event: a server may send a chunk of nothing but ends.
        self.buffer.drain(..begin);
        self.scanned -= begin;
        events
    }

    /// How many bytes wait for the end of their event.
    pub fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// The bytes that wait, given up on as an event.
    pub fn take(&mut self) -> Vec<u8> {
        (self.scanned, self.begun) = (0, true);
        std::mem::take(&mut self.buffer)
    }

    /// Where the event ends that goes on at `scanned`.
    fn end_of_next(&mut self) -> Option<usize> {
        let bytes = &self.buffer;
        let mut at = self.scanned;
        while at < bytes.len() {
            let Some(line_end) = newline(bytes, at) else {
                at += 1;
                continue;
            };
            if line_end == bytes.len() {
                break;
            }
            if let Some(end) = newline(bytes, line_end) {
                // A `\r` at the very end may be half of a `\r\n`: wait for what comes.
                if end == bytes.len() && bytes[end - 1] == b'\r' {
                    break;
                }
                return Some(end);
            }
            at = line_end;
        }
        self.scanned = at;
        None
    }
}

/// Where the line break that begins at `at` ends, if one begins there.
fn newline(bytes: &[u8], at: usize) -> Option<usize> {
    match (bytes.get(at)?, bytes.get(at + 1)) {
        (b'\r', Some(b'\n')) => Some(at + 2),
        (b'\r' | b'\n', _) => Some(at + 1),
        _ => None,
    }
}

/// One event, with the blank line at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    bytes: Vec<u8>,
    /// It begins its stream, where clients skip a byte order mark.
    first: bool,
}

/// The byte order mark.
const MARK: &str = "\u{feff}";

impl Event {
    /// The data: its `data` lines, joined. Read as clients read it, who replace what is no UTF-8: what they see must not be hidden from us.
    pub fn data(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let mut lines = self.lines(&text).filter_map(data_in).peekable();
        lines.peek()?;
        Some(lines.collect::<Vec<_>>().join("\n"))
    }

    /// The same event with other data on one line.
    pub fn with_data(&self, data: &str) -> Self {
        let text = String::from_utf8_lossy(&self.bytes);
        let mut out = String::with_capacity(data.len() + 64);
        let mut others = self.lines(&text).filter(|line| !line.is_empty() && data_in(line).is_none()).peekable();
        // Before a line that begins with a mark of its own, one that is skipped: else that line would be another one.
        if self.first && (text.starts_with(MARK) || others.peek().is_some_and(|line| line.starts_with(MARK))) {
            out.push_str(MARK);
        }
        for line in others {
            out.push_str(line);
            out.push('\n');
        }
        out.push_str("data: ");
        out.push_str(data);
        out.push_str("\n\n");
        Self { bytes: out.into_bytes(), first: self.first }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn lines<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let begun = text.strip_prefix(MARK).filter(|_| self.first);
        begun.unwrap_or(text).split(['\r', '\n'])
    }
}

/// What a line adds to the data of its event; `None` if it is of another field.
fn data_in(line: &str) -> Option<&str> {
    match line.strip_prefix("data")? {
        "" => Some(""),
        rest => rest.strip_prefix(':').map(|value| value.strip_prefix(' ').unwrap_or(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events(stream: &[u8]) -> Vec<Event> {
        Events::default().push(stream)
    }

    #[test]
    fn data_lines_are_joined_and_replaced() {
        let event = &events(b"id: 7\r\nevent: message\r\ndata: {\"a\":\r\ndata:1}\r\n\r\nx")[0];
        assert_eq!(event.data().as_deref(), Some("{\"a\":\n1}"));
        assert_eq!(event.with_data("{}").bytes(), b"id: 7\nevent: message\ndata: {}\n\n");
        for none in [": keep-alive\n\n", "database: x\n\n"] {
            assert_eq!(events(none.as_bytes())[0].data(), None);
        }
    }

    #[test]
    fn what_clients_see_is_seen() {
        let of = |stream: &str| events(stream.as_bytes()).iter().map(|event| event.data().unwrap_or_default()).collect::<Vec<_>>();
        assert_eq!(of("\u{feff}data: {}\ndata\n\n"), ["{}\n"]);
        // Only the first mark of a stream is none of its text.
        assert_eq!(of("\u{feff}\u{feff}data: 0\ndata: {}\n\n\u{feff}data: 0\ndata: 1\n\n"), ["{}", "1"]);
        let twice = &events("\u{feff}\u{feff}data: 0\ndata: {}\n\n".as_bytes())[0];
        assert_eq!(events(twice.with_data("1").bytes())[0].data().as_deref(), Some("1"));
        // What is no data behind a line does not become some when that line is gone.
        let second = &events("data: 0\n\u{feff}data: 1\n\n".as_bytes())[0];
        assert_eq!(events(second.with_data("2").bytes())[0].data().as_deref(), Some("2"));
        assert_eq!(events(b"data: {\"a\xff\"\n\n")[0].data().as_deref(), Some("{\"a\u{fffd}\""));
    }

    /// A chunk as large as one may be, of nothing but ends. With a move for each it would take hours.
    #[test]
    fn many_small_events_cost_what_one_large_costs() {
        let mut events = Events::default();
        assert_eq!(events.push(&vec![b'\n'; 4 << 20]).len(), 2 << 20);
        assert_eq!(events.waiting(), 0);
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_bytes_are_the_same(pieces in prop::collection::vec(prop::sample::select(vec!["data: x", "\n", "\r\n", "\r", "id: 1", ":"]), 0..40), cut in 1usize..7) {
            let whole = pieces.concat().into_bytes();
            let mut events = Events::default();
            let mut out = Vec::new();
            for chunk in whole.chunks(cut) {
                out.extend(events.push(chunk).iter().flat_map(Event::bytes));
            }
            out.extend(events.take());
            prop_assert_eq!(out, whole);
        }

        #[test]
        fn events_do_not_depend_on_the_cuts(count in 1usize..8, cut in 1usize..9, newline in prop::sample::select(vec!["\n", "\r\n"])) {
            let one = format!("id: 1{newline}data: hello{newline}{newline}");
            let mut events = Events::default();
            let found: usize = one.repeat(count).as_bytes().chunks(cut).map(|chunk| events.push(chunk).len()).sum();
            prop_assert_eq!((found, events.waiting()), (count, 0));
        }
    }
}
