//! What the clients of a load are called.

/// The first octets of every client's Ethernet address; locally administered.
const PREFIX: [u8; 2] = [0x02, 0x7c];

/// The Ethernet address of the client with this number.
pub(super) const fn ethernet(number: u32) -> [u8; 6] {
    let [prefix, second] = PREFIX;
    let [a, b, c, d] = number.to_be_bytes();
    [prefix, second, a, b, c, d]
}

/// The number of the client with this address; `None` if it belongs to nobody of ours.
pub(super) fn number(ethernet: [u8; 6]) -> Option<u32> {
    let number = ethernet.strip_prefix(&PREFIX)?;
    number.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_found_by_its_address() {
        for client in [0, 1, 255, 256, 70_000, u32::MAX] {
            assert_eq!(number(ethernet(client)), Some(client));
        }
    }

    #[test]
    fn another_machine_is_nobody() {
        assert_eq!(number([0x02, 0x7d, 0, 0, 0, 1]), None);
    }
}
