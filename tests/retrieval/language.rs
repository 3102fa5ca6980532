//! Articles in several languages.

use docent::domain::locale::Locale;
use docent::retrieval::search::{SemanticUse, SkipReason};

use crate::library::{article, ids, index, search};

fn articles() -> Vec<docent::domain::article::Article> {
    vec![
        article("en-export", "Exporting data", "Open the settings and choose export to download your data as a file."),
        article("en-invite", "Inviting people", "Send an invitation to your colleagues from the team page."),
        article(
            "de-export",
            "Daten exportieren",
            "Öffnen Sie die Einstellungen und wählen Sie Exportieren, um Ihre Daten als Datei herunterzuladen.",
        ),
        article("zh-export", "导出数据", "打开设置，选择导出，即可将您的数据下载为文件。"),
        article(
            "ja-export",
            "データのエクスポート",
            "設定を開き、エクスポートを選ぶと、データをファイルとしてダウンロードできます。",
        ),
        article("th-export", "ส่งออกข้อมูล", "เปิดการตั้งค่าแล้วเลือกส่งออกเพื่อดาวน์โหลดข้อมูลของคุณเป็นไฟล์"),
        article(
            "ru-export",
            "Экспорт данных",
            "Откройте настройки и выберите экспорт, чтобы скачать ваши данные в файл.",
        ),
        article("ar-export", "تصدير البيانات", "افتح الإعدادات واختر التصدير لتنزيل بياناتك كملف."),
        article("ko-export", "데이터 내보내기", "설정을 열고 내보내기를 선택하여 데이터를 파일로 다운로드하세요."),
    ]
}

#[tokio::test]
async fn a_question_finds_the_article_in_its_language() {
    let index = index(articles()).await;
    for (query, expected, language) in [
        ("How do I export my data?", "en-export", "en"),
        ("Wie kann ich meine Daten exportieren?", "de-export", "de"),
        ("如何导出数据？", "zh-export", "zh"),
        ("データをエクスポートするには？", "ja-export", "ja"),
        ("ส่งออกข้อมูลอย่างไร", "th-export", "th"),
        ("Как экспортировать данные?", "ru-export", "ru"),
        ("كيف يمكنني تصدير البيانات؟", "ar-export", "ar"),
        ("데이터를 내보내려면 어떻게 하나요?", "ko-export", "ko"),
    ] {
        let result = search(&index, query, None).await;
        assert_eq!(result.query_language.as_str(), language, "{query}");
        assert_eq!(ids(&result).first(), Some(&expected), "{query}");
        let only = result.passages.iter().all(|scored| scored.passage.language == result.query_language);
        assert!(only, "{query} found other languages: {:?}", ids(&result));
        assert_eq!(result.semantic == SemanticUse::Used, language == "en", "{query}: {:?}", result.semantic);
        assert!(!result.degraded);
    }
}

#[tokio::test]
async fn a_language_without_articles_searches_all_of_them() {
    let index =
        index(articles().into_iter().filter(|article| article.id.as_str().starts_with("en")).collect::<Vec<_>>()).await;
    let result = search(&index, "Comment puis-je utiliser export pour mes données ?", Some("fr")).await;
    assert_eq!(result.query_language.as_str(), "fr");
    assert_eq!(ids(&result).first(), Some(&"en-export"));
    let SemanticUse::Skipped(reason) = result.semantic else { panic!("the embedder knows no French") };
    assert_eq!(reason.to_string(), "the embedder `static-en` does not know the question's language, `fr`");
}

#[tokio::test]
async fn the_articles_language_can_keep_the_semantic_side_out() {
    let index =
        index(articles().into_iter().filter(|article| article.id.as_str().starts_with("zh")).collect::<Vec<_>>()).await;
    let result = search(&index, "How do I export the data as a file?", None).await;
    let SemanticUse::Skipped(reason) = result.semantic else { panic!("no article has a vector") };
    assert!(matches!(reason, SkipReason::Articles { .. }), "{reason}");
    assert_eq!(reason.to_string(), "the embedder `static-en` does not know the articles' language, `zh`");
}

#[tokio::test]
async fn a_declared_language_is_taken_as_it_is() {
    let mut declared = article("a", "Export", "Export CSV");
    declared.locale = Locale::new("de-AT");
    let index = index([declared]).await;
    assert_eq!(index.languages().map(|language| language.to_string()).collect::<Vec<_>>(), ["de"]);
}

#[tokio::test]
async fn names_are_found_whole_and_in_parts() {
    let index = index([
        article("ids", "Identity", "Pass the user_id and the emailAddress of the person who signed in."),
        article("other", "Colors", "Choose a color for the launcher and for the messages."),
    ])
    .await;
    for query in ["user_id", "userId", "user-id", "email address", "emailaddress", "EMAIL_ADDRESS"] {
        let result = search(&index, query, None).await;
        assert_eq!(ids(&result).first(), Some(&"ids"), "{query}");
        assert!(result.passages[0].lexical > 0.0, "{query}");
    }
}
