//! The mails that klachtd writes, by kind (product: "Notices").

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of notice. Its name is also the name of its template file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The complaint was received: who handles it, and when the reply comes.
    Acknowledgement,
    /// A complaint was made by word of mouth where the procedure takes written ones only.
    PleaseWrite,
    /// The record of a spoken complaint, for the complainant to agree with.
    RecordForAgreement,
    /// A question to the complainant; the terms run on.
    InfoRequest,
    /// Another member of staff handles the complaint from now on.
    HandlerChanged,
    /// The reply will be late: the reason and the new date.
    Progress,
    /// The complainant can also go to an external body, such as a mediator.
    Referral,
    /// The judgement and what follows from it.
    Outcome,
    /// The objection or escalation was received.
    ReviewReceived,
    /// The invitation to a conversation about the objection.
    InterviewInvitation,
    /// The outcome of the review, and the minutes when there was a conversation.
    ReviewOutcome,
    /// The complaint is closed.
    Closing,
    /// To staff: a new complaint and its terms.
    StaffNew,
    /// To staff: a new letter in a complaint.
    StaffLetter,
    /// To staff: the complaint has no handler yet.
    StaffAssign,
    /// To staff: a term is about to end.
    StaffDue,
    /// To staff: a term has ended and was not met.
    StaffOverdue,
    /// To staff: a notice could not be delivered, its term is open again.
    StaffBounce,
    /// To staff: the complainant asks for a review.
    StaffReview,
    /// To staff: what exceeded the limit on mails to staff.
    StaffDigest,
    /// To staff: an order was carried out.
    StaffOrderDone,
    /// To staff: an order was refused, and why.
    StaffOrderRefused,
    /// To staff: did you send this order?
    StaffConfirm,
    /// To staff: something is wrong with the service.
    StaffAlarm,
}

impl NoticeKind {
    /// Every kind: first those to the complainant, then those to staff.
    pub const ALL: [Self; 24] = [
        Self::Acknowledgement,
        Self::PleaseWrite,
        Self::RecordForAgreement,
        Self::InfoRequest,
        Self::HandlerChanged,
        Self::Progress,
        Self::Referral,
        Self::Outcome,
        Self::ReviewReceived,
        Self::InterviewInvitation,
        Self::ReviewOutcome,
        Self::Closing,
        Self::StaffNew,
        Self::StaffLetter,
        Self::StaffAssign,
        Self::StaffDue,
        Self::StaffOverdue,
        Self::StaffBounce,
        Self::StaffReview,
        Self::StaffDigest,
        Self::StaffOrderDone,
        Self::StaffOrderRefused,
        Self::StaffConfirm,
        Self::StaffAlarm,
    ];

    /// Its name in files, JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledgement => "acknowledgement",
            Self::PleaseWrite => "please_write",
            Self::RecordForAgreement => "record_for_agreement",
            Self::InfoRequest => "info_request",
            Self::HandlerChanged => "handler_changed",
            Self::Progress => "progress",
            Self::Referral => "referral",
            Self::Outcome => "outcome",
            Self::ReviewReceived => "review_received",
            Self::InterviewInvitation => "interview_invitation",
            Self::ReviewOutcome => "review_outcome",
            Self::Closing => "closing",
            Self::StaffNew => "staff_new",
            Self::StaffLetter => "staff_letter",
            Self::StaffAssign => "staff_assign",
            Self::StaffDue => "staff_due",
            Self::StaffOverdue => "staff_overdue",
            Self::StaffBounce => "staff_bounce",
            Self::StaffReview => "staff_review",
            Self::StaffDigest => "staff_digest",
            Self::StaffOrderDone => "staff_order_done",
            Self::StaffOrderRefused => "staff_order_refused",
            Self::StaffConfirm => "staff_confirm",
            Self::StaffAlarm => "staff_alarm",
        }
    }

    /// Whether it asks the complainant to agree with a record, or to write.
    pub const fn asks_for_agreement(self) -> bool {
        matches!(self, Self::RecordForAgreement | Self::PleaseWrite)
    }

    /// Whether it goes to staff; the others go to the complainant.
    pub fn to_staff(self) -> bool {
        self >= Self::StaffNew
    }

    /// Whether it answers a mail (RFC 3834: `auto-replied`) or comes by itself (`auto-generated`).
    pub const fn answers_a_mail(self) -> bool {
        matches!(
            self,
            Self::Acknowledgement
                | Self::PleaseWrite
                | Self::ReviewReceived
                | Self::StaffOrderDone
                | Self::StaffOrderRefused
                | Self::StaffConfirm
        )
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How Dutch notices address the complainant. A published text has its own way, and notices keep to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Wording {
    /// "u": polite.
    #[default]
    #[serde(rename = "u")]
    Formal,
    /// "je": familiar.
    #[serde(rename = "je")]
    Informal,
}

impl Wording {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Formal, Self::Informal];
}

/// A word that names no notice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no notice is called \"{0}\"; the notices are {names}", names = NoticeKind::ALL.map(NoticeKind::as_str).join(", "))]
pub struct UnknownNotice(pub String);

impl FromStr for NoticeKind {
    type Err = UnknownNotice;

    fn from_str(word: &str) -> Result<Self, UnknownNotice> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| UnknownNotice(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_is_the_name_in_json() {
        for kind in NoticeKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }

    #[test]
    fn the_name_says_to_whom_it_goes() {
        for kind in NoticeKind::ALL {
            assert_eq!(kind.to_staff(), kind.as_str().starts_with("staff_"), "{kind}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "verlenging".parse::<NoticeKind>().unwrap_err().to_string();
        assert!(error.contains("\"verlenging\"") && error.contains("progress"), "{error}");
    }
}
