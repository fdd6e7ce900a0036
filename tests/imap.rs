//! The IMAP side of the intake against a real Dovecot.

mod common;

use std::time::Duration;

use common::{COMPLAINTS, CUSTOMER1, DIRECTIE, Mailhost};
use klachtd::intake::imap::ImapSettings;
use klachtd::intake::source::{Content, Cursor, Folder, HEAD_SIZE, Listed, Mail, Place, Source, SourceError};
use klachtd::tls::TlsMode;
use tokio::sync::mpsc;

fn settings(host: &Mailhost, (user, password): (&str, &str)) -> ImapSettings {
    ImapSettings {
        host: "localhost".into(),
        port: host.port("imaps"),
        tls: TlsMode::Implicit,
        ca: Some(host.ca()),
        user: user.into(),
        password: password.into(),
        folder: "INBOX".into(),
        processed: "Verwerkt".into(),
        quarantine: "Quarantaine".into(),
        poll: Duration::from_mins(5),
        timeout: Duration::from_secs(30),
    }
}

fn source(settings: ImapSettings) -> Source {
    Source::imap(settings).expect("allowed")
}

async fn opened(settings: ImapSettings) -> Source {
    let mut source = source(settings);
    source.open().await.expect("open");
    source.make_folders().await.expect("made");
    source
}

async fn list(source: &mut Source) -> Vec<Listed> {
    source.list(None).await.expect("listed")
}

async fn fetch(source: &mut Source, wanted: &[Listed], limit: u64) -> Vec<Mail> {
    let (out, mut mails) = mpsc::channel(1);
    let mut got = Vec::new();
    let (result, ()) = tokio::join!(
        async {
            let result = source.fetch(wanted, limit, &out).await;
            drop(out);
            result
        },
        async {
            while let Some(mail) = mails.recv().await {
                got.push(mail);
            }
        }
    );
    result.expect("fetched");
    got
}

fn letter(subject: &str, body: &str) -> String {
    format!(
        "From: J. de Vries <j.devries@klant.test>\nTo: directie@omnistock.test\nSubject: {subject}\n\n{body}\n"
    )
}

/// How many messages stand in `folder`, seen over a connection of its own.
async fn count(host: &Mailhost, user: (&str, &str), folder: &str) -> usize {
    let mut other =
        opened(ImapSettings { folder: folder.into(), processed: "Elders".into(), ..settings(host, user) })
            .await;
    let count = list(&mut other).await.len();
    other.close().await;
    count
}

async fn is_refused(settings: ImapSettings, words: &str) {
    let mut source = source(settings);
    match source.open().await {
        Err(SourceError::Refused(text)) => assert!(text.contains(words), "{text}"),
        other => panic!("{other:?}"),
    }
    assert!(!source.is_open());
}

#[tokio::test]
async fn login_is_had_by_each_way_and_refused_with_the_reason() {
    let unusual = ("zoe@omnistock.test", "gehéim – \"ü\\");
    let ascii = ("kees@omnistock.test", "a\"b\\c {3}");
    let users = [unusual, ascii].map(|(user, password)| format!("{user}={password}"));
    let Some(host) = Mailhost::start(&["--mta", "none", "--user", &users[0], "--user", &users[1]]) else {
        return;
    };
    let implicit = settings(&host, DIRECTIE);
    let start_tls = ImapSettings { tls: TlsMode::StartTls, port: host.port("imap"), ..implicit.clone() };
    let plain = ImapSettings { tls: TlsMode::None, ca: None, ..start_tls.clone() };
    for settings in [&implicit, &start_tls, &plain] {
        opened(settings.clone()).await.close().await;
    }

    is_refused(ImapSettings { ca: None, ..implicit.clone() }, "certificate").await;
    is_refused(ImapSettings { ca: None, ..start_tls.clone() }, "certificate").await;
    is_refused(ImapSettings { ca: Some("/absent/ca.pem".into()), ..implicit.clone() }, "/absent/ca.pem")
        .await;
    is_refused(ImapSettings { password: "fout".into(), ..implicit.clone() }, "AUTHENTICATIONFAILED").await;
    is_refused(ImapSettings { password: "føut".into(), ..implicit.clone() }, "login refused").await;
    is_refused(ImapSettings { folder: "Nergens".into(), ..implicit.clone() }, "Nergens").await;
    is_refused(ImapSettings { processed: "INBOX".into(), ..implicit.clone() }, "INBOX").await;

    opened(settings(&host, unusual)).await.close().await;
    opened(settings(&host, ascii)).await.close().await;
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let Some(host) = Mailhost::start(&["--mta", "none", "--cert", "wrongname"]) else { return };
    is_refused(settings(&host, DIRECTIE), "certificate").await;
}

