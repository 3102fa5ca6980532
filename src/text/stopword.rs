//! Words that say nothing on what a text is about, by language.
//!
//! Short lists of our own: articles, pronouns, auxiliary verbs, prepositions
//! and the scaffolding of questions and requests. Negations and words such as
//! `off` are not in them, since they turn a question round.

use std::sync::LazyLock;

use rustc_hash::{FxHashMap, FxHashSet};

use super::language::Language;
use super::normalize::fold_word;

/// Languages with a list, in the order of their votes.
pub const LANGUAGES: [&str; 20] = [
    "en", "de", "es", "fr", "it", "pt", "nl", "sv", "da", "no", "fi", "pl", "tr", "ro", "cs", "hu", "ru", "zh", "ja",
    "ar",
];

const LISTS: [&str; LANGUAGES.len()] = [
    "a about actually all also am an and any anybody anyone are as at be because been being between both but by can \
     can't could did didn't do does doesn't doing don't each else etc for from get gets getting give go going gonna \
     got had has have having he hello help her here hers hey hi him his how how's hows i i'd i'll i'm i've if im in into is ive \
     it it's its itself just know let let's like may maybe me might my myself need of on or our ours ourselves out \
     over please possible properly really s same shall she should so some somebody someone something such tell than \
     thank thanks that that's thats the their theirs them themselves then there there's these they they're thing things \
     this those through to too trying until upon us very via want wanted wanting wants was way we we're were what \
     what's whats when where where's wheres whether which while who whom whos whose why will wish with would yet you you'd you're you've youre \
     your yours yourself",
    "aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei beim bin bis bist bitte da \
     dabei dadurch dafür damit dann daran darf darüber das dass dazu dein deine dem den denn der deren des deshalb \
     dessen dich die dies diese diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines \
     er es etwas euch euer für gegen gern geht gibt habe haben hallo hat hatte hatten hier hin ich ihm ihn ihnen ihr \
     ihre ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jedes jetzt kann kannst können könnte könnten \
     machen man mein meine meinem meinen meiner meines mich mir mit möchte muss müssen nach noch nun nur ob oder \
     sehr sein seine seinem seinen seiner seit sich sie sind so soll sollte sondern sowie über um und uns unser \
     unsere unter vom von vor wann war waren warum was welche welchem welchen welcher welches wenn wer werde werden \
     wessen wie wieso will wir wird wo wobei wodurch wofür woher wohin womit worden wurde wurden zu zum zur zwischen",
    "a acerca al algo algún alguna algunas alguno algunos ante aquel aquella aquellas aquello aquellos así aún aunque \
     cada como cómo con cual cuál cuáles cualquier cuando cuándo cuánta cuántas cuánto cuántos cuya cuyo de debe debo \
     del desde donde dónde durante e el él ella ellas ellos en entonces entre era eran eres es esa esas ese eso esos \
     está están estar estas este esto estos estoy favor fue fueron gracias ha haber había hacer hacia hago han hasta \
     hay hola la las le les lo los me mi mis muy necesito nos nosotros nuestra nuestras nuestro nuestros o para pero \
     poder podría por porque posible puede pueden puedo que qué quien quién quiénes quiero quisiera se según ser si sí \
     sido siendo sobre son soy su sus también tan te tener tengo tiene tienen todo todos tu tus u un una unas uno unos \
     usted ustedes y ya yo",
    "à afin ai alors as au aucun aura aussi autre autres aux avait avec avez avoir avons bonjour c ça car ce ceci cela \
     celle celles celui ces cet cette ceux chaque chez combien comme comment d dans de depuis des dois doit donc dont \
     du elle elles en entre es est et était étaient étant été être eu eux fait faire faut font ici il ils j je l la \
     laquelle le lequel les lesquels leur leurs lors lorsque lui m ma mais me merci mes moi mon n nos notre nous on \
     ont or ou où par parce pendant peut peuvent peux plaît pour pourquoi pourrais puis qu quand que quel quelle \
     quelles quels qui quoi s sa se ses si sien soi soit sommes son sont souhaite sous suis sur t ta tandis te tel tes \
     toi ton tous tout toute toutes très tu un une vers veux voudrais vos votre vous y",
    "a abbiamo ad agli ai al alla alle allo anche avere aveva c che chi ci ciao ciascuno coi col come con cosa così \
     cui da dagli dai dal dalla dalle dallo degli dei del dell della delle dello deve devo di dove e è ed era erano \
     essere fa faccio fare fra gli grazie ha hai hanno ho i il in io l la le lei li lo loro lui ma me mi mia mie miei \
     mio ne negli nei nel nella nelle nello noi nostra nostre nostri nostro o per perché però più poi posso possono \
     potrei può puoi qual quale quali quando quanta quante quanti quanto quegli quella quelle quello questa queste \
     questi questo qui s se sei si sia sono sta stato su sua sue sugli sui sul sulla sulle suo suoi tra tu tua tue tuo \
     tuoi tutti tutto un una uno vi voglio voi vorrei vostra vostro",
    "a à ao aos aquela aquelas aquele aqueles aquilo as às até com como consigo da das de dela delas dele deles depois \
     desde deve devo do dos e é ela elas ele eles em entre era eram és essa essas esse esses esta está estão estar \
     estas este estes estou eu faço favor fazer foi foram fosse gostaria há isso isto já la lhe lhes mais mas me mesmo \
     meu meus minha minhas muito na nas nem no nos nós nossa nossas nosso nossos num numa o obrigado olá onde os ou \
     para pela pelas pelo pelos pode podem poder posso pois por porque preciso qual quais qualquer quando quanto que \
     quê quem quero são se seja sem ser seu seus si sido só sobre sou sua suas também te tem têm tenho ter teu tu tua \
     tudo um uma umas uns você vocês vos",
    "aan al alle als altijd ander andere bent bij dan dat de deze die dit doe doen door dus een en er ge graag had \
     hallo hebben hebt heeft heel hem het hier hij hoe hoeveel hun iemand iets ik in is ja je jij jou jouw jullie kan \
     kun kunnen kunt maar me men met mij mijn moet moeten mogen na naar nog nu of om omdat onder ons onze ook op over \
     te tegen toch tot u uit uw van veel voor waar waarom wanneer want waren was wat we welk welke werd wie wij wil \
     willen word worden wordt zal ze zelf zich zij zijn zo zou zouden",
    "alla allt att av blev bli blir då dag de dem den denna deras dess dessa det detta dig din dina där efter ej eller \
     en er era ett från för göra gör ha hade han har hej hej hur här i ja jag kan kunna man med mellan men mig min \
     mina mitt mot mycket när nu och om oss på samma ska skulle som så till under upp ut vad var vara varför vi vid \
     vilka vilken vilket vill än är åt över",
    "af alle alt at blev blive bliver da de dem den denne der deres det dette dig din dine disse dit du efter ej eller \
     en end er et for fra gør gøre ham han hans har havde have hej her hos hun hvad hvem hver hvilken hvilket hvis \
     hvor hvordan hvorfor hvornår i jeg jer jeres kan kunne man med meget mellem men mig min mine mit mod når nu og \
     også om op os over på sig sin skal skulle som så til ud under var ved vi vil ville være være",
    "alle alt at av bare ble bli blir da de deg dem den denne der deres det dette di din dine disse ditt du eller en \
     enn er et etter for fra før gjør gjøre ha hadde han hans har hei hennes her hos hun hva hvem hver hvilke hvilken \
     hvis hvor hvordan hvorfor i jeg kan kunne man med meg meget mellom men min mine mitt mot mye nå når og også om \
     opp oss over på seg selv sin skal skulle som så til ut uten var ved vi vil ville være vår",
    "ei eli emme en ehkä että hei hän he heidän häntä itse ja joka joita joka jolla jos jossa jotka kaikki kanssa \
     kiitos koska kuin kuinka kuka kun kyllä me meidän mihin mikä miksi millainen milloin minkä minua minulla minun \
     minä missä mistä miten mitä mutta myös ne niiden niin niitä noin nyt näin nämä ole olen oli olivat olla on onko \
     ovat paljonko se sekä sen siellä siinä siitä sinun sinä sitten sitä tai te teidän tämä tämän tässä tätä vaan vai \
     vain voi voin voinko voit",
    "aby albo ale ależ bardzo bez bo być by był była było były chcę co czy czyli da dla do gdy gdzie go i ich ile im \
     iż ja jak jaka jaki jakie jako jego jej jest jestem jeśli już każdy kiedy kto która które którego której który \
     których którzy lub ma mam mamy mi mnie mogę może można moja moje mój na nad nam nas nasz o od on ona one oni oraz \
     po pod ponieważ proszę przed przez przy są się skąd swoje ta tak także tam te tego tej ten to trzeba tu tylko ty \
     tym u w we więc wszystkie wszystko z za ze że",
    "acaba ama ancak bana bazı belki ben beni benim bir biz bize bizim böyle bu buna bunda bundan bunlar bunu bunun \
     çok çünkü da daha de diye en eğer gibi göre hangi hem hep her için içinde ile ise istiyorum kadar kaç ki kim mi \
     mı mu mü nasıl ne neden nedir nerede nereye niçin niye o olan olarak oldu olduğu olur ona onlar onlari onu onun \
     sen senin şey siz size sizin şu şunu tüm var ve veya ya yapabilirim yapılır",
    "a acea aceasta această aceea acel acela acele acest acesta aceste acestea ai aici al ale am ar are aş așa asta au \
     avea aveți bună ca că când care câte ce cel cele cine cu cum cât da dacă dar de deci din după e ea ei el ele era \
     este eu fac face fi fie fost îi îl îmi în între la le li lor lui mai mă mea mei meu mi ne noi noastre nostru nu-i \
     o ori pe pentru poate pot prin s sa sale sau să se și si sunt ta te toate tot tu un una unde unei unor unui va \
     vă voi vreau vom",
    "a aby ahoj ale ani ano asi až bez bude by byl byla bylo být co což či další děkuji do ho i já jak jaké jako je \
     jeho jej její jejich jen ještě ji jsem jsi jsme jsou jste k kam kde kdo kdy když která které který kteří ke mám \
     mě mezi mi mně mohu můj můžu my na nad nám náš nebo něco od on ona oni ono pak po pod podle pokud pro proč prosím \
     protože před při s se si svůj ta tak také tedy ten tento to toho tom toto tu tuto ty tyto u už v vám váš ve více \
     však vy z za ze že",
    "a abban ahhoz ahogy ahol aki akik akkor ami amely amelyek amelyet amikor amit az azok azt azonban azért be benne \
     csak de e egy egyes egyik ehhez ekkor el ember én engem ennek erre és ez ezek ezen ezt fel ha hanem hogy hogyan \
     hol honnan hova hozzá igen ill ilyen is itt jó kell ki kérem között le legyen lehet lesz ma maga majd már még meg \
     melyik mert mi miért mikor milyen mint mit most nagyon nekem o ő ők olyan össze per s saját sok szeretném szia \
     tehát te tud tudom tudok úgy új után vagy vagyok van vannak volt",
    "а без более бы был была были было быть в вам вас ваш весь во вот все всего всех вы где да для до его ее её если \
     есть еще ещё же за здесь здравствуйте и из или им их к как какая какие какой когда кого кто куда ли лучше мне мной \
     могу может можно мои мой моя мы на над надо нам нас наш него нее ней них но ну нужно о об один она они оно он от \
     откуда очень по под подскажите пожалуйста почему привет при про с сам свой свою себя сейчас сколько со спасибо \
     так также такой там те тем то того тоже той только том ты тут у уже хотел хочу чего чем что чтобы чьи эта эти это \
     этого этой этом этот эту я",
    "的 了 是 在 和 与 及 或 吗 呢 吧 啊 呀 么 把 被 给 对 从 到 向 由 以 于 而 也 都 就 还 又 很 更 最 这 那 这个 那个 这些 那些 \
     我 你 您 他 她 它 我们 你们 您们 他们 自己 什么 怎么 怎样 怎么样 如何 为什么 为何 哪 哪个 哪些 哪里 哪儿 谁 多少 几 几个 是否 \
     可以 能 能够 能不能 可不可以 想 要 想要 需要 应该 请 请问 谢谢 你好 您好 一个 一下 有 有没有 会 让 使 所 之 其 并 并且 但 但是 \
     如果 因为 所以 個 這 這個 那個 這些 們 我們 嗎 為什麼 怎麼 什麼 哪裡 請 請問 謝謝 會 對 從 與 於",
    "の に は を た が で て と し れ さ ある いる も する から な こと として い や など なっ ない この ため その あっ よう また もの \
     という あり まで られ なる へ か だ これ によって により おり より による ず なり られる において ば なかっ なく しかし について せ だっ \
     できる それ う ので なお のみ でき き つ における および いう さらに でも ら たり その他 に関する ます です ました ません どう どうやって \
     どの どこ 何 なに なぜ いつ 誰 ください 教えて 方法 には とは したい",
    "في من على إلى عن مع هذا هذه ذلك تلك الذي التي الذين ما ماذا متى كيف أين لماذا هل كم من أي أنا أنت هو هي نحن هم \
     أن إن كان كانت يكون تكون قد لقد ثم أو و ف ب ل ك كل بعض غير عند بين بعد قبل حتى إذا لو لكن كما أيضا يمكن يمكنني \
     أريد مرحبا شكرا لدي عندي به بها له لها فيه فيها منه منها عليه عليها",
];

