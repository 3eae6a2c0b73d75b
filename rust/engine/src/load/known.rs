//! Rank files that are known by their hash: how they split text, and their special tokens.
//!
//! Facts as the vendors' own packages state them: `tiktoken` for OpenAI's files, `llama-models`,
//! `dashscope` and `openai-whisper`, and the tokenizer class in the repositories of Kimi K2.

use super::official;

/// What is known of a file.
pub struct Known {
    hash: &'static str,
    /// The name of the family.
    pub pretokenizer: &'static str,
    /// Whether text is put into NFC first.
    pub nfc: bool,
    /// Special tokens and their ids.
    pub special_tokens: fn() -> Vec<(String, u32)>,
}

impl Known {
    /// The known file with this SHA-256 (in hex).
    ///
    /// ```
    /// # use fasttok_engine::{Encoding, Known};
    /// let hash = Encoding::embedded("cl100k_base")?.hash().to_owned();
    /// assert_eq!(Known::by_hash(&hash).map(|known| known.pretokenizer), Some("cl100k"));
    /// assert!(Known::by_hash("0123").is_none());
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn by_hash(hash: &str) -> Option<&'static Known> {
        KNOWN.iter().find(|known| known.hash == hash)
    }
}

const KNOWN: &[Known] = &[
    Known {
        hash: official::O200K.1,
        pretokenizer: "o200k",
        nfc: false,
        special_tokens: || embedded(official::O200K.0),
    },
    Known {
        hash: official::CL100K.1,
        pretokenizer: "cl100k",
        nfc: false,
        special_tokens: || embedded(official::CL100K.0),
    },
    Known {
        hash: official::P50K.1,
        pretokenizer: "gpt2",
        nfc: false,
        special_tokens: || embedded(official::P50K.0),
    },
    // Whisper's English models use this file with special tokens of their own.
    Known {
        hash: official::R50K.1,
        pretokenizer: "gpt2",
        nfc: false,
        special_tokens: || embedded(official::R50K.0),
    },
    Known {
        hash: "82e9d31979e92ab929cd544440f129d9ecd797b69e327f80f17e1c50d5551b55",
        pretokenizer: "llama3",
        nfc: false,
        special_tokens: llama3,
    },
    Known {
        hash: "d0bdbaf59b0762c8c807617e2d8ea51420eb1b1de266df2495be755c8e0ed6ed",
        pretokenizer: "o200k",
        nfc: false,
        special_tokens: llama4,
    },
    Known {
        hash: "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186",
        pretokenizer: "qwen2",
        nfc: true,
        special_tokens: qwen1,
    },
    Known {
        hash: "b6c497a7469b33ced9c38afb1ad6e47f03f5e5dc05f15930799210ec050c5103",
        pretokenizer: "kimi",
        nfc: false,
        special_tokens: kimi_k2,
    },
    Known {
        hash: "b34b360dbb493e781e479794586d661700670d65564001f23024971d1f2fa126",
        pretokenizer: "gpt2",
        nfc: false,
        special_tokens: whisper,
    },
];

fn embedded(name: &str) -> Vec<(String, u32)> {
    let encoding = super::embedded::get(name).expect("an embedded encoding");
    encoding.special_tokens().to_vec()
}

/// `names` under the ids from `first` on.
fn numbered(first: u32, names: impl IntoIterator<Item = String>) -> Vec<(String, u32)> {
    names.into_iter().zip(first..).collect()
}

fn named(names: &[&str]) -> impl Iterator<Item = String> {
    names.iter().map(|name| format!("<|{name}|>"))
}

fn reserved(of: &'static str, numbers: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    numbers.map(move |number| format!("<|{of}reserved_special_token_{number}|>"))
}

fn llama3() -> Vec<(String, u32)> {
    let first = named(&["begin_of_text", "end_of_text"]).chain(reserved("", 0..2));
    let then = named(&[
        "finetune_right_pad_id",
        "step_id",
        "start_header_id",
        "end_header_id",
        "eom_id",
        "eot_id",
        "python_tag",
        "image",
    ]);
    numbered(128_000, first.chain(then).chain(reserved("", 2..246)))
}

fn llama4() -> Vec<(String, u32)> {
    let basic = named(&["begin_of_text", "end_of_text", "fim_prefix", "fim_middle", "fim_suffix"]);
    let text = named(&["header_start", "header_end", "eom", "eot", "step"])
        .chain(reserved("text_post_train_", 0..6))
        .chain(named(&["python_start", "python_end", "finetune_right_pad"]))
        .chain(reserved("text_post_train_", 8..69));
    let vision = named(&["image_start", "image_end"])
        .chain(reserved("vision_", 0..2))
        .chain(named(&["tile_x_separator", "tile_y_separator"]))
        .chain(reserved("vision_", 2..6))
        .chain(named(&["image"]))
        .chain(reserved("vision_", 6..7))
        .chain(named(&["patch"]))
        .chain(reserved("vision_", 7..1048));
    let reasoning = reserved("reasoning_", 0..8)
        .chain(named(&["reasoning_thinking_start", "reasoning_thinking_end"]));
    let all = basic.chain(text).chain(vision).chain(reasoning);
    numbered(200_000, all.chain(reserved("", 0..u32::MAX)).take(2048))
}

fn qwen1() -> Vec<(String, u32)> {
    let extra = (0..205).map(|number| format!("<|extra_{number}|>"));
    numbered(151_643, named(&["endoftext", "im_start", "im_end"]).chain(extra))
}

/// The names of Kimi K2. Later models of the family have the same file and other names: those are in
/// `tokenizer_config.json` beside it, which counts when a folder is loaded. What has no name is called
/// as the tokenizer class of the repository calls it.
fn kimi_k2() -> Vec<(String, u32)> {
    const FIRST: u32 = 163_584;
    const NAMES: [(u32, &str); 17] = [
        (0, "[BOS]"),
        (1, "[EOS]"),
        (2, "<|im_end|>"),
        (3, "<|im_user|>"),
        (4, "<|im_assistant|>"),
        (6, "<|start_header_id|>"),
        (7, "<|end_header_id|>"),
        (9, "[EOT]"),
        (10, "<|im_system|>"),
        (11, "<|tool_calls_section_begin|>"),
        (12, "<|tool_calls_section_end|>"),
        (13, "<|tool_call_begin|>"),
        (14, "<|tool_call_argument_begin|>"),
        (15, "<|tool_call_end|>"),
        (17, "<|im_middle|>"),
        (254, "[UNK]"),
        (255, "[PAD]"),
    ];
    let name = |number: u32| match NAMES.iter().find(|(n, _)| *n == number) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("<|reserved_token_{}|>", FIRST + number),
    };
    numbered(FIRST, (0..256).map(name))
}

/// Those of the multilingual models up to large-v2: 99 languages.
fn whisper() -> Vec<(String, u32)> {
    const LANGUAGES: &str = "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs \
        ro da hu ta no th ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs \
        kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo \
        tl mg as tt haw ln ha ba jw su";
    let languages = LANGUAGES.split_ascii_whitespace().map(|code| format!("<|{code}|>"));
    let times = (0..1501).map(|step| format!("<|{}.{:02}|>", step / 50, step % 50 * 2));
    let names = named(&["endoftext", "startoftranscript"])
        .chain(languages)
        .chain(named(&[
            "translate",
            "transcribe",
            "startoflm",
            "startofprev",
            "nospeech",
            "notimestamps",
        ]))
        .chain(times);
    numbered(50_257, names)
}
