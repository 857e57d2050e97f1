/// `a{b,c}` is `ab` and `ac`, as bash has it: braces nest, and those without a comma or without an end are what they are.
enum BraceExpansion {
    /// Nil: there are more than `limit`.
    static func expand(_ pattern: [UInt8], limit: Int) -> [[UInt8]]? {
        var done: [[UInt8]] = []
        // What is still to be taken apart, the next one last, and from where on.
        var pending: [(text: [UInt8], from: Int)] = [(pattern, 0)]
        while let (text, from) = pending.popLast() {
            guard let braces = firstBraces(in: text, from: from) else {
                done.append(text)
                if done.count > limit { return nil }
                continue
            }
            for part in braces.parts.reversed() {
                var expanded = text
                expanded.replaceSubrange(braces.start...braces.end, with: text[part])
                pending.append((expanded, braces.start))
            }
            if pending.count > limit { return nil }
        }
        return done
    }

    private struct Braces {
        let start: Int
        let end: Int
        let parts: [Range<Int>]
    }

    private static func firstBraces(in text: [UInt8], from: Int) -> Braces? {
        var index = from
        while index < text.count {
            if text[index] == backslash {
                index += 2
                continue
            }
            if text[index] == open, let braces = braces(in: text, at: index) { return braces }
            index += 1
        }
        return nil
    }

    /// Nil: they have no end, or no comma.
    private static func braces(in text: [UInt8], at start: Int) -> Braces? {
        var parts: [Range<Int>] = []
        var partStart = start + 1
        var depth = 0
        var index = start + 1
        while index < text.count {
            switch text[index] {
            case backslash: index += 1
            case open: depth += 1
            case close where depth > 0: depth -= 1
            case close:
                guard !parts.isEmpty else { return nil }
                return Braces(start: start, end: index, parts: parts + [partStart..<index])
            case comma where depth == 0:
                parts.append(partStart..<index)
                partStart = index + 1
            default: break
            }
            index += 1
        }
        return nil
    }

    private static let backslash = UInt8(ascii: "\\")
    private static let open = UInt8(ascii: "{")
    private static let close = UInt8(ascii: "}")
    private static let comma = UInt8(ascii: ",")
}
