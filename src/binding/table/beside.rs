//! Octets of any length beside the records, each under a handle.

/// Values of which records hold the handles.
#[derive(Clone, Debug, Hash)]
pub(super) struct Beside<T> {
    values: Vec<T>,
    unused: Vec<u32>,
    octets: usize,
}

impl<T> Default for Beside<T> {
    fn default() -> Self {
        Self { values: Vec::new(), unused: Vec::new(), octets: 0 }
    }
}

impl<T: AsRef<[u8]> + Default> Beside<T> {
    /// The value under a handle; `None` where there is none, as under `NONE`.
    pub(super) fn get(&self, handle: u32) -> Option<&T> {
        self.values.get(handle as usize)
    }

    /// Keeps a value.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        self.octets += value.as_ref().len();
        if let Some(handle) = self.unused.pop()
            && let Some(room) = self.values.get_mut(handle as usize)
        {
            *room = value;
            return handle;
        }
        self.values.push(value);
        super::slot_number(self.values.len() - 1)
    }

    /// Forgets a value; its handle will be given out again.
    pub(super) fn remove(&mut self, handle: u32) {
        if let Some(value) = self.values.get_mut(handle as usize) {
            self.octets -= value.as_ref().len();
            *value = T::default();
            self.unused.push(handle);
        }
    }

    /// Values held now.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.values.len() - self.unused.len()
    }

    /// Octets on the heap.
    pub(super) fn memory(&self) -> usize {
        self.octets
            + self.values.capacity() * size_of::<T>()
            + self.unused.capacity() * size_of::<u32>()
    }
}
