//! Server-sent events, of which only the data matters.

/// A reader of `text/event-stream` (WHATWG HTML, section 9.2) that keeps nothing but the data.
#[derive(Debug, Default)]
pub struct Events {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    after_return: bool,
    /// The first line was read, before which a byte order mark may stand.
    begun: bool,
}

impl Events {
    /// The data of the events that these bytes complete. Lines end in CR, LF or both.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut complete = Vec::new();
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\r' | b'\n' => complete.extend(self.end_line()),
                _ => self.line.push(byte),
            }
        }
        complete
    }

    fn end_line(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        let first = !std::mem::replace(&mut self.begun, true);
        let line = if first { line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line) } else { &line };
        if line.is_empty() {
            return self.data.take();
        }
        let value = match line.strip_prefix(b"data")? {
            [] => &[],
            [b':', b' ', value @ ..] | [b':', value @ ..] => value,
            _ => return None,
        };
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            none => *none = Some(value.to_vec()),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Events;

    #[test]
    fn events_arrive_whole_however_they_are_cut() {
        let stream = b"\xef\xbb\xbf: hello\r\n\r\nevent: message\r\ndata: {\"a\":\r\ndata:1}\r\nid: 7\r\n\r\ndata: two\n\ndata: three\r\r";
        let expected = [b"{\"a\":\n1}".to_vec(), b"two".to_vec(), b"three".to_vec()];
        for size in 1..stream.len() {
            let mut events = Events::default();
            let got: Vec<_> = stream.chunks(size).flat_map(|chunk| events.push(chunk)).collect();
            assert_eq!(got, expected, "cut into {size}");
        }
    }

    #[test]
    fn fields_are_told_apart_by_their_whole_name() {
        let mut events = Events::default();
        let got = events.push(b"\xef\xbb\xbfdata: 1\ndatabase: 2\ndata\ndata:  3\n\n\xef\xbb\xbfdata: 4\n\n");
        assert_eq!(got, [b"1\n\n 3".to_vec()]);
    }
}
