use crate::redis::Script;

/// A script together with what all of them share.
macro_rules! script {
    ($file:literal) => {
        Script::new(concat!(include_str!("common.lua"), include_str!($file)))
    };
}

pub(super) static ACCEPT: Script = script!("accept.lua");
pub(super) static REVIVE: Script = script!("revive.lua");
pub(super) static ADOPT: Script = script!("adopt.lua");
pub(super) static LEASE: Script = script!("lease.lua");
pub(super) static RENEW: Script = script!("renew.lua");
pub(super) static DONE: Script = script!("done.lua");
pub(super) static RETRY: Script = script!("retry.lua");
pub(super) static BURY: Script = script!("bury.lua");
pub(super) static GIVE_BACK: Script = script!("give_back.lua");
pub(super) static DEAD: Script = script!("dead.lua");
pub(super) static DIED: Script = script!("died.lua");
pub(super) static FIND: Script = script!("find.lua");
pub(super) static REPLAY: Script = script!("replay.lua");
pub(super) static DISCARD: Script = script!("discard.lua");
pub(super) static STATS: Script = script!("stats.lua");
pub(super) static PRUNE: Script = script!("prune.lua");
pub(super) static PARTITIONS: Script = script!("partitions.lua");
