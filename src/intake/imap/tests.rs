//! Against a scripted server: what a real one does only on its bad days.

mod bounds;
mod waiting;

use std::future::Future;

use jiff::Timestamp;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;
use crate::intake::source::Folder;

/// The server's end of the one connection.
struct Peer {
    stream: BufReader<TcpStream>,
    tag: String,
}

impl Peer {
    /// Sends `text`, in which `TAG` stands for the tag of the last command.
    async fn say(&mut self, text: &str) {
        let text = text.replace("TAG", &self.tag).replace('\n', "\r\n");
        self.stream.get_mut().write_all(text.as_bytes()).await.expect("sent");
    }

    /// Reads a command, which must be `command`.
    async fn hear(&mut self, command: &str) {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.expect("read");
        let (tag, rest) = line.trim_end().split_once(' ').unwrap_or(("", line.trim_end()));
        assert_eq!(rest, command);
        self.tag = tag.to_owned();
    }

    async fn exchange(&mut self, command: &str, answer: &str) {
        self.hear(command).await;
        self.say(answer).await;
    }

    async fn greet_and_log_in(&mut self, capabilities: &str) {
        self.say("* OK ready\n").await;
        self.exchange(r#"LOGIN "u" "p\"w""#, "TAG OK in\n").await;
        self.exchange("CAPABILITY", &format!("* CAPABILITY IMAP4rev1 {capabilities}\nTAG OK\n")).await;
        self.exchange(r#"LIST "" """#, "* LIST (\\Noselect) \".\" \"\"\nTAG OK\n").await;
    }

    async fn open(&mut self, capabilities: &str) {
        self.greet_and_log_in(capabilities).await;
        let selected = "* 2 EXISTS\n* OK [UIDVALIDITY 7] ok\n* OK [UIDNEXT 9] ok\nTAG OK [READ-WRITE] done\n";
        self.exchange(r#"SELECT "INBOX""#, selected).await;
    }
}

fn settings(port: u16) -> ImapSettings {
    ImapSettings {
        host: "127.0.0.1".into(),
        port,
        tls: TlsMode::None,
        ca: None,
        user: "u".into(),
        password: "p\"w".into(),
        folder: "INBOX".into(),
        processed: "Klaar/2026".into(),
        quarantine: "Apart".into(),
        poll: Duration::from_mins(1),
        timeout: Duration::from_secs(10),
    }
}

/// A server that follows `script`, and a source that would talk to it. The task must be awaited: it checks.
async fn scripted<F, S>(script: S) -> (ImapSettings, JoinHandle<()>)
where
    S: FnOnce(Peer) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        script(Peer { stream: BufReader::new(stream), tag: String::new() }).await;
    });
    (settings(port), server)
}

async fn opened<F, S>(capabilities: &'static str, script: S) -> (ImapSource, JoinHandle<()>)
where
    S: FnOnce(Peer) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let (settings, server) = scripted(move |mut peer| async move {
        peer.open(capabilities).await;
        script(peer).await;
    })
    .await;
    let mut source = ImapSource::new(settings).expect("allowed");
    source.open().await.expect("open");
    assert!(source.is_open());
    assert_eq!(source.uid_validity(), Some(7));
    (source, server)
}

fn place(uid: u32) -> Place {
    Place::Imap { uid_validity: 7, uid }
}

fn listed(uid: u32, size: u64) -> Listed {
    Listed { place: place(uid), size, received: Some(Timestamp::UNIX_EPOCH) }
}

/// What came through the channel, by UID.
async fn fetched(
    source: &mut ImapSource,
    wanted: &[Listed],
    limit: u64,
) -> (Result<(), SourceError>, Vec<(Place, Content)>) {
    let (out, mut mails) = mpsc::channel(16);
    let result = source.fetch(wanted, limit, &out).await;
    drop(out);
    let mut got = Vec::new();
    while let Some(mail) = mails.recv().await {
        got.push((mail.place, mail.content));
    }
    (result, got)
}

fn whole(uid: u32, text: &str) -> (Place, Content) {
    (place(uid), Content::Whole(text.as_bytes().to_vec()))
}

fn is_away<T: std::fmt::Debug>(result: &Result<T, SourceError>, words: &str) {
    assert!(matches!(result, Err(SourceError::Away(text)) if text.contains(words)), "{result:?}");
}

