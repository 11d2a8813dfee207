//! Streams of server-sent events, and what a client makes of them.

/// Streams in all that the format has.
pub const STREAMS: [&str; 4] = [
    "event: message\r\nid: 7\r\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\r\ndata:\"result\":{}}\r\n\r\n: keep-alive\n\ndata: two\n\n",
    "\u{feff}data: one\rdata\r\rretry: 10\ndata:\n\ndatabase: x\n\n",
    "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"logs.read\"},{\"name\":\"other\"}]}}\n\n",
    "\n\n\r\n\r\n\r\rdata: \u{e9}\n\n",
];

/// The data of each event that has some, as the specification has the stream read (WHATWG HTML, section 9.2.6); `begins`: at its beginning,
/// where a byte order mark may stand.
#[must_use]
pub fn dispatched(stream: &[u8], begins: bool) -> Vec<String> {
    let text = String::from_utf8_lossy(stream);
    let text = if begins { text.strip_prefix('\u{feff}').unwrap_or(&text) } else { &text };
    let (mut events, mut held) = (Vec::new(), None::<String>);
    let whole = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = whole.split('\n').collect();
    // What has no end is no line yet.
    lines.pop();
    for line in lines {
        if line.is_empty() {
            events.extend(held.take().map(|mut data| {
                data.pop();
                data
            }));
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        if field == "data" {
            let held = held.get_or_insert_default();
            held.push_str(value.strip_prefix(' ').unwrap_or(value));
            held.push('\n');
        }
    }
    events
}
