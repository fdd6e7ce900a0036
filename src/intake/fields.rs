//! Order numbers, telephone numbers and the labelled fields of web forms.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};

/// Longest value of a field, in characters.
const LONGEST: usize = 200;

/// Labelled lines from which on a mail counts as filled in from a form.
const FORM_LINES: usize = 3;

/// Compiled size that a pattern of the operator may have, in bytes.
const PATTERN_BYTES: usize = 1 << 20;

/// How deep groups of a pattern may nest.
const PATTERN_NESTING: u32 = 50;

/// The labels of forms, Dutch and English, and the field that each means. "Uw" and "your" are left out of them.
const LABELS: &[(&str, &str)] = &[
    ("naam", "name"),
    ("name", "name"),
    ("volledige naam", "name"),
    ("full name", "name"),
    ("bedrijf", "company"),
    ("bedrijfsnaam", "company"),
    ("organisatie", "company"),
    ("company", "company"),
    ("company name", "company"),
    ("adres", "address"),
    ("address", "address"),
    ("telefoon", "phone"),
    ("telefoonnummer", "phone"),
    ("tel", "phone"),
    ("mobiel", "phone"),
    ("phone", "phone"),
    ("phone number", "phone"),
    ("telephone", "phone"),
    ("bereikbaar", "availability"),
    ("bereikbaarheid", "availability"),
    ("availability", "availability"),
    ("e-mail", "email"),
    ("email", "email"),
    ("mail", "email"),
    ("e-mailadres", "email"),
    ("emailadres", "email"),
    ("e-mail address", "email"),
    ("email address", "email"),
    ("datum", "date"),
    ("datum van indienen", "date"),
    ("datum van de klacht", "date"),
    ("date", "date"),
    ("klacht", "description"),
    ("omschrijving", "description"),
    ("omschrijving klacht", "description"),
    ("omschrijving van de klacht", "description"),
    ("omschrijving van uw klacht", "description"),
    ("klachtomschrijving", "description"),
    ("bericht", "description"),
    ("toelichting", "description"),
    ("complaint", "description"),
    ("description", "description"),
    ("message", "description"),
    ("referentie", "reference_numbers"),
    ("referentienummer", "reference_numbers"),
    ("referentienummers", "reference_numbers"),
    ("contractnummer", "reference_numbers"),
    ("contractnummers", "reference_numbers"),
    ("reference", "reference_numbers"),
    ("reference number", "reference_numbers"),
    ("ordernummer", "order_number"),
    ("ordernummers", "order_number"),
    ("bestelnummer", "order_number"),
    ("bestelnummers", "order_number"),
    ("bestelling", "order_number"),
    ("order number", "order_number"),
    ("order", "order_number"),
    ("betreft", "about"),
    ("onderwerp van de klacht", "about"),
    ("klacht over", "about"),
    ("gewenste oplossing", "wished_solution"),
    ("oplossing", "wished_solution"),
    ("wished solution", "wished_solution"),
    ("desired solution", "wished_solution"),
    ("eerder contact", "prior_contact"),
    ("prior contact", "prior_contact"),
    ("contactpersoon", "contact_point"),
    ("aanspreekpunt", "contact_point"),
    ("contact point", "contact_point"),
    ("over wie of wat", "about"),
    ("om wie of wat gaat het", "about"),
    ("whom or what", "about"),
    ("wanneer", "when_and_how_long"),
    ("wanneer en hoe lang", "when_and_how_long"),
    ("wanneer is het gebeurd en hoe lang heeft het probleem geduurd", "when_and_how_long"),
    ("één keer of vaker", "once_or_more"),
    ("eén keer of vaker", "once_or_more"),
    ("een keer of vaker", "once_or_more"),
    ("is het één keer gebeurd of vaker", "once_or_more"),
    ("wat is uw naam", "name"),
    ("omschrijf het probleem", "description"),
    ("consument of zakelijk", "consumer_or_business"),
];

/// Why a pattern of a procedure can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {error}")]
pub struct PatternError {
    /// The field whose pattern it is.
    pub field: String,
    /// What is wrong with it.
    pub error: regex::Error,
}

