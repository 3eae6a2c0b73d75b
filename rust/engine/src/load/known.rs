//! Rank files that are known by their hash: how they split text, and their special tokens.

/// What is known of a file.
pub(super) struct Known {
    hash: &'static str,
    /// The name of the family.
    pub pretokenizer: &'static str,
    /// Whether text is put into NFC first.
    pub nfc: bool,
    pub special_tokens: fn() -> Vec<(String, u32)>,
}

/// The known file with this SHA-256 (in hex).
pub(super) fn by_hash(hash: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.hash == hash)
}

const KNOWN: &[Known] = &[];
