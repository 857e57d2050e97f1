import AgentBackend
import BrokerServer
import BrokerTestKit
import NIOCore
import Testing

@testable import BrokerClient

/// Calls with idempotency keys, over real sockets.
@Suite(.timeLimit(.minutes(1))) struct IdempotencyTests {
    private let target = BrokerTarget(key: "k")
    private let append = WriteOptions(mode: .append)

    /// Not gathered with others.
    private func piece(_ letter: String) -> ByteBuffer { ByteBuffer(string: String(repeating: letter, count: 20_000)) }

    private func path(_ text: String) throws -> WorkspacePath { try WorkspacePath(text) }

    private func key(_ text: String) -> BrokerCallOptions { BrokerCallOptions(idempotencyKey: text) }

    private func connect<Value>(
        _ broker: InProcessBroker,
        org: String = "acme",
        _ body: (BrokerConnection) async throws -> Value
    ) async throws -> Value {
        try await BrokerConnection.withConnection(
            to: try BrokerAddress("127.0.0.1:\(broker.port)"),
            token: broker.token(of: org),
            body
        )
    }

    private func expect(
        _ code: BackendError.Code,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () async throws -> Void
    ) async -> BackendError? {
        let error = await #expect(throws: BackendError.self, sourceLocation: sourceLocation) { try await body() }
        #expect(error?.code == code, "\(error as Any)", sourceLocation: sourceLocation)
        return error
    }

    @Test func theSameCallOnAnotherConnectionIsAnsweredAsTheFirst() async throws {
        try await withBroker { broker in
            let first = try await connect(broker) {
                try await $0.write(path("f"), ByteBuffer(string: "x"), options: append, on: target, call: key("1"))
            }
            try await connect(broker) { connection in
                try await connection.write(path("f"), ByteBuffer(string: "later"), options: append, on: target)
                let again = try await connection.write(
                    path("f"),
                    ByteBuffer(string: "x"),
                    options: append,
                    on: target,
                    call: key("1")
                )
                #expect(again == first && again.size == 1)
                #expect(try await connection.stat(path("f"), on: target).size == 6)
                // Another key is another call.
                #expect(
                    try await connection.write(
                        path("f"),
                        ByteBuffer(string: "x"),
                        options: append,
                        on: target,
                        call: key("2")
                    ).size == 7
                )
            }
        }
    }

    @Test func anotherRequestWithTheKeyIsAConflict() async throws {
        try await withBroker { broker in
            try await connect(broker) { connection in
                try await connection.write(
                    path("f"),
                    ByteBuffer(string: "x"),
                    options: append,
                    on: target,
                    call: key("1")
                )
                let others: [() async throws -> Void] = [
                    {
                        try await connection.write(
                            path("g"),
                            ByteBuffer(string: "x"),
                            options: append,
                            on: target,
                            call: key("1")
                        )
                    },
                    { try await connection.write(path("f"), ByteBuffer(string: "x"), on: target, call: key("1")) },
                    {
                        try await connection.write(
                            path("f"),
                            ByteBuffer(string: "y"),
                            options: append,
                            on: target,
                            call: key("1")
                        )
                    },
                    { try await connection.rm(path("f"), on: target, call: key("1")) },
                    {
                        let other = BrokerTarget(key: "other")
                        try await connection.write(
                            path("f"),
                            ByteBuffer(string: "x"),
                            options: append,
                            on: other,
                            call: key("1")
                        )
                    },
                ]
                for other in others {
                    _ = await expect(.conflict) { try await other() }
                }
                #expect(try await connection.read(path("f"), on: target) == ByteBuffer(string: "x"))
                #expect(try await !connection.exists(path("g"), on: target))
            }
        }
    }

    @Test func aFailureIsTheAnswerToo() async throws {
        try await withBroker { broker in
            try await connect(broker) { connection in
                _ = await expect(.writeFailed) {
                    try await connection.rename(path("a"), to: path("b"), on: target, call: key("1"))
                }
                try await connection.write(path("a"), ByteBuffer(string: "x"), on: target)
                _ = await expect(.writeFailed) {
                    try await connection.rename(path("a"), to: path("b"), on: target, call: key("1"))
                }
                try await connection.rename(path("a"), to: path("b"), on: target, call: key("2"))
            }
        }
    }

    /// Another connection asks while the first call is under way: it waits, and gets the same.
    @Test func aCallThatIsUnderWayIsWaitedFor() async throws {
        try await withBroker { broker in
            try await connect(broker) { first in
                try await connect(broker) { second in
                    let (pieces, upload) = AsyncStream.makeStream(of: ByteBuffer.self)
                    async let uploaded = first.write(path("f"), contents: pieces, on: target, call: key("1"))
                    upload.yield(piece("a"))
                    upload.yield(piece("b"))
                    // Its temporary file: it is under way.
                    while broker.temporaryFiles().isEmpty { await Task.yield() }
                    let whole = ByteBuffer(string: ["a", "b", "c"].map { String(buffer: piece($0)) }.joined())
                    async let again = second.write(path("f"), whole, on: target, call: key("1"))
                    while try await second.stats().callsInFlight < 2 { await Task.yield() }
                    #expect(try await !second.exists(path("f"), on: target))
                    upload.yield(piece("c"))
                    upload.finish()
                    let (one, two) = try await (uploaded, again)
                    #expect(one == two && one.size == 60_000)
                }
            }
        }
    }

    /// Of a call that was ended before it was done nothing is left, and the next is the first.
    @Test func aCallThatDidNothingLeavesItsKey() async throws {
        try await withBroker { broker in
            try await connect(broker) { first in
                let (pieces, upload) = AsyncStream.makeStream(of: ByteBuffer.self)
                let target = target
                let options = key("1")
                let uploading = Task { try await first.write(path("f"), contents: pieces, on: target, call: options) }
                upload.yield(piece("a"))
                upload.yield(piece("b"))
                while broker.temporaryFiles().isEmpty { await Task.yield() }
                uploading.cancel()
                _ = await uploading.result
                let written = try await first.write(path("f"), ByteBuffer(string: "whole"), on: target, call: options)
                #expect(written.size == 5)
            }
        }
    }

    @Test func aDetachedCommandIsStartedOnce() async throws {
        try await withBroker(configure: { $0.limits.drainTimeout = .zero }) { broker in
            try await connect(broker) { connection in
                let request = ExecRequest(.shellLine(Array("echo once >> f".utf8)))
                let first = try await connection.execDetached(request, on: target, call: key("1"))
                let again = try await connect(broker) {
                    try await $0.execDetached(request, on: target, call: key("1")).id
                }
                #expect(first.id == again)
                _ = try await first.wait()
                #expect(try await connection.read(path("f"), on: target) == ByteBuffer(string: "once\n"))
            }
        }
    }

    @Test func whatCannotBeKeptIsRefused() async throws {
        try await withBroker { broker in
            try await connect(broker) { connection in
                _ = await expect(.invalidArgument) {
                    _ = try await connection.exec(
                        ExecRequest(.shellLine(Array("true".utf8))),
                        on: target,
                        call: key("1")
                    ).collect()
                }
                _ = await expect(.invalidArgument) {
                    _ = try await connection.acquire(target, call: key("1"))
                }
                let error = await expect(.invalidArgument) {
                    try await connection.mkdir(path("d"), on: target, call: key(String(repeating: "k", count: 257)))
                }
                #expect(error?.reason == .tooLarge)
                // What changes nothing needs no key, and is done each time.
                #expect(try await !connection.exists(path("d"), on: target, call: key("1")))
                try await connection.mkdir(path("d"), on: target)
                #expect(try await connection.exists(path("d"), on: target, call: key("1")))
            }
        }
    }

    @Test func keysAreBoundedAndForgotten() async throws {
        let clock = MockClock()
        let configure = { (configuration: inout BrokerConfiguration) in
            configuration.limits.maxIdempotencyKeysPerOrg = 2
        }
        try await withBroker(orgs: ["acme", "other"], configure: configure, time: BrokerTime(clock: clock)) { broker in
            try await connect(broker) { connection in
                for number in 1...2 {
                    try await connection.write(
                        path("f"),
                        ByteBuffer(string: "x"),
                        options: append,
                        on: target,
                        call: key("\(number)")
                    )
                }
                let error = await expect(.resourceExhausted) {
                    try await connection.write(
                        path("f"),
                        ByteBuffer(string: "x"),
                        options: append,
                        on: target,
                        call: key("3")
                    )
                }
                #expect(error?.limit?.name == "idempotency_keys" && error?.limit?.allowed == 2)
                #expect(error?.isRetryable == true && error?.retryAfter ?? .zero > .seconds(590))
                // Neither another org's keys nor calls without one.
                try await connect(broker, org: "other") {
                    let other = try await $0.write(
                        path("f"),
                        ByteBuffer(string: "other"),
                        options: append,
                        on: target,
                        call: key("1")
                    )
                    #expect(other.size == 5)
                }
                try await connection.write(path("f"), ByteBuffer(string: "x"), options: append, on: target)
                clock.advance(by: .seconds(601))
                let again = try await connection.write(
                    path("f"),
                    ByteBuffer(string: "x"),
                    options: append,
                    on: target,
                    call: key("1")
                )
                #expect(again.size == 4)
            }
        }
    }
}
