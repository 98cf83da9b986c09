//! What others offer, to be measured beside lipdub: receivers of other webhooks, and stores of claims. A workspace of its own, so
//! that none of it comes into the lock file of ours. `../src/peers.rs` starts it.

mod receivers;
mod stores;

use std::error::Error;

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", receiver, secret] => receivers::serve(receiver, secret).await,
        ["stores", rounds] => stores::measure(rounds.parse()?).await,
        _ => Err("usage: peers serve (pretix-webhook|slack-morphism) SECRET | peers stores ROUNDS".into()),
    }
}
