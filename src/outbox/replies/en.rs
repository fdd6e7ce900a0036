//! The replies to orders, in English.

use jiff::civil::Date;

use super::super::wording::{date_in_words, notice_in_words, term_in_words};
use crate::domain::complaint::{CloseReason, State};
use crate::domain::mail::Language;
use crate::domain::order::{OrderName, Section, Wrong};
use crate::domain::procedure::Judgement;
use crate::domain::reply::{Done, Refusal};

const EN: Language = Language::En;

fn day(date: Date) -> String {
    date_in_words(date, EN)
}

const fn judgement(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Founded => "founded",
        Judgement::PartlyFounded => "partly founded",
        Judgement::Unfounded => "unfounded",
    }
}

pub(super) fn done(done: &Done) -> String {
    match done {
        Done::Told(kind) => format!("The complainant is told: {}.", notice_in_words(*kind, EN)),
        Done::Assigned { to, changed: true } => format!("The handler is now {to}."),
        Done::Assigned { to, changed: false } => format!("The handler was {to} already and stays so."),
        Done::Extended { term, new_due, late } => {
            let late =
                if *late { " Under the procedure this notice is late; that is on record." } else { "" };
            format!("{}: the new date is {}.{late}", term_in_words(term, EN), day(*new_due))
        }
        Done::Asked { reply_by } => {
            format!("The complainant was asked to reply by {}. The terms run on.", day(*reply_by))
        }
        Done::Contacted => "The personal contact is on record.".to_owned(),
        Done::Answered { judgement: j } => format!("The judgement is on record: {}.", judgement(*j)),
        Done::ReviewAnswered => "The outcome of the review is on record.".to_owned(),
        Done::Referred { body } => format!("The referral to {body} is on record."),
        Done::ReviewBegun { asked_on, late } => {
            let late = if *late { " That was after the term for objections; that is on record." } else { "" };
            format!("The review has begun. It was asked for on {}.{late}", day(*asked_on))
        }
        Done::Invited { on } => format!("The invitation to a conversation on {} is on record.", day(*on)),
        Done::Closed(reason) => format!("The complaint is closed: {}.", closed_as(*reason)),
        Done::Reopened { day0 } => {
            format!("The complaint is being handled again. The terms count from {}.", day(*day0))
        }
        Done::PartyConfirmed { address } => {
            format!("Messages from {address} count as the complainant's from now on.")
        }
        Done::Merged { into } => {
            format!("This complaint now belongs to {into} and is handled on in that one.")
        }
        Done::RecordSent { version, to } => {
            format!("The record of the complaint (version {version}) goes to {to} for agreement.")
        }
        Done::Agreed { day0 } => {
            format!("The complainant's agreement is on record. The terms count from {}.", day(*day0))
        }
        Done::Noted => "The note is on record.".to_owned(),
        Done::AboutNamed { person, known } => {
            let unknown =
                if *known { "" } else { " Please note: nobody of staff of this mailbox has that address." };
            format!("The complaint is about {person}, who can't handle it and gets no mail of it.{unknown}")
        }
        Done::HandlerReplaced { by: Some(by) } => {
            format!("The complaint was about its handler. The handler is now {by}.")
        }
        Done::HandlerReplaced { by: None } => {
            "The complaint was about its handler and has no handler now. Name one: #assign ADDRESS."
                .to_owned()
        }
        Done::HandedOver => "The hand-over is on record.".to_owned(),
        Done::Released { reference: Some(reference) } => {
            format!("The message was handled after all and now belongs to {reference}.")
        }
        Done::Released { reference: None } => {
            "The message was handled after all. It belongs to no complaint.".to_owned()
        }
        Done::Spam => "This is on record as spam. The sender is not told.".to_owned(),
        Done::Registered { reference } => format!("A new complaint was registered: {reference}."),
    }
}

const fn closed_as(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Resolved => "resolved",
        CloseReason::Answered => "answered",
        CloseReason::Withdrawn => "withdrawn by the complainant",
        CloseReason::Referred => "referred to another body",
        CloseReason::NotAComplaint => "not a complaint",
        CloseReason::Duplicate => "handled in another complaint",
        CloseReason::Lapsed => "nothing more was heard",
    }
}

