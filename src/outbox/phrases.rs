//! Phrases of which notices are made: lengths of time, and what complainants are asked to state. Pure.

use crate::domain::mail::Language;
use crate::domain::procedure::{Span, Unit};

/// A length of time: "14 dagen", "5 working days".
pub fn span(span: Span, language: Language) -> String {
    let one = span.count == 1;
    let unit = match (span.unit, language, one) {
        (Unit::Days, Language::Nl, true) => "dag",
        (Unit::Days, Language::Nl, false) => "dagen",
        (Unit::WorkingDays, Language::Nl, true) => "werkdag",
        (Unit::WorkingDays, Language::Nl, false) => "werkdagen",
        (Unit::Weeks, Language::Nl, false) => "weken",
        (Unit::Months, Language::Nl, true) => "maand",
        (Unit::Months, Language::Nl, false) => "maanden",
        (Unit::Days, Language::En, true) => "day",
        (Unit::Days, Language::En, false) => "days",
        (Unit::WorkingDays, Language::En, true) => "working day",
        (Unit::WorkingDays, Language::En, false) => "working days",
        (Unit::Weeks, _, true) => "week",
        (Unit::Weeks, Language::En, false) => "weeks",
        (Unit::Months, Language::En, true) => "month",
        (Unit::Months, Language::En, false) => "months",
    };
    format!("{} {unit}", span.count)
}

/// Something that a procedure asks the complainant to state, by its name in `ask_for`; addressed to nobody, so that it
/// reads well beside "u" and beside "je".
pub fn question(field: &str, language: Language) -> &str {
    let (nl, en) = match field {
        "name" => ("naam", "name"),
        "company" => ("naam van het bedrijf", "name of the company"),
        "address" => ("adres", "address"),
        "phone" => ("telefoonnummer", "telephone number"),
        "availability" => ("tijden van bereikbaarheid", "times at which you can be reached"),
        "about" => ("over wie of wat de klacht gaat", "whom or what the complaint is about"),
        "order_number" => ("ordernummer", "order number"),
        "consumer_or_business" => (
            "of het om een aankoop als consument of als bedrijf gaat",
            "whether the purchase was made as a consumer or as a business",
        ),
        "reference_numbers" => {
            ("referentie-, contract- of ordernummers", "reference, contract or order numbers")
        }
        "when_and_how_long" => (
            "wanneer het probleem is ontstaan en hoe lang het al duurt",
            "when the problem arose and how long it has lasted",
        ),
        "once_or_more" => ("of het één keer of vaker is gebeurd", "whether it happened once or more often"),
        "wished_solution" => {
            ("welke oplossing of welk antwoord gewenst is", "which solution or answer is wished")
        }
        "prior_contact" => (
            "met wie er al contact is geweest, en wat dat heeft opgeleverd",
            "who has been contacted already, and with what result",
        ),
        "contact_point" => (
            "wie ons aanspreekpunt is, en op welk telefoonnummer en e-mailadres",
            "who our contact is, with telephone number and e-mail address",
        ),
        "email" => ("e-mailadres", "e-mail address"),
        "date" => ("datum van de klacht", "date of the complaint"),
        "description" => ("omschrijving van de klacht", "description of the complaint"),
        "contact" => ("contactgegevens", "contact details"),
        own => (own, own),
    };
    match language {
        Language::Nl => nl,
        Language::En => en,
    }
}

/// Why a mail was set aside, as the journal has it in English, in the language of who reads of it. A reason of no
/// known form stays as it is.
pub fn set_aside(reason: &str, language: Language) -> String {
    if language == Language::En {
        return reason.to_owned();
    }
    let fixed = match reason {
        "the sender is forged: dmarc=fail" => "de afzender is vervalst: dmarc=fail",
        "no usable sender address" => "er is geen bruikbaar adres van de afzender",
        "an order of somebody who has no part in this complaint" => {
            "een opdracht van iemand die bij deze klacht niet betrokken mag zijn"
        }
        "an order token that is not the sender's" => "een opdracht met de sleutel van iemand anders",
        "from a staff address, without a valid order token" => {
            "van het adres van een medewerker, zonder geldige sleutel voor opdrachten"
        }
        "reading it failed" => "het lezen van het bericht mislukte",
        "the mailbox has no procedure" => "de postbus heeft geen regeling",
        "it has more than 100 recipients; the rest was not looked at" => "het heeft meer dan 100 ontvangers",
        other => return counted(other).unwrap_or_else(|| other.to_owned()),
    };
    fixed.to_owned()
}

/// Reasons that hold numbers.
fn counted(reason: &str) -> Option<String> {
    let between = |start: &str, end: &str| reason.strip_prefix(start)?.strip_suffix(end);
    if let Some((size, limit)) =
        between("it has ", "").and_then(|rest| rest.split_once(" bytes, more than the limit of "))
    {
        return Some(format!("het heeft {size} bytes, meer dan de grens van {limit}"));
    }
    between("reading it took more than ", " s")
        .map(|s| format!("het lezen van het bericht duurde langer dan {s} s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_in_the_language_of_the_reader() {
        let told = |reason| set_aside(reason, Language::Nl);
        assert_eq!(told("the sender is forged: dmarc=fail"), "de afzender is vervalst: dmarc=fail");
        assert_eq!(
            told("it has 9 bytes, more than the limit of 8"),
            "het heeft 9 bytes, meer dan de grens van 8"
        );
        assert_eq!(
            told("reading it took more than 20 s"),
            "het lezen van het bericht duurde langer dan 20 s"
        );
        assert_eq!(told("something new"), "something new");
        assert_eq!(set_aside("no usable sender address", Language::En), "no usable sender address");
    }
}
