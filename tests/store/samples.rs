//! Complaints, notices and commits to store.

use std::collections::BTreeMap;

use jiff::Timestamp;
use klachtd::domain::complaint::{Complaint, NoticeStatus};
use klachtd::domain::fact::{
    ComplaintId, Fact, Fate, LetterNote, Notice, NoticeId, ProcedureVersion, Received, Role, Settlement,
};
use klachtd::domain::mail::{Language, Party};
use klachtd::domain::notice::NoticeKind;
use klachtd::domain::outgoing::Outgoing;
use klachtd::domain::procedure::Channel;
use klachtd::store::{Commit, Record, Store, Taken, Used};

pub(crate) const MAILBOX: &str = "omnistock";

/// A second after a fixed moment.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_000_000 + second).unwrap()
}

/// What is kept as the procedure and the text of every sample.
pub(crate) const PROCEDURE: &[u8] = b"id = \"omnistock\"";

/// The raw mail of letter `n`.
pub(crate) fn raw(n: u64) -> Vec<u8> {
    format!("Message-ID: <{n}@klant.test>\r\nSubject: Klacht\r\n\r\nBrief {n}\r\n").into_bytes()
}

pub(crate) fn note(n: u64, sha256: &str) -> LetterNote {
    LetterNote {
        mailbox: MAILBOX.into(),
        place: format!("imap:1/{n}"),
        message_id: Some(format!("{n}@klant.test")),
        from: "j@klant.test".into(),
        subject: "Klacht".into(),
        received_at: at(0),
        sha256: sha256.into(),
        size: raw(n).len() as u64,
        attachments: Vec::new(),
    }
}

pub(crate) fn received(id: u64, sha256: &str, procedure: &str) -> Fact {
    Fact::Received(Box::new(Received {
        spoken: false,
        related: None,
        silence: None,
        reference: format!("K-2026-{id:05}-X"),
        shown_reference: format!("K-2026-{id:05}-X"),
        mailbox: MAILBOX.into(),
        procedure: ProcedureVersion {
            id: MAILBOX.into(),
            sha256: procedure.into(),
            text_sha256: procedure.into(),
        },
        channel: Channel::Email,
        language: Language::Nl,
        complainant: Party { name: Some("J. de Vries".into()), email: "j@klant.test".into() },
        subject: "Klacht".into(),
        fields: BTreeMap::new(),
        handler: None,
        letter: note(id, sha256),
    }))
}

pub(crate) fn queued(notice: u64, sha256: &str) -> Fact {
    Fact::NoticeQueued(Box::new(Notice {
        ordered: false,
        id: NoticeId(notice),
        kind: NoticeKind::Acknowledgement,
        to: "j@klant.test".into(),
        message_id: format!("k.{notice}.tag@omnistock.test"),
        sha256: sha256.into(),
        language: Language::Nl,
        term: None,
        step: None,
        effect: None,
        promise: None,
        held: None,
    }))
}

pub(crate) fn outgoing(notice: u64, complaint: u64, sha256: &str, next_at: Option<Timestamp>) -> Outgoing {
    Outgoing {
        asks_about: None,
        tells: None,
        cut_off: 0,
        unanswered: 0,
        dropped: false,
        id: NoticeId(notice),
        complaint: Some(ComplaintId(complaint)),
        mailbox: MAILBOX.into(),
        kind: NoticeKind::Acknowledgement,
        to: "j@klant.test".into(),
        envelope_from: "b.1.tag@omnistock.test".into(),
        message_id: format!("k.{notice}.tag@omnistock.test"),
        sha256: sha256.into(),
        status: if next_at.is_some() { NoticeStatus::Queued } else { NoticeStatus::Sent },
        attempts: 0,
        queued_at: at(0),
        next_at,
        term_ends: None,
        alarmed: false,
        reply: None,
    }
}

pub(crate) fn taken(n: u64, sha256: &str, fate: Fate) -> Taken {
    Taken {
        mailbox: MAILBOX.into(),
        place: format!("imap:1/{n}"),
        cursor: Some((1, u32::try_from(n).unwrap())),
        fate,
        reason: String::new(),
        sha256: sha256.into(),
        message_id: Some(format!("{n}@klant.test")),
        body_sha256: format!("body {n}"),
    }
}

/// A commit of `facts` on top of `before`, with the record that they make.
pub(crate) fn on_top(id: u64, before: Option<Complaint>, moment: Timestamp, facts: Vec<Fact>) -> Commit {
    let expects = before.as_ref().map_or(0, |complaint| complaint.entries);
    let mut complaint = before;
    for fact in &facts {
        complaint = Some(Complaint::after(complaint, ComplaintId(id), moment, fact).unwrap());
    }
    let record = Record { due_at: Some(at(1_000)), complaint: complaint.expect("facts make a complaint") };
    Commit {
        complaint: Some(ComplaintId(id)),
        expects,
        at: moment,
        actor: "system".into(),
        facts,
        record: Some(record),
        ..Commit::default()
    }
}

/// A new complaint with its acknowledgement: what the engine makes of a letter.
pub(crate) async fn new_complaint(store: &Store) -> Commit {
    let numbers = store.numbers(2026).unwrap();
    let (id, notice) = (numbers.next_complaint, numbers.next_notice);
    let acknowledgement = format!("Ontvangen, {id}").into_bytes();
    let kept = store.keep(vec![raw(id), PROCEDURE.to_vec(), acknowledgement]).await.unwrap();
    let facts = vec![received(id, &kept[0], &kept[1]), queued(notice, &kept[2])];
    Commit {
        outbox: vec![outgoing(notice, id, &kept[2], Some(at(10)))],
        message_ids: vec![format!("<{id}@klant.test>")],
        taken: vec![taken(id, &kept[0], Fate::Complaint)],
        used: Used {
            complaints: id..id + 1,
            notices: notice..notice + 1,
            reference: Some((2026, numbers.next_reference)),
        },
        ..on_top(id, None, at(0), facts)
    }
}

/// The acknowledgement of complaint `id` was sent.
pub(crate) fn sent(store: &Store, id: u64) -> Commit {
    let before = store.complaint(ComplaintId(id)).unwrap().expect("the complaint is there");
    let notice = before.notices[0].notice.clone();
    let settlement = Settlement::Sent { reply: "250 ok".into(), attempts: 1 };
    let facts = vec![Fact::NoticeSettled { notice: notice.id, settlement }];
    Commit {
        outbox: vec![outgoing(notice.id.0, id, &notice.sha256, None)],
        ..on_top(id, Some(before), at(20), facts)
    }
}

/// A further letter of complaint `id`.
pub(crate) async fn follow_up(store: &Store, id: u64, n: u64) -> Commit {
    let sha256 = store.keep(vec![raw(n)]).await.unwrap().remove(0);
    let before = store.complaint(ComplaintId(id)).unwrap();
    let fact = Fact::LetterJoined {
        letter: note(n, &sha256),
        role: Role::FollowUp,
        related: None,
        fields: BTreeMap::new(),
        shown_reference: None,
    };
    Commit { taken: vec![taken(n, &sha256, Fate::FollowUp)], ..on_top(id, before, at(30), vec![fact]) }
}

pub(crate) fn assert_sound(store: &Store) {
    let found = store.verify().unwrap();
    assert!(found.ok, "{:#?}", found.faults);
}
