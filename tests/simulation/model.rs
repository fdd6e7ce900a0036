//! What must be true whatever happens: a small reference model beside the register.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use klachtd::domain::complaint::NoticeStatus;
use klachtd::domain::fact::{Fact, Fate};
use klachtd::domain::signing::sha256_hex;
use klachtd::engine::{Engine, Settings};
use klachtd::register;
use klachtd::store::Store;
use serde_json::Value;

use super::post::Post;

/// What a mail is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Complaint { customer: String },
    FollowUp,
    AutoReply,
    Bounce,
    Order,
}

/// A mail that was sent to the complaint address.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) kind: Kind,
    sha256: String,
    /// Somebody deleted it, perhaps before it was seen.
    deleted: bool,
}

/// The model of one seed.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) mails: Vec<Mail>,
    pub(crate) deaths: u64,
    pub(crate) complaints: usize,
    pub(crate) disk_was_full: bool,
    /// By Message-ID: attempts that a death cut off.
    cut_off: BTreeMap<String, u32>,
    bounced: BTreeSet<String>,
}

impl Model {
    pub(crate) fn sends(&mut self, kind: Kind, mail: &Arc<[u8]>, post: &Post) {
        let mut state = post.lock();
        state.note(&format!("a mail comes: {kind:?}"));
        state.arrive(mail);
        self.mails.push(Mail { kind, sha256: sha256_hex(mail), deleted: false });
    }

    pub(crate) fn deleted(&mut self, bytes: &[u8]) {
        let sha256 = sha256_hex(bytes);
        self.mails.iter_mut().filter(|m| m.sha256 == sha256).for_each(|m| m.deleted = true);
    }

    pub(crate) fn bounces(&mut self, message_id: &str) {
        self.bounced.insert(message_id.to_owned());
    }

    pub(crate) fn customers(&self) -> Vec<String> {
        let customer = |m: &Mail| match &m.kind {
            Kind::Complaint { customer } => Some(customer.clone()),
            _ => None,
        };
        self.mails.iter().filter_map(customer).collect()
    }

    /// The service starts again: what it was sending when it died may have been taken or not.
    pub(crate) fn after_death(&mut self, store: &Store, post: &Post) {
        let open = store.outbox_open().expect("the outbox can be read");
        for entry in open.iter().filter(|e| e.status == NoticeStatus::Sending) {
            *self.cut_off.entry(entry.message_id.clone()).or_default() += 1;
        }
        post.lock().note(&format!("a life begins; {} notices are open", open.len()));
    }

    /// Errors in the log that nothing in the scenario called for.
    pub(crate) fn unprovoked(&self, log: &[String]) -> Vec<String> {
        let provoked = |line: &str| {
            (self.deaths > 0 && line.contains("the process has died"))
                || (self.disk_was_full && line.contains("no space left"))
                // That staff can't be told is itself told.
                || (line.contains("alarm: ") && !line.contains("a complaint can't be read"))
        };
        log.iter().filter(|line| line.contains("ERROR") && !provoked(line)).cloned().collect()
    }

