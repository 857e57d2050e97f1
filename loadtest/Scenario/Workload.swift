/// Chooses calls, and tells whether their answers are right. A value without I/O or clock; the same seed chooses the same.
///
/// Keys are named alike in all orgs, and so are files: an answer with another org's bytes is as long as the right one and
/// shows another name in its first line.
struct Workload {
    private let run: String
    private let population: Scenario.Population
    /// Which of so many generators this is: it alone writes the files of its keys.
    private let share: (index: Int, count: Int)
    private let mix: Weighted<CallKind>
    private let sizes: Weighted<Int>
    private var generator: SeededGenerator
    private var samplers: [Int: KeySampler] = [:]
    private var files: [Int: FileVersions] = [:]
    private var lastStamp: UInt64

    /// - Parameter run: Names the run, so that what another one left is not taken for its own.
    init(
        run: String,
        population: Scenario.Population,
        mix: [CallKind: Double],
        seed: UInt64,
        share: (index: Int, count: Int)
    ) {
        self.run = run
        self.population = population
        self.share = share
        // In an order that does not hang on hashes.
        self.mix = Weighted(CallKind.allCases.map { ($0, mix[$0] ?? 0) })
        sizes = Weighted(population.sizes.map { ($0.size.bytes, $0.weight) })
        needsFiles =
            population.distribution != .fresh
            && mix.contains { $0.value > 0 && ($0.key.needsFiles || $0.key == .write) }
        hasCommands = mix.contains { $0.value > 0 && $0.key.isCommand }
        generator = SeededGenerator(seed: seed, agent: share.index)
        lastStamp = UInt64(share.index) << 48
    }

    /// Whether there have to be files before anything is called.
    private let needsFiles: Bool
    private let hasCommands: Bool

    /// Keys of each org that are this generator's: every so many-th.
    private var ownKeys: Int {
        max((population.keys - share.index + share.count - 1) / share.count, 1)
    }

    // MARK: Choosing

    /// To be called first: a command where there are any, and all files of the org's keys where anything needs them.
    func preparation(ofOrg org: Int) -> [Call] {
        let first = hasCommands ? [Call(kind: .run, org: org, key: ownKey(0))] : []
        guard needsFiles else { return first }
        return first
            + (0..<ownKeys).flatMap { key in
                (0..<population.files).map { Call(kind: .write, org: org, key: ownKey(key), file: $0, version: 1) }
            }
    }

    mutating func next(ofOrg org: Int) -> Call {
        var kind = mix.next(using: &generator)
        var sampler = samplers[org] ?? KeySampler(population.distribution, count: ownKeys)
        let key = ownKey(sampler.next(using: &generator))
        samplers[org] = sampler
        let file = Int.random(in: 0..<population.files, using: &generator)
        var call = Call(kind: kind, org: org, key: key, file: file)
        if kind.isStamped {
            lastStamp += 1
            call.stamp = lastStamp
            return call
        }
        if kind == .missing { return call }
        var versions = versions(call)
        if kind.isMutation, versions.isBeingWritten {
            // The write that is under way has to end first: another file of the key, if there is one.
            if let other = fileToWrite(call) {
                call.file = other
                versions = self.versions(call)
            } else {
                kind = .stat
            }
        }
        if kind == .edit, !versions.isKnown || !VersionedContents.mayBeEdit(versions.highest + 1) { kind = .write }
        call.kind = kind
        call.lowest = versions.lowest
        if kind.isMutation {
            call.version = versions.beginWrite()
            files[index(call)] = versions
        }
        return call
    }

    /// The next file of the call's key that is not being written.
    private func fileToWrite(_ call: Call) -> Int? {
        (1..<population.files).lazy.map { (call.file + $0) % population.files }.first { file in
            var other = call
            other.file = file
            return !versions(other).isBeingWritten
        }
    }

    /// An echo in a key of its own.
    mutating func touch(org: Int, number: Int) -> Call {
        lastStamp += 1
        return Call(kind: .echo, org: org, key: number, stamp: lastStamp, isOfIdleKey: true)
    }

    private func ownKey(_ number: Int) -> Int { number * share.count + share.index }

    // MARK: What calls work on

    func keyName(_ call: Call) -> String { call.isOfIdleKey ? "idle-\(share.index)-\(call.key)" : "agent-\(call.key)" }

    static let directory = "src"
    static let missingPath = "none.txt"
    func path(_ file: Int) -> String { "\(Self.directory)/f\(file).txt" }

    func contents(_ call: Call, file: Int? = nil) -> VersionedContents {
        let subject = "\(run)/org-\(call.org)/\(keyName(call))/\(path(file ?? call.file))"
        return VersionedContents(subject: subject, sizes: sizes)
    }

    /// What an echo carries names the call and its org.
    private func echo(_ call: Call) -> VersionedContents {
        VersionedContents(subject: "\(run)/org-\(call.org)/\(keyName(call))/echo", sizes: sizes)
    }

    func echoPayload(_ call: Call) -> [UInt8] { echo(call).bytes(call.stamp) }
    func echoSize(_ call: Call) -> Int { echo(call).size(call.stamp) }
    var backend: LoadBackend { population.backend }

    func filesOfKey() -> Range<Int> { 0..<population.files }

    // MARK: Answers

    private func index(_ call: Call) -> Int {
        ((call.org * (population.keys + 1) + call.key) * population.files) + call.file
    }

    func versions(_ call: Call) -> FileVersions {
        if let versions = files[index(call)] { return versions }
        return FileVersions(version: population.distribution == .fresh ? 0 : 1)
    }

    /// A write succeeded.
    mutating func wrote(_ call: Call) {
        var versions = versions(call)
        versions.wrote(call.version)
        // Of the preparation nothing has to be remembered.
        if files[index(call)] != nil { files[index(call)] = versions }
    }

    /// The call failed, or its connection was lost.
    mutating func gaveUp(_ call: Call) {
        guard call.kind.isMutation else { return }
        var versions = versions(call)
        versions.lostWrite()
        files[index(call)] = versions
    }

    /// An answer to `call` shows a version of its file, or of another one of its key. Throws where it may not.
    mutating func saw(_ version: UInt64, file: Int, of call: Call, from lowest: UInt64) throws(LoadFailure) {
        var other = call
        other.file = file
        var versions = versions(other)
        guard versions.saw(version, from: lowest) else {
            throw .wrongAnswer(
                "\(contents(call, file: file).subject): version \(version), but it is \(lowest) to \(versions.highest)"
            )
        }
        // Only what was written has to be remembered.
        if files[index(other)] != nil { files[index(other)] = versions }
    }
}
