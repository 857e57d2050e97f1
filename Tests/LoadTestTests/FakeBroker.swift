import Foundation
import Glibc

@testable import loadtest

/// A server that speaks as much of the wire as a run needs, with files in memory, and does one thing wrong if asked to. A
/// token is the number of an org. Each connection is served by a thread of its own.
final class FakeBroker: @unchecked Sendable {
    enum Fault: CaseIterable {
        case none
        /// Once in a while the answers to two calls of a connection have each other's payload.
        case swapsAnswers
        /// Once in a while a read shows the file of the same name of the next org.
        case answersWithAnotherOrg
        /// Once in a while a read shows what was there before the last write.
        case answersWithThePast
        /// Once in a while a write is acknowledged and not made.
        case forgetsAWrite
        /// A descriptor stays open of some calls.
        case leaksADescriptor
        /// Once in a while a call is answered twice.
        case answersTwice
    }

    let endpoint: Endpoint
    private let fault: Fault
    private let orgs: Int
    private let listener: Int32
    private let lock = NSLock()
    /// Under the lock: versions of each file, the last one last; calls; and descriptors.
    private var files: [String: [[UInt8]]] = [:]
    private var calls = 0
    private var leaked: [Int32] = []

    init(_ fault: Fault, orgs: Int = 2) throws {
        (self.fault, self.orgs) = (fault, orgs)
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic -> UInt16? in
                guard bind(listener, generic, length) == 0, listen(listener, 64) == 0,
                    getsockname(listener, generic, &length) == 0
                else { return nil }
                return UInt16(bigEndian: pointer.pointee.sin_port)
            }
        }
        guard let port else { throw LoadFailure.system("listen") }
        endpoint = .internet(host: "127.0.0.1", port: port)
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                Thread.detachNewThread { [self] in serve(connection) }
            }
        }
    }

    /// Accepts no more.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        lock.withLock {
            for descriptor in leaked { close(descriptor) }
            leaked = []
        }
    }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var on: Int32 = 1
        setsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        var received: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 64 << 10)
        var org = 0
        while true {
            let count = recv(connection, &room, room.count, 0)
            guard count > 0 else { return }
            received += room.prefix(count)
            guard let frames = try? SentFrame.all(received) else { return }
            received.removeFirst(frames.reduce(0) { $0 + $1.length })
            var answers: [ServerAnswer] = []
            var out: [UInt8] = []
            for frame in frames {
                if frame.body == 16 {
                    org = ServerBytes.token(ofHello: frame.message).flatMap { Int($0) } ?? 0
                    out += ServerBytes.helloReply()
                } else if frame.id != 0 {
                    answers.append(answer(frame, org))
                }
            }
            swap(&answers)
            out += answers.flatMap(\.bytes)
            if fault == .answersTwice, isTime(), let last = answers.last { out += last.bytes }
            guard send(connection, out, out.count, Int32(MSG_NOSIGNAL)) == out.count else { return }
        }
    }

    private func answer(_ frame: SentFrame, _ org: Int) -> ServerAnswer {
        let (path, key) = (ServerBytes.firstField(frame.message), ServerBytes.key(ofTarget: frame.target))
        let name = "\(org)/\(key)/\(path)"
        return lock.withLock {
            calls += 1
            if fault == .leaksADescriptor, calls % 100 == 0 { leaked.append(open("/dev/null", O_RDONLY | O_CLOEXEC)) }
            switch frame.body {
            case 49:
                let isForgotten = fault == .forgetsAWrite && calls % 50 == 0 && files[name] != nil
                if !isForgotten { files[name] = (files[name] ?? []).suffix(1) + [frame.payload] }
                return ServerAnswer(id: frame.id, body: 49, size: frame.payload.count)
            case 48, 51:
                var bytes = files[name]?.last ?? []
                if calls % 50 == 0, frame.body == 48 {
                    if fault == .answersWithThePast { bytes = files[name]?.first ?? [] }
                    if fault == .answersWithAnotherOrg {
                        bytes = files["\((org + 1) % orgs)/\(key)/\(path)"]?.last ?? []
                    }
                }
                return ServerAnswer(
                    id: frame.id,
                    body: frame.body,
                    size: bytes.count,
                    payload: frame.body == 48 ? bytes : []
                )
            default:
                return ServerAnswer(id: frame.id, body: frame.body, payload: frame.payload)
            }
        }
    }

    /// Of two answers of the same kind.
    private func swap(_ answers: inout [ServerAnswer]) {
        guard fault == .swapsAnswers, answers.count > 1 else { return }
        for (one, other) in zip(answers.indices, answers.indices.dropFirst())
        where answers[one].body == 32 && answers[other].body == 32 {
            let payload = answers[one].payload
            answers[one].payload = answers[other].payload
            answers[other].payload = payload
            return
        }
    }

    private func isTime() -> Bool { lock.withLock { calls % 20 == 0 } }
}

struct ServerAnswer {
    var id: UInt64
    var body: UInt64
    var size = 0
    var payload: [UInt8] = []

    var bytes: [UInt8] { ServerBytes.fileAnswer(id, body: body, size: size, payload: payload) }
}
