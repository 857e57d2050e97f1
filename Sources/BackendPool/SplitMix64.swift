/// A small generator of numbers that look like chance. A value, so that a machine with the same seed does the
/// same again; not for secrets.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// `duration` less a part of it, by chance between none and `fraction`.
    mutating func shortened(_ duration: Duration, by fraction: Double) -> Duration {
        duration * (1 - fraction * Double.random(in: 0..<1, using: &self))
    }
}
