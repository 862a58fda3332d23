//! Whole numbers in a column that grows and changes, in few bytes each.

use std::io::{self, Read, Write};

use super::part::{Part, bad, push_tight, read_list, read_u64, write_list, write_u64};

/// Values that are packed together.
pub(super) const CHUNK: usize = 1_024;
/// Behind the packed values, so that eight bytes can be read wherever one begins.
const PAD: usize = 8;
/// Bytes that a packed value may take.
const WIDTHS: [usize; 7] = [0, 1, 2, 3, 4, 6, 8];

/// Values by position. Every 1,024 are kept as distances from the least of them, as narrow as they fit; the last ones, up
/// to as many, as they are. Cheap where neighbours are alike: a chunk of equal values takes 24 bytes.
#[derive(Debug, Default, Clone)]
pub(super) struct Column {
    sealed: Vec<Chunk>,
    open: Vec<i64>,
}

#[derive(Debug, Clone)]
struct Chunk {
    low: i64,
    /// `CHUNK` distances of equal width and the padding; nothing if all values are `low`.
    bytes: Box<[u8]>,
}

const fn mask(width: usize) -> u64 {
    if width == 0 { 0 } else { u64::MAX >> (64 - 8 * width) }
}

/// Writes distances from the least value in `W` bytes each.
fn narrow<const W: usize>(low: i64, values: &[i64], into: &mut [u8]) {
    for (value, packed) in values.iter().zip(into.as_chunks_mut::<W>().0) {
        if let Some(distance) = value.wrapping_sub(low).to_le_bytes().first_chunk::<W>() {
            *packed = *distance;
        }
    }
}

impl Chunk {
    fn seal(values: &[i64]) -> Self {
        let low = values.iter().copied().min().unwrap_or(0);
        let high = values.iter().copied().max().unwrap_or(0);
        let span = high.wrapping_sub(low).cast_unsigned();
        let width = WIDTHS.into_iter().find(|width| span <= mask(*width)).unwrap_or(8);
        if width == 0 {
            return Self { low, bytes: Box::default() };
        }
        let mut bytes = vec![0; CHUNK * width + PAD].into_boxed_slice();
        match width {
            1 => narrow::<1>(low, values, &mut bytes),
            2 => narrow::<2>(low, values, &mut bytes),
            3 => narrow::<3>(low, values, &mut bytes),
            4 => narrow::<4>(low, values, &mut bytes),
            6 => narrow::<6>(low, values, &mut bytes),
            _ => narrow::<8>(low, values, &mut bytes),
        }
        Self { low, bytes }
    }

    fn width(&self) -> usize {
        self.bytes.len() / CHUNK
    }

    fn get(&self, position: usize) -> i64 {
        let width = self.width();
        let start = position * width;
        let word = self.bytes.get(start..start + 8).and_then(<[u8]>::first_chunk::<8>);
        word.map_or(self.low, |word| self.low.wrapping_add((u64::from_le_bytes(*word) & mask(width)).cast_signed()))
    }

    /// False if the value does not fit.
    fn set(&mut self, position: usize, value: i64) -> bool {
        let width = self.width();
        let distance = value.wrapping_sub(self.low).cast_unsigned();
        if distance > mask(width) {
            return false;
        }
        let start = position * width;
        if let Some(place) = self.bytes.get_mut(start..start + width) {
            place.copy_from_slice(distance.to_le_bytes().get(..width).unwrap_or_default());
        }
        true
    }

    /// Values from a position on.
    fn decode(&self, from: usize, into: &mut [i64]) {
        match self.width() {
            1 => self.widen::<1>(from, into),
            2 => self.widen::<2>(from, into),
            3 => self.widen::<3>(from, into),
            4 => self.widen::<4>(from, into),
            6 => self.widen::<6>(from, into),
            8 => self.widen::<8>(from, into),
            _ => into.fill(self.low),
        }
    }

