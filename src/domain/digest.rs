//! The morning digest of a member of staff: what is due, how many days are left, what waits for whom.

use jiff::Timestamp;
use jiff::civil::{Date, Time, time};

use super::complaint::{Complaint, State};
use super::notice::NoticeKind;
use super::procedure::{Force, Procedure, Rules};
use super::term::{COMPLAINANT, TermStatus, TermView};

/// When digests leave, on working days.
const OPENS: Time = time(8, 30, 0, 0);

/// From when on a digest that could not leave in time is left out: the next morning tells the same.
const CLOSES: Time = time(18, 0, 0, 0);

/// Complaints, and lines of what was held back, that one digest tells of.
pub const MOST_LINES: usize = 200;

/// Up to so many working days before the end a term is near.
const SOON: u32 = 3;

/// The day whose digests are due at `now`.
pub fn due_on(rules: &Rules, now: Timestamp) -> Option<Date> {
    let day = rules.date(now);
    let due = rules.calendar.is_working(day) && rules.at(day, OPENS) <= now && now < rules.at(day, CLOSES);
    due.then_some(day)
}

/// The first digest moment after `now`, and its day.
pub fn next(rules: &Rules, now: Timestamp) -> (Date, Timestamp) {
    let today = rules.date(now);
    let opens = |day| (day, rules.at(day, OPENS));
    if rules.calendar.is_working(today) && now < rules.at(today, OPENS) {
        return opens(today);
    }
    opens(rules.calendar.next_working_day(today))
}

/// Whether the digest tells of a mail of this kind that a limit held back. Not of a question: without the mail itself
/// nobody could answer it.
pub fn tells_of(kind: NoticeKind) -> bool {
    kind.to_staff() && !matches!(kind, NoticeKind::StaffConfirm | NoticeKind::StaffDigest)
}

/// The digest of one member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// The address of the member of staff.
    pub to: String,
    /// The day.
    pub day: Date,
    /// What waits, the most pressing first.
    pub items: Items,
    /// What a limit held back, oldest first.
    pub overflow: Vec<HeldBack>,
    /// How much more a limit held back.
    pub more_overflow: usize,
    /// Mails that were set aside since the last digest.
    pub set_aside: u32,
}

impl Digest {
    /// A digest that tells nothing yet.
    pub fn new(to: &str, day: Date) -> Self {
        let items = Items::default();
        Self { to: to.to_owned(), day, items, overflow: Vec::new(), more_overflow: 0, set_aside: 0 }
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.items.lines.is_empty() && self.overflow.is_empty() && self.set_aside == 0
    }

    /// One more mail that a limit held back.
    pub fn hold_back(&mut self, held: HeldBack) {
        if self.overflow.len() < MOST_LINES {
            self.overflow.push(held);
        } else {
            self.more_overflow += 1;
        }
    }
}

/// A mail to staff that a limit held back: told of here, it is not sent any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    /// The reference of its complaint.
    pub reference: Option<String>,
    /// What it was for.
    pub kind: NoticeKind,
}

/// The most pressing lines, in bounded memory however many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Items {
    lines: Vec<Item>,
    more: usize,
}

impl Items {
    /// One more line; the order in which they come does not matter.
    pub fn add(&mut self, item: Item) {
        self.lines.push(item);
        if self.lines.len() > 2 * MOST_LINES {
            self.keep_the_most_pressing();
        }
    }

    /// At most [`MOST_LINES`] lines, the most pressing first, and how many there are beside these.
    #[must_use]
    pub fn sorted(mut self) -> (Vec<Item>, usize) {
        self.keep_the_most_pressing();
        (self.lines, self.more)
    }

    fn keep_the_most_pressing(&mut self) {
        self.lines.sort_by(|a, b| a.order().cmp(&b.order()));
        self.more += self.lines.len().saturating_sub(MOST_LINES);
        self.lines.truncate(MOST_LINES);
    }
}

/// One complaint in a digest. Neither its text nor a name stands here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Our own reference.
    pub reference: String,
    /// Where the complaint stands.
    pub state: State,
    /// What is to be done next; `None` when no term runs.
    pub next: Option<Next>,
    /// Who has to act.
    pub waits_for: WaitsFor,
    /// Whether a letter came since staff gave their last order.
    pub letter_waits: bool,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The id of the term.
    pub term: String,
    /// Its last day.
    pub due: Date,
    /// How much time that leaves.
    pub left: Left,
}

/// How much time is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// So many working days after today, up to the last working day of the term.
    Days(u32),
    /// None for so many working days.
    Over(u32),
    /// The complainant's time is over, by which nobody is late.
    Passed,
}

/// Whom a complaint waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// The member of staff.
    Staff,
    /// The complainant.
    Complainant,
    /// The board, which reviews.
    Board,
}

/// How near something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Its date has passed.
    Overdue,
    /// It is due within a few working days, or no date says when.
    Soon,
    /// It has time.
    Later,
}

impl Item {
    /// How near it is.
    pub fn urgency(&self) -> Urgency {
        match self.next.as_ref().map(|next| next.left) {
            Some(Left::Over(_)) => Urgency::Overdue,
            Some(Left::Days(days)) if days > SOON => Urgency::Later,
            Some(Left::Days(_) | Left::Passed) | None => Urgency::Soon,
        }
    }

    fn order(&self) -> (Urgency, Date, &str) {
        (self.urgency(), self.next.as_ref().map_or(Date::MAX, |next| next.due), &self.reference)
    }
}

/// What the digest says of a complaint, and the role that must act when nobody handles it. `None` when nothing is to
/// be done: it is closed or answered, and no letter waits.
pub fn item(complaint: &Complaint, procedure: &Procedure, now: Timestamp) -> Option<(Item, String)> {
    let waits_for = match complaint.state {
        State::Erased => return None,
        State::Answered | State::Closed if !complaint.waits_for_staff => return None,
        State::Agreeing | State::Asking => WaitsFor::Complainant,
        State::InReview => WaitsFor::Board,
        State::Open | State::Answered | State::Closed => WaitsFor::Staff,
    };
    let terms = complaint.terms(procedure, now);
    let term = next_term(&terms);
    let role = term.map(|term| term.who.clone()).filter(|who| who != COMPLAINANT);
    let item = Item {
        reference: complaint.reference.clone(),
        state: complaint.state,
        next: term.map(|term| next_of(term, &procedure.rules, now)),
        waits_for,
        letter_waits: complaint.waits_for_staff,
    };
    Some((item, role.unwrap_or_else(|| "handler".to_owned())))
}

/// The unmet term that ends first; what is the complainant's to do only where nothing is ours.
fn next_term(terms: &[TermView]) -> Option<&TermView> {
    let unmet = || terms.iter().filter(|term| term.is_unmet());
    let is_ours = |term: &&TermView| term.who != COMPLAINANT && term.force != Force::Window;
    unmet().filter(is_ours).min_by_key(|term| term.due).or_else(|| unmet().min_by_key(|term| term.due))
}

fn next_of(term: &TermView, rules: &Rules, now: Timestamp) -> Next {
    let today = rules.date(now);
    let left = match term.status {
        TermStatus::Overdue if term.who == COMPLAINANT => Left::Passed,
        TermStatus::Overdue => Left::Over(rules.calendar.working_days_between(term.due, today)),
        _ => Left::Days(rules.calendar.working_days_between(today, term.staff_target)),
    };
    Next { term: term.id.clone(), due: term.due, left }
}

#[cfg(test)]
mod tests;
