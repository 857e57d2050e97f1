/// Finds any of many byte strings in one pass over a text: the automaton of Aho and Corasick.
struct LiteralMatcher: Sendable {
    /// A beginning of some literals; the first is the empty one.
    private struct Node {
        let length: Int
        /// The longest end of it that is a beginning too.
        var fallback = 0
        /// Bytes of the longest literal that ends here.
        var match = 0
    }

    private struct Edge: Hashable {
        let node: Int
        let byte: UInt8
    }

    private var nodes = [Node(length: 0)]
    private var edges: [Edge: Int] = [:]
    /// What a literal begins with.
    private var firstBytes = ByteSet()

    /// Takes time and memory in proportion to the bytes of all literals.
    init(_ literals: some Sequence<[UInt8]>) {
        for literal in literals { insert(literal) }
        connect()
    }

    /// The bytes that are part of a literal, as ``RegularExpression/spans(in:isCut:)``. Of a text that was cut, also
    /// those at its end that may be the beginning of one.
    func spans(in text: [UInt8], isCut: Bool) -> [Range<Int>] {
        guard !edges.isEmpty else { return [] }
        var spans = SpanList()
        var node = 0
        for (index, byte) in text.enumerated() where node != 0 || firstBytes.contains(byte) {
            node = step(from: node, byte)
            spans.add((index + 1 - nodes[node].match)..<(index + 1))
        }
        if isCut { spans.add((text.count - nodes[node].length)..<text.count) }
        return spans.ranges
    }

    private func step(from start: Int, _ byte: UInt8) -> Int {
        var node = start
        while true {
            if let next = edges[Edge(node: node, byte: byte)] { return next }
            if node == 0 { return 0 }
            node = nodes[node].fallback
        }
    }

    private mutating func insert(_ literal: [UInt8]) {
        var node = 0
        if let first = literal.first { firstBytes.insert(first) }
        for byte in literal {
            let edge = Edge(node: node, byte: byte)
            if let next = edges[edge] {
                node = next
            } else {
                edges[edge] = nodes.count
                nodes.append(Node(length: nodes[node].length + 1))
                node = nodes.count - 1
            }
        }
        nodes[node].match = nodes[node].length
    }

    /// Fills in the fallbacks, shorter beginnings first.
    private mutating func connect() {
        for (edge, node) in edges.sorted(by: { nodes[$0.value].length < nodes[$1.value].length }) where edge.node != 0 {
            let fallback = step(from: nodes[edge.node].fallback, edge.byte)
            nodes[node].fallback = fallback
            nodes[node].match = max(nodes[node].match, nodes[fallback].match)
        }
    }
}