/// The words of one language that questions and texts on anything have.
#[derive(Clone, Copy)]
pub struct Stopwords(Option<&'static FxHashSet<&'static str>>);

static SETS: LazyLock<FxHashMap<&'static str, FxHashSet<&'static str>>> = LazyLock::new(|| {
    LANGUAGES.into_iter().zip(LISTS.iter().map(|list| list.split_ascii_whitespace().collect())).collect()
});

/// For each word of a list in a script that languages share: the languages, as bits.
static VOTES: LazyLock<FxHashMap<&'static str, u32>> = LazyLock::new(|| {
    let mut votes = FxHashMap::default();
    for (at, list) in LISTS.iter().enumerate() {
        for word in list.split_ascii_whitespace() {
            *votes.entry(word).or_default() |= 1 << at;
        }
    }
    votes
});

impl Stopwords {
    /// The list of a language; an empty one where there is none.
    pub fn of(language: Language) -> Self {
        Self(SETS.get(language.as_str()))
    }

    /// The words of the list, folded, in no particular order.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        self.0.into_iter().flatten().copied()
    }

    /// Whether a folded word is in the list.
    pub fn contains(self, folded: &str) -> bool {
        self.0.is_some_and(|set| set.contains(folded))
    }
}

/// Adds the votes of `word` to every language that has it in its list: three,
/// or one for a word of one or two letters, which many languages share.
pub fn vote(word: &str, votes: &mut [u32; LANGUAGES.len()]) {
    const LONGEST: usize = 24;
    if word.len() > LONGEST {
        return;
    }
    let weight = if word.chars().nth(2).is_some() { 3 } else { 1 };
    let mut bits = VOTES.get(fold_word(word).as_ref()).copied().unwrap_or(0);
    while bits != 0 {
        votes[bits.trailing_zeros() as usize] += weight;
        bits &= bits - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_folded_form_and_leave_negations_out() {
        for (code, list) in LANGUAGES.into_iter().zip(LISTS) {
            for word in list.split_ascii_whitespace() {
                assert_eq!(fold_word(word), word, "{code}");
            }
        }
        let english = Stopwords::of(Language::ENGLISH);
        for word in ["not", "no", "off", "without", "never", "export"] {
            assert!(!english.contains(word), "{word}");
        }
        assert!(english.contains("how") && english.contains("don't"));
        assert!(!Stopwords::of(Language::new("th").unwrap()).contains("how"));
    }
}
