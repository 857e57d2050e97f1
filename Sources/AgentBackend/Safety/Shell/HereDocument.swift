/// A here-document whose body has not been read yet.
struct HereDocument {
    /// The line that ends it.
    let delimiter: [UInt8]
    /// `<<-`: tabs in front of the delimiter do not count.
    let stripsTabs: Bool
}

extension ShellParser {
    /// Goes behind the bodies of the here-documents of the line before.
    mutating func skipDocuments() {
        for document in documents {
            while position < text.count {
                var start = position
                let end = text[position...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
                position = min(end + 1, text.count)
                while document.stripsTabs, start < end, text[start] == UInt8(ascii: "\t") { start += 1 }
                if text[start..<end].elementsEqual(document.delimiter) { break }
            }
        }
        documents = []
    }
}
