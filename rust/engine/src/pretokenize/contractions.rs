//! The endings of English contractions, which most split patterns name: `'s 'd 'm 't 'll 've 're`.

/// The length in bytes of the ending of an English contraction at `at`, just after its apostrophe:
/// `s d m t ll ve re` in any case, where `ſ` is a case of `s`; 0 if there is none.
#[inline(always)]
pub(super) fn contraction(text: &[u8], at: usize) -> usize {
    let Some(&first) = text.get(at) else { return 0 };
    match first | 0x20 {
        b's' | b'd' | b'm' | b't' => 1,
        first @ (b'l' | b'v' | b'r') => match (first, text.get(at + 1).map(|b| b | 0x20)) {
            (b'l', Some(b'l')) | (b'v' | b'r', Some(b'e')) => 2,
            _ => 0,
        },
        _ if text[at..].starts_with("ſ".as_bytes()) => 2,
        _ => 0,
    }
}

/// [`contraction`] in lower case ASCII only, as GPT-2's pattern has it.
#[inline(always)]
pub(super) fn lower_contraction(text: &[u8], at: usize) -> usize {
    let len = contraction(text, at);
    if text[at..at + len].iter().all(u8::is_ascii_lowercase) { len } else { 0 }
}
