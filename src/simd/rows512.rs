//! The row functions on 512-bit vectors.
#![expect(
    unsafe_code,
    reason = "vector instructions; each block says why it is sound"
)]

use std::arch::x86_64::*;

type V = __m512;
const LANES: usize = 16;

/// Names an instruction.
macro_rules! primitives {
    ($($name:ident($($argument:ident),*) = $instruction:expr;)*) => {
        $(
            #[inline]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
            fn $name($($argument: V),*) -> V {
                $instruction
            }
        )*
    };
}

primitives! {
    add(a, b) = _mm512_add_ps(a, b);
    sub(a, b) = _mm512_sub_ps(a, b);
    mul(a, b) = _mm512_mul_ps(a, b);
    div(a, b) = _mm512_div_ps(a, b);
    mul_add(a, b, c) = _mm512_fmadd_ps(a, b, c);
    max(a, b) = _mm512_max_ps(a, b);
    min(a, b) = _mm512_min_ps(a, b);
    abs(a) = _mm512_abs_ps(a);
    power_of_two(shifted) = {
        let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted));
        _mm512_castsi512_ps(_mm512_add_epi32(exponent, _mm512_set1_epi32(0x3f80_0000)))
    };
}

#[inline]
#[target_feature(enable = "avx512f")]
fn splat(value: f32) -> V {
    _mm512_set1_ps(value)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn sum(lanes: V) -> f32 {
    _mm512_reduce_add_ps(lanes)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn largest(lanes: V) -> f32 {
    _mm512_reduce_max_ps(lanes)
}

/// # Safety
///
/// `from` must reach 16 numbers.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load(from: *const f32) -> V {
    // SAFETY: the caller vouches for the numbers; the load asks for no alignment.
    unsafe { _mm512_loadu_ps(from) }
}

/// # Safety
///
/// `from` must reach `count` numbers, fewer than 16.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load_part(from: *const f32, count: usize, filler: f32) -> V {
    // SAFETY: the mask lets `count` numbers be read, for which the caller vouches.
    unsafe { _mm512_mask_loadu_ps(splat(filler), (1 << count) - 1, from) }
}

/// # Safety
///
/// `to` must reach 16 numbers.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store(to: *mut f32, value: V) {
    // SAFETY: the caller vouches for the numbers; the store asks for no alignment.
    unsafe { _mm512_storeu_ps(to, value) }
}

/// # Safety
///
/// `to` must reach `count` numbers, fewer than 16.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store_part(to: *mut f32, count: usize, value: V) {
    // SAFETY: the mask lets `count` numbers be written, for which the caller vouches.
    unsafe { _mm512_mask_storeu_ps(to, (1 << count) - 1, value) }
}

/// Writes the low 16 bits of each lane.
///
/// # Safety
///
/// `to` must reach 16 numbers.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store_low(to: *mut i16, value: V) {
    // SAFETY: the caller vouches for the numbers; the store asks for no alignment.
    unsafe {
        let low = _mm512_cvtepi32_epi16(_mm512_castps_si512(value));
        _mm256_storeu_si256(to.cast(), low);
    }
}

super::rows::row_functions!("avx512f,avx512bw,avx512dq,avx512vl,fma");
