/// Names that nobody guesses.
enum RandomName {
    /// Of so many times 64 random bits, as 16 of 0-9 a-f each.
    static func make(words: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<words).map { _ in
            let digits = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
