//! What was committed is read back, also after closing; what contradicts it is refused.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::date;
use klachtd::domain::complaint::{Complaint, NoticeStatus};
use klachtd::domain::fact::{ComplaintId, Fact, Fate, NoticeId, Role, Settlement};
use klachtd::domain::notice::NoticeKind;
use klachtd::store::{Commit, CommitError, CountKey, Store, StoreError, Used};
use proptest::prelude::*;

use crate::samples::*;

#[tokio::test]
async fn a_commit_is_read_back_by_every_key_and_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let first = new_complaint(&store).await;
    store.commit(vec![first.clone()]).await.unwrap();
    let complaint = first.record.unwrap().complaint;
    check_first(&store, &complaint);
    store.close().await.unwrap();

    let store = Store::open(dir.path()).unwrap();
    check_first(&store, &complaint);
    store.commit(vec![sent(&store, 1)]).await.unwrap();
    store.flush().await.unwrap();
    assert_eq!(store.outbox_open().unwrap(), Vec::new());
    assert_eq!(store.next_outbox_due(crate::samples::MAILBOX, &HashSet::new()).unwrap(), None);
    assert_eq!(store.totals().unwrap().outgoing(NoticeStatus::Sent), 1);
    assert_eq!(store.totals().unwrap().outgoing(NoticeStatus::Queued), 0);
    assert_eq!(store.journal(ComplaintId(1)).unwrap().len(), 3);
    assert_sound(&store);
}

fn check_first(store: &Store, complaint: &Complaint) {
    let id = Some(ComplaintId(1));
    assert_eq!(store.complaint(ComplaintId(1)).unwrap().as_ref(), Some(complaint));
    assert_eq!(store.by_reference("k-2026-00001-x").unwrap(), id);
    assert_eq!(store.by_message_id(MAILBOX, "<1@KLANT.test>").unwrap(), id);
    assert_eq!(store.by_message_id("another", "1@klant.test").unwrap(), None);
    let seen = store.seen(MAILBOX, Some("1@klant.test"), "body 1").unwrap().unwrap();
    assert_eq!((seen.fate, seen.complaint), (Fate::Complaint, id));
    assert_eq!(store.seen(MAILBOX, Some("1@klant.test"), "body 2").unwrap(), None);
    assert_eq!(store.place(MAILBOX, "imap:1/1").unwrap().unwrap().entry, Some(1));
    assert_eq!(store.cursor(MAILBOX).unwrap(), Some((1, 1)));
    assert_eq!(store.outbox_due(crate::samples::MAILBOX, at(9), 10).unwrap(), Vec::new());
    assert_eq!(store.outbox_due(crate::samples::MAILBOX, at(10), 10).unwrap()[0].id, NoticeId(1));
    assert_eq!(store.next_outbox_due(crate::samples::MAILBOX, &HashSet::new()).unwrap(), Some(at(10)));
    assert_eq!(store.complaints_due(at(999), 10).unwrap(), Vec::new());
    assert_eq!(store.complaints_due(at(1_000), 10).unwrap(), vec![ComplaintId(1)]);
    assert_eq!(store.next_due(&HashSet::new()).unwrap(), Some(at(1_000)));
    let letter = &complaint.letters[0].letter;
    assert_eq!(store.content(&letter.sha256).unwrap(), raw(1));
    let numbers = store.numbers(2026).unwrap();
    assert_eq!((numbers.next_complaint, numbers.next_notice, numbers.next_reference), (2, 2, 2));
    assert_eq!(store.numbers(2027).unwrap().next_reference, 1);
    assert_sound(store);
}

#[tokio::test]
async fn what_was_decided_on_a_passed_state_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let first = new_complaint(&store).await;
    let same_numbers = new_complaint(&store).await;
    store.commit(vec![first]).await.unwrap();
    assert!(matches!(store.commit(vec![same_numbers]).await, Err(CommitError::Conflict)));

    let (one, other) = (follow_up(&store, 1, 50).await, follow_up(&store, 1, 51).await);
    let service_mail = Commit { counts: vec![(CountKey::Hour(1), 1)], ..Commit::default() };
    let both = store.commit(vec![service_mail, one.clone(), other]).await;
    assert!(matches!(both, Err(CommitError::Conflict)));
    assert_eq!(
        store.complaint(ComplaintId(1)).unwrap().unwrap().entries,
        2,
        "the first of the two is not in"
    );
    assert_eq!(store.count(&CountKey::Hour(1)).unwrap(), 0);
    store.commit(vec![one]).await.unwrap();
    let next = follow_up(&store, 1, 51).await;
    store.commit(vec![next]).await.unwrap();
    assert_sound(&store);
}

