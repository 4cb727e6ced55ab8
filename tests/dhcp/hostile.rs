//! Whatever the bytes are, the service stands, and what it says is about the right client.

use dhcproto::v4::MessageType;

use crate::support::{Answer, RELAY, Request, SERVER, bench, client, ip};

/// Datagrams that are tried.
const ROUNDS: usize = 20_000;

/// A generator whose sequence is the same everywhere and always.
struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn octet(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }
}

fn seeds() -> Vec<Request> {
    let full = client(1)
        .option(55, &[1, 3, 6, 15])
        .option(57, &[5, 220])
        .identifier(b"\x01\x00\x0c\x01\x02\x03\x01")
        .option(82, &[1, 2, 0, 1, 5, 4, 10, 78, 0, 0])
        .option(52, &[3])
        .via(RELAY);
    vec![
        client(1),
        full,
        client(2).selecting(ip(20), SERVER),
        client(2).rebooting(ip(20)),
        client(3).renewing(ip(21)),
        client(3).rebinding(ip(21)),
        client(2).releasing(ip(20)),
        client(4).declining(ip(22)),
        client(4).renewing(ip(150)).kind(MessageType::Inform),
    ]
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Xorshift) {
    for _ in 0..=random.below(6) {
        let length = bytes.len().max(1);
        match random.below(5) {
            0 => bytes.truncate(random.below(length)),
            1 => bytes.push(random.octet()),
            // The options field is where the danger is.
            2 if length > 240 => {
                let at = 240 + random.below(length - 240);
                bytes[at] = random.octet();
            }
            _ if !bytes.is_empty() => {
                let at = random.below(length);
                bytes[at] ^= 1 << random.below(8);
            }
            _ => {}
        }
    }
}

#[test]
fn mutated_datagrams_never_get_a_wrong_answer() {
    let mut bench = bench();
    let mut random = Xorshift(0x5eed_5eed_5eed_5eed);
    let seeds = seeds();
    let mut answered = 0;
    for round in 0..ROUNDS {
        let seed = &seeds[random.below(seeds.len())];
        let mut bytes = seed.bytes();
        mutate(&mut bytes, &mut random);
        let replies = bench.raw(&bytes, &seed.arrival);
        assert!(replies.len() <= 1, "round {round}");
        for reply in replies {
            answered += 1;
            let sent = &reply.reply.bytes;
            assert_eq!(sent[0], 2, "round {round}");
            assert_eq!(sent[1..3], bytes[1..3], "round {round}: hardware type and length");
            assert_eq!(sent[4..8], bytes[4..8], "round {round}: xid");
            assert_eq!(sent[24..44], bytes[24..44], "round {round}: giaddr and chaddr");
            assert!((300..=1472).contains(&sent.len()), "round {round}");
            let answer = Answer::new(reply);
            let octets = answer.yiaddr().octets();
            let pooled = matches!(octets, [10, 78 | 79, 0, 20..=29] | [0, 0, 0, 0]);
            assert!(pooled, "round {round}: {octets:?}");
        }
        if round % 100 == 0 {
            bench.wait(30);
        }
    }
    assert!(answered > 500, "the mutations are too wild to test anything: {answered}");
}

#[test]
fn random_octets_are_dropped_and_counted() {
    let mut bench = bench();
    let mut random = Xorshift(1);
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..random.below(700)).map(|_| random.octet()).collect();
        assert!(bench.raw(&bytes, &client(1).arrival).is_empty());
    }
    let dropped: u64 = bench.service.counters().dropped().map(|(_, count)| count).sum();
    assert_eq!(dropped, 2_000);
}
