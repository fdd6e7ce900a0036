//! An IMAP server (RFC 3501, RFC 2177, RFC 4315, RFC 6851) that misbehaves by chance.

use std::fmt::Write as _;
use std::io;

use jiff::tz::TimeZone;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio::sync::watch;

use super::post::{Folder, Message, Post, State};

/// How a command goes wrong.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    CutBefore,
    CutHalfway,
    CutAfter,
    Stall,
    Bye,
    No,
    /// A FETCH leaves out a message, and says OK.
    Omit,
}

const MISHAPS: [Mishap; 7] = [
    Mishap::CutBefore,
    Mishap::CutHalfway,
    Mishap::CutAfter,
    Mishap::Stall,
    Mishap::Bye,
    Mishap::No,
    Mishap::Omit,
];

struct Session {
    stream: BufReader<DuplexStream>,
    post: Post,
    connection: u64,
    commands: u64,
    /// The UIDVALIDITY under which the inbox was selected.
    selected: Option<u32>,
}

/// Serves one connection to its end.
pub(crate) async fn serve(
    stream: DuplexStream,
    post: Post,
    connection: u64,
    mut news: watch::Receiver<u64>,
) -> io::Result<()> {
    let mut session =
        Session { stream: BufReader::new(stream), post, connection, commands: 0, selected: None };
    session.say(b"* OK ready\r\n").await?;
    loop {
        let mut line = String::new();
        if session.stream.read_line(&mut line).await? == 0 || session.post.lock().is_dead() {
            return Ok(());
        }
        let Some((tag, command)) = line.trim_end().split_once(' ') else { return Ok(()) };
        if !session.command(tag, command, &mut news).await? {
            return Ok(());
        }
    }
}

impl Session {
    async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes).await
    }

    /// Whether the connection goes on.
    async fn command(
        &mut self,
        tag: &str,
        command: &str,
        news: &mut watch::Receiver<u64>,
    ) -> io::Result<bool> {
        self.commands += 1;
        let mishap = {
            let mut state = self.post.lock();
            let (mut dice, wrong) = state.luck(self.connection, self.commands);
            let mishap = wrong.then(|| *dice.pick(&MISHAPS).expect("there are some"));
            if let Some(mishap) = mishap {
                state.note(&format!("imap {} {command:.60}: {mishap:?}", self.connection));
            }
            mishap
        };
        match mishap {
            Some(Mishap::CutBefore) => return Ok(false),
            Some(Mishap::Stall) => std::future::pending().await,
            Some(Mishap::Bye) => {
                self.say(b"* BYE going down\r\n").await?;
                return Ok(false);
            }
            Some(Mishap::No) if command != "IDLE" => {
                self.say(format!("{tag} NO [UNAVAILABLE] not now\r\n").as_bytes()).await?;
                return Ok(true);
            }
            _ => {}
        }
        let validity = self.post.lock().folders["INBOX"].validity;
        if self.selected.is_some_and(|selected| selected != validity) {
            // The UIDs that this client knows mean other messages now.
            self.say(b"* BYE the folder was made anew\r\n").await?;
            return Ok(false);
        }
        if command == "IDLE" {
            return self.idle(tag, news, mishap).await;
        }
        let answer = self.answer(tag, command, matches!(mishap, Some(Mishap::Omit)));
        match mishap {
            Some(Mishap::CutHalfway) => {
                self.say(&answer[..answer.len() / 2]).await?;
                Ok(false)
            }
            Some(Mishap::CutAfter) => Ok(false),
            _ => {
                self.say(&answer).await?;
                Ok(command != "LOGOUT")
            }
        }
    }

    async fn idle(
        &mut self,
        tag: &str,
        news: &mut watch::Receiver<u64>,
        mishap: Option<Mishap>,
    ) -> io::Result<bool> {
        self.say(b"+ idling\r\n").await?;
        news.mark_unchanged();
        if mishap.is_some() {
            return Ok(false);
        }
        let mut line = String::new();
        loop {
            tokio::select! {
                biased;
                read = self.stream.read_line(&mut line) => {
                    if read? == 0 {
                        return Ok(false);
                    }
                    self.say(format!("{tag} OK idled\r\n").as_bytes()).await?;
                    return Ok(true);
                }
                changed = news.changed() => {
                    if changed.is_err() {
                        return Ok(false);
                    }
                    let exists = self.post.lock().folders["INBOX"].messages.len();
                    self.say(format!("* {exists} EXISTS\r\n").as_bytes()).await?;
                }
            }
        }
    }

    fn answer(&mut self, tag: &str, command: &str, omits: bool) -> Vec<u8> {
        let post = self.post.clone();
        let mut state = post.lock();
        let ok = |said: &str| format!("{said}{tag} OK done\r\n").into_bytes();
        let no = |why: &str| format!("{tag} NO {why}\r\n").into_bytes();
        let words: Vec<&str> = command.split(' ').collect();
        match words[..] {
            ["LOGIN" | "SUBSCRIBE", ..] | ["LOGOUT"] | ["UID", "STORE", ..] => ok(""),
            ["CAPABILITY"] => {
                let moves = if state.moves { " MOVE" } else { "" };
                let uidplus = if state.uidplus { " UIDPLUS" } else { "" };
                ok(&format!("* CAPABILITY IMAP4rev1 IDLE{moves}{uidplus}\r\n"))
            }
            ["LIST", ..] => ok("* LIST (\\Noselect) \"/\" \"\"\r\n"),
            ["STATUS", name, ..] => match state.folders.get(unquoted(name)) {
                Some(folder) => ok(&format!("* STATUS {name} (UIDVALIDITY {})\r\n", folder.validity)),
                None => no("[NONEXISTENT] no such folder"),
            },
            ["CREATE", name] => {
                let folder = Folder { validity: 200, next: 1, messages: Vec::new() };
                state.folders.entry(unquoted(name).to_owned()).or_insert(folder);
                ok("")
            }
            ["SELECT", name] => {
                let Some(folder) = state.folders.get(unquoted(name)) else { return no("no such folder") };
                let said = format!(
                    "* {} EXISTS\r\n* OK [UIDVALIDITY {}] .\r\n* OK [UIDNEXT {}] .\r\n",
                    folder.messages.len(),
                    folder.validity,
                    folder.next
                );
                self.selected = Some(folder.validity);
                format!("{said}{tag} OK [READ-WRITE] done\r\n").into_bytes()
            }
            ["NOOP"] => ok(&format!("* {} EXISTS\r\n", state.folders["INBOX"].messages.len())),
            ["UID", "FETCH", set, ..] => {
                let mut said = fetched(&state.folders["INBOX"], set, command, omits);
                said.extend_from_slice(&ok(""));
                said
            }
            ["UID", "MOVE", set, name] => {
                carry(&mut state, set, unquoted(name), true);
                ok("")
            }
            ["UID", "COPY", set, name] => {
                carry(&mut state, set, unquoted(name), false);
                ok("")
            }
            ["UID", "EXPUNGE", set] => {
                remove(&mut state, set);
                ok("")
            }
            _ => without_uidplus(&mut state, tag, command),
        }
    }
}

