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
pub enum Token<'a> {
    /// The envelope sender of a notice: what comes back is about that notice.
    Notice(NoticeId),
    /// The right of one member of staff to give orders in one complaint.
    Order {
        /// The complaint.
        complaint: ComplaintId,
        /// Whose right it is.
        owner: &'a str,
    },
    /// The right of one member of staff to answer one question of ours.
    Question {
        /// The notice that asked.
        notice: NoticeId,
        /// Whose right it is.
        owner: &'a str,
    },
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
        shortened(&self.keyed_hash(purpose, &[&number.to_be_bytes()]))
    }

    fn tag_of(&self, purpose: &str, number: u64, owner: &str) -> String {
        let owner = owner.to_ascii_lowercase();
        shortened(&self.keyed_hash(purpose, &[&number.to_be_bytes(), owner.as_bytes()]))
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

    /// The token by which one member of staff may give orders in one complaint: `o.NUMBER.TAG`.
    pub fn order_token(&self, complaint: ComplaintId, owner: &str) -> String {
        format!("o.{}.{}", complaint.0, self.tag_of("order", complaint.0, owner))
    }

    /// The token by which one member of staff may answer one question of ours: `q.NUMBER.TAG`.
    pub fn question_token(&self, notice: NoticeId, owner: &str) -> String {
        format!("q.{}.{}", notice.0, self.tag_of("question", notice.0, owner))
    }

    /// What a token in a recipient address points at, when we made it; `owners` are the addresses of all staff.
    pub fn token<'a>(&self, token: &str, owners: impl IntoIterator<Item = &'a str>) -> Option<Token<'a>> {
        if let Some(n) = self.checked("b.", "bounce", token) {
            return Some(Token::Notice(NoticeId(n)));
        }
        let (order, question) = (numbered("o.", token), numbered("q.", token));
        owners.into_iter().find_map(|owner| match (&order, &question) {
            (Some((n, tag)), _) => same(&self.tag_of("order", *n, owner), tag)
                .then_some(Token::Order { complaint: ComplaintId(*n), owner }),
            (None, Some((n, tag))) => same(&self.tag_of("question", *n, owner), tag)
                .then_some(Token::Question { notice: NoticeId(*n), owner }),
            (None, None) => None,
        })
    }

    fn checked(&self, prefix: &str, purpose: &str, text: &str) -> Option<u64> {
        let (number, tag) = numbered(prefix, text)?;
        same(&self.tag(purpose, number), &tag).then_some(number)
    }

    /// The chain's keyed hash of a journal payload: it can be left standing when the payload is erased.
    pub fn payload_hash(&self, complaint: Option<ComplaintId>, payload: &[u8]) -> [u8; 32] {
        self.keyed_hash("payload", &[&complaint.map_or(0, |id| id.0).to_be_bytes(), payload])
    }
}

fn shortened(hash: &[u8; 32]) -> String {
    BASE32_NOPAD.encode(&hash[..KEPT]).to_ascii_lowercase()
}

/// Number and tag of a token with this prefix, in lower case.
fn numbered(prefix: &str, text: &str) -> Option<(u64, String)> {
    let text = text.to_ascii_lowercase();
    let (number, tag) = text.strip_prefix(prefix)?.split_once('.')?;
    Some((number.parse().ok()?, tag.to_owned()))
}

/// Compared in full whatever differs: the time must not tell how much of a forgery is right.
fn same(expected: &str, tag: &str) -> bool {
    expected.len() == tag.len()
        && expected.bytes().zip(tag.bytes()).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
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
        assert_eq!(signer.token(&token, []), Some(Token::Notice(NoticeId(42))));
        assert_eq!(signer.notice_of(&format!("{}@x", token.replacen('b', "k", 1))), None);
        assert_eq!(signer.token("b.42", []), None);
        assert_eq!(signer.token(&token[..token.len() - 1], []), None);
    }

    #[test]
    fn a_right_is_one_persons_in_one_complaint() {
        let signer = Signer::new([7; 32]);
        let staff = ["jan@x.test", "berta@x.test"];
        let token = signer.order_token(ComplaintId(3), "Jan@x.test");
        let right = Token::Order { complaint: ComplaintId(3), owner: "jan@x.test" };
        assert_eq!(signer.token(&token.to_uppercase(), staff), Some(right));
        assert_eq!(signer.token(&token, ["berta@x.test"]), None);
        assert_eq!(signer.token(&token.replacen("o.3.", "o.4.", 1), staff), None);
        assert_eq!(signer.token(&token.replacen('o', "q", 1), staff), None);
        let question = signer.question_token(NoticeId(3), "jan@x.test");
        assert!(matches!(signer.token(&question, staff), Some(Token::Question { .. })));
        assert!(question.len() + "klachten+".len() <= 64, "a local part has 64 bytes at most");
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let signer = Signer::new([7; 32]);
        assert_ne!(signer.keyed_hash("x", &[b"ab", b"c"]), signer.keyed_hash("x", &[b"a", b"bc"]));
    }
}
