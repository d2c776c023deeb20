//! The plot: processor time per SMS webhook, one bar for each contender.

use std::fmt::Write as _;

use twilio_proxy_wasm_harness::sample::repository;

use crate::figures::{Measured, Sample};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 300.0;
const RIGHT: f64 = 60.0;
const ROW: f64 = 34.0;
const BAR: f64 = 20.0;
const TOP: f64 = 48.0;

pub(crate) fn write(measured: &Measured) {
    let path = repository().join("docs/benchmarks.svg");
    std::fs::write(&path, svg(measured)).expect("a place for the plot");
}

fn svg(measured: &Measured) -> String {
    let series = |letter| measured.series(letter, "SMS");
    let cpu = |letter| series(letter).median(Sample::cpu);
    let most = measured.contenders.iter().map(|(letter, _)| cpu(*letter)).fold(0.0, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / most;
    let height = TOP + ROW * measured.contenders.len() as f64 + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"15\" font-weight=\"bold\">Processor time per SMS webhook, µs</text>\n"
    );
    for (row, (letter, name)) in measured.contenders.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        let text = y + BAR * 0.75;
        let proxy = series(*letter).median(|sample| sample.proxy) * scale;
        let validator = (cpu(*letter) * scale - proxy).max(0.0);
        let (least, upper) =
            (series(*letter).least(Sample::cpu), series(*letter).upper_quartile(Sample::cpu));
        let middle = y + BAR / 2.0;
        let _ = write!(
            svg,
            "<text x=\"{x:.1}\" y=\"{text:.1}\" text-anchor=\"end\">({letter}) {name}</text>\n\
             <rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{proxy:.1}\" height=\"{BAR}\" fill=\"#4878a8\"/>\n\
             <rect x=\"{start:.1}\" y=\"{y:.1}\" width=\"{validator:.1}\" height=\"{BAR}\" fill=\"#d08a3c\"/>\n\
             <line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\" stroke=\"black\"/>\n\
             <text x=\"{value:.1}\" y=\"{text:.1}\">{figure:.0}</text>\n",
            x = LEFT - 10.0,
            start = LEFT + proxy,
            low = LEFT + least * scale,
            high = LEFT + upper * scale,
            value = LEFT + scale * upper.max(cpu(*letter)) + 6.0,
            figure = cpu(*letter),
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{:.1}\" font-size=\"11\">blue: Envoy; orange: Node.js; bars: medians of {} rounds; \
         lines: least to upper quartile</text>\n</svg>",
        height - 10.0,
        measured.rounds()
    );
    svg
}
