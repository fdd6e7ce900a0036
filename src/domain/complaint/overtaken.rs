//! What a notice that failed must not say any more.

use jiff::civil::Date;

use super::{Complaint, State};
use crate::domain::fact::NoticeId;
use crate::domain::notice::NoticeKind;
use crate::domain::procedure::TermEvent;

impl Complaint {
    /// Whether the complainant must not get this notice any more: a newer one of its kind was made since, or the
    /// complaint is not where the notice leads on from. Sent after all it would contradict what came later.
    pub fn is_overtaken(&self, id: NoticeId, today: Date) -> bool {
        use State::{Agreeing, Asking, InReview, Open};
        let Some(at) = self.notices.iter().position(|n| n.notice.id == id) else { return false };
        let record = &self.notices[at];
        let notice = &record.notice;
        if notice.kind.to_staff() {
            return false;
        }
        // Questions and referrals stand beside each other; of all else the newest holds.
        let stands_alone = !matches!(notice.kind, NoticeKind::InfoRequest | NoticeKind::Referral);
        let newer = stands_alone && self.notices[at + 1..].iter().any(|n| n.notice.kind == notice.kind);
        // What a closing brought with it leaves all the same.
        let closed = self.closing.as_ref().is_some_and(|closing| record.queued_at < closing.at);
        let handled = matches!(self.state, Open | Asking | InReview);
        let answering =
            [TermEvent::OutcomeSent, TermEvent::ReviewOutcomeSent].iter().any(|e| self.is_under_way(*e));
        newer
            || closed
            || match (notice.effect, &notice.promise) {
                (Some(TermEvent::OutcomeSent), _) => !matches!(self.state, Open | Asking),
                (Some(TermEvent::ReviewOutcomeSent), _) => self.state != InReview,
                (_, Some(promise)) => !handled || answering || promise.new_due < today,
                _ if notice.kind.asks_for_agreement() => self.state != Agreeing,
                _ => notice.kind == NoticeKind::InfoRequest && !handled,
            }
    }
}
