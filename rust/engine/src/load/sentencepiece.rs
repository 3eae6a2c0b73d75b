//! sentencepiece's `.model` files: a protocol buffer (`sentencepiece_model.proto`), of which BPE is read.

use std::collections::{HashMap, HashSet};

use super::{damaged, unsupported};
use crate::Error;
use crate::added::AddedToken;
use crate::character_bpe::boundaries::UserPieces;
use crate::character_bpe::decode::{Decoder, Written};
use crate::character_bpe::plain::{self, Plain};
use crate::character_bpe::rules::{META, Prefix, Rules};
use crate::character_bpe::symbols::Order;
use crate::character_bpe::{Definition, Unknown};
use crate::normalize::charsmap::Charsmap;

/// Whether `data` begins as a `.model` file does: with a message whose first field is a text.
pub(super) fn is_model(data: &[u8]) -> bool {
    matches!(data, [0x0A, _, 0x0A, ..])
}

/// What a piece is (`ModelProto.SentencePiece.Type`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

struct Piece {
    text: String,
    score: f32,
    kind: Kind,
}

struct Model {
    pieces: Vec<Piece>,
    kind: u64,
    suffix: bool,
    byte_fallback: bool,
    unknown_surface: Option<String>,
    normalizer: NormalizerSpec,
    denormalizer: Option<NormalizerSpec>,
}

/// `NormalizerSpec`
struct NormalizerSpec {
    charsmap: Vec<u8>,
    dummy_prefix: bool,
    remove_extra: bool,
    escape: bool,
}

/// The definition and the added tokens of the model `data`. `plainly`: it is merged without tables, which do not hold
/// every model ([`Error::UnsupportedTokenizer`]).
pub(super) fn read(data: &[u8], plainly: bool) -> Result<(Definition, Vec<AddedToken>), Error> {
    let model = parse(data)?;
    let kind = match model.kind {
        2 => None,
        1 => Some("Unigram"),
        3 => Some("Word"),
        4 => Some("Char"),
        _ => Some("of an unknown type"),
    };
    if let Some(kind) = kind {
        return Err(unsupported(
            &format!("the sentencepiece model {kind}"),
            "only byte pair encoding (BPE) is; count with the reference library instead",
        ));
    }
    let mut seen = HashSet::<&String, foldhash::fast::FixedState>::default();
    let (mut tokens, mut scores, mut user) = (Vec::new(), Vec::new(), Vec::new());
    let (mut added, mut unknown) = (Vec::new(), None);
    let mut bytes: [Option<u32>; 256] = [None; 256];
    for (id, piece) in (0..).zip(model.pieces.iter()) {
        if piece.text.is_empty() || !seen.insert(&piece.text) {
            return Err(damaged(&format!("piece {id} is empty or there twice")));
        }
        match piece.kind {
            Kind::Normal | Kind::Unused if plainly => {}
            Kind::Unused if piece.text.chars().nth(1).is_some() => {
                return Err(unsupported(
                    "the sentencepiece model",
                    &format!(
                        "the piece {:?} is marked unused, which takes it apart again",
                        piece.text
                    ),
                ));
            }
            // As if it were not there; but it merges, as characters that are not there do.
            Kind::Unused => {}
            Kind::Normal => {
                tokens.push((piece.text.clone(), id));
                scores.push(piece.score);
            }
            Kind::UserDefined => user.push((piece.text.clone(), id)),
            Kind::Control => added.push(AddedToken::special(piece.text.clone(), id)),
            Kind::Unknown => {
                if unknown.replace(id).is_some() {
                    return Err(damaged("two unknown pieces"));
                }
            }
            Kind::Byte => {
                let byte = byte_of(&piece.text).filter(|_| model.byte_fallback);
                let byte =
                    byte.ok_or_else(|| damaged(&format!("the byte piece {:?}", piece.text)))?;
                bytes[usize::from(byte)] = Some(id);
            }
        }
    }
    let unknown_id = unknown.ok_or_else(|| damaged("no unknown piece"))?;
    let unknown = if model.byte_fallback {
        let mut ids = Box::new([0; 256]);
        for (id, piece) in ids.iter_mut().zip(bytes) {
            *id = piece.ok_or_else(|| damaged("byte fallback without a piece for every byte"))?;
        }
        Unknown::Bytes(ids)
    } else {
        Unknown::Token { id: unknown_id, fused: true }
    };
    let has_meta = tokens.iter().any(|(token, _)| token == META);
    if model.normalizer.escape && model.byte_fallback && !has_meta && !plainly {
        return Err(unsupported("the sentencepiece model", "U+2581 is none of its pieces"));
    }
    let plain = match plainly {
        true => Some(plain(&model)?),
        false => None,
    };
    let denormalizer = denormalizer(&model)?;
    let surface = model.unknown_surface.unwrap_or_else(|| " ⁇ ".to_owned());
    let written = |piece: Piece| match piece.kind {
        Kind::Unknown => Written::Surface(surface.clone()),
        Kind::Control => Written::Control,
        Kind::Byte => Written::Byte(byte_of(&piece.text).expect("was read above")),
        Kind::Normal | Kind::Unused | Kind::UserDefined => Written::Text(piece.text),
    };
    let normalizer = model.normalizer;
    let decoder = Decoder {
        pieces: model.pieces.into_iter().map(written).collect(),
        takes_prefix: normalizer.dummy_prefix || normalizer.remove_extra,
        takes_all: normalizer.remove_extra,
        denormalizer,
    };
    let definition = Definition {
        rules: Rules {
            escape: normalizer.escape,
            prefix: if normalizer.dummy_prefix { Prefix::Always } else { Prefix::Never },
            suffix: model.suffix,
            remove_extra: normalizer.remove_extra,
            charsmap: normalizer.charsmap()?,
            user: None,
        },
        tokens,
        order: Order::Scores(scores),
        user,
        unknown,
        plain,
        decoder: Some(decoder),
        split_at_blanks: false,
        whole_texts: false,
    };
    Ok((definition, added))
}

