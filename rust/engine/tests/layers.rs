//! No circle among the parts of the crate.

#[test]
fn parts_use_only_what_is_below_them() {
    let table = "
        error:
        interrupt: error
        options: error
        oniguruma: error
        bits:
        classes:
        vocab: error
        bpe: bits classes interrupt vocab
        normalize: classes error interrupt oniguruma vocab
        pretokenize: bits classes error interrupt oniguruma vocab
        decode: error normalize pretokenize vocab
        added: error normalize options
        literal: error interrupt pretokenize
        character_bpe: bpe classes error interrupt normalize pretokenize vocab
        encoding: added bpe character_bpe classes decode error interrupt literal normalize options pretokenize vocab
        load: added bpe character_bpe decode encoding error literal normalize pretokenize vocab
        counter: added bits bpe character_bpe encoding error interrupt options pretokenize
        encoder: added bits bpe encoding error interrupt options pretokenize vocab
        slices: bpe counter encoding error interrupt options pretokenize
        probe: bpe counter encoding pretokenize
    ";
    fasttok_testing::layers::check(env!("CARGO_MANIFEST_DIR"), table);
}
