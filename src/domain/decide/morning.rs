//! Who gets a digest in the morning, and what stands in it (product: "Notices", `staff_digest`).

use jiff::Timestamp;

use super::people;
use crate::domain::complaint::Complaint;
use crate::domain::decision::{Decision, NoticeDraft};
use crate::domain::digest::{self, Digest, Item};
use crate::domain::event::View;
use crate::domain::house::Staff;
use crate::domain::notice::NoticeKind;

/// What the digest says of a complaint, and to whom: those who get its alerts. Who only operates the service handles
/// no complaints.
pub fn listed<'a>(view: &View<'a>, complaint: &Complaint, now: Timestamp) -> Option<(Item, Vec<&'a Staff>)> {
    let (item, role) = digest::item(complaint, view.procedure, now)?;
    let mut told = people::responsible(view, complaint.handler.as_deref(), &role);
    told.retain(|staff| staff.roles.iter().any(|role| role != "operator") || staff.roles.is_empty());
    Some((item, told))
}

/// A digest for everybody who has something to read.
pub(super) fn came(view: &View, digests: &[Digest]) -> Decision {
    let told = digests.iter().filter(|digest| !digest.is_empty());
    let draft = |digest: &Digest| {
        let staff = view.house.staff(&digest.to)?;
        let draft = NoticeDraft::to_staff(NoticeKind::StaffDigest, staff);
        Some(NoticeDraft { digest: Some(digest.clone()), ..draft })
    };
    Decision { notices: told.filter_map(draft).collect(), ..Decision::default() }
}