/// Why it was refused: the first sentence.
pub(super) fn why(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoOrder => "There was no order in your e-mail.".to_owned(),
        Refusal::Typed(fault) => wrong(&fault.wrong),
        Refusal::State { order, state: now } => {
            format!("The order {order} is not possible now: the complaint is {}.", state(*now))
        }
        Refusal::UnderWay(kind) => {
            format!("A message to the complainant is already on its way: {}.", notice_in_words(*kind, EN))
        }
        Refusal::Missing(sections) => {
            let headings: Vec<_> = sections.iter().map(|section| section.headings().1).collect();
            format!("Your text is not complete yet. The procedure also wants: {}.", headings.join(", "))
        }
        Refusal::JudgementMissing => "The judgement on the complaint is missing.".to_owned(),
        Refusal::JudgementUnknown(j) => {
            format!("This procedure does not know the judgement \"{}\".", judgement(*j))
        }
        Refusal::NotExtendable => "Under the procedure the date can't be made later now.".to_owned(),
        Refusal::ExtendedTooOften(1) => {
            "The procedure allows one extension, and that has been announced already.".to_owned()
        }
        Refusal::ExtendedTooOften(times) => {
            format!("The procedure allows {times} extensions, and those have been announced already.")
        }
        Refusal::TooFar(limit) => {
            format!("Under the procedure the date can't be later than {}.", day(*limit))
        }
        Refusal::NotLater(due) => format!("The new date must be later than {}.", day(*due)),
        Refusal::Past(date) => format!("{} has passed.", day(*date)),
        Refusal::NotHeldYet(on) => {
            format!("The conversation is not until {}: there are no minutes of it before.", day(*on))
        }
        Refusal::NoStaff { address, .. } => {
            format!("{address} belongs to no member of staff of this mailbox.")
        }
        Refusal::ComplainedAbout(person) => format!("The complaint is about {person}, who can't handle it."),
        Refusal::NobodyLeft(person) => {
            format!("Without {person} nobody of staff is left who hears of this complaint.")
        }
        Refusal::AfterOurAnswer(due) => {
            format!(
                "The complainant would have to reply only after {}, the day by which your answer is due.",
                day(*due)
            )
        }
        Refusal::HowResolved => "The complainant does not read yet how it was resolved.".to_owned(),
        Refusal::NoBody { id, .. } => format!("The procedure knows no body \"{id}\"."),
        Refusal::NotReviewer { .. } => {
            "Under the procedure somebody else than you decides on a review.".to_owned()
        }
        Refusal::NoReview => "This procedure has no review after the reply.".to_owned(),
        Refusal::NoInterview => {
            "Under this procedure the review is in writing, without a conversation.".to_owned()
        }
        Refusal::NoComplaint(_)
        | Refusal::Itself
        | Refusal::OtherClosed(_)
        | Refusal::OtherMailbox(_)
        | Refusal::MergeOther(_) => not_merged(refusal),
        Refusal::NotSpoken => {
            "This complaint was made in writing: no record of it has to be agreed to.".to_owned()
        }
        Refusal::NoRecords => {
            "Under this procedure complainants put their complaint in writing themselves.".to_owned()
        }
        Refusal::NothingToConfirm | Refusal::NotSetAside | Refusal::NoSender => not_aside(refusal),
        Refusal::Unanswered => "The complaint has not been answered yet.".to_owned(),
    }
}

/// Why it can't be handled on in another complaint.
fn not_merged(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoComplaint(reference) => format!("No complaint has the number {reference}."),
        Refusal::Itself => "A complaint can't be merged into itself.".to_owned(),
        Refusal::OtherClosed(reference) => format!("Complaint {reference} is closed."),
        Refusal::OtherMailbox(reference) => format!("Complaint {reference} belongs to another mailbox."),
        Refusal::MergeOther(reference) => {
            format!(
                "What the complainant was promised here ends later in complaint {reference}, or does not run there yet."
            )
        }
        // Every other refusal has its words above.
        _ => String::new(),
    }
}

/// Why nothing can be decided about a mail that was set aside.
fn not_aside(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NothingToConfirm => "There is nothing to confirm, or it was confirmed already.".to_owned(),
        Refusal::NotSetAside => {
            "This message is not set aside any more: it was handled or dropped.".to_owned()
        }
        Refusal::NoSender => "No usable sender's address stands in this message.".to_owned(),
        // Every other refusal has its words above.
        _ => String::new(),
    }
}

