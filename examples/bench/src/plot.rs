//! Drawings of how cost grows.

use std::path::Path;

use plotters::prelude::*;

use crate::BoxError;
use crate::growth::Growth;

const SIZE: (u32, u32) = (720, 400);
const COLOURS: [RGBColor; 2] = [RGBColor(120, 120, 120), RGBColor(30, 90, 200)];

/// Deliveries in a second of processor time, with the spread, for each contender. The points stand at equal distances,
/// for they are far from each other.
pub(crate) fn draw(growth: &Growth, file: &Path) -> Result<(), BoxError> {
    let contenders = growth.points.first().map_or(0, |point| point.compared.contenders.len());
    let most = growth.points.iter().flat_map(|point| &point.compared.contenders);
    let most = most.map(|figures| 1e6 / figures.processor.least).fold(0.0, f64::max);
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let last = growth.points.len().saturating_sub(1) as f64;
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .x_label_area_size(45)
        .y_label_area_size(75)
        .build_cartesian_2d(-0.2..last + 0.2, 0.0..most * 1.1)?;
    let label = |x: &f64| label(growth, *x);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .max_light_lines(1)
        .x_labels(growth.points.len())
        .x_label_formatter(&label)
        .y_label_formatter(&|rate| grouped(whole(*rate)))
        .x_desc(growth.axis.as_str())
        .y_desc("deliveries in a second of processor time")
        .draw()?;
    for contender in 0..contenders {
        let colour = COLOURS[contender % COLOURS.len()];
        let figures = growth.points.iter().map(|point| &point.compared.contenders[contender]);
        let spreads: Vec<_> =
            figures.clone().enumerate().map(|(x, figures)| (x as f64, figures.processor)).collect();
        let line = spreads.iter().map(|(x, processor)| (*x, 1e6 / processor.median));
        let name = figures.map(|figures| figures.name.clone()).next().unwrap_or_default();
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
        chart.draw_series(spreads.iter().map(|(x, processor)| {
            let (least, median, most) =
                (1e6 / processor.greatest, 1e6 / processor.median, 1e6 / processor.least);
            ErrorBar::new_vertical(*x, least, median, most, colour.filled(), 8)
        }))?;
    }
    let labels = &mut chart.configure_series_labels();
    labels.position(SeriesLabelPosition::LowerLeft).border_style(BLACK).background_style(WHITE).draw()?;
    area.present()?;
    Ok(())
}

/// Only points have one.
fn label(growth: &Growth, x: f64) -> String {
    let point = growth.points.iter().enumerate().find(|(index, _)| (*index as f64 - x).abs() < 0.01);
    point.map(|(_, point)| grouped(point.at)).unwrap_or_default()
}

/// The nearest whole number. It must not be negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rates, in reach of a usize")]
pub(crate) fn whole(number: f64) -> usize {
    number.round() as usize
}

/// With a comma after each thousand.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> =
        digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group)).collect();
    groups.join(",")
}
