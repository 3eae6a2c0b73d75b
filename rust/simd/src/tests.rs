//! Every level of this machine against the scalar reference.

use super::*;

/// What an instruction set makes of two blocks and two numbers.
struct Everything([u8; 64], [u8; 64], u64, u64);

impl Task for Everything {
    type Output = (ByteMasks, Vec<u64>, Vec<u32>);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let Everything(a, b, m, n) = self;
        let mut masks =
            vec![simd.continuation(&a), simd.top_bits(&a), simd.extract(m, n), simd.deposit(m, n)];
        masks.extend([1, 2, 0x7C, 0x80, 0xFF].map(|bits| simd.any(&a, bits)));
        let found = simd.look_up(simd.bytes(&a), m, &b, simd.bytes(&b));
        masks.extend((0..=255).map(|byte| simd.equal(found, byte)));
        for packed in [simd.compress(&a, m), simd.compress(&b, n), simd.compress(&a, u64::MAX)] {
            let (eight, _) = packed.as_chunks::<8>();
            masks.extend(eight.iter().map(|eight| u64::from_le_bytes(*eight)));
        }
        let numbers = |block: &[u8; 64]| {
            let (four, _) = block.as_chunks::<4>();
            simd.keys(&std::array::from_fn(|i| u32::from_le_bytes(four[i])))
        };
        let mut lowest = vec![simd.lowest(simd.min(numbers(&a), numbers(&b)))];
        lowest.extend((0..18).map(|at| simd.lowest(simd.set(numbers(&a), at, m as u32 >> 8))));
        lowest.push(simd.lowest(simd.set_of(numbers(&a), m as u16, n as u32)));
        let values = std::array::from_fn(|i| (m ^ n.rotate_left(8 * i as u32)) as u32);
        lowest.push(simd.lowest_of_eight(&values, n as u32 >> 1));
        (simd.classify(&a), masks, lowest)
    }
}

#[test]
fn all_instruction_sets_agree() {
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        state ^ state >> 32
    };
    for round in 0..20_000 {
        let mut block = || -> [u8; 64] {
            std::array::from_fn(|_| random() as u8 & if round % 3 == 0 { 0x7F } else { 0xFF })
        };
        let (a, b) = (block(), block());
        let (m, n) = (random() & random(), random());
        let plain = Portable.outlined(Everything(a, b, m, n));
        for level in Level::available() {
            assert_eq!(level.run(Everything(a, b, m, n)), plain, "{level:?}");
        }
    }
}