    fn widen<const W: usize>(&self, from: usize, into: &mut [i64]) {
        let packed = self.bytes.get(from * W..).unwrap_or_default().as_chunks::<W>().0;
        for (value, packed) in into.iter_mut().zip(packed) {
            let mut word = [0; 8];
            if let Some(head) = word.first_chunk_mut::<W>() {
                *head = *packed;
            }
            *value = self.low.wrapping_add(i64::from_le_bytes(word));
        }
    }
}

impl Column {
    pub(super) fn len(&self) -> usize {
        self.sealed.len() * CHUNK + self.open.len()
    }

    pub(super) fn push(&mut self, value: i64) {
        // Not before: the last value is often set once more, and what it was must not make its chunk wider.
        self.seal_full();
        self.open.push(value);
    }

    fn seal_full(&mut self) {
        if self.open.len() == CHUNK {
            push_tight(&mut self.sealed, Chunk::seal(&self.open));
            self.open.clear();
        }
    }

    pub(super) fn get(&self, at: u32) -> Option<i64> {
        let (chunk, position) = (at as usize / CHUNK, at as usize % CHUNK);
        match self.sealed.get(chunk) {
            Some(chunk) => Some(chunk.get(position)),
            None if chunk == self.sealed.len() => self.open.get(position).copied(),
            None => None,
        }
    }

    /// Changes a value that is there. One that does not fit its chunk makes the chunk wider.
    pub(super) fn set(&mut self, at: u32, value: i64) {
        let (chunk, position) = (at as usize / CHUNK, at as usize % CHUNK);
        let is_open = chunk == self.sealed.len();
        if let Some(chunk) = self.sealed.get_mut(chunk) {
            if chunk.set(position, value) {
                return;
            }
            let mut values = [0; CHUNK];
            chunk.decode(0, &mut values);
            if let Some(place) = values.get_mut(position) {
                *place = value;
            }
            *chunk = Chunk::seal(&values);
        } else if is_open && let Some(place) = self.open.get_mut(position) {
            *place = value;
        }
    }

    /// Fills the buffer with the values from a position on. All of them must be there, and lie in one chunk.
    pub(super) fn decode(&self, from: u32, into: &mut [i64]) {
        let (chunk, position) = (from as usize / CHUNK, from as usize % CHUNK);
        match self.sealed.get(chunk) {
            Some(chunk) => chunk.decode(position, into),
            None => {
                let open = self.open.get(position..position + into.len());
                if let Some(open) = open {
                    into.copy_from_slice(open);
                }
            }
        }
    }

    /// Every value in its order.
    pub(super) fn each(&self, mut each: impl FnMut(i64)) {
        let mut values = [0; CHUNK];
        for chunk in &self.sealed {
            chunk.decode(0, &mut values);
            values.iter().for_each(|value| each(*value));
        }
        self.open.iter().for_each(|value| each(*value));
    }

    /// Moves the values of another column to the end of this one.
    pub(super) fn append(&mut self, other: Self) {
        self.seal_full();
        if self.open.is_empty() {
            self.sealed.extend(other.sealed);
            self.open = other.open;
        } else {
            other.each(|value| self.push(value));
        }
    }
}

impl Part for Column {
    fn bytes(&self) -> usize {
        let packed: usize = self.sealed.iter().map(|chunk| chunk.bytes.len()).sum();
        packed + self.sealed.capacity() * size_of::<Chunk>() + self.open.capacity() * size_of::<i64>()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_u64(out, self.sealed.len())?;
        for chunk in &self.sealed {
            out.write_all(&chunk.low.to_le_bytes())?;
            out.write_all(&[u8::try_from(chunk.width()).unwrap_or(8)])?;
            out.write_all(chunk.bytes.get(..CHUNK * chunk.width()).unwrap_or_default())?;
        }
        write_list(out, &self.open, i64::to_le_bytes)
    }

