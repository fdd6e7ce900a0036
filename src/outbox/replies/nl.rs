//! The replies to orders, in Dutch.

use jiff::civil::Date;

use super::super::wording::{capital, date_in_words, notice_in_words, term_in_words};
use crate::domain::complaint::{CloseReason, State};
use crate::domain::mail::Language;
use crate::domain::order::{OrderName, Section, Wrong};
use crate::domain::procedure::Judgement;
use crate::domain::reply::{Done, Refusal};

const NL: Language = Language::Nl;

fn day(date: Date) -> String {
    date_in_words(date, NL)
}

const fn judgement(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Founded => "gegrond",
        Judgement::PartlyFounded => "deels gegrond",
        Judgement::Unfounded => "ongegrond",
    }
}

pub(super) fn done(done: &Done) -> String {
    match done {
        Done::Told(kind) => format!("De klager krijgt bericht: {}.", notice_in_words(*kind, NL)),
        Done::Assigned { to, changed: true } => format!("De behandelaar is nu {to}."),
        Done::Assigned { to, changed: false } => format!("De behandelaar was al {to} en blijft dat."),
        Done::Extended { term, new_due, late } => {
            let late = if *late { " Volgens de regeling is dit uitstel te laat gemeld; dat is vastgelegd." } else { "" };
            format!("{}: de nieuwe datum is {}.{late}", term_in_words(term, NL), day(*new_due))
        }
        Done::Asked { reply_by } => {
            format!("De klager is gevraagd uiterlijk {} te antwoorden. De termijnen lopen door.", day(*reply_by))
        }
        Done::Contacted => "Het persoonlijke contact is vastgelegd.".to_owned(),
        Done::Answered { judgement: j } => format!("Het oordeel is vastgelegd: {}.", judgement(*j)),
        Done::ReviewAnswered => "De uitkomst van de beoordeling is vastgelegd.".to_owned(),
        Done::Referred { body } => format!("De verwijzing naar {body} is vastgelegd."),
        Done::ReviewBegun { asked_on, late } => {
            let late = if *late { " Dat was na de termijn voor bezwaar; dat is vastgelegd." } else { "" };
            format!("De beoordeling is begonnen. Er is om gevraagd op {}.{late}", day(*asked_on))
        }
        Done::Invited { on } => format!("De uitnodiging voor een gesprek op {} is vastgelegd.", day(*on)),
        Done::Closed(reason) => format!("De klacht is afgesloten: {}.", closed_as(*reason)),
        Done::Reopened { day0 } => {
            format!("De klacht is weer in behandeling. De termijnen tellen vanaf {}.", day(*day0))
        }
        Done::PartyConfirmed { address } => {
            format!("Berichten van {address} tellen vanaf nu als berichten van de klager.")
        }
        Done::Merged { into } => format!("Deze klacht hoort nu bij {into} en wordt daarin verder behandeld."),
        Done::RecordSent { version, to } => {
            format!("De weergave van de klacht (versie {version}) gaat ter akkoord naar {to}.")
        }
        Done::Agreed { day0 } => {
            format!("Het akkoord van de klager is vastgelegd. De termijnen tellen vanaf {}.", day(*day0))
        }
        Done::Noted => "De notitie is vastgelegd.".to_owned(),
        Done::AboutNamed { person, known } => {
            let unknown = if *known { "" } else { " Let op: geen medewerker van deze postbus heeft dit adres." };
            format!("De klacht gaat over {person}. Die persoon kan haar niet behandelen en krijgt er geen bericht over.{unknown}")
        }
        Done::HandlerReplaced { by: Some(by) } => {
            format!("De klacht ging over haar behandelaar. De behandelaar is nu {by}.")
        }
        Done::HandlerReplaced { by: None } => {
            "De klacht ging over haar behandelaar en heeft nu geen behandelaar. Wijs er een aan: #wijs-toe ADRES."
                .to_owned()
        }
        Done::HandedOver => "De overdracht is vastgelegd.".to_owned(),
        Done::Released { reference: Some(reference) } => {
            format!("Het bericht is alsnog behandeld en hoort nu bij {reference}.")
        }
        Done::Released { reference: None } => {
            "Het bericht is alsnog behandeld. Het hoort bij geen klacht.".to_owned()
        }
        Done::Spam => "Dit is als spam vastgelegd. De afzender krijgt hiervan geen bericht.".to_owned(),
        Done::Registered { reference } => format!("Er is een nieuwe klacht geregistreerd: {reference}."),
    }
}