#[tokio::test]
async fn commits_of_one_transaction_build_on_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let first = new_complaint(&store).await;
    let sha256 = store.keep(vec![raw(9)]).await.unwrap().remove(0);
    let before = first.record.clone().unwrap().complaint;
    let joined = Fact::LetterJoined {
        letter: note(9, &sha256),
        role: Role::FollowUp,
        related: None,
        fields: BTreeMap::new(),
        shown_reference: None,
    };
    let second = on_top(1, Some(before), at(5), vec![joined]);
    store.commit(vec![first, second]).await.unwrap();
    assert_eq!(store.complaint(ComplaintId(1)).unwrap().unwrap().letters.len(), 2);
    assert_sound(&store);
}

#[tokio::test]
async fn what_does_not_hold_together_is_refused_and_the_store_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let good = new_complaint(&store).await;
    let wrong = [
        Commit { record: None, ..good.clone() },
        Commit { used: Used::default(), ..good.clone() },
        Commit { complaint: None, ..good.clone() },
        Commit { complaint: None, record: None, message_ids: Vec::new(), ..good.clone() },
        Commit { facts: good.facts[..1].to_vec(), ..good.clone() },
    ];
    for commit in wrong {
        let refused = store.commit(vec![commit]).await;
        assert!(matches!(refused, Err(CommitError::Store(StoreError::Invalid(_)))), "{refused:?}");
    }
    let many = vec![Commit::default(); Store::MOST_COMMITS + 1];
    assert!(matches!(store.commit(many).await, Err(CommitError::Store(StoreError::Invalid(_)))));
    store.commit(vec![good]).await.unwrap();
    assert_sound(&store);
}

#[tokio::test]
async fn a_second_opener_is_told_that_the_store_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::InUse(_))));
    let clone = store.clone();
    store.close().await.unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::InUse(_))), "a clone holds it");
    drop(clone);
    for _ in 0..10 {
        Store::open(dir.path()).unwrap().close().await.unwrap();
    }
}

#[tokio::test]
async fn a_duplicate_points_at_its_first_and_a_cursor_never_goes_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.commit(vec![new_complaint(&store).await]).await.unwrap();
    let again = |place: &str, cursor| {
        let mut taken = taken(1, "", Fate::Duplicate);
        taken.place = place.into();
        taken.cursor = Some(cursor);
        Commit { taken: vec![taken], at: at(1), ..Commit::default() }
    };
    store.commit(vec![again("imap:1/7", (1, 7)), again("imap:1/3", (1, 3))]).await.unwrap();
    assert_eq!(store.cursor(MAILBOX).unwrap(), Some((1, 7)));
    assert_eq!(store.seen(MAILBOX, Some("1@klant.test"), "body 1").unwrap().unwrap().fate, Fate::Complaint);
    assert_eq!(store.totals().unwrap().letters["duplicate"], 2);
    store.commit(vec![again("imap:2/1", (2, 1))]).await.unwrap();
    assert_eq!(store.cursor(MAILBOX).unwrap(), Some((2, 1)), "another validity starts anew");

    let mut places = Vec::new();
    while let Some(page) =
        Some(store.places_page(places.last().map(|p: &String| (MAILBOX, p.as_str())), 2).unwrap())
            .filter(|page| !page.is_empty())
    {
        places.extend(page.into_iter().map(|place| place.place));
    }
    assert_eq!(places, ["imap:1/1", "imap:1/3", "imap:1/7", "imap:2/1"]);
    assert_sound(&store);
}

#[tokio::test]
async fn counts_add_up_and_old_days_go() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let address = |day| CountKey::Address { address: "j@klant.test".into(), day };
    let (old, new) = (date(2026, 2, 28), date(2026, 3, 1));
    let counts = vec![(address(old), 2), (address(new), 3), (CountKey::StaffDay(old), 1)];
    let commit = Commit { counts, ..Commit::default() };
    store.commit(vec![commit.clone(), commit]).await.unwrap();
    assert_eq!(store.count(&address(old)).unwrap(), 4);
    store.drop_old_counts(new).await.unwrap();
    assert_eq!(store.count(&address(old)).unwrap(), 0);
    assert_eq!(store.count(&CountKey::StaffDay(old)).unwrap(), 0);
    assert_eq!(store.count(&address(new)).unwrap(), 6);
}

#[tokio::test]
async fn a_record_of_30_kb_grows_and_shrinks_and_no_blob_file_appears() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let first = new_complaint(&store).await;
    let template = first.record.clone().unwrap();
    store.commit(vec![first]).await.unwrap();
    for length in [30_000, 100, 12_000, 3_900, 60_000, 1] {
        let mut record = template.clone();
        record.complaint.fields = BTreeMap::from([("text".to_owned(), "x".repeat(length))]);
        let commit = Commit {
            complaint: Some(ComplaintId(1)),
            expects: 2,
            record: Some(record.clone()),
            ..Commit::default()
        };
        store.commit(vec![commit]).await.unwrap();
        assert_eq!(store.complaint(ComplaintId(1)).unwrap(), Some(record.complaint));
    }
    for n in 2..=60 {
        let mut next = new_complaint(&store).await;
        let Fact::Received(received) = &mut next.facts[0] else { panic!("a receipt comes first") };
        received.fields.insert("text".into(), "x".repeat(11_900));
        let fields = received.fields.clone();
        next.record.as_mut().unwrap().complaint.fields = fields;
        store.commit(vec![next]).await.unwrap();
        store.flush().await.unwrap();
        assert_eq!(store.totals().unwrap().all_complaints(), n);
    }
    assert_eq!(std::fs::read_dir(dir.path().join("db/blobs")).map_or(0, Iterator::count), 0);
    let pages = store.complaints_page(Some(ComplaintId(10)), 20).unwrap();
    assert_eq!(pages.iter().map(|(id, _)| id.0).collect::<Vec<_>>(), (11..31).collect::<Vec<_>>());
    let outbox = store.outbox_page(Some(NoticeId(57)), 20).unwrap();
    assert_eq!(outbox.iter().map(|o| o.id.0).collect::<Vec<_>>(), [58, 59, 60]);
    assert_eq!(store.journal_page(117, 20).unwrap().len(), 3);
}

