//! Who hears of it (product: "Configuration", on alerts).

use crate::domain::decision::NoticeDraft;
use crate::domain::event::{Trouble, View};
use crate::domain::house::Staff;
use crate::domain::notice::NoticeKind;

/// Tells the operators, else all staff of the mailbox; never the address that the trouble is about: when nobody else is
/// an operator, all others are told. The mailbox is the one that it is about, through whichever it leaves.
pub(super) fn alarm(view: &View, trouble: &Trouble, except: Option<&str>) -> Vec<NoticeDraft> {
    let mailbox = trouble.mailbox.as_deref().unwrap_or(&view.mailbox.name);
    let others = workers_of(view, mailbox)
        .filter(|s| except.is_none_or(|address| !s.email.eq_ignore_ascii_case(address)));
    let others: Vec<&Staff> = others.collect();
    let is_operator = |s: &&Staff| s.roles.iter().any(|r| r == "operator");
    let operators: Vec<&Staff> = others.iter().copied().filter(is_operator).collect();
    let readers = if operators.is_empty() { others } else { operators };
    readers
        .into_iter()
        .map(|s| NoticeDraft::to_staff(NoticeKind::StaffAlarm, s))
        .map(|draft| told(draft, trouble))
        .map(|draft| draft.with("mailbox", mailbox))
        .collect()
}

fn told(draft: NoticeDraft, trouble: &Trouble) -> NoticeDraft {
    let language = draft.language;
    let draft = draft.with("alarm", trouble.kind.as_str()).with("message", trouble.words(language));
    let draft = if trouble.over { draft.with("over", "true") } else { draft };
    match trouble.since {
        Some(since) => draft.with("since", since.to_string()),
        None => draft,
    }
}

/// Staff of the view's mailbox, without addresses that are mailboxes of ours, and without the person complained about.
pub(super) fn workers<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Staff> {
    workers_of(view, &view.mailbox.name)
}

fn workers_of<'a>(view: &View<'a>, mailbox: &str) -> impl Iterator<Item = &'a Staff> {
    let (house, mailbox) = (view.house, mailbox.to_owned());
    let about = view.complaint.map_or(&[][..], |c| &c.about).to_vec();
    let works = move |s: &&Staff| s.works_for(&mailbox) && !house.is_own(&s.email);
    house.staff.iter().filter(works).filter(move |s| !about.iter().any(|p| p.eq_ignore_ascii_case(&s.email)))
}

/// Whom a complaint may be given to: staff of the mailbox, and the addresses of roles.
pub(super) fn assignable(view: &View) -> Vec<String> {
    let of_procedure =
        view.procedure.roles.iter().filter(|(role, _)| !view.mailbox.roles.contains_key(*role));
    let roles = view.mailbox.roles.iter().chain(of_procedure).map(|(_, address)| address);
    let roles = roles.filter(|address| !address.is_empty()).cloned();
    let mut known: Vec<String> = workers(view).map(|s| s.email.clone()).chain(roles).collect();
    known.retain(|address| view.complaint.is_none_or(|c| !c.is_about(address)));
    known.sort();
    known.dedup();
    known
}

pub(super) fn handlers<'a>(
    view: &View<'a>,
    handler: Option<&str>,
) -> impl Iterator<Item = &'a Staff> + use<'a> {
    responsible(view, handler, "handler").into_iter()
}

/// Staff of the mailbox with this role.
pub(super) fn in_role<'a>(view: &View<'a>, role: &str) -> impl Iterator<Item = &'a Staff> {
    workers(view).filter(move |s| s.roles.iter().any(|r| r == role))
}

/// The complaint's handler when he is staff, else staff with the role, else all staff of the mailbox.
pub(super) fn responsible<'a>(view: &View<'a>, handler: Option<&str>, role: &str) -> Vec<&'a Staff> {
    if let Some(staff) =
        handler.and_then(|address| workers(view).find(|s| s.email.eq_ignore_ascii_case(address)))
    {
        return vec![staff];
    }
    let in_role: Vec<&Staff> = in_role(view, role).collect();
    if in_role.is_empty() { workers(view).collect() } else { in_role }
}

/// Whether this address has a role, by name or as a member of staff.
pub(super) fn has_role(view: &View, email: &str, role: &str) -> bool {
    let named = address(view, role).is_some_and(|address| address.eq_ignore_ascii_case(email));
    named || in_role(view, role).any(|s| s.email.eq_ignore_ascii_case(email))
}

/// The address that the mailbox, else the procedure, names for a role.
pub(super) fn address(view: &View, role: &str) -> Option<String> {
    let address = view.mailbox.roles.get(role).or_else(|| view.procedure.roles.get(role))?;
    (!address.is_empty()).then(|| address.clone())
}
