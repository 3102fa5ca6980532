//! What an endpoint is sent, and what each of its answers means to the caller.

use std::time::{Duration, Instant};

use docent::adapters::openai_chat::{OpenAiChat, OpenAiChatSettings};
use docent::ports::chat_model::{
    AnswerForm, ChatError, ChatEvent, ChatFault, ChatMessage, ChatModel, ChatRequest, StopReason, TokenUsage, ToolCall,
    ToolDefinition,
};
use futures_util::StreamExt;
use serde_json::json;

use crate::provider::{KEY, Provider, Script, Step, answer, called, ended, event, head, said, status};

fn request() -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage::System("Be kind.".to_owned()), ChatMessage::User("Hi".to_owned())],
        tools: vec![ToolDefinition {
            name: "open",
            description: "Opens.".to_owned(),
            parameters: json!({"type": "object"}),
        }],
        form: None,
        max_output_tokens: 100,
    }
}

/// All that comes of asking, as one list that ends with the end.
async fn ask(model: &OpenAiChat) -> (Vec<ChatEvent>, Option<ChatError>) {
    let stream = match model.answer(&request()).await {
        Ok(stream) => stream,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let all: Vec<_> = stream.events.collect().await;
    let error = all.iter().find_map(|event| event.clone().err());
    (all.into_iter().filter_map(Result::ok).collect(), error)
}

#[tokio::test]
async fn text_calls_and_usage_come_as_they_are_written() {
    let provider = Provider::start().await;
    let (model, mut events) = (provider.model(), vec![said("One "), said("two.")]);
    events.extend([called(0, "a", "open", "{\"post\""), called(0, "", "", ": \"x\"}"), ended("tool_calls")]);
    provider.will([answer(&events)]);
    let (events, error) = ask(&model).await;
    assert_eq!(error, None);
    let text: String = events
        .iter()
        .filter_map(|event| if let ChatEvent::Text(text) = event { Some(text.as_str()) } else { None })
        .collect();
    assert_eq!(text, "One two.");
    let call = ToolCall { id: "a".to_owned(), name: "open".to_owned(), arguments: "{\"post\": \"x\"}".to_owned() };
    let usage = Some(TokenUsage { input: 7, output: 3 });
    assert_eq!(
        events[events.len() - 2..],
        [ChatEvent::Call(call), ChatEvent::Finished { reason: StopReason::Calls, usage }]
    );

    let requests = provider.take_requests();
    assert_eq!(requests.len(), 1);
    let (head, body) = (&requests[0].head, &requests[0].body);
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{head}");
    assert!(head.contains(&format!("authorization: Bearer {KEY}")), "{head}");
    assert_eq!((&body["model"], &body["stream"], &body["max_tokens"]), (&json!("a-model"), &json!(true), &json!(100)));
    assert_eq!(body["messages"][1], json!({"role": "user", "content": "Hi"}));
}

#[tokio::test]
async fn each_status_means_what_a_caller_can_do() {
    let provider = Provider::start().await;
    let model = provider.model();
    let away = |seconds: Option<u64>| ChatFault::Unavailable { retry_after: seconds.map(Duration::from_secs) };
    for (line, headers, body, fault) in [
        ("429 Too Many Requests", "retry-after: 7\r\n", "{}", away(Some(7))),
        ("429 Too Many Requests", "", "{\"error\":{\"code\":\"insufficient_quota\"}}", ChatFault::Refused),
        ("408 Request Timeout", "", "", away(None)),
        ("500 Internal Server Error", "", "oh", away(None)),
        ("503 Service Unavailable", "retry-after-ms: 2000\r\n", "", away(Some(2))),
        ("529 Overloaded", "", "", away(None)),
        ("401 Unauthorized", "", "", ChatFault::Refused),
        ("403 Forbidden", "", "", ChatFault::Refused),
        ("404 Not Found", "", "", ChatFault::Refused),
        ("302 Found", "location: http://127.0.0.1:1/\r\n", "", ChatFault::Refused),
        ("400 Bad Request", "", "{\"error\":\"no such tool\"}", ChatFault::Refused),
        ("400 Bad Request", "", "{\"error\":{\"code\":\"context_length_exceeded\"}}", ChatFault::TooLong),
        ("413 Payload Too Large", "", "", ChatFault::TooLong),
    ] {
        provider.will([status(line, headers, &format!("{body} {KEY}"))]);
        let (events, error) = ask(&model).await;
        let error = error.expect("an error");
        assert_eq!((error.fault, error.attempts), (fault, 1), "{line} {body}");
        assert!(events.is_empty() && !format!("{error:?}").contains(KEY), "{error:?}");
        assert_eq!(provider.take_requests().len(), 1, "{line}");
    }
}

#[tokio::test]
async fn a_dialect_that_is_refused_is_left_and_remembered() {
    let provider = Provider::start().await;
    let model = provider.model();
    let refuse = |words: &str| status("400 Bad Request", "", &format!("{{\"error\":{{\"message\":\"{words}\"}}}}"));
    provider.will([refuse("unknown field stream_options"), refuse("use max_completion_tokens")]);
    let stream = model.answer(&request()).await.unwrap();
    assert_eq!(stream.attempts, 3);
    let requests = provider.take_requests();
    assert!(requests[0].body["stream_options"].is_object() && requests[1].body["stream_options"].is_null());
    assert!(requests[1].body["max_tokens"].is_u64() && requests[2].body["max_completion_tokens"].is_u64());
    let stream = model.answer(&request()).await.unwrap();
    assert_eq!(stream.attempts, 1);
    let requests = provider.take_requests();
    assert!(requests[0].body["stream_options"].is_null() && requests[0].body["max_completion_tokens"].is_u64());

    let form = || Some(AnswerForm { name: "question", schema: json!({"type": "object"}) });
    provider.will([refuse("This response_format type is unavailable now")]);
    for attempts in [2, 1] {
        let stream = model.answer(&ChatRequest { form: form(), ..request() }).await.unwrap();
        assert_eq!(stream.attempts, attempts, "what is refused is left out and not asked for again");
    }
    let formats = provider.take_requests();
    let formats: Vec<bool> = formats.iter().map(|request| request.body["response_format"].is_object()).collect();
    assert_eq!(formats, [true, false, false]);

    provider.will((0..9).map(|_| refuse("use max_tokens or max_completion_tokens")));
    let (_, error) = ask(&model).await;
    assert_eq!(
        error.map(|error| (error.fault, error.attempts)),
        Some((ChatFault::Refused, 3)),
        "it does not go on for ever"
    );
}

#[tokio::test]
async fn a_model_that_begins_with_reasoning_shows_it_only_where_nobody_knows() {
    let provider = Provider::start().await;
    let script = || answer(&[said("Hm, "), said("two.\n</think>\n\n"), said("Four."), ended("stop")]);
    let texts = |events: Vec<ChatEvent>| -> Vec<ChatEvent> {
        let is_told = |event: &ChatEvent| matches!(event, ChatEvent::Text(_) | ChatEvent::Retracted);
        events.into_iter().filter(is_told).collect()
    };
    let four = || vec![ChatEvent::Text("Four.".to_owned())];
    let model = provider.model();
    provider.will((0..3).map(|_| script()));
    let first = texts(ask(&model).await.0);
    assert_eq!(first[first.len() - 2..], [vec![ChatEvent::Retracted], four()].concat());
    assert_eq!(texts(ask(&model).await.0), four());
    let settings = OpenAiChatSettings { begins_with_reasoning: true, ..provider.settings() };
    assert_eq!(texts(ask(&OpenAiChat::new(&settings).unwrap()).await.0), four());
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_away() {
    let provider = Provider::start().await;
    let (model, resets) =
        (provider.model(), vec![vec![Step::Reset], Vec::new(), vec![Step::Send(b"nonsense\r\n\r\n".to_vec())]]);
    for script in resets {
        provider.will([script]);
        let (_, error) = ask(&model).await;
        assert!(matches!(error.unwrap().fault, ChatFault::Unavailable { .. }));
    }
    let settings = OpenAiChatSettings { base_url: "http://127.0.0.1:1/v1".to_owned(), ..provider.settings() };
    let (_, error) = ask(&OpenAiChat::new(&settings).unwrap()).await;
    assert_eq!(error.unwrap().reason, "it cannot be reached");
}

#[tokio::test]
async fn an_end_that_was_told_counts_whatever_comes_after_it() {
    let provider = Provider::start().await;
    let model = provider.model();
    let end = event(&json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}));
    let begun = || vec![Step::Send(head("200 OK").into_bytes()), Step::Send((said("Yes.") + &end).into_bytes())];
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{}{end}\r\n",
        said("Yes.").len() + end.len(),
        said("Yes.")
    );
    let scripts: [Script; 4] = [
        begun(),
        [begun(), vec![Step::Stall]].concat(),
        [begun(), vec![Step::Send(b"data: {\"choi".to_vec())]].concat(),
        vec![Step::Send(chunked.into_bytes())],
    ];
    for script in scripts {
        provider.will([script.clone()]);
        let (events, error) = ask(&model).await;
        let finished = ChatEvent::Finished { reason: StopReason::Complete, usage: None };
        assert_eq!((events, error), (vec![ChatEvent::Text("Yes.".to_owned()), finished], None), "{script:?}");
    }
}

#[tokio::test]
async fn dropping_an_answer_closes_the_connection() {
    let provider = Provider::start().await;
    let model = provider.model();
    for at in 1..=200_usize {
        let begun = [head("200 OK"), said("One")].concat().into_bytes();
        provider.will([vec![Step::Send(begun), Step::Stall]]);
        let mut stream = model.answer(&request()).await.unwrap();
        stream.events.next().await.unwrap().unwrap();
        let dropped = Instant::now();
        drop(stream);
        while provider.closed().len() < at {
            assert!(dropped.elapsed() < Duration::from_millis(500), "the connection stays open");
            tokio::task::yield_now().await;
        }
    }
    // Also before anything came.
    provider.will([vec![Step::Stall]]);
    let asked = request();
    let answer = model.answer(&asked);
    assert!(tokio::time::timeout(Duration::from_millis(200), answer).await.is_err());
    let dropped = Instant::now();
    while provider.closed().len() < 201 {
        assert!(dropped.elapsed() < Duration::from_millis(500), "the connection stays open");
        tokio::task::yield_now().await;
    }
}
