//! The hash of RFC 3074 §6: Pearson's, one octet wide.

/// A permutation of the octets (RFC 3074 §6).
#[rustfmt::skip]
static MIXING_TABLE: [u8; 256] = [
    251, 175, 119, 215, 81, 14, 79, 191, 103, 49, 181, 143, 186, 157, 0, 232,
    31, 32, 55, 60, 152, 58, 17, 237, 174, 70, 160, 144, 220, 90, 57, 223,
    59, 3, 18, 140, 111, 166, 203, 196, 134, 243, 124, 95, 222, 179, 197, 65,
    180, 48, 36, 15, 107, 46, 233, 130, 165, 30, 123, 161, 209, 23, 97, 16,
    40, 91, 219, 61, 100, 10, 210, 109, 250, 127, 22, 138, 29, 108, 244, 67,
    207, 9, 178, 204, 74, 98, 126, 249, 167, 116, 34, 77, 193, 200, 121, 5,
    20, 113, 71, 35, 128, 13, 182, 94, 25, 226, 227, 199, 75, 27, 41, 245,
    230, 224, 43, 225, 177, 26, 155, 150, 212, 142, 218, 115, 241, 73, 88, 105,
    39, 114, 62, 255, 192, 201, 145, 214, 168, 158, 221, 148, 154, 122, 12, 84,
    82, 163, 44, 139, 228, 236, 205, 242, 217, 11, 187, 146, 159, 64, 86, 239,
    195, 42, 106, 198, 118, 112, 184, 172, 87, 2, 173, 117, 176, 229, 247, 253,
    137, 185, 99, 164, 102, 147, 45, 66, 231, 52, 141, 211, 194, 206, 246, 238,
    56, 110, 78, 248, 63, 240, 189, 93, 92, 51, 53, 183, 19, 171, 72, 50,
    33, 104, 101, 69, 8, 252, 83, 120, 76, 135, 85, 54, 202, 125, 188, 213,
    96, 235, 136, 208, 162, 129, 190, 132, 156, 38, 47, 1, 7, 254, 24, 4,
    216, 131, 89, 21, 28, 133, 37, 153, 149, 80, 170, 68, 6, 169, 234, 151,
];

/// The bucket of a client.
///
/// `key` is the data of option 61 with its type octet, or chaddr cut to hlen without hardware type
/// ([`ClientRef::hash_key`](crate::binding::ClientRef::hash_key)). All of it counts, its length
/// modulo 256 first. An empty key is in bucket 0.
#[expect(clippy::indexing_slicing, reason = "an octet indexes a table of 256 entries")]
pub fn hash(key: &[u8]) -> u8 {
    let [length, ..] = key.len().to_le_bytes();
    key.iter().rev().fold(length, |bucket, octet| MIXING_TABLE[usize::from(bucket ^ octet)])
}

/// The buckets of `N` clients at once, each as [`hash`] has it.
///
/// One key is a chain of look-ups, each of which waits for the one before. Several chains side by
/// side fill that wait; eight of them keep a core busy. Keys of different lengths are hashed one
/// after the other.
pub fn hash_each<const N: usize>(keys: [&[u8]; N]) -> [u8; N] {
    let length = keys.first().map_or(0, |key| key.len());
    if keys.iter().any(|key| key.len() != length) {
        return keys.map(hash);
    }
    let mut chains = Chains::of_length(length);
    let mut rest = keys;
    while let Some(words) = last_words(&mut rest) {
        chains.take(words, WORD);
    }
    let left = rest.first().map_or(0, |key| key.len());
    chains.take(keys.map(|key| first_octets(key, left)), left);
    chains.buckets.map(low_octet)
}

/// Octets of a key that are read at once.
const WORD: usize = size_of::<u64>();
/// Octets of half of that.
const HALF: usize = size_of::<u32>();

/// The buckets so far. While a word is taken they are the lowest octets of what is left of it, so that
/// each chain needs one register and no more: eight have room side by side.
struct Chains<const N: usize> {
    buckets: [u64; N],
}

impl<const N: usize> Chains<N> {
    fn of_length(length: usize) -> Self {
        let [octet, ..] = length.to_le_bytes();
        Self { buckets: [octet.into(); N] }
    }

