//! The morning digest in words: a value for each placeholder of `staff_digest`. Pure.

use jiff::civil::Date;
use minijinja::Value;

use super::replies::state_in_words;
use super::templates::{DigestItem, Values, date_in_words, digest_item};
use super::wording::{left_in_words, notice_in_words, term_in_words};
use crate::domain::digest::{Digest, HeldBack, Item, Left, Next, Urgency, WaitsFor};
use crate::domain::mail::Language;
use crate::domain::notice::NoticeKind;

/// Sets what the digest tells, in the language of its reader.
pub(super) fn values(digest: &Digest, language: Language, values: &mut Values) {
    let (items, more) = digest.items.clone().sorted();
    let lines = items.iter().map(|item| line(item, digest.day, language));
    let lines: Vec<Value> = lines.chain((more > 0).then(|| and_more(more, language))).collect();
    let held = digest.overflow.iter().map(|held| held_back(held, language));
    let more_held = Some(digest.more_overflow).filter(|more| *more > 0);
    let held: Vec<String> = held.chain(more_held.map(|more| more_in_words(more, language))).collect();
    let mut set = |name: &str, value: Value| values.insert(name.to_owned(), value);
    set("date", date_in_words(digest.day, language).into());
    set("items", lines.into());
    set("overflow", held.into());
    set("set_aside", digest.set_aside.into());
}

fn line(item: &Item, today: Date, language: Language) -> Value {
    let next = item.next.as_ref();
    digest_item(&DigestItem {
        urgency: item.urgency(),
        case: item.reference.clone(),
        text: text(item, language),
        due: next.map(|next| date_in_words(next.due, language)).unwrap_or_default(),
        left: next.map(|next| time_left(next, today, language)).unwrap_or_default(),
        waits_for: waits_for(item.waits_for, language).to_owned(),
    })
}

/// The last line, when not all could be told.
fn and_more(more: usize, language: Language) -> Value {
    let none = String::new;
    let text = more_in_words(more, language);
    digest_item(&DigestItem {
        urgency: Urgency::Later,
        case: none(),
        text,
        due: none(),
        left: none(),
        waits_for: none(),
    })
}

/// "Inhoudelijk antwoord (in behandeling)": what is to be done next, and where the complaint stands.
fn text(item: &Item, language: Language) -> String {
    let letter = pick(language, "Brief die op antwoord wacht", "Letter that waits for an answer");
    let term = item.next.as_ref().map(|next| term_in_words(&next.term, language));
    let what = match (item.letter_waits, term) {
        (true, Some(term)) => format!("{letter}; {term}"),
        (true, None) => letter.to_owned(),
        (false, Some(term)) => term.to_owned(),
        (false, None) => pick(language, "Er loopt geen termijn", "No term is running").to_owned(),
    };
    format!("{what} ({})", state_in_words(item.state, language))
}

/// How much time is left, seen from the morning of `today`.
fn time_left(next: &Next, today: Date, language: Language) -> String {
    let phrase = match next.left {
        // The last day does not work, so that this one is the last to do it on.
        Left::Days(0) if next.due != today => {
            pick(language, "vandaag is de laatste werkdag", "today is the last working day")
        }
        // It has lapsed on a day after which none has worked yet.
        Left::Over(0) => pick(language, "te laat", "late"),
        Left::Passed => pick(language, "voorbij", "passed"),
        Left::Days(n) => return left_in_words(i64::from(n), language),
        Left::Over(n) => return left_in_words(-i64::from(n), language),
    };
    phrase.to_owned()
}

const fn waits_for(who: WaitsFor, language: Language) -> &'static str {
    match who {
        WaitsFor::Staff => pick(language, "u", "you"),
        WaitsFor::Complainant => pick(language, "de klager", "the complainant"),
        WaitsFor::Board => pick(language, "de directie", "the board"),
    }
}

fn more_in_words(more: usize, language: Language) -> String {
    match language {
        Language::Nl => format!("en nog {more}"),
        Language::En => format!("and {more} more"),
    }
}

fn held_back(held: &HeldBack, language: Language) -> String {
    let kind = kind_in_words(held.kind, language);
    match &held.reference {
        Some(reference) => format!("[{reference}] {kind}"),
        None => kind.to_owned(),
    }
}

