//! Text of users that looks like markup or like a placeholder stays text in mails and webhooks
//! (SEC-16). The pages that show it are visited by `tests/browser/hostile.test.ts`.

use serde_json::{Value, json};

use super::mail::{MailServer, with_mail};
use super::receiver::{Receiver, register};
use super::world::NS;

const PAYLOADS: &str = include_str!("../../../tests/browser/hostile.json");
/// Maximum comment of a release.
const COMMENT: usize = 256;

/// All payloads in as few comments as possible.
fn comments(payloads: &[String]) -> Vec<String> {
    let mut comments = vec![String::new()];
    for payload in payloads {
        let last = comments.last_mut().unwrap();
        if last.chars().count() + payload.chars().count() + 1 > COMMENT {
            comments.push(payload.clone());
        } else {
            *last = format!("{last} {payload}");
        }
    }
    comments
}

/// The text of a mail in quoted-printable form.
fn decoded(mail: &str) -> String {
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("quoted-printable"), "{head}");
    let body = body.replace("=\r\n", "");
    let mut parts = body.split('=');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

/// As a browser or a mail program reads it.
fn unescaped(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        .into_iter()
        .fold(text.to_owned(), |text, (escaped, char)| text.replace(escaped, char))
}

/// The mail without the elements that the server writes.
fn without_elements(mail: &str) -> String {
    let cells = ["<td width=\"10%\">", "<td width=\"20%\">", "<td width=\"35%\">", "</td>"];
    let unchanged = "<br><h4>No values were changed.</h4>";
    cells
        .into_iter()
        .chain(["<tr>", "</tr>", unchanged])
        .fold(mail.to_owned(), |text, element| text.replace(element, "\n"))
}

fn assert_webhook_has(
    receiver: &[super::receiver::Received],
    payloads: &[String],
    key: &dyn Fn(usize) -> String,
) {
    let bodies: Vec<Value> = receiver.iter().map(super::receiver::Received::json).collect();
    let pairs = bodies[0]["configuration"].as_array().unwrap();
    let pairs: Vec<_> =
        pairs.iter().map(|pair| (&pair["firstEntity"], &pair["secondEntity"])).collect();
    for (index, payload) in payloads.iter().enumerate() {
        let pair = (&json!(key(index)), &json!(payload));
        assert!(pairs.contains(&pair), "{payload}");
        let has =
            |body: &Value| body["releaseComment"].as_str().unwrap().contains(payload.as_str());
        assert!(bodies.iter().any(has), "{payload}");
    }
    for received in receiver {
        assert_eq!(received.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn text_that_looks_like_markup_is_inert_in_mails_and_webhooks() {
    let payloads: Vec<String> = serde_json::from_str(PAYLOADS).unwrap();
    assert!(payloads.len() >= 200, "{}", payloads.len());
    let (server, address) = MailServer::start().await;
    let receiver = Receiver::start().await;
    let mut world = with_mail(&address).await;
    let template = "title #{releaseTitle}\ncomment #{releaseComment}\n#{diffModule}";
    world.set("email.template.framework", template);
    register(&world, &receiver.url).await;
    let user = world.user("u1").await;
    let key = |index: usize| format!("{index}.{}", payloads[index]);
    let items: Vec<_> = payloads
        .iter()
        .enumerate()
        .map(|(index, payload)| json!({ "key": key(index), "value": payload, "comment": payload }))
        .collect();
    user.post(&format!("{NS}/changes"), json!({ "create": items })).await.empty();
    let comments = comments(&payloads);
    for (index, comment) in comments.iter().enumerate() {
        let body = json!({ "releaseTitle": payloads[index], "releaseComment": comment });
        user.post(&format!("{NS}/releases"), body).await.ok();
    }
    let _background = world.run();
    let mails = server.wait(comments.len()).await;
    let mut text = String::new();
    for mail in &mails {
        assert_eq!(mail.recipients, ["u1@example.com"], "{mail:?}");
        text += &without_elements(&decoded(&mail.text));
    }
    let markup = text.find(['<', '>', '"', '\'']);
    assert_eq!(markup.map(|at| &text[at..]), None, "a text became markup");
    let text = unescaped(&text);
    for (index, payload) in payloads.iter().enumerate() {
        assert!(text.contains(&format!("\n{}\n", key(index))), "{payload}");
        assert!(text.contains(&format!("\n{payload}\n")), "{payload}");
    }
    for (comment, title) in comments.iter().zip(&payloads) {
        assert!(text.contains(&format!("comment {comment}")), "{comment}");
        assert!(text.contains(&format!("title {title}")), "{title}");
    }
    assert_webhook_has(&receiver.wait(comments.len()).await, &payloads, &key);
}
