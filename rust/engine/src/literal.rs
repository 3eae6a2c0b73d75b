//! BPE exactly as HF `tokenizers` runs it, symbol by symbol: for vocabularies that the tables of the engine
//! cannot hold, such as those in which unknown characters take part in merges, some bytes of the byte fallback
//! are missing or two tokens share an id, and for those whose words have an affix (CLIP's and GPT-1's `</w>`). As exact as the tables, and slower. Knows no file.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use foldhash::fast::FixedState;

use crate::Error;
use crate::interrupt::{STEP, Watch};
use crate::pretokenize::general::General;

type Map<K, V> = HashMap<K, V, FixedState>;

/// "None": there is no symbol before the first and after the last one.
const NONE: usize = usize::MAX;

/// A vocabulary of texts and what cuts texts for it.
pub(crate) struct Literal {
    pub pieces: General,
    pub vocab: Map<Box<str>, u32>,
    /// The text of each id.
    pub texts: Map<u32, Box<str>>,
    /// By a pair of ids: rank and id of what it makes.
    pub merges: Map<(u32, u32), (u32, u32)>,
    /// The token of what is not in the vocabulary. It need not be there itself until it is needed.
    pub unk_token: Option<String>,
    pub fuse_unk: bool,
    pub byte_fallback: bool,
    /// A piece that is a token is that token, whether or not merging gives it.
    pub ignore_merges: bool,
    /// What is before every character of a piece but the first one.
    pub prefix: String,
    /// What is after the last character of a piece.
    pub suffix: String,
}

/// A part of a piece that is being merged.
struct Symbol {
    id: u32,
    before: usize,
    after: usize,
    /// It has become a part of the one before.
    gone: bool,
}

/// A merge that waits: the one with the lowest rank first, then the leftmost.
type Waiting = Reverse<(u32, usize, u32)>;

impl Literal {
    /// Appends the ids of a text between added tokens, the first `start` bytes of which begin the document.
    pub fn encode(&self, text: &str, start: usize, ids: &mut Vec<u32>) -> Result<(), Error> {
        self.pieces.texts(text, start, &mut |piece| self.encode_piece(piece, ids))
    }

    /// The text of the token `id`.
    pub fn text(&self, id: u32) -> Option<&str> {
        self.texts.get(&id).map(|text| &**text)
    }

    /// The largest id plus one.
    pub fn id_end(&self) -> u32 {
        self.texts.keys().max().map_or(0, |id| id.saturating_add(1))
    }

    fn encode_piece(&self, piece: &str, ids: &mut Vec<u32>) -> Result<(), Error> {
        if self.ignore_merges
            && let Some(&id) = self.vocab.get(piece)
        {
            ids.push(id);
            return Ok(());
        }
        self.merge(self.symbols(piece)?, ids)
    }

    /// The ids of the characters of `piece`, before anything is merged.
    fn symbols(&self, piece: &str) -> Result<Vec<u32>, Error> {
        let mut symbols = Vec::with_capacity(piece.len());
        // An unknown token comes after the byte tokens that follow it: it waits for a known character.
        let mut unknown = None;
        let mut affixed = String::new();
        let mut watch = Watch::new();
        for (at, c) in piece.char_indices() {
            let end = at + c.len_utf8();
            watch.go_on(STEP)?;
            let c = self.with_affixes(&piece[at..end], at == 0, end == piece.len(), &mut affixed);
            if let Some(&id) = self.vocab.get(c) {
                symbols.extend(unknown.take());
                symbols.push(id);
                continue;
            }
            if self.byte_fallback {
                let byte_token = |byte| self.vocab.get(&*format!("<0x{byte:02X}>")).copied();
                if let Some(bytes) = c.bytes().map(byte_token).collect::<Option<Vec<u32>>>() {
                    symbols.extend(bytes);
                    continue;
                }
            }
            let Some(token) = &self.unk_token else { continue };
            let id = self.vocab.get(&**token).copied();
            let id = id.ok_or_else(|| Error::UnsupportedTokenizer {
                component: format!("this text with the unk_token {token:?}"),
                reason: format!("the token is not in the vocabulary, and {c:?} needs it"),
            })?;
            match unknown {
                Some(_) if self.fuse_unk => {}
                _ => symbols.extend(unknown.replace(id)),
            }
        }
        symbols.extend(unknown);
        Ok(symbols)
    }

    /// The character `c` as the vocabulary writes it where it is in its piece; put together in `buffer`, if at all.
    fn with_affixes<'a>(
        &self,
        c: &'a str,
        first: bool,
        last: bool,
        buffer: &'a mut String,
    ) -> &'a str {
        let prefix = if first { "" } else { &self.prefix };
        let suffix = if last { &self.suffix } else { "" };
        if prefix.is_empty() && suffix.is_empty() {
            return c;
        }
        buffer.clear();
        buffer.extend([prefix, c, suffix]);
        buffer
    }

    /// Merges `symbols` and appends what is left of them.
    fn merge(&self, symbols: Vec<u32>, ids: &mut Vec<u32>) -> Result<(), Error> {
        let len = symbols.len();
        let link = |at: usize| if at < len { at } else { NONE };
        let mut symbols: Vec<Symbol> = (0_usize..)
            .zip(symbols)
            .map(|(at, id)| Symbol {
                id,
                before: at.wrapping_sub(1),
                after: link(at + 1),
                gone: false,
            })
            .collect();
        let mut waiting: BinaryHeap<Waiting> = BinaryHeap::with_capacity(len);
        let waits = |symbols: &[Symbol], at: usize| -> Option<Waiting> {
            let right = symbols.get(symbols[at].after)?;
            let &(rank, id) = self.merges.get(&(symbols[at].id, right.id))?;
            Some(Reverse((rank, at, id)))
        };
        let mut watch = Watch::new();
        for at in 0..len {
            watch.go_on(STEP)?;
            waiting.extend(waits(&symbols, at));
        }
        while let Some(Reverse((_, at, made))) = waiting.pop() {
            watch.go_on(STEP)?;
            let after = symbols[at].after;
            if symbols[at].gone || after == NONE {
                continue;
            }
            // It may have been overtaken. The same id by another pair will do: so it is in the reference.
            let now = self.merges.get(&(symbols[at].id, symbols[after].id));
            if now.is_none_or(|&(_, id)| id != made) {
                continue;
            }
            symbols[at].id = made;
            let next = symbols[after].after;
            symbols[at].after = next;
            symbols[after].gone = true;
            if let Some(next) = symbols.get_mut(next) {
                next.before = at;
            }
            if let before @ 0..NONE = symbols[at].before {
                waiting.extend(waits(&symbols, before));
            }
            waiting.extend(waits(&symbols, at));
        }
        ids.extend(symbols.iter().filter(|symbol| !symbol.gone).map(|symbol| symbol.id));
        Ok(())
    }
}
