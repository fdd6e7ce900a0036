//! The mail inside an S/MIME signature that wraps it (RFC 8551 section 3.5.2). The signature is not checked: it is listed.

/// Nested values that are looked at; the way to the content has eight.
const DEPTH: usize = 16;

/// 1.2.840.113549.1.7.2 and .3 (RFC 5652 sections 5.1 and 6.1), encoded.
const SIGNED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
const DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const OCTETS_IN_PIECES: u8 = 0x24;
const FIRST_TAGGED: u8 = 0xA0;

/// The MIME entity that was signed; `None` when it is encrypted or something else.
pub(super) fn signed_content(bytes: &[u8]) -> Option<Vec<u8>> {
    let (SEQUENCE, info, _) = value(bytes, 0)? else { return None };
    let (OBJECT_ID, SIGNED_DATA, rest) = value(info, 0)? else { return None };
    let (FIRST_TAGGED, tagged, _) = value(rest, 0)? else { return None };
    let (SEQUENCE, mut signed, _) = value(tagged, 0)? else { return None };
    // Version and algorithms stand before the content.
    loop {
        let (tag, content, after) = value(signed, 0)?;
        if tag == SEQUENCE
            && let Some((OBJECT_ID, DATA, wrapped)) = value(content, 0)
        {
            let (FIRST_TAGGED, octets, _) = value(wrapped, 0)? else { return None };
            let mut entity = Vec::new();
            collect(octets, DEPTH, &mut entity);
            return (!entity.is_empty()).then_some(entity);
        }
        signed = after;
    }
}

/// Octets, which may come in pieces (X.690 section 8.7).
fn collect(mut bytes: &[u8], depth: usize, entity: &mut Vec<u8>) {
    while let Some((tag, content, after)) = value(bytes, 0).filter(|_| depth > 0) {
        match tag {
            OCTETS => entity.extend_from_slice(content),
            OCTETS_IN_PIECES => collect(content, depth - 1, entity),
            _ => return,
        }
        bytes = after;
    }
}

/// Tag, content and what stands behind (X.690 section 8.1); lengths may be open and end with two zero bytes.
fn value(bytes: &[u8], depth: usize) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *first == 0x80 {
        let length = open_length(rest, depth)?;
        return Some((*tag, &rest[..length], &rest[length + 2..]));
    }
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F).min(9))?;
        let length =
            digits.iter().try_fold(0_usize, |n, d| n.checked_mul(256)?.checked_add(usize::from(*d)))?;
        (length, rest)
    };
    // A mail that was cut off still gives what there is of it.
    let (content, after) = rest.split_at(length.min(rest.len()));
    Some((*tag, content, after))
}

/// Bytes up to the two zero bytes that end a value of open length.
fn open_length(bytes: &[u8], depth: usize) -> Option<usize> {
    let mut rest = bytes;
    while !rest.starts_with(&[0, 0]) {
        if depth >= DEPTH {
            return None;
        }
        rest = value(rest, depth + 1)?.2;
    }
    Some(bytes.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], length.as_slice(), content].concat()
    }

    fn open(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x80], content, &[0, 0]].concat()
    }

    type Wrap = fn(u8, &[u8]) -> Vec<u8>;

    fn signed(wrap: Wrap, content: &[u8]) -> Vec<u8> {
        let inner = wrap(SEQUENCE, &[der(OBJECT_ID, DATA), wrap(FIRST_TAGGED, content)].concat());
        let data = wrap(SEQUENCE, &[der(2, &[1]), der(0x31, &[]), inner].concat());
        wrap(SEQUENCE, &[der(OBJECT_ID, SIGNED_DATA), wrap(FIRST_TAGGED, &data)].concat())
    }

    #[test]
    fn content_in_one_piece_and_in_several() {
        let whole = signed(der, &der(OCTETS, b"Subject: x"));
        assert_eq!(signed_content(&whole).unwrap(), b"Subject: x");
        let pieces = open(OCTETS_IN_PIECES, &[der(OCTETS, b"Subj"), der(OCTETS, b"ect: x")].concat());
        assert_eq!(signed_content(&signed(open, &pieces)).unwrap(), b"Subject: x");
    }

    #[test]
    fn anything_else_is_none_and_ends() {
        let whole = signed(open, &der(OCTETS, b"x"));
        for end in 0..whole.len() {
            let _ = signed_content(&whole[..end]);
        }
        assert_eq!(signed_content(&der(SEQUENCE, &der(OBJECT_ID, DATA))), None);
        assert_eq!(signed_content(&[0x30, 0x80].repeat(100_000)), None);
        assert_eq!(signed_content(&[0x30, 0x89, 255, 255, 255, 255, 255, 255, 255, 255, 255]), None);
    }
}
