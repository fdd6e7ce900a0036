//! What only we can have written: Message-IDs and address tokens with a keyed hash (HMAC-SHA-256, 128 bits).
//!
//! Base32 in lower case, because mail servers change the case of local parts and some of Message-IDs.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::fact::{ComplaintId, NoticeId};

/// Bytes of a hash that are kept: 128 bits.
const KEPT: usize = 16;

/// The secret of an installation, made at its first start.
#[derive(Clone)]
pub struct Signer {
    key: [u8; 32],
}

/// What a token in a recipient address points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// The envelope sender of a notice: what comes back is about that notice.
    Notice(NoticeId),
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer([REDACTED])")
    }
}

impl Signer {
    /// A signer with this secret.
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A keyed hash of `parts` for one purpose, 32 bytes. The parts can't run into each other.
    pub fn keyed_hash(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&self.block());
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The key padded to HMAC's block (RFC 2104 section 2): a key of exactly that size can't be refused.
    fn block(&self) -> hmac::digest::Key<Hmac<Sha256>> {
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block[..self.key.len()].copy_from_slice(&self.key);
        block
    }

    fn tag(&self, purpose: &str, number: u64) -> String {
        let hash = self.keyed_hash(purpose, &[&number.to_be_bytes()]);
        BASE32_NOPAD.encode(&hash[..KEPT]).to_ascii_lowercase()
    }

    /// The Message-ID of a notice, without angle brackets: `k.NUMBER.TAG@domain`.
    pub fn message_id(&self, notice: NoticeId, domain: &str) -> String {
        format!("k.{}.{}@{domain}", notice.0, self.tag("message-id", notice.0))
    }

    /// The notice whose Message-ID this is, when we made it.
    pub fn notice_of(&self, message_id: &str) -> Option<NoticeId> {
        let (local, _) = message_id.trim_matches(['<', '>']).split_once('@')?;
        self.checked("k.", "message-id", local).map(NoticeId)
    }

    /// The token of a notice's envelope sender: `b.NUMBER.TAG`.
    pub fn bounce_token(&self, notice: NoticeId) -> String {
        format!("b.{}.{}", notice.0, self.tag("bounce", notice.0))
    }

    /// What a token in a recipient address points at, when we made it.
    pub fn token(&self, token: &str) -> Option<Token> {
        self.checked("b.", "bounce", token).map(|n| Token::Notice(NoticeId(n)))
    }

    fn checked(&self, prefix: &str, purpose: &str, text: &str) -> Option<u64> {
        let text = text.to_ascii_lowercase();
        let (number, tag) = text.strip_prefix(prefix)?.split_once('.')?;
        let number: u64 = number.parse().ok()?;
        let expected = self.tag(purpose, number);
        // Compared in full whatever differs: the time must not tell how much of a forgery is right.
        let differs = expected.len() != tag.len()
            || expected.bytes().zip(tag.bytes()).fold(0, |seen, (a, b)| seen | (a ^ b)) != 0;
        (!differs).then_some(number)
    }

    /// The chain's keyed hash of a journal payload: it can be left standing when the payload is erased.
    pub fn payload_hash(&self, complaint: Option<ComplaintId>, payload: &[u8]) -> [u8; 32] {
        self.keyed_hash("payload", &[&complaint.map_or(0, |id| id.0).to_be_bytes(), payload])
    }
}

/// The name under which bytes are kept: SHA-256 in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_known_again_whatever_its_case() {
        let signer = Signer::new([7; 32]);
        let id = signer.message_id(NoticeId(42), "omnistock.test");
        assert_eq!(signer.notice_of(&id), Some(NoticeId(42)));
        assert_eq!(signer.notice_of(&format!("<{}>", id.to_uppercase())), Some(NoticeId(42)));
    }

    #[test]
    fn another_number_another_key_or_another_purpose_is_refused() {
        let signer = Signer::new([7; 32]);
        let id = signer.message_id(NoticeId(42), "omnistock.test");
        assert_eq!(signer.notice_of(&id.replacen("k.42.", "k.43.", 1)), None);
        assert_eq!(Signer::new([8; 32]).notice_of(&id), None);
        let token = signer.bounce_token(NoticeId(42));
        assert_eq!(signer.token(&token), Some(Token::Notice(NoticeId(42))));
        assert_eq!(signer.notice_of(&format!("{}@x", token.replacen('b', "k", 1))), None);
        assert_eq!(signer.token("b.42"), None);
        assert_eq!(signer.token(&token[..token.len() - 1]), None);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let signer = Signer::new([7; 32]);
        assert_ne!(signer.keyed_hash("x", &[b"ab", b"c"]), signer.keyed_hash("x", &[b"a", b"bc"]));
    }
}
