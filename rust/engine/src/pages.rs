//! Large tables in large pages: a table that is read at random spares most TLB misses there.

use std::ops::{Deref, DerefMut};

use bytemuck::Pod;
use memmap2::MmapMut;

/// A fixed number of values, zero at first, in memory of its own.
pub(crate) struct Table<T> {
    memory: MmapMut,
    values: std::marker::PhantomData<T>,
}

impl<T: Pod> Table<T> {
    /// A table of `len` zeros.
    pub fn new(len: usize) -> Table<T> {
        let memory = MmapMut::map_anon(len * size_of::<T>()).expect("memory for a table");
        // Where there are no large pages, nothing is lost.
        #[cfg(target_os = "linux")]
        let _ = memory.advise(memmap2::Advice::HugePage);
        Table { memory, values: std::marker::PhantomData }
    }
}

impl<T: Pod> Deref for Table<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        bytemuck::cast_slice(&self.memory)
    }
}

impl<T: Pod> DerefMut for Table<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(&mut self.memory)
    }
}
