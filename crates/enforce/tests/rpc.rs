//! Messages that two parsers could understand differently, and honest ones.

use enforce::rpc::{Headers, LARGEST, ParamHeaders, agree, read};
use enforce::{MethodOwned, rpc};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn honest_messages_are_read_whole() {
    let call = read(
        br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"logs.read","arguments":{"a":[1,{"b":null}]},"_meta":{"x":1}}}"#,
    )
    .expect("reads");
    assert_eq!(
        (call.id, call.method, call.name.as_deref()),
        (Some(json!(1)), MethodOwned::CallTool("logs.read".into()), Some("logs.read"))
    );
    assert_eq!(call.arguments, Some(json!({"a": [1, {"b": null}]})));
    for (text, method) in [
        (r#"{"jsonrpc":"2.0","id":"x","method":"tools/list"}"#, MethodOwned::Other("tools/list".into())),
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, MethodOwned::Other("notifications/initialized".into())),
        (r#"{"jsonrpc":"2.0","id":3,"result":{}}"#, MethodOwned::Response),
        (r#"{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":""}}"#, MethodOwned::Response),
        // Keys are compared as text, however they are written.
        (r#"{"jsonrpc":"2.0","id":1,"m\u0065thod":"ping"}"#, MethodOwned::Other("ping".into())),
    ] {
        assert_eq!(read(text.as_bytes()).expect(text).method, method, "{text}");
    }
}

#[test]
fn ambiguous_messages_are_refused_with_a_code() {
    for (text, code) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#, rpc::PARSE_ERROR),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/call"}"#, rpc::PARSE_ERROR),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":{"y":1,"y":2}}}}"#, rpc::PARSE_ERROR),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"tools/call"}"#, rpc::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","Params":{}}"#, rpc::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","NAME":"b"}}"#, rpc::INVALID_REQUEST),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a\",\"argument\u{17f}\":{}}}",
            rpc::INVALID_REQUEST,
        ),
        // By upper case the i without a dot is an i, by lower case the one with a dot is nearly one.
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"\u{131}d\":2,\"method\":\"ping\"}", rpc::INVALID_REQUEST),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/read\",\"params\":{\"uri\":\"a\",\"UR\u{130}\":\"b\"}}",
            rpc::INVALID_REQUEST,
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tasks/get\",\"params\":{\"taskId\":\"a\",\"tas\u{212a}Id\":\"b\"}}",
            rpc::INVALID_REQUEST,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, rpc::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#, rpc::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","result":{}}"#, rpc::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, rpc::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, rpc::INVALID_REQUEST),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, rpc::INVALID_REQUEST),
        (r#"{"id":1,"method":"ping"}"#, rpc::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"method":["ping"]}"#, rpc::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a"}}"#, rpc::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#, rpc::INVALID_PARAMS),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}"#, rpc::INVALID_PARAMS),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["a"]}"#, rpc::INVALID_PARAMS),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":[1]}}"#, rpc::INVALID_PARAMS),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, rpc::INVALID_REQUEST),
        ("[]", rpc::INVALID_REQUEST),
        ("\"ping\"", rpc::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}{"#, rpc::PARSE_ERROR),
        ("\u{feff}{}", rpc::PARSE_ERROR),
        (r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#, rpc::PARSE_ERROR),
        ("", rpc::PARSE_ERROR),
    ] {
        assert_eq!(read(text.as_bytes()).expect_err(text).code, code, "{text}");
    }
    assert_eq!(read(b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}").expect_err("not UTF-8").code, rpc::PARSE_ERROR);
    assert_eq!(read(&vec![b' '; LARGEST + 1]).expect_err("too large").code, rpc::INVALID_REQUEST);
    let deep = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{{\"x\":{}", "[".repeat(100_000));
    assert_eq!(read(deep.as_bytes()).expect_err("too deep").code, rpc::PARSE_ERROR);
}

#[test]
fn an_error_names_the_message_where_it_can() {
    let why = read(br#"{"jsonrpc":"2.0","id":"seven","method":"tools/call","params":{}}"#).expect_err("no tool");
    assert_eq!(why.id, Some(json!("seven")));
}

#[test]
fn headers_agree_with_the_body_or_the_message_is_refused() {
    let call = read("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"prüfen\"}}".as_bytes()).expect("reads");
    let resource = read(br#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a"}}"#).expect("reads");
    let ping = read(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).expect("reads");
    let (stateless, older, unknown) = (Some(rpc::STATELESS), Some("2025-06-18"), Some("2031-01-01"));
    for (code, message, revision, method, name) in [
        (0, &call, None, None, None),
        (0, &call, older, Some("tools/call"), None),
        (0, &call, stateless, Some("tools/call"), Some("=?base64?cHLDvGZlbg==?=")),
        (rpc::HEADER_MISMATCH, &call, stateless, Some("tools/call"), None),
        (rpc::HEADER_MISMATCH, &call, stateless, None, Some("=?base64?cHLDvGZlbg==?=")),
        (rpc::HEADER_MISMATCH, &call, older, Some("tools/list"), None),
        (rpc::HEADER_MISMATCH, &call, None, Some("Tools/Call"), None),
        (rpc::HEADER_MISMATCH, &call, None, None, Some("pruefen")),
        (rpc::HEADER_MISMATCH, &call, None, None, Some("=?base64?%%?=")),
        (rpc::UNSUPPORTED_REVISION, &call, unknown, Some("tools/call"), None),
        (0, &resource, stateless, Some("resources/read"), Some("file:///a")),
        (rpc::HEADER_MISMATCH, &resource, None, None, Some("file:///b")),
        (0, &ping, stateless, Some("ping"), None),
        (rpc::HEADER_MISMATCH, &ping, None, None, Some("logs.read")),
    ] {
        let checked = agree(message, Headers { revision, method, name }).map_or_else(|why| why.code, |()| 0);
        assert_eq!(checked, code, "{message:?} {revision:?} {method:?} {name:?}");
    }
    let meta = r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    let meta = read(meta.as_bytes()).expect("reads");
    let said = |revision| agree(&meta, Headers { revision, method: Some("ping"), name: None }).is_ok();
    assert_eq!((said(stateless), said(older), said(None)), (true, false, false));
}

#[test]
fn arguments_in_headers_agree_with_the_body() {
    let text = json!({"type": "string", "x-mcp-header": "Region"});
    let limit = json!({"type": "integer", "x-mcp-header": "limit"});
    let definition =
        json!({"inputSchema": {"properties": {"region": text, "page": {"properties": {"limit": limit}}, "q": {"type": "string"}}}});
    let headers = ParamHeaders::of(&definition);
    assert!(headers.has("mcp-param-region") && headers.has("mcp-param-limit") && !headers.has("mcp-param-q"));
    let call = |arguments: Value| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "a", "arguments": arguments}});
        read(body.to_string().as_bytes()).expect("reads")
    };
    let both = call(json!({"region": "eu-1", "page": {"limit": 5}}));
    let one = call(json!({"region": "eu-1", "page": {"limit": null}}));
    for (good, message, region, limit) in [
        (true, &both, Some("eu-1"), Some("5")),
        (true, &both, Some("=?base64?ZXUtMQ==?="), Some("5")),
        (false, &both, Some("us-1"), Some("5")),
        (false, &both, Some("eu-1"), Some("6")),
        (false, &both, Some("eu-1"), None),
        (true, &one, Some("eu-1"), None),
        (false, &one, Some("eu-1"), Some("5")),
    ] {
        let value = |name: &str| if name == "mcp-param-region" { region } else { limit };
        let checked = headers.agree(message, value);
        assert_eq!(checked.is_ok(), good, "{message:?} {region:?} {limit:?}");
        assert!(checked.is_ok() || checked.is_err_and(|why| why.code == rpc::HEADER_MISMATCH));
    }
}

proptest! {
    #[test]
    fn whatever_is_read_is_read_as_serde_reads_it(tool in "[a-zA-Z._]{1,12}", key in "[a-z]{1,8}", value in "\\PC{0,20}") {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": {key: value}}});
        let message = read(body.to_string().as_bytes()).expect("reads");
        prop_assert_eq!(message.method, MethodOwned::CallTool(tool));
        prop_assert_eq!(message.arguments.as_ref(), Some(&body["params"]["arguments"]));
    }

    #[test]
    fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\":,a-z0-9 ]{0,80}") {
        let _either = (read(&bytes).is_ok(), read(text.as_bytes()).is_ok());
        if let Ok(value) = serde_json::from_slice::<Value>(text.as_bytes()) {
            prop_assert!(!value.is_array() || read(text.as_bytes()).is_err());
        }
    }
}
