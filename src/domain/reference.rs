//! Our own reference: `K-YEAR-NUMBER-CHECK`, so that a mistyped one is known as such.

use std::fmt;
use std::str::FromStr;

/// A reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    year: i16,
    number: u32,
}

/// Words that are no reference of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAReference {
    /// It does not look like one.
    #[error("{0:?} is no reference; expected one like K-2026-00042-9")]
    Form(String),
    /// It looks like one, but a character is wrong.
    #[error("the check character of {0:?} is wrong: a digit was mistyped")]
    Check(String),
}

impl Reference {
    /// The reference with this number in this year.
    pub const fn new(year: i16, number: u32) -> Self {
        Self { year, number }
    }

    fn digits(self) -> String {
        format!("{:04}{:05}", self.year, self.number)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "K-{:04}-{:05}-{}", self.year, self.number, check_character(&self.digits()))
    }
}

impl FromStr for Reference {
    type Err = NotAReference;

    fn from_str(words: &str) -> Result<Self, NotAReference> {
        let no = || NotAReference::Form(words.to_owned());
        let upper = words.trim().to_ascii_uppercase();
        let parts: Vec<&str> = upper.split('-').collect();
        let ["K", year, number, check] = parts[..] else { return Err(no()) };
        let shape = year.len() == 4 && (5..=9).contains(&number.len());
        if !shape || !year.bytes().chain(number.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(no());
        }
        let reference = Self::new(year.parse().map_err(|_| no())?, number.parse().map_err(|_| no())?);
        if check != check_character(&reference.digits()).to_string() {
            return Err(NotAReference::Check(words.to_owned()));
        }
        Ok(reference)
    }
}

/// ISO/IEC 7064 MOD 11-2 over decimal digits: `0` to `9` or `X`. Finds every single wrong digit and every swap.
pub fn check_character(digits: &str) -> char {
    let sum = digits.bytes().fold(0, |sum, digit| (sum + u32::from(digit.wrapping_sub(b'0'))) * 2 % 11);
    char::from_digit((12 - sum) % 11, 10).unwrap_or('X')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_of_the_standard() {
        // ORCID 0000-0002-1825-0097 and 0000-0002-1694-233X, which use MOD 11-2.
        assert_eq!(check_character("000000021825009"), '7');
        assert_eq!(check_character("000000021694233"), 'X');
    }

    #[test]
    fn what_is_printed_reads_back() {
        for number in [1, 42, 99_999, 123_456] {
            let reference = Reference::new(2026, number);
            assert_eq!(reference.to_string().to_lowercase().parse(), Ok(reference));
        }
    }

    #[test]
    fn a_mistyped_digit_and_a_swap_are_known() {
        let right = Reference::new(2026, 42).to_string();
        assert!(matches!(right.replace("00042", "00043").parse::<Reference>(), Err(NotAReference::Check(_))));
        assert!(matches!(right.replace("00042", "00024").parse::<Reference>(), Err(NotAReference::Check(_))));
        assert!(matches!("K-26-1".parse::<Reference>(), Err(NotAReference::Form(_))));
    }
}
