import Glibc
import NIOCore
import Testing

@testable import agent_broker

@Suite(.timeLimit(.minutes(1))) struct DescriptorTests {
    /// A pipe of the kernel, with ends that tests close themselves.
    private func ends() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    @Test func bytesGoThroughInPiecesToTheEnd() async throws {
        signal(SIGPIPE, SIG_IGN)
        let (readEnd, writeEnd) = try ends()
        let reader = try Descriptor(readEnd)
        let writer = try Descriptor(writeEnd)
        let sent = ByteBuffer(bytes: (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
        async let writing: Void = {
            try await writer.write(sent)
            close(writeEnd)
        }()
        var received = ByteBuffer()
        for try await piece in reader.contents { received.writeImmutableBuffer(piece) }
        try await writing
        #expect(received == sent)
        close(readEnd)
    }

    /// What an upload's share is told of.
    @Test func aRegularFileKnowsWhatIsLeftOfIt() throws {
        var template = Array("/tmp/descriptor-test-XXXXXX".utf8CString)
        let file = mkstemp(&template)
        try #require(file >= 0)
        defer { close(file) }
        unlink(template)
        try #require(ftruncate(file, 1000) == 0)
        #expect(try Descriptor(file).remainingBytes == 1000)
        lseek(file, 300, SEEK_SET)
        #expect(try Descriptor(file).remainingBytes == 700)
        lseek(file, 3000, SEEK_SET)
        #expect(try Descriptor(file).remainingBytes == 0)
        let (readEnd, writeEnd) = try ends()
        #expect(try Descriptor(readEnd).remainingBytes == nil)
        close(readEnd)
        close(writeEnd)
    }

    @Test func aReaderThatWaitsIsCancelled() async throws {
        let (readEnd, writeEnd) = try ends()
        let reader = try Descriptor(readEnd)
        let result = await withTaskGroup(of: Result<ByteBuffer?, any Error>.self) { group in
            group.addTask {
                do { return .success(try await reader.read(upTo: 1)) } catch { return .failure(error) }
            }
            group.cancelAll()
            return await group.next()
        }
        #expect(throws: CancellationError.self) { try result?.get() }
        close(readEnd)
        close(writeEnd)
    }

    @Test func aWriterThatNobodyReadsIsCancelled() async throws {
        let (readEnd, writeEnd) = try ends()
        let writer = try Descriptor(writeEnd)
        let result = await withTaskGroup(of: Result<Void, any Error>.self) { group in
            group.addTask {
                // Far more than a pipe holds.
                do { return .success(try await writer.write(ByteBuffer(repeating: 1, count: 8 << 20))) } catch {
                    return .failure(error)
                }
            }
            group.cancelAll()
            return await group.next()
        }
        #expect(throws: CancellationError.self) { try result?.get() }
        close(readEnd)
        close(writeEnd)
    }

    @Test func aPipeWithoutReaderIsBroken() async throws {
        signal(SIGPIPE, SIG_IGN)
        let (readEnd, writeEnd) = try ends()
        close(readEnd)
        let writer = try Descriptor(writeEnd)
        let error = await #expect(throws: Descriptor.Failure.self) { try await writer.write(ByteBuffer(string: "x")) }
        guard case .brokenPipe = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        close(writeEnd)
    }
}