    /// What does not hold. `at_rest`: nothing goes wrong any more, and everything had its time.
    pub(crate) async fn check(
        &mut self,
        store: &Store,
        settings: Settings,
        post: &Post,
        now: Timestamp,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let verified = store.verify().expect("the store can be read");
        wrong.extend(verified.faults);
        self.letters(store, &mut wrong);
        self.copies(post, &mut wrong);
        let mut engine = Engine::start(store.clone(), settings).await.expect("the engine starts");
        let filter = register::Filter::default();
        self.complaints = 0;
        let mut after = None;
        loop {
            let page = register::list(&mut engine, &filter, after, now).expect("the register can be read");
            for complaint in
                serde_json::to_value(page.complaints).expect("it is JSON").as_array().expect("an array")
            {
                let reference = complaint["reference"].as_str().expect("a reference");
                let shown = register::show(&mut engine, reference, now).expect("the register can be read");
                let shown = serde_json::to_value(shown.expect("it is there")).expect("it is JSON");
                self.complaint(store, &shown, post, now, &mut wrong);
                self.complaints += 1;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let left = post.lock().folders["INBOX"].messages.len();
        if left > 0 {
            wrong.push(format!("at rest, and yet {left} messages were not filed away"));
        }
        let due = store.complaints_due(now, 10).expect("the register can be read");
        if !due.is_empty() {
            wrong.push(format!("at rest, and yet due: {due:?}"));
        }
        let open = store.outbox_open().expect("the outbox can be read");
        for entry in open.iter().filter(|e| e.next_at.is_some_and(|at| at <= now)) {
            wrong.push(format!("at rest, and yet not sent: {:?} {:?}", entry.kind, entry.status));
        }
        wrong
    }

    /// Every mail has exactly one fate, and the right one.
    fn letters(&self, store: &Store, wrong: &mut Vec<String>) {
        let places = store.places_page(None, usize::MAX).expect("the register can be read");
        let mut fates: BTreeMap<&str, Vec<Fate>> = BTreeMap::new();
        for place in places.iter().filter(|p| p.taken.fate != Fate::Duplicate) {
            fates.entry(&place.taken.sha256).or_default().push(place.taken.fate);
        }
        for (n, mail) in self.mails.iter().enumerate() {
            let found = fates.get(mail.sha256.as_str()).map_or(&[][..], Vec::as_slice);
            let right = match (&mail.kind, found) {
                (_, []) => mail.deleted,
                (Kind::Complaint { .. }, [Fate::Complaint])
                | (Kind::FollowUp, [Fate::FollowUp])
                | (Kind::AutoReply, [Fate::AutoReply])
                | (Kind::Bounce, [Fate::Bounced | Fate::Ignored])
                | (Kind::Order, [Fate::Order]) => true,
                _ => false,
            };
            if !right {
                wrong.push(format!("mail {n}, {:?}, became {found:?}", mail.kind));
            }
        }
    }

    /// A notice goes out again only when nobody could know that it had, and then word for word.
    fn copies(&self, post: &Post, wrong: &mut Vec<String>) {
        let state = post.lock();
        let mut copies: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
        for mail in &state.delivered {
            copies.entry(&mail.message_id).or_default().push(&mail.bytes);
        }
        for (id, copies) in copies {
            let doubts = |of: &BTreeMap<String, u32>| of.get(id).map_or(0, |n| *n as usize);
            let allowed = 1 + doubts(&state.uncertain) + doubts(&self.cut_off);
            if copies.len() > allowed {
                wrong.push(format!("{id} went out {} times, and {allowed} are accounted for", copies.len()));
            }
            if copies.iter().any(|bytes| *bytes != copies[0]) {
                wrong.push(format!("{id} went out in different words"));
            }
        }
    }

    fn complaint(&self, store: &Store, shown: &Value, post: &Post, now: Timestamp, wrong: &mut Vec<String>) {
        let reference = shown["reference"].as_str().unwrap_or_default();
        let notices = shown["notices"].as_array().cloned().unwrap_or_default();
        let acknowledgements: Vec<&Value> =
            notices.iter().filter(|n| n["kind"] == "acknowledgement").collect();
        let [acknowledgement] = acknowledgements[..] else {
            wrong.push(format!("{reference} has {} acknowledgements", acknowledgements.len()));
            return;
        };
        self.acknowledged(reference, acknowledgement, post, wrong);
        let mut alerts = BTreeSet::new();
        for notice in &notices {
            // A new date has alerts of its own.
            if notice["kind"] == "progress" {
                alerts.clear();
            }
            let alert = ["to", "term", "step"].map(|key| notice[key].to_string());
            if !notice["step"].is_null() && !alerts.insert(alert.clone()) {
                wrong.push(format!("{reference}: an alert came twice: {alert:?}"));
            }
        }
        let warned = warned_of(store, reference);
        for term in shown["terms"].as_array().into_iter().flatten() {
            lapsed(reference, term, &warned, now, wrong);
        }
    }

    /// It was sent, or there is a reason that everybody can see.
    fn acknowledged(&self, reference: &str, notice: &Value, post: &Post, wrong: &mut Vec<String>) {
        let state = post.lock();
        let id = notice["message_id"].as_str().unwrap_or_default().trim_matches(['<', '>']);
        let to = notice["to"].as_str().unwrap_or_default();
        let arrived = state.delivered.iter().any(|d| d.message_id == id && d.to == to);
        let refused = state.rejected.iter().any(|r| r == id)
            || state.refusals.get(to).is_some_and(|r| r.reply.starts_with('5'));
        let right = match notice["status"].as_str().unwrap_or_default() {
            "sent" => arrived,
            "bounced" => self.bounced.contains(id),
            "failed" => refused,
            // Two attempts, and no answer to either: staff know, and decide.
            "unknown" => state.uncertain.get(id).is_some_and(|n| *n >= 2),
            _ => false,
        };
        if !right {
            wrong.push(format!("{reference}: its acknowledgement {id} is {notice}"));
        }
    }
}

/// The terms that staff were warned of: one mail may warn of several.
fn warned_of(store: &Store, reference: &str) -> BTreeSet<String> {
    let id = store.by_reference(reference).expect("the register can be read").expect("it is there");
    let journal = store.journal(id).expect("the register can be read");
    let facts = journal.iter().filter_map(|entry| entry.fact().expect("a fact"));
    let alerts = facts.filter_map(|fact| match fact {
        Fact::StaffWarned { alerts } => Some(alerts),
        _ => None,
    });
    alerts.flatten().map(|alert| alert.term).collect()
}

/// No term lapses without a warning.
fn lapsed(reference: &str, term: &Value, warned: &BTreeSet<String>, now: Timestamp, wrong: &mut Vec<String>) {
    let overdue = term["status"] == "overdue" && term["force"] == "promise";
    let before: Option<Timestamp> = term["due_before"].as_str().and_then(|at| at.parse().ok());
    if !overdue || before.is_none_or(|before| before > now) {
        return;
    }
    if !warned.contains(term["id"].as_str().unwrap_or_default()) {
        let (id, before) = (&term["id"], &term["due_before"]);
        wrong.push(format!("{reference}: {id} lapsed at {before} and nobody was told, but of {warned:?}"));
    }
}
