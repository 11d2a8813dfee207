//! Server-sent events, one whole event at a time, so that single ones can be changed on the way and all others pass byte by byte.

/// Cuts a stream of bytes into events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    buffer: Vec<u8>,
    /// Up to here no event ends.
    scanned: usize,
}

impl Events {
    /// Takes bytes in and gives out the events that are complete by now, each with the blank line at its end.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.buffer.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.end_of_first() {
            events.push(self.buffer.drain(..end).collect());
            self.scanned = 0;
        }
        events
    }

    /// How many bytes wait for the end of their event.
    pub(crate) fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// The bytes that wait, given up on as an event.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.scanned = 0;
        std::mem::take(&mut self.buffer)
    }

    fn end_of_first(&mut self) -> Option<usize> {
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

/// The data of an event: its `data` lines, joined.
pub(crate) fn data(event: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(event).ok()?;
    let mut lines = text
        .split(['\r', '\n'])
        .filter_map(|line| line.strip_prefix("data:"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .peekable();
    lines.peek()?;
    Some(lines.collect::<Vec<_>>().join("\n"))
}

/// The same event with other data on one line.
pub(crate) fn with_data(event: &[u8], data: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(event);
    let mut out = String::with_capacity(data.len() + 64);
    for line in text.split(['\r', '\n']).filter(|line| !line.is_empty() && !line.starts_with("data:")) {
        out.push_str(line);
        out.push('\n');
    }
    out.push_str("data: ");
    out.push_str(data);
    out.push_str("\n\n");
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn data_lines_are_joined_and_replaced() {
        let event = b"id: 7\r\nevent: message\r\ndata: {\"a\":\r\ndata:1}\r\n\r\n";
        assert_eq!(data(event).as_deref(), Some("{\"a\":\n1}"));
        assert_eq!(with_data(event, "{}"), b"id: 7\nevent: message\ndata: {}\n\n");
        assert_eq!(data(b": keep-alive\n\n"), None);
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_bytes_are_the_same(pieces in prop::collection::vec(prop::sample::select(vec!["data: x", "\n", "\r\n", "\r", "id: 1", ":"]), 0..40), cut in 1usize..7) {
            let whole = pieces.concat().into_bytes();
            let mut events = Events::default();
            let mut out = Vec::new();
            for chunk in whole.chunks(cut) {
                out.extend(events.push(chunk).concat());
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
