//! An SMTP server (RFC 5321) that misbehaves by chance, above all around the final dot.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

use super::post::{Delivered, Post, SMTP};

/// How a command before the mail goes wrong.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    Cut,
    Stall,
    Later,
    Closing,
    Garbage,
}

const MISHAPS: [Mishap; 5] = [Mishap::Cut, Mishap::Stall, Mishap::Later, Mishap::Closing, Mishap::Garbage];

/// How the mail itself goes wrong.
#[derive(Debug, Clone, Copy)]
enum Ending {
    /// Cut while it is being sent.
    CutInData,
    /// Refused for now after the dot.
    Later,
    /// Refused for good after the dot.
    Never,
    /// Taken, and the reply is lost.
    TakenAndCut,
    /// Taken, and nothing is said.
    TakenAndSilent,
    /// Not taken, and nothing is said.
    LostAndCut,
    LostAndSilent,
}

const ENDINGS: [Ending; 7] = [
    Ending::CutInData,
    Ending::Later,
    Ending::Never,
    Ending::TakenAndCut,
    Ending::TakenAndSilent,
    Ending::LostAndCut,
    Ending::LostAndSilent,
];

/// What a command was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Answer,
    Otherwise,
    /// Or nothing: the connection ends.
    Farewell,
}

struct Session {
    stream: BufReader<DuplexStream>,
    post: Post,
    connection: u64,
    commands: u64,
    from: String,
    to: String,
}

/// Serves one connection to its end.
pub(crate) async fn serve(stream: DuplexStream, post: Post, connection: u64) -> io::Result<()> {
    let mut session = Session {
        stream: BufReader::new(stream),
        post,
        connection,
        commands: 0,
        from: String::new(),
        to: String::new(),
    };
    if !session.goes_on("greeting", "220 ready\r\n").await? {
        return Ok(());
    }
    loop {
        let mut line = String::new();
        if session.stream.read_line(&mut line).await? == 0 || session.is_gone() {
            return Ok(());
        }
        if !session.command(line.trim_end()).await? {
            return Ok(());
        }
    }
}

