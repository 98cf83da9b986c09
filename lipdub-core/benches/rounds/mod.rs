//! Rounds in which things are measured one after the other, so that a machine that is busy is so for all of them.

#![allow(unreachable_pub, reason = "each bench includes this file")]

use std::fmt;

pub const ROUNDS: usize = 7;

/// What was measured in several rounds: its median, and the least and the most.
#[derive(Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    pub fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        Self { median: figures[figures.len() / 2], least: figures[0], most: figures[figures.len() - 1] }
    }

    /// Of the ratios in each round.
    pub fn of_ratios(figures: &[f64], to: &[f64]) -> Self {
        Self::of(figures.iter().zip(to).map(|(figure, to)| figure / to).collect())
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = formatter.precision().unwrap_or(2);
        let Self { median, least, most } = self;
        write!(formatter, "{median:.places$} ({least:.places$} to {most:.places$})")
    }
}
