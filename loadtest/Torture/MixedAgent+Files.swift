internal import AgentBackend
internal import BrokerClient
internal import NIOCore

extension MixedAgent {
    mutating func echo() async throws -> Int {
        let whole = MixedContents(subject: "\(number)/echo").bytes(newVersion())
        // A call without a stream takes no more than its credit.
        let payload = whole.getSlice(at: 0, length: min(whole.readableBytes, 1 << 18)) ?? whole
        let target = choice(2) == 0 ? target(choice(Self.keys)) : memoryTarget
        try check(try await connected().echo(payload, on: target) == payload, "an echo came back changed")
        return 1
    }

    /// Several calls at once.
    mutating func burst() async throws -> Int {
        let connection = try await connected()
        let target = target(choice(Self.keys))
        let payloads = (0..<16).map { _ in MixedContents(subject: "\(number)/burst").bytes(newVersion() * 100) }
        try await withThrowingTaskGroup { group in
            for payload in payloads {
                group.addTask {
                    guard try await connection.echo(payload, on: target) == payload else {
                        throw TortureFailure("an echo of a burst came back changed")
                    }
                }
            }
            try await group.waitForAll()
        }
        return payloads.count
    }

    mutating func read() async throws -> Int {
        try await read(choice(Self.keys), choice(Self.filesOfKey))
        return 1
    }

    /// Reads a file, and knows it from then on.
    mutating func read(_ key: Int, _ file: Int) async throws {
        let connection = try await connected()
        do {
            let bytes = try await connection.read(try path(file), on: target(key))
            let contents = contents(key, file)
            guard let version = files[key][file].candidates.first(where: { $0 != 0 && contents.bytes($0) == bytes })
            else {
                throw TortureFailure(
                    "file \(key)/\(file) holds \(bytes.readableBytes) bytes that are none of \(files[key][file])"
                )
            }
            files[key][file].isNow(version)
        } catch let error as BackendError where error.code == .readFailed && error.reason == .notFound {
            try check(
                files[key][file].candidates.contains(0),
                "file \(key)/\(file) is gone, but was \(files[key][file])"
            )
            files[key][file].isNow(0)
        }
    }

    mutating func write() async throws -> Int {
        let (key, file, version) = (choice(Self.keys), choice(Self.filesOfKey), newVersion())
        let bytes = contents(key, file).bytes(version)
        let info = try await connected().write(try path(file), bytes, on: target(key))
        try check(info.size == UInt64(bytes.readableBytes), "a write of \(bytes.readableBytes) bytes left \(info.size)")
        files[key][file].isNow(version)
        return 1
    }

    /// Writes where the file is still of a version: once that is so, and once it is not.
    mutating func swap() async throws -> Int {
        let (key, file) = (choice(Self.keys), choice(Self.filesOfKey))
        try await read(key, file)
        guard files[key][file].version != 0 else { return 1 }
        let (connection, path, target) = (try await connected(), try path(file), target(key))
        let etag = try await connection.stat(path, on: target).etag
        let version = newVersion()
        let bytes = contents(key, file).bytes(version)
        try await connection.write(path, bytes, options: WriteOptions(expectedEtag: etag), on: target)
        files[key][file].isNow(version)
        try await expect(.conflict, "a write over another version") {
            try await connection.write(path, bytes, options: WriteOptions(expectedEtag: etag), on: target)
        }
        return 4
    }

    mutating func look() async throws -> Int {
        let (key, file) = (choice(Self.keys), choice(Self.filesOfKey))
        let connection = try await connected()
        let exists = try await connection.exists(try path(file), on: target(key))
        guard let version = files[key][file].version else { return 1 }
        try check(exists == (version != 0), "file \(key)/\(file) exists: \(exists), but is \(files[key][file])")
        guard exists else { return 1 }
        let info = try await connection.stat(try path(file), on: target(key))
        try check(
            info.kind == .regular && info.size == UInt64(MixedContents.length(version)),
            "file \(key)/\(file) is \(info), but should be of \(MixedContents.length(version)) bytes"
        )
        return 2
    }

    mutating func list() async throws -> Int {
        let (key, directory) = (choice(Self.keys), choice(3))
        let connection = try await connected()
        let numbers = stride(from: directory, to: Self.filesOfKey, by: 3)
        let known = numbers.filter { (files[key][$0].version ?? 0) != 0 }.map { "file-\($0)" }
        let possible = numbers.filter { files[key][$0].candidates != [0] }.map { "file-\($0)" }
        do {
            let page = try await connection.readdir(try WorkspacePath("dir-\(directory)"), on: target(key))
            let names = page.entries.compactMap(\.text)
            try check(
                Set(names).isSuperset(of: known) && Set(names).isSubset(of: possible) && names == names.sorted(),
                "directory \(key)/\(directory) has \(names), but should have \(known), and no more than \(possible)"
            )
        } catch let error as BackendError where error.code == .lsFailed && error.reason == .notFound {
            try check(known.isEmpty, "directory \(key)/\(directory) is gone, but should have \(known)")
        }
        return 1
    }

    /// Another name, a copy, or the end of a file.
    mutating func move() async throws -> Int {
        let (key, file, other) = (choice(Self.keys), choice(Self.filesOfKey), choice(Self.filesOfKey))
        try await read(key, file)
        let (connection, path, target) = (try await connected(), try path(file), target(key))
        guard let version = files[key][file].version, version != 0 else {
            try await expect(.writeFailed, "the removal of nothing") { try await connection.rm(path, on: target) }
            return 2
        }
        switch choice(3) {
        case 0:
            try await connection.rm(path, on: target)
            files[key][file].isNow(0)
            return 2
        case 1 where other != file:
            // There and back: a file's contents tell which it is.
            let elsewhere = try WorkspacePath("moved/\(file)")
            try await connection.rename(path, to: elsewhere, on: target)
            files[key][file].isNow(0)
            try await expect(.readFailed, "a read of what was renamed") {
                _ = try await connection.read(path, on: target)
            }
            try await connection.rename(elsewhere, to: path, on: target)
            files[key][file].isNow(version)
            try await read(key, file)
            return 5
        default:
            let copy = try WorkspacePath("copies/\(file)")
            try await connection.copy(path, to: copy, on: target)
            let bytes = try await connection.read(copy, on: target)
            try check(bytes == contents(key, file).bytes(version), "a copy of \(key)/\(file) holds something else")
            return 3
        }
    }
}
