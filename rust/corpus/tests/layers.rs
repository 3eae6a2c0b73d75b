//! No circle among the parts of the crate.

#[test]
fn parts_use_only_what_is_below_them() {
    let table = "
        progress:
        language:
        detect: language
        words:
        single_token_words: words
        scripts:
        bootstrap:
        statistics: bootstrap scripts
        position:
        skip_reason:
        entry: position skip_reason
        error: entry
        ledger: entry error skip_reason
        long_document: position skip_reason statistics
        source: entry error position progress skip_reason
        input_files: error source
        messages_met:
        record: messages_met position progress skip_reason source
        reading: long_document position progress record skip_reason source
        format: messages_met position progress reading record skip_reason source
        recognise: format record skip_reason source
        sampling:
        groups: bootstrap error language messages_met record scripts statistics
        per_document: error groups position
        job: entry error groups input_files language ledger record sampling source statistics
        run: entry error format groups input_files job language ledger long_document messages_met per_document position progress reading recognise record sampling scripts skip_reason source statistics
        agent_logs: entry error format job position progress run skip_reason
        fuzzing: format groups job ledger progress run
    ";
    fasttok_testing::layers::check(env!("CARGO_MANIFEST_DIR"), table);
}
