//! Every reply in both languages, and what staff do with a form.

use std::fmt::Write;
use std::path::Path;

use jiff::civil::date;

use super::*;
use crate::domain::order::Fault;
use crate::domain::procedure::Judgement;

const STATES: [State; 7] = [
    State::Agreeing,
    State::Open,
    State::Asking,
    State::Answered,
    State::InReview,
    State::Closed,
    State::Erased,
];

const CLOSE_REASONS: [CloseReason; 7] = [
    CloseReason::Resolved,
    CloseReason::Answered,
    CloseReason::Withdrawn,
    CloseReason::Referred,
    CloseReason::NotAComplaint,
    CloseReason::Duplicate,
    CloseReason::Lapsed,
];

const JUDGEMENTS: [Judgement; 3] = [Judgement::Founded, Judgement::PartlyFounded, Judgement::Unfounded];

fn everything_done() -> Vec<Done> {
    let (jan, els) = ("jan@omnistock.test".to_owned(), "els@omnistock.test".to_owned());
    let other = "K-2026-00007-4".to_owned();
    let mut done = vec![
        Done::Told(NoticeKind::Progress),
        Done::Assigned { to: jan.clone(), changed: true },
        Done::Assigned { to: jan.clone(), changed: false },
        Done::Extended { term: "respond".to_owned(), new_due: date(2026, 12, 18), late: false },
        Done::Extended { term: "respond".to_owned(), new_due: date(2026, 12, 18), late: true },
        Done::Asked { reply_by: date(2026, 11, 30) },
        Done::Contacted,
        Done::ReviewAnswered,
        Done::Referred { body: "ICTWaarborg".to_owned() },
        Done::ReviewBegun { asked_on: date(2026, 12, 21), late: false },
        Done::ReviewBegun { asked_on: date(2026, 12, 21), late: true },
        Done::Invited { on: date(2027, 1, 7) },
        Done::Reopened { day0: date(2027, 1, 15) },
        Done::Merged { into: other.clone() },
        Done::PartyConfirmed { address: "k.klant@werk.test".to_owned() },
        Done::RecordSent { version: 2, to: "j.devries@klant.test".to_owned() },
        Done::Agreed { day0: date(2026, 11, 19) },
        Done::Noted,
        Done::AboutNamed { person: jan.clone(), known: true },
        Done::AboutNamed { person: jan, known: false },
        Done::HandlerReplaced { by: Some(els) },
        Done::HandlerReplaced { by: None },
        Done::HandedOver,
        Done::Released { reference: Some(other.clone()) },
        Done::Released { reference: None },
        Done::Spam,
        Done::Registered { reference: other },
    ];
    done.extend(JUDGEMENTS.map(|judgement| Done::Answered { judgement }));
    done.extend(CLOSE_REASONS.map(Done::Closed));
    done
}

fn every_fault() -> Vec<Wrong> {
    vec![
        Wrong::UnknownOrder(Some(OrderName::Extend)),
        Wrong::UnknownOrder(None),
        Wrong::AddressMissing,
        Wrong::NotAnAddress,
        Wrong::DateMissing,
        Wrong::NotADate,
        Wrong::NotATime,
        Wrong::ReasonMissing,
        Wrong::TextMissing,
        Wrong::NotAJudgement,
        Wrong::BodyMissing,
        Wrong::ReferenceMissing,
        Wrong::NotAReference,
        Wrong::TooMuch,
        Wrong::TwoTexts,
        Wrong::OrderBelowText,
    ]
}

fn every_refusal() -> Vec<Refusal> {
    let other = "K-2026-00007-4".to_owned();
    let jan = "jan@omnistock.test".to_owned();
    let mut refusals = vec![
        Refusal::NoOrder,
        Refusal::UnderWay(NoticeKind::Outcome),
        Refusal::Missing(vec![Section::Findings, Section::Conclusion]),
        Refusal::JudgementMissing,
        Refusal::JudgementUnknown(Judgement::PartlyFounded),
        Refusal::NotExtendable,
        Refusal::ExtendedTooOften(1),
        Refusal::ExtendedTooOften(2),
        Refusal::TooFar(date(2026, 12, 18)),
        Refusal::NotLater(date(2026, 12, 5)),
        Refusal::Past(date(2026, 11, 20)),
        Refusal::NotHeldYet(date(2026, 11, 30)),
        Refusal::NoStaff {
            address: "x@y.test".to_owned(),
            known: vec![jan.clone(), "els@omnistock.test".to_owned()],
        },
        Refusal::NoStaff { address: "x@y.test".to_owned(), known: Vec::new() },
        Refusal::ComplainedAbout(jan.clone()),
        Refusal::NobodyLeft(jan),
        Refusal::AfterOurAnswer(date(2026, 12, 5)),
        Refusal::HowResolved,
        Refusal::MergeOther(other.clone()),
        Refusal::NoBody { id: "ombudsman".to_owned(), known: vec!["ictwaarborg".to_owned()] },
        Refusal::NoBody { id: "ombudsman".to_owned(), known: Vec::new() },
        Refusal::NotReviewer { known: vec!["bea@ingressus.test".to_owned()] },
        Refusal::NoReview,
        Refusal::NoInterview,
        Refusal::NoComplaint(other.clone()),
        Refusal::Itself,
        Refusal::OtherClosed(other.clone()),
        Refusal::OtherMailbox(other),
        Refusal::NotSpoken,
        Refusal::NoRecords,
        Refusal::NothingToConfirm,
        Refusal::NotSetAside,
        Refusal::NoSender,
        Refusal::Unanswered,
    ];
    refusals.extend(STATES.map(|state| Refusal::State { order: OrderName::Extend, state }));
    refusals.extend(
        every_fault().into_iter().map(|wrong| Refusal::Typed(Fault { line: "#x".to_owned(), at: 1, wrong })),
    );
    refusals
}

