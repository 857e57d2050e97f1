/// One entry of a tar archive, as far as it may be made beneath a directory. A value.
package struct ArchivedEntry: Sendable {
    package enum Content: Sendable {
        case directory
        case file(size: UInt64)
        /// A symbolic link to what this says.
        case link([UInt8])
        /// A further name of the file at this path, seen from where the archive is extracted.
        case hardLink(WorkspacePath)
    }

    /// Seen from the directory that was archived, or where it is extracted.
    package let path: WorkspacePath
    package let content: Content
    /// 0 to 0o777: what gives a file the rights of its owner is left out.
    package let permissions: UInt32
    /// Since 1970-01-01 UTC.
    package let modifiedNanoseconds: Int64

    package init(path: WorkspacePath, content: Content, permissions: UInt32, modifiedNanoseconds: Int64) {
        self.path = path
        self.content = content
        self.permissions = permissions & 0o777
        self.modifiedNanoseconds = modifiedNanoseconds
    }
}

extension WorkspacePath {
    /// The path that an entry of an archive names; nil: the directory itself. Throws `PATH_ESCAPE_ATTEMPT` for one that
    /// is absolute or goes up, also where it comes back down: no archive that means well has such.
    static func ofArchived(_ name: [UInt8]) throws(BackendError) -> WorkspacePath? {
        let names = name.split(separator: UInt8(ascii: "/"))
        guard name.first != UInt8(ascii: "/"), !names.contains(Array("..".utf8)[...]) else {
            throw .pathEscape(name).inArchive
        }
        let path = try WorkspacePath(joining: names.filter { $0 != [UInt8(ascii: ".")] }.map(Array.init))
        return path.isRoot ? nil : path
    }
}

extension ArchivedEntry {
    /// What a symbolic link of the archive is to hold, where that leads to a place inside. A link is made as it was
    /// archived, but for one to `/workspace/…`, which becomes relative.
    ///
    /// - Parameter directory: Where it is made, without symbolic links.
    package static func linkText(
        _ text: [UInt8],
        in directory: WorkspacePath
    ) throws(BackendError) -> [UInt8] {
        do throws(BackendError) {
            let relative = try LinkTarget(text).text(in: directory)
            return text.first == UInt8(ascii: "/") ? relative : text
        } catch {
            throw error.inArchive
        }
    }
}

extension BackendError {
    /// Told of the archive: nothing of it was extracted.
    fileprivate var inArchive: BackendError {
        BackendError(
            code,
            reason: reason,
            message: "an entry of the archive is refused, and nothing was extracted: \(message)"
        )
    }

    package static func refusedEntry(_ name: [UInt8], _ why: String, reason: Reason? = nil) -> BackendError {
        BackendError(
            .invalidArgument,
            reason: reason,
            message: "the archive's entry \(WorkspacePath.printable(name)) \(why): leave it out; nothing was extracted"
        )
    }

    /// `fault`: as libarchive says it.
    static func damagedArchive(_ fault: String) -> BackendError {
        BackendError(
            .invalidArgument,
            message:
                "this is no tar archive, plain or compressed with gzip or zstd, or it is damaged (\(fault)): nothing "
                + "was extracted"
        )
    }

    package static func archiveLimit(_ name: String, used: UInt64, allowed: UInt64) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "the archive has more than is allowed, \(name) \(used) of \(allowed): split it, or have the limit "
                + "raised",
            limit: LimitDetails(name: name, used: used, allowed: allowed)
        )
    }
}

extension BackendError {
    package static let archiveIsDone = BackendError(
        .invalidArgument,
        message: "the archive was extracted or given up before: begin anew"
    )

    /// Told of what came out of the archive before.
    package func afterExtracting(_ result: ExtractResult) -> BackendError {
        let count = result.files + result.directories + result.links
        return BackendError(
            code,
            reason: reason,
            systemErrno: systemErrno,
            message: "\(message); \(count) entries of the archive were extracted before, and stay",
            isRetryable: isRetryable,
            maybeExecuted: maybeExecuted || count > 0,
            retryAfter: retryAfter,
            limit: limit
        )
    }
}

extension ArchiveLimits {
    /// Throws `RESOURCE_EXHAUSTED` where the archive that is made holds too much.
    package func check(_ summary: ArchiveSummary) throws(BackendError) {
        if summary.entries > maximumEntries {
            throw .archiveLimit("archive_entries", used: summary.entries, allowed: maximumEntries)
        }
        if summary.bytes > maximumContentBytes {
            throw .archiveLimit("archive_content_bytes", used: summary.bytes, allowed: maximumContentBytes)
        }
    }

    /// The same of one that is sent.
    package func check(sent bytes: UInt64) throws(BackendError) {
        guard bytes > maximumBytes else { return }
        throw .archiveLimit("archive_bytes", used: bytes, allowed: maximumBytes)
    }
}
