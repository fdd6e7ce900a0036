//! What must be true whatever happens: a small reference model beside the register.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, time};
use klachtd::domain::complaint::NoticeStatus;
use klachtd::domain::fact::{Fact, Fate, Warned};
use klachtd::domain::ladder::Step;
use klachtd::domain::procedure::Procedure;
use klachtd::domain::signing::sha256_hex;
use klachtd::engine::{Engine, Settings};
use klachtd::register;
use klachtd::store::{Entry, Store};
use serde_json::Value;

use super::post::{Delivered, Post, alarm};

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
}

/// The model of one seed.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) mails: Vec<Mail>,
    pub(crate) deaths: u64,
    pub(crate) complaints: usize,
    pub(crate) closed: usize,
    /// By the hash of a bounce: the Message-ID of the notice that it names.
    bounced: BTreeMap<String, String>,
}

impl Model {
    pub(crate) fn sends(&mut self, kind: Kind, mail: &Arc<[u8]>, post: &Post) {
        let mut state = post.lock();
        state.note(&format!("a mail comes: {kind:?}"));
        state.arrive(mail);
        self.mails.push(Mail { kind, sha256: sha256_hex(mail) });
    }

    pub(crate) fn bounces(&mut self, mail: &Arc<[u8]>, message_id: &str) {
        self.bounced.insert(sha256_hex(mail), message_id.to_owned());
    }

    pub(crate) fn customers(&self) -> Vec<String> {
        let customer = |m: &Mail| match &m.kind {
            Kind::Complaint { customer } => Some(customer.clone()),
            _ => None,
        };
        self.mails.iter().filter_map(customer).collect()
    }

    /// The service starts again, perhaps after a death: what does not hold in what that left. What was being sent when it
    /// died may have been taken, and the answer lost with it.
    pub(crate) fn begins(&mut self, store: &Store, post: &Post) -> Vec<String> {
        let open = store.outbox_open().expect("the outbox can be read");
        {
            let mut state = post.lock();
            for entry in open.iter().filter(|e| e.status == NoticeStatus::Sending) {
                let last = state.delivered.iter_mut().rfind(|d| d.message_id == entry.message_id);
                if let Some(last) = last {
                    last.known = false;
                }
            }
            state.note(&format!("a life begins; {} notices are open", open.len()));
        }
        self.always(store, post)
    }

    /// What holds at any moment, also of what a death left, and does not.
    fn always(&self, store: &Store, post: &Post) -> Vec<String> {
        let mut wrong = store.verify().expect("the store can be read").faults;
        self.letters(store, post, &mut wrong);
        copies(post, &mut wrong);
        wrong
    }

    /// Errors and alarms of this life in the log that nothing in it called for.
    pub(crate) fn unprovoked(post: &Post, died: bool) -> Vec<String> {
        let state = post.lock();
        let provoked = |line: &str| match alarm(line) {
            Some(kind) => state.causes.contains(kind),
            None => {
                !line.contains("ERROR")
                    || (died && line.contains("the process has died"))
                    || (state.causes.contains("disk") && line.contains("no space left"))
            }
        };
        state.log.lines()[state.logged..].iter().filter(|line| !provoked(line)).cloned().collect()
    }