    fn read(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let chunks = read_u64(input)?;
        let mut sealed = Vec::new();
        for _ in 0..chunks {
            let mut head = [0; 9];
            input.read_exact(&mut head)?;
            let low = head.first_chunk::<8>().map_or(0, |low| i64::from_le_bytes(*low));
            let width = head.last().map_or(0, |width| usize::from(*width));
            if !WIDTHS.contains(&width) {
                return Err(bad("a chunk has no such width"));
            }
            let mut bytes = vec![0; if width == 0 { 0 } else { CHUNK * width + PAD }].into_boxed_slice();
            input.read_exact(bytes.get_mut(..CHUNK * width).unwrap_or_default())?;
            push_tight(&mut sealed, Chunk { low, bytes });
        }
        let open = read_list(input, i64::from_le_bytes)?;
        if open.len() > CHUNK {
            return Err(bad("a column has an open end that is too long"));
        }
        *self = Self { sealed, open };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values of every width, with extremes: a column must hold anything.
    fn value() -> impl Strategy<Value = i64> {
        prop_oneof![
            4 => 0..3_i64,
            2 => -200..200_i64,
            2 => 1_700_000_000_000..1_700_000_900_000_i64,
            1 => any::<i64>(),
            1 => Just(i64::MIN),
            1 => Just(i64::MAX),
        ]
    }

    /// Stretches of values that are alike, so that chunks of every width occur.
    fn values() -> impl Strategy<Value = Vec<i64>> {
        let stretch = (0..64_u32, 0..1_500_usize, any::<u64>(), value()).prop_map(|(bits, length, seed, base)| {
            let mut state = seed | 1;
            (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    base.wrapping_add((state.checked_shr(64 - bits).unwrap_or(0)).cast_signed())
                })
                .collect::<Vec<_>>()
        });
        prop::collection::vec(stretch, 0..5).prop_map(|stretches| stretches.concat())
    }

    fn column(values: &[i64]) -> Column {
        let mut column = Column::default();
        values.iter().for_each(|value| column.push(*value));
        column
    }

    fn all(column: &Column) -> Vec<i64> {
        let mut all = vec![];
        column.each(|value| all.push(value));
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_column_is_a_list(
            mut model in values(),
            sets in prop::collection::vec((any::<prop::sample::Index>(), value()), 0..50),
            more in values(),
            from in any::<prop::sample::Index>(),
        ) {
            let mut column = column(&model);
            if !model.is_empty() {
                for (at, value) in sets {
                    let at = at.index(model.len());
                    model[at] = value;
                    column.set(u32::try_from(at).unwrap(), value);
                }
            }
            prop_assert_eq!(&all(&column), &model);
            model.extend(&more);
            column.append(super::tests::column(&more));
            prop_assert_eq!(column.len(), model.len());
            prop_assert_eq!(&all(&column), &model);
            for (at, value) in (0_u32..).zip(&model) {
                prop_assert_eq!(column.get(at), Some(*value));
            }
            prop_assert_eq!(column.get(u32::try_from(model.len()).unwrap()), None);
            if !model.is_empty() {
                let from = from.index(model.len());
                let to = model.len().min((from / CHUNK + 1) * CHUNK);
                let mut some = vec![7; to - from];
                column.decode(u32::try_from(from).unwrap(), &mut some);
                prop_assert_eq!(&some, &model[from..to]);
            }
            let mut file = vec![];
            column.write(&mut file).unwrap();
            let mut back = Column::default();
            back.read(&mut file.as_slice()).unwrap();
            prop_assert_eq!(&all(&back), &model);
            file.pop();
            prop_assert!(back.read(&mut file.as_slice()).is_err());
        }
    }

    #[test]
    fn what_is_alike_takes_little() {
        let thousands = |value: fn(i64) -> i64| column(&(0..102_400).map(value).collect::<Vec<_>>()).bytes() / 1_024;
        assert!(thousands(|_| i64::MIN) <= 12, "equal values are kept once a chunk");
        assert!((200..=215).contains(&thousands(|at| 1_700_000_000_000 + at % 1_024 * 60)), "two bytes");
        assert!((300..=315).contains(&thousands(|at| at * 9_000)), "three bytes");
    }
}
