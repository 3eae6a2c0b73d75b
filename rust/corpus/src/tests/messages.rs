//! Conversations: several documents a record, whatever the layout of the file.

use super::*;

const CHATS: [&str; 3] = [
    r#"{"id": "a", "messages": [{"role": "user", "content": "one two"}, {"role": "assistant", "content": "three"}]}"#,
    r#"{"id": "b", "conversations": [{"from": "human", "value": "Grüße"}, {"from": "gpt", "value": [{"type": "image"}]}]}"#,
    r#"{"id": "c", "instruction": "four", "output": "five six seven"}"#,
];

fn job_of(folder: &Folder, by: &[&str]) -> Job {
    Job {
        format: Some("messages".to_owned()),
        by: by.iter().map(|key| Key::parse(key)).collect(),
        ..folder.job()
    }
}

#[test]
fn texts_are_documents_in_every_layout() {
    let pretty = |chat: &str| {
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(chat).unwrap())
            .unwrap()
    };
    let layouts = [
        CHATS.join("\n"),
        format!("\u{feff}\n{}\r\n", CHATS.join("\r\n\n")),
        format!("[{}]", CHATS.join(",\n")),
        format!("[\n{}\n]\n", CHATS.map(pretty).join(",\n")),
        CHATS.map(pretty).join("\n"),
    ];
    for layout in layouts {
        let folder = Folder::with("a.json", &layout);
        let outcome = count(&job_of(&folder, &["role", "part", "turn", "id"]));
        assert_eq!((outcome.ledger.seen, outcome.ledger.counted), (5, 5), "{layout}");
        let groups: Vec<String> = outcome
            .groups
            .iter()
            .map(|g| {
                let key: Vec<_> = g.key.iter().map(|v| v.as_deref().unwrap_or("-")).collect();
                format!("{} {}", key.join(" "), g.tally.bytes)
            })
            .collect();
        let expected = [
            "assistant text 1 a 5",
            "assistant text 1 c 14",
            "user text 1 a 7",
            "user text 1 b 7",
            "user text 1 c 4",
        ];
        assert_eq!(groups, expected, "{layout}");
        let messages = &outcome.fields_met.messages;
        let records: Vec<_> =
            messages.records.iter().map(|(shape, n)| (shape.as_str(), *n)).collect();
        assert_eq!(records, [("alpaca", 1), ("messages", 1), ("sharegpt", 1)]);
        assert_eq!(messages.not_counted.get("image"), Some(&1));
    }
}

#[test]
fn a_record_is_skipped_as_a_whole() {
    let file = [
        CHATS[0],
        r#"{"messages": [{"role": "user", "content": "good"}, {"role": "user", "content": 5}]}"#,
        r#"{"text": "a"}"#,
        r#"{"custom_id": "x", "error": {"code": "expired"}}"#,
        // One text of it is none; the others are counted.
        r#"{"messages": [{"role": "user", "content": "good"}, {"role": "user", "content": "\ud800"}]}"#,
        "{\"messages\": [{\"role\": \"user\", \"content\": \"cut",
    ]
    .join("\n");
    let folder = Folder::with("a.jsonl", file);
    let outcome = count(&job_of(&folder, &[]));
    let skipped: Vec<_> = folder
        .ledger(&outcome)
        .into_iter()
        .map(|(_, line, reason)| (line.unwrap(), reason))
        .collect();
    let expected = [
        (2, Reason::BadMessage),
        (3, Reason::UnknownShape),
        (4, Reason::ErrorRow),
        (5, Reason::LoneSurrogate),
        (6, Reason::BrokenJson),
    ];
    assert_eq!(skipped, expected);
    assert_eq!((outcome.ledger.seen, outcome.ledger.counted), (8, 3));
}

#[test]
fn what_has_no_fields_is_refused() {
    let folder = Folder::with("a.jsonl", CHATS.join("\n"));
    let job = Job { text_field: Some("text".into()), ..job_of(&folder, &[]) };
    assert!(matches!(try_count(&job, 4096), Err(Error::InvalidJob { .. })));
    let error = try_count(&job_of(&folder, &["rolle"]), 4096).unwrap_err();
    assert!(matches!(error, Error::UnknownField { .. }), "{error}");
    // These are known, whether a record has them or not.
    count(&job_of(&folder, &["custom_id", "tool", "shape"]));
}

#[test]
fn answers_of_batches_are_in_the_last_turn_of_their_requests() {
    let records = [
        r#"{"custom_id": "a", "response": {"status_code": 200, "body": {"choices": [{"message": {"role": "assistant", "content": "four"}}]}}}"#,
        r#"{"custom_id": "b", "response": {"status_code": 200, "body": {"choices": [{"message": {"role": "assistant", "content": "nobody asked"}}]}}}"#,
        r#"{"custom_id": "a", "body": {"messages": [{"role": "user", "content": "1"}, {"role": "assistant", "content": "22"}, {"role": "user", "content": "333"}]}}"#,
    ];
    let expected = [(Some("1"), 3), (Some("2"), 7), (None, 12)];
    for records in [records, [records[2], records[1], records[0]]] {
        let folder = Folder::with("a.jsonl", records.join("\n"));
        for by in [vec!["turn"], vec!["script", "turn"], vec!["turn", "extension"]] {
            let at = by.iter().position(|key| *key == "turn").unwrap();
            // Who takes documents one after the other does not know yet.
            let outcome = try_count(&job_of(&folder, &by), 4096).unwrap();
            let mut sums = std::collections::BTreeMap::new();
            for group in outcome.groups.iter() {
                *sums.entry(group.key[at].clone()).or_insert(0) += group.tally.bytes;
            }
            for (turn, bytes) in expected {
                assert_eq!(sums.remove(&turn.map(str::to_owned)), Some(bytes), "{by:?} {turn:?}");
            }
            assert!(sums.is_empty(), "{sums:?}");
        }
    }
}

#[test]
fn a_list_by_itself_is_one_of_messages() {
    let list = r#"[{"role": "user", "content": "one"}, {"role": "gpt", "content": "two"}]"#;
    for (layout, records) in [
        (list.to_owned(), 1),
        // Its first message is not all there when the layout is told.
        (list.replace("one", &"x".repeat(100_000)), 1),
        (format!("{list}\n{list}"), 2),
        (format!("[{list}, {list}]"), 2),
        (format!("[{{\"messages\": {list}}}, {list}]"), 2),
    ] {
        let folder = Folder::with("a.jsonl", &layout);
        let outcome = count(&job_of(&folder, &[]));
        assert_eq!(outcome.ledger.counted, 2 * records);
        let whole = Job { format: Some("message_records".into()), ..job_of(&folder, &[]) };
        assert_eq!(count(&whole).ledger.counted, records);
    }
}
