//! Against a scripted server: what each of its answers, and each of its silences, means for a mail.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

/// A script has a step a line: `> TEXT` is said (`|` ends a line within it), `< WORD` must be how the next command
/// begins, `dot` reads the mail, `hang` says nothing until the client leaves, `endless TEXT` says it until then. At its
/// end the server hangs up.
const HELLO: &str = "> 220 mx ready\n< EHLO\n> 250-mx|250-8BITMIME|250 SMTPUTF8\n";
const BARE: &str = "> 220 mx ready\n< EHLO\n> 250 mx\n";
const ENVELOPE: &str = "< MAIL FROM:\n> 250 ok\n< RCPT TO:\n> 250 ok\n< DATA\n> 354 go\n";
const QUEUED: &str = "dot\n> 250 2.0.0 queued|\n";

async fn follow(script: &str, stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    for step in script.lines() {
        let mut line = String::new();
        match step.split_once(' ').unwrap_or((step, "")) {
            (">", text) => {
                let text = text.trim_end_matches('|').replace('|', "\r\n") + "\r\n";
                stream.get_mut().write_all(text.as_bytes()).await.expect("said");
            }
            ("<", word) => {
                stream.read_line(&mut line).await.expect("heard");
                assert!(line.starts_with(word), "{line:?} instead of {word}");
            }
            ("dot", _) => {
                while line != ".\r\n" {
                    line.clear();
                    assert!(stream.read_line(&mut line).await.expect("heard") > 0, "no final dot");
                }
            }
            ("endless", text) => {
                let text = text.replace('|', "\r\n").repeat(1_000);
                while stream.get_mut().write_all(text.as_bytes()).await.is_ok() {}
            }
            _ => while stream.read_line(&mut line).await.is_ok_and(|n| n > 0) {},
        }
    }
}

/// A server that follows one script a connection, and an outlet to it. The task must be awaited: it checks.
async fn scripted(scripts: &[String], tls: TlsMode, timeout: Duration) -> (SmtpOutlet, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let scripts = scripts.to_vec();
    let server = tokio::spawn(async move {
        for script in scripts {
            let (stream, _) = listener.accept().await.expect("a client");
            follow(&script, stream).await;
        }
    });
    let settings = SmtpSettings {
        host: "127.0.0.1".into(),
        port,
        tls,
        ca: None,
        user: None,
        password: Some("p".into()),
        timeout,
        data_timeout: timeout,
    };
    (SmtpOutlet::new(settings).expect("allowed"), server)
}

fn dispatch(to: &str, body: &str) -> Dispatch {
    let bytes = format!("From: directie@omnistock.test\r\nTo: {to}\r\n\r\n{body}\r\n").into_bytes();
    Dispatch { id: 1, envelope_from: "directie+b1@omnistock.test".into(), to: to.into(), bytes: bytes.into() }
}

fn letter() -> Dispatch {
    dispatch("j.devries@klant.test", "Geachte heer")
}

/// What came of it in one word, and the words that go with it.
fn told(delivery: Delivery) -> (&'static str, String) {
    match delivery {
        Delivery::Accepted { reply } => ("accepted", reply),
        Delivery::Deferred { reply } => ("deferred", reply),
        Delivery::Rejected { reply } => ("rejected", reply),
        Delivery::Away { reason } => ("away", reason),
        Delivery::Unknown { reason } => ("unknown", reason),
        Delivery::NotBegun => ("not begun", String::new()),
    }
}

async fn check(script: String, how: (TlsMode, Duration), mail: &Dispatch, expected: (&str, &str)) {
    let (mut outlet, server) = scripted(std::slice::from_ref(&script), how.0, how.1).await;
    let (fate, words) = told(outlet.send(mail).await);
    assert_eq!(fate, expected.0, "{words}; after\n{script}");
    assert!(words.contains(expected.1), "{words:?} lacks {:?}; after\n{script}", expected.1);
    drop(outlet);
    server.await.expect("the server's end");
}

/// Longer than any step takes on a busy machine.
const PATIENT: (TlsMode, Duration) = (TlsMode::None, Duration::from_secs(30));

#[tokio::test]
async fn every_answer_is_a_verdict_or_none() {
    let dialogue = |steps: &str| format!("{HELLO}{steps}");
    let after_dot = |answer: &str| format!("{HELLO}{ENVELOPE}dot\n{answer}");
    let cases = [
        (dialogue(&format!("{ENVELOPE}{QUEUED}")), ("accepted", "250 2.0.0 queued")),
        // at the door: nothing was said about the mail
        ("> 421 4.3.2 busy\n".into(), ("away", "421 4.3.2 busy")),
        ("> 554 5.7.1 not you\n".into(), ("away", "554 5.7.1 not you")),
        ("> SSH-2.0-OpenSSH_9.2\n".into(), ("away", "")),
        (String::new(), ("away", "")),
        ("> 220 mx ready\n< EHLO\n> 502 what\n".into(), ("away", "502")),
        // before the final dot
        (dialogue("< MAIL\n> 421 4.3.2 closing\n"), ("away", "421 4.3.2 closing")),
        (dialogue("< MAIL\n> 451 4.7.1 greylisted\n"), ("deferred", "451 4.7.1 greylisted")),
        (dialogue("< MAIL\n> 250 ok\n< RCPT\n> 450 4.2.0 later\n"), ("deferred", "450 4.2.0 later")),
        (
            dialogue("< MAIL\n> 250 ok\n< RCPT\n> 550-5.1.1 no|550 such user\n"),
            ("rejected", "550 5.1.1 no such user"),
        ),
        (dialogue("< MAIL\n> 250 ok\n< RCPT\n"), ("away", "")),
        (
            dialogue("< MAIL\n> 250 ok\n< RCPT\n> 250 ok\n< DATA\n> 452 4.3.1 full\n"),
            ("deferred", "452 4.3.1 full"),
        ),
        (
            dialogue("< MAIL\n> 250 ok\n< RCPT\n> 250 ok\n< DATA\n> 250 what\n"),
            ("away", "unexpected answer: 250"),
        ),
        // after it
        (after_dot("> 451 4.3.0 try again\n"), ("deferred", "451 4.3.0 try again")),
        (after_dot("> 552 5.2.2 mailbox full\n"), ("rejected", "552 5.2.2 mailbox full")),
        (after_dot(""), ("unknown", "")),
        (after_dot("> 354 go on\n"), ("unknown", "unexpected answer: 354")),
        (after_dot("> what was that?\n"), ("unknown", "")),
    ];
    for (script, expected) in cases {
        check(script, PATIENT, &letter(), expected).await;
    }
}

