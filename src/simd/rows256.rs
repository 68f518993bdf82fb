//! The row functions on 256-bit vectors.
#![expect(
    unsafe_code,
    reason = "vector instructions; each block says why it is sound"
)]

use std::arch::x86_64::*;

type V = __m256;
const LANES: usize = 8;

/// Names an instruction.
macro_rules! primitives {
    ($($name:ident($($argument:ident),*) = $instruction:expr;)*) => {
        $(
            #[inline]
            #[target_feature(enable = "avx2,fma")]
            fn $name($($argument: V),*) -> V {
                $instruction
            }
        )*
    };
}

primitives! {
    add(a, b) = _mm256_add_ps(a, b);
    sub(a, b) = _mm256_sub_ps(a, b);
    mul(a, b) = _mm256_mul_ps(a, b);
    div(a, b) = _mm256_div_ps(a, b);
    mul_add(a, b, c) = _mm256_fmadd_ps(a, b, c);
    max(a, b) = _mm256_max_ps(a, b);
    min(a, b) = _mm256_min_ps(a, b);
    abs(a) = _mm256_andnot_ps(_mm256_set1_ps(-0.0), a);
    power_of_two(shifted) = {
        let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
        _mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(0x3f80_0000)))
    };
}

#[inline]
#[target_feature(enable = "avx2")]
fn splat(value: f32) -> V {
    _mm256_set1_ps(value)
}

/// The lanes as numbers, to be joined in a fixed order.
#[inline]
#[target_feature(enable = "avx2")]
fn lanes(value: V) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    // SAFETY: the array holds 8 numbers; the store asks for no alignment.
    unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), value) };
    lanes
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum(value: V) -> f32 {
    let [a, b, c, d, e, f, g, h] = lanes(value);
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

#[inline]
#[target_feature(enable = "avx2")]
fn largest(value: V) -> f32 {
    lanes(value).into_iter().fold(f32::NEG_INFINITY, f32::max)
}

/// Says of each lane whether it is below `count`, in its highest bit.
#[inline]
#[target_feature(enable = "avx2")]
fn below(count: usize) -> __m256i {
    let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), lane)
}

/// # Safety
///
/// `from` must reach 8 numbers.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load(from: *const f32) -> V {
    // SAFETY: the caller vouches for the numbers; the load asks for no alignment.
    unsafe { _mm256_loadu_ps(from) }
}

/// # Safety
///
/// `from` must reach `count` numbers, fewer than 8.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_part(from: *const f32, count: usize, filler: f32) -> V {
    let mask = below(count);
    // SAFETY: the mask lets `count` numbers be read, for which the caller vouches.
    let part = unsafe { _mm256_maskload_ps(from, mask) };
    _mm256_blendv_ps(splat(filler), part, _mm256_castsi256_ps(mask))
}

/// # Safety
///
/// `to` must reach 8 numbers.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store(to: *mut f32, value: V) {
    // SAFETY: the caller vouches for the numbers; the store asks for no alignment.
    unsafe { _mm256_storeu_ps(to, value) }
}

/// # Safety
///
/// `to` must reach `count` numbers, fewer than 8.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store_part(to: *mut f32, count: usize, value: V) {
    // SAFETY: the mask lets `count` numbers be written, for which the caller vouches.
    unsafe { _mm256_maskstore_ps(to, below(count), value) }
}

/// Writes the low 16 bits of each lane.
///
/// # Safety
///
/// `to` must reach 8 numbers.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store_low(to: *mut i16, value: V) {
    // The halves of each lane's low bits are gathered into the low 64 bits of each 128, then those side by side.
    let order = _mm256_setr_epi8(
        0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 4, 5, 8, 9, 12, 13, -1, -1,
        -1, -1, -1, -1, -1, -1,
    );
    let low = _mm256_shuffle_epi8(_mm256_castps_si256(value), order);
    let low = _mm256_permute4x64_epi64::<0b10_00>(low);
    // SAFETY: the caller vouches for the numbers; the store asks for no alignment.
    unsafe { _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(low)) }
}

super::rows::row_functions!("avx2,fma");
