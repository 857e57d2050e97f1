internal import NIOCore

extension Backend {
    /// An edit that reads the file, and writes it only where it is still of the version that was read.
    @concurrent
    package func editByRewriting(
        _ path: WorkspacePath,
        _ edits: [TextEdit],
        options: EditOptions,
        _ limits: FileCallLimits
    ) async throws(BackendError) -> EditResult {
        for _ in 0..<maximumEditAttempts {
            let (info, contents) = try await readVersion(path, maximumBytes: limits.maximumEditedBytes)
            if let expected = options.expectedEtag, expected != info.etag {
                throw .versionConflict(path, current: info.etag)
            }
            let edited = try EditedText(contents, edits, path, maximumBytes: limits.maximumEditedBytes)
            let diff = UnifiedDiff(from: contents, to: edited.bytes)
                .text(of: path, maximumBytes: limits.maximumDiffBytes)
            var result = EditResult(info: info, replacements: edited.replacements, diff: diff)
            if options.isDryRun { return result }
            do throws(BackendError) {
                let write = WriteOptions(expectedEtag: info.etag)
                result.info = try await self.write(path, ByteBuffer(bytes: edited.bytes), options: write)
                return result
            } catch  where error.code == .conflict && options.expectedEtag == nil && error.currentEtag != nil {
                // Somebody else was faster: the edit is made to what is there now.
                continue
            }
        }
        throw BackendError(.writeFailed, reason: .busy, message: "\(path) changes all the time: try again")
    }

    private func readVersion(
        _ path: WorkspacePath,
        maximumBytes: Int
    ) async throws(BackendError) -> (FileInfo, [UInt8]) {
        let reader = try await openReader(path, range: .all)
        do throws(BackendError) {
            guard reader.info.size <= maximumBytes else {
                throw BackendError(
                    .readFailed,
                    reason: .tooLarge,
                    message: "\(path) has \(reader.info.size) bytes: at most \(maximumBytes) are edited"
                )
            }
            var contents: [UInt8] = []
            while let piece = try await reader.read(upTo: 1 << 20) { contents += piece.readableBytesView }
            await reader.close()
            return (reader.info, contents)
        } catch {
            await reader.close()
            throw error
        }
    }
}

private let maximumEditAttempts = 16