/// Every reply in a language, one a line.
fn all_words(language: Language) -> String {
    let mut all = String::new();
    let mut add = |title: &str, lines: Vec<String>| {
        writeln!(all, "== {title}\n{}\n", lines.join("\n")).expect("a string takes any text");
    };
    add("orders", OrderName::ALL.iter().map(|order| order_in_words(*order, language).to_owned()).collect());
    add("done", everything_done().iter().map(|done| done_in_words(done, language)).collect());
    add("refused", every_refusal().iter().map(|refusal| refusal_in_words(refusal, language)).collect());
    add("states", STATES.iter().map(|state| state_in_words(*state, language).to_owned()).collect());
    add(
        "closed",
        CLOSE_REASONS.iter().map(|reason| close_reason_in_words(*reason, language).to_owned()).collect(),
    );
    add("headings", missing_in_words(&Section::ALL, language));
    all
}

#[test]
fn every_reply_has_words_of_its_own() {
    for language in Language::ALL {
        let all = all_words(language);
        let lines: Vec<&str> = all.lines().filter(|line| !line.is_empty()).collect();
        for line in &lines {
            let fits = line.trim() == *line && !line.contains("..") && !line.contains('!');
            assert!(fits && line.chars().count() < 240, "{line}");
        }
        let sentences = lines.iter().filter(|line| line.ends_with(['.', '?'])).count();
        assert!(sentences >= everything_done().len() + every_refusal().len(), "a reply is no sentence");
        let mut once = lines.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), lines.len(), "two replies read the same");
    }
}

#[test]
fn every_reply_word_for_word() {
    for language in Language::ALL {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/data/notices/replies-{}.txt", language.code()));
        let actual = all_words(language);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &actual).unwrap();
        }
        let expected = std::fs::read_to_string(&path).expect("UPDATE=1 writes the expected text");
        assert_eq!(actual, expected, "{}", path.display());
    }
}

/// Shown with four spaces in front, a line of help stays within the 78 characters of RFC 5322.
#[test]
fn a_line_of_help_starts_with_the_order_and_fits_in_a_mail() {
    for order in OrderName::ALL {
        for language in Language::ALL {
            let line = order_in_words(order, language);
            let (nl, en) = order.words();
            let word = if language == Language::Nl { nl } else { en };
            let first = usage(order, language).split(' ').next();
            assert_eq!(first, Some(format!("#{word}").as_str()), "{line}");
            assert!(usage(order, language).len() < line.len(), "{line} does not say what it does");
            assert!(line.chars().count() <= 74, "{line}");
        }
    }
}

#[test]
fn a_refusal_names_what_is_wrong() {
    let said = |refusal: &Refusal| {
        (refusal_in_words(refusal, Language::Nl), refusal_in_words(refusal, Language::En))
    };
    let (nl, en) = said(&Refusal::NotLater(date(2026, 12, 5)));
    assert!(nl.contains("zaterdag 5 december 2026") && en.contains("Saturday 5 December 2026"), "{nl} {en}");
    let (nl, en) = said(&Refusal::Missing(vec![Section::Measures]));
    assert!(nl.contains("Maatregelen") && en.contains("Measures"), "{nl} {en}");
    let (nl, en) = said(&Refusal::State { order: OrderName::Review, state: State::Open });
    assert!(nl.contains("#bezwaar") && en.contains("#review"), "{nl} {en}");
}

#[test]
fn a_form_has_the_order_and_the_headings_in_their_order() {
    let form = answer_form(&[Section::Conclusion, Section::Findings], OrderName::Answer, Language::Nl);
    assert_eq!(form, ["#antwoord gegrond|deels|ongegrond", "", "Bevindingen:", "", "Conclusie:"]);
    let review = answer_form(&[Section::Reviewed, Section::Conclusion], OrderName::Answer, Language::En);
    assert_eq!(review, ["#answer", "", "Conclusion:", "", "Reviewed:"]);
    let minutes = answer_form(&[Section::Minutes], OrderName::Minutes, Language::Nl);
    assert_eq!(minutes, ["#verslag", "", "Verslag:"]);
    assert_eq!(answer_form(&[], OrderName::Extend, Language::Nl), ["#verleng DATUM REDEN"]);
}

#[test]
fn a_link_to_a_reply_keeps_its_token_and_its_lines() {
    let lines = ["#verleng DATUM REDEN".to_owned(), String::new(), "Één & twee?".to_owned()];
    assert_eq!(
        mailto("directie+s.AB=1@omnistock.test", "Re: [K-2026-00042-X] 50%", &lines),
        "mailto:directie%2Bs.AB%3D1@omnistock.test?subject=Re%3A%20%5BK-2026-00042-X%5D%2050%25\
         &body=%23verleng%20DATUM%20REDEN%0D%0A%0D%0A%C3%89%C3%A9n%20%26%20twee%3F"
    );
}

#[test]
fn an_alert_shows_the_orders_that_fit_it() {
    let fit = orders_that_fit(NoticeKind::StaffAlarm, &OrderName::ALL);
    assert_eq!(fit, [OrderName::Release, OrderName::Spam, OrderName::Help]);
    let possible = [OrderName::Extend, OrderName::Note];
    assert_eq!(orders_that_fit(NoticeKind::StaffDue, &possible), [OrderName::Extend]);
    assert_eq!(orders_that_fit(NoticeKind::StaffOrderRefused, &possible), possible);
    for kind in NoticeKind::ALL {
        assert!(!orders_that_fit(kind, &OrderName::ALL).is_empty(), "{kind}");
    }
}