const fn closed_as(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Resolved => "opgelost",
        CloseReason::Answered => "beantwoord",
        CloseReason::Withdrawn => "ingetrokken door de klager",
        CloseReason::Referred => "verwezen naar een andere instantie",
        CloseReason::NotAComplaint => "geen klacht",
        CloseReason::Duplicate => "behandeld in een andere klacht",
        CloseReason::Lapsed => "niets meer gehoord",
    }
}

/// Why it was refused: the first sentence.
pub(super) fn why(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoOrder => "In uw e-mail stond geen opdracht.".to_owned(),
        Refusal::Typed(fault) => wrong(&fault.wrong),
        Refusal::State { order, state: now } => {
            format!("De opdracht #{} kan nu niet: de klacht is {}.", order.words().0, state(*now))
        }
        Refusal::UnderWay(kind) => {
            format!("Er is al een bericht onderweg naar de klager: {}.", notice_in_words(*kind, NL))
        }
        Refusal::Missing(sections) => {
            let headings: Vec<_> = sections.iter().map(|section| section.headings().0).collect();
            format!("Uw tekst is nog niet volledig. De regeling vraagt ook om: {}.", headings.join(", "))
        }
        Refusal::JudgementMissing => "Het oordeel over de klacht ontbreekt.".to_owned(),
        Refusal::JudgementUnknown(j) => format!("Deze regeling kent het oordeel \"{}\" niet.", judgement(*j)),
        Refusal::NotExtendable => "Volgens de regeling kan de datum nu niet later worden.".to_owned(),
        Refusal::ExtendedTooOften(1) => {
            "De regeling laat één keer uitstel toe, en dat is al gemeld.".to_owned()
        }
        Refusal::ExtendedTooOften(times) => {
            format!("De regeling laat {times} keer uitstel toe, en dat is al gemeld.")
        }
        Refusal::TooFar(limit) => {
            format!("Volgens de regeling mag de datum niet later zijn dan {}.", day(*limit))
        }
        Refusal::NotLater(due) => format!("De nieuwe datum moet later zijn dan {}.", day(*due)),
        Refusal::Past(date) => format!("{} is al voorbij.", capital(&day(*date))),
        Refusal::NotHeldYet(on) => {
            format!("Het gesprek is pas op {}: eerder is er geen verslag van.", day(*on))
        }
        Refusal::NoStaff { address, .. } => format!("{address} hoort bij geen medewerker van deze postbus."),
        Refusal::ComplainedAbout(person) => {
            format!("De klacht gaat over {person}; die kan haar niet behandelen.")
        }
        Refusal::NobodyLeft(person) => {
            format!("Zonder {person} is er geen medewerker meer die van deze klacht hoort.")
        }
        Refusal::AfterOurAnswer(due) => {
            format!(
                "De klager zou pas hoeven te antwoorden na {}, de dag waarop uw antwoord er moet zijn.",
                day(*due)
            )
        }
        Refusal::HowResolved => "De klager leest nog niet hoe de klacht is opgelost.".to_owned(),
        Refusal::NoBody { id, .. } => format!("De regeling kent geen instantie \"{id}\"."),
        Refusal::NotReviewer { .. } => {
            "Over een beoordeling beslist volgens de regeling iemand anders dan u.".to_owned()
        }
        Refusal::NoReview => "Deze regeling kent geen beoordeling na het antwoord.".to_owned(),
        Refusal::NoInterview => {
            "De beoordeling gaat volgens deze regeling schriftelijk, zonder gesprek.".to_owned()
        }
        Refusal::NoComplaint(_)
        | Refusal::Itself
        | Refusal::OtherClosed(_)
        | Refusal::OtherMailbox(_)
        | Refusal::MergeOther(_) => not_merged(refusal),
        Refusal::NotSpoken => {
            "Deze klacht is schriftelijk ingediend: akkoord op een weergave is niet nodig.".to_owned()
        }
        Refusal::NoRecords => {
            "Volgens deze regeling dient de klager de klacht zelf schriftelijk in.".to_owned()
        }
        Refusal::NothingToConfirm | Refusal::NotSetAside | Refusal::NoSender => not_aside(refusal),
        Refusal::Unanswered => "De klacht is nog niet beantwoord.".to_owned(),
    }
}

