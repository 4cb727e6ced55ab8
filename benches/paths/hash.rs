//! Keys of clients for the load balancing decision.

/// Octets of a key. Each costs a look-up that waits for the one before.
pub const KEY_OCTETS: usize = 16;

/// Keys that are decided together where there are several.
pub const TOGETHER: usize = 8;

/// Different keys of one length.
pub fn keys() -> [[u8; KEY_OCTETS]; TOGETHER] {
    let key = |client: u8| {
        let mut key = *b"\xff\x00\x00\x00\x01\x00\x01\x12\x34\x56\x78\x99\xaa\xbb\xcc\x00";
        key[KEY_OCTETS - 1] = client;
        key
    };
    [0, 1, 2, 3, 4, 5, 6, 7].map(key)
}
