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
        sample:
        statistics: sample scripts
        skip_reason:
        error: skip_reason
        ledger: error skip_reason
        long_document: skip_reason statistics
        source: error ledger long_document progress skip_reason
        format: progress skip_reason source
        recognise: format skip_reason source
        groups: format language sample scripts statistics
        job: error groups language ledger statistics
        run: error format groups job language ledger long_document progress recognise skip_reason source statistics
        fuzzing: format groups job ledger progress run
    ";
    fasttok_testing::layers::check(env!("CARGO_MANIFEST_DIR"), table);
}
