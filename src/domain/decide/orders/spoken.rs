//! Spoken complaints: the record, the complainant's agreement, and the request to write (domain 1.5 X8).

use super::{Work, answer};
use crate::domain::complaint::{Complaint, State};
use crate::domain::decide::letters::{self, New};
use crate::domain::decision::{Decision, NoticeDraft};
use crate::domain::event::{Arrival, Brought, Ordered, View};
use crate::domain::fact::{Fact, Fate};
use crate::domain::mail::{Letter, Party};
use crate::domain::notice::NoticeKind;
use crate::domain::order::{Order, Reading};
use crate::domain::procedure::{Channel, Spoken, TermEvent};
use crate::domain::reply::{Done, OrderReply, Refusal};

/// What follows from a complaint that staff bring: by letter or form it is a complaint as any, by telephone it waits.
pub(in crate::domain::decide) fn brought(view: &View, brought: &Brought) -> Decision {
    let Some(from) = brought.arrival.letter.from.clone() else { return Decision::default() };
    let mut decision = match brought.channel {
        Channel::Phone => spoken(view, &brought.arrival, &from, &brought.arrival.letter.text),
        Channel::Email | Channel::Letter | Channel::Form => {
            let new = New { from: &from, channel: brought.channel, spoken: false };
            letters::register(view, &brought.arrival, &new)
        }
    };
    decision.actor = Some(brought.by.clone());
    decision
}

/// The first facts of a spoken complaint, and what asks the complainant to agree with the record, or to write.
fn spoken(view: &View, arrival: &Arrival, from: &Party, record: &str) -> Decision {
    let new = New { from, channel: Channel::Phone, spoken: true };
    let mut decision = letters::register(view, arrival, &new);
    decision.notices.clear();
    let language = view.procedure.language(arrival.letter.language);
    let call_date = view.procedure.rules.date(arrival.note.received_at).to_string();
    let (kind, effect) = match view.procedure.intake.spoken {
        Spoken::RecordAndAgree => (NoticeKind::RecordForAgreement, Some(TermEvent::RecordSent)),
        Spoken::AskInWriting => (NoticeKind::PleaseWrite, None),
    };
    decision.facts.push(Fact::RecordMade { version: 1, text: record.trim().to_owned() });
    let draft = NoticeDraft {
        effect,
        ordered: true,
        term: effect.and_then(|effect| letters::id_of(view.procedure.term_done_by(effect))),
        ..NoticeDraft::to_complainant(kind, from, language)
    };
    decision.notices.push(draft.with("call_date", call_date).with("record", record.trim()));
    decision
}

/// What follows from a new mail of staff with `#record`, when the sender is proved to be staff.
pub(in crate::domain::decide) fn recorded_by_mail(
    view: &View,
    arrival: &Arrival,
    ordered: &Ordered,
) -> Option<Decision> {
    let (to, text, line) = record_order(&ordered.reading)?;
    let name = named(&ordered.reading).or_else(|| arrival.letter.fields.get("name").cloned());
    let complainant = Party { name, email: to.to_owned() };
    let mut decision = spoken(view, arrival, &complainant, text);
    let record = decision.notices.first_mut()?;
    // Who took the call signs: the complaint may be about the handler.
    record.signed_by = Some(ordered.by.clone());
    let kind = record.kind;
    let done = vec![
        Done::Registered { reference: view.reference.to_owned() },
        Done::RecordSent { version: 1, to: to.to_owned() },
    ];
    let outcome = Ok(if kind == NoticeKind::RecordForAgreement { done } else { told(done, kind) });
    let reply = OrderReply { order: line.to_owned(), outcome, possible: Vec::new() };
    decision.notices.extend(answer(view, ordered, reply.clone()));
    decision.reply = Some(reply);
    decision.actor = Some(ordered.by.clone());
    decision.fate = Some((Fate::Complaint, "a spoken complaint, recorded by staff".to_owned()));
    Some(decision)
}

fn told(mut done: Vec<Done>, kind: NoticeKind) -> Vec<Done> {
    done.truncate(1);
    done.push(Done::Told(kind));
    done
}

/// The first order of a mail when it is `#record ADDRESS` with a text.
pub(in crate::domain::decide) fn record_order(reading: &Reading) -> Option<(&str, &str, &str)> {
    let Reading::Orders(orders) = reading else { return None };
    match orders.first()? {
        (Order::Record { to: Some(to), text, .. }, line) => Some((to, text, line)),
        _ => None,
    }
}

/// The name that the order gives the complainant.
fn named(reading: &Reading) -> Option<String> {
    let Reading::Orders(orders) = reading else { return None };
    match orders.first()? {
        (Order::Record { name, .. }, _) => name.clone(),
        _ => None,
    }
}