/// What a mail to staff was about.
fn kind_in_words(kind: NoticeKind, language: Language) -> &'static str {
    let (nl, en) = match kind {
        NoticeKind::StaffNew => ("Nieuwe klacht", "New complaint"),
        NoticeKind::StaffLetter => ("Nieuwe brief in deze klacht", "New letter in this complaint"),
        NoticeKind::StaffAssign => ("Nog geen behandelaar", "No handler yet"),
        NoticeKind::StaffDue => ("Herinnering aan een termijn", "Reminder of a term"),
        NoticeKind::StaffOverdue => ("Termijn verstreken", "Term overdue"),
        NoticeKind::StaffBounce => ("Bericht niet aangekomen", "Notice not delivered"),
        NoticeKind::StaffReview => {
            ("De klager vraagt om een beoordeling", "The complainant asks for a review")
        }
        NoticeKind::StaffOrderDone => ("Opdracht uitgevoerd", "Order carried out"),
        NoticeKind::StaffOrderRefused => ("Opdracht geweigerd", "Order refused"),
        NoticeKind::StaffAlarm => {
            ("Storing; zie `klachtd status` op de server", "Fault; see `klachtd status` on the server")
        }
        other => return notice_in_words(other, language),
    };
    pick(language, nl, en)
}

const fn pick<'a>(language: Language, nl: &'a str, en: &'a str) -> &'a str {
    match language {
        Language::Nl => nl,
        Language::En => en,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::complaint::State;
    use crate::domain::digest::{Items, MOST_LINES};

    const TODAY: Date = date(2026, 3, 13);

    fn item(reference: &str, due: Date, left: Left) -> Item {
        Item {
            reference: reference.to_owned(),
            state: State::Open,
            next: Some(Next { term: "respond".to_owned(), due, left }),
            waits_for: WaitsFor::Staff,
            letter_waits: false,
        }
    }

    fn told(items: impl IntoIterator<Item = Item>, language: Language) -> serde_json::Value {
        let mut digest = Digest::new("jan@omnistock.test", TODAY);
        items.into_iter().for_each(|item| digest.items.add(item));
        let mut set = Values::new();
        values(&digest, language, &mut set);
        serde_json::to_value(set).unwrap()
    }

    #[test]
    fn the_most_pressing_comes_first_with_its_days_in_words() {
        let items = [
            item("K-4", date(2026, 3, 25), Left::Days(8)),
            item("K-3", date(2026, 3, 14), Left::Days(0)),
            item("K-2", date(2026, 3, 13), Left::Days(0)),
            item("K-1", date(2026, 3, 11), Left::Over(2)),
        ];
        let told = told(items, Language::Nl);
        let of = |key: &str| -> Vec<String> {
            let items = told["items"].as_array().unwrap().iter();
            items.map(|item| item[key].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(of("case"), ["K-1", "K-2", "K-3", "K-4"]);
        assert_eq!(of("group"), ["overdue", "soon", "soon", "later"]);
        let left = ["2 werkdagen te laat", "vandaag", "vandaag is de laatste werkdag", "nog 8 werkdagen"];
        assert_eq!(of("left"), left);
        assert_eq!(of("due")[3], "woensdag 25 maart 2026");
        assert_eq!(of("text")[0], "Inhoudelijk antwoord (in behandeling)");
        assert_eq!(told["date"], "vrijdag 13 maart 2026");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let many = (0..450).map(|n| item(&format!("K-{n:03}"), date(2026, 3, 25), Left::Days(8)));
        let told = told(many.rev(), Language::En);
        let items = told["items"].as_array().unwrap();
        assert_eq!(items.len(), MOST_LINES + 1);
        assert_eq!(items[0]["case"], "K-000");
        assert_eq!(items[MOST_LINES]["text"], "and 250 more");
        assert_eq!(Items::default().sorted(), (Vec::new(), 0));
    }

    #[test]
    fn a_letter_that_waits_is_named_before_the_term() {
        let mut waiting = item("K-1", date(2026, 3, 25), Left::Days(8));
        (waiting.letter_waits, waiting.state, waiting.next) = (true, State::Answered, None);
        let told = told([waiting], Language::En);
        assert_eq!(told["items"][0]["text"], "Letter that waits for an answer (answered)");
        assert_eq!(told["items"][0]["due"], "");
        assert_eq!(told["items"][0]["waits_for"], "you");
    }

    #[test]
    fn every_mail_that_can_be_held_back_has_words() {
        for kind in NoticeKind::ALL.into_iter().filter(|kind| crate::domain::digest::tells_of(*kind)) {
            for language in Language::ALL {
                assert_ne!(kind_in_words(kind, language), kind.as_str());
            }
        }
        let held = HeldBack { reference: Some("K-1".to_owned()), kind: NoticeKind::StaffNew };
        assert_eq!(held_back(&held, Language::Nl), "[K-1] Nieuwe klacht");
    }
}
