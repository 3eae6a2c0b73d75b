//! The characters that stand for bytes in byte-level vocabularies (GPT-2's `bytes_to_unicode`): printable
//! Latin-1 for itself, the other bytes in order from U+0100 on.

/// Whether the byte is its own character.
const fn is_own(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

const CHARS: [char; 256] = {
    let mut chars = ['\0'; 256];
    let (mut byte, mut other) = (0, 0);
    while byte < 256 {
        chars[byte] = if is_own(byte as u8) {
            byte as u8 as char
        } else {
            other += 1;
            match char::from_u32(0xFF + other) {
                Some(c) => c,
                None => unreachable!(),
            }
        };
        byte += 1;
    }
    chars
};

/// By character up to U+0143: the byte it stands for.
const BYTES: [Option<u8>; 0x144] = {
    let mut bytes = [None; 0x144];
    let mut byte = 0;
    while byte < 256 {
        bytes[CHARS[byte] as usize] = Some(byte as u8);
        byte += 1;
    }
    bytes
};

/// The character that stands for `byte`.
pub(crate) fn char_of(byte: u8) -> char {
    CHARS[usize::from(byte)]
}

/// The byte that `c` stands for.
pub(crate) fn byte_of(c: char) -> Option<u8> {
    BYTES.get(c as usize).copied().flatten()
}

/// The bytes that the characters of `token` stand for; `None` where one stands for none.
pub(crate) fn decode(token: &str) -> Option<Vec<u8>> {
    token.chars().map(byte_of).collect()
}

/// The characters that stand for `bytes`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char_of(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_character_of_its_own() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&bytes)), Some(bytes));
        assert_eq!(encode(b" a\n\xAD"), "ĠaĊŃ");
        assert_eq!(decode("x y"), None);
    }
}