/// The patterns and labels of a procedure, compiled.
#[derive(Debug)]
pub struct Patterns {
    patterns: Vec<(String, Regex)>,
    /// What the procedure asks for is a label too: `once_or_more` is "once or more".
    asked: Vec<(String, String)>,
}

impl Patterns {
    /// Compiles the patterns: field name to regular expression. Its first group, else all of it, is the value.
    /// `ask_for` are the fields that the procedure asks for.
    ///
    /// # Errors
    /// [`PatternError`] naming the field whose pattern is wrong or too large.
    pub fn compile(sources: &BTreeMap<String, String>, ask_for: &[String]) -> Result<Self, PatternError> {
        let compiled = sources.iter().map(|(field, source)| {
            let regex =
                RegexBuilder::new(source).size_limit(PATTERN_BYTES).nest_limit(PATTERN_NESTING).build();
            regex.map(|r| (field.clone(), r)).map_err(|error| PatternError { field: field.clone(), error })
        });
        let asked = ask_for.iter().map(|field| (field.replace('_', " ").to_lowercase(), field.clone()));
        Ok(Self { patterns: compiled.collect::<Result<_, _>>()?, asked: asked.collect() })
    }

    /// The fields that stand in subject and text. A labelled line counts before a pattern.
    pub(super) fn find(&self, subject: &str, text: &str, form: bool) -> BTreeMap<String, String> {
        let mut fields = self.labelled(text, form);
        for (field, regex) in &self.patterns {
            if fields.contains_key(field) {
                continue;
            }
            if let Some(value) = [subject, text].iter().find_map(|hay| first(field, regex, hay)) {
                fields.insert(field.clone(), value);
            }
        }
        fields
    }

    /// The labelled lines, when the mail comes from a form or has several of them.
    fn labelled(&self, text: &str, form: bool) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some((field, value)) = self.label(line, form) else { continue };
            // Some forms put the value on the line below.
            let below = || {
                lines[at + 1..]
                    .iter()
                    .find(|l| !l.trim().is_empty())
                    .filter(|l| self.label(l, form).is_none())
            };
            let value = if value.is_empty() { below().map(|l| short(l)).unwrap_or_default() } else { value };
            if !value.is_empty() {
                fields.entry(field.to_owned()).or_insert(value);
            }
        }
        if form || fields.len() >= FORM_LINES { fields } else { BTreeMap::new() }
    }

    /// The field that a line names, and its value. In the tables of a form a gap parts them, and some put each on its line.
    fn label<'a>(&'a self, line: &str, form: bool) -> Option<(&'a str, String)> {
        let line = line.trim();
        // A question of the published text, copied with the answer behind it, is a label too.
        let parted = line.split_once([':', '?']);
        // The widest label of a table has one space behind it.
        let address = || line.rsplit_once(' ').filter(|(_, value)| value.contains('@'));
        let gap = || line.split_once("  ").or(line.split_once('\t')).or_else(address).unwrap_or((line, ""));
        let (label, value) = parted.or_else(|| form.then(gap))?;
        let label = label.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let label = label.trim_end_matches(" (verplicht)").trim_end_matches(" (required)");
        let possessive = ["uw ", "je ", "jouw ", "your "].iter().find_map(|word| label.strip_prefix(word));
        let label = possessive.unwrap_or(label);
        let asked = self.asked.iter().find(|(words, _)| words == label).map(|(_, field)| field.as_str());
        let known = LABELS.iter().find(|(words, _)| *words == label).map(|(_, field)| *field);
        Some((asked.or(known)?, short(value.trim_start_matches(['*', ' ']))))
    }
}

/// The first value; "order of 12-02-2026" names the day of an order and not its number.
fn first(field: &str, regex: &Regex, text: &str) -> Option<String> {
    let values = regex.captures_iter(text).filter_map(|found| found.get(1).or_else(|| found.get(0)));
    let mut values = values.map(|value| short(value.as_str()));
    values.find(|value| !value.is_empty() && (field != "order_number" || !is_date(value)))
}