/// The pieces of a model that is merged without tables.
fn plain(model: &Model) -> Result<Plain, Error> {
    let mut pieces = HashMap::default();
    let mut user = Vec::new();
    for (id, Piece { text, score, kind }) in (0..).zip(&model.pieces) {
        if score.is_nan() {
            return Err(damaged("a score that is no number"));
        }
        if *kind == Kind::UserDefined {
            user.push((text.clone(), id));
        }
        if matches!(kind, Kind::Normal | Kind::Unused | Kind::UserDefined) {
            let piece = plain::Piece { id, score: *score, unused: *kind == Kind::Unused };
            pieces.insert(text.as_str().into(), piece);
        }
    }
    let user = (!user.is_empty()).then(|| UserPieces::new(&user));
    Ok(Plain { pieces, user, escape: model.normalizer.escape })
}

/// The byte of a piece such as `<0x0A>`.
pub(super) fn byte_of(piece: &str) -> Option<u8> {
    let hex = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    let digits =
        hex.len() == 2 && hex.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    if digits { u8::from_str_radix(hex, 16).ok() } else { None }
}

fn parse(data: &[u8]) -> Result<Model, Error> {
    let mut model = Model {
        pieces: Vec::new(),
        kind: 1,
        suffix: false,
        byte_fallback: false,
        unknown_surface: None,
        normalizer: NormalizerSpec::default(),
        denormalizer: None,
    };
    let mut fields = Fields(data);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(piece)) => model.pieces.push(parse_piece(piece)?),
            (2, Value::Bytes(trainer)) => {
                let mut fields = Fields(trainer);
                while let Some((number, value)) = fields.next()? {
                    match (number, value) {
                        (3, Value::Number(kind)) => model.kind = kind,
                        (24, Value::Number(flag)) => model.suffix = flag != 0,
                        (35, Value::Number(flag)) => model.byte_fallback = flag != 0,
                        (44, Value::Bytes(surface)) => model.unknown_surface = Some(text(surface)?),
                        (3 | 24 | 35 | 44, _) => return Err(damaged("a field of a wrong type")),
                        _ => {}
                    }
                }
            }
            (3, Value::Bytes(normalizer)) => model.normalizer.read(normalizer)?,
            (5, Value::Bytes(denormalizer)) => {
                model.denormalizer.get_or_insert_default().read(denormalizer)?;
            }
            (1..=3 | 5, _) => return Err(damaged("a field of a wrong type")),
            _ => {}
        }
    }
    Ok(model)
}

impl Default for NormalizerSpec {
    fn default() -> NormalizerSpec {
        let charsmap = Vec::new();
        NormalizerSpec { charsmap, dummy_prefix: true, remove_extra: true, escape: true }
    }
}

