//! Moving the bits of masks together and apart where no instruction does, or a slow one.

/// The bits of a mask that are to be moved together, or back: which of them go how far.
///
/// Bit i moves down by the number of bits below it that are not in the mask. By 1 move, in a first step, those for
/// which that number is odd, by 2 in a second one those for which its half is, and so on (Steele; Warren, *Hacker's
/// Delight*, "compress" and "expand"). For `0b1011_0100` the numbers are 2 for bit 2, 3 for bits 4 and 5, 4 for bit 7:
/// bits 4 and 5 move by 1, then all but bit 7 by 2, and it by 4.
#[derive(Debug, Clone, Copy)]
pub struct Moves {
    mask: u64,
    /// What moves down by 1, 2, 4, 8, 16 and 32, where it is then.
    steps: [u64; 6],
}

impl Moves {
    #[inline(always)]
    pub(crate) fn new(mask: u64) -> Moves {
        let (mut left, mut steps) = (mask, [0; 6]);
        // The bits that are not selected, one place up: how many of them are at or below a bit is how many are below it.
        let mut gaps = !mask << 1;
        for (i, step) in steps.iter_mut().enumerate() {
            // Whether they are odd in number.
            let mut odd = gaps;
            for by in [1, 2, 4, 8, 16, 32] {
                odd ^= odd << by;
            }
            *step = odd & left;
            left = left ^ *step | *step >> (1 << i);
            // Every second one counts for the next step.
            gaps &= !odd;
        }
        Moves { mask, steps }
    }

    /// The bits of `value` at those of the mask, side by side.
    #[inline(always)]
    pub(crate) fn extract(&self, value: u64) -> u64 {
        // Half of the masks of a text have no bit.
        if value & self.mask == 0 {
            return 0;
        }
        let mut bits = value & self.mask;
        for (i, step) in self.steps.iter().enumerate() {
            let moved = bits & step;
            bits = bits ^ moved | moved >> (1 << i);
        }
        bits
    }

    /// The low bits of `value` at the bits of the mask.
    #[inline(always)]
    pub(crate) fn deposit(&self, value: u64) -> u64 {
        let mut bits = value;
        for (i, step) in self.steps.iter().enumerate().rev() {
            bits = bits & !step | bits << (1 << i) & step;
        }
        bits & self.mask
    }
}

/// See `Simd::starts_of`.
#[inline(always)]
pub(crate) fn starts_of(reached: u64, starts: u64) -> u64 {
    // Down from each through what is no start, which upwards an addition does.
    let run = (!starts).reverse_bits();
    let from = (reached & !starts).reverse_bits();
    let inside = (run & !run.wrapping_add(from) | from).reverse_bits();
    (inside >> 1 | reached) & starts
}
