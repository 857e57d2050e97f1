import Foundation
import Testing
import WireFuzzing

@testable import BrokerWire

/// The seeds of the fuzzer, and some mutations of them: whatever comes out of it is a frame or a fault, as
/// ``WireProbe`` has it. `Tests/Fuzz/run` does the same for longer.
@Suite struct MutationTests {
    private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Corpus/wire").standardizedFileURL

    /// Name and bytes, in the order of the names.
    private static func corpus() throws -> [(name: String, bytes: [UInt8])] {
        try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .map { ($0.lastPathComponent, Array(try Data(contentsOf: $0))) }
            .sorted { $0.name < $1.name }
    }

    /// Each kind of frame, and streams of them.
    private static func seeds() throws -> [(name: String, bytes: [UInt8])] {
        func name(_ prefix: String, _ sample: String) -> String {
            let plain = sample.map { $0.isLetter || $0.isNumber ? String($0) : "-" }.joined()
            return "\(prefix)-\(plain.replacing("--", with: "-"))"
        }
        var seeds: [(name: String, bytes: [UInt8])] = []
        var stream: [UInt8] = []
        for sample in try Samples.client() {
            let bytes = message(of: sample.frame).array
            seeds.append((name("client", sample.name), [WireProbe.Kind.clientMessage.rawValue] + bytes))
            // A few of them: a fuzzer does better with short inputs.
            if stream.count < 400 { stream += [0, 0, 0, UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)] + bytes }
        }
        for sample in try Samples.server() {
            let bytes = message(of: sample.frame).array
            seeds.append((name("server", sample.name), [WireProbe.Kind.serverMessage.rawValue] + bytes))
        }
        for cut: UInt8 in [0, 6, 255] {
            seeds.append((name("stream", "\(cut)"), [WireProbe.Kind.stream.rawValue, cut] + stream))
        }
        return seeds
    }

    /// A new operation needs a seed: run with WRITE_CORPUS=1 in the environment, and commit what is new.
    @Test func everyKindOfFrameIsInTheCorpus() throws {
        if ProcessInfo.processInfo.environment["WRITE_CORPUS"] == "1" {
            for (name, bytes) in try Self.seeds() {
                try Data(bytes).write(to: Self.directory.appending(path: name))
            }
        }
        let corpus = Set(try Self.corpus().map(\.bytes))
        for (name, bytes) in try Self.seeds() {
            let isThere = corpus.contains(bytes)
            #expect(isThere, "\(name) is not in Tests/Corpus/wire: write it with WRITE_CORPUS=1")
        }
    }

    @Test func theCorpusIsTakenOrRefused() throws {
        let probe = WireProbe()
        let seeds = Set(try Self.seeds().map(\.name))
        for (name, bytes) in try Self.corpus() {
            let outcome = try probe.check(bytes)
            if seeds.contains(name) { #expect(outcome == .taken, "\(name)") }
        }
    }

    @Test(arguments: 0..<4)
    func mutationsAreTakenOrRefused(seed: UInt64) throws {
        let probe = WireProbe()
        var mutator = Mutator(samples: try Self.corpus().map(\.bytes), seed: seed)
        var (taken, refused) = (0, 0)
        for number in 0..<20_000 {
            let input = mutator.next()
            do {
                switch try probe.check(input) {
                case .taken: taken += 1
                case .refused: refused += 1
                }
            } catch {
                Issue.record("\(error): mutation \(number) of seed \(seed), \(Data(input).base64EncodedString())")
                return
            }
        }
        // Mutations that only ever break a message, or never do, test nothing.
        #expect(taken > 1_000)
        #expect(refused > 2_000)
    }
}
