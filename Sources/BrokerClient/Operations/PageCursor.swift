internal import AgentBackend

/// Walks through what a broker lists a page at a time, and asks for a page when the one before it is used up.
struct PageCursor<Element: Sendable>: Sendable {
    struct Page: Sendable {
        var elements: [Element]
        /// There are more after the last one.
        var isTruncated: Bool
    }

    private let operation: String
    private let pageAfter: @Sendable (Element?) async throws(BackendError) -> Page
    private var page: Page?
    private var index = 0

    /// `pageAfter` asks the broker for what comes after an element; nil: from the start.
    init(_ operation: String, pageAfter: @escaping @Sendable (Element?) async throws(BackendError) -> Page) {
        self.operation = operation
        self.pageAfter = pageAfter
    }

    /// Nil after the last one.
    mutating func next() async throws(BackendError) -> Element? {
        while true {
            if let page, index < page.elements.count {
                index += 1
                return page.elements[index - 1]
            }
            guard page?.isTruncated ?? true else { return nil }
            // A page that is truncated and empty would be asked for again for ever.
            if let page, page.elements.isEmpty { throw .strangeAnswer(to: operation) }
            page = try await pageAfter(page?.elements.last)
            index = 0
        }
    }
}
