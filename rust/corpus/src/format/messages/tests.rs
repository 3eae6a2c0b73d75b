use fasttok_engine::Utf8Errors;

use super::{MessageText, MessageTexts, message_texts};
use crate::skip_reason::Reason;

/// Role, part, turn, tool and text of each text, with `-` for what is missing.
fn read(record: &str) -> (&'static str, Vec<String>) {
    let MessageTexts { shape, texts, .. } =
        message_texts(record, Utf8Errors::Strict).unwrap_or_else(|e| panic!("{record}: {e:?}"));
    let said = |MessageText { role, part, turn, tool, text }: MessageText| {
        let turn = turn.map_or("-".to_owned(), |turn| turn.to_string());
        format!("{role} {part} {turn} {} {text}", tool.as_deref().unwrap_or("-"))
    };
    (shape, texts.into_iter().map(said).collect())
}

fn refused(record: &str) -> (Reason, String) {
    message_texts(record, Utf8Errors::Strict).map(|_| ()).expect_err(record)
}

#[test]
fn messages_of_openai() {
    let (shape, texts) = read(
        r#"{"messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is \u00fc?"},
                {"type": "image_url", "image_url": {"url": "data:..."}}]},
            {"role": "assistant", "content": null, "reasoning_content": "Hm.", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{\"of\": 1}"}},
                {"id": "c2", "type": "function", "function": {"name": "find", "arguments": {"of": [1, "\u00e9"]}}}]},
            {"role": "tool", "tool_call_id": "c2", "content": "found"},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "seen"}]},
            {"role": "assistant", "content": "A letter.", "thinking": "Ah.", "refusal": null},
            {"content": "Thanks", "role": "user"},
            {"role": "assistant", "content": "", "refusal": "No."},
            {"role": "assistant", "content": null, "function_call": {"name": "bye", "arguments": ""}}
        ], "tools": [ {"type": "function"} ]}"#,
    );
    assert_eq!(shape, "messages");
    assert_eq!(
        texts,
        [
            r#"system system 0 - [{"type":"function"}]"#,
            "system system 0 - Be brief.",
            "user text 1 - What is ü?",
            "assistant reasoning 1 - Hm.",
            "assistant tool_call 1 look look",
            r#"assistant tool_call 1 look {"of": 1}"#,
            "assistant tool_call 1 find find",
            r#"assistant tool_call 1 find {"of":[1,"é"]}"#,
            "tool tool_result 1 find found",
            "tool tool_result 1 look seen",
            "assistant reasoning 1 - Ah.",
            "assistant text 1 - A letter.",
            "user text 2 - Thanks",
            "assistant text 2 - No.",
            "assistant tool_call 2 bye bye",
        ]
    );
}

#[test]
fn messages_of_anthropic() {
    let (shape, texts) = read(
        r#"{"system": [{"type": "text", "text": "Rules", "cache_control": {}}], "messages": [
            {"role": "user", "content": "Run it"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "I see", "signature": "x"},
                {"type": "redacted_thinking", "data": "x"},
                {"type": "text", "text": "Yes"},
                {"type": "tool_use", "id": "t1", "name": "bash", "input": { "cmd": "ls\n" }}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [
                    {"type": "text", "text": "a b"}, {"type": "image", "source": {}}]},
                {"type": "text", "text": "and now?"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "Done"}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t9", "content": null}]}
        ]}"#,
    );
    assert_eq!(shape, "messages");
    assert_eq!(
        texts,
        [
            "system system 0 - Rules",
            "user text 1 - Run it",
            "assistant reasoning 1 - I see",
            "assistant text 1 - Yes",
            "assistant tool_call 1 bash bash",
            r#"assistant tool_call 1 bash {"cmd":"ls\n"}"#,
            "tool tool_result 1 bash a b",
            "user text 1 - and now?",
            "assistant text 1 - Done",
        ]
    );
}

