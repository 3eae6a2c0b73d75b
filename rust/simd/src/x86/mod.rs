//! AVX2 and AVX-512. What makes a level of them is one macro: its list of features is what is asked for and what is
//! enabled.

mod avx2;
mod avx512;

pub(crate) use avx2::has_slow_pext;
pub use avx2::{Avx2, Avx2SlowPext};
pub use avx512::Avx512;

/// Defines a level: a type of which a value exists only where the machine has all of the features, and its [`Simd`].
/// Each function becomes a kernel, compiled with the features; a `plain` one needs none of them and is a part of whatever
/// uses it.
///
/// [`Simd`]: crate::Simd
macro_rules! level {
    (
        $(#[doc = $doc:literal])*
        $level:ident: $features:tt;
        $(const $const:ident: $of_const:ty = $value:expr;)*
        $(type $type:ident = $of:ty;)*
        $(fn $name:ident $(<$unit:ident>)? ($($arg:ident: $of_arg:ty),*) -> $out:ty $body:block)*
        $(plain fn $plain:ident ($($plain_arg:ident: $of_plain_arg:ty),*) -> $plain_out:ty $plain_body:block)*
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $level(());

        impl $level {
            $crate::x86::detect! { $level $features }
        }

        impl $crate::sealed::Sealed for $level {}

        impl $crate::Simd for $level {
            $crate::x86::outlined! { $level $features }
            $(const $const: $of_const = $value;)*
            $(type $type = $of;)*
            $($crate::x86::kernel! { $features fn $name $(<$unit>)? ($($arg: $of_arg),*) -> $out $body })*
            $(
                #[inline(always)]
                fn $plain(self, $($plain_arg: $of_plain_arg),*) -> $plain_out $plain_body
            )*
        }
    };
}

macro_rules! detect {
    ($level:ident [$($feature:tt)+]) => {
        /// The level, if this machine has all of its features.
        pub fn detect() -> Option<$level> {
            // All that is enabled: where a hypervisor hides LZCNT, for one, it would run as BSR and counts would be
            // wrong.
            let available = true $(&& is_x86_feature_detected!($feature))+;
            available.then_some($level(()))
        }
    };
}

macro_rules! outlined {
    ($level:ident [$($feature:tt)+]) => {
        #[inline(always)]
        fn outlined<T: $crate::Task>(self, task: T) -> T::Output {
            #[inline(never)]
            #[target_feature($(enable = $feature),+)]
            fn run<T: $crate::Task>(simd: $level, task: T) -> T::Output {
                task.run(simd)
            }
            // SAFETY: there is a value of this type only where `detect` has found all of the features.
            unsafe { run(self, task) }
        }
    };
}

macro_rules! kernel {
    ([$($feature:tt)+] fn $name:ident $(<$unit:ident>)? ($($arg:ident: $of_arg:ty),*) -> $out:ty $body:block) => {
        #[inline(always)]
        fn $name $(<$unit: $crate::utf8::Unit>)? (self, $($arg: $of_arg),*) -> $out {
            #[inline]
            #[target_feature($(enable = $feature),+)]
            fn kernel $(<$unit: $crate::utf8::Unit>)? ($($arg: $of_arg),*) -> $out $body
            // SAFETY: there is a value of this type only where `detect` has found all of the features.
            unsafe { kernel($($arg),*) }
        }
    };
}

use {detect, kernel, level, outlined};
