//! What LipDub does, and what is promised to come of it.

use std::io;

use crate::provider::{event, send};
use crate::receiver::{KEY, Receiver};
use crate::table::Row;

const SUCCEEDED: &str = "began attempt 1, succeeded";
const NOT_CALLED: &str = "not called";

pub(crate) struct Story<'a> {
    pub(crate) receiver: &'a Receiver,
    pub(crate) rows: Vec<Row>,
}

impl Story<'_> {
    pub(crate) async fn tell(&mut self) -> io::Result<()> {
        let (finished, failed) = (render(1, "fine"), event("RENDER_PROCESSING_FAILED", 2, "fine"));
        self.deliver("a finished render", &finished, "200 processed", SUCCEEDED).await?;
        self.deliver("a failed render", &failed, "200 processed", SUCCEEDED).await?;
        self.deliver("the finished one again", &finished, "200 duplicate", NOT_CALLED).await?;
        self.deliver_twice_at_once("one render, twice at once", &render(3, "fine")).await?;

        let lost = render(4, "slow");
        self.hang_up("a render, then LipDub hangs up", &lost).await?;
        self.deliver("  its retry", &lost, "200 duplicate", NOT_CALLED).await?;

        let failing = render(5, "fails once");
        let failed = "began attempt 1, failed";
        self.deliver("a render; the handler fails", &failing, "500 failed", failed).await?;
        self.deliver("  its retry", &failing, "200 processed", "began attempt 2, succeeded").await?;

        let slow = render(6, "slow");
        self.deliver("a render; the handler is slow", &slow, "503 pending", "began attempt 1").await?;
        self.let_slow_work_finish().await;
        self.deliver("  its retry, a little later", &slow, "200 duplicate", "succeeded").await?;

        let unknown = event("SOMETHING_NEW", 7, "fine");
        self.deliver("an event of an unknown type", &unknown, "200 ignored", NOT_CALLED).await?;
        let answer = self.answer("whk_wrong", &render(8, "fine")).await?;
        self.compare("a render with a wrong key", answer, "401 unauthorized", NOT_CALLED);
        self.deliver("garbage", "{{{ garbage", "400 malformed", NOT_CALLED).await
    }

    async fn deliver(&mut self, sent: &'static str, body: &str, answered: &str, did: &str) -> io::Result<()> {
        let answer = self.answer(KEY, body).await?;
        self.compare(sent, answer, answered, did);
        Ok(())
    }

    async fn deliver_twice_at_once(&mut self, sent: &'static str, body: &str) -> io::Result<()> {
        let (one, other) = tokio::try_join!(self.answer(KEY, body), self.answer(KEY, body))?;
        let mut answers = [one, other];
        answers.sort();
        self.compare(sent, answers.join(" + "), "200 duplicate + 200 processed", SUCCEEDED);
        Ok(())
    }

    async fn hang_up(&mut self, sent: &'static str, body: &str) -> io::Result<()> {
        let connection = send(self.receiver.address, KEY, body).await?;
        self.receiver.journal.until("began").await;
        drop(connection);
        self.let_slow_work_finish().await;
        self.compare(sent, "(nobody listened)".to_owned(), "(nobody listened)", SUCCEEDED);
        Ok(())
    }

    async fn answer(&self, key: &str, body: &str) -> io::Result<String> {
        send(self.receiver.address, key, body).await?.answer().await
    }

    async fn let_slow_work_finish(&self) {
        self.receiver.work.add_permits(1);
        self.receiver.journal.until("succeeded").await;
    }

    fn compare(&mut self, sent: &'static str, answer: String, answered: &str, did: &str) {
        let handler = self.receiver.journal.take();
        let is_as_promised = answer == answered && handler == did;
        self.rows.push(Row { sent, answer, handler, is_as_promised });
    }
}

fn render(generate_id: u32, tracking_id: &str) -> String {
    event("VIDEO_RENDER_COMPLETE", generate_id, tracking_id)
}
