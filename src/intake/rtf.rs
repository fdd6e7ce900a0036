//! RTF as Outlook compresses it (MS-OXRTFCP), and the words in it (RTF specification 1.9.1, MS-OXRTFEX).

use super::{charset, html};

/// Bytes of text that are made at most: a small block can be blown up.
const MOST_BYTES: usize = 4 << 20;

/// What the window holds at the start (MS-OXRTFCP section 3.1.1.1).
const WINDOW: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// Bytes of the window.
const WINDOW_BYTES: usize = 4096;

/// The RTF in a compressed block; `None` when it is none.
pub(super) fn decompressed(block: &[u8]) -> Option<Vec<u8>> {
    let kind: [u8; 4] = block.get(8..12)?.try_into().ok()?;
    let content = block.get(16..)?;
    match &kind {
        b"MELA" => Some(content.to_vec()),
        b"LZFu" => Some(unpacked(content)),
        _ => None,
    }
}

/// Runs of eight tokens: bytes as they are, or places in the window of what was written before.
fn unpacked(content: &[u8]) -> Vec<u8> {
    let mut window = [b' '; WINDOW_BYTES];
    window[..WINDOW.len()].copy_from_slice(WINDOW);
    let mut end = WINDOW.len();
    let mut text = Vec::new();
    let mut put = |byte: u8, window: &mut [u8; WINDOW_BYTES], text: &mut Vec<u8>| {
        window[end] = byte;
        end = (end + 1) % WINDOW_BYTES;
        text.push(byte);
        end
    };
    let mut at = WINDOW.len();
    let mut bytes = content.iter().copied();
    while let Some(control) = bytes.next() {
        for bit in 0..8 {
            let Some(first) = bytes.next() else { return text };
            if control & (1 << bit) == 0 {
                at = put(first, &mut window, &mut text);
                continue;
            }
            let Some(second) = bytes.next() else { return text };
            let from = (usize::from(first) << 4) | usize::from(second >> 4);
            if from == at || text.len() > MOST_BYTES {
                return text;
            }
            for step in 0..usize::from(second & 0x0F) + 2 {
                let byte = window[(from + step) % WINDOW_BYTES];
                at = put(byte, &mut window, &mut text);
            }
        }
    }
    text
}

/// The words of a piece of RTF. HTML that Outlook wrapped in it is unwrapped and read as HTML.
pub(super) fn to_text(rtf: &[u8]) -> String {
    let is_html = rtf.windows(9).take(500).any(|word| word == b"\\fromhtml");
    let mut writer = Writer { is_html, ..Writer::default() };
    writer.read(rtf);
    writer.flush();
    if is_html { html::to_text(&writer.text) } else { writer.text }
}

/// Groups whose text is not the document's.
const SILENT: &[&str] = &[
    "fonttbl",
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "object",
    "header",
    "footer",
    "generator",
    "xmlnstbl",
];

/// Whether the text of a group is left out, and how many replacement characters follow a `\u`.
#[derive(Clone, Copy)]
struct Group {
    silent: bool,
    hidden: bool,
    skip: usize,
}

#[derive(Default)]
struct Writer {
    is_html: bool,
    text: String,
    /// Bytes of the document's set that wait to be decoded together.
    bytes: Vec<u8>,
    /// Characters that stand for a `\u` in programs that do not know it.
    to_skip: usize,
}

impl Writer {
    fn read(&mut self, rtf: &[u8]) {
        let mut groups = vec![Group { silent: false, hidden: false, skip: 1 }];
        let mut at = 0;
        while let Some(byte) = rtf.get(at) {
            at += 1;
            let group = groups.last().copied().unwrap_or(Group { silent: true, hidden: false, skip: 1 });
            match byte {
                b'{' if groups.len() < WINDOW_BYTES => groups.push(group),
                b'{' => return,
                b'}' => {
                    groups.pop();
                }
                b'\r' | b'\n' => {}
                b'\\' => {
                    let length = self.control(&rtf[at..], &mut groups);
                    at += length;
                }
                _ => self.byte(*byte, group),
            }
            if groups.is_empty() || self.text.len() > MOST_BYTES {
                return;
            }
        }
    }

