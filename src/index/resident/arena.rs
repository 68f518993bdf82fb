//! Memory that goes back to the system the moment it is dropped: maps of nobody's file. What a heap gets back it may keep, and
//! a server that reloads would grow.

use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;
use memmap2::{MmapMut, MmapOptions};

/// Bytes of one segment of texts, unless a text is longer.
const SEGMENT: usize = 4 << 20;

/// So many numbers, zero at first.
pub(super) struct Numbers<T> {
    map: MmapMut,
    count: usize,
    of: PhantomData<T>,
}

impl<T: Pod> Numbers<T> {
    pub(super) fn zeroed(count: usize) -> io::Result<Self> {
        let bytes = count
            .checked_mul(size_of::<T>())
            .ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            map: map(bytes)?,
            count,
            of: PhantomData,
        })
    }
}

impl<T: Pod> Deref for Numbers<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let bytes = self.map.get(..self.count * size_of::<T>());
        bytemuck::cast_slice(bytes.unwrap_or_default())
    }
}

impl<T: Pod> DerefMut for Numbers<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let bytes = self.map.get_mut(..self.count * size_of::<T>());
        bytemuck::cast_slice_mut(bytes.unwrap_or_default())
    }
}

/// Byte strings, numbered in the order they came.
#[derive(Default)]
pub(super) struct Strings {
    segments: Vec<MmapMut>,
    filled: usize,
    places: Vec<Place>,
}

#[derive(Clone, Copy)]
struct Place {
    segment: u32,
    start: u32,
    length: u32,
}

impl Strings {
    pub(super) fn push(&mut self, text: &[u8]) -> io::Result<()> {
        let end = self.filled.saturating_add(text.len());
        if self.segments.last().is_none_or(|last| last.len() < end) {
            self.segments.push(map(text.len().max(SEGMENT))?);
            self.filled = 0;
        }
        let number = |at: usize| u32::try_from(at).map_err(|_| io::ErrorKind::OutOfMemory);
        let place = Place {
            segment: number(self.segments.len() - 1)?,
            start: number(self.filled)?,
            length: number(text.len())?,
        };
        self.filled += text.len();
        let room = self
            .segments
            .last_mut()
            .and_then(|last| last.get_mut(place.range()));
        room.unwrap_or_default().copy_from_slice(text);
        self.places.push(place);
        Ok(())
    }

    /// The string of a number; an empty one for a number that there is not.
    pub(super) fn get(&self, number: usize) -> &[u8] {
        let text = self.places.get(number).and_then(|place| {
            let segment = self.segments.get(place.segment as usize)?;
            segment.get(place.range())
        });
        text.unwrap_or_default()
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        let segments = self.segments.iter().map(|segment| segment.len());
        segments.sum::<usize>() + self.places.len() * size_of::<Place>()
    }
}

impl Place {
    fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + self.length as usize
    }
}

fn map(bytes: usize) -> io::Result<MmapMut> {
    let map = MmapOptions::new().len(bytes.max(1)).map_anon()?;
    // Where the system knows no large pages, small ones do.
    #[cfg(target_os = "linux")]
    map.advise(memmap2::Advice::HugePage).ok();
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_back_as_they_went_in_whatever_their_length() {
        let mut strings = Strings::default();
        let texts = [
            Vec::new(),
            b"short".to_vec(),
            vec![b'a'; SEGMENT - 3],
            vec![b'b'; SEGMENT + 1],
            b"last".to_vec(),
        ];
        for text in &texts {
            strings.push(text).unwrap();
        }
        for (number, text) in texts.iter().enumerate() {
            assert!(strings.get(number) == text, "string {number}");
        }
        assert_eq!(strings.get(9), b"");
    }
}
