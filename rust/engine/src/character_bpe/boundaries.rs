//! Where no merge crosses: what stands in for a pretokenizer where the tokenizer has none.
//!
//! A boundary between two characters that are neighbours in no token is one that no merge crosses: both
//! sides merge by themselves. Which bytes are ever neighbours is a table; which classes of ASCII never do, or
//! nearly always do, is known beforehand, so that few boundaries are looked up. Tokens are whole characters
//! here, so the last byte of the left one and the first of the right one are enough: `A9 | 61` is safe unless
//! a token holds an `a` after some character that ends with A9. An unknown character merges with nothing
//! but itself.
//!
//! User-defined pieces, matched before anything is merged, end pieces on both sides.

use std::collections::HashMap;

use fasttok_simd::Simd;

use crate::interrupt::Watch;
use crate::pretokenize::block::BLOCK;

/// Classes of bytes; the last is all that is not ASCII.
const CLASSES: usize = 8;
const MULTI: usize = CLASSES - 1;

fn class_of(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        b' ' => 3,
        b'\r' | b'\n' => 4,
        b'\t' | 0x0B | 0x0C => 5,
        0x80.. => MULTI,
        _ => 6,
    }
}

/// Classes whose inner boundaries are not worth a look.
fn is_dense(left: usize, right: usize) -> bool {
    left < 2 && right < 2
}

/// The boundaries of a vocabulary.
pub(crate) struct Boundaries {
    /// A bit a pair of bytes: the last of a character and the first of the next one in some token.
    pairs: Box<[u64; 1 << 10]>,
    /// By right and left class: all ones where two are never neighbours.
    always: [[u64; CLASSES]; CLASSES],
    /// By right and left class: all ones where the pair of bytes decides.
    mixed: [[u64; CLASSES]; CLASSES],
    user: Option<UserPieces>,
    /// As `pairs`, in user-defined pieces.
    in_user: Box<[u64; 1 << 10]>,
}

/// The pieces that begin in a block.
pub(crate) struct BlockPieces {
    /// Bytes at which pieces start; bit 0 is one of them.
    pub starts: u64,
    /// Those that are user-defined pieces.
    pub user: u64,
    /// First bytes of characters U+3000-U+DFFF and U+F000-U+FFFF.
    pub east_asian: u64,
    /// First bytes of all characters.
    pub chars: u64,
}

impl Boundaries {
    /// `merged`: all tokens that merging gives; `user`: user-defined pieces and their ids.
    pub fn new<'a>(merged: impl Iterator<Item = &'a str>, user: &[(String, u32)]) -> Boundaries {
        let mut pairs = Box::new([0u64; 1 << 10]);
        let mut in_user = pairs.clone();
        for two in user.iter().flat_map(|(piece, _)| piece.as_bytes().windows(2)) {
            in_user[usize::from(two[0]) << 2 | usize::from(two[1]) >> 6] |= 1 << (two[1] & 63);
        }
        let mut together = [[false; CLASSES]; CLASSES];
        for token in merged {
            let bytes = token.as_bytes();
            for at in (1..bytes.len()).filter(|&at| bytes[at] & 0xC0 != 0x80) {
                let (left, right) = (bytes[at - 1], bytes[at]);
                pairs[usize::from(left) << 2 | usize::from(right) >> 6] |= 1 << (right & 63);
                together[class_of(right)][class_of(left)] = true;
            }
        }
        let mut always = [[0; CLASSES]; CLASSES];
        let mut mixed = [[0; CLASSES]; CLASSES];
        for right in 0..CLASSES {
            for left in 0..CLASSES {
                if !together[right][left] {
                    always[right][left] = u64::MAX;
                } else if !is_dense(left, right) {
                    mixed[right][left] = u64::MAX;
                }
            }
        }
        let user = (!user.is_empty()).then(|| UserPieces::new(user));
        Boundaries { pairs, always, mixed, user, in_user }
    }

    /// User-defined pieces, if there are any.
    pub fn user(&self) -> Option<&UserPieces> {
        self.user.as_ref()
    }

    /// Whether no token holds a character that ends with `left` followed by one that begins with `right`.
    #[inline(always)]
    fn apart(&self, left: u8, right: u8) -> bool {
        self.pairs[usize::from(left) << 2 | usize::from(right) >> 6] >> (right & 63) & 1 == 0
    }

    /// Whether no piece of any kind holds these two bytes one after the other.
    pub fn never_together(&self, left: u8, right: u8) -> bool {
        let in_user = self.in_user[usize::from(left) << 2 | usize::from(right) >> 6];
        self.apart(left, right) && in_user >> (right & 63) & 1 == 0
    }

    /// The end of the piece that starts at `start`, and whether it is a user-defined one. The scalar counterpart
    /// of [`Boundaries::pieces`], which may find more boundaries or fewer: any will do. May be interrupted.
    pub fn piece_end(&self, text: &[u8], start: usize) -> (usize, bool) {
        let user = |at: usize| self.user.as_ref().map_or(0, |user| user.longest(&text[at..]));
        let len = user(start);
        if len > 0 {
            return (start + len, true);
        }
        let mut at = start + 1;
        let mut watch = Watch::new();
        while at < text.len() {
            let (left, right) = (text[at - 1], text[at]);
            if right & 0xC0 != 0x80 && (self.apart(left, right) || user(at) > 0 || watch.stops(1)) {
                return (at, false);
            }
            at += 1;
        }
        (text.len(), false)
    }

    /// The pieces among the first `len` of the 64 bytes at `at`, where one starts. The last of them may
    /// go on after. The text ends at `end`, but a block can be read.
    #[inline(always)]
    pub fn pieces<S: Simd>(
        &self,
        simd: S,
        text: &[u8],
        at: usize,
        len: usize,
        end: usize,
    ) -> BlockPieces {
        let block: &[u8; BLOCK] = text[at..at + BLOCK].try_into().expect("a whole block");
        let bytes = simd.classify(block);
        let within = u64::MAX >> (64 - len);
        let chars = !bytes.continuation & within;
        let other_space = bytes.space & !bytes.blank;
        let signs = !(bytes.upper
            | bytes.lower
            | bytes.number
            | bytes.space
            | bytes.newline
            | bytes.non_ascii);
        let right: [u64; CLASSES] = [
            bytes.lower,
            bytes.upper,
            bytes.number,
            bytes.blank,
            bytes.newline,
            other_space,
            signs,
            bytes.non_ascii & chars,
        ];
        let mut left = right.map(|mask| mask << 1);
        left[MULTI] = bytes.non_ascii << 1;
        let (mut always, mut mixed) = (0, 0);
        for (class, &mask) in right.iter().enumerate() {
            let (mut cut, mut look) = (0, 0);
            let rules = self.always[class].iter().zip(&self.mixed[class]);
            for (&before, (&always, &mixed)) in left.iter().zip(rules) {
                cut |= before & always;
                look |= before & mixed;
            }
            always |= cut & mask;
            mixed |= look & mask;
        }
        let mut starts = 1 | always & chars;
        // East Asian characters have boundaries of their own.
        let mut look = mixed & chars & !1 & !bytes.east_asian;
        while look != 0 {
            let i = look.trailing_zeros();
            look &= look - 1;
            let i = i as usize;
            starts |= u64::from(self.apart(block[i - 1], block[i])) << i;
        }
        let mut user_starts = 0;
        if let Some(user) = &self.user {
            let mut candidates = 0;
            for (class, &mask) in right.iter().enumerate() {
                candidates |= mask & user.firsts[class];
            }
            if user.firsts[3] != 0 {
                // A blank is nothing special but before some classes.
                let mut next = 1 << 63 | 1 << (len - 1);
                for (class, &mask) in right.iter().enumerate() {
                    next |= mask >> 1 & user.behind_blank[class];
                }
                candidates &= !bytes.blank | next;
            }
            let mut rest = candidates & chars;
            while rest != 0 {
                let i = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                let length = user.longest(&text[at + i..end]);
                if length == 0 {
                    continue;
                }
                user_starts |= 1 << i;
                starts |= 1 << i;
                let after = i + length;
                let inside = (u64::MAX << i) & !(1 << i) & below(after);
                starts &= !inside;
                rest &= !inside;
                if after < len {
                    starts |= 1 << after;
                }
            }
        }
        BlockPieces { starts, user: user_starts, east_asian: bytes.east_asian & within, chars }
    }
}