/// Why it can't be handled on in another complaint.
fn not_merged(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoComplaint(reference) => format!("Er is geen klacht met nummer {reference}."),
        Refusal::Itself => "Een klacht kan niet met zichzelf worden samengevoegd.".to_owned(),
        Refusal::OtherClosed(reference) => format!("Klacht {reference} is afgesloten."),
        Refusal::OtherMailbox(reference) => format!("Klacht {reference} hoort bij een andere postbus."),
        Refusal::MergeOther(reference) => {
            format!(
                "Wat de klager hier is toegezegd, loopt in klacht {reference} later af of loopt daar nog niet."
            )
        }
        // Every other refusal has its words above.
        _ => String::new(),
    }
}

/// Why nothing can be decided about a mail that was set aside.
fn not_aside(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NothingToConfirm => "Er is niets te bevestigen, of het is al bevestigd.".to_owned(),
        Refusal::NotSetAside => {
            "Dit bericht staat niet meer apart: het is al behandeld of afgevoerd.".to_owned()
        }
        Refusal::NoSender => "In dit bericht staat geen bruikbaar adres van een afzender.".to_owned(),
        // Every other refusal has its words above.
        _ => String::new(),
    }
}

/// What to do now: the sentence after it. Empty where the first says it already.
pub(super) fn remedy(refusal: &Refusal) -> String {
    let remedy = match refusal {
        Refusal::NoOrder => {
            "Zet de opdracht op de eerste regel, boven de aangehaalde tekst. Zij begint met #."
        }
        Refusal::State { order: OrderName::Record, state } if *state != State::Erased => {
            "Dat kan alleen zolang op het akkoord van de klager wordt gewacht."
        }
        Refusal::State { order: OrderName::Invite | OrderName::Minutes, state }
            if *state != State::Erased =>
        {
            "Dat kan alleen tijdens een beoordeling; die begint met #bezwaar, na het antwoord."
        }
        Refusal::State { state, .. } => remedy_in(*state),
        Refusal::UnderWay(_) => "Wacht tot het is verstuurd, en geef de opdracht dan opnieuw.",
        Refusal::Missing(_) => {
            "Zet elk woord als kopje op een eigen regel, met de tekst eronder, en stuur alles opnieuw."
        }
        Refusal::JudgementMissing => "Zet achter #antwoord: gegrond, deels of ongegrond.",
        Refusal::JudgementUnknown(_) => "Kies een ander oordeel.",
        Refusal::NotExtendable | Refusal::ExtendedTooOften(_) => "De datum die de klager kent, blijft staan.",
        Refusal::TooFar(_) => "Kies een eerdere datum.",
        Refusal::NotHeldYet(_) => {
            "Stuur het verslag na het gesprek. Is dat vervroegd? Nodig dan opnieuw uit met #uitnodiging."
        }
        Refusal::Past(_) => "Kies een datum die nog komt.",
        Refusal::NoStaff { known, .. } | Refusal::NoBody { known, .. } if !known.is_empty() => {
            return format!("Kies uit: {}.", known.join(", "));
        }
        Refusal::NoStaff { .. } => "Vraag wie klachtd beheert om die persoon toe te voegen.",
        Refusal::ComplainedAbout(_) => "Wijs de klacht aan iemand anders toe.",
        Refusal::NobodyLeft(_) => {
            "Vraag wie klachtd beheert om eerst iemand anders aan deze postbus toe te voegen."
        }
        Refusal::AfterOurAnswer(_) => "Kies een eerdere datum, of meld eerst uitstel met #verleng.",
        Refusal::HowResolved => "Zet het achter #sluit opgelost, of stuur het antwoord met #antwoord.",
        Refusal::NoBody { .. } => "Zij noemt geen enkele instantie om naar te verwijzen.",
        Refusal::NotReviewer { known } => {
            return format!("De uitkomst komt van: {}.", known.join(", "));
        }
        Refusal::NoReview => "Kies een van de opdrachten die nu wel kunnen.",
        Refusal::NoInterview => "Stuur de uitkomst met #antwoord.",
        Refusal::NoComplaint(_) => "Kijk het nummer na.",
        Refusal::Itself => "Noem het nummer van de andere klacht.",
        Refusal::OtherClosed(_) => "Heropen die eerst, of behandel deze klacht zelf verder.",
        Refusal::MergeOther(_) => {
            "Voeg die andere klacht bij deze: geef #samenvoegen met het nummer van deze klacht in antwoord op een e-mail over de andere."
        }
        Refusal::OtherMailbox(_) => "Samenvoegen kan alleen binnen één postbus.",
        Refusal::NotSpoken => "U kunt haar meteen behandelen.",
        Refusal::NoRecords => "Vraag de klager om haar per brief of e-mail te sturen.",
        Refusal::NoSender => "Leg het op de server vast met klachtd add, onder het adres van de schrijver.",
        Refusal::Unanswered => {
            "Stuur eerst het antwoord, of gebruik #intrekken of #geen-klacht als dat de reden is."
        }
        Refusal::Typed(_) | Refusal::NotLater(_) | Refusal::NothingToConfirm | Refusal::NotSetAside => "",
    };
    remedy.to_owned()
}