/// What to do now: the sentence after it. Empty where the first says it already.
pub(super) fn remedy(refusal: &Refusal) -> String {
    let remedy = match refusal {
        Refusal::NoOrder => "Put the order on the first line, above the quoted text. It starts with #.",
        Refusal::State { order: OrderName::Record, state } if *state != State::Erased => {
            "That is possible only while the complainant's agreement is awaited."
        }
        Refusal::State { order: OrderName::Invite | OrderName::Minutes, state }
            if *state != State::Erased =>
        {
            "That is possible only during a review; it begins with #review, after the reply."
        }
        Refusal::State { state, .. } => remedy_in(*state),
        Refusal::UnderWay(_) => "Wait until it has been sent, then give the order again.",
        Refusal::Missing(_) => {
            "Put each word on a line of its own as a heading, with the text below it, and send all of it again."
        }
        Refusal::JudgementMissing => "After #answer put: founded, partly or unfounded.",
        Refusal::JudgementUnknown(_) => "Choose another judgement.",
        Refusal::NotExtendable | Refusal::ExtendedTooOften(_) => {
            "The date that the complainant knows stands."
        }
        Refusal::TooFar(_) => "Choose an earlier date.",
        Refusal::NotHeldYet(_) => {
            "Send the minutes after the conversation. Was it brought forward? Then invite again with #invite."
        }
        Refusal::Past(_) => "Choose a date that is still to come.",
        Refusal::NoStaff { known, .. } | Refusal::NoBody { known, .. } if !known.is_empty() => {
            return format!("Choose from: {}.", known.join(", "));
        }
        Refusal::NoStaff { .. } => "Ask whoever looks after klachtd to add that person.",
        Refusal::ComplainedAbout(_) => "Assign the complaint to somebody else.",
        Refusal::NobodyLeft(_) => {
            "Ask whoever looks after klachtd to add somebody else to this mailbox first."
        }
        Refusal::AfterOurAnswer(_) => {
            "Choose an earlier date, or announce a later answer first with #extend."
        }
        Refusal::HowResolved => "Put it behind #close resolved, or send the reply with #answer.",
        Refusal::NoBody { .. } => "It names no body to refer to at all.",
        Refusal::NotReviewer { known } => {
            return format!("The outcome comes from: {}.", known.join(", "));
        }
        Refusal::NoReview => "Choose one of the orders that are possible now.",
        Refusal::NoInterview => "Send the outcome with #answer.",
        Refusal::NoComplaint(_) => "Please check the number.",
        Refusal::Itself => "Give the number of the other complaint.",
        Refusal::OtherClosed(_) => "Reopen that one first, or go on with this complaint itself.",
        Refusal::MergeOther(_) => {
            "Merge that complaint into this one: give #merge with the number of this one in an answer to a mail about the other."
        }
        Refusal::OtherMailbox(_) => "Complaints can be merged within one mailbox only.",
        Refusal::NotSpoken => "You can handle it right away.",
        Refusal::NoRecords => "Ask the complainant to send it by letter or e-mail.",
        Refusal::NoSender => "Register it on the server with klachtd add, under the writer's address.",
        Refusal::Unanswered => {
            "Send the reply first, or use #withdraw or #not-a-complaint if that is the reason."
        }
        Refusal::Typed(_) | Refusal::NotLater(_) | Refusal::NothingToConfirm | Refusal::NotSetAside => "",
    };
    remedy.to_owned()
}

const fn remedy_in(state: State) -> &'static str {
    match state {
        State::Agreeing => "First the complainant must agree, or put the complaint in writing.",
        State::Open | State::Asking => "That is possible only when it has been answered or closed.",
        State::Answered => "If more is to be done, choose an order that is possible after the reply.",
        State::InReview => "Send the outcome of the review first.",
        State::Closed => "If something is to be done after all, reopen it first with #reopen.",
        State::Erased => "Nothing more can be done with it.",
    }
}

