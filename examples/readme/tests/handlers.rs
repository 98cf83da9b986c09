//! The test that the front page shows.

use lipdub_axum::Webhook;
use lipdub_axum::testing::{Fault, LipDub, sample};

#[tokio::test(start_paused = true)]
async fn a_finished_render_is_booked_once() {
    let webhook = Webhook::builder().api_key("whk_123").on_render_complete(|_event| async { Ok(()) }).build();
    let lipdub = LipDub::builder(webhook.unwrap()).api_key("whk_123").build();

    let event = sample::render_complete().generate_id(7);
    lipdub.deliver_with(&event, [Fault::LostAnswer, Fault::Twin]).await;
    lipdub.days_pass(27).await;
    lipdub.deliver(&event).await;
    lipdub.assert_handled_once(&event);
}
