import AgentBackend
import BrokerWire
import NIOCore
import WireFuzzing

/// Makes up conversations, always the same for the same seed.
struct HostileClient {
    private let token: String
    private var mutator: Mutator
    private let decoder = DecoderBox()

    /// Of the broker that it talks to.
    static let streamWindow = 64 << 10
    static let maximumFrameLength = 4 << 20

    private final class DecoderBox {
        private let decoder = ClientFrameDecoder()

        func decode(_ message: [UInt8]) -> Result<ClientFrame, FrameFault> {
            do throws(FrameFault) {
                return .success(try decoder.decode(ByteBuffer(bytes: message)))
            } catch {
                return .failure(error)
            }
        }
    }

    init(token: String, seed: UInt64) {
        self.token = token
        mutator = Mutator(samples: Self.honest.map { HostileConversation.message(of: $0) }, seed: seed)
    }

    mutating func next() -> HostileConversation {
        var conversation = HostileConversation()
        if number(below: 12) == 0 {
            beginBadly(&conversation)
            return conversation
        }
        conversation.append(hello(token))
        for _ in 0..<1 + number(below: 16) {
            addCall(to: &conversation)
            // It was one that may end the connection.
            guard case .answered = conversation.ending else { return conversation }
        }
        end(&conversation)
        return conversation
    }

    private mutating func number(below bound: Int) -> Int { mutator.number(below: bound) }

    private func hello(_ token: String, versions: ClosedRange<UInt32> = 1...1) -> ClientFrame {
        ClientFrame(id: 0, body: .hello(Hello(versions: versions, token: token, clientName: "hostile")))
    }

    private func echo(_ id: UInt64, payload: ByteBuffer = ByteBuffer()) -> ClientFrame {
        ClientFrame(id: id, target: Self.target, body: .call(.echo), payload: payload)
    }

    private static let target = Target(backend: .memory, key: "hostile")

    // MARK: Before the hello

    private mutating func beginBadly(_ conversation: inout HostileConversation) {
        conversation.hostileFrames = 1
        conversation.ending = .goAway([.protocolError])
        switch number(below: 6) {
        case 0:
            conversation.append(echo(1))
        case 1:
            conversation.append(ClientFrame(id: 1, body: .chunk))
        case 2:
            conversation.append(hello(token, versions: 2...9))
        case 3:
            conversation.append(hello("ab_0123456789abcdef_" + String(repeating: "0", count: 64)))
            conversation.ending = .goAway([.authFailed])
        case 4:
            // More than is taken from a stranger.
            conversation.append(header: UInt32(FrameHeader.maximumHelloLength + 1 + number(below: 1 << 20)))
        default:
            conversation.bytes.writeString("GET / HTTP/1.1\r\nHost: broker\r\n\r\n")
        }
    }

    // MARK: Calls

    private mutating func addCall(to conversation: inout HostileConversation) {
        let kind = number(below: 20)
        if kind > 1 { conversation.hostileFrames += 1 }
        switch kind {
        case 0, 1:
            let id = conversation.nextID()
            let payload = ByteBuffer(repeating: UInt8(number(below: 256)), count: number(below: 2000))
            conversation.append(echo(id, payload: payload))
            conversation.expectations[id] = .echo(payload)
        case 2, 3:
            refuse(&conversation, [.notImplemented], Protobuf.bytes(UInt64(200 + number(below: 1000)), garbage(100)))
        case 4:
            bomb(&conversation)
        case 5:
            nest(&conversation)
        case 6:
            let key = Protobuf.bytes(2, [UInt8](repeating: 0xc3, count: 1 + number(below: 50)))
            let target = Protobuf.bytes(ClientField.target, key)
            refuse(&conversation, [.invalidArgument], target + Protobuf.bytes(ClientField.echo, []))
        case 7:
            // The rest of it is missing.
            let length = Protobuf.varint(UInt64(101 + number(below: 1 << 30)))
            let read = Protobuf.tag(ClientField.read, wireType: 2) + length + garbage(100)
            refuse(&conversation, [.protocolError], read)
        case 8:
            let write = Protobuf.bytes(ClientField.write, Protobuf.number(2, UInt64(9 + number(below: 1000))))
            refuse(&conversation, [.invalidArgument], write)
        case 9:
            let requires = Protobuf.number(ClientField.requires, UInt64(100 + number(below: 1000)))
            let target = Protobuf.bytes(ClientField.target, Protobuf.text(2, "hostile"))
            refuse(&conversation, [.notImplemented], target + requires + Protobuf.bytes(ClientField.echo, []))
        case 10:
            // Tags of groups, and of types that do not exist.
            let tag = Protobuf.tag(UInt64(300 + number(below: 100)), wireType: [3, 4, 6, 7][number(below: 4)])
            refuse(&conversation, [.protocolError], tag)
        case 11, 12:
            addFrameOfTheConnection(to: &conversation)
        default:
            addMutation(to: &conversation)
        }
    }