pub(super) fn wrong(wrong: &Wrong) -> String {
    let words = match wrong {
        Wrong::UnknownOrder(Some(order)) => return format!("There is no such order. Did you mean {order}?"),
        Wrong::UnknownOrder(None) => "There is no such order. #help shows which there are.",
        Wrong::AddressMissing => "An e-mail address should stand here.",
        Wrong::NotAnAddress => "This is not an e-mail address.",
        Wrong::DateMissing => "A date should stand here: day-month-year, or for example \"in 2 weeks\".",
        Wrong::NotADate => {
            "This is not a date, a day that does not exist, or a day without a year that is more than half a year away. Write day-month-year, \"18 December\" or \"in 2 weeks\"."
        }
        Wrong::NotATime => "This is not a time of day. Write for example 14:30.",
        Wrong::ReasonMissing => "The reason should stand here. The complainant reads it word for word.",
        Wrong::TextMissing => "Text should stand below this order.",
        Wrong::NotAJudgement => {
            "This is not a judgement. Choose one of the three: founded, partly or unfounded."
        }
        Wrong::BodyMissing => "Here it should say to which body you refer.",
        Wrong::ReferenceMissing => "The number of the other complaint should stand here.",
        Wrong::NotAReference => {
            "This is not the number of a complaint; perhaps it was mistyped. Such a number looks like this: K-2026-00042-X."
        }
        Wrong::TooMuch => "Here stands more than this order takes.",
        Wrong::TwoTexts => "Two orders want the text below. Send them in two e-mails.",
        Wrong::OrderBelowText => "An order stands below text. Put all orders first, then the text.",
    };
    words.to_owned()
}

pub(super) const fn order(order: OrderName) -> &'static str {
    match order {
        OrderName::Answer => "#answer founded|partly|unfounded  sends the reply that stands below",
        OrderName::Extend => "#extend DATE REASON      tells the complainant the reason and the new date",
        OrderName::Ask => "#ask [DATE]              sends the complainant the questions below",
        OrderName::Assign => "#assign ADDRESS          gives the complaint a (new) handler",
        OrderName::Contacted => "#contacted               records personal contact; an account of it below",
        OrderName::HandedOver => "#handed-over             records the hand-over to the manager",
        OrderName::Refer => "#refer BODY              points that body out to the complainant",
        OrderName::Review => "#review                  begins the review, as the complainant asked",
        OrderName::Invite => "#invite DATE [TIME] [PLACE]  invites the complainant to a conversation",
        OrderName::Minutes => "#minutes                 sends the minutes and the outcome below",
        OrderName::Record => "#record [ADDRESS]        sends the record below for agreement",
        OrderName::Agreed => "#agreed                  records the agreement; who and how below",
        OrderName::Withdraw => "#withdraw                closes: the complainant withdraws the complaint",
        OrderName::Close => "#close REASON            closes; the complainant reads the reason",
        OrderName::Reopen => "#reopen                  takes up a closed complaint again",
        OrderName::NotAComplaint => "#not-a-complaint REASON  closes; the complainant reads where it went",
        OrderName::Merge => "#merge NUMBER            handles this on in that other complaint",
        OrderName::About => "#about ADDRESS           records whom the complaint is about",
        OrderName::Note => "#note                    records the text below, for the file only",
        OrderName::Release => "#release                 handles this message after all",
        OrderName::Spam => "#spam                    drops this message, without an answer",
        OrderName::Confirm => "#confirm                 yes, what this mail asks is right",
        OrderName::Help => "#help                    shows which orders are possible now",
    }
}

pub(super) const fn state(state: State) -> &'static str {
    match state {
        State::Agreeing => "a spoken one and waits for the complainant",
        State::Open => "being handled",
        State::Asking => "being handled and waits for information from the complainant",
        State::Answered => "answered",
        State::InReview => "in review",
        State::Closed => "closed",
        State::Erased => "erased",
    }
}

pub(super) const fn close_reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Resolved => "the complaint was resolved",
        CloseReason::Answered => "the complaint was answered",
        CloseReason::Withdrawn => "the complaint was withdrawn",
        CloseReason::Referred => "another body handles the complaint from now on",
        CloseReason::NotAComplaint => "the message is not a complaint",
        CloseReason::Duplicate => "the complaint is handled together with another complaint",
        CloseReason::Lapsed => "we have received no further message",
    }
}

pub(super) const fn section(section: Section) -> &'static str {
    match section {
        Section::Points => "what the complaint is about",
        Section::Investigation => "what you did to look into the complaint",
        Section::Findings => "what that showed",
        Section::Conclusion => "the conclusion and its grounds",
        Section::Settlement => "what we do for the complainant",
        Section::By => "the date by which that is done",
        Section::Action => "what was done because of the complaint",
        Section::Measures => "what was changed so that it does not happen again",
        Section::Reviewed => "which papers were looked at again",
        Section::Policy => "whether the complaint was handled as the procedure says",
        Section::Minutes => "the minutes of the conversation",
    }
}
