import AgentBackend
import NIOCore
import Testing

extension BackendConformance {
    @Suite struct Reading {
        @Test(arguments: Subject.all)
        func textAndBytesComeBackAsTheyWere(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("text", "grüße\n")
                #expect(try await tested.backend.readText("text") == "grüße\n")
                let bytes = ByteBuffer(bytes: (0...255).map { UInt8($0) })
                try await tested.backend.write("bytes", bytes)
                #expect(try await tested.backend.read("bytes") == bytes)
                try await tested.backend.write("empty", "")
                #expect(try await tested.backend.read("empty").readableBytes == 0)
            }
        }

        @Test(arguments: Subject.all)
        func aRangeIsTheBytesThatThereAre(subject: Subject) async throws {
            let ranges: [(ReadRange, String)] = [
                (.all, "0123456789"), (ReadRange(offset: 3), "3456789"), (ReadRange(offset: 3, length: 4), "3456"),
                (ReadRange(length: 2), "01"), (ReadRange(offset: 8, length: 100), "89"), (ReadRange(offset: 10), ""),
                (ReadRange(offset: 1 << 40, length: 1), ""), (ReadRange(offset: 2, length: 0), ""),
                (ReadRange(offset: .max, length: .max), ""),
            ]
            try await withSubject(subject) { (tested: Tested) async throws in
                let path = try WorkspacePath("f")
                try await tested.backend.write("f", "0123456789")
                for (range, expected) in ranges {
                    let bytes = try await tested.backend.read(path, range: range)
                    #expect(String(buffer: bytes) == expected, "\(range)")
                    #expect(try await tested.backend.readText("f", range: range) == expected, "\(range)")
                    let reader = try await tested.backend.openReader(path, range: range)
                    #expect(reader.info.size == 10, "whatever the range")
                    await reader.close()
                }
            }
        }

        @Test(arguments: Subject.all)
        func whatIsMissingIsToldSo(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let missing = Refusal(tested.capabilities.missingToRead, .notFound)
                for path in ["missing", "missing/below"] {
                    #expect(try await refusal { try await tested.backend.read(path) } == missing)
                    #expect(try await refusal { try await tested.backend.stat(path) } == missing)
                    #expect(try await !tested.backend.exists(path))
                }
                let error = try await failure { try await tested.backend.read("missing") }
                #expect(error.operation == "read" || !tested.capabilities.isRemote, "\(error)")
                #expect(error.message.contains("missing"))
                #expect(!error.maybeExecuted)
            }
        }

        @Test(arguments: Subject.all)
        func whatIsNoTextIsToldSo(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("f", ByteBuffer(bytes: [0x61, 0xff, 0x62]))
                #expect(
                    try await refusal { try await tested.backend.readText("f") } == Refusal(.readFailed, .notText)
                )
            }
        }

        @Test(arguments: Subject.all)
        func aDirectoryIsNoFile(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("d/f", "x")
                let expected = Refusal(tested.capabilities.missingToRead, .isDirectory)
                #expect(try await refusal { try await tested.backend.read("d") } == expected)
                #expect(try await tested.backend.stat("d").kind == .directory)
                #expect(try await tested.backend.exists("d"))
            }
        }

        @Test(arguments: Subject.all)
        func aFileTooLargeForMemoryIsNotReadWhole(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("f", "12345")
                #expect(try await tested.backend.readText("f", maximum: 5) == "12345")
                let tooLarge = Refusal(.readFailed, .tooLarge)
                #expect(try await refusal { try await tested.backend.read("f", maximum: 4) } == tooLarge)
            }
        }

        @Test(arguments: Subject.all)
        func aReaderGivesPiecesOfAnySize(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("f", "0123456789")
                let reader = try await tested.backend.openReader(try WorkspacePath("f"), range: ReadRange(offset: 1))
                var text = ""
                while let piece = try await reader.read(upTo: 4) {
                    #expect((1...4).contains(piece.readableBytes))
                    text += String(buffer: piece)
                }
                #expect(text == "123456789")
                await reader.close()
                await reader.close()
            }
        }

        /// More than fits the windows of a connection: it flows as it is read.
        @Test(arguments: Subject.all)
        func threeMebibytesFlowThrough(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let path = try WorkspacePath("large")
                let contents = Pattern.bytes(3 << 20)
                let writer = try await tested.backend.openWriter(path, options: WriteOptions())
                var rest = contents
                while let piece = rest.readSlice(length: min(100_000, rest.readableBytes)), piece.readableBytes > 0 {
                    try await writer.write(piece)
                }
                #expect(try await writer.commit().size == 3 << 20)
                #expect(try await tested.backend.read(path) == contents)
                #expect(try await tested.backend.stat("large").size == 3 << 20)
            }
        }

        /// A reader has the file that it opened, whole, whatever takes its name meanwhile.
        @Test(arguments: Subject.all)
        func aReaderSeesOneVersion(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let path = try WorkspacePath("f")
                let contents = Pattern.bytes(3 << 20)
                try await tested.backend.write("f", contents)
                let reader = try await tested.backend.openReader(path, range: .all)
                var read = try await reader.read(upTo: 1000) ?? ByteBuffer()
                try await tested.backend.write("f", "new")
                while let piece = try await reader.read(upTo: 1 << 20) { read.writeImmutableBuffer(piece) }
                await reader.close()
                #expect(read == contents)
                #expect(try await tested.backend.readText("f") == "new")
            }
        }
    }
}

/// Contents that tell where they belong: a piece that is lost, doubled or out of place shows.
enum Pattern {
    static func bytes(_ count: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
            for index in 0..<count { memory[index] = UInt8(truncatingIfNeeded: index &* 2_654_435_761 >> 16) }
            return count
        }
        return buffer
    }
}
