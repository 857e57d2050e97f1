internal import AgentBackend

/// Looks at every entry of an archive before the first of them is made: what is refused changes nothing.
struct ArchiveCheck: WorkInTurns {
    private let decoder: ArchiveDecoder
    /// Where it is to be extracted, without symbolic links.
    private let place: WorkspacePath
    private var isInFile = false

    init(
        _ source: any ArchiveSource,
        _ limits: ArchiveLimits,
        into path: WorkspacePath,
        _ files: LocalFiles
    ) throws(DirectoryAccess.Failure) {
        place = try files.access.resolve(path, followLast: true)
        decoder = try refusing { () throws(BackendError) in try ArchiveDecoder(source, limits) }
    }

    mutating func advance(_ files: LocalFiles, _ turn: inout FileTurn) throws(DirectoryAccess.Failure) -> Void? {
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { scratch.deallocate() }
        repeat {
            try files.cancellation.check()
            // Unpacked piece by piece: all of a file at once could take long.
            if isInFile {
                let count = try refusing { () throws(BackendError) in try decoder.read(into: scratch) }
                if count > 0 { continue }
            }
            let next = try refusing { () throws(BackendError) in try decoder.next() }
            guard let next else { return () }
            isInFile = false
            switch next.content {
            case .file(let size):
                try files.check(size: size)
                isInFile = !decoder.isPlain
            case .link(let text): _ = try next.linkText(text, below: place)
            case .directory, .hardLink: break
            }
        } while !turn.isOver(each: 1)
        return nil
    }
}

extension ArchivedEntry {
    /// - Parameter place: Where the archive is extracted, without symbolic links.
    func linkText(
        _ text: [UInt8],
        below place: WorkspacePath
    ) throws(DirectoryAccess.Failure) -> [UInt8] {
        try refusing { () throws(BackendError) in
            let parent = path.parentAndName?.parent ?? .root
            return try ArchivedEntry.linkText(text, in: place.appending(parent))
        }
    }
}
