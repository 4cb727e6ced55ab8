//! Memory for answers, used again when they have left.

use std::collections::VecDeque;

use bytes::BytesMut;

/// Octets taken at a time: some two hundred answers.
const PIECE: usize = 64 * 1024;

/// Pieces from which answers are cut. How many there are follows from how many answers wait for
/// their commits; when those have left, their piece is filled again.
#[derive(Debug, Default)]
pub(super) struct AnswerMemory {
    current: BytesMut,
    /// In the order in which they became full, which is very nearly that in which they become free.
    full: VecDeque<BytesMut>,
}

impl AnswerMemory {
    /// A buffer, empty, with room for `octets`, at most 64 KiB. What is written is to be split off.
    pub(super) fn buffer(&mut self, octets: usize) -> &mut BytesMut {
        if self.current.capacity() < octets {
            let next = self.free_piece().unwrap_or_else(|| BytesMut::with_capacity(PIECE));
            let full = std::mem::replace(&mut self.current, next);
            if full.capacity() > 0 {
                self.full.push_back(full);
            }
        }
        &mut self.current
    }

    fn free_piece(&mut self) -> Option<BytesMut> {
        self.full.front_mut()?.try_reclaim(PIECE).then_some(())?;
        self.full.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, Bytes};

    use super::*;

    fn cut(memory: &mut AnswerMemory) -> Bytes {
        let buffer = memory.buffer(1500);
        buffer.put_bytes(1, 300);
        buffer.split().freeze()
    }

    #[test]
    fn memory_of_answers_that_have_left_is_used_again() {
        let mut memory = AnswerMemory::default();
        for _ in 0..1_000 {
            // Some wait, then all leave.
            let waiting: Vec<_> = (0..500).map(|_| cut(&mut memory)).collect();
            drop(waiting);
        }
        assert!(memory.full.len() <= 3, "{} pieces", memory.full.len());
    }

    #[test]
    fn an_answer_that_waits_keeps_its_octets() {
        let mut memory = AnswerMemory::default();
        let waiting = cut(&mut memory);
        for _ in 0..1_000 {
            memory.buffer(1500).put_bytes(2, 300);
            drop(memory.buffer(1500).split());
        }
        assert_eq!(waiting, [1; 300][..]);
    }
}
