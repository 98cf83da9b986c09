//! Remembers events in Redis.