impl Session {
    fn is_gone(&self) -> bool {
        let state = self.post.lock();
        state.is_dead() || state.is_away(SMTP)
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes()).await
    }

    fn luck<T: Copy + std::fmt::Debug>(&mut self, what: &str, of: &[T]) -> Option<T> {
        self.commands += 1;
        let mut state = self.post.lock();
        // Few commands get as far as the mail.
        let times = if what == "the mail" { 3 } else { 1 };
        let (mut dice, wrong) = state.luck(self.connection, self.commands, times);
        let mishap = wrong.then(|| *dice.pick(of).expect("there are some"));
        if let Some(mishap) = mishap {
            let whose = match what {
                "greeting" => "smtp-greeting",
                "the mail" => "mail",
                _ => "smtp",
            };
            state.goes_wrong(&format!("{whose} {}", self.connection), what, &format!("{mishap:?}"));
        }
        mishap
    }

    /// Answers, unless something goes wrong; whether the connection goes on.
    async fn goes_on(&mut self, what: &str, answer: &str) -> io::Result<bool> {
        Ok(self.answer(what, answer).await? != Said::Farewell)
    }

    async fn answer(&mut self, what: &str, answer: &str) -> io::Result<Said> {
        let (text, said) = match self.luck(what, &MISHAPS) {
            None => (answer, Said::Answer),
            Some(Mishap::Cut) => return Ok(Said::Farewell),
            Some(Mishap::Stall) => std::future::pending().await,
            Some(Mishap::Later) => ("451 4.3.0 not now\r\n", Said::Otherwise),
            Some(Mishap::Closing) => ("421 4.3.2 closing\r\n", Said::Farewell),
            Some(Mishap::Garbage) => ("hello?\r\n", Said::Farewell),
        };
        self.say(text).await?;
        Ok(said)
    }

    async fn command(&mut self, line: &str) -> io::Result<bool> {
        let upper = line.to_ascii_uppercase();
        if upper.starts_with("EHLO") {
            return self.goes_on(line, "250-sim\r\n250 8BITMIME\r\n").await;
        }
        if upper.starts_with("MAIL FROM:") {
            self.from = address(line);
            return self.goes_on(line, "250 2.1.0 ok\r\n").await;
        }
        if upper.starts_with("RCPT TO:") {
            self.to = address(line);
            let answer = self.refusal().unwrap_or_else(|| "250 2.1.5 ok".to_owned());
            return self.goes_on(line, &format!("{answer}\r\n")).await;
        }
        match upper.as_str() {
            "DATA" => match self.answer(line, "354 go on\r\n").await? {
                Said::Answer => self.data().await,
                Said::Otherwise => Ok(true),
                Said::Farewell => Ok(false),
            },
            "QUIT" => self.say("221 bye\r\n").await.map(|()| false),
            _ => self.goes_on(line, "250 ok\r\n").await,
        }
    }

    fn refusal(&self) -> Option<String> {
        let mut state = self.post.lock();
        let refusal = state.refusals.get_mut(&self.to)?;
        refusal.times = refusal.times.checked_sub(1)?;
        let reply = refusal.reply.clone();
        state.happens(if reply.starts_with('5') { "refused for good" } else { "refused for now" });
        Some(reply)
    }

    async fn data(&mut self) -> io::Result<bool> {
        let ending = self.luck("the mail", &ENDINGS);
        if matches!(ending, Some(Ending::CutInData)) {
            self.stream.read_u8().await?;
            return Ok(false);
        }
        let mut bytes = Vec::new();
        loop {
            let start = bytes.len();
            if self.stream.read_until(b'\n', &mut bytes).await? == 0 {
                return Ok(false);
            }
            match &bytes[start..] {
                b".\r\n" => {
                    bytes.truncate(start);
                    break;
                }
                // RFC 5321 section 4.5.2
                [b'.', ..] => drop(bytes.remove(start)),
                _ => {}
            }
        }
        self.end(ending, bytes).await
    }

    async fn end(&mut self, ending: Option<Ending>, bytes: Vec<u8>) -> io::Result<bool> {
        let message_id = header(&bytes, "Message-ID").unwrap_or_default();
        let message_id = message_id.trim_matches(['<', '>']).to_owned();
        let taken = !matches!(
            ending,
            Some(Ending::Later | Ending::Never | Ending::LostAndCut | Ending::LostAndSilent)
        );
        {
            let mut state = self.post.lock();
            if state.is_dead() {
                return Ok(false);
            }
            if taken {
                state.note(&format!("smtp took {message_id} for {}", self.to));
                let (envelope_from, to) = (self.from.clone(), self.to.clone());
                let bytes: Arc<[u8]> = bytes.into();
                state.takes(Delivered {
                    message_id: message_id.clone(),
                    envelope_from,
                    to,
                    bytes,
                    known: ending.is_none(),
                });
            }
            match ending {
                Some(Ending::Never) => state.rejected.push(message_id),
                None | Some(Ending::Later) => {}
                _ => *state.uncertain.entry(message_id).or_default() += 1,
            }
        }
        match ending {
            None => self.say("250 2.0.0 queued\r\n").await.map(|()| true),
            Some(Ending::Later) => self.say("451 4.3.0 not now\r\n").await.map(|()| true),
            Some(Ending::Never) => self.say("554 5.7.1 never\r\n").await.map(|()| true),
            Some(Ending::TakenAndSilent | Ending::LostAndSilent) => std::future::pending().await,
            Some(_) => Ok(false),
        }
    }
}

fn address(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address.to_owned()).unwrap_or_default()
}

/// The value of a header field on one line.
pub(crate) fn header(bytes: &[u8], name: &str) -> Option<String> {
    mail_parser::MessageParser::default()
        .parse(bytes)?
        .header_raw(name)
        .map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
}
