//! CRC-32C (Castagnoli, reflected), eight octets a step.

const POLYNOMIAL: u32 = 0x82f6_3b78;

/// `TABLES[n][octet]`: what `octet` becomes when n octets of zero follow it.
static TABLES: [[u32; 256]; 8] = tables();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, with bounds in sight"
)]
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut octet = 0;
    while octet < 256 {
        let mut value = octet as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        tables[0][octet] = value;
        octet += 1;
    }
    let mut distance = 1;
    while distance < 8 {
        let mut octet = 0;
        while octet < 256 {
            let before = tables[distance - 1][octet];
            tables[distance][octet] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            octet += 1;
        }
        distance += 1;
    }
    tables
}

/// A checksum that takes its octets in several pieces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crc32c(u32);

impl Crc32c {
    pub(super) const fn new() -> Self {
        Self(u32::MAX)
    }

    #[expect(clippy::indexing_slicing, reason = "an octet indexes a table of 256")]
    pub(super) fn update(mut self, octets: &[u8]) -> Self {
        let (steps, rest) = octets.as_chunks::<8>();
        for &[a, b, c, d, e, f, g, h] in steps {
            let [p, q, r, s] = (self.0 ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes();
            self.0 = TABLES[7][usize::from(p)]
                ^ TABLES[6][usize::from(q)]
                ^ TABLES[5][usize::from(r)]
                ^ TABLES[4][usize::from(s)]
                ^ TABLES[3][usize::from(e)]
                ^ TABLES[2][usize::from(f)]
                ^ TABLES[1][usize::from(g)]
                ^ TABLES[0][usize::from(h)];
        }
        for &octet in rest {
            let [low, ..] = self.0.to_le_bytes();
            self.0 = (self.0 >> 8) ^ TABLES[0][usize::from(low ^ octet)];
        }
        self
    }

    pub(super) const fn finish(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue_comes_out() {
        assert_eq!(Crc32c::new().update(b"123456789").finish(), 0xe306_9283);
    }

    #[test]
    fn thirty_two_octets_of_zero_give_the_value_of_rfc_3720() {
        assert_eq!(Crc32c::new().update(&[0; 32]).finish(), 0x8a91_36aa);
    }

    #[test]
    fn pieces_give_the_checksum_of_the_whole() {
        let whole = Crc32c::new().update(b"0123456789abcdefghij").finish();
        let pieces = Crc32c::new().update(b"012").update(b"3456789abcdefghij").finish();
        assert_eq!(whole, pieces);
    }
}
