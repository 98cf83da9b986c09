use redis::{RedisWrite, ToRedisArgs};

use super::super::ClaimToken;

/// Who holds a claim, as records tell it: 62 random bits of the token, as a number of 19 digits.
///
/// They have to differ among the few who claim one event. A number takes the server 16 bytes all in, where a text takes
/// 40, and this is all that is left of an event when it is done. It has always 19 digits, so that no other number that
/// somebody keeps under the same key is taken for it.
#[derive(Clone, Copy)]
pub(super) struct Holder(u64);

impl Holder {
    const LEAST: u64 = 1 << 62;

    pub(super) fn of(token: ClaimToken) -> Self {
        Self((token.half() >> 2) | Self::LEAST)
    }
}

impl ToRedisArgs for Holder {
    fn write_redis_args<W: RedisWrite + ?Sized>(&self, arguments: &mut W) {
        self.0.write_redis_args(arguments);
    }
}

/// The record of an event whose attempt runs, for as long as nothing happens.
#[derive(Clone, Copy)]
pub(super) struct Running {
    pub(super) attempt: u32,
    /// How much is left of the record's life, in ms, when the lease lapses.
    pub(super) left_when_lapsed: i64,
    pub(super) holder: Holder,
}

impl ToRedisArgs for Running {
    fn write_redis_args<W: RedisWrite + ?Sized>(&self, arguments: &mut W) {
        let Self { attempt, left_when_lapsed, holder: Holder(holder) } = self;
        arguments.write_arg_fmt(format_args!("R:{attempt}:{left_when_lapsed}:{holder}"));
    }
}

/// Whether this is the record of an event that is done: its holder alone.
pub(super) fn is_done(record: &[u8]) -> bool {
    let number = std::str::from_utf8(record).ok().and_then(|text| text.parse::<u64>().ok());
    record.len() == 19 && number.is_some_and(|number| number >= Holder::LEAST)
}
