//! Words as white space separates them: what single-token retention is taken of.
//!
//! Not the words of UAX #29, which `crate::statistics` counts: these are cut by white space alone, as the measure is
//! defined where it is published. It knows nothing of tokens.

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

/// Tibetan and the scripts of Thai, Lao, Burmese, Khmer, Chinese and Japanese: no space separates words.
const WITHOUT_SPACES: [(char, char); 10] = [
    ('\u{e01}', '\u{e7f}'),
    ('\u{e81}', '\u{eff}'),
    ('\u{f40}', '\u{fbc}'),
    ('\u{1000}', '\u{109f}'),
    ('\u{1780}', '\u{17ff}'),
    ('\u{3041}', '\u{30ff}'),
    ('\u{3400}', '\u{4dbf}'),
    ('\u{4e00}', '\u{9fff}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{20000}', '\u{3ffff}'),
];

/// The running words of `texts`: what is between white space, without punctuation and symbols at its ends. `None`
/// where there is none, and for text mostly in a script that puts no space between words.
pub fn spaced_words<'t>(
    texts: impl IntoIterator<Item = &'t str> + Clone,
) -> Option<impl Iterator<Item = &'t str>> {
    let category = CodePointMapData::<GeneralCategory>::new();
    let is_mark = move |c: char| match c.is_ascii() {
        true => c.is_ascii_punctuation(),
        false => {
            let category = category.get(c);
            GeneralCategoryGroup::Punctuation.contains(category)
                || GeneralCategoryGroup::Symbol.contains(category)
        }
    };
    let is_letter = |c: char| match c.is_ascii() {
        true => c.is_ascii_alphabetic(),
        false => {
            let category = category.get(c);
            GeneralCategoryGroup::Letter.contains(category)
                || matches!(category, GeneralCategory::LetterNumber | GeneralCategory::OtherNumber)
        }
    };
    // Most languages have no such character, and then letters need not be looked up.
    let bare = number_of(texts.clone(), is_without_spaces);
    if bare > 0 && 2 * bare > number_of(texts.clone(), is_letter) {
        return None;
    }
    let words = texts.into_iter().flat_map(|text| text.split(is_space));
    let words = words.map(move |word| word.trim_matches(is_mark));
    let mut words = words.filter(|word| !word.is_empty()).peekable();
    words.peek()?;
    Some(words)
}

fn number_of<'t>(
    texts: impl IntoIterator<Item = &'t str>,
    test: impl Fn(char) -> bool + Copy,
) -> usize {
    texts.into_iter().map(|text| text.chars().filter(|&c| test(c)).count()).sum()
}

fn is_without_spaces(c: char) -> bool {
    c >= WITHOUT_SPACES[0].0
        && WITHOUT_SPACES.iter().any(|&(first, last)| (first..=last).contains(&c))
}

/// White space, and the four separators of ASCII.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_between_white_space_without_marks_around_them() {
        let words = |text| spaced_words([text]).map(Vec::from_iter);
        assert_eq!(words("\u{201c}Hi,\u{201d} he said: hi! -- hi"), {
            Some(vec!["Hi", "he", "said", "hi", "hi"])
        });
        assert_eq!(words("don't\u{a0}stop\u{1c}now\u{3000}5 €"), {
            Some(vec!["don't", "stop", "now", "5"])
        });
        assert_eq!(spaced_words(["a b", "b"]).map(Vec::from_iter), Some(vec!["a", "b", "b"]));
        for text in ["", " ", "...", "猫坐在垫子上", "ความ สุข", "a 猫坐"] {
            assert_eq!(words(text), None, "{text}");
        }
        assert!(words("한국어 텍스트").is_some() && words("abc 猫").is_some());
    }
}
