//! The connection below the IMAP codec: it counts what comes, and bounds what one answer may hold.
//!
//! async-imap allocates what a literal announces, up to 512 MiB, before a byte of it has come, and reads an unfinished
//! line anew with each 4 KB that come. So announcements are read here first, and an answer that is longer than was
//! allowed ends the connection.

use std::fmt::Debug;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What an answer may hold beside the message that it brings, in bytes.
pub(super) const PLAIN_ANSWER: u64 = 1024 * 1024;

/// TCP, with or without TLS.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Debug> Transport for T {}

/// A connection whose answers are bounded.
#[derive(Debug)]
pub(super) struct Guard {
    inner: Box<dyn Transport>,
    /// Bytes that came since the beginning: shows whether a slow answer makes progress.
    pub(super) received: u64,
    measure: Measure,
}

impl Guard {
    pub(super) fn new(inner: Box<dyn Transport>) -> Self {
        Self { inner, received: 0, measure: Measure::new(PLAIN_ANSWER) }
    }

    /// How long an answer may be from now on, in bytes, its literals included; without them [`PLAIN_ANSWER`] holds.
    pub(super) fn allow(&mut self, longest: u64) {
        self.measure.longest = longest;
    }
}

impl AsyncRead for Guard {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        let fresh = &buf.filled()[before..];
        this.received += fresh.len() as u64;
        Poll::Ready(this.measure.take(fresh))
    }
}

impl AsyncWrite for Guard {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

/// Conditions (RFC 3501 section 7.1): what follows them is text to the end of the line, whatever it looks like.
const CONDITIONS: [&[u8]; 5] = [b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"];

/// Bytes of an answer that show whether it is a condition.
const OPENING: usize = b"* PREAUTH ".len();

/// Measures answers as they come: a line, and when it ends in `{N}` the N bytes after it and the next line.
#[derive(Debug)]
struct Measure {
    longest: u64,
    /// Bytes of the present answer.
    length: u64,
    /// Of them, those outside literals.
    plain: u64,
    /// How the present answer begins.
    opening: Vec<u8>,
    /// Bytes of the present literal that are still to come.
    literal: u64,
    announced: Announced,
}

/// How much of `{N}` stands directly before the present byte.
#[derive(Debug, Clone, Copy)]
enum Announced {
    Nothing,
    Opened(u64),
    Closed(u64),
}

impl Measure {
    fn new(longest: u64) -> Self {
        let opening = Vec::with_capacity(OPENING);
        Self { longest, length: 0, plain: 0, opening, literal: 0, announced: Announced::Nothing }
    }

    fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let Some((first, rest)) = bytes.split_first() {
            if self.literal > 0 {
                let skip = usize::try_from(self.literal).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.literal -= skip as u64;
                bytes = &bytes[skip..];
                continue;
            }
            self.read(*first)?;
            for (length, most) in [(self.length, self.longest), (self.plain, PLAIN_ANSWER)] {
                if length > most {
                    return Err(refused(format!("the server's answer is longer than {most} bytes")));
                }
            }
            bytes = rest;
        }
        Ok(())
    }

    /// One byte outside literals.
    fn read(&mut self, byte: u8) -> io::Result<()> {
        self.length += 1;
        self.plain += 1;
        if self.opening.len() < OPENING {
            self.opening.push(byte);
        }
        self.announced = match (self.announced, byte) {
            (_, b'{') => Announced::Opened(0),
            (Announced::Opened(n), digit @ b'0'..=b'9') => {
                Announced::Opened(n.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
            }
            (Announced::Opened(n), b'}') | (Announced::Closed(n), b'\r') => Announced::Closed(n),
            (Announced::Closed(_), b'\n') if !self.may_announce() => {
                // taken for a literal here and for text by the codec, it would hide from us the next announcement
                return Err(refused("the server announces bytes where there can be none".to_owned()));
            }
            (Announced::Closed(n), b'\n') => {
                self.literal = n;
                self.length = self.length.saturating_add(n);
                Announced::Nothing
            }
            (_, b'\n') => {
                (self.length, self.plain) = (0, 0);
                self.opening.clear();
                Announced::Nothing
            }
            _ => Announced::Nothing,
        };
        Ok(())
    }

    /// Whether the present answer is data: conditions, tagged answers and `+` end in text.
    fn may_announce(&self) -> bool {
        let Some(data) = self.opening.strip_prefix(b"* ") else { return false };
        let begins =
            |with: &&[u8]| data.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
        !CONDITIONS.iter().any(begins)
    }
}

fn refused(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(longest: u64, answer: &[u8], piece: usize) -> bool {
        let mut measure = Measure::new(longest);
        answer.chunks(piece).all(|bytes| measure.take(bytes).is_ok())
    }

    #[test]
    fn an_answer_is_bounded_as_a_whole() {
        for piece in [1, 3, 1000] {
            assert!(measured(40, b"* 1 FETCH (BODY[] {5}\r\n{99}\r UID 2)\r\n* OK\r\n", piece));
            assert!(measured(8, b"* OK ab\n* OK ab\n* OK ab\n", piece), "lines are counted one by one");
            assert!(!measured(8, b"* OK abcd\n", piece));
            assert!(!measured(1000, b"* 1 FETCH (BODY[] {419430400}\r\n", piece), "refused on announcement");
            assert!(!measured(1000, b"* {99999999999999999999999999}\r\n", piece));
            assert!(
                !measured(60, b"* 1 FETCH ({20}\r\n01234567890123456789 {20}\r\n", piece),
                "literals add up"
            );
            assert!(measured(60, b"* OK {500} is no literal\r\n* OK {5x}\r\n* OK\r\n", piece));
        }
    }
    #[test]
    fn text_that_looks_like_an_announcement_hides_no_other() {
        for piece in [1, 3, 1000] {
            for text in
                ["* OK {40}", "* no [x] {40}", "* BYE {40}", "A0001 OK {40}", "+ go {40}", "* PREAUTH {40}"]
            {
                let hidden = format!("{text}\r\n* 1 FETCH (BODY[] {{419430400}}\r\n");
                assert!(!measured(1000, hidden.as_bytes(), piece), "{text}");
            }
            for data in ["* LIST () \"/\" {3}\r\nabc\r\n", "* STATUS {2}\r\nno (UNSEEN 1)\r\n* OK\r\n"] {
                assert!(measured(1000, data.as_bytes(), piece), "{data}");
            }
        }
    }

    #[test]
    fn room_for_a_message_is_no_room_for_a_line() {
        let line =
            |length: u64| [vec![b'x'; usize::try_from(length).expect("small")], b"\n".to_vec()].concat();
        assert!(measured(u64::MAX, &line(PLAIN_ANSWER), 4096));
        assert!(!measured(u64::MAX, &line(PLAIN_ANSWER + 1), 4096));
        let body = b"* 1 FETCH (UID 1 BODY[] {2000000}\r\n";
        assert!(measured(u64::MAX, &[body.as_slice(), &line(2_000_000), b")\r\n"].concat(), 4096));
    }
}