/// Whether it reads as day, month and year, or the other way round.
fn is_date(value: &str) -> bool {
    let parts: Option<Vec<u16>> = value.split(['-', '/', '.']).map(|part| part.parse().ok()).collect();
    let Some([first, month, last]) = parts.as_deref() else { return false };
    let is_year = |number: &u16| (1900..2100).contains(number);
    let is_day = |number: &u16| (1..=31).contains(number);
    let ends_in_year = is_day(first) && (is_year(last) || *last < 100);
    (1..=12).contains(month) && (ends_in_year || (is_year(first) && is_day(last)))
}

fn short(value: &str) -> String {
    value.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(sources: &[(&str, &str)]) -> Result<Patterns, PatternError> {
        let sources = sources.iter().map(|(f, s)| ((*f).to_owned(), (*s).to_owned())).collect();
        Patterns::compile(&sources, &["once_or_more".to_owned()])
    }

    #[test]
    fn a_bad_or_huge_pattern_is_named() {
        assert_eq!(patterns(&[("phone", "(")]).unwrap_err().field, "phone");
        assert_eq!(patterns(&[("x", r"(\w{500}){500}")]).unwrap_err().field, "x");
        assert_eq!(
            patterns(&[("x", &format!("{}a{}", "(".repeat(100), ")".repeat(100)))]).unwrap_err().field,
            "x"
        );
    }

    #[test]
    fn labels_of_forms() {
        let patterns = patterns(&[]).unwrap();
        let text = "Uw naam: Jan de Vries\n*E-mailadres:* jan@klant.test\nTelefoon *: 06-12345678\n\
                    Ordernummer:\n\n2026-1187\nUw referentienummers: C-1, C-2\nOnce or more: twice\nNaam: Piet\nIets anders: x";
        let found = patterns.find("", text, false);
        let pairs: Vec<(&str, &str)> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let expected = [
            ("email", "jan@klant.test"),
            ("name", "Jan de Vries"),
            ("once_or_more", "twice"),
            ("order_number", "2026-1187"),
            ("phone", "06-12345678"),
            ("reference_numbers", "C-1, C-2"),
        ];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn questions_that_were_copied_are_labels() {
        let text = "Wat is uw naam? Anna de Boer\nOm wie of wat gaat het?\nhet rapport\n\
                    Is het één keer gebeurd of vaker? Eén keer\nWat vindt u daarvan? Niets.";
        let found = patterns(&[]).unwrap().find("", text, false);
        let pairs: Vec<(&str, &str)> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("about", "het rapport"), ("name", "Anna de Boer"), ("once_or_more", "Eén keer")]);
    }

    #[test]
    fn two_labels_are_no_form_unless_it_comes_from_one() {
        let patterns = patterns(&[]).unwrap();
        let text = "Naam: Jan\nDatum: gisteren";
        assert!(patterns.find("", text, false).is_empty());
        assert_eq!(patterns.find("", text, true).len(), 2);
    }

    #[test]
    fn the_day_of_an_order_is_not_its_number() {
        let patterns = patterns(&[("order_number", r"order ([\w/.-]+\w)")]).unwrap();
        let number = |text: &str| patterns.find("", text, false).get("order_number").cloned();
        for date in ["12-02-2026", "2026-02-12", "12/2/26", "1.12.2026"] {
            assert_eq!(number(&format!("order {date}, order 4711")).as_deref(), Some("4711"), "{date}");
            assert_eq!(number(&format!("order {date}")), None);
        }
        for order in ["2026-1187", "12-34-5678", "2026-13-40", "1-2-3-4", "10-02-7777"] {
            assert_eq!(number(&format!("order {order}")).as_deref(), Some(order));
        }
    }

    #[test]
    fn patterns_search_the_subject_first_and_values_are_short() {
        let patterns = patterns(&[("order_number", r"order (\d+)"), ("long", "x+")]).unwrap();
        let found = patterns.find("order 1", &format!("order 2 {}", "x".repeat(500)), false);
        assert_eq!(found["order_number"], "1");
        assert_eq!(found["long"].len(), LONGEST);
    }
}