impl NormalizerSpec {
    fn read(&mut self, data: &[u8]) -> Result<(), Error> {
        let mut fields = Fields(data);
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (2, Value::Bytes(map)) => self.charsmap = map.to_vec(),
                (3, Value::Number(flag)) => self.dummy_prefix = flag != 0,
                (4, Value::Number(flag)) => self.remove_extra = flag != 0,
                (5, Value::Number(flag)) => self.escape = flag != 0,
                (2..=5, _) => return Err(damaged("a field of a wrong type")),
                _ => {}
            }
        }
        Ok(())
    }

    /// The compiled rules, where there are any.
    fn charsmap(&self) -> Result<Option<Charsmap>, Error> {
        match self.charsmap.is_empty() {
            true => Ok(None),
            false => Charsmap::new(&self.charsmap).map(Some),
        }
    }
}

/// The rules of the denormalizer, which replaces and does nothing else.
fn denormalizer(model: &Model) -> Result<Option<Rules>, Error> {
    let Some(spec) = &model.denormalizer else { return Ok(None) };
    let charsmap = spec.charsmap()?;
    if charsmap.is_some() && (spec.dummy_prefix || spec.remove_extra || spec.escape) {
        return Err(unsupported(
            "the denormalizer of the sentencepiece model",
            "it does something to white space",
        ));
    }
    Ok(charsmap.map(|charsmap| Rules { charsmap: Some(charsmap), ..Rules::none() }))
}

fn parse_piece(data: &[u8]) -> Result<Piece, Error> {
    let mut piece = Piece { text: String::new(), score: 0.0, kind: Kind::Normal };
    let mut fields = Fields(data);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(bytes)) => piece.text = text(bytes)?,
            (2, Value::Four(bits)) => piece.score = f32::from_bits(bits),
            (3, Value::Number(kind)) => {
                piece.kind = match kind {
                    1 => Kind::Normal,
                    2 => Kind::Unknown,
                    3 => Kind::Control,
                    4 => Kind::UserDefined,
                    5 => Kind::Unused,
                    6 => Kind::Byte,
                    _ => return Err(damaged(&format!("a piece of the unknown type {kind}"))),
                }
            }
            (1..=3, _) => return Err(damaged("a field of a wrong type")),
            _ => {}
        }
    }
    Ok(piece)
}

fn text(bytes: &[u8]) -> Result<String, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(damaged("a piece that is not UTF-8")),
    }
}

/// The value of a field.
enum Value<'a> {
    Number(u64),
    Four(u32),
    Eight,
    Bytes(&'a [u8]),
}

/// The fields of a message, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, Error> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            1 => {
                self.take(8)?;
                Value::Eight
            }
            2 => {
                let len = self.number()?;
                Value::Bytes(self.take(usize::try_from(len).unwrap_or(usize::MAX))?)
            }
            5 => Value::Four(u32::from_le_bytes(self.take(4)?.try_into().expect("four bytes"))),
            _ => return Err(damaged("not a sentencepiece model")),
        };
        Ok(Some((tag >> 3, value)))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let cut = self.0.split_at_checked(len);
        let (taken, rest) = cut.ok_or_else(|| damaged("the sentencepiece model is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of seven bits a byte.
    fn number(&mut self) -> Result<u64, Error> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(damaged("the sentencepiece model holds an endless number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_pieces() {
        assert_eq!(byte_of("<0x0A>"), Some(10));
        assert_eq!(byte_of("<0xFF>"), Some(255));
        for other in ["<0x0a>", "<0x0>", "<0x00A>", "0x0A", "<0x+1>"] {
            assert_eq!(byte_of(other), None, "{other}");
        }
    }

    #[test]
    fn damaged_models() {
        for data in [
            &b"\x0A\x03\x0A\x01a"[..],
            b"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01",
            b"\x0A\x03\x0A\x01\xFF",
            b"\x0B",
            b"\x10\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
            b"\x0A\x02\x18\x09",
        ] {
            assert!(read(data, false).is_err(), "{data:?}");
        }
        // A Unigram model is the default.
        let error = read(b"\x0A\x03\x0A\x01a", false).err().unwrap();
        assert!(matches!(error, Error::UnsupportedTokenizer { .. }), "{error}");
    }
}
