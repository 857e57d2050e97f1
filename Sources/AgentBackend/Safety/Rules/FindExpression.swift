/// What find(1) is told.
struct FindExpression {
    /// Where it starts.
    private(set) var places: [ShellWord] = []
    /// Commands that it runs.
    private(set) var actions: [ArraySlice<ShellWord>] = []
    /// It removes what it finds by itself.
    private(set) var deletes = false
    /// It finds some files and not others.
    private(set) var isSelective = false

    init(_ invocation: Invocation) {
        var rest = invocation.arguments
        while let option = rest.first?.literal, Self.leadingOptions.contains(option) { rest = rest.dropFirst() }
        while let word = rest.first, !Self.beginsExpression(word) { places.append(rest.removeFirst()) }
        if places.isEmpty { places = [ShellWord(literal: ".".utf8)] }

        while let word = rest.popFirst() {
            guard let text = word.literal, text.first == UInt8(ascii: "-"), text.count < 32 else { continue }
            switch String(decoding: text, as: UTF8.self) {
            case "-delete": deletes = true
            case "-exec", "-execdir", "-ok", "-okdir":
                let end = rest.firstIndex { Self.actionEnds.contains($0.literal ?? []) } ?? rest.endIndex
                actions.append(rest[..<end])
                rest = rest[end...].dropFirst()
            case "-type", "-depth", "-mindepth", "-maxdepth", "-xdev", "-mount", "-follow", "-print", "-print0", "-ls":
                break
            default: isSelective = true
            }
        }
    }

    /// Whether it removes all that it finds, by itself or by a program.
    var removesEverything: Bool {
        guard !isSelective else { return false }
        return deletes || actions.contains { Invocation($0)?.program == "rm" }
    }

    private static let leadingOptions = Set(["-H", "-L", "-P"].map { Array($0.utf8) })
    private static let actionEnds = Set([";", "+"].map { Array($0.utf8) })

    private static func beginsExpression(_ word: ShellWord) -> Bool {
        guard case .text(let text) = word.pieces.first, let first = text.first else { return false }
        return "-(!".utf8.contains(first)
    }
}
