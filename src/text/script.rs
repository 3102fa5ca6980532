//! The writing system of a character, as far as searching depends on it.

/// A writing system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Script {
    /// Digits, punctuation, symbols and marks that many scripts share.
    Common,
    /// Latin, phonetic letters included.
    Latin,
    /// Greek.
    Greek,
    /// Cyrillic.
    Cyrillic,
    /// Armenian.
    Armenian,
    /// Hebrew.
    Hebrew,
    /// Arabic.
    Arabic,
    /// Devanagari.
    Devanagari,
    /// Bengali.
    Bengali,
    /// Gurmukhi.
    Gurmukhi,
    /// Gujarati.
    Gujarati,
    /// Tamil.
    Tamil,
    /// Telugu.
    Telugu,
    /// Kannada.
    Kannada,
    /// Malayalam.
    Malayalam,
    /// Sinhala.
    Sinhala,
    /// Thai.
    Thai,
    /// Lao.
    Lao,
    /// Burmese.
    Myanmar,
    /// Georgian.
    Georgian,
    /// Hangul syllables and letters.
    Hangul,
    /// Ethiopic.
    Ethiopic,
    /// Khmer.
    Khmer,
    /// Hiragana and katakana.
    Kana,
    /// Chinese characters, as Chinese, Japanese and old Korean write them.
    Han,
    /// A script that search treats like any other with spaces.
    Other,
}

/// Blocks of letters in the order of their first character; what lies between
/// them is [`Script::Common`] or [`Script::Other`].
const BLOCKS: [(char, char, Script); 52] = [
    ('A', 'Z', Script::Latin),
    ('a', 'z', Script::Latin),
    ('ª', 'ª', Script::Latin),
    ('º', 'º', Script::Latin),
    ('À', 'Ö', Script::Latin),
    ('Ø', 'ö', Script::Latin),
    ('ø', '\u{2AF}', Script::Latin),
    ('\u{370}', '\u{3FF}', Script::Greek),
    ('\u{400}', '\u{52F}', Script::Cyrillic),
    ('\u{531}', '\u{58F}', Script::Armenian),
    ('\u{591}', '\u{5F4}', Script::Hebrew),
    ('\u{610}', '\u{61A}', Script::Arabic),
    ('\u{620}', '\u{65F}', Script::Arabic),
    ('\u{66E}', '\u{6D3}', Script::Arabic),
    ('\u{6D5}', '\u{6FF}', Script::Arabic),
    ('\u{750}', '\u{77F}', Script::Arabic),
    ('\u{8A0}', '\u{8FF}', Script::Arabic),
    ('\u{900}', '\u{963}', Script::Devanagari),
    ('\u{971}', '\u{97F}', Script::Devanagari),
    ('\u{980}', '\u{9FF}', Script::Bengali),
    ('\u{A00}', '\u{A7F}', Script::Gurmukhi),
    ('\u{A80}', '\u{AFF}', Script::Gujarati),
    ('\u{B80}', '\u{BFF}', Script::Tamil),
    ('\u{C00}', '\u{C7F}', Script::Telugu),
    ('\u{C80}', '\u{CFF}', Script::Kannada),
    ('\u{D00}', '\u{D7F}', Script::Malayalam),
    ('\u{D80}', '\u{DFF}', Script::Sinhala),
    ('\u{E01}', '\u{E3A}', Script::Thai),
    ('\u{E40}', '\u{E4E}', Script::Thai),
    ('\u{E80}', '\u{EFF}', Script::Lao),
    ('\u{1000}', '\u{109F}', Script::Myanmar),
    ('\u{10A0}', '\u{10FF}', Script::Georgian),
    ('\u{1100}', '\u{11FF}', Script::Hangul),
    ('\u{1200}', '\u{139F}', Script::Ethiopic),
    ('\u{1780}', '\u{17FF}', Script::Khmer),
    ('\u{1C80}', '\u{1C8F}', Script::Cyrillic),
    ('\u{1E00}', '\u{1EFF}', Script::Latin),
    ('\u{1F00}', '\u{1FFF}', Script::Greek),
    ('\u{2C60}', '\u{2C7F}', Script::Latin),
    ('\u{3005}', '\u{3007}', Script::Han),
    ('\u{3041}', '\u{309F}', Script::Kana),
    ('\u{30A1}', '\u{30FA}', Script::Kana),
    ('\u{30FC}', '\u{30FF}', Script::Kana),
    ('\u{3131}', '\u{318E}', Script::Hangul),
    ('\u{31F0}', '\u{31FF}', Script::Kana),
    ('\u{3400}', '\u{4DBF}', Script::Han),
    ('\u{4E00}', '\u{9FFF}', Script::Han),
    ('\u{A640}', '\u{A69F}', Script::Cyrillic),
    ('\u{A720}', '\u{A7FF}', Script::Latin),
    ('\u{AC00}', '\u{D7FF}', Script::Hangul),
    ('\u{F900}', '\u{FAFF}', Script::Han),
    ('\u{20000}', '\u{3FFFF}', Script::Han),
];