    private mutating func garbage(_ most: Int) -> [UInt8] {
        (0..<number(below: most)).map { _ in UInt8(number(below: 256)) }
    }

    private mutating func refuse(
        _ conversation: inout HostileConversation,
        _ codes: Set<BackendError.Code>,
        _ rest: [UInt8]
    ) {
        let id = conversation.nextID()
        conversation.append(message: Protobuf.number(ClientField.id, id) + rest)
        conversation.expectations[id] = .refusal(codes)
    }

    /// Fields of two bytes, of which each takes far more memory.
    private mutating func bomb(_ conversation: inout HostileConversation) {
        let count = number(below: 40) == 0 ? 400_000 : 1 + number(below: 2000)
        let pairs = { (field: UInt64) in Self.times(count, Protobuf.bytes(field, [])) }
        let message =
            switch number(below: 4) {
            case 0: Protobuf.bytes(ClientField.execStart, pairs(3))
            case 1: pairs(15)
            case 2: pairs(ClientField.target)
            default: Protobuf.bytes(ClientField.acquire, Protobuf.bytes(1, pairs(1)))
            }
        add(message, isRefused: count == 400_000, to: &conversation)
    }

    /// By doubling: a debug build takes its time for each element of a sequence.
    private static func times(_ count: Int, _ bytes: [UInt8]) -> [UInt8] {
        let length = count * bytes.count
        var result = bytes
        while result.count < length { result += result.prefix(length - result.count) }
        return result
    }

    /// Whether it is refused, the broker's own decoder says; `isRefused`: it must be.
    private mutating func add(_ body: [UInt8], isRefused: Bool = false, to conversation: inout HostileConversation) {
        let id = conversation.nextID()
        let message = Protobuf.number(ClientField.id, id) + body
        conversation.append(message: message)
        let isTaken = if case .success = decoder.decode(message) { true } else { false }
        conversation.expectations[id] = isRefused || !isTaken ? .refusal([.protocolError, .invalidArgument]) : .answer
    }

    private mutating func nest(_ conversation: inout HostileConversation) {
        var nested: [UInt8] = []
        for _ in 0..<number(below: 1000) { nested = Protobuf.bytes(2, nested) }
        let field = [15, ClientField.target, ClientField.acquire, ClientField.execStart][number(below: 4)]
        add(Protobuf.bytes(field, nested) + Protobuf.bytes(ClientField.echo, []), to: &conversation)
    }

    /// What says something of calls that there are none of: it is ignored.
    private mutating func addFrameOfTheConnection(to conversation: inout HostileConversation) {
        let unknown = conversation.highestID + 1 + UInt64(number(below: 1 << 40))
        let bodies: [ClientFrame.Body] = [
            .cancel(call: unknown), .cancel(call: 0), .cancel(call: conversation.highestID), .pong(nonce: unknown),
            .window(stream: unknown, bytes: .max), .window(stream: 0, bytes: 0), .unknown, .ping(nonce: unknown),
            .goAway(GoAway(error: BackendError(.internal, message: "no"), lastID: unknown)),
        ]
        conversation.append(ClientFrame(id: 0, body: bodies[number(below: bodies.count)]))
        // The last call may be one of those that were cancelled.
        if case .echo? = conversation.expectations[conversation.highestID] {
            conversation.expectations[conversation.highestID] = .answer
        }
    }

    /// An honest message with some bytes changed, and what the broker's own decoder says it is now.
    private mutating func addMutation(to conversation: inout HostileConversation) {
        var message = mutator.next()
        // The last id counts. Without one of its own most conversations would soon end with one that falls.
        if number(below: 4) > 0 { message += Protobuf.number(ClientField.id, conversation.highestID + 1) }
        conversation.append(message: message)
        let highest = conversation.highestID
        switch decoder.decode(message) {
        case .failure(let fault):
            guard let id = fault.id else { return conversation.ending = .goAway([.protocolError, .invalidArgument]) }
            // Of a call that runs it is the end, of one that has ended the connection's.
            guard id > highest else { return conversation.ending = .either }
            conversation.highestID = id
            conversation.expectations[id] = .refusal([.protocolError, .invalidArgument])
        case .success(let frame):
            switch frame.body {
            case .call,
                .unknown where frame.id > highest:
                guard frame.id > highest, frame.payload.readableBytes <= Self.streamWindow else {
                    return conversation.ending = .goAway([.protocolError])
                }
                conversation.highestID = frame.id
                conversation.expectations[frame.id] = .answer
            case .hello:
                conversation.ending = .goAway([.protocolError])
            case .chunk where frame.id == 0 || frame.id > highest:
                conversation.ending = .goAway([.protocolError])
            case .chunk, .cancel,
                .unknown where frame.id != 0, .window:
                // What they do depends on how far the calls before have come.
                conversation.ending = .either
            case .unknown, .ping, .pong, .goAway:
                break
            }
        }
        // Its ids go on from there, to the end of the numbers.
        if conversation.highestID > 1 << 62 { conversation.ending = .either }
    }

