//! A small deterministic source of numbers for the generator: the same seed gives the same trace on every
//! machine. Only integer arithmetic and the four IEEE operations are used, never the platform's `exp` or `ln`.

/// SplitMix64 (Steele, Lea, Flood 2014): 64 bits of state, one multiply-and-shift mix a number.
#[derive(Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// An independent source for one part of the work, so that a change in one part leaves the others alone.
    pub(super) fn fork(&mut self) -> Random {
        Random(self.next())
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 0 … `bound` - 1, by the high half of a product (its bias, below 2^-32 here, does not matter to a trace).
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// `low` … `high`, both included; `low` <= `high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True `per_mille` times in a thousand.
    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// 0 <= x < 1 in steps of 2^-53.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Log-normal with the given median and `sigma` of the logarithm.
    pub(super) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        // Twelve uniforms less six: mean 0, variance 1, tails cut at six sigma. That is normal enough for a till.
        let normal: f64 = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        median * exp(normal * sigma)
    }
}

/// e^x as (1 + x/1024)^1024: right within 2 % for |x| <= 6, and the same bits everywhere.
fn exp(x: f64) -> f64 {
    let mut power = 1.0 + x / 1024.0;
    for _ in 0..10 {
        power *= power;
    }
    power
}

/// Picks an index with given whole-number weights.
pub(super) struct Weighted(Vec<u64>);

impl Weighted {
    /// `weights`: at least one, their sum above zero.
    pub(super) fn new(weights: impl IntoIterator<Item = u64>) -> Weighted {
        let mut sum = 0;
        Weighted(
            weights
                .into_iter()
                .map(|weight| {
                    sum += weight;
                    sum
                })
                .collect(),
        )
    }

    /// Zipf with exponent 1 over `count` ranks: rank r is drawn in proportion to 1/r.
    pub(super) fn zipf(count: u64) -> Weighted {
        Weighted::new((1..=count).map(|rank| (1 << 40) / rank))
    }

    pub(super) fn pick(&self, random: &mut Random) -> usize {
        let drawn = random.below(self.0.last().copied().unwrap_or(1));
        self.0.partition_point(|&sum| sum <= drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_splitmix64() {
        // The first numbers for seed 1234567, as the algorithm's reference code prints them.
        let mut random = Random::new(1_234_567);
        let expected: [u64; 3] =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([random.next(), random.next(), random.next()], expected);
    }

    #[test]
    fn log_normal_has_its_median_and_spread() {
        let mut random = Random::new(7);
        let mut drawn: Vec<f64> = (0..20_001).map(|_| random.log_normal(100.0, 0.5)).collect();
        drawn.sort_by(f64::total_cmp);
        assert!((drawn[10_000] - 100.0).abs() < 3.0, "median {}", drawn[10_000]);
        // One sigma up is the 84th percentile: 100 * e^0.5 = 164.9.
        assert!((drawn[16_827] - 164.9).abs() < 5.0, "84th percentile {}", drawn[16_827]);
    }

    #[test]
    fn weights_are_followed() {
        let mut random = Random::new(3);
        let weighted = Weighted::new([1, 0, 3]);
        let mut counts = [0u32; 3];
        for _ in 0..40_000 {
            counts[weighted.pick(&mut random)] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((29_400..30_600).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn zipf_halves_at_rank_two() {
        let mut random = Random::new(5);
        let zipf = Weighted::zipf(1000);
        let mut counts = vec![0u32; 1000];
        for _ in 0..100_000 {
            counts[zipf.pick(&mut random)] += 1;
        }
        // H(1000) = 7.485: rank 1 gets 13.4 %, rank 2 half of it.
        assert!((12_900..13_900).contains(&counts[0]), "{}", counts[0]);
        assert!((6_300..7_060).contains(&counts[1]), "{}", counts[1]);
    }
}
