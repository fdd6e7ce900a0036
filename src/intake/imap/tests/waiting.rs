//! Waiting with IDLE.

use super::*;

#[tokio::test]
async fn idle_wakes_and_is_never_slept_through() {
    let (mut source, server) = opened("IDLE", |mut peer| async move {
        peer.exchange("NOOP", "TAG OK\n").await;
        peer.exchange("UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)", "* 2 EXISTS\nTAG OK\n").await; // no news
        // announced after the continuation
        peer.exchange("IDLE", "+ idling\n").await;
        let idle = peer.tag.clone();
        peer.say("* OK Still here\n* 3 EXISTS\n").await;
        peer.hear_done(&idle, "TAG OK\n").await;
        // announced before it
        peer.exchange("IDLE", "* 4 EXISTS\n+ idling\n").await;
        let idle = peer.tag.clone();
        peer.hear_done(&idle, "* 5 EXISTS\nTAG OK\n").await;
        // the third came with the end of the second: no IDLE at all
    })
    .await;
    source.list(None).await.expect("listed");
    source.wait().await.expect("woken");
    source.list_is_due();
    source.wait().await.expect("woken");
    source.wait().await.expect("woken");
    assert!(source.is_open());
    server.await.expect("server");
}

#[tokio::test]
async fn an_idle_that_breaks_is_noticed() {
    for (end, words) in [("* BYE going down\n", "BYE"), ("", "closed")] {
        let (mut source, server) = opened("IDLE", move |mut peer| async move {
            peer.exchange("NOOP", "TAG OK\n").await;
            peer.exchange("UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)", "TAG OK\n").await;
            peer.exchange("IDLE", &format!("+ idling\n{end}")).await;
        })
        .await;
        source.list(None).await.expect("listed");
        is_away(&source.wait().await, words);
        assert!(!source.is_open());
        server.await.expect("server");
    }
}

#[tokio::test]
async fn an_idle_that_the_server_ends_at_once_is_no_reason_to_ask_again_at_once() {
    for early in ["TAG OK enough\n", "+ idling\nTAG OK enough\n"] {
        let (mut source, server) = opened("IDLE", move |mut peer| async move {
            peer.exchange("NOOP", "TAG OK\n").await;
            peer.exchange("UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)", "TAG OK\n").await;
            peer.exchange("IDLE", early).await;
            peer.exchange("NOOP", "TAG OK\n").await;
            peer.exchange("UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)", "TAG OK\n").await;
            peer.exchange("IDLE", "* 3 EXISTS\nTAG OK enough\n").await;
        })
        .await;
        source.list(None).await.expect("listed");
        let short = Duration::from_millis(500);
        assert!(tokio::time::timeout(short, source.wait()).await.is_err(), "{early}");
        assert!(source.is_open());
        source.list(None).await.expect("listed");
        source.wait().await.expect("woken by what was announced before the end");
        server.await.expect("server");
    }
}

#[tokio::test]
async fn an_idle_whose_renewal_is_not_answered_is_left() {
    let (settings, server) = scripted(|mut peer| async move {
        peer.open("IDLE").await;
        peer.exchange("NOOP", "TAG OK\n").await;
        peer.exchange("UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)", "TAG OK\n").await;
        peer.exchange("IDLE", "+ idling\n").await;
        let mut rest = String::new();
        while peer.stream.read_line(&mut rest).await.is_ok_and(|n| n > 0) {}
        assert_eq!(rest, "DONE\r\n");
    })
    .await;
    let short = Duration::from_secs(1);
    let mut source =
        ImapSource::new(ImapSettings { timeout: short, poll: short, ..settings }).expect("allowed");
    source.open().await.expect("open");
    source.list(None).await.expect("listed");
    is_away(&source.wait().await, "no answer");
    assert!(!source.is_open());
    server.await.expect("server");
}

#[tokio::test]
async fn a_wait_may_be_given_up_and_other_commands_not() {
    let (mut source, server) = opened("IDLE MOVE", |mut peer| async move {
        peer.exchange("NOOP", "TAG OK\n").await;
        peer.exchange("UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)", "TAG OK\n").await;
        peer.exchange("IDLE", "+ idling\n").await;
        let idle = peer.tag.clone();
        peer.hear_done(&idle, "TAG OK\n").await;
        peer.exchange(r#"UID MOVE 3 "Apart""#, "TAG OK\n").await;
        peer.hear("NOOP").await;
        let mut rest = String::new();
        peer.stream.read_line(&mut rest).await.ok();
        assert_eq!(rest, "");
    })
    .await;
    source.list(None).await.expect("listed");
    let short = Duration::from_secs(1); // time enough for the IDLE to begin
    assert!(tokio::time::timeout(short, source.wait()).await.is_err());
    assert!(source.is_open());
    source.file_away(&[(place(3), Folder::Quarantine)]).await.expect("moved");
    assert!(tokio::time::timeout(short, source.list(None)).await.is_err());
    assert!(!source.is_open());
    is_away(&source.list(None).await, "not connected");
    server.await.expect("server");
}

impl Peer {
    /// Reads DONE, and answers the IDLE of tag `idle`.
    async fn hear_done(&mut self, idle: &str, answer: &str) {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.expect("read");
        assert_eq!(line, "DONE\r\n");
        idle.clone_into(&mut self.tag);
        self.say(answer).await;
    }
}

impl ImapSource {
    /// As a list would: what was announced so far is known.
    fn list_is_due(&mut self) {
        self.wire.as_mut().expect("open").take_news();
    }
}
