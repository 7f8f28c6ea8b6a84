//! Where does chance come from? From a seed, and nowhere else.

/// A stream of random numbers (SplitMix64): small, fast, the same everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Noise {
    state: u64,
}

impl Noise {
    /// The stream of `seed`; `salt` separates the streams of one simulator, so that using one more number in one place
    /// does not change what happens in another.
    pub(crate) fn new(seed: u64, salt: u64) -> Self {
        let mut noise = Self { state: seed ^ salt.wrapping_mul(0xD6E8_FEB8_6659_FD93) };
        noise.next();
        noise
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `0.0..1.0`.
    pub(crate) fn uniform(&mut self) -> f64 {
        // 53 bits: every value is exact.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `low..high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// Bell-shaped with standard deviation `sigma`, never beyond 3.5 sigma.
    pub(crate) fn bell(&mut self, sigma: f64) -> f64 {
        // The sum of four uniform numbers (16 bits each, from one draw) is bell-shaped enough and needs no logarithm.
        let bits = self.next();
        let sum: u64 = (0..4).map(|k| (bits >> (16 * k)) & 0xFFFF).sum();
        (sum as f64 / 65_535.0 - 2.0) * 3.0_f64.sqrt() * sigma
    }
}

/// A value that wanders around zero and is pulled back within about `tau_s`.
#[derive(Debug, Clone)]
pub(crate) struct Wander {
    value: f64,
    tau_s: f64,
    sigma: f64,
}

impl Wander {
    /// Starts at zero; in the long run its standard deviation is about `sigma`.
    pub(crate) fn new(tau_s: f64, sigma: f64) -> Self {
        Self { value: 0.0, tau_s, sigma }
    }

    /// Moves on by `dt_s` seconds and gives the new value.
    pub(crate) fn step(&mut self, dt_s: f64, noise: &mut Noise) -> f64 {
        let pull = dt_s / self.tau_s;
        self.value += -self.value * pull + noise.bell(self.sigma * (2.0 * pull).sqrt());
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bell_has_the_asked_spread() {
        let mut noise = Noise::new(7, 0);
        let drawn: Vec<f64> = (0..20_000).map(|_| noise.bell(2.0)).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let variance = drawn.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / drawn.len() as f64;
        assert!(mean.abs() < 0.05, "mean {mean}");
        assert!((variance.sqrt() - 2.0).abs() < 0.05, "sigma {}", variance.sqrt());
    }

    #[test]
    fn salts_give_different_streams_and_a_seed_always_the_same() {
        let first = |seed, salt| Noise::new(seed, salt).uniform();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(1, 3));
        assert_ne!(first(1, 2), first(2, 2));
    }

    #[test]
    fn wander_stays_near_its_spread() {
        let mut noise = Noise::new(3, 0);
        let mut wander = Wander::new(5.0, 1.0);
        let largest = (0..60_000).map(|_| wander.step(1.0 / 60.0, &mut noise).abs()).fold(0.0, f64::max);
        assert!((1.0..6.0).contains(&largest), "{largest}");
    }
}
