//! What stands in the register, in English words for people who do not know its JSON.

use crate::domain::complaint::{CloseReason, NoticeStatus};
use crate::domain::fact::Role;
use crate::domain::ladder::Step;
use crate::domain::mail::Language;
use crate::domain::notice::NoticeKind;
use crate::domain::procedure::{Channel, Force, Judgement, TermEvent};
use crate::domain::term;

/// How strongly a term binds.
pub(crate) const fn force(force: Force) -> &'static str {
    match force {
        Force::Promise => "a promise of the published text",
        Force::Aim => "an aim of the published text, no promise",
        Force::House => "a house rule, which the published text does not set",
        Force::Window => "a right of the complainant, which ends",
        Force::Statute => "required by law",
    }
}

/// What starts or ends a term.
pub(crate) const fn event(event: TermEvent) -> &'static str {
    match event {
        TermEvent::Received => "the receipt",
        TermEvent::ClockStart => "the start of the handling",
        TermEvent::SpokenComplaint => "the spoken complaint",
        TermEvent::RecordSent => "the sending of the record",
        TermEvent::RecordAgreed => "the agreement with the record",
        TermEvent::AckSent => "the acknowledgement",
        TermEvent::HandedOver => "the hand-over to the manager",
        TermEvent::Assigned => "the naming of a handler",
        TermEvent::ContactMade => "personal contact",
        TermEvent::OutcomeSent => "the outcome",
        TermEvent::ReviewRequested => "the request for a review",
        TermEvent::InterviewInvited => "the invitation to a conversation",
        TermEvent::InterviewHeld => "the conversation",
        TermEvent::ReviewOutcomeSent => "the outcome of the review",
        TermEvent::Closed => "the closing",
    }
}

/// By what a complaint came.
pub(crate) const fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "by e-mail",
        Channel::Letter => "by letter",
        Channel::Phone => "by telephone",
        Channel::Form => "by web form",
    }
}

/// The language of a notice.
pub(crate) const fn language(language: Language) -> &'static str {
    match language {
        Language::Nl => "Dutch",
        Language::En => "English",
    }
}

/// A judgement.
pub(crate) const fn judgement(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Founded => "founded",
        Judgement::PartlyFounded => "partly founded",
        Judgement::Unfounded => "unfounded",
    }
}

/// Why a complaint was closed: what follows "because".
pub(crate) const fn close_reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Resolved => "it was settled to the complainant's satisfaction",
        CloseReason::Answered => "it was answered",
        CloseReason::Withdrawn => "the complainant withdrew it",
        CloseReason::Referred => "an external body handles it",
        CloseReason::NotAComplaint => "it was no complaint",
        CloseReason::Duplicate => "it is handled in another complaint",
        CloseReason::Lapsed => "nothing was heard any more",
    }
}

/// What a letter is to its complaint.
pub(crate) const fn role(role: Role) -> &'static str {
    match role {
        Role::Complaint => "the complaint",
        Role::FollowUp => "a later letter",
        Role::Order => "an order of staff",
        Role::Agreement => "the complainant's agreement with the record",
        Role::Objection => "the request for a review",
        Role::AutoReply => "an automatic reply",
        Role::Bulk => "list or bulk mail",
        Role::Bounce => "a returned notice",
        Role::Report => "a delivery or read receipt",
    }
}

/// What a notice is.
pub(crate) const fn notice(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Acknowledgement => "acknowledgement",
        NoticeKind::PleaseWrite => "request to complain in writing",
        NoticeKind::RecordForAgreement => "record of the spoken complaint, for agreement",
        NoticeKind::InfoRequest => "request for information",
        NoticeKind::HandlerChanged => "notice of another handler",
        NoticeKind::Progress => "notice of more time",
        NoticeKind::Referral => "referral to an external body",
        NoticeKind::Outcome => "outcome",
        NoticeKind::ReviewReceived => "acknowledgement of the request for a review",
        NoticeKind::InterviewInvitation => "invitation to a conversation",
        NoticeKind::ReviewOutcome => "outcome of the review",
        NoticeKind::Closing => "notice of closing",
        NoticeKind::StaffNew => "new complaint",
        NoticeKind::StaffLetter => "new letter",
        NoticeKind::StaffAssign => "no handler yet",
        NoticeKind::StaffDue => "a term is about to end",
        NoticeKind::StaffOverdue => "a term has passed",
        NoticeKind::StaffBounce => "a notice came back",
        NoticeKind::StaffReview => "a review was asked",
        NoticeKind::StaffDigest => "digest",
        NoticeKind::StaffOrderDone => "order carried out",
        NoticeKind::StaffOrderRefused => "order refused",
        NoticeKind::StaffConfirm => "request to confirm an order",
        NoticeKind::StaffAlarm => "alarm",
    }
}

/// What became of a notice.
pub(crate) const fn notice_status(status: NoticeStatus) -> &'static str {
    match status {
        NoticeStatus::Queued => "waiting to be sent",
        NoticeStatus::Sending => "being sent",
        NoticeStatus::Sent => "accepted by the outgoing server",
        NoticeStatus::Unknown => "sent, but the outgoing server did not say whether it accepted it",
        NoticeStatus::Failed => "refused or given up",
        NoticeStatus::Bounced => "came back",
        NoticeStatus::Held => "held back",
    }
}

/// Which alert of a term it is.
pub(crate) fn step(step: Step) -> String {
    match step {
        Step::HalfWay => "half-way".to_owned(),
        Step::BeforeExtend => "two working days before the last day for a notice of more time".to_owned(),
        Step::ThreeDaysLeft => "three working days left".to_owned(),
        Step::OneDayLeft => "one working day left".to_owned(),
        Step::LastDayToExtend => "the last day for a notice of more time".to_owned(),
        Step::TheDay => "the last day".to_owned(),
        Step::Overdue(days) => format!("overdue, working day {days}"),
    }
}

/// What is to be done in a term: what meets it, or what is awaited where no clause sets one.
pub(crate) fn deed(term: &str, done_by: &[TermEvent]) -> String {
    match (done_by, term) {
        ([], term::REPLY) => "an answer to our question".to_owned(),
        ([], term::AGREEMENT) => "agreement with the record, or a complaint in writing".to_owned(),
        ([], other) => other.to_owned(),
        (events, _) => events.iter().map(|done| event(*done)).collect::<Vec<_>>().join(" or "),
    }
}

/// Who must act, in words.
pub(crate) fn who(role: &str) -> &str {
    match role {
        "system" => "this service",
        "complainant" => "the complainant",
        "handler" => "the handler",
        "receiver" => "whoever received it",
        "manager" => "the manager",
        "board" => "the board",
        "committee" => "the complaints committee",
        "confidant" => "the confidential representative",
        other => other,
    }
}
