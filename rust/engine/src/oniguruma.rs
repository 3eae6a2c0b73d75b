//! Regular expressions in Oniguruma's Ruby syntax, the engine that HF `tokenizers` runs them in. Knows neither
//! normalizers nor pretokenizers.
//!
//! The engine gives a text up after ten million steps back from one start, as the reference's does; the crate's own
//! iterator panics there, so that matches are looked for here.

use onig::{MatchParam, Regex, Region, SearchOptions};

use crate::Error;

/// A regular expression and its text.
pub(crate) struct Oniguruma {
    regex: Regex,
    pattern: String,
}

impl Oniguruma {
    /// Compiles `pattern`. The error is what Oniguruma says.
    pub fn new(pattern: &str) -> Result<Oniguruma, String> {
        match Regex::new(pattern) {
            Ok(regex) => Ok(Oniguruma { regex, pattern: pattern.to_owned() }),
            Err(error) => Err(error.description().to_owned()),
        }
    }

    /// Gives start and end of each match in `text`, the first one first, to `matched`. An empty match right after
    /// another one is none. `step` is what errors call the user of the expression.
    pub fn for_each_match(
        &self,
        step: &str,
        text: &str,
        matched: &mut dyn FnMut(usize, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut region = Region::new();
        let mut from = 0;
        let mut last_end = None;
        while from <= text.len() {
            region.clear();
            let found = self.regex.search_with_param(
                text,
                from,
                text.len(),
                SearchOptions::SEARCH_OPTION_NONE,
                Some(&mut region),
                MatchParam::default(),
            );
            match found {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return Err(Error::gave_up(step, &self.pattern, error.description())),
            }
            let Some((start, end)) = region.pos(0) else { break };
            if start == end && last_end == Some(end) {
                from += text[from..].chars().next().map_or(1, char::len_utf8);
                continue;
            }
            (from, last_end) = (end, Some(end));
            matched(start, end)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> Result<Vec<(usize, usize)>, Error> {
        let mut all = Vec::new();
        Oniguruma::new(pattern).unwrap().for_each_match("the test", text, &mut |start, end| {
            all.push((start, end));
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn matches_are_those_of_the_crate() {
        let texts = ["", "a", "aé a", "ééé", " a  b ", "字a字", "x\ny\n"];
        for pattern in ["a", "a*", "^", "$", "\\b", "(?=a)", "é|", "\\s+|", "(?<=a)", "."] {
            for text in texts {
                let expected: Vec<_> = Regex::new(pattern).unwrap().find_iter(text).collect();
                assert_eq!(matches(pattern, text).unwrap(), expected, "{pattern} in {text:?}");
            }
        }
    }

    #[test]
    fn giving_up_is_an_error() {
        let text = "a".repeat(50) + "!";
        let error = matches("(a+)+$", &text).unwrap_err();
        assert!(matches!(error, Error::PatternLimit { .. }), "{error}");
        assert!(error.to_string().contains("the test \"(a+)+$\""), "{error}");
    }
}