#[test]
fn sharegpt_and_alpaca() {
    let (shape, texts) = read(
        r#"{"conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "Q"},
            {"from": "gpt", "value": "A"}, {"from": "function_call", "value": "{}"},
            {"from": "observation", "value": "O"}, {"value": "B", "from": "gpt"},
            {"from": "human", "value": "R"}, {"from": "critic", "value": "C"}]}"#,
    );
    assert_eq!(shape, "sharegpt");
    assert_eq!(
        texts,
        [
            "system system 0 - S",
            "user text 1 - Q",
            "assistant text 1 - A",
            "assistant tool_call 1 - {}",
            "tool tool_result 1 - O",
            "assistant text 1 - B",
            "user text 2 - R",
            "critic text 2 - C",
        ]
    );
    let (shape, texts) = read(
        r#"{"instruction": "Add", "input": "1 2", "output": "3", "history": [["a", "b"]], "x": 1}"#,
    );
    assert_eq!(shape, "alpaca");
    let expected = [
        "user text 1 - a",
        "assistant text 1 - b",
        "user text 2 - Add",
        "user text 2 - 1 2",
        "assistant text 2 - 3",
    ];
    assert_eq!(texts, expected);
    for input in ["\"\"", "null"] {
        let (_, texts) =
            read(&format!(r#"{{"instruction": "Add", "output": "3", "input": {input}}}"#));
        assert_eq!(texts, ["user text 1 - Add", "assistant text 1 - 3"]);
    }
}

#[test]
fn batches() {
    let (shape, texts) = read(
        r#"{"custom_id": "r-1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m",
            "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]}}"#,
    );
    assert_eq!(
        (shape, texts),
        ("batch_input", vec!["system system 0 - S".into(), "user text 1 - Q".into()])
    );
    for (body, expected) in [
        (r#"{"input": "a text"}"#, vec!["user text 1 - a text"]),
        (r#"{"input": ["a", "b"]}"#, vec!["user text 1 - a", "user text 1 - b"]),
        (
            r#"{"instructions": "I", "input": [{"role": "user", "content": [{"type": "input_text", "text": "Q"},
                {"type": "input_image"}]}, {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "1", "output": "R"}, {"type": "item_reference"}]}"#,
            vec![
                "system system 0 - I",
                "user text 1 - Q",
                "assistant tool_call 1 f f",
                "assistant tool_call 1 f {}",
                "tool tool_result 1 f R",
            ],
        ),
    ] {
        assert_eq!(read(&format!(r#"{{"custom_id": "1", "body": {body}}}"#)).1, expected);
    }
    for (answer, expected) in [
        (
            r#""response": {"status_code": 200, "body": {"choices": [{"message": {"role": "assistant", "content": "A"}}]}},
               "error": null"#,
            vec!["assistant text - - A"],
        ),
        (
            r#""response": {"status_code": 200, "body": {"error": null, "output": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "H"}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]}]}}"#,
            vec!["assistant reasoning - - H", "assistant text - - A"],
        ),
        (
            r#""result": {"type": "succeeded", "message": {"role": "assistant", "content": [{"type": "text", "text": "A"}]}}"#,
            vec!["assistant text - - A"],
        ),
        (r#""response": {"status_code": 200, "body": {"data": [{"embedding": [0.1]}]}}"#, vec![]),
    ] {
        let (shape, texts) = read(&format!(r#"{{"custom_id": "1", {answer}}}"#));
        assert_eq!(
            (shape, texts),
            ("batch_output", expected.into_iter().map(str::to_owned).collect())
        );
    }
    for answer in [
        r#""response": null, "error": {"code": "batch_expired", "message": "M"}"#,
        r#""response": {"status_code": 429, "body": {"error": {"message": "M"}}}, "error": null"#,
        r#""response": {"status_code": 500, "body": null, "m": "M"}"#,
        r#""response": {"status_code": 200, "body": {"error": {"message": "M"}}}"#,
        r#""result": {"type": "errored", "error": {"type": "M"}}"#,
    ] {
        let (reason, detail) = refused(&format!(r#"{{"custom_id": "1", {answer}}}"#));
        assert_eq!(reason, Reason::ErrorRow, "{answer}");
        assert!(detail.contains('M'), "{detail}");
    }
}

#[test]
fn what_does_not_fit_says_where() {
    for (record, reason, detail) in [
        (r#"{"text": "a", "n": 1}"#, Reason::UnknownShape, "text"),
        (r#"{"instruction": "a", "response": "b"}"#, Reason::UnknownShape, "response"),
        (r#"{"messages": null}"#, Reason::UnknownShape, "messages"),
        (r#"{}"#, Reason::UnknownShape, "no fields"),
        (r#"[]"#, Reason::NotAnObject, "an array"),
        (r#"{"messages": "a"}"#, Reason::BadMessage, "messages is a string, not a list"),
        (r#"{"messages": ["a"]}"#, Reason::BadMessage, "message 1 is a string, not an object"),
        (
            r#"{"messages": [{"role": "user", "content": "a"}, null]}"#,
            Reason::BadMessage,
            "message 2 is null",
        ),
        (r#"{"messages": [{"content": "a"}]}"#, Reason::BadMessage, "message 1 has no role"),
        (
            r#"{"messages": [{"role": 1, "content": "a"}]}"#,
            Reason::BadMessage,
            "role of message 1 is a number",
        ),
        (r#"{"messages": [{"role": "user"}]}"#, Reason::BadMessage, "message 1 has no content"),
        (
            r#"{"messages": [{"role": "user", "content": 1}]}"#,
            Reason::BadMessage,
            "the content of message 1 is a number",
        ),
        (
            r#"{"messages": [{"role": "user", "content": [1]}]}"#,
            Reason::BadMessage,
            "part 1 of message 1 is a number",
        ),
        (
            r#"{"messages": [{"role": "user", "content": [{"a": 1}]}]}"#,
            Reason::BadMessage,
            "part 1 of message 1 has no type",
        ),
        (
            r#"{"messages": [{"role": "user", "content": [{"type": "text"}]}]}"#,
            Reason::BadMessage,
            "has no such text",
        ),
        (
            r#"{"messages": [{"role": "assistant", "tool_calls": {}}]}"#,
            Reason::BadMessage,
            "tool_calls of message 1",
        ),
        (
            r#"{"messages": [{"role": "assistant", "tool_calls": [{"function": {}}]}]}"#,
            Reason::BadMessage,
            "call 1 of message 1 has no name",
        ),
        (r#"{"instruction": 1, "output": "a"}"#, Reason::BadMessage, "instruction is a number"),
        (r#"{"custom_id": "a", "body": {}}"#, Reason::BadMessage, "no messages, input or prompt"),
        (
            r#"{"messages": [{"role": "user", "content": "\ud800"}]}"#,
            Reason::LoneSurrogate,
            "message 1",
        ),
        (r#"{"messages": [{"role": "user", "content": "a"#, Reason::BrokenJson, ""),
    ] {
        let found = refused(record);
        assert_eq!(found.0, reason, "{record}: {}", found.1);
        assert!(found.1.contains(detail), "{record}: {}", found.1);
    }
    // Names may be escaped, the last of two holds, and null says nothing.
    let (_, texts) =
        read(r#"{"m\u0065ssages": [{"role": "user", "content": "a", "c\u006fntent": "b"}]}"#);
    assert_eq!(texts, ["user text 1 - b"]);
    assert!(read(r#"{"messages": [{"role": "assistant", "content": null}]}"#).1.is_empty());
}

/// What is no string is as Python's `json.dumps` writes it.
#[test]
fn json_as_a_text_is_compact() {
    for (raw, expected) in [
        ("{ \"a\" : [ 1.50 , -2e3,\ttrue ,null ] }", "{\"a\":[1.50,-2e3,true,null]}"),
        (
            r#"{"\u00e9\/ \"": "\\ \n\u001f\u007f {\" : 1"}"#,
            "{\"é/ \\\"\":\"\\\\ \\n\\u001f\u{7f} {\\\" : 1\"}",
        ),
        (r#""#, ""),
        ("17", "17"),
    ] {
        let mut buffer = Vec::new();
        assert_eq!(
            super::compact(raw, &mut buffer, Utf8Errors::Strict).unwrap(),
            expected,
            "{raw}"
        );
    }
}

/// However deep they are, there is stack and time enough.
#[test]
fn answers_of_tools_in_one_another() {
    let nested = |depth: usize| {
        let begin = r#"[{"type": "tool_result", "content": "#.repeat(depth);
        let end = "}]".repeat(depth);
        format!(r#"{{"messages": [{{"role": "user", "content": {begin}"found"{end}}}]}}"#)
    };
    assert_eq!(read(&nested(16)).1, ["tool tool_result 0 - found"]);
    for depth in [17, 50_000] {
        let (reason, detail) = refused(&nested(depth));
        assert_eq!(reason, Reason::BadMessage);
        assert_eq!(detail, "answers of tools are too deep in one another");
    }
}

/// A text of two bytes takes a hundred and more while the record is read.
#[test]
fn texts_of_a_record_are_bounded() {
    let list = |texts: usize| format!("[{}\"a\"]", "\"a\",".repeat(texts - 1));
    let batch =
        |texts: usize| format!(r#"{{"custom_id": "1", "body": {{"input": {}}}}}"#, list(texts));
    assert_eq!(read(&batch(1 << 18)).1.len(), 1 << 18);
    for (record, detail) in [
        (batch((1 << 18) + 1), "input has more than 262144 elements"),
        (
            format!(
                r#"{{"messages": [{{"role": "user", "content": {0}}}, {{"role": "user", "content": {0}}}]}}"#,
                list((1 << 17) + 1)
            ),
            "the record has more than 262144 texts",
        ),
    ] {
        assert_eq!(refused(&record), (Reason::TooManyTexts, detail.to_owned()));
    }
}