    /// What does not hold when nothing goes wrong any more, and everything had its time.
    pub(crate) async fn check(
        &mut self,
        store: &Store,
        settings: Settings,
        post: &Post,
        now: Timestamp,
    ) -> Vec<String> {
        let mut wrong = self.always(store, post);
        let house = settings.house.mailboxes[0].procedure.clone();
        let procedure = settings.rules.get(&house).expect("the procedure of the house").procedure.clone();
        let mut engine = Engine::start(store.clone(), settings).await.expect("the engine starts");
        let filter = register::Filter::default();
        (self.complaints, self.closed) = (0, 0);
        let mut after = None;
        loop {
            let page = register::list(&mut engine, &filter, after, now).expect("the register can be read");
            for complaint in
                serde_json::to_value(page.complaints).expect("it is JSON").as_array().expect("an array")
            {
                let reference = complaint["reference"].as_str().expect("a reference");
                let shown = register::show(&mut engine, reference, now).expect("the register can be read");
                let shown = serde_json::to_value(shown.expect("it is there")).expect("it is JSON");
                self.complaint(store, &shown, (post, &procedure, now), &mut wrong);
                self.complaints += 1;
                self.closed += usize::from(shown["state"] == "closed");
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

    /// Every mail has exactly one fate, and the right one, or waits in the inbox. What came back is no proof any more.
    fn letters(&self, store: &Store, post: &Post, wrong: &mut Vec<String>) {
        let places = store.places_page(None, usize::MAX).expect("the register can be read");
        let mut fates: BTreeMap<&str, Vec<Fate>> = BTreeMap::new();
        for place in places.iter().filter(|p| p.taken.fate != Fate::Duplicate) {
            fates.entry(&place.taken.sha256).or_default().push(place.taken.fate);
        }
        let excused: BTreeSet<String> = {
            let state = post.lock();
            let waiting = state.folders["INBOX"].messages.iter().map(|m| &m.bytes);
            waiting.chain(&state.deleted).map(|bytes| sha256_hex(bytes)).collect()
        };
        for (n, mail) in self.mails.iter().enumerate() {
            let found = fates.get(mail.sha256.as_str()).map_or(&[][..], Vec::as_slice);
            let right = match (&mail.kind, found) {
                (_, []) => excused.contains(&mail.sha256),
                (Kind::Complaint { .. }, [Fate::Complaint])
                | (Kind::FollowUp, [Fate::FollowUp])
                | (Kind::AutoReply, [Fate::AutoReply])
                | (Kind::Order, [Fate::Order]) => true,
                (Kind::Bounce, [Fate::Bounced]) => self.is_withdrawn(store, &mail.sha256),
                _ => false,
            };
            if !right {
                wrong.push(format!("mail {n}, {:?}, became {found:?}", mail.kind));
            }
        }
    }

    /// Whether the notice that a bounce names stands as bounced.
    fn is_withdrawn(&self, store: &Store, bounce: &str) -> bool {
        let notice = store.signer().notice_of(&self.bounced[bounce]).expect("a notice came back");
        let entry = store.outgoing(notice).expect("the register can be read").expect("it is there");
        entry.status == NoticeStatus::Bounced
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
            "bounced" => arrived && self.bounced.values().any(|named| named == id),
            "failed" => refused,
            // Two attempts, and no answer to either: staff know, and decide.
            "unknown" => state.uncertain.get(id).is_some_and(|n| *n >= 2),
            _ => false,
        };
        if !right {
            wrong.push(format!("{reference}: its acknowledgement {id} is {notice}"));
        }
    }

    fn complaint(
        &self,
        store: &Store,
        shown: &Value,
        (post, procedure, now): (&Post, &Procedure, Timestamp),
        wrong: &mut Vec<String>,
    ) {
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
        let to_customer = |n: &&Value| n["to"].as_str().is_some_and(|to| to.ends_with("@klant.test"));
        let bounced = notices.iter().filter(|n| n["status"] == "bounced").filter(to_customer).count();
        if bounced > 0 && !notices.iter().any(|n| n["kind"] == "staff_bounce") {
            wrong.push(format!("{reference}: {bounced} notices came back, and staff were not told"));
        }
        let id = store.by_reference(reference).expect("the register can be read").expect("it is there");
        let journal = store.journal(id).expect("the register can be read");
        for term in shown["terms"].as_array().into_iter().flatten() {
            lapsed(reference, term, &journal, (post, procedure, now), wrong);
        }
    }
}

/// A notice goes out again only when nobody could know that it had, and then word for word.
fn copies(post: &Post, wrong: &mut Vec<String>) {
    let state = post.lock();
    let mut copies: BTreeMap<&str, Vec<&Delivered>> = BTreeMap::new();
    for mail in &state.delivered {
        copies.entry(&mail.message_id).or_default().push(mail);
    }
    for (id, copies) in copies {
        if copies[..copies.len() - 1].iter().any(|copy| copy.known) {
            wrong.push(format!("{id} went out {} times, and again after it was known", copies.len()));
        }
        if copies.iter().any(|copy| copy.bytes != copies[0].bytes) {
            wrong.push(format!("{id} went out in different words"));
        }
    }
}

/// The terms and steps of which staff were warned, and when.
fn warnings(journal: &[Entry]) -> Vec<(Timestamp, Warned)> {
    let mut warnings = Vec::new();
    for entry in journal {
        if let Some(Fact::StaffWarned { alerts }) = entry.fact().expect("a fact") {
            warnings.extend(alerts.into_iter().map(|alert| (entry.at, alert)));
        }
    }
    warnings
}

/// No promise lapses without a warning, and none without one before it when the service ran in the last two working days.
fn lapsed(
    reference: &str,
    term: &Value,
    journal: &[Entry],
    (post, procedure, now): (&Post, &Procedure, Timestamp),
    wrong: &mut Vec<String>,
) {
    let moment = |at: &Value| at.as_str().and_then(|at| at.parse::<Timestamp>().ok());
    let overdue = term["status"] == "overdue" && term["force"] == "promise";
    let Some(before) = moment(&term["due_before"]).filter(|before| overdue && *before <= now) else { return };
    let id = term["id"].as_str().unwrap_or_default();
    let warned: Vec<(Timestamp, Warned)> =
        warnings(journal).into_iter().filter(|(_, alert)| alert.term == id).collect();
    let mut state = post.lock();
    state.happens("a promise lapses");
    if warned.is_empty() {
        wrong.push(format!("{reference}: {id} lapsed at {before} and nobody was told"));
    }
    let rules = &procedure.rules;
    let date = |key: &str| term[key].as_str().expect("a date").parse::<Date>().expect("a date");
    let due = date("due");
    let opens = |back: u32| rules.at(rules.calendar.sub_working_days(due, back), time(9, 0, 0, 0));
    let known = journal.first().map_or(now, |entry| entry.at);
    let announced = term["extensions"].as_array().and_then(|all| moment(&all.last()?["announced_at"]));
    let counts = announced.unwrap_or_else(|| rules.end_of(date("day0")));
    let could = |(from, to): &&(Timestamp, Timestamp)| {
        let local = rules.zone.to_datetime(*from);
        let open = rules.calendar.is_working(local.date()) && (9..17).contains(&local.hour());
        open && known < *from && opens(1) <= *from && *to < before
    };
    if counts >= opens(4) || !state.awake.iter().any(|awake| could(&awake)) {
        return;
    }
    state.happens("a promise lapses that could be warned of");
    let early = |(at, alert): &(Timestamp, Warned)| {
        *at < before && !matches!(alert.step, Step::Overdue(_)) && alert.rung > counts
    };
    if !warned.iter().any(early) {
        wrong.push(format!("{reference}: before {id} lapsed at {before} nobody was told, but {warned:?}"));
    }
}
