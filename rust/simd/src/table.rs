//! Large tables in large pages: a table that is read at random spares most TLB misses there.

use std::ops::{Deref, DerefMut};

use bytemuck::Pod;
use memmap2::MmapMut;

/// A fixed number of values, zero at first, in memory of its own.
///
/// ```
/// let mut table: fasttok_simd::Table<u32> = fasttok_simd::Table::new(1 << 20);
/// table[17] = 4;
/// table.prefetch(17);
/// assert_eq!((table[16], table[17], table.len()), (0, 4, 1 << 20));
/// ```
pub struct Table<T> {
    memory: MmapMut,
    len: usize,
    values: std::marker::PhantomData<T>,
}

impl<T: Pod> Table<T> {
    /// A table of `len` zeros.
    pub fn new(len: usize) -> Table<T> {
        let bytes = len.checked_mul(size_of::<T>()).expect("a table that fits into memory");
        let memory = MmapMut::map_anon(bytes).expect("memory for a table");
        assert!(memory.as_ptr().cast::<T>().is_aligned(), "maps begin with a page");
        // Where there are no large pages, nothing is lost.
        #[cfg(all(target_os = "linux", not(miri)))]
        let _ = memory.advise(memmap2::Advice::HugePage);
        Table { memory, len, values: std::marker::PhantomData }
    }
}

impl<T> Table<T> {
    /// Asks for value `at`, or for none if there is no such value, ahead of its use.
    #[inline(always)]
    pub fn prefetch(&self, at: usize) {
        ask_for(self.memory.as_ptr().cast::<T>().wrapping_add(at));
    }
}

/// Asks for the byte `at` of `text`, or for none if there is no such byte, ahead of its use.
#[inline(always)]
pub fn prefetch(text: &[u8], at: usize) {
    ask_for(text.as_ptr().wrapping_add(at));
}

/// Asks for the cache line of `address`, whatever is there.
#[inline(always)]
fn ask_for<T>(address: *const T) {
    // SAFETY: a prefetch reads nothing that the program can see, and no address is wrong for it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast())
    }
    // SAFETY: as above, and neither the stack nor flags are changed.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!(
            "prfm pldl1keep, [{}]",
            in(reg) address.addr(),
            options(nomem, nostack, preserves_flags)
        )
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}

impl<T: Pod> Deref for Table<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: the memory is this table's own, aligned and as long as `new` made it, and all bytes,
        // zeros at first, are values of a `Pod`. Checking that once more in each look-up
        // (`bytemuck::cast_slice`) costs 3 % of a count.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().cast(), self.len) }
    }
}

impl<T: Pod> DerefMut for Table<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and borrowed for writing.
        unsafe { std::slice::from_raw_parts_mut(self.memory.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_zero_at_first_and_kept() {
        let mut table: Table<[u32; 3]> = Table::new(5000);
        assert_eq!(table.len(), 5000);
        assert!(table.iter().all(|value| *value == [0; 3]));
        for (at, value) in table.iter_mut().enumerate() {
            *value = [at as u32; 3];
        }
        // Also of what is not there.
        for at in [0, 4999, 5000, usize::MAX] {
            table.prefetch(at);
        }
        assert!(table.iter().enumerate().all(|(at, value)| *value == [at as u32; 3]));
    }
}
