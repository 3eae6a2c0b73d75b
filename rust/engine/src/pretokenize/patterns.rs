//! Which family a split pattern is of, and patterns of which several are one family. Single patterns are in the list of
//! families, as vendors write them.

use super::{PATTERNS, Pretokenizer};

/// The three splits of DeepSeek V3.
pub(crate) const DEEPSEEK_V3: [&str; 3] = [
    r"\p{N}{1,3}",
    r"[一-龥぀-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
];
/// The splits of DeepSeek V2 and LLM, before digits.
pub(crate) const DEEPSEEK_V2: [&str; 5] = [
    "[\r\n]",
    "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+",
    "\\s?[!-/:-~！-／：-～‘-‟　-。]+",
    "\\s+$",
    "[一-龥ࠀ-一가-퟿]+",
];
/// The splits of DeepSeek Coder, before digits.
pub(crate) const DEEPSEEK_CODER: [&str; 4] =
    ["[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[一-龥ࠀ-一가-퟿]+"];
/// Also what `ByteLevel` of HF `tokenizers` splits by.
pub(crate) const GPT2: &str =
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// [`family`] of a pattern as Oniguruma reads it: in its Ruby syntax `$` is the end of a line, and `{1,3}+` is
/// not possessive, so that such a pattern is another one there.
pub(crate) fn onig_family(pattern: &str) -> Option<Pretokenizer> {
    let counted = |(at, _): (usize, &str)| pattern.as_bytes()[at - 1].is_ascii_digit();
    let differs = pattern.contains('$') || pattern.match_indices("}+").any(counted);
    family(pattern).filter(|_| !differs)
}

/// The family of the split pattern `pattern`, if it has a scanner.
pub(crate) fn family(pattern: &str) -> Option<Pretokenizer> {
    PATTERNS.iter().find(|(known, _)| *known == pattern).map(|(_, family)| family.clone())
}

/// The regular expression of the family of that name, if it is a single one.
pub(crate) fn of_family(name: &str) -> Option<&'static str> {
    PATTERNS.iter().find(|(_, family)| family.name() == name).map(|(pattern, _)| *pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_oniguruma_reads_otherwise() {
        assert!(onig_family(Pretokenizer::pattern_of("cl100k").expect("there is one")).is_none());
        for (pattern, _) in PATTERNS.iter().filter(|(pattern, _)| !pattern.contains('$')) {
            assert!(onig_family(pattern).is_some(), "{pattern}");
        }
    }
}
