//! What is said to the one who gave an order: what was done and what the complainant was told, or why nothing was done.

use jiff::civil::Date;

use super::complaint::{CloseReason, State};
use super::notice::NoticeKind;
use super::order::{Fault, OrderName, Section};
use super::procedure::Judgement;

/// The answer to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderReply {
    /// The first order as it was typed; empty when there was none.
    pub order: String,
    /// What was done, one entry each; or why nothing was.
    pub outcome: Result<Vec<Done>, Refusal>,
    /// What is possible now.
    pub possible: Vec<OrderName>,
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// A notice goes to the complainant.
    Told(NoticeKind),
    /// The complaint has this handler.
    Assigned {
        /// The address.
        to: String,
        /// Whether that is another than before.
        changed: bool,
    },
    /// A further address belongs to the complainant.
    PartyConfirmed {
        /// The address.
        address: String,
    },
    /// A term ends later.
    Extended {
        /// The term's id.
        term: String,
        /// The new last day.
        new_due: Date,
        /// Whether the procedure counts this notice as late.
        late: bool,
    },
    /// A question was put to the complainant.
    Asked {
        /// By when an answer is asked.
        reply_by: Date,
    },
    /// Personal contact is on record.
    Contacted,
    /// The complaint was judged and answered.
    Answered {
        /// The judgement.
        judgement: Judgement,
    },
    /// The review was answered.
    ReviewAnswered,
    /// The complainant was referred to this external body.
    Referred {
        /// Its name.
        body: String,
    },
    /// The review has begun.
    ReviewBegun {
        /// The day on which it was asked for.
        asked_on: Date,
        /// Whether that was after the window of the procedure.
        late: bool,
    },
    /// The complainant was invited.
    Invited {
        /// The day of the conversation.
        on: Date,
    },
    /// The complaint is closed.
    Closed(CloseReason),
    /// The complaint is open again; this is its new day 0.
    Reopened {
        /// The day from which terms count.
        day0: Date,
    },
    /// The complaint is handled in another one from now on.
    Merged {
        /// The other's reference.
        into: String,
    },
    /// The record of a spoken complaint went out.
    RecordSent {
        /// Which version, from 1.
        version: u32,
        /// To whom.
        to: String,
    },
    /// The complainant's agreement with the record is on record; the handling has begun.
    Agreed {
        /// The day from which terms count.
        day0: Date,
    },
    /// A note is on record.
    Noted,
    /// The person complained about is on record.
    AboutNamed {
        /// The address.
        person: String,
        /// Whether anybody of staff, or a role, has that address.
        known: bool,
    },
    /// That person was the handler; the complaint has another one now, or none.
    HandlerReplaced {
        /// The new handler's address.
        by: Option<String>,
    },
    /// The hand-over is on record.
    HandedOver,
    /// A mail that was set aside was handled; what it became.
    Released {
        /// The reference of its complaint, when it has one.
        reference: Option<String>,
    },
    /// A mail that was set aside is spam.
    Spam,
    /// A new complaint was registered.
    Registered {
        /// Its reference.
        reference: String,
    },
}

/// Why an order was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There was no order in the mail.
    NoOrder,
    /// An order can't be understood.
    Typed(Fault),
    /// Not in this state.
    State {
        /// The order.
        order: OrderName,
        /// Where the complaint stands.
        state: State,
    },
    /// The outcome, or another notice that ends a stage, is still on its way out.
    UnderWay(NoticeKind),
    /// What the procedure obliges the answer to state is missing under these headings.
    Missing(Vec<Section>),
    /// The judgement is missing.
    JudgementMissing,
    /// The procedure does not know this judgement.
    JudgementUnknown(Judgement),
    /// The procedure gives no right to announce a later date now.
    NotExtendable,
    /// The procedure allows so many extensions and no more.
    ExtendedTooOften(u32),
    /// The procedure allows no later date than this.
    TooFar(Date),
    /// The date is not later than the one that is in force.
    NotLater(Date),
    /// The date has passed.
    Past(Date),
    /// The complainant is invited to a conversation on this day, which is still to come: there are no minutes of it.
    NotHeldYet(Date),
    /// This address belongs to no member of staff of the mailbox and to no role of the procedure; these do.
    NoStaff {
        /// The address.
        address: String,
        /// The addresses that may be named.
        known: Vec<String>,
    },
    /// This is the person complained about.
    ComplainedAbout(String),
    /// Without this person nobody of staff would be left to hear of the complaint.
    NobodyLeft(String),
    /// The complainant would be asked to reply after the day on which he or she is promised our answer.
    AfterOurAnswer(Date),
    /// A complaint that was not answered is closed as resolved, without a word on how.
    HowResolved,
    /// The procedure knows no such external body; it knows these ids.
    NoBody {
        /// What was typed.
        id: String,
        /// The ids.
        known: Vec<String>,
    },
    /// The procedure gives the review to a role that the one who ordered does not have; these people have it.
    NotReviewer {
        /// Their addresses.
        known: Vec<String>,
    },
    /// The procedure has no review.
    NoReview,
    /// The procedure's review is no conversation.
    NoInterview,
    /// No complaint has this reference.
    NoComplaint(String),
    /// A complaint can't be merged into itself.
    Itself,
    /// That complaint is closed.
    OtherClosed(String),
    /// That complaint is in another mailbox.
    OtherMailbox(String),
    /// What the complainant was promised here ends before it does in that complaint, or has not begun there.
    MergeOther(String),
    /// The complaint was not spoken.
    NotSpoken,
    /// The procedure takes no records of spoken complaints: complainants are asked to write.
    NoRecords,
    /// There is nothing to confirm, or it was confirmed before.
    NothingToConfirm,
    /// The mail is not set aside any more.
    NotSetAside,
    /// Nobody's address stands in the mail, so that nobody could be answered.
    NoSender,
    /// The complaint is unanswered: it can be closed only when it is resolved, withdrawn or no complaint.
    Unanswered,
}
