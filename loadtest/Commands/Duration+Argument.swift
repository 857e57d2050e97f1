internal import ArgumentParser

extension Duration {
    /// A length of time as it is given on the command line: `500ms`, `5s` or `2m`.
    init(argument text: String) throws {
        let units: [(suffix: String, length: Duration)] = [
            ("ms", .milliseconds(1)), ("s", .seconds(1)), ("m", .seconds(60)),
        ]
        for unit in units where text.hasSuffix(unit.suffix) {
            if let count = Double(text.dropLast(unit.suffix.count)), (0...86_400).contains(count) {
                self = unit.length * count
                return
            }
        }
        throw ValidationError("\(text) is no length of time: write 500ms, 5s or 2m")
    }
}