impl Script {
    /// The script of a character.
    pub fn of(c: char) -> Self {
        if c.is_ascii() {
            return if c.is_ascii_alphabetic() { Self::Latin } else { Self::Common };
        }
        let after = BLOCKS.partition_point(|(first, ..)| *first <= c);
        match after.checked_sub(1).map(|at| BLOCKS[at]) {
            Some((_, last, script)) if c <= last => script,
            _ if c.is_alphabetic() => Self::Other,
            _ => Self::Common,
        }
    }

    /// Whether words stand without spaces between them.
    pub fn is_unspaced(self) -> bool {
        matches!(self, Self::Han | Self::Kana | Self::Thai | Self::Lao | Self::Khmer | Self::Myanmar)
    }

    /// The primary language subtag, where one language has nearly all the text
    /// in the script. Han without kana counts as Chinese.
    pub fn only_language(self) -> Option<&'static str> {
        match self {
            Self::Greek => Some("el"),
            Self::Armenian => Some("hy"),
            Self::Hebrew => Some("he"),
            Self::Bengali => Some("bn"),
            Self::Gurmukhi => Some("pa"),
            Self::Gujarati => Some("gu"),
            Self::Tamil => Some("ta"),
            Self::Telugu => Some("te"),
            Self::Kannada => Some("kn"),
            Self::Malayalam => Some("ml"),
            Self::Sinhala => Some("si"),
            Self::Thai => Some("th"),
            Self::Lao => Some("lo"),
            Self::Myanmar => Some("my"),
            Self::Georgian => Some("ka"),
            Self::Hangul => Some("ko"),
            Self::Ethiopic => Some("am"),
            Self::Khmer => Some("km"),
            Self::Kana => Some("ja"),
            Self::Han => Some("zh"),
            Self::Common | Self::Latin | Self::Cyrillic | Self::Arabic | Self::Devanagari | Self::Other => None,
        }
    }

    /// The language of most text in a script that several share, if one stands out.
    pub fn commonest_language(self) -> Option<&'static str> {
        match self {
            Self::Cyrillic => Some("ru"),
            Self::Arabic => Some("ar"),
            Self::Devanagari => Some("hi"),
            Self::Latin | Self::Common | Self::Other => None,
            only => only.only_language(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_in_order() {
        assert!(BLOCKS.windows(2).all(|pair| pair[0].1 < pair[1].0));
        assert!(BLOCKS.iter().all(|(first, last, _)| first <= last));
    }

    #[test]
    fn letters_have_their_script() {
        for (c, script) in [
            ('a', Script::Latin),
            ('ß', Script::Latin),
            ('ệ', Script::Latin),
            ('λ', Script::Greek),
            ('ж', Script::Cyrillic),
            ('ع', Script::Arabic),
            ('क', Script::Devanagari),
            ('ก', Script::Thai),
            ('한', Script::Hangul),
            ('あ', Script::Kana),
            ('ー', Script::Kana),
            ('漢', Script::Han),
            ('𠮷', Script::Han),
            ('7', Script::Common),
            ('×', Script::Common),
            ('，', Script::Common),
            ('🙂', Script::Common),
        ] {
            assert_eq!(Script::of(c), script, "{c}");
        }
    }
}