fn below(bits: usize) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

/// Pieces that are matched before anything is merged: the longest one at each offset.
pub(crate) struct UserPieces {
    /// By class: all ones where one begins with such a byte.
    firsts: [u64; CLASSES],
    /// By class: all ones where a piece begins with a blank and such a byte, or is a blank.
    behind_blank: [u64; CLASSES],
    /// The node after each first byte.
    root: [u32; 256],
    /// (node, byte) to node.
    edges: HashMap<(u32, u8), u32, foldhash::fast::FixedState>,
    /// By node: the id of the piece that ends here, and whether there are longer ones.
    nodes: Vec<(Option<u32>, bool)>,
}

impl UserPieces {
    /// `pieces`: text, not empty, and id of each.
    pub fn new(pieces: &[(String, u32)]) -> UserPieces {
        let mut user = UserPieces {
            firsts: [0; CLASSES],
            behind_blank: [0; CLASSES],
            root: [0; 256],
            edges: HashMap::default(),
            // Node 0 is nowhere.
            nodes: vec![(None, false)],
        };
        for (piece, id) in pieces {
            let bytes = piece.as_bytes();
            user.firsts[class_of(bytes[0])] = u64::MAX;
            if bytes[0] == b' ' {
                match bytes.get(1) {
                    Some(&second) => user.behind_blank[class_of(second)] = u64::MAX,
                    None => user.behind_blank = [u64::MAX; CLASSES],
                }
            }
            let fresh = user.nodes.len() as u32;
            let mut node = user.root[usize::from(bytes[0])];
            if node == 0 {
                node = fresh;
                user.root[usize::from(bytes[0])] = node;
                user.nodes.push((None, false));
            }
            for &byte in &bytes[1..] {
                user.nodes[node as usize].1 = true;
                let fresh = user.nodes.len() as u32;
                node = *user.edges.entry((node, byte)).or_insert(fresh);
                if node == fresh {
                    user.nodes.push((None, false));
                }
            }
            user.nodes[node as usize].0 = Some(*id);
        }
        user
    }

    /// Length and id of the longest piece that begins `text`.
    pub fn find(&self, text: &[u8]) -> Option<(usize, u32)> {
        let mut node = self.root[usize::from(*text.first()?)];
        let mut found = None;
        let mut len = 1;
        while node != 0 {
            let (id, longer) = self.nodes[node as usize];
            if let Some(id) = id {
                found = Some((len, id));
            }
            let Some(&byte) = text.get(len).filter(|_| longer) else { break };
            node = self.edges.get(&(node, byte)).copied().unwrap_or(0);
            len += 1;
        }
        found
    }

    /// The length of the longest piece that begins `text`, or 0.
    #[inline]
    fn longest(&self, text: &[u8]) -> usize {
        if self.root[usize::from(text[0])] == 0 {
            return 0;
        }
        self.find(text).map_or(0, |(len, _)| len)
    }

    /// Whether one begins with a blank.
    pub fn begin_with_blank(&self) -> bool {
        self.root[usize::from(b' ')] != 0
    }
}