fn is_refused<T: std::fmt::Debug>(result: &Result<T, SourceError>, words: &str) {
    assert!(matches!(result, Err(SourceError::Refused(text)) if text.contains(words)), "{result:?}");
}

#[test]
fn plain_text_to_another_machine_is_refused_at_once() {
    let elsewhere = ImapSettings { host: "imap.klant.test".into(), ..settings(143) };
    assert!(ImapSource::new(elsewhere).is_err());
    assert!(!format!("{:?}", settings(143)).contains("p\\\"w"), "the password shows");
}

#[tokio::test]
async fn to_look_a_folder_is_examined_and_none_is_made() {
    let (settings, server) = scripted(|mut peer| async move {
        peer.greet_and_log_in("IDLE MOVE").await;
        let examined = "* 2 EXISTS\n* OK [UIDVALIDITY 7] ok\nTAG OK [READ-ONLY] done\n";
        peer.exchange(r#"EXAMINE "INBOX""#, examined).await;
    })
    .await;
    let mut source = ImapSource::new(settings).expect("allowed");
    source.open_to_look().await.expect("open");
    assert_eq!(source.uid_validity(), Some(7));
    server.await.expect("as scripted");
}

#[tokio::test]
async fn greetings_that_are_no_welcome() {
    for (greeting, away) in
        [("* BYE too many connections\n", true), ("", true), ("* PREAUTH hello root\n", false)]
    {
        for tls in [TlsMode::None, TlsMode::StartTls] {
            let (mut settings, server) =
                scripted(move |mut peer| async move { peer.say(greeting).await }).await;
            settings.tls = tls;
            let mut source = ImapSource::new(settings).expect("allowed");
            let result = source.open().await;
            assert!(!source.is_open());
            if away {
                is_away(&result, "");
            } else {
                is_refused(&result, "logged in before");
            }
            server.await.expect("server");
        }
    }
}

#[tokio::test]
async fn a_login_is_refused_or_put_off() {
    let answers = [("[AUTHENTICATIONFAILED] no", true), ("[UNAVAILABLE] later", false)];
    for (answer, refused) in answers {
        let (settings, server) = scripted(move |mut peer| async move {
            peer.say("* OK ready\n").await;
            peer.exchange(r#"LOGIN "u" "p\"w""#, &format!("TAG NO {answer}\n")).await;
        })
        .await;
        let result = ImapSource::new(settings).expect("allowed").open().await;
        if refused {
            is_refused(&result, "login refused");
        } else {
            is_away(&result, "later");
        }
        assert!(!format!("{result:?}").contains("p\\\"w"));
        server.await.expect("server");
    }
}

#[tokio::test]
async fn starttls_is_never_left_out() {
    for answer in ["TAG NO not today\n", "TAG BAD what?\n", "* CAPABILITY IMAP4rev1\nTAG NO no\n"] {
        let (mut settings, server) = scripted(move |mut peer| async move {
            peer.say("* OK [CAPABILITY IMAP4rev1] ready\n").await;
            peer.exchange("STARTTLS", answer).await;
            let mut rest = String::new();
            peer.stream.read_line(&mut rest).await.expect("closed");
            assert_eq!(rest, "", "nothing may follow in plain text");
        })
        .await;
        settings.tls = TlsMode::StartTls;
        is_refused(&ImapSource::new(settings).expect("allowed").open().await, "STARTTLS");
        server.await.expect("server");
    }
}

#[tokio::test]
async fn what_was_said_before_tls_is_not_taken_for_after_it() {
    let (mut settings, server) = scripted(|mut peer| async move {
        peer.say("* OK ready\n").await;
        peer.exchange("STARTTLS", "TAG OK go\n* OK injected\nA0001 OK injected\n").await;
        let mut rest = Vec::new();
        peer.stream.read_until(b'\n', &mut rest).await.ok();
    })
    .await;
    settings.tls = TlsMode::StartTls;
    is_away(&ImapSource::new(settings).expect("allowed").open().await, "");
    server.await.expect("server");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_refused() {
    let (mut source, server) = opened("", |mut peer| async move {
        peer.exchange(r#"STATUS "Klaar.2026" (UIDVALIDITY)"#, "TAG NO none\n").await;
        peer.exchange(r#"CREATE "Klaar.2026""#, "TAG NO [NOPERM] not yours\n").await;
        peer.exchange(r#"STATUS "Klaar.2026" (UIDVALIDITY)"#, "TAG NO none\n").await;
    })
    .await;
    is_refused(&source.make_folders().await, "not yours");
    assert!(source.is_open(), "letters can be taken in");
    server.await.expect("server");
}

const LIST_ALL: &str = "* 1 FETCH (UID 3 RFC822.SIZE 10 INTERNALDATE \" 1-Mar-2026 09:00:00 +0100\")\n\
                        * 2 FETCH (INTERNALDATE \"21-Nov-2026 08:15:00 +0000\" RFC822.SIZE 20 UID 8)\nTAG OK\n";

#[tokio::test]
async fn a_list_goes_on_from_its_cursor_under_the_same_uidvalidity_alone() {
    let (mut source, server) = opened("", |mut peer| async move {
        for first in [1, 1, 9] {
            peer.exchange("NOOP", "* 2 EXISTS\nTAG OK\n").await;
            let command = format!("UID FETCH {first}:* (UID RFC822.SIZE INTERNALDATE)");
            peer.exchange(&command, &format!("* 1 FETCH (UID 3 FLAGS (\\Seen))\n{LIST_ALL}")).await;
        }
    })
    .await;
    let all = source.list(None).await.expect("listed");
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    assert_eq!(
        all,
        [
            Listed { place: place(3), size: 10, received: Some(at("2026-03-01T08:00:00Z")) },
            Listed { place: place(8), size: 20, received: Some(at("2026-11-21T08:15:00Z")) },
        ]
    );
    let stale = Cursor { uid_validity: 6, uid: 8 };
    assert_eq!(source.list(Some(&stale)).await.expect("listed"), all);
    let here = Cursor { uid_validity: 7, uid: 8 };
    assert_eq!(source.list(Some(&here)).await.expect("listed"), [], "9:* brings the last message, 8");
    let last = Cursor { uid_validity: 7, uid: u32::MAX };
    assert_eq!(source.list(Some(&last)).await.expect("listed"), []);
    server.await.expect("server");
}

#[tokio::test]
async fn a_fetch_that_ends_early_is_not_taken_for_whole() {
    let first = "* 1 FETCH (UID 3 BODY[] {3}\nabc)\n";
    let ends = [("* BYE shutting down\n", "BYE"), ("", "closed"), ("* 2 FETCH (UID 4 BODY[] {10}\nab", "")];
    for (end, words) in ends {
        let (mut source, server) = opened("", move |mut peer| async move {
            peer.exchange("UID FETCH 3:4 (UID BODY.PEEK[])", &format!("{first}{end}")).await;
        })
        .await;
        let (result, got) = fetched(&mut source, &[listed(3, 3), listed(4, 10)], 100).await;
        let Err(SourceError::Odd { place: at, why, passing: true }) = result else { panic!("{result:?}") };
        assert_eq!(at, place(4), "the network may be at fault, or the first that did not come");
        assert!(why.contains(words), "{why}");
        assert_eq!(got, [whole(3, "abc")]);
        assert!(!source.is_open());
        server.await.expect("server");
    }
}

#[tokio::test]
async fn what_came_whole_before_the_server_hung_up_has_come() {
    let (mut source, server) = opened("", |mut peer| async move {
        let answer = "* 1 FETCH (UID 3 BODY[] {3}\nabc)\n* BYE internal error\n";
        peer.exchange("UID FETCH 3 (UID BODY.PEEK[])", answer).await;
    })
    .await;
    assert_eq!(fetched(&mut source, &[listed(3, 3)], 10).await, (Ok(()), vec![whole(3, "abc")]));
    assert!(!source.is_open(), "else the same letter would be fetched for ever");
    server.await.expect("server");
}

#[tokio::test]
async fn a_message_without_a_date_or_size_hides_no_other() {
    let (mut source, server) = opened("", |mut peer| async move {
        peer.exchange("NOOP", "TAG OK\n").await;
        let undated = "* 3 FETCH (UID 9 RFC822.SIZE 5 INTERNALDATE \"31-Feb-0000 25:61:61 +0000\")\n";
        let sizeless = "* 4 FETCH (UID 10 INTERNALDATE \"21-Nov-2026 08:15:00 +0000\")\n";
        peer.exchange(
            "UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)",
            &format!("{undated}{sizeless}{LIST_ALL}"),
        )
        .await;
    })
    .await;
    let all = source.list(None).await.expect("listed");
    let seen: Vec<_> = all.iter().map(|l| (l.place.clone(), l.size, l.received.is_some())).collect();
    assert_eq!(
        seen,
        [(place(3), 10, true), (place(8), 20, true), (place(9), 5, false), (place(10), 0, true)]
    );
    server.await.expect("server");
}

#[tokio::test]
async fn a_fetch_that_is_refused_names_the_message() {
    let (mut source, server) = opened("", |mut peer| async move {
        let answer = "* 1 FETCH (UID 3 BODY[] {3}\nabc)\nTAG NO can't read 4\n";
        peer.exchange("UID FETCH 3:5 (UID BODY.PEEK[])", answer).await;
        peer.exchange("NOOP", "TAG OK\n").await;
        peer.exchange("UID FETCH 4:5 (UID)", "* 2 FETCH (UID 4)\nTAG OK\n").await;
    })
    .await;
    let (result, got) = fetched(&mut source, &[listed(3, 3), listed(4, 3), listed(5, 3)], 100).await;
    assert_eq!(result, Err(SourceError::Odd { place: place(4), why: "can't read 4".into(), passing: false }));
    assert_eq!(got, [whole(3, "abc"), (place(5), Content::Gone)]);
    assert!(source.is_open(), "the server only said no");
    server.await.expect("server");
}

#[tokio::test]
async fn sizes_decide_what_is_fetched_and_nothing_is_gone_without_a_word() {
    let (mut source, server) = opened("", |mut peer| async move {
        peer.exchange(
            "UID FETCH 3:4 (UID BODY.PEEK[])",
            "* 1 FETCH (FLAGS (\\Seen) UID 3)\n* 1 FETCH (UID 3 BODY[] {3}\nabc)\n* 2 FETCH (UID 4 BODY[] NIL)\nTAG OK\n",
        )
        .await;
        peer.exchange("UID FETCH 5 (UID BODY.PEEK[]<0.65536>)", "* 3 FETCH (UID 5 BODY[]<0> {2}\nhe)\nTAG OK\n").await;
        peer.exchange("UID FETCH 6 (UID BODY.PEEK[])", "* 4 FETCH (UID 6 BODY[] {12}\nmore than 10)\nTAG OK\n").await;
    })
    .await;
    let elsewhere = Listed { place: Place::Imap { uid_validity: 6, uid: 3 }, ..listed(3, 3) };
    let wanted = [listed(3, 3), listed(4, 3), listed(5, 11), listed(6, 9), elsewhere.clone()];
    let (result, got) = fetched(&mut source, &wanted, 10).await;
    assert_eq!(result, Ok(()));
    let head = |text: &str| Content::TooLarge { head: text.into() };
    assert_eq!(
        got,
        [
            whole(3, "abc"),
            (place(4), Content::Gone),
            (place(5), head("he")),
            (elsewhere.place, Content::Gone),
            (place(6), head("more than 10")),
        ]
    );
    server.await.expect("server");
}

#[tokio::test]
async fn what_cannot_be_read_is_odd_and_is_not_repeated() {
    let (mut source, server) = opened("", |mut peer| async move {
        peer.exchange("UID FETCH 3 (UID BODY.PEEK[])", "* 1 FETCH (UID 3 SECRET-WORDS\n* \u{1}\n").await;
        let mut rest = String::new();
        peer.stream.read_line(&mut rest).await.ok();
    })
    .await;
    let (result, _) = fetched(&mut source, &[listed(3, 3)], 10).await;
    assert!(matches!(&result, Err(SourceError::Odd { place: at, .. }) if *at == place(3)), "{result:?}");
    assert!(!format!("{result:?}").contains("SECRET-WORDS"));
    server.await.expect("server");
}

#[tokio::test]
async fn a_silent_server_is_left() {
    let (settings, server) = scripted(|mut peer| async move {
        peer.open("").await;
        peer.hear("NOOP").await;
        let mut rest = String::new();
        peer.stream.read_line(&mut rest).await.ok();
        assert_eq!(rest, "", "the connection is dropped, not used again");
    })
    .await;
    let mut source =
        ImapSource::new(ImapSettings { timeout: Duration::from_secs(1), ..settings }).expect("allowed");
    source.open().await.expect("open");
    is_away(&source.list(None).await, "no answer within 1s");
    assert!(!source.is_open());
    is_away(&source.list(None).await, "not connected");
    server.await.expect("server");
}

#[tokio::test]
async fn a_set_is_moved_in_one_command_and_into_a_folder_made_again() {
    let (mut source, server) = opened("MOVE UIDPLUS", |mut peer| async move {
        let answer = "* OK [COPYUID 3 1:3 4:6] moved\n* 1 EXPUNGE\n* 1 EXPUNGE\nTAG OK\n";
        peer.exchange(r#"UID MOVE 1:2,9 "Klaar.2026""#, answer).await;
        peer.exchange(r#"UID MOVE 4 "Apart""#, "TAG NO [TRYCREATE] no such folder\n").await;
        peer.exchange(r#"STATUS "Apart" (UIDVALIDITY)"#, "TAG NO none\n").await;
        peer.exchange(r#"CREATE "Apart""#, "TAG OK\n").await;
        peer.exchange(r#"STATUS "Apart" (UIDVALIDITY)"#, "TAG OK\n").await;
        peer.exchange(r#"SUBSCRIBE "Apart""#, "TAG NO unknown\n").await;
        peer.exchange(r#"UID MOVE 4 "Apart""#, "TAG OK\n").await;
        peer.exchange(r#"UID MOVE 1 "Klaar.2026""#, "TAG NO [OVERQUOTA] full\n").await;
    })
    .await;
    let foreign = (Place::Imap { uid_validity: 6, uid: 5 }, Folder::Processed);
    let moves = [9, 1, 2].map(|uid| (place(uid), Folder::Processed));
    let moves = [moves.as_slice(), &[(place(4), Folder::Quarantine), foreign]].concat();
    source.file_away(&moves).await.expect("moved");
    is_refused(&source.file_away(&[(place(1), Folder::Processed)]).await, "full");
    assert!(source.is_open());
    server.await.expect("server");
}

#[tokio::test]
async fn without_uidplus_nobody_elses_deleted_messages_are_expunged() {
    let (mut source, server) = opened("", |mut peer| async move {
        peer.exchange(r#"UID COPY 1 "Klaar.2026""#, "TAG OK\n").await;
        peer.exchange(r"UID STORE 1 +FLAGS.SILENT (\Deleted)", "TAG OK\n").await;
        peer.exchange("UID SEARCH 1:* DELETED", "* SEARCH 1 5\nTAG OK\n").await;
        // shown again by the next list, it is not copied again
        peer.exchange(r"UID STORE 1 +FLAGS.SILENT (\Deleted)", "TAG OK\n").await;
        peer.exchange("UID SEARCH 1:* DELETED", "* SEARCH 1 5\nTAG OK\n").await;
        // the person's own is gone now, ours of the last time is not
        peer.exchange(r#"UID COPY 2 "Klaar.2026""#, "TAG OK\n").await;
        peer.exchange(r"UID STORE 2 +FLAGS.SILENT (\Deleted)", "TAG OK\n").await;
        peer.exchange("UID SEARCH 1:* DELETED", "* SEARCH 1 2\nTAG OK\n").await;
        peer.exchange("EXPUNGE", "* 1 EXPUNGE\n* 1 EXPUNGE\nTAG OK\n").await;
        peer.exchange("LOGOUT", "* BYE bye\nTAG OK\n").await;
    })
    .await;
    for uid in [1, 1, 2] {
        source.file_away(&[(place(uid), Folder::Processed)]).await.expect("moved");
    }
    source.close().await;
    server.await.expect("server");
}

#[tokio::test]
async fn with_uidplus_exactly_ours_are_expunged() {
    let (mut source, server) = opened("UIDPLUS", |mut peer| async move {
        peer.exchange(r#"UID COPY 1:2 "Klaar.2026""#, "TAG OK\n").await;
        peer.exchange(r"UID STORE 1:2 +FLAGS.SILENT (\Deleted)", "TAG OK\n").await;
        peer.exchange("UID EXPUNGE 1:2", "TAG OK\n").await;
        peer.exchange(r#"UID COPY 3 "Klaar.2026""#, "TAG OK\n").await;
        peer.exchange(r"UID STORE 3 +FLAGS.SILENT (\Deleted)", "TAG NO read-only\n").await;
    })
    .await;
    source.file_away(&[1, 2].map(|uid| (place(uid), Folder::Processed))).await.expect("moved");
    is_refused(&source.file_away(&[(place(3), Folder::Processed)]).await, "read-only");
    server.await.expect("server");
}

#[tokio::test]
async fn what_was_copied_is_not_copied_again() {
    for uidplus in ["", "UIDPLUS"] {
        let (mut source, server) = opened(uidplus, move |mut peer| async move {
            let ends = [r"UID STORE 1 +FLAGS.SILENT (\Deleted)", "UID EXPUNGE 1"];
            peer.exchange(r#"UID COPY 1 "Klaar.2026""#, "TAG OK\n").await;
            for refused in 0..2 {
                for (n, command) in ends.iter().enumerate() {
                    if n == 1 && uidplus.is_empty() {
                        peer.exchange("UID SEARCH 1:* DELETED", "* SEARCH 1\nTAG OK\n").await;
                        peer.exchange("EXPUNGE", "TAG NO [NOPERM] no\n").await;
                    } else {
                        peer.exchange(
                            command,
                            if n == refused { "TAG NO [NOPERM] no\n" } else { "TAG OK\n" },
                        )
                        .await;
                    }
                    if n == refused {
                        break;
                    }
                }
            }
            // gone at last: it need not be remembered
            peer.exchange("NOOP", "TAG OK\n").await;
            peer.exchange("UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)", LIST_ALL).await;
        })
        .await;
        for _ in 0..2 {
            is_refused(&source.file_away(&[(place(1), Folder::Processed)]).await, "[NOPERM] no");
            assert_eq!(source.copied, BTreeSet::from([1]));
        }
        source.list(None).await.expect("listed");
        assert_eq!(source.copied, BTreeSet::new());
        server.await.expect("server");
    }
}

#[tokio::test]
async fn what_is_refused_for_some_is_tried_for_the_others() {
    let (mut source, server) = opened("MOVE", |mut peer| async move {
        peer.exchange(r#"UID MOVE 1 "Klaar.2026""#, "TAG NO [OVERQUOTA] full\n").await;
        peer.exchange(r#"UID MOVE 2 "Apart""#, "TAG NO [NOPERM] not yours\n").await;
        // and no further when the connection is gone
        peer.exchange(r#"UID MOVE 1 "Klaar.2026""#, "* BYE\n").await;
    })
    .await;
    let moves = [(place(1), Folder::Processed), (place(2), Folder::Quarantine)];
    is_refused(&source.file_away(&moves).await, "full");
    is_away(&source.file_away(&moves).await, "BYE");
    server.await.expect("server");
}

#[tokio::test]
async fn others_marks_are_looked_for_in_pages() {
    let (mut source, server) = opened("", |mut peer| async move {
        peer.exchange(r#"UID COPY 1 "Klaar.2026""#, "* 120 EXISTS\nTAG OK\n").await;
        for (others, pages) in [("", 3), ("* SEARCH 1\n", 3), ("* SEARCH 8 1\n", 1)] {
            peer.exchange(r"UID STORE 1 +FLAGS.SILENT (\Deleted)", "TAG OK\n").await;
            for page in ["1:50", "51:100", "101:*"].iter().take(pages) {
                peer.exchange(&format!("UID SEARCH {page} DELETED"), &format!("{others}TAG OK\n")).await;
            }
            if pages == 3 {
                peer.exchange("EXPUNGE", "TAG OK\n").await;
            }
        }
    })
    .await;
    for _ in 0..3 {
        source.file_away(&[(place(1), Folder::Processed)]).await.expect("filed");
    }
    server.await.expect("server");
}

#[tokio::test]
async fn a_caller_who_takes_no_more_ends_the_fetch() {
    let (mut source, server) = opened("", |mut peer| async move {
        peer.exchange("UID FETCH 3 (UID BODY.PEEK[])", "* 1 FETCH (UID 3 BODY[] {3}\nabc)\nTAG OK\n").await;
    })
    .await;
    let (out, mails) = mpsc::channel(1);
    drop(mails);
    assert_eq!(source.fetch(&[listed(3, 3)], 10, &out).await, Err(SourceError::Stopped));
    assert!(!source.is_open());
    server.await.expect("server");
}
