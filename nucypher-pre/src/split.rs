//! Splitting a re-encryption key among proxies, so that no one of them can re-encrypt.
//!
//! *In a row* ([`ReencryptionKey::split`]): k factors, rk = f1·…·fk; every capsule passes all k
//! proxies. *Side by side* ([`ReencryptionKey::share`]): n shares of which any t serve (Shamir,
//! CACM 1979); the consumer combines. All the proxies of a row, or t side by side, can do together
//! what one proxy with rk can, and no more; fewer learn nothing about rk.
//!
//! The factors are re-encryption keys like any other, through throw-away keys. The shares are a
//! type of their own:
//!
//! ```text
//! f(x) = rk + a1·x + … + a(t-1)·x^(t-1)          share i: s_i = f(i), i from 1 to n
//! F_0 = Q, F_k = a_k·P, V_i = Σ i^k·F_k = s_i·P   (P, Q) = (A, T) in suite 1, (T, A) in suite 2
//! proxy i: C_i = s_i·C, with a proof of P -> V_i, C -> C_i
//! consumer: C' = Σ λ_i·C_i, λ_i = Π j/(j - i) over the other indices j
//! ```
//!
//! The F_k are Feldman's commitments (FOCS 1987) to the base P instead of G: so F_0 is a point that
//! is public anyway, and rk·G is never published. Claims: `docs/spec/pre.md`, "Splitting".

mod fragment;
mod share;

use alloc::vec::Vec;

use rand_core::CryptoRng;

pub use fragment::{CapsuleFragment, FRAGMENT_LEN, VerifiedFragment};
pub use share::{KEY_SHARE_LEN, KeyShare, Sharing, UnverifiedKeyShare};

use crate::{
    curve::Scalar, delegation::ReencryptionKey, error::Error, key::PublicKey, scheme::Suite,
};

impl ReencryptionKey {
    /// Splits the key into factors for that many proxies in a row, first to last.
    ///
    /// Each factor is a re-encryption key, verified, stored and used like any other: all but the
    /// last are interactive and lead to a throw-away key U_i, drawn here, whose private half
    /// nobody ever computes; the last leads from there to the delegatee, with this key's precursor
    /// and target. In suite 1 U_i = f_i·U_(i-1), in suite 2 f_i·U_i = U_(i-1), U_0 = A; the last
    /// factor is rk/(f_1·…·f_(k-1)). All factors but any one are uniform and independent of rk.
    ///
    /// Errors: [`Error::Threshold`] below two factors. Timing: as making a key. Cost: one
    /// multiplication per factor, one inversion. Source: the factors of Blaze, Bleumer, Strauss 1998
    /// compose (section 3.2).
    pub fn split(&self, factors: u8, rng: &mut impl CryptoRng) -> Result<Vec<Self>, Error> {
        if factors < 2 {
            return Err(Error::Threshold);
        }
        let mut keys = Vec::with_capacity(factors.into());
        let mut from = self.delegator().clone();
        let mut rest = self.scalar().clone();
        for _ in 1..factors {
            let factor = Scalar::random(rng);
            let inverse = factor.invert();
            let to = match self.suite() {
                Suite::Bbs98 => from.point().multiply(&factor),
                Suite::Ecies => from.point().multiply(&inverse),
            };
            rest = rest.multiply(&inverse);
            let next = PublicKey::new(self.suite(), to);
            keys.push(Self::from_parts(factor, from, next.clone(), None, to));
            from = next;
        }
        let (delegatee, precursor) = (self.delegatee().clone(), self.precursor().copied());
        keys.push(Self::from_parts(rest, from, delegatee, precursor, *self.target()));
        Ok(keys)
    }
}
