//! The figures of all rounds, and what is read from them.

use crate::contender::Contender;
use crate::load::Burst;
use crate::webhooks::Workload;

/// What one round of one contender with one request came to.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) per_second: f64,
    /// Latencies in microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Processor time per request in microseconds: the proxy's, and that of the application that verifies for it.
    pub(crate) proxy: f64,
    pub(crate) validator: f64,
}

impl Sample {
    pub(crate) fn new(burst: &Burst, (proxy, validator): (f64, f64)) -> Sample {
        let count = burst.latencies.len();
        let latency =
            |percent: usize| burst.latencies[(count * percent / 100).min(count - 1)].as_secs_f64() * 1e6;
        let requests = count as f64;
        Sample {
            per_second: requests / burst.elapsed.as_secs_f64(),
            p50: latency(50),
            p99: latency(99),
            proxy: proxy / requests,
            validator: validator / requests,
        }
    }

    /// Returns the processor time of all that a webhook needs before the application.
    pub(crate) fn cpu(&self) -> f64 {
        self.proxy + self.validator
    }
}

/// All rounds of one contender with one request.
#[derive(Clone, Default)]
pub(crate) struct Series(Vec<Sample>);

impl Series {
    /// Returns all rounds' figures in ascending order.
    fn sorted(&self, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        let mut figures: Vec<f64> = self.0.iter().map(figure).collect();
        figures.sort_unstable_by(f64::total_cmp);
        figures
    }

    pub(crate) fn least(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        self.sorted(figure)[0]
    }

    pub(crate) fn median(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        let sorted = self.sorted(figure);
        sorted[sorted.len() / 2]
    }

    /// Returns the figure that three quarters of the rounds stayed at or below: with the least, how wide they spread.
    pub(crate) fn upper_quartile(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        let sorted = self.sorted(figure);
        sorted[sorted.len() * 3 / 4]
    }
}

/// Everything that was measured side by side.
pub(crate) struct Measured {
    /// Letter and name of each contender.
    pub(crate) contenders: Vec<(char, &'static str)>,
    pub(crate) workloads: Vec<Workload>,
    series: Vec<Vec<Series>>,
}

impl Measured {
    pub(crate) fn new(contenders: &[Contender], workloads: Vec<Workload>) -> Measured {
        let series = vec![vec![Series::default(); workloads.len()]; contenders.len()];
        let contenders = contenders.iter().map(|contender| (contender.letter, contender.name)).collect();
        Measured { contenders, workloads, series }
    }

    pub(crate) fn note(&mut self, contender: usize, workload: usize, sample: Sample) {
        self.series[contender][workload].0.push(sample);
    }

    pub(crate) fn series(&self, letter: char, workload: &str) -> &Series {
        let contender = self.contenders.iter().position(|(own, _)| *own == letter).expect("a contender");
        let workload = self.workloads.iter().position(|own| own.name == workload).expect("a workload");
        &self.series[contender][workload]
    }

    pub(crate) fn rounds(&self) -> usize {
        self.series[0][0].0.len()
    }

    /// Returns how many times the processor time of one series that of another is, by the least figures and by the medians.
    pub(crate) fn ratio(&self, one: (char, &str), other: (char, &str)) -> (f64, f64) {
        let (one, other) = (self.series(one.0, one.1), self.series(other.0, other.1));
        (
            one.least(Sample::cpu) / other.least(Sample::cpu),
            one.median(Sample::cpu) / other.median(Sample::cpu),
        )
    }

    /// Returns how many microseconds of processor time one contender adds to another, by the least figures and the medians.
    pub(crate) fn added(&self, one: char, other: char, workload: &str) -> (f64, f64) {
        let (one, other) = (self.series(one, workload), self.series(other, workload));
        (
            one.least(Sample::cpu) - other.least(Sample::cpu),
            one.median(Sample::cpu) - other.median(Sample::cpu),
        )
    }
}