#[tokio::test]
async fn the_end_of_a_certificate_is_known_also_of_one_that_is_refused() {
    let Some(host) = Mailhost::start(&["--mta", "none", "--cert", "expired"]) else { return };
    for (tls, port) in [(TlsMode::Implicit, "imaps"), (TlsMode::StartTls, "imap")] {
        let mut source = source(ImapSettings { tls, port: host.port(port), ..settings(&host, DIRECTIE) });
        let (server, certificate) = source.certificate().expect("there is TLS");
        assert_eq!(server, format!("localhost:{}", host.port(port)));
        assert_eq!(certificate.newest(), None, "nothing was shown yet");
        source.open().await.expect_err("expired");
        let seen = certificate.newest().expect("shown and read");
        assert_eq!(seen.not_after.to_string(), "2020-02-01T00:00:00Z");
        assert!(seen.is_ending(seen.seen_at));
    }
}

#[tokio::test]
async fn letters_come_in_order_and_go_to_folders_made_for_them() {
    let Some(host) = Mailhost::start(&["--mta", "none"]) else { return };
    let nested = ImapSettings {
        processed: "Klachten/Verwerkt – ü".into(),
        quarantine: "A/B".into(),
        ..settings(&host, DIRECTIE)
    };
    let mut inbox = opened(nested.clone()).await;
    assert_eq!(list(&mut inbox).await, []);
    for n in 1..=5 {
        let body = if n == 3 { "x".repeat(70) + "\n" } else { "hallo\n".to_owned() };
        host.deliver(DIRECTIE.0, &letter(&format!("brief {n}"), &body.repeat(if n == 3 { 2000 } else { 1 })));
    }

    let all = list(&mut inbox).await;
    let validity = inbox.uid_validity().expect("selected");
    let places: Vec<Place> = (1..=5).map(|uid| Place::Imap { uid_validity: validity, uid }).collect();
    assert_eq!(all.iter().map(|listed| listed.place.clone()).collect::<Vec<_>>(), places);
    assert!(all.is_sorted_by_key(|listed| listed.received));
    let later = inbox.list(Some(&Cursor { uid_validity: validity, uid: 3 })).await.expect("listed");
    assert_eq!(later, all[3..]);

    let mails = fetch(&mut inbox, &all, 10_000).await;
    assert_eq!(mails.iter().map(|mail| mail.place.clone()).collect::<Vec<_>>(), places);
    for (n, mail) in (1..).zip(&mails) {
        let bytes = match (&mail.content, n) {
            (Content::TooLarge { head }, 3) => {
                assert_eq!(head.len(), HEAD_SIZE);
                head
            }
            (Content::Whole(bytes), 1 | 2 | 4 | 5) => {
                assert_eq!(bytes.len() as u64, mail.size);
                bytes
            }
            (content, _) => panic!("{n}: {content:?}"),
        };
        assert!(String::from_utf8_lossy(bytes).contains(&format!("Subject: brief {n}\r\n")));
    }

    let large = fetch(&mut inbox, &all[2..3], 1_000_000).await.remove(0);
    assert!(
        matches!(&large.content, Content::Whole(bytes) if bytes.len() as u64 == all[2].size),
        "{}",
        large.place
    );

    let mut moves: Vec<_> = places.iter().map(|place| (place.clone(), Folder::Processed)).collect();
    moves[4].1 = Folder::Quarantine;
    inbox.file_away(&moves).await.expect("moved");
    inbox.file_away(&moves).await.expect("moved already");
    assert_eq!(list(&mut inbox).await, []);
    assert!(fetch(&mut inbox, &all, 10_000).await.iter().all(|mail| mail.content == Content::Gone));
    inbox.close().await;
    assert_eq!(count(&host, DIRECTIE, "Klachten/Verwerkt – ü").await, 4);
    assert_eq!(count(&host, DIRECTIE, "A/B").await, 1);
    opened(nested).await.close().await; // the folders are there already
}

