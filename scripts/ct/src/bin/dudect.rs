//! A statistical test of the same claim, on the processor as it is: times each operation with one
//! fixed secret, of extreme form, and with random ones, in random order, and compares the two by
//! Welch's t (Reparaz, Balasch, Verbauwhede, "Dude, is my code constant time?", DATE 2017). It
//! sees what memcheck cannot, an instruction whose time depends on its operands.
//!
//! |t| above 10 with growing samples means a difference; below 5 means that none was found. The
//! variable-time operation at the end must be found. Not a test that passes or fails: it shares its
//! machine. `cargo run --release --manifest-path scripts/ct/Cargo.toml --bin dudect [SAMPLES]`

use std::{hint::black_box, time::Instant};

use nucypher_pre::{ReencryptionKey, SecretKey, Suite, os_rng, rand_core::Rng};

/// Secrets of each class; the fixed one stands as often, so that caches see the same.
const POOL: usize = 64;

/// Mean and variance, one value at a time (Welford).
#[derive(Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn push(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }

    fn error(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }
}

/// Prints t for `operation` between the classes of `secrets`.
fn test<S>(name: &str, samples: usize, secrets: [Vec<S>; 2], operation: impl Fn(&S)) {
    let rng = &mut os_rng();
    let mut times = Vec::with_capacity(samples);
    for _ in 0..samples {
        let draw = rng.next_u32() as usize;
        let class = draw & 1;
        let secret = &secrets[class][(draw >> 1) % POOL];
        let start = Instant::now();
        operation(black_box(secret));
        times.push((class, start.elapsed().as_nanos() as f64));
    }
    // Without the slowest tenth, which are interrupts.
    let mut sorted: Vec<_> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_by(f64::total_cmp);
    let limit = sorted[samples * 9 / 10];
    let mut moments = [Moments::default(), Moments::default()];
    for (class, time) in times.into_iter().filter(|(_, time)| *time <= limit) {
        moments[class].push(time);
    }
    let [fixed, random] = moments;
    let t = (fixed.mean - random.mean) / (fixed.error() + random.error()).sqrt();
    println!("{name:24} t = {t:8.2}   fixed {:9.1} ns   random {:9.1} ns", fixed.mean, random.mean);
}

fn main() {
    let samples = std::env::args().nth(1).map_or(100_000, |n| n.parse().expect("a number"));
    let rng = &mut os_rng();
    let suite = Suite::Ecies;
    let mut one = [0; 32];
    one[31] = 1;
    let fixed = || vec![SecretKey::from_bytes(suite, &one).unwrap(); POOL];
    let random =
        || -> Vec<_> { (0..POOL).map(|_| SecretKey::generate(suite, &mut os_rng())).collect() };
    let bytes = |keys: Vec<SecretKey>| -> Vec<_> { keys.iter().map(SecretKey::to_bytes).collect() };
    let owner = SecretKey::generate(suite, rng);
    let (capsule, _) = owner.public_key().encapsulate(rng);
    // rk = a/b, so a = rk·b: with b = 1 the secret of the key is a's.
    let unit = SecretKey::from_bytes(suite, &one).unwrap();
    let two = SecretKey::from_bytes(suite, &one.map(|byte| 2 * byte)).unwrap();
    let keys = |delegators: Vec<SecretKey>| -> Vec<_> {
        delegators.iter().map(|a| ReencryptionKey::interactive(a, &unit).unwrap()).collect()
    };
    let sparse = || keys(vec![two.clone(); POOL]);

    test("generate", samples, [bytes(fixed()), bytes(random())], |bytes| {
        black_box(SecretKey::from_bytes(suite, &**bytes).unwrap());
    });
    test("decapsulate", samples, [fixed(), random()], |key| {
        black_box(key.decapsulate(&capsule));
    });
    test("reencrypt", samples, [sparse(), keys(random())], |key| {
        black_box(key.reencrypt(&capsule));
    });
    test("reencrypt_vartime", samples / 10, [sparse(), keys(random())], |key| {
        black_box(key.reencrypt_vartime(&capsule));
    });
}
