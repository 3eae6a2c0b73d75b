//! `language-id-candidates NAME < texts > labels`: labels texts with the identifier NAME.
//!
//! A text is its length in bytes (u32, little endian) and its UTF-8. A label a line; an empty line where the identifier
//! does not know. On standard error: the CPU seconds of making the identifier ready and of labelling, and the bytes.

use std::io::{Read, Write};

use cpu_time::ProcessTime;

type Identifier = Box<dyn Fn(&str) -> Option<String>>;

fn identifier(name: &str) -> Identifier {
    match name {
        "whatlang" => Box::new(|text| Some(whatlang::detect_lang(text)?.code().to_owned())),
        "whichlang" => Box::new(|text| {
            (!text.is_empty()).then(|| whichlang::detect_language(text).three_letter_code().to_owned())
        }),
        "lingua" | "lingua-low" => {
            let mut builder = lingua::LanguageDetectorBuilder::from_all_languages();
            builder.with_preloaded_language_models();
            if name == "lingua-low" {
                builder.with_low_accuracy_mode();
            }
            let detector = builder.build();
            Box::new(move |text| {
                Some(detector.detect_language_of(text)?.iso_code_639_3().to_string().to_lowercase())
            })
        }
        "langid-rs" => {
            let model = langid_rs::Model::load(false).expect("the model is part of the crate");
            Box::new(move |text| Some(model.classify(text)?.0.to_owned()))
        }
        "cld2" => Box::new(|text| Some(cld2::detect_language(text, cld2::Format::Text).0?.0.to_owned())),
        _ => panic!("no identifier {name}"),
    }
}

fn main() {
    let name = std::env::args().nth(1).expect("the name of an identifier");
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input).expect("texts on standard input");
    let mut texts = Vec::new();
    let mut rest = &input[..];
    while let Some((len, more)) = rest.split_first_chunk::<4>() {
        let (text, more) = more.split_at(u32::from_le_bytes(*len) as usize);
        texts.push(std::str::from_utf8(text).expect("UTF-8"));
        rest = more;
    }
    let start = ProcessTime::now();
    let identify = identifier(&name);
    identify("A text to begin with.");
    let ready = start.elapsed().as_secs_f64();
    let start = ProcessTime::now();
    let labels: Vec<_> = texts.iter().map(|text| identify(text)).collect();
    let seconds = start.elapsed().as_secs_f64();
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for label in labels {
        writeln!(out, "{}", label.unwrap_or_default()).expect("standard output");
    }
    eprintln!("{ready} {seconds} {bytes}");
}
