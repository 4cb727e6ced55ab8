//! The options that the configuration gives to a subnet, in their wire form.

use super::option_code::OptionCode;

/// Configured options in ascending order of code, each at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionSet(Vec<(OptionCode, Box<[u8]>)>);

impl OptionSet {
    /// The data of an option.
    pub fn get(&self, code: OptionCode) -> Option<&[u8]> {
        let at = self.0.binary_search_by_key(&code, |(code, _)| *code).ok()?;
        self.0.get(at).map(|(_, data)| &**data)
    }

    /// All options in ascending order of code.
    pub fn iter(&self) -> impl Iterator<Item = (OptionCode, &[u8])> {
        self.0.iter().map(|(code, data)| (*code, &**data))
    }
}

/// Takes options in any order; of several with one code the first counts.
impl FromIterator<(OptionCode, Vec<u8>)> for OptionSet {
    fn from_iter<I: IntoIterator<Item = (OptionCode, Vec<u8>)>>(options: I) -> Self {
        let boxed = options.into_iter().map(|(code, data)| (code, data.into_boxed_slice()));
        let mut options: Vec<_> = boxed.collect();
        options.sort_by_key(|(code, _)| *code);
        options.dedup_by_key(|(code, _)| *code);
        Self(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_whatever_their_order_was() {
        let set: OptionSet =
            [(OptionCode(42), vec![1]), (OptionCode(3), vec![2])].into_iter().collect();
        assert_eq!(set.get(OptionCode(3)), Some(&[2][..]));
        assert_eq!(set.get(OptionCode(6)), None);
        assert_eq!(set.iter().map(|(code, _)| code.0).collect::<Vec<_>>(), [3, 42]);
    }
}
