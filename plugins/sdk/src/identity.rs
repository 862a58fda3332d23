//! Ids for rows that have none.

/// An id made of texts: the same texts in the same order always give the same 32 hexadecimal digits, in every version
/// of this crate, because ledgers keep it. It is FNV-1a with 128 bits over each text, preceded by its length in bytes as
/// eight little-endian bytes, so that moving a letter from one text to the next makes another id. Not for secrets.
#[must_use]
pub fn stable_id<T: AsRef<str>>(parts: &[T]) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut hash = OFFSET;
    let mut feed = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    };
    for part in parts {
        let part = part.as_ref().as_bytes();
        feed(&(part.len() as u64).to_le_bytes());
        feed(part);
    }
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_never_change() {
        assert_eq!(stable_id::<&str>(&[]), "6c62272e07bb014262b821756295c58d");
        assert_eq!(stable_id(&["a", "b"]), stable_id(&["a", "b"]));
        assert_ne!(stable_id(&["ab", ""]), stable_id(&["a", "b"]));
        assert_ne!(stable_id(&["a", "b"]), stable_id(&["b", "a"]));
        assert_ne!(stable_id(&[""]), stable_id(&["", ""]));
    }
}
