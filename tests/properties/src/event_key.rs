use arbitrary::{Result, Unstructured};
use lipdub_core::{EventKey, Webhook};

use crate::content::Content;
use crate::receiver::Receiver;

/// Two bodies have one event key if they say the same, and two if they do not.
///
/// The bytes are two bodies with a record separator (U+001E) between them, and also choices: of content, of two
/// spellings of it, and of content that is nearly the same.
pub fn event_key(bytes: &[u8]) {
    let mut bodies = bytes.splitn(2, |byte| *byte == 0x1e);
    if let (Some(left), Some(right)) = (bodies.next(), bodies.next()) {
        is_one_exactly_if_the_meaning_is(left, right);
    }
    // Choices that run out leave nothing to check.
    if let Ok([one, same, other]) = any_bodies(&mut Unstructured::new(bytes)) {
        is_one_for_two_spellings(one.as_bytes(), same.as_bytes());
        is_one_exactly_if_the_meaning_is(one.as_bytes(), other.as_bytes());
    }
}

/// Two spellings, and a third body that says nearly the same.
fn any_bodies(choices: &mut Unstructured<'_>) -> Result<[String; 3]> {
    let [content, other] = Content::any_neighbours(choices)?;
    Ok([content.spell(choices)?, content.spell(choices)?, other.spell(choices)?])
}

fn is_one_for_two_spellings(left: &[u8], right: &[u8]) {
    // One of them can hold something unreadable that the other has not, in a field that comes again.
    if let (Some(one), Some(other)) = (Keyed::of(left), Keyed::of(right)) {
        assert!(one.key == other.key, "{} is {}", left.escape_ascii(), right.escape_ascii());
    }
}

fn is_one_exactly_if_the_meaning_is(left: &[u8], right: &[u8]) {
    if let (Some(one), Some(other)) = (Keyed::of(left), Keyed::of(right)) {
        let is_same = one.content.meaning() == other.content.meaning();
        assert_eq!(one.key == other.key, is_same, "{} and {}", left.escape_ascii(), right.escape_ascii());
    }
}

/// An event, and the key under which it is claimed.
struct Keyed {
    content: Content,
    key: EventKey,
}

impl Keyed {
    fn of(body: &[u8]) -> Option<Self> {
        thread_local! {
            static RECEIVER: Receiver = Receiver::new(Webhook::builder().fallback(|_event| async { Ok(()) }));
        }
        let (_, key) = RECEIVER.with(|receiver| receiver.deliver(body));
        let content = Content::read(body);
        assert_eq!(key.is_some(), content.is_some(), "{}", body.escape_ascii());
        Some(Self { content: content?, key: key? })
    }
}
