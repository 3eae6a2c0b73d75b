//! Arithmetic on masks of 64 bytes, a bit for each.

/// The lowest `count` bits; all 64 from 64 on.
#[inline(always)]
pub(crate) fn low_bits(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// The first of the pieces that begin at the bits of `of`, some of `starts` but the last one: where it begins
/// and the next one does.
#[inline(always)]
pub(crate) fn first_piece(of: u64, starts: u64) -> (usize, usize) {
    let start = of.trailing_zeros() as usize & 63;
    (start, (starts & (u64::MAX << 1 << start)).trailing_zeros() as usize & 63)
}

/// The bits after which another one of `starts` is at most `WITHIN` (7, 15 or 31) away.
#[inline(always)]
pub(crate) fn starts_after<const WITHIN: u32>(starts: u64) -> u64 {
    const { assert!(WITHIN == 7 || WITHIN == 15 || WITHIN == 31) };
    // By up to 2, 4 and 7, and so on.
    let mut after = starts >> 1;
    after |= after >> 1;
    after |= after >> 2;
    after |= after >> 3;
    if WITHIN > 7 {
        after |= after >> 8;
    }
    if WITHIN > 15 {
        after |= after >> 16;
    }
    after
}
