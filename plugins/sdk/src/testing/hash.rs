//! SHA-1, SHA-256 and SHA-512 as FIPS 180-4 has them, and HMAC over them, so that a test can sign as its platform does without
//! another crate. Slow and plain; the daemon has its own.

use crate::types::Hash;

/// The HMAC (RFC 2104) of a message.
#[must_use]
pub fn hmac(hash: Hash, key: &[u8], message: &[u8]) -> Vec<u8> {
    let block_bytes = if hash == Hash::Sha512 { 128 } else { 64 };
    let mut key = if key.len() > block_bytes { digest(hash, key) } else { key.to_vec() };
    key.resize(block_bytes, 0);
    let keyed = |pad: u8| key.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
    let inner = digest(hash, &[&keyed(0x36)[..], message].concat());
    digest(hash, &[keyed(0x5c), inner].concat())
}

fn digest(hash: Hash, message: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Sha1 => sha1(message),
        Hash::Sha256 => sha256(message),
        Hash::Sha512 => sha512(message),
    }
}

/// The message with its padding: one bit, zeros, its length in bits.
fn padded(message: &[u8], block_bytes: usize) -> Vec<u8> {
    let mut padded = message.to_vec();
    padded.push(0x80);
    let length_bytes = block_bytes / 8;
    while padded.len() % block_bytes != block_bytes - length_bytes {
        padded.push(0);
    }
    let bits = message.len() as u128 * 8;
    padded.extend(&bits.to_be_bytes()[16 - length_bytes..]);
    padded
}

fn sha1(message: &[u8]) -> Vec<u8> {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in padded(message, 64).chunks(64) {
        let mut words: Vec<u32> = block.chunks(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect();
        for t in 16..80 {
            words.push((words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16]).rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (t, word) in words.iter().enumerate() {
            let (mixed, constant) = match t / 20 {
                0 => ((b & c) | (!b & d), 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let sum = [mixed, e, constant, *word].into_iter().fold(a.rotate_left(5), u32::wrapping_add);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, sum);
        }
        state.iter_mut().zip([a, b, c, d, e]).for_each(|(old, new)| *old = old.wrapping_add(new));
    }
    state.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// SHA-256 and SHA-512 differ in the size of their words, in rotations and in rounds.
macro_rules! sha2 {
    ($name:ident, $word:ty, $rounds:expr, $small:expr, $large:expr) => {
        fn $name(message: &[u8]) -> Vec<u8> {
            const BYTES: usize = size_of::<$word>();
            let primes = || (2_u64..).filter(|n| (2..*n).all(|divisor| n % divisor != 0));
            let mut state: Vec<$word> = primes().take(8).map(|p| root(p, 2, <$word>::BITS) as $word).collect();
            let constants: Vec<$word> = primes().take($rounds).map(|p| root(p, 3, <$word>::BITS) as $word).collect();
            let [[r1, r2, shift1], [r3, r4, shift2]] = $small;
            let [[r5, r6, r7], [r8, r9, r10]] = $large;
            for block in padded(message, BYTES * 16).chunks(BYTES * 16) {
                let mut words: Vec<$word> =
                    block.chunks(BYTES).map(|word| <$word>::from_be_bytes(word.try_into().unwrap())).collect();
                for t in 16..$rounds {
                    let (x, y) = (words[t - 15], words[t - 2]);
                    let s0 = x.rotate_right(r1) ^ x.rotate_right(r2) ^ (x >> shift1);
                    let s1 = y.rotate_right(r3) ^ y.rotate_right(r4) ^ (y >> shift2);
                    words.push(words[t - 16].wrapping_add(s0).wrapping_add(words[t - 7]).wrapping_add(s1));
                }
                let mut v = state.clone();
                for (word, constant) in words.iter().zip(&constants) {
                    let s1 = v[4].rotate_right(r8) ^ v[4].rotate_right(r9) ^ v[4].rotate_right(r10);
                    let choice = (v[4] & v[5]) ^ (!v[4] & v[6]);
                    let t1 = [v[7], s1, choice, *constant, *word].into_iter().fold(0, <$word>::wrapping_add);
                    let s0 = v[0].rotate_right(r5) ^ v[0].rotate_right(r6) ^ v[0].rotate_right(r7);
                    let most = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
                    v.rotate_right(1);
                    v[4] = v[4].wrapping_add(t1);
                    v[0] = t1.wrapping_add(s0).wrapping_add(most);
                }
                state.iter_mut().zip(v).for_each(|(old, new)| *old = old.wrapping_add(new));
            }
            state.iter().flat_map(|word| word.to_be_bytes()).collect()
        }
    };
}

sha2!(sha256, u32, 64, [[7, 18, 3], [17, 19, 10]], [[2, 13, 22], [6, 11, 25]]);
sha2!(sha512, u64, 80, [[1, 8, 7], [19, 61, 6]], [[28, 34, 39], [14, 18, 41]]);

/// The first bits of the fraction of a square or cube root: what the standard takes its constants from.
fn root(of: u64, power: usize, bits: u32) -> u64 {
    // All numbers as digits of 32 bits, the least first.
    let shift = bits as usize * power;
    let mut target = vec![0_u64; 4 * (power + 1)];
    target[shift / 32] = of;
    let is_at_most = |candidate: u128| {
        let mut product = vec![1];
        (0..power).for_each(|_| product = times(&product, candidate));
        product.resize(target.len(), 0);
        product.iter().rev().le(target.iter().rev())
    };
    let found = (0..bits + 5).rev().fold(0_u128, |root, bit| {
        let larger = root | 1 << bit;
        if is_at_most(larger) { larger } else { root }
    });
    (found & ((1 << bits) - 1)) as u64
}

fn times(a: &[u64], b: u128) -> Vec<u64> {
    let mut product = vec![0_u64; a.len() + 4];
    for (i, x) in a.iter().enumerate() {
        let mut carry = 0;
        for j in 0..4 {
            let sum = product[i + j] + x * ((b >> (32 * j)) as u64 & 0xffff_ffff) + carry;
            (product[i + j], carry) = (sum & 0xffff_ffff, sum >> 32);
        }
        product[i + 4] += carry;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    #[test]
    fn digests_are_those_of_the_standard() {
        assert_eq!(hex(&digest(Hash::Sha1, b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&digest(Hash::Sha256, b"abc")), sha256);
        let sha512 = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                      2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        assert_eq!(hex(&digest(Hash::Sha512, b"abc")), sha512);
        // Two blocks.
        let long = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        let twice = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
        assert_eq!(hex(&digest(Hash::Sha256, long)), twice);
    }

    #[test]
    fn signatures_are_those_of_rfc_4231() {
        let signed = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&hmac(Hash::Sha256, b"Jefe", b"what do ya want for nothing?")), signed);
        // A key longer than a block.
        let long = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(hex(&hmac(Hash::Sha256, &[0xaa; 131], message)), long);
    }
}
