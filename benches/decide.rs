//! How long a decision takes: `cargo bench --bench decide [PROCEDURE]`.
//!
//! No store, no network, no templates: `decide` alone, over the events of a complaint's life in each of the shipped
//! procedures. Printed are the median and the longest of many rounds, in microseconds a decision; the bar is 50 µs.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::{self, Write};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use klachtd::domain::complaint::Complaint;
use klachtd::domain::decide::{decide, next_due};
use klachtd::domain::event::{Arrival, Event, Ordered, Right, View};
use klachtd::domain::fact::{ComplaintId, Fact, LetterNote, Notice, NoticeId, Settlement};
use klachtd::domain::house::{House, Limits, Mailbox, Staff};
use klachtd::domain::mail::{Authentication, Class, Keys, Language, Letter, Party};
use klachtd::domain::order;
use klachtd::rules::{Rules, Ruling};

const ROUNDS: usize = 60;
const DECISIONS_A_ROUND: u32 = 200;

/// What a decision may take.
const BAR: Duration = Duration::from_micros(50);

const HANDLER: &str = "jan@house.test";

const ANSWER: &str = "#antwoord gegrond\n\nKlachtpunten:\nde levering\n\nOnderzoek:\nwij belden de vervoerder\n\n\
                      Bevindingen:\nhet pakket lag in Almere\n\nConclusie:\nhet kwam te laat\n\nOplossing:\ngeld terug\n\n\
                      Actie:\nexcuses\n\nMaatregelen:\neen andere vervoerder\n";

fn house(procedure: &str) -> House {
    let people = [(HANDLER, "handler"), ("mia@house.test", "manager"), ("bea@house.test", "board")];
    let staff = people.map(|(email, role)| Staff {
        name: email.to_owned(),
        email: email.to_owned(),
        language: Language::Nl,
        mailboxes: Vec::new(),
        roles: vec![role.to_owned()],
    });
    House {
        mailboxes: vec![Mailbox {
            name: "m".to_owned(),
            procedure: procedure.to_owned(),
            from: Party { name: Some("House".to_owned()), email: "klacht@house.test".to_owned() },
            aliases: Vec::new(),
            delimiter: "+".to_owned(),
            trusted_authserv: String::new(),
            form_senders: Vec::new(),
            roles: people.map(|(email, role)| (role.to_owned(), email.to_owned())).into(),
        }],
        staff: staff.into(),
        limits: Limits::default(),
    }
}

fn letter(from: &str, text: &str, received_at: Timestamp, order: Option<Ordered>) -> Event {
    let from = Party { name: None, email: from.to_owned() };
    let note = LetterNote {
        mailbox: "m".to_owned(),
        place: "imap:1/1".to_owned(),
        message_id: Some("1@klant.test".to_owned()),
        from: from.email.clone(),
        subject: "Klacht".to_owned(),
        received_at,
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
        subject: note.subject.clone(),
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
        forwarded: None,
        unreadable: None,
        encrypted: false,
        nothing_typed: false,
        body_sha256: String::new(),
        oddities: Vec::new(),
    };
    Event::LetterArrived(Box::new(Arrival {
        letter,
        note,
        about: None,
        set_aside: None,
        related: None,
        order,
        passed_on: None,
        also_in: Vec::new(),
    }))
}

/// A complaint on its way through a procedure.
struct Life {
    ruling: Ruling,
    house: House,
    now: Timestamp,
    complaint: Option<Complaint>,
    notices: u64,
}

