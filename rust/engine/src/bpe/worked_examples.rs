//! The worked examples of the modules' documentation, done by what they explain: an example that no longer holds fails
//! here. All are of o200k_base.

use std::sync::Arc;

use fasttok_simd::Portable;

use super::naive::{NONE, Naive};
use super::windowed::Window;
use crate::Encoding;
use crate::pretokenize::Pretokenizer;
use crate::vocab::Vocab;

fn o200k_base() -> Arc<Encoding> {
    Encoding::embedded("o200k_base").unwrap()
}

/// The tokens that merging `parts`, which are tokens, gives plainly.
fn merged(vocab: &Vocab, parts: &[&[u8]]) -> Vec<Vec<u8>> {
    let text = parts.concat();
    let mut end = 0;
    let ranges = parts.iter().map(|part| {
        end += part.len();
        (end - part.len(), end)
    });
    let mut naive = Naive::new();
    let join = |left: (usize, usize), right: (usize, usize)| {
        let both = (left.0, right.1);
        (vocab.find(&text[both.0..both.1]).unwrap_or(NONE), both)
    };
    naive.merge(ranges, 1, join).iter().map(|&(start, end)| text[start..end].to_vec()).collect()
}

/// The tokens that the bytes of `text` merge into.
fn tokens(vocab: &Vocab, text: &str) -> Vec<Vec<u8>> {
    let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    merged(vocab, &bytes)
}

/// [`super::registers`]: the merges in the order of their ranks.
#[test]
fn merge_by_merge() {
    let encoding = o200k_base();
    let vocab = encoding.vocab();
    let ranks = [&b"\xC3\xBC"[..], b"\xC3\x9F", b"Gr", b"\xC3\x9Fe"].map(|token| vocab.find(token));
    assert_eq!(ranks, [572, 2819, 3193, 13153].map(Some));
    assert_eq!(tokens(vocab, "Grüße"), [&b"Gr"[..], b"\xC3\xBC", b"\xC3\x9Fe"]);
    // With both letters whole from the start two merges are left, `Gr` the first of them.
    let whole = [&b"G"[..], b"r", b"\xC3\xBC", b"\xC3\x9F", b"e"];
    assert_eq!(merged(vocab, &whole), tokens(vocab, "Grüße"));
}

/// [`super::in_step`] and [`super::merge_table`]: what the two lanes probe, and what a slot gives.
#[test]
fn two_lanes() {
    let encoding = o200k_base();
    let (vocab, pairs) = (encoding.vocab(), encoding.pairs());
    let find = |token: &str| vocab.find(token.as_bytes()).unwrap();
    let merges = pairs.merges(super::scripts::ALL);
    let (g, r, gr, u) = (find("G"), find("r"), find("Gr"), find("ü"));
    assert_eq!((gr, vocab.len() < 1 << 18), (3193, true));
    assert_eq!((merges.probe(g, r), pairs.verify(g, r, gr)), (gr, true));
    assert_eq!(pairs.get(gr, u), super::pairs::NONE);
    assert_eq!(pairs.get(find("и"), find("р")), find("ир"));
    assert_eq!(pairs.get(find("м"), find("ир")), super::pairs::NONE);
    assert!(find("Gr") < find("ße"));
}

/// [`super::windowed`]: `Grüße Grüße` in windows of eight bytes.
#[test]
fn windows() {
    let encoding = o200k_base();
    let vocab = encoding.vocab();
    let first: [&[u8]; 4] = [b"Gr", b"\xC3\xBC", b"\xC3\x9Fe", b" "];
    assert_eq!(tokens(vocab, "Grüße "), first);
    assert_eq!(tokens(vocab, " Grüße"), [" Grüße".as_bytes()]);
    let kept = ["ße".as_bytes(), " Grüße".as_bytes()];
    assert_eq!(merged(vocab, &kept), kept);
    assert_eq!(tokens(vocab, "ße Grüße"), kept);
    let text = "Grüße Grüße";
    assert_eq!(tokens(vocab, text).len(), 4);
    assert_eq!(Window::new().merge(Portable, encoding.pairs(), text.as_bytes()), 4);
}

/// [`super::east_asian`]: the segments of a sentence, and a token of parts of characters.
#[test]
fn east_asian_segments() {
    let encoding = o200k_base();
    let (vocab, tables) = (encoding.vocab(), encoding.east_asian());
    let text = "我们在北京工作。";
    let (mut segments, mut start) = (Vec::new(), 0);
    while start < text.len() {
        let end = tables.segment_end(text.as_bytes(), start);
        segments.push(&text[start..end]);
        start = end;
    }
    assert_eq!(segments, ["我们", "在", "北京", "工作", "。"]);
    assert!(segments.iter().all(|segment| tokens(vocab, segment).len() == 1));
    assert_eq!(tokens(vocab, text).len(), 5);
    assert!("北".as_bytes().ends_with(b"\x97") && vocab.find(b"\x97\xE4\xBA\xAC").is_some());
}

/// [`super::alphabetic_segments`]: a Thai text falls into its words, and the token that begins inside U+0095.
#[test]
fn alphabetic_segments() {
    let encoding = o200k_base();
    let vocab = encoding.vocab();
    let text = "ภาษาไทยไม่มีช่องว่าง";
    let mut segments = Vec::new();
    encoding.segmenter().for_each_segment(text.as_bytes(), |start, end| {
        segments.push(&text[start..end]);
    });
    // The first one is empty where a text begins with a boundary.
    segments.retain(|segment| !segment.is_empty());
    assert_eq!(segments, ["ภาษา", "ไทย", "ไม่มี", "ช่อง", "ว่าง"]);
    let counts: Vec<_> = segments.iter().map(|segment| tokens(vocab, segment).len()).collect();
    assert_eq!((&counts[..], tokens(vocab, text).len()), (&[1, 1, 1, 1, 2][..], 6));
    assert!(vocab.find(b"\x95\n\n").is_some());
}

/// [`crate::pretokenize::block`]: the starts of `one  two`, by its masks and by the scalar reference.
#[test]
fn starts_in_white_space() {
    let text = b"one  two";
    let space = 0b1_1000_u64;
    let starts = 1 | space & !(space >> 1) | space & !(space << 1);
    let (scanner, mut start, mut expected) = (Pretokenizer::Cl100k.scanner().unwrap(), 0, 0);
    while start < text.len() {
        expected |= 1 << start;
        start = (scanner.piece_end)(text, start);
    }
    assert_eq!((starts, expected), (0b1_1001, 0b1_1001));
}
