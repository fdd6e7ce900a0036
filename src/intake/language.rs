//! Dutch or English. Telling words decide short texts, trigrams (whatlang) long ones; in doubt nothing is decided.

use std::sync::OnceLock;

use whatlang::{Detector, Lang};

use crate::domain::mail::Language;

/// Characters that are looked at: more of them change nothing.
const LOOKED_AT: usize = 2000;

/// Letters from which on trigrams are trusted.
const TRIGRAM_LETTERS: usize = 40;

/// Trigrams decide from this confidence on, of 1.
const CONFIDENCE: f64 = 0.5;

/// Words that are frequent in one of the languages and absent from the other.
const DUTCH: &[&str] = &[
    "de",
    "het",
    "een",
    "ik",
    "niet",
    "mijn",
    "voor",
    "van",
    "dat",
    "met",
    "wij",
    "uw",
    "u",
    "naar",
    "bij",
    "geen",
    "nog",
    "ook",
    "maar",
    "heb",
    "heeft",
    "wordt",
    "werd",
    "graag",
    "geld",
    "terug",
    "klacht",
    "klachten",
    "factuur",
    "bestelling",
    "levering",
    "geleverd",
    "over",
    "te",
    "en",
    "op",
    "aan",
    "er",
    "dit",
    "deze",
    "jullie",
    "goedendag",
    "geachte",
    "beste",
    "groet",
    "groeten",
    "alvast",
    "bedankt",
    "kapot",
    "stuk",
    "klopt",
    "bezwaar",
    "akkoord",
];

const ENGLISH: &[&str] = &[
    "the",
    "my",
    "not",
    "and",
    "of",
    "to",
    "your",
    "you",
    "this",
    "that",
    "have",
    "has",
    "with",
    "for",
    "from",
    "it",
    "been",
    "would",
    "please",
    "complaint",
    "complaints",
    "invoice",
    "delivered",
    "delivery",
    "refund",
    "money",
    "back",
    "about",
    "dear",
    "regards",
    "thanks",
    "wrong",
    "still",
    "broken",
    "which",
    "are",
    "i",
    "am",
    "be",
    "on",
    "no",
    "order",
    "agree",
    "agreed",
];

static DETECTOR: OnceLock<Detector> = OnceLock::new();

/// The language of a text; `None` when it is too short, in another language or as much one as the other.
pub(super) fn of(text: &str) -> Option<Language> {
    let text: String = text.chars().take(LOOKED_AT).collect();
    let (dutch, english) = telling_words(&text);
    if dutch >= 3 * english && dutch > 0 {
        return Some(Language::Nl);
    }
    if english >= 3 * dutch && english > 0 {
        return Some(Language::En);
    }
    by_trigrams(&text).filter(|_| dutch + english > 0)
}

fn telling_words(text: &str) -> (usize, usize) {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty());
    words.fold((0, 0), |(dutch, english), word| {
        (dutch + usize::from(DUTCH.contains(&word)), english + usize::from(ENGLISH.contains(&word)))
    })
}

fn by_trigrams(text: &str) -> Option<Language> {
    if text.chars().filter(|c| c.is_alphabetic()).count() < TRIGRAM_LETTERS {
        return None;
    }
    let detector = DETECTOR.get_or_init(|| Detector::with_allowlist(vec![Lang::Nld, Lang::Eng]));
    let found = detector.detect(text).filter(|found| found.confidence() >= CONFIDENCE)?;
    Some(if found.lang() == Lang::Nld { Language::Nl } else { Language::En })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_subjects_and_long_letters() {
        for (text, language) in [
            ("Klacht factuur 2231", Some(Language::Nl)),
            ("Invoice is wrong", Some(Language::En)),
            ("Bestelling 12345 niet geleverd", Some(Language::Nl)),
            ("Order 12345 not delivered", Some(Language::En)),
            ("Graag mijn geld terug", Some(Language::Nl)),
            ("The printer that I bought has been broken since Monday.", Some(Language::En)),
            ("De printer die ik kocht is sinds maandag kapot, order 22.", Some(Language::Nl)),
        ] {
            assert_eq!(of(text), language, "{text}");
        }
    }

    #[test]
    fn nothing_is_decided_in_doubt() {
        for text in ["", "12345", "ok", "Jan Jansen", "Amsterdam", "Bonjour, où est ma commande?"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