impl Life {
    fn new(procedure: &str, ruling: &Ruling) -> Self {
        // Monday 1 March 2027, 09:15 in Amsterdam.
        let now = Timestamp::from_second(1_803_888_900).expect("a moment of this century");
        Self { ruling: ruling.clone(), house: house(procedure), now, complaint: None, notices: 0 }
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

    fn order(&self, text: &str) -> Event {
        let reading = order::read(text, self.ruling.procedure.rules.date(self.now));
        let ordered = Ordered { by: HANDLER.to_owned(), right: Right::Token, reading, other: None };
        letter(HANDLER, text, self.now, Some(ordered))
    }

    fn happen(&mut self, fact: &Fact) {
        let after = Complaint::after(self.complaint.take(), ComplaintId(1), self.now, fact);
        self.complaint = Some(after.expect("a decision's facts fit"));
    }

    /// Decides, and lets all of it happen: every notice is accepted at once.
    fn live(&mut self, event: &Event) {
        let decision = decide(&self.view(), event, self.now);
        decision.facts.iter().for_each(|fact| self.happen(fact));
        for draft in decision.notices {
            self.notices += 1;
            let id = NoticeId(self.notices);
            let notice = Notice {
                id,
                kind: draft.kind,
                to: draft.to.email,
                message_id: format!("k.{}@house.test", self.notices),
                sha256: String::new(),
                language: draft.language,
                term: draft.term,
                step: draft.step,
                effect: draft.effect,
                promise: draft.promise,
                held: None,
                ordered: draft.ordered,
            };
            self.happen(&Fact::NoticeQueued(Box::new(notice)));
            let settlement = Settlement::Sent { reply: "250 ok".to_owned(), attempts: 1 };
            self.happen(&Fact::NoticeSettled { notice: id, settlement });
        }
    }

    /// The clock goes to the next moment at which it asks for something.
    fn wait_for_next_due(&mut self) -> bool {
        let next = self.complaint.as_ref().and_then(|c| next_due(&self.view(), c, self.now));
        self.now = next.unwrap_or(self.now).max(self.now);
        next.is_some()
    }
}

/// Microseconds a call: the median and the longest of the rounds.
#[expect(clippy::disallowed_methods, reason = "a bench is the one that measures time")]
fn measured(mut call: impl FnMut()) -> (Duration, Duration) {
    let mut round = || {
        let start = std::time::Instant::now();
        (0..DECISIONS_A_ROUND).for_each(|_| call());
        start.elapsed() / DECISIONS_A_ROUND
    };
    let mut rounds: Vec<Duration> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort_unstable();
    (rounds[ROUNDS / 2], rounds[ROUNDS - 1])
}

/// Prints one line; whether the median keeps the bar.
fn report(out: &mut impl Write, what: &str, (median, longest): (Duration, Duration)) -> io::Result<bool> {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    writeln!(out, "  {what:<38} {:>7.1} µs  (longest {:.1})", micros(median), micros(longest))?;
    Ok(median < BAR)
}

fn event(out: &mut impl Write, what: &str, life: &Life, event: &Event) -> io::Result<bool> {
    let figures = measured(|| {
        black_box(decide(black_box(&life.view()), black_box(event), life.now));
    });
    report(out, what, figures)
}

fn procedure(out: &mut impl Write, name: &str, ruling: &Ruling) -> io::Result<bool> {
    writeln!(out, "{name}")?;
    let mut life = Life::new(name, ruling);
    let complaint = letter("k@klant.test", "Mijn pakket kwam niet. Ik wil mijn geld terug.", life.now, None);
    let mut kept = event(out, "a new complaint", &life, &complaint)?;
    life.live(&complaint);
    life.now += SignedDuration::from_hours(3);
    let letter = letter("k@klant.test", "Ik vergat een foto.", life.now, None);
    kept &= event(out, "a letter in it", &life, &letter)?;
    life.live(&letter);
    kept &= event(out, "a term, nothing due", &life, &Event::TermReached)?;
    life.wait_for_next_due();
    kept &= event(out, "a term, an alert due", &life, &Event::TermReached)?;
    kept &= event(
        out,
        "an order: #verleng",
        &life,
        &life.order("#verleng 20-4-2027 wij wachten op de vervoerder"),
    )?;
    kept &= event(out, "an order: #antwoord", &life, &life.order(ANSWER))?;
    kept &= event(out, "an order: #help", &life, &life.order("#help"))?;
    let settlement = Settlement::Failed { reply: "550 5.1.1 no such user".to_owned(), attempts: 1 };
    let refused = Event::DeliverySettled { notice: NoticeId(1), settlement };
    kept &= event(out, "a notice refused", &life, &refused)?;
    // Nobody acts for a quarter: every alert, the safety net, and then mails every working day.
    let until = life.now + SignedDuration::from_hours(91 * 24);
    while life.wait_for_next_due() && life.now < until {
        life.live(&Event::TermReached);
    }
    let notices = life.complaint.as_ref().map_or(0, |c| c.notices.len());
    kept &= event(out, &format!("a term after {notices} notices"), &life, &Event::TermReached)?;
    kept &= event(out, &format!("#antwoord after {notices} notices"), &life, &life.order(ANSWER))?;
    Ok(kept)
}

fn main() -> io::Result<()> {
    let (rules, _) = Rules::load(None);
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let mut out = io::stdout().lock();
    let mut kept = true;
    for name in ["omnistock", "act", "webshop", "websec", "ingressus"] {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let ruling = rules.get(name).expect("a built-in procedure");
        kept &= procedure(&mut out, name, ruling)?;
    }
    if !kept {
        return Err(io::Error::other(format!("a decision took {} µs or more", BAR.as_micros())));
    }
    writeln!(out, "every decision under {} µs", BAR.as_micros())
}
