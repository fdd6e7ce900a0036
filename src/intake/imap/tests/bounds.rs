//! What a broken or hostile server may say without end, and how much of it is heard.

use super::*;

#[tokio::test]
async fn an_answer_beyond_its_bound_is_refused_on_announcement() {
    let (mut source, server) = opened("", |mut peer| async move {
        peer.exchange("UID FETCH 3 (UID BODY.PEEK[])", "* 1 FETCH (UID 3 BODY[] {419430400}\n").await;
        let mut rest = String::new();
        peer.stream.read_line(&mut rest).await.ok();
    })
    .await;
    let (result, got) = fetched(&mut source, &[listed(3, 3)], 10).await;
    assert!(matches!(&result, Err(SourceError::Odd { place: at, .. }) if *at == place(3)), "{result:?}");
    assert!(got.is_empty() && !source.is_open());
    server.await.expect("server");
}

#[tokio::test]
async fn an_announcement_hides_behind_no_other() {
    let (mut source, server) = opened("", |mut peer| async move {
        let hidden = "* OK go on {900000}\n* 1 FETCH (UID 3 BODY[] {419430400}\n";
        peer.exchange("UID FETCH 3 (UID BODY.PEEK[])", hidden).await;
        let mut rest = String::new();
        peer.stream.read_line(&mut rest).await.ok();
    })
    .await;
    let (result, _) = fetched(&mut source, &[listed(3, 3)], 10).await;
    let Err(SourceError::Odd { why, .. }) = result else { panic!("{result:?}") };
    assert!(why.contains("where there can be none"), "{why}");
    server.await.expect("server");
}

/// What comes of a list when the server says `begin`, and then `text` again and again.
async fn flooded(begin: &'static str, text: &'static str) -> Result<Vec<Listed>, SourceError> {
    let (mut source, server) = opened("", move |mut peer| async move {
        peer.exchange("NOOP", "TAG OK\n").await;
        peer.hear("UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)").await;
        peer.say(begin).await;
        let text = text.repeat(1_000).replace('\n', "\r\n");
        while peer.stream.get_mut().write_all(text.as_bytes()).await.is_ok() {}
    })
    .await;
    let listed = source.list(None).await;
    assert!(!source.is_open(), "what is left unread would be taken for the next answer");
    server.await.expect("server");
    listed
}

#[tokio::test]
async fn answers_without_end_are_left() {
    is_away(&flooded("* OK ", "x").await, &format!("longer than {} bytes", guard::PLAIN_ANSWER));
    is_away(&flooded("", "* 1 FETCH (UID 1 RFC822.SIZE 10)\n").await, "has no end");
    is_away(&flooded("", "* 7 EXISTS\n").await, "has no end");
}

#[tokio::test]
async fn a_line_without_end_before_tls_is_left() {
    for begin in ["", "* OK ready\n"] {
        let (mut settings, server) = scripted(move |mut peer| async move {
            peer.say(begin).await;
            let text = "x".repeat(1_000);
            while peer.stream.get_mut().write_all(text.as_bytes()).await.is_ok() {}
        })
        .await;
        settings.tls = TlsMode::StartTls;
        is_away(&ImapSource::new(settings).expect("allowed").open().await, "is not IMAP");
        server.await.expect("server");
    }
}

#[tokio::test]
async fn a_folder_with_more_than_a_list_holds_is_refused_in_words() {
    for (shown, refused) in [(MOST_LISTED, false), (MOST_LISTED + 1, true)] {
        let (mut source, server) = opened("", move |mut peer| async move {
            peer.exchange("NOOP", "TAG OK\n").await;
            let message = |uid| format!("* {uid} FETCH (UID {uid} RFC822.SIZE 10)\n");
            let messages: Vec<String> = (1..=shown).map(message).collect();
            let answer = messages.concat() + "TAG OK\n";
            peer.exchange("UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)", &answer).await;
        })
        .await;
        let listed = source.list(None).await;
        if refused {
            is_refused(&listed, "more than 1000 messages");
        } else {
            assert_eq!(listed.expect("listed").len(), shown);
        }
        assert!(source.is_open());
        server.await.expect("server");
    }
}

#[tokio::test]
async fn of_what_the_server_names_only_ours_is_kept() {
    let (mut source, server) = opened("", |mut peer| async move {
        peer.exchange("UID FETCH 3 (UID BODY.PEEK[])", "TAG OK\n").await;
        peer.exchange("NOOP", "TAG OK\n").await;
        let others: Vec<String> = (10..1_000).map(|uid| format!("* 9 FETCH (UID {uid})\n")).collect();
        peer.exchange("UID FETCH 3 (UID)", &(others.concat() + "TAG OK\n")).await;
        peer.exchange(r#"UID COPY 1 "Klaar.2026""#, "TAG OK\n").await;
        peer.exchange(r"UID STORE 1 +FLAGS.SILENT (\Deleted)", "TAG OK\n").await;
        peer.exchange("UID SEARCH 1:* DELETED", "* SEARCH 1 5 6\n* SEARCH 7 8\nTAG OK\n").await;
    })
    .await;
    assert_eq!(fetched(&mut source, &[listed(3, 3)], 10).await, (Ok(()), vec![(place(3), Content::Gone)]));
    source.file_away(&[(place(1), Folder::Processed)]).await.expect("moved");
    assert_eq!(source.copied, BTreeSet::from([1]));
    server.await.expect("server");
}