    /// A control word or symbol; gives the bytes that it takes.
    fn control(&mut self, rest: &[u8], groups: &mut [Group]) -> usize {
        let Some(group) = groups.last_mut() else { return 0 };
        let letters = rest.iter().take(32).take_while(|byte| byte.is_ascii_alphabetic()).count();
        if letters == 0 {
            return self.symbol(rest, group);
        }
        let digits =
            rest[letters..].iter().take(10).take_while(|b| b.is_ascii_digit() || **b == b'-').count();
        let word = std::str::from_utf8(&rest[..letters]).unwrap_or_default();
        let number =
            std::str::from_utf8(&rest[letters..letters + digits]).unwrap_or_default().parse::<i32>().ok();
        let space = usize::from(rest.get(letters + digits) == Some(&b' '));
        match word {
            "par" | "line" | "row" => self.plain("\n", *group),
            "tab" | "cell" => self.plain("\t", *group),
            "uc" => group.skip = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(8),
            "u" => {
                let code = number.unwrap_or_default();
                let code = u32::try_from(if code < 0 { code + 0x1_0000 } else { code }).unwrap_or_default();
                self.plain(
                    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4]),
                    *group,
                );
                self.to_skip = group.skip;
            }
            "lquote" | "rquote" => self.plain("'", *group),
            "ldblquote" | "rdblquote" => self.plain("\"", *group),
            "bullet" => self.plain("*", *group),
            "endash" | "emdash" => self.plain("-", *group),
            // What is meant for programs that read RTF alone (MS-OXRTFEX section 2.1.3.1.5).
            "htmlrtf" if self.is_html => group.hidden = number != Some(0),
            "htmltag" | "mhtmltag" => group.silent = word == "mhtmltag",
            "bin" => {
                return letters
                    + digits
                    + space
                    + usize::try_from(number.unwrap_or(0)).unwrap_or(0).min(rest.len());
            }
            _ if SILENT.contains(&word) => group.silent = true,
            _ => {}
        }
        letters + digits + space
    }

    fn symbol(&mut self, rest: &[u8], group: &mut Group) -> usize {
        match rest.first() {
            Some(b'\'') => {
                let hex = rest.get(1..3).and_then(|hex| std::str::from_utf8(hex).ok());
                if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                    self.byte(byte, *group);
                }
                3.min(rest.len())
            }
            Some(b'*') => {
                // A destination that may be left out; those with HTML in them say so in their next word.
                group.silent = !rest.starts_with(b"*\\htmltag");
                1
            }
            Some(b'~') => {
                self.plain(" ", *group);
                1
            }
            Some(byte @ (b'\\' | b'{' | b'}')) => {
                self.byte(*byte, *group);
                1
            }
            Some(b'\n' | b'\r') => {
                self.plain("\n", *group);
                1
            }
            Some(_) => 1,
            None => 0,
        }
    }

    fn byte(&mut self, byte: u8, group: Group) {
        if self.to_skip > 0 {
            self.to_skip -= 1;
        } else if !group.silent && !group.hidden {
            self.bytes.push(byte);
        }
    }

    fn plain(&mut self, text: &str, group: Group) {
        self.to_skip = 0;
        if !group.silent && !group.hidden {
            self.flush();
            self.text.push_str(text);
        }
    }

    fn flush(&mut self) {
        self.text.push_str(&charset::decoded("windows-1252", &self.bytes));
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_document() {
        let rtf = br"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator Riched20;}\pard De printer\par is st\'fck: \u8364?5, \{x\}.\par}";
        assert_eq!(to_text(rtf), "De printer\nis stük: €5, {x}.\n");
    }

    #[test]
    fn html_in_rtf() {
        let rtf = br"{\rtf1\ansi\fromhtml1 \deff0{\fonttbl{\f0 Arial;}}{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 De printer is {\*\htmltag84 <b>}stuk{\*\htmltag92 </b>}.\htmlrtf\par}\htmlrtf0{\*\htmltag72 </p>}}";
        assert_eq!(to_text(rtf), "De printer is stuk.");
    }

    #[test]
    fn a_compressed_block() {
        // The example of MS-OXRTFCP section 4.1.1.
        let block = [
            0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0, 0x0a, 0,
            0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09,
            0, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0,
        ];
        let rtf = decompressed(&block).unwrap();
        assert_eq!(String::from_utf8_lossy(&rtf), "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
        for end in 0..block.len() {
            let _ = decompressed(&block[..end]);
        }
    }

    #[test]
    fn hostile_rtf_ends() {
        let nested = "{".repeat(100_000);
        to_text(nested.as_bytes());
        to_text(b"{\\rtf1 \\bin99999999 x}");
        to_text(b"}}}}");
        to_text(b"{\\rtf1 \\u-99999 \\'z");
    }
}