#[tokio::test]
async fn silence_is_left_and_means_nothing_before_the_dot() {
    let short = (TlsMode::None, Duration::from_secs(1));
    let before = ["hang\n", "> 220 mx\nhang\n", &format!("{HELLO}< MAIL\nhang\n")].map(str::to_owned);
    for script in before {
        check(script, short, &letter(), ("away", "no answer within 1s")).await;
    }
    check(format!("{HELLO}{ENVELOPE}dot\nhang\n"), short, &letter(), ("unknown", "no answer within 1s"))
        .await;
}

#[tokio::test]
async fn an_answer_without_end_is_left() {
    let bound = "longer than 8192 bytes";
    let (line, lines) = ("endless x\n", "endless 250-and so on|\n");
    for before in ["", "> 220 mx\n< EHLO\n", &format!("{HELLO}< MAIL\n")] {
        check(format!("{before}{line}"), PATIENT, &letter(), ("away", bound)).await;
    }
    check(format!("{HELLO}< MAIL\n{lines}"), PATIENT, &letter(), ("away", bound)).await;
    check(format!("{HELLO}{ENVELOPE}dot\n{line}"), PATIENT, &letter(), ("unknown", bound)).await;
    let secure = (TlsMode::StartTls, PATIENT.1);
    for before in ["", "> 220 mx\n< EHLO\n", "> 220 mx\n< EHLO\n> 250-mx|250 STARTTLS\n< STARTTLS\n"] {
        for endless in [line, lines] {
            check(format!("{before}{endless}"), secure, &letter(), ("away", bound)).await;
        }
    }
}

#[tokio::test]
async fn what_the_server_cannot_take_is_not_offered() {
    let beyond_ascii = dispatch("j.devries@klant.test", "Beste Zoë");
    let with = format!("{HELLO}< MAIL FROM:<directie+b1@omnistock.test> BODY=8BITMIME\n> 250 ok\n");
    check(with, PATIENT, &beyond_ascii, ("away", "")).await;
    check(format!("{BARE}< RSET\n> 250 ok\n"), PATIENT, &beyond_ascii, ("rejected", "550 5.6.3")).await;
    check(String::new(), PATIENT, &letter(), ("away", "")).await;
}

#[tokio::test]
async fn starttls_is_never_left_out() {
    let secure = (TlsMode::StartTls, Duration::from_secs(30));
    let offer = "> 220 mx\n< EHLO\n> 250-mx|250 STARTTLS\n< STARTTLS\n";
    let cases = [
        (BARE.to_owned(), "does not offer STARTTLS"),
        (format!("{offer}> 454 4.7.0 not now\n"), "STARTTLS refused: 454"),
        (format!("{offer}> 220 go|250 injected\n"), "in plain text after STARTTLS"),
        (format!("{offer}> 220 go\n> no TLS\n"), ""),
    ];
    for (script, words) in cases {
        check(script, secure, &letter(), ("away", words)).await;
    }
}

#[tokio::test]
async fn a_refused_login_is_no_verdict_on_the_mail() {
    for reply in ["535 5.7.8 no", "454 4.7.0 later"] {
        let script = format!("> 220 mx\n< EHLO\n> 250-mx|250 AUTH PLAIN\n< AUTH PLAIN\n> {reply}\nhang\n");
        let (mut outlet, server) = scripted(&[script], PATIENT.0, PATIENT.1).await;
        outlet.settings.user = Some("u".to_owned());
        let (fate, words) = told(outlet.send(&letter()).await);
        assert_eq!((fate, words.as_str()), ("away", reply));
        drop(outlet);
        server.await.expect("the server's end");
    }
}

#[tokio::test]
async fn a_connection_is_kept_and_made_again_when_it_was_closed_meanwhile() {
    let one = format!("{HELLO}{ENVELOPE}{QUEUED}");
    let refused = "< MAIL\n> 250 ok\n< RCPT\n> 550 no\n< RSET\n> 250 ok\n";
    let goodbye = format!("{one}< MAIL\n> 421 idle for too long\n");
    for (scripts, fates) in [
        (vec![format!("{one}{refused}{ENVELOPE}{QUEUED}< QUIT\n")], vec!["accepted", "rejected", "accepted"]),
        (vec![one.clone(), one.clone()], vec!["accepted", "accepted"]),
        (vec![goodbye, one.clone()], vec!["accepted", "accepted"]),
    ] {
        let (mut outlet, server) = scripted(&scripts, PATIENT.0, PATIENT.1).await;
        for expected in fates {
            let (fate, words) = told(outlet.send(&letter()).await);
            assert_eq!(fate, expected, "{words}; {scripts:?}");
        }
        outlet.rest().await;
        server.await.expect("the server's end");
    }
}