    /// Takes all of each word, which has so many octets, from its low end.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "an octet indexes a table of 256 entries")]
    fn take(&mut self, words: [u64; N], octets: usize) {
        for (bucket, word) in self.buckets.iter_mut().zip(words) {
            *bucket ^= word;
        }
        for _ in 0..octets {
            for left in &mut self.buckets {
                *left = (*left >> 8) ^ u64::from(MIXING_TABLE[usize::from(low_octet(*left))]);
            }
        }
    }
}

fn low_octet(word: u64) -> u8 {
    let [octet, ..] = word.to_le_bytes();
    octet
}

/// Cuts the last word off every key, while all have one.
#[inline]
fn last_words<const N: usize>(keys: &mut [&[u8]; N]) -> Option<[u64; N]> {
    let mut words = [0; N];
    for (key, word) in keys.iter_mut().zip(&mut words) {
        let (rest, last) = key.split_last_chunk()?;
        *word = u64::from_be_bytes(*last);
        *key = rest;
    }
    Some(words)
}

/// The first `count` octets of a key as a number; fewer than a word, and all of a key that is
/// shorter than a word.
#[inline]
fn first_octets(key: &[u8], count: usize) -> u64 {
    if let Some(first) = key.first_chunk() {
        // Of a whole word nothing is left to take.
        return if count == 0 { 0 } else { u64::from_be_bytes(*first) >> bits(WORD, count) };
    }
    if let (Some(first), Some(last)) = (key.first_chunk::<HALF>(), key.last_chunk::<HALF>()) {
        // Where the two overlap they say the same.
        let [first, last] = [first, last].map(|half| u64::from(u32::from_be_bytes(*half)));
        return (first << bits(count, HALF)) | last;
    }
    key.iter().fold(0, |word, octet| (word << 8) | u64::from(*octet))
}

/// The bits by which `long` octets are more than `short`.
fn bits(long: usize, short: usize) -> usize {
    long.saturating_sub(short).saturating_mul(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys in hexadecimal and the buckets in which live dhcpd pairs put them.
    const KNOWN_ANSWERS: [(&str, u8); 19] = [
        ("", 0),
        ("00", 175),
        ("ff", 234),
        ("0e", 232),
        ("000c01020304", 131),
        ("001122334455", 135),
        ("ffffffffffff", 79),
        ("01000c01020304", 104),
        ("01001122334455", 223),
        ("deadbeef0badc0ffee", 221),
        ("000102030405060708090a0b0c0d0e0f", 155),
        ("ffffffffffffffffffffffffffffffff", 105),
        ("020000000001", 133),
        ("020000000002", 45),
        ("00163e112233", 239),
        ("01020000000001", 14),
        ("01020000000002", 66),
        ("0100163e112233", 13),
        ("ff00000001000100012233445566778899aabb", 223),
    ];

    fn octets(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    /// Holds: FO-5.3-3.
    #[test]
    fn known_keys_fall_into_their_buckets() {
        for (key, bucket) in KNOWN_ANSWERS {
            assert_eq!(hash(&octets(key)), bucket, "key {key}");
        }
    }

    /// Holds: FO-5.3-3.
    #[test]
    fn keys_hashed_side_by_side_fall_into_their_own_buckets() {
        for (key, bucket) in KNOWN_ANSWERS {
            let key = octets(key);
            assert_eq!(hash_each([&key; 3]), [bucket; 3], "key {key:02x?}");
        }
    }

    #[test]
    fn side_by_side_is_the_same_as_one_by_one_at_every_length() {
        let text: Vec<u8> = (0..=255).cycle().take(600).collect();
        for length in 0..=300 {
            let keys: [&[u8]; 8] = std::array::from_fn(|at| &text[at * 31..at * 31 + length]);
            assert_eq!(hash_each(keys), keys.map(hash), "length {length}");
        }
    }

    #[test]
    fn keys_of_different_lengths_may_stand_side_by_side() {
        let keys: [&[u8]; 3] = [b"\x00", b"", b"\xff"];
        assert_eq!(hash_each(keys), [175, 0, 234]);
    }

    #[test]
    fn the_length_of_a_key_counts_modulo_256() {
        assert_eq!(hash(&[0; 256]), 0);
    }

    #[test]
    fn the_mixing_table_is_a_permutation() {
        let mut seen = MIXING_TABLE;
        seen.sort_unstable();
        assert!(seen.iter().enumerate().all(|(at, octet)| usize::from(*octet) == at));
    }
}
