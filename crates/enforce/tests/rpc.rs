//! Messages that two parsers could understand differently, and honest ones.

use enforce::rpc::{Headers, LARGEST, agree, read};
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
    for (good, message, method, name) in [
        (true, &call, None, None),
        (true, &call, Some("tools/call"), None),
        (true, &call, Some("tools/call"), Some("=?base64?cHLDvGZlbg==?=")),
        (false, &call, Some("tools/list"), None),
        (false, &call, Some("Tools/Call"), None),
        (false, &call, None, Some("pruefen")),
        (false, &call, None, Some("=?base64?%%?=")),
        (true, &resource, Some("resources/read"), Some("file:///a")),
        (false, &resource, None, Some("file:///b")),
        (false, &ping, None, Some("logs.read")),
    ] {
        let checked = agree(message, Headers { method, name });
        assert_eq!(checked.is_ok(), good, "{message:?} {method:?} {name:?}");
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
