//! A snapshot holds the whole book, or is refused.

use std::os::unix::fs::FileExt;

use proptest::prelude::*;

use super::super::*;
use super::accessors::{History, answers, deliveries, history, read_back};

const STAMP: Stamp = Stamp { ledger: 1, commit: 2, record: 3, next_block: 4 };

fn saved(book: &Book) -> std::fs::File {
    let file = tempfile::tempfile().unwrap();
    book.save(&file).unwrap();
    file
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_snapshot_is_the_book(deliveries in deliveries(), split in any::<prop::sample::Index>()) {
        let History { book, log, .. } = history(deliveries);
        let mut half = Book::new(HashKey(3, 4));
        let split = split.index(log.len() + 1);
        read_back(&mut half, &log[..split].to_vec(), 0);
        half.set_stamp(STAMP);
        let file = saved(&half);
        prop_assert_eq!(Stamp::of(&file).unwrap(), STAMP);
        let mut back = Book::load(&file, HashKey(3, 4)).unwrap();
        prop_assert_eq!(back.stamp(), STAMP);
        prop_assert_eq!(answers(&back), answers(&half));
        // What comes after it must find everything that it would find in the book that was written.
        read_back(&mut back, &log, split);
        prop_assert_eq!(answers(&back), answers(&book));
    }

    #[test]
    fn a_damaged_snapshot_is_refused(
        deliveries in deliveries(), at in any::<prop::sample::Index>(), bit in 0..8_u32, cut in any::<bool>(),
    ) {
        let file = saved(&history(deliveries).book);
        let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
        let at = at.index(length) as u64;
        if cut {
            file.set_len(at).unwrap();
        } else {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1 << bit], at).unwrap();
        }
        prop_assert!(Book::load(&file, HashKey(3, 4)).is_err());
    }
}