/// SEARCH DELETED and EXPUNGE: here only what was copied is marked, so the marks need not be kept.
fn without_uidplus(state: &mut State, tag: &str, command: &str) -> Vec<u8> {
    let copied: Vec<String> = {
        let filed = |m: &&Message| {
            let others = state.folders.iter().filter(|(name, _)| *name != "INBOX");
            others.flat_map(|(_, folder)| &folder.messages).any(|other| other.bytes == m.bytes)
        };
        state.folders["INBOX"].messages.iter().filter(filed).map(|m| m.uid.to_string()).collect()
    };
    match command {
        _ if command.starts_with("UID SEARCH 1:") => {
            format!("* SEARCH {}\r\n{tag} OK done\r\n", copied.join(" ")).into_bytes()
        }
        "EXPUNGE" => {
            if !copied.is_empty() {
                remove(state, &copied.join(","));
            }
            format!("{tag} OK done\r\n").into_bytes()
        }
        _ => format!("{tag} BAD what?\r\n").into_bytes(),
    }
}

fn unquoted(name: &str) -> &str {
    name.trim_matches('"')
}

/// Whether a UID stands in a set like `1:3,7,9:*`.
fn holds(set: &str, uid: u32) -> bool {
    set.split(',').any(|part| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        let bound = |text: &str| if text == "*" { u32::MAX } else { text.parse().unwrap_or(0) };
        (bound(first)..=bound(last)).contains(&uid)
    })
}

fn fetched(folder: &Folder, set: &str, command: &str, omits: bool) -> Vec<u8> {
    let mut said = Vec::new();
    let wanted: Vec<(usize, &Message)> =
        folder.messages.iter().enumerate().filter(|(_, m)| holds(set, m.uid)).collect();
    let shown = wanted.len() - usize::from(omits && !wanted.is_empty());
    for (n, message) in &wanted[..shown] {
        let (n, uid, size) = (n + 1, message.uid, message.bytes.len());
        if command.contains("BODY.PEEK[]<") {
            let part = &message.bytes[..size.min(64 * 1024)];
            said.extend(format!("* {n} FETCH (UID {uid} BODY[]<0> {{{}}}\r\n", part.len()).bytes());
            said.extend_from_slice(part);
            said.extend_from_slice(b")\r\n");
        } else if command.contains("BODY.PEEK[]") {
            said.extend(format!("* {n} FETCH (UID {uid} BODY[] {{{size}}}\r\n").bytes());
            said.extend_from_slice(&message.bytes);
            said.extend_from_slice(b")\r\n");
        } else if command.contains("RFC822.SIZE") {
            let at = message.at.to_zoned(TimeZone::UTC).strftime("%d-%b-%Y %H:%M:%S +0000").to_string();
            said.extend(
                format!("* {n} FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE \"{at}\")\r\n").bytes(),
            );
        } else {
            said.extend(format!("* {n} FETCH (UID {uid})\r\n").bytes());
        }
    }
    said
}

fn carry(state: &mut State, set: &str, to: &str, moves: bool) {
    let going: Vec<Message> =
        state.folders["INBOX"].messages.iter().filter(|m| holds(set, m.uid)).cloned().collect();
    for message in going {
        state.leaves(message.uid);
        if moves {
            let inbox = state.folders.get_mut("INBOX").expect("there is always an inbox");
            inbox.messages.retain(|m| m.uid != message.uid);
        }
        let folder = state.folders.entry(to.to_owned()).or_default();
        folder.next += 1;
        folder.messages.push(Message { uid: folder.next, ..message });
    }
    let mut line = String::new();
    let _ = write!(line, "{set} to {to}");
    state.note(&line);
}

fn remove(state: &mut State, set: &str) {
    let going: Vec<u32> =
        state.folders["INBOX"].messages.iter().map(|m| m.uid).filter(|uid| holds(set, *uid)).collect();
    for uid in going {
        state.leaves(uid);
        let inbox = state.folders.get_mut("INBOX").expect("there is always an inbox");
        inbox.messages.retain(|m| m.uid != uid);
    }
}