#[tokio::test]
async fn a_reader_beside_the_writer_never_sees_half_a_record() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.commit(vec![new_complaint(&store).await]).await.unwrap();
    let reader = std::thread::spawn({
        let store = store.clone();
        move || {
            let mut seen = 0;
            while seen < 60 {
                let complaint = store.complaint(ComplaintId(1)).unwrap().unwrap();
                assert!(complaint.entries >= seen);
                assert_eq!(complaint.letters.len() as u64, complaint.entries - 1);
                seen = complaint.entries;
            }
        }
    });
    for n in 3..=60 {
        store.commit(vec![follow_up(&store, 1, n).await]).await.unwrap();
    }
    reader.join().unwrap();
    assert_sound(&store);
}

/// What may happen to a complaint after its receipt.
#[derive(Debug, Clone)]
enum Step {
    Letter,
    Notice,
    Settle(Settlement),
    Refuse,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let words = "[ -~]{0,300}";
    let step = prop_oneof![
        Just(Step::Letter),
        Just(Step::Notice),
        Just(Step::Refuse),
        words.prop_map(|reply| Step::Settle(Settlement::Sent { reply, attempts: 1 })),
        words.prop_map(|reply| Step::Settle(Settlement::Failed { reply, attempts: 3 })),
        words.prop_map(|reason| Step::Settle(Settlement::Unknown { reason, attempts: 2, last: true })),
        words.prop_map(|reason| Step::Settle(Settlement::Bounced { reason })),
    ];
    prop::collection::vec(step, 0..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_record_is_the_fold_of_the_journal(steps in steps(), batch in 1..5_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(replay(steps, batch));
    }
}

/// Commits a complaint step by step, `batch` steps in a transaction.
async fn replay(steps: Vec<Step>, batch: usize) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let first = new_complaint(&store).await;
    let mut facts = first.facts.iter().map(|fact| (at(0), fact.clone())).collect::<Vec<_>>();
    let mut complaint = first.record.clone().unwrap().complaint;
    let mut commits = vec![first];
    let sha256 = complaint.letters[0].letter.sha256.clone();
    let mut notices = 1_u64;
    for (n, step) in (2..).zip(steps) {
        let mut used = Used::default();
        let fact = match step {
            Step::Letter => Fact::LetterJoined {
                letter: note(n, &sha256),
                role: Role::FollowUp,
                related: None,
                fields: BTreeMap::new(),
                shown_reference: None,
            },
            Step::Notice => {
                notices += 1;
                used.notices = notices..notices + 1;
                queued(notices, &sha256)
            }
            Step::Settle(settlement) => Fact::NoticeSettled { notice: NoticeId(1 + n % notices), settlement },
            Step::Refuse => Fact::NoticeRefused {
                kind: NoticeKind::Progress,
                to: "j@klant.test".into(),
                reason: "limit".into(),
            },
        };
        let moment = at(i64::try_from(n).unwrap());
        facts.push((moment, fact.clone()));
        let commit = Commit { used, ..on_top(1, Some(complaint), moment, vec![fact]) };
        complaint = commit.record.clone().unwrap().complaint;
        commits.push(commit);
    }
    for together in commits.chunks(batch) {
        store.commit(together.to_vec()).await.unwrap();
    }
    store.close().await.unwrap();
    let store = Store::open(dir.path()).unwrap();
    let folded = Complaint::fold(ComplaintId(1), facts.iter().map(|(at, fact)| (*at, fact))).unwrap();
    assert_eq!(store.complaint(ComplaintId(1)).unwrap(), Some(folded));
    let journal = store.journal(ComplaintId(1)).unwrap();
    let stored = journal.iter().map(|entry| (entry.at, entry.fact().unwrap().unwrap()));
    assert_eq!(stored.collect::<Vec<_>>(), facts);
    assert_sound(&store);
}

#[tokio::test]
async fn more_orders_than_the_writer_takes_in_wait_and_are_all_carried_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let asked = (0..1_000).map(|_| store.flush());
    for flushed in futures_util::future::join_all(asked).await {
        flushed.unwrap();
    }
}
