//! What a message brings to prove that it is genuine (PIN, verification value, cryptogram, MAC), and what became of it:
//! evidence for records, never the value. Must not know how anything is verified, nor what comes of it.

use super::{Marks, Refusal};

/// What a message can bring to prove that it is genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Proof {
    /// The holder's PIN, in DE52.
    Pin = 0,
    /// The card's verification value: typed (CVV2, CVC2), or in the data of a stripe that was read (CVV, CVC).
    Cvv = 1,
    /// The chip's cryptogram, in DE55.
    Cryptogram = 2,
    /// The message authentication code, in DE64 or DE128.
    Mac = 3,
}

impl Proof {
    /// All of them, in the order of their numbers.
    pub const ALL: [Proof; 4] = [Proof::Pin, Proof::Cvv, Proof::Cryptogram, Proof::Mac];

    /// The word of settings, metrics and dumps.
    pub fn name(self) -> &'static str {
        ["pin", "cvv", "cryptogram", "mac"][self as usize]
    }

    /// As people call it.
    pub fn title(self) -> &'static str {
        ["PIN", "CVV", "cryptogram", "MAC"][self as usize]
    }

    /// The mark of a message that brings it.
    pub fn mark(self) -> Marks {
        [Marks::PIN, Marks::CVV, Marks::CRYPTOGRAM, Marks::MAC][self as usize]
    }

    /// The refusal where it came, or had to come, and was not verified.
    pub fn not_verified(self) -> Refusal {
        [
            Refusal::PinNotVerified,
            Refusal::CvvNotVerified,
            Refusal::CryptogramNotVerified,
            Refusal::MacNotVerified,
        ][self as usize]
    }
}

/// What became of each [`Proof`] of one message: four bits each, so that more can be said of one without a new format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence(u16);

/// What became of one proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Finding {
    /// The message does not bring it.
    #[default]
    Absent = 0,
    /// It came and was not verified.
    Unverified = 1,
    /// It came and is right.
    Verified = 2,
    /// It came and is wrong.
    Wrong = 3,
}

impl Finding {
    const ALL: [Finding; 4] = [Finding::Absent, Finding::Unverified, Finding::Verified, Finding::Wrong];

    /// The word in dumps.
    pub fn name(self) -> &'static str {
        ["absent", "unverified", "verified", "wrong"][self as usize]
    }
}

impl Evidence {
    /// Of a message with these marks, where nothing can be verified.
    pub fn unverified(marks: Marks) -> Evidence {
        let came = Proof::ALL.into_iter().filter(|proof| marks.has(proof.mark()));
        came.fold(Evidence::default(), |evidence, proof| evidence.with(proof, Finding::Unverified))
    }

    /// What became of one.
    pub fn of(self, proof: Proof) -> Finding {
        let bits = usize::from(self.0 >> (4 * proof as u16) & 0xF);
        Finding::ALL.get(bits).copied().unwrap_or_default()
    }

    /// With this said of one.
    #[must_use]
    pub fn with(self, proof: Proof, finding: Finding) -> Evidence {
        let place = 4 * proof as u16;
        Evidence(self.0 & !(0xF << place) | (finding as u16) << place)
    }

    /// As a number, for records.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// The evidence with this number.
    pub fn from_bits(bits: u16) -> Evidence {
        Evidence(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_proof_has_its_own_place() {
        for proof in Proof::ALL {
            for finding in Finding::ALL {
                let evidence = Evidence::default().with(proof, Finding::Wrong).with(proof, finding);
                assert_eq!(Evidence::from_bits(evidence.bits()).of(proof), finding);
                let others = Proof::ALL.into_iter().filter(|other| *other != proof);
                assert!(others.into_iter().all(|other| evidence.of(other) == Finding::Absent));
            }
            let came = Evidence::unverified(Marks::default().with(proof.mark()));
            assert_eq!(came, Evidence::default().with(proof, Finding::Unverified), "{}", proof.name());
        }
    }
}
