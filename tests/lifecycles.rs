//! Thousands of random lives of a complaint, decided without store or network: whatever customers, staff, servers and
//! the clock do in whatever order, what the procedures promise must hold after every step.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use klachtd::domain::complaint::{Complaint, NoticeStatus, State};
use klachtd::domain::decide::{decide, next_due};
use klachtd::domain::decision::{Decision, NoticeDraft};
use klachtd::domain::event::{Arrival, Brought, Event, Ordered, Right, View};
use klachtd::domain::fact::{ComplaintId, Fact, LetterNote, Notice, NoticeId, Settlement};
use klachtd::domain::house::{House, Limits, Mailbox, Staff};
use klachtd::domain::mail::{Authentication, Class, Keys, Language, Letter, Party};
use klachtd::domain::notice::NoticeKind;
use klachtd::domain::order::{self, Order, Reading};
use klachtd::domain::procedure::{Channel, Force, TermEvent};
use klachtd::domain::term::TermView;
use klachtd::rules::{Rules, Ruling};
use proptest::prelude::*;

/// Something that happens.
#[derive(Debug, Clone)]
enum Act {
    /// The complainant writes.
    Writes(&'static str),
    /// Staff give an order; `by` is the number of the member of staff.
    Orders { by: usize, text: String },
    /// Time passes, and everything that the clock asks for on the way happens.
    Waits { hours: i64 },
    /// The outgoing server answers for everything that waits: accepted, refused, or nothing heard.
    Sends(u8),
    /// Time passes and the clock asks, but the outgoing server is away.
    WaitsUnsent { hours: i64 },
    /// The newest sent notice comes back.
    Bounces,
    /// The newest sent outcome comes back.
    BouncesOutcome,
    /// Staff merge it into another one, which came in so many days from the first of March and was spoken or written.
    Merges { day: i64, spoken: bool },
}

const PROCEDURES: [&str; 5] = ["omnistock", "act", "webshop", "websec", "ingressus"];
const STAFF: [&str; 3] = ["jan@house.test", "mia@house.test", "bea@house.test"];

const ANSWER: &str = "\nKlachtpunten: punt\nOnderzoek: gedaan\nBevindingen: gevonden\nConclusie: besluit\n\
                      Oplossing: geld terug\nActie: hersteld\nMaatregelen: nieuw\nBeoordeeld: alles\nBeleid: gevolgd\n\
                      Verslag: gesproken\n";

fn order_text() -> impl Strategy<Value = String> {
    let orders = [
        "#answer founded",
        "#antwoord ongegrond",
        "#answer",
        "#extend 20-6-2027 wacht op leverancier",
        "#verleng 1-1-2020 te vroeg",
        "#ask\nWat is uw ordernummer?",
        "#assign mia@house.test",
        "#assign jan@house.test",
        "#assign vreemd@elders.test",
        "#contacted\nGebeld.",
        "#handed-over",
        "#refer ictwaarborg",
        "#refer trading_standards",
        "#review",
        "#invite 1-6-2027 10:00 Rotterdam",
        "#minutes",
        "#withdraw",
        "#close opgelost",
        "#close klaar",
        "#reopen",
        "#not-a-complaint een vraag",
        "#record\nDe klacht, beter.",
        "#akkoord\nZij zei ja aan de telefoon.",
        "#note\nOnthouden.",
        "#about jan@house.test",
        "#spam",
        "#help",
        "geen opdracht",
        "#onzin",
    ];
    prop::sample::select(orders.to_vec()).prop_map(|order| {
        let whole = order.starts_with("#answer") || order.starts_with("#antwoord") || order == "#minutes";
        if whole { format!("{order}{ANSWER}") } else { order.to_owned() }
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => prop::sample::select(vec!["Nog iets.", "akkoord", "Ik ben het er niet mee eens."]).prop_map(Act::Writes),
        6 => (0..STAFF.len(), order_text()).prop_map(|(by, text)| Act::Orders { by, text }),
        3 => (1_i64..700).prop_map(|hours| Act::Waits { hours }),
        4 => (0_u8..8).prop_map(Act::Sends),
        2 => (1_i64..400).prop_map(|hours| Act::WaitsUnsent { hours }),
        1 => Just(Act::Bounces),
        1 => Just(Act::BouncesOutcome),
        1 => (0_i64..40, any::<bool>()).prop_map(|(day, spoken)| Act::Merges { day, spoken }),
    ]
}

fn house(procedure: &str) -> House {
    let staff = |email: &str, roles: &[&str]| Staff {
        name: email.to_owned(),
        email: email.to_owned(),
        language: Language::Nl,
        mailboxes: Vec::new(),
        roles: roles.iter().map(|r| (*r).to_owned()).collect(),
    };
    let roles = [("handler", STAFF[0]), ("manager", STAFF[1]), ("board", STAFF[2]), ("committee", STAFF[1])];
    House {
        mailboxes: vec![Mailbox {
            name: "m".to_owned(),
            procedure: procedure.to_owned(),
            from: Party { name: Some("House".to_owned()), email: "klacht@house.test".to_owned() },
            aliases: Vec::new(),
            delimiter: "+".to_owned(),
            trusted_authserv: String::new(),
            form_senders: Vec::new(),
            roles: roles.map(|(role, email)| (role.to_owned(), email.to_owned())).into(),
        }],
        staff: vec![
            staff(STAFF[0], &["handler"]),
            staff(STAFF[1], &["manager"]),
            staff(STAFF[2], &["board"]),
        ],
        limits: Limits::default(),
    }
}

/// One life.
struct Life {
    ruling: Ruling,
    house: House,
    now: Timestamp,
    complaint: Option<Complaint>,
    journal: Vec<(Timestamp, Fact)>,
    terms: BTreeSet<String>,
    letters: u32,
    notices: u64,
}

impl Life {
    fn new(procedure: &str) -> Self {
        let ruling = Rules::load(None).0.get(procedure).expect("a built-in procedure").clone();
        let now = date(2027, 3, 1).at(9, 15, 0, 0).to_zoned(ruling.procedure.rules.zone.clone());
        Self {
            ruling,
            house: house(procedure),
            now: now.expect("a moment").timestamp(),
            complaint: None,
            journal: Vec::new(),
            terms: BTreeSet::new(),
            letters: 0,
            notices: 0,
        }
    }

    fn view(&self) -> View<'_> {
        View {
            complaint: self.complaint.as_ref(),
            procedure: &self.ruling.procedure,
            version: &self.ruling.version,
            mailbox: &self.house.mailboxes[0],
            house: &self.house,
            reference: "K-2027-00001-X",
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Writes(text) => {
                let event = Event::LetterArrived(Box::new(self.arrival("k@klant.test", text, None)));
                self.step(&event);
            }
            Act::Orders { by, text } => {
                let today = self.ruling.procedure.rules.date(self.now);
                let order = Ordered {
                    by: STAFF[*by].to_owned(),
                    right: Right::Token,
                    reading: order::read(text, today),
                    other: None,
                };
                let arrival = self.arrival(STAFF[*by], text, Some(order));
                self.step(&Event::LetterArrived(Box::new(arrival)));
            }
            Act::Waits { hours } => self.wait(self.now + SignedDuration::from_hours(*hours), true),
            Act::WaitsUnsent { hours } => self.wait(self.now + SignedDuration::from_hours(*hours), false),
            Act::Sends(answer) => self.send(*answer),
            Act::Bounces => self.bounce(|_| true),
            Act::BouncesOutcome => self.bounce(|effect| {
                matches!(effect, Some(TermEvent::OutcomeSent | TermEvent::ReviewOutcomeSent))
            }),
            Act::Merges { day, spoken } => self.merge(*day, *spoken),
        }
    }

    /// The complaint begins: somebody calls, and staff write down what was said.
    fn call(&mut self) {
        let arrival = self.arrival("k@klant.test", "Mijn klacht.", None);
        let brought = Brought { arrival, channel: Channel::Phone, by: STAFF[0].to_owned() };
        self.step(&Event::ComplaintBrought(Box::new(brought)));
    }

    fn bounce(&mut self, effect: fn(Option<TermEvent>) -> bool) {
        let of = |c: &Complaint| {
            let mut newest = c.notices.iter().rev();
            let sent = newest.find(|n| n.status == NoticeStatus::Sent && effect(n.notice.effect));
            sent.map(|n| n.notice.id)
        };
        if let Some(id) = self.complaint.as_ref().and_then(of) {
            self.settle(id, Settlement::Bounced { reason: "5.1.1".to_owned() });
        }
    }

    fn merge(&mut self, day: i64, spoken: bool) {
        let mut other = Self::new(&self.house.mailboxes[0].procedure);
        other.now += SignedDuration::from_hours(24 * day);
        if spoken {
            other.call();
        } else {
            other.act(&Act::Writes("Ik heb een klacht."));
        }
        let Some(mut other) = other.complaint else { return };
        other.id = ComplaintId(2);
        "K-2027-00002-X".clone_into(&mut other.reference);
        let promised = |c: &Complaint| -> Vec<TermView> {
            let terms = c.terms(&self.ruling.procedure, self.now).into_iter();
            terms.filter(|t| t.is_unmet() && t.force == Force::Promise && t.who != "system").collect()
        };
        let before = self.complaint.as_ref().map(&promised).unwrap_or_default();
        let there = promised(&other);
        let agreed = self.complaint.as_ref().is_some_and(|c| c.state != State::Agreeing);
        let lost = agreed && other.state == State::Agreeing
            || before.iter().any(|b| there.iter().any(|t| t.id == b.id && t.due > b.due));
        let line = format!("#merge {}", other.reference);
        let reading = Reading::Orders(vec![(Order::Merge { into: other.reference.clone() }, line.clone())]);
        let by = STAFF[0].to_owned();
        let order = Ordered { by, right: Right::Token, reading, other: Some(other) };
        let arrival = self.arrival(STAFF[0], &line, Some(order));
        let decision = self.step(&Event::LetterArrived(Box::new(arrival)));
        let merged = decision.facts.iter().any(|f| matches!(f, Fact::Closed { into: Some(_), .. }));
        assert!(!(merged && lost), "a promise is lost in a merge: {before:?} {there:?}");
    }

    fn arrival(&mut self, from: &str, text: &str, order: Option<Ordered>) -> Arrival {
        self.letters += 1;
        let n = self.letters;
        let from = Party { name: None, email: from.to_owned() };
        let note = LetterNote {
            mailbox: "m".to_owned(),
            place: format!("imap:1/{n}"),
            message_id: Some(format!("{n}@klant.test")),
            from: from.email.clone(),
            subject: "Klacht".to_owned(),
            received_at: self.now,
            sha256: String::new(),
            size: 1,
            attachments: Vec::new(),
        };
        let letter = Letter {
            class: Class::Letter,
            answerable: true,
            reasons: Vec::new(),
            from: Some(from),
            relay: None,
            reply_to: None,
            recipients: Vec::new(),
            subject: "Klacht".to_owned(),
            date: None,
            message_id: note.message_id.clone(),
            received_at: None,
            text: text.to_owned(),
            quoted: String::new(),
            language: Some(Language::Nl),
            attachments: Vec::new(),
            fields: BTreeMap::new(),
            keys: Keys::default(),
            authentication: Authentication::default(),
            bounce: None,
            body_sha256: String::new(),
            forwarded: None,
            unreadable: None,
            encrypted: false,
            nothing_typed: false,
            oddities: Vec::new(),
        };
        Arrival {
            letter,
            note,
            about: None,
            set_aside: None,
            related: None,
            order,
            passed_on: None,
            also_in: Vec::new(),
        }
    }

    fn step(&mut self, event: &Event) -> Decision {
        let decision = decide(&self.view(), event, self.now);
        let again = decide(&self.view(), event, self.now);
        assert_eq!(decision.facts, again.facts, "the same event, the same decision");
        for fact in &decision.facts {
            self.happen(fact.clone());
        }
        for draft in &decision.notices {
            self.queue(draft);
        }
        self.check();
        decision
    }

    fn happen(&mut self, fact: Fact) {
        if matches!(fact, Fact::LetterKept { .. }) {
            return;
        }
        let after = Complaint::after(self.complaint.take(), ComplaintId(1), self.now, &fact);
        self.complaint = Some(after.expect("the fact fits"));
        self.journal.push((self.now, fact));
    }

    fn queue(&mut self, draft: &NoticeDraft) {
        if self.complaint.is_none() {
            return;
        }
        self.notices += 1;
        let notice = Notice {
            id: NoticeId(self.notices),
            kind: draft.kind,
            to: draft.to.email.clone(),
            message_id: format!("k.{}@house.test", self.notices),
            sha256: String::new(),
            language: draft.language,
            term: draft.term.clone(),
            step: draft.step,
            effect: draft.effect,
            promise: draft.promise.clone(),
            held: None,
            ordered: draft.ordered,
        };
        self.happen(Fact::NoticeQueued(Box::new(notice)));
    }

    fn send(&mut self, answer: u8) {
        let waiting = |c: &Complaint| -> Vec<NoticeId> {
            let waits = |s| matches!(s, NoticeStatus::Queued | NoticeStatus::Unknown);
            c.notices.iter().filter(|n| waits(n.status)).map(|n| n.notice.id).collect()
        };
        for id in self.complaint.as_ref().map(waiting).unwrap_or_default() {
            let reply = "250 ok".to_owned();
            self.settle(
                id,
                match answer {
                    0 => Settlement::Failed { reply: "550 no".to_owned(), attempts: 1 },
                    1 => Settlement::Unknown { reason: "no answer".to_owned(), attempts: 1, last: false },
                    _ => Settlement::Sent { reply, attempts: 1 },
                },
            );
        }
    }

    fn settle(&mut self, notice: NoticeId, settlement: Settlement) {
        self.step(&Event::DeliverySettled { notice, settlement });
    }

    /// Everything that the clock asks for on the way happens; what it makes is sent at once, unless nothing can be.
    fn wait(&mut self, until: Timestamp, sends: bool) {
        for _ in 0..400 {
            let next = self.complaint.as_ref().and_then(|c| next_due(&self.view(), c, self.now));
            let Some(next) = next.filter(|next| *next <= until) else { break };
            self.now = next.max(self.now);
            let decision = self.step(&Event::TermReached);
            if decision.facts.is_empty() {
                self.now += SignedDuration::from_mins(1);
            }
            if sends {
                self.send(2);
            }
        }
        self.now = self.now.max(until);
    }

    fn check(&mut self) {
        let Some(complaint) = &self.complaint else { return };
        let facts = self.journal.iter().map(|(at, fact)| (*at, fact));
        assert_eq!(&Complaint::fold(ComplaintId(1), facts).expect("the journal folds"), complaint);
        let sent = |event| complaint.effected_at(event).is_some();
        match complaint.state {
            State::Answered => {
                assert!(
                    sent(TermEvent::OutcomeSent) || sent(TermEvent::ReviewOutcomeSent),
                    "answered unsent"
                );
            }
            State::InReview => assert!(complaint.objection.is_some(), "in review without a request"),
            State::Asking => assert!(complaint.question.is_some(), "asking without a question"),
            State::Closed => assert!(complaint.closing.is_some(), "closed without a reason"),
            State::Agreeing => assert!(complaint.spoken),
            State::Open | State::Erased => {}
        }
        let count = |wanted: fn(&Fact) -> bool| self.journal.iter().filter(|(_, f)| wanted(f)).count();
        let acknowledged =
            count(|f| matches!(f, Fact::NoticeQueued(n) if n.kind == NoticeKind::Acknowledgement));
        let begun = count(|f| matches!(f, Fact::Received(_) | Fact::Reopened { .. }));
        assert!(acknowledged <= begun, "{acknowledged} acknowledgements of {begun} receipts");
        let terms = complaint.terms(&self.ruling.procedure, self.now);
        let ids: BTreeSet<String> = terms.iter().map(|t| t.id.clone()).collect();
        // What counts from a notice that came back has not begun.
        let came_back = |event| {
            let mut notices = complaint.notices.iter().filter(|n| n.notice.effect == Some(event));
            !sent(event) && notices.any(|n| n.status == NoticeStatus::Bounced)
        };
        let rules = self.ruling.procedure.terms.iter().filter(|rule| !came_back(rule.of));
        let seen: BTreeSet<&str> =
            rules.map(|rule| rule.id.as_str()).filter(|id| self.terms.contains(*id)).collect();
        assert!(seen.iter().all(|id| ids.contains(*id)), "a term is gone: {seen:?} {ids:?}");
        for term in &terms {
            let last = term.extensions.iter().map(|e| e.new_due).max();
            assert_eq!(term.due, last.unwrap_or(term.due), "not the last date that the complainant was told");
            let waits = |s| matches!(s, NoticeStatus::Queued | NoticeStatus::Unknown);
            let promises = complaint.notices.iter().filter(|n| waits(n.status));
            let promises = promises.filter_map(|n| n.notice.promise.as_ref()).filter(|p| p.term == term.id);
            assert!(promises.count() <= 1, "two dates on their way: {complaint:#?}");
        }
        let unmet = terms.iter().any(TermView::is_unmet);
        let due = next_due(&self.view(), complaint, self.now);
        if complaint.state.is_open() {
            assert!(
                unmet || due.is_some() || complaint.waits_for_staff,
                "nobody has to do anything: {complaint:#?}"
            );
            let owner = complaint.handler.as_deref().is_some_and(|h| !complaint.is_about(h));
            let others = self.house.staff.iter().any(|s| !complaint.is_about(&s.email));
            assert!(owner || others, "nobody owns it");
        } else {
            assert!(due.is_none(), "closed, and yet something is due at {due:?}: {terms:?}");
        }
        self.terms.extend(ids);
    }
}

/// How many lives are lived: `KLACHTD_LIVES=5000 cargo test --test lifecycles` for a thorough look.
fn lives() -> u32 {
    std::env::var("KLACHTD_LIVES").ok().and_then(|n| n.parse().ok()).unwrap_or(300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: lives(), max_shrink_iters: 200, max_shrink_time: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_life_breaks_a_promise(
        procedure in prop::sample::select(PROCEDURES.to_vec()),
        spoken in any::<bool>(),
        acts in prop::collection::vec(act(), 1..14),
    ) {
        let mut life = Life::new(procedure);
        if spoken {
            life.call();
        } else {
            life.act(&Act::Writes("Ik heb een klacht."));
        }
        for act in &acts {
            life.act(act);
        }
    }
}