/// Words by which somebody who has agreed takes a part of it back, or adds to it.
const RESERVATIONS: [&str; 15] = [
    "maar", "mits", "tenzij", "behalve", "echter", "niet", "fout", "onjuist", "but", "unless", "except",
    "however", "not", "ps", "nb",
];

/// Whether the letter says "agreed" in its first line (product: "Orders"), and takes nothing of it back below. Whoever
/// does may not agree with all of it: staff read that, and decide.
fn is_agreement(letter: &Letter) -> bool {
    let mut lines = letter.typed().lines().filter(|line| !line.trim().is_empty());
    let said = lines.next().map(|first| words(first).join(" ")).unwrap_or_default();
    let agrees = matches!(said.as_str(), "akkoord" | "ik ga akkoord" | "agreed" | "i agree");
    let mut below = lines.flat_map(|line| words(&line.replace('.', "")));
    agrees && !below.any(|word| RESERVATIONS.contains(&word.as_str()))
}

/// The words of a line, in lower case and without marks.
fn words(line: &str) -> Vec<String> {
    let words = line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Whether this letter of a party ends the waiting for agreement: it agrees with the record, or it is the complaint in
/// writing that was asked for. `None` when it does neither: whoever agrees with a version that was corrected since may
/// not know the correction, and staff ask.
pub(in crate::domain::decide) fn written(
    view: &View,
    complaint: &Complaint,
    letter: &Arrival,
) -> Option<bool> {
    if complaint.state != State::Agreeing {
        return None;
    }
    match view.procedure.intake.spoken {
        Spoken::RecordAndAgree => {
            (is_agreement(&letter.letter) && !answers_older_record(complaint, letter)).then_some(false)
        }
        Spoken::AskInWriting => Some(true),
    }
}

/// Whether the letter answers a version of the record that is not the newest any more.
fn answers_older_record(complaint: &Complaint, letter: &Arrival) -> bool {
    let answered = letter.about.and_then(|id| complaint.notice(id));
    let made_at = complaint.record.as_ref().map(|record| record.made_at);
    answered.is_some_and(|n| n.notice.kind.asks_for_agreement() && Some(n.queued_at) < made_at)
}

/// What a letter is that came while agreement is waited for, and that is none.
pub(in crate::domain::decide) fn not_agreed(complaint: &Complaint, letter: &Arrival) -> &'static str {
    let older = is_agreement(&letter.letter) && answers_older_record(complaint, letter);
    if older { "older_record" } else { "not_agreed" }
}

impl Work<'_> {
    /// The complainant agrees, and said so otherwise than a program can read (domain 2.2: "staff confirm"). The clock
    /// starts at the receipt of the party's first letter since the record was made, when one waits for staff; else now.
    pub(super) fn agreed(&mut self, text: &str) -> Result<(), Refusal> {
        if self.procedure().intake.spoken != Spoken::RecordAndAgree {
            return Err(Refusal::NoRecords);
        }
        let waits = self.view.complaint.is_some_and(|c| c.waits_for_staff);
        let asked_at = self.complaint.record.as_ref().map(|record| record.made_at);
        let letter = self.first_letter_after(asked_at).filter(|_| waits);
        let at = letter.map_or(self.now, |(_, at)| at);
        self.happen(Fact::Noted { text: text.to_owned() });
        self.happen(Fact::RecordAgreed { at, written: false });
        let day0 = self.procedure().rules.date(at);
        self.done.push(Done::Agreed { day0 });
        self.done.push(Done::Told(NoticeKind::Acknowledgement));
        let first = letters::first_mails(&self.view(), &self.complaint, "");
        self.notices.extend(first);
        Ok(())
    }

    /// A better version of the record: each is kept.
    pub(super) fn record(&mut self, text: &str) -> Result<(), Refusal> {
        if self.procedure().intake.spoken != Spoken::RecordAndAgree {
            return Err(Refusal::NoRecords);
        }
        if !self.complaint.spoken {
            return Err(Refusal::NotSpoken);
        }
        let version = self.complaint.record.as_ref().map_or(0, |record| record.version) + 1;
        self.happen(Fact::RecordMade { version, text: text.to_owned() });
        self.done.push(Done::RecordSent { version, to: self.complaint.complainant.email.clone() });
        let call_date = self.procedure().rules.date(self.complaint.received_at).to_string();
        let draft = NoticeDraft {
            effect: Some(TermEvent::RecordSent),
            term: letters::id_of(self.procedure().term_done_by(TermEvent::RecordSent)),
            ..self.draft(NoticeKind::RecordForAgreement)
        };
        let draft = draft.with("call_date", call_date).with("record", text);
        self.notices.push(draft.with("version", version.to_string()));
        Ok(())
    }
}