const fn remedy_in(state: State) -> &'static str {
    match state {
        State::Agreeing => "Eerst moet de klager akkoord gaan, of de klacht zelf opschrijven.",
        State::Open | State::Asking => "Dat kan pas als zij is beantwoord of afgesloten.",
        State::Answered => "Moet er meer gebeuren, kies dan een opdracht die na het antwoord kan.",
        State::InReview => "Stuur eerst de uitkomst van de beoordeling.",
        State::Closed => "Moet er toch iets gebeuren, heropen haar dan eerst met #heropen.",
        State::Erased => "Er kan niets meer mee worden gedaan.",
    }
}

pub(super) fn wrong(wrong: &Wrong) -> String {
    let words = match wrong {
        Wrong::UnknownOrder(Some(order)) => {
            return format!("Deze opdracht bestaat niet. Bedoelt u #{}?", order.words().0);
        }
        Wrong::UnknownOrder(None) => "Deze opdracht bestaat niet. Met #help ziet u welke er zijn.",
        Wrong::AddressMissing => "Hier hoort een e-mailadres te staan.",
        Wrong::NotAnAddress => "Dit is geen e-mailadres.",
        Wrong::DateMissing => {
            "Hier hoort een datum te staan: dag-maand-jaar, of bijvoorbeeld \"over 2 weken\"."
        }
        Wrong::NotADate => {
            "Dit is geen datum, een dag die niet bestaat, of een dag zonder jaartal die meer dan een half jaar weg is. Schrijf dag-maand-jaar, \"18 december\" of \"over 2 weken\"."
        }
        Wrong::NotATime => "Dit is geen tijd. Schrijf bijvoorbeeld 14:30.",
        Wrong::ReasonMissing => "Hier hoort de reden te staan. De klager leest die letterlijk.",
        Wrong::TextMissing => "Onder deze opdracht hoort tekst te staan.",
        Wrong::NotAJudgement => "Dit is geen oordeel. Kies één van de drie: gegrond, deels of ongegrond.",
        Wrong::BodyMissing => "Hier hoort te staan naar welke instantie u verwijst.",
        Wrong::ReferenceMissing => "Hier hoort het nummer van de andere klacht te staan.",
        Wrong::NotAReference => {
            "Dit is geen nummer van een klacht; misschien een tikfout. Zo'n nummer ziet er zo uit: K-2026-00042-X."
        }
        Wrong::TooMuch => "Hier staat meer dan bij deze opdracht hoort.",
        Wrong::TwoTexts => "Twee opdrachten willen de tekst eronder. Stuur ze in twee e-mails.",
        Wrong::OrderBelowText => {
            "Onder de tekst staat nog een opdracht. Zet alle opdrachten eerst, daarna de tekst."
        }
    };
    words.to_owned()
}