    // MARK: Endings

    private mutating func end(_ conversation: inout HostileConversation) {
        guard number(below: 3) > 0 else { return }
        conversation.hostileFrames += 1
        conversation.ending = .goAway([.protocolError])
        let next = conversation.highestID + 1
        switch number(below: 10) {
        case 0:
            // The rest of it never comes: the client closes its side.
            conversation.append(header: UInt32(1 + number(below: Self.maximumFrameLength)))
            conversation.bytes.moveWriterIndex(to: conversation.bytes.writerIndex - number(below: 5))
        case 1:
            conversation.append(header: .max - UInt32(number(below: 1000)))
        case 2:
            conversation.append(header: UInt32(Self.maximumFrameLength + 1 + number(below: 1 << 20)))
        case 3:
            conversation.append(header: UInt32(number(below: 1000)), flags: UInt8(1 + number(below: 255)))
        case 4:
            conversation.append(hello(token))
        case 5:
            conversation.append(echo(UInt64(number(below: Int(clamping: conversation.highestID) + 1))))
        case 6:
            conversation.append(ClientFrame(id: next, body: .chunk, payload: ByteBuffer(string: "piece")))
        case 7:
            let count = Self.streamWindow + 1 + number(below: 1000)
            conversation.append(echo(next, payload: ByteBuffer(repeating: 1, count: count)))
        case 8:
            conversation.append(ClientFrame(id: 0, body: .window(stream: 0, bytes: .max - UInt64(number(below: 1000)))))
        default:
            conversation.append(message: [0xff] + garbage(100))
        }
    }

    // MARK: Honest frames

    /// What is changed: calls of all kinds but commands, which a changed one may well be, and leases.
    private static let honest: [ClientFrame] = {
        let path = Array("a/file".utf8)
        let other = Array("a/other".utf8)
        let names = (try? GlobPattern("**/{a,b}*")).map { BrokerWire.Operation.glob(Glob($0, GlobOptions())) }
        let lines = (try? GrepPattern("a")).map { BrokerWire.Operation.grep(Grep($0, GrepOptions())) }
        let operations: [BrokerWire.Operation] = [
            .echo, .describe, .read(Read(path: path)), .read(Read(path: path, range: ReadRange(offset: 1, length: 3))),
            .write(Write(path: path)), .write(Write(path: path, options: WriteOptions(mode: .append))),
            .readdir(Readdir(path: [], options: ReaddirOptions(withDetails: true, limit: 7))), .stat(Stat(path: path)),
            .rm(Rm(path: path, options: RemoveOptions(recursive: true, force: true))), .exists(Exists(path: path)),
            .mkdir(Mkdir(path: other)), .touch(Touch(path: path)), .rename(Rename(path: path, destination: other)),
            .copy(Copy(path: other, destination: path)), .listKeys(ListKeys(prefix: path)),
            .deleteKey(DeleteKey(key: path)), .clearKeys, .readLines(ReadLines(path: path)),
            .edit(Edit(path: path, edits: [TextEdit("a", "b")])), .diskUsage(MeasureUsage(path: [])),
            .tree(Tree(TreeOptions(depth: 2))), .archive(Archive(path: [])), .extract(Extract(path: other)),
            .uploadBegin(UploadBegin(upload: "u", file: Write(path: other))),
            .uploadAppend(UploadAppend(upload: "u", offset: 0)), .uploadAbort(UploadAbort(upload: "u")),
            .uploadFinish(UploadFinish(upload: "u", sha256: Array(repeating: 0, count: 32))),
            .checksum(Checksum(path: path)),
            .symlink(Symlink(path: other, target: Array("file".utf8))), .chmod(Chmod(path: path, permissions: 0o640)),
            .statMany(StatMany(paths: [path, other])),
            .readMany(ReadMany(paths: [path, other])),
            .listWorkspaces(ListWorkspaces(after: "k", limit: 7)),
            .stats(Stats()),
        ]
        return (operations + [names, lines].compactMap(\.self)).enumerated().flatMap { index, operation in
            [BackendType.memory, .localFilesystem].map { backend in
                ClientFrame(
                    id: UInt64(index) << 7 | 0x55,
                    target: Target(backend: backend, key: "hostile", scopePath: path),
                    last: index.isMultiple(of: 2),
                    options: CallOptions(lane: UInt32(index % 3), CallOptions.Special(traceparent: "00-4bf9-00f0-01")),
                    body: .call(operation),
                    payload: ByteBuffer(string: "payload")
                )
            }
        } + [
            ClientFrame(id: 0, body: .ping(nonce: 7)), ClientFrame(id: 0, body: .cancel(call: 3)),
            ClientFrame(id: 3, last: false, body: .chunk, payload: ByteBuffer(string: "piece")),
            ClientFrame(id: 0, body: .window(stream: 3, bytes: 100)),
        ]
    }()
}
