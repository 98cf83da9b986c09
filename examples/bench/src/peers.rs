//! What others offer, beside lipdub: receivers of other webhooks, and stores of claims.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::BoxError;
use crate::comparison::Comparison;
use crate::contender::{Contender, on_core, stay_on_core};
use crate::document::{results_directory, save};
use crate::http::{CONNECTIONS, LOAD_CORE, SERVER_CORE};
use crate::load::{API_KEY, Dialect, Events, Load};
use crate::options::{Framework, Receiver, Rounds};
use crate::statistics::Spread;

/// What a store takes for a claim and its success.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct StoreCost {
    pub(crate) name: String,
    /// In microseconds of processor time.
    pub(crate) processor: Spread,
    /// Against lipdub, in the same round.
    pub(crate) ratio: Spread,
}

pub(crate) fn run(rounds: &Rounds) -> Result<(), BoxError> {
    let program = build()?;
    stay_on_core(LOAD_CORE)?;
    receivers(&program, rounds)?;
    stores(&program, rounds)
}

/// They are a workspace of their own.
fn build() -> Result<PathBuf, BoxError> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    let target = results_directory()?.join("peers-target");
    let status = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--locked", "--target-dir"])
        .arg(&target)
        .current_dir(directory)
        .status()?;
    if status.success() { Ok(target.join("release/peers")) } else { Err("the peers do not compile".into()) }
}

fn receivers(program: &Path, rounds: &Rounds) -> Result<(), BoxError> {
    let peer =
        |name, dialect| Contender::program(name, program.to_owned(), dialect, ["serve", name, API_KEY]);
    let contenders = [
        Contender::new("axum, bare", Framework::Axum, Receiver::Bare)?,
        peer("pretix-webhook", Dialect::Pretix),
        peer("slack-morphism", Dialect::Slack),
        Contender::new("lipdub-axum", Framework::Axum, Receiver::Memory)?,
    ];
    let contenders = contenders.map(|contender| contender.on_core(SERVER_CORE)).into();
    let load = Load::new(CONNECTIONS, Events::Unique).awake();
    let comparison = Comparison { name: "receivers".to_owned(), load, contenders, goal: None };
    save("peers", "receivers", &comparison.run(rounds)?)
}

fn stores(program: &Path, rounds: &Rounds) -> Result<(), BoxError> {
    let output = on_core(Some(SERVER_CORE), program).args(["stores", &rounds.rounds.to_string()]).output()?;
    let mut micros = BTreeMap::<String, Vec<f64>>::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let (name, value) = line.split_once(' ').ok_or("the peers print something else")?;
        micros.entry(name.to_owned()).or_default().push(value.parse()?);
    }
    let lipdub = micros.get("lipdub").cloned().unwrap_or_default();
    let costs: Vec<_> = micros
        .into_iter()
        .map(|(name, micros)| {
            let ratio = Spread::of(micros.iter().zip(&lipdub).map(|(micros, lipdub)| micros / lipdub));
            StoreCost { name, processor: Spread::of(micros), ratio }
        })
        .collect();
    save("peer-stores", "stores", &costs)
}