pub(super) const fn order(order: OrderName) -> &'static str {
    match order {
        OrderName::Answer => "#antwoord gegrond|deels|ongegrond  stuurt het antwoord dat eronder staat",
        OrderName::Extend => "#verleng DATUM REDEN     meldt de klager de reden en de nieuwe datum",
        OrderName::Ask => "#vraag [DATUM]           stuurt de klager de vragen die eronder staan",
        OrderName::Assign => "#wijs-toe ADRES          geeft de klacht een (andere) behandelaar",
        OrderName::Contacted => "#contact                 legt persoonlijk contact vast; verslag eronder",
        OrderName::HandedOver => "#overgedragen            legt de overdracht aan de manager vast",
        OrderName::Refer => "#verwijs INSTANTIE       wijst de klager op die instantie",
        OrderName::Review => "#bezwaar                 begint de beoordeling na bezwaar van de klager",
        OrderName::Invite => "#uitnodiging DATUM [TIJD] [PLAATS]  nodigt de klager uit voor een gesprek",
        OrderName::Minutes => "#verslag                 stuurt het verslag en de uitkomst eronder",
        OrderName::Record => "#opname [ADRES]          stuurt de weergave die eronder staat ter akkoord",
        OrderName::Agreed => "#akkoord                 legt het akkoord vast; wie en hoe eronder",
        OrderName::Withdraw => "#intrekken               sluit af: de klager trekt de klacht in",
        OrderName::Close => "#sluit REDEN             sluit af; de klager leest de reden",
        OrderName::Reopen => "#heropen                 neemt een gesloten klacht weer in behandeling",
        OrderName::NotAComplaint => "#geen-klacht REDEN       sluit af; de klager leest waar het heen ging",
        OrderName::Merge => "#samenvoegen NUMMER      behandelt dit verder in die andere klacht",
        OrderName::About => "#betreft ADRES           legt vast over wie de klacht gaat",
        OrderName::Note => "#notitie                 legt de tekst eronder vast in het dossier",
        OrderName::Release => "#vrijgeven               behandelt dit bericht alsnog",
        OrderName::Spam => "#spam                    voert dit bericht af, zonder antwoord",
        OrderName::Confirm => "#confirm                 ja, het klopt wat deze e-mail vraagt",
        OrderName::Help => "#help                    toont welke opdrachten nu kunnen",
    }
}

pub(super) const fn state(state: State) -> &'static str {
    match state {
        State::Agreeing => "mondeling ingediend en wacht op de klager",
        State::Open => "in behandeling",
        State::Asking => "in behandeling en wacht op informatie van de klager",
        State::Answered => "beantwoord",
        State::InReview => "in beoordeling",
        State::Closed => "afgesloten",
        State::Erased => "gewist",
    }
}

pub(super) const fn close_reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Resolved => "de klacht is opgelost",
        CloseReason::Answered => "de klacht is beantwoord",
        CloseReason::Withdrawn => "de klacht is ingetrokken",
        CloseReason::Referred => "een andere instantie behandelt de klacht verder",
        CloseReason::NotAComplaint => "het bericht is geen klacht",
        CloseReason::Duplicate => "de klacht wordt samen met een andere klacht verder behandeld",
        CloseReason::Lapsed => "wij hebben geen bericht meer ontvangen",
    }
}

pub(super) const fn section(section: Section) -> &'static str {
    match section {
        Section::Points => "waar de klacht over gaat",
        Section::Investigation => "wat u hebt gedaan om de klacht te onderzoeken",
        Section::Findings => "wat daaruit bleek",
        Section::Conclusion => "de conclusie en waarom",
        Section::Settlement => "wat wij voor de klager doen",
        Section::By => "de datum waarop dat klaar is",
        Section::Action => "wat er na de klacht is gedaan",
        Section::Measures => "wat er is veranderd om herhaling te voorkomen",
        Section::Reviewed => "welke stukken opnieuw zijn bekeken",
        Section::Policy => "of de klacht volgens de regeling is behandeld",
        Section::Minutes => "het verslag van het gesprek",
    }
}