#[tokio::test]
async fn a_poorer_server_is_emptied_by_copy() {
    let Some(host) = Mailhost::start(&["--mta", "none", "--dovecot", "imap_capability = IMAP4rev1"]) else {
        return;
    };
    let mut inbox =
        opened(ImapSettings { poll: Duration::from_millis(10), ..settings(&host, COMPLAINTS) }).await;
    inbox.wait().await.expect("polled");
    for n in 1..=3 {
        host.deliver(COMPLAINTS.0, &letter(&format!("brief {n}"), "hallo"));
    }
    let all = list(&mut inbox).await;
    assert_eq!(all.len(), 3);
    let moves: Vec<_> = all[..2].iter().map(|listed| (listed.place.clone(), Folder::Processed)).collect();
    inbox.file_away(&moves).await.expect("moved");
    assert_eq!(list(&mut inbox).await, all[2..]);
    inbox.close().await;
    assert_eq!(count(&host, COMPLAINTS, "Verwerkt").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_wakes_on_delivery() {
    let Some(host) = Mailhost::start(&["--mta", "none"]) else { return };
    let mut inbox = opened(settings(&host, CUSTOMER1)).await;
    assert_eq!(list(&mut inbox).await, []);
    let delivery =
        async { tokio::task::block_in_place(|| host.deliver(CUSTOMER1.0, &letter("brief", "hallo"))) };
    let woken = async { tokio::time::timeout(Duration::from_secs(30), inbox.wait()).await };
    let (woken, ()) = tokio::join!(woken, delivery);
    woken.expect("long before poll").expect("woken");
    assert_eq!(list(&mut inbox).await.len(), 1);
    inbox.close().await;
}

#[tokio::test]
async fn a_server_that_went_and_came_back_is_noticed() {
    let Some(host) = Mailhost::start(&["--mta", "none"]) else { return };
    let mut inbox = opened(settings(&host, DIRECTIE)).await;
    host.deliver(DIRECTIE.0, &letter("brief", "hallo"));
    let before = list(&mut inbox).await;
    host.run("stop", &["imap"]);
    assert!(matches!(inbox.wait().await, Err(SourceError::Away(_))));
    assert!(!inbox.is_open());
    assert!(matches!(inbox.open().await, Err(SourceError::Away(_))));
    host.run("start", &["imap"]);
    inbox.open().await.expect("open again");
    assert_eq!(list(&mut inbox).await, before);
    inbox.close().await;
}

#[tokio::test]
async fn many_letters_are_fetched_and_moved_in_sets() {
    const MANY: usize = 1_203;
    let Some(host) = Mailhost::start(&["--mta", "none"]) else { return };
    let mut inbox = opened(settings(&host, DIRECTIE)).await;
    let new = host.path("mail/omnistock.test/directie/Maildir/new");
    for n in 0..MANY {
        std::fs::write(new.join(format!("1763702506.M{n}.host")), letter(&n.to_string(), "hallo"))
            .expect("written");
    }
    let all = list(&mut inbox).await;
    assert_eq!(all.len(), MANY);
    assert_eq!(fetch(&mut inbox, &all, 10_000).await.len(), MANY);
    let moves: Vec<_> = all.iter().map(|listed| (listed.place.clone(), Folder::Processed)).collect();
    inbox.file_away(&moves).await.expect("moved");
    assert_eq!(list(&mut inbox).await, []);
    inbox.close().await;
    assert_eq!(count(&host, DIRECTIE, "Verwerkt").await, MANY);
}
