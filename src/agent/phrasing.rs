//! The few sentences that the agent says in its own words, by language.
//!
//! Everything else it says is an author's text. A language that is not listed
//! falls back to English.

use crate::domain::locale::Locale;

/// The agent's own sentences in one language.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Phrasing {
    language: &'static str,
    /// Asks which of several answers was meant.
    pub(super) did_you_mean: &'static str,
    /// Says that the knowledge does not hold the answer.
    pub(super) no_answer: &'static str,
    /// Comes before the articles nearest to a question without an answer.
    pub(super) nearest: &'static str,
    /// Comes before further articles.
    pub(super) see_also: &'static str,
}

const ENGLISH: Phrasing = Phrasing {
    language: "en",
    did_you_mean: "Did you mean one of these?",
    no_answer: "I could not find an answer to that.",
    nearest: "These articles come closest:",
    see_also: "See also:",
};

const OTHERS: &[Phrasing] = &[
    Phrasing {
        language: "de",
        did_you_mean: "Meinten Sie eines davon?",
        no_answer: "Dazu habe ich keine Antwort gefunden.",
        nearest: "Diese Artikel kommen dem am nächsten:",
        see_also: "Siehe auch:",
    },
    Phrasing {
        language: "fr",
        did_you_mean: "Vouliez-vous dire l'une de ces questions ?",
        no_answer: "Je n'ai pas trouvé de réponse à cette question.",
        nearest: "Ces articles s'en approchent le plus :",
        see_also: "Voir aussi :",
    },
    Phrasing {
        language: "es",
        did_you_mean: "¿Quiso decir una de estas?",
        no_answer: "No he encontrado una respuesta a eso.",
        nearest: "Estos artículos son los más cercanos:",
        see_also: "Vea también:",
    },
    Phrasing {
        language: "pt",
        did_you_mean: "Quis dizer uma destas?",
        no_answer: "Não encontrei uma resposta para isso.",
        nearest: "Estes artigos são os mais próximos:",
        see_also: "Veja também:",
    },
    Phrasing {
        language: "it",
        did_you_mean: "Intendeva una di queste?",
        no_answer: "Non ho trovato una risposta.",
        nearest: "Questi articoli sono i più vicini:",
        see_also: "Vedi anche:",
    },
    Phrasing {
        language: "nl",
        did_you_mean: "Bedoelde u een van deze?",
        no_answer: "Daar heb ik geen antwoord op gevonden.",
        nearest: "Deze artikelen komen het dichtst in de buurt:",
        see_also: "Zie ook:",
    },
    Phrasing {
        language: "zh",
        did_you_mean: "您是想问以下哪一个？",
        no_answer: "我没有找到这个问题的答案。",
        nearest: "以下文章最为接近：",
        see_also: "另请参阅：",
    },
    Phrasing {
        language: "ja",
        did_you_mean: "次のどれかをお探しですか？",
        no_answer: "その答えは見つかりませんでした。",
        nearest: "次の記事が最も近い内容です：",
        see_also: "関連記事：",
    },
];

impl Phrasing {
    /// The sentences for `locale`, else for `fallback`, else in English.
    pub(super) fn of(locale: Option<&Locale>, fallback: &Locale) -> &'static Self {
        let language = locale.unwrap_or(fallback).language();
        OTHERS.iter().find(|phrasing| phrasing.language == language).unwrap_or(&ENGLISH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_without_sentences_falls_back_to_english() {
        let locale = |tag| Locale::new(tag).expect("a tag");
        assert_eq!(Phrasing::of(Some(&locale("de-AT")), &locale("en")).language, "de");
        assert_eq!(Phrasing::of(None, &locale("zh-Hant")).language, "zh");
        assert_eq!(Phrasing::of(Some(&locale("fi")), &locale("de")), &ENGLISH);
    }
}
