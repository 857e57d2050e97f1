import AgentBackend
import Foundation
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// Archives that have no place in a workspace, and some that do. Before what means harm stands the file "first".
enum HarmfulArchive: String, CaseIterable, Sendable {
    case absolute, climbing, climbingBack, overLink, linkOutside, absoluteLink, behindLink, hardLinkOutside,
        hardLinkBehindLink
    case device, pipe

    /// What is in an archive, as python adds it.
    struct Script: Sendable {
        let text: String
        var mode = "w"

        /// A directory "d" with a file.
        static let plain = Script(text: "first('d/f')")
        static let setUserID = Script(text: "e = named('suid'); e.mode = 0o4755; add(e, b'x')")
        /// Zeros, of which gzip makes a thousandth.
        static let zeros = Script(text: "add(named('zeros'), bytes(20 << 20))", mode: "w:gz")
        static let bomb = Script(text: "add(named('zeros'), bytes(100 << 20))", mode: "w:gz")
    }

    /// Python that adds it to an archive.
    var script: Script {
        let text =
            switch self {
            case .absolute: "add(named('/' + base + '/evil'), b'x')"
            case .climbing: "add(named('../evil'), b'x')"
            case .climbingBack: "add(named('a/../../evil'), b'x')"
            case .overLink: "link('l', '..'); add(named('l/evil'), b'x')"
            case .linkOutside: "link('l', '../..')"
            case .absoluteLink: "link('l', base); add(named('l/evil'), b'x')"
            case .behindLink: "link('l', 'first'); add(named('l/x'), b'x')"
            case .hardLinkOutside: "hard('h', '../../outside/secret')"
            case .hardLinkBehindLink: "link('l', '.'); hard('h', 'l/first')"
            case .device: "e = named('dev'); e.type = tarfile.CHRTYPE; e.devmajor = 1; e.devminor = 3; add(e)"
            case .pipe: "e = named('pipe'); e.type = tarfile.FIFOTYPE; add(e)"
            }
        return Script(text: text)
    }

    /// Extracted without a look it makes a file "evil" above the directory.
    var escapes: Bool {
        switch self {
        case .absolute, .climbing, .climbingBack, .overLink, .absoluteLink: true
        case .linkOutside, .behindLink, .hardLinkOutside, .hardLinkBehindLink, .device, .pipe: false
        }
    }

    var refusal: Refusal {
        switch self {
        case .absolute, .climbing, .climbingBack, .linkOutside, .absoluteLink, .hardLinkOutside:
            Refusal(.pathEscapeAttempt)
        case .overLink, .behindLink, .hardLinkBehindLink: Refusal(.invalidArgument, .loop)
        case .device, .pipe: Refusal(.invalidArgument, .notRegular)
        }
    }
}

extension LocalFixture {
    func make(_ harm: HarmfulArchive) throws -> ByteBuffer { try make(harm.script) }

    func make(_ script: HarmfulArchive.Script) throws -> ByteBuffer {
        let path = base + "/made.tar"
        let program = """
            import io, sys, tarfile
            base = sys.argv[2]
            t = tarfile.open(sys.argv[1], '\(script.mode)')
            def named(name): return tarfile.TarInfo(name)
            def add(entry, contents=None):
                if contents is not None: entry.size = len(contents)
                t.addfile(entry, contents and io.BytesIO(contents))
            def link(name, target):
                e = named(name); e.type = tarfile.SYMTYPE; e.linkname = target; add(e)
            def hard(name, target):
                e = named(name); e.type = tarfile.LNKTYPE; e.linkname = target; add(e)
            def first(name): add(named(name), b'x')
            first('first')
            \(script.text)
            t.close()
            """
        try #require(try run("/usr/bin/python3", ["-c", program, path, base + "/naive"]) == 0)
        return ByteBuffer(bytes: try Data(contentsOf: URL(filePath: path)))
    }

    /// As one does who trusts names.
    func extractNaively(_ bytes: ByteBuffer, into directory: String) throws {
        let path = base + "/naive.tar"
        try Data(bytes.readableBytesView).write(to: URL(filePath: path))
        let program = """
            import os, sys, tarfile
            for e in tarfile.open(sys.argv[1]):
                p = os.path.join(sys.argv[2], e.name)
                os.makedirs(os.path.dirname(p), exist_ok=True)
                if e.issym(): os.symlink(e.linkname, p)
                else: open(p, 'w').close()
            """
        try #require(try run("/usr/bin/python3", ["-c", program, path, directory]) == 0)
    }

    func archive(_ path: String, _ options: ArchiveOptions = ArchiveOptions()) async throws -> ByteBuffer {
        let reader = try await backend.openArchive(try WorkspacePath(path), options: options)
        do {
            var bytes = ByteBuffer()
            while var piece = try await reader.read(upTo: 100_000) { bytes.writeBuffer(&piece) }
            await reader.close()
            return bytes
        } catch {
            await reader.close()
            throw error
        }
    }

    func extract(_ bytes: ByteBuffer, into path: String) async throws -> ExtractResult {
        let writer = try await backend.openExtraction(into: try WorkspacePath(path), options: ExtractOptions())
        do {
            try await writer.write(bytes)
            return try await writer.commit()
        } catch {
            await writer.abort()
            throw error
        }
    }

    /// Files of all kinds that archives hold: modes, times, names that are no UTF-8, long and deep ones, links.
    func makeSample(_ name: String) throws {
        let program = """
            import os, sys
            os.makedirs(sys.argv[1] + '/sub/deep', exist_ok=True); os.chdir(sys.argv[1])
            def put(path, text, mode=0o644, time=1_700_000_000_123_456_789):
                with open(path, 'wb') as f: f.write(text)
                os.chmod(path, mode); os.utime(path, ns=(time, time))
            put('file', b'text', 0o640); put('script', b'#!', 0o755); put('sub/empty', b'')
            put('sub/large', os.urandom(700_001), time=-2_000_000_000)
            put('grün', b'1'); os.mkdir('bytes'); put(b'bytes/not-\\xff-utf8', b'2'); put('sub/deep/' + 'n' * 200, b'3')
            os.makedirs('long/' + '/'.join(['m' * 90] * 4)); put('long/' + '/'.join(['m' * 90] * 4) + '/f', b'4')
            os.symlink('sub/empty', 'link'); os.symlink('nowhere', 'sub/dangling')
            os.chmod('sub/deep', 0o555); os.utime('sub/deep', ns=(1, 10**18)); os.utime('.', ns=(1, 10**18 + 5))
            """
        try #require(try run("/usr/bin/python3", ["-c", program, path(name)]) == 0)
        if let identity {
            try #require(try run("/usr/bin/chown", ["-R", "-h", "\(identity.uid):\(identity.gid)", path(name)]) == 0)
        }
    }

    /// Kinds, permissions, times and link targets of all that is in a directory.
    func listing(_ name: String, _ withNanoseconds: Bool = true) throws -> Set<String> {
        let time = withNanoseconds ? "%T@" : "%TY%Tj%TH%TM"
        let program =
            "cd \"$1\" && find . -mindepth 1 \\( -type l -printf '%p %y %l\\n' -o -type f -printf '%p %y %m %s \(time)\\n' "
            + "-o -printf '%p %y %m\\n' \\) | LC_ALL=C sort > \"$2\""
        let list = base + "/listing"
        try #require(try run("/bin/bash", ["-c", program, "bash", path(name), list]) == 0)
        let text = String(decoding: try Data(contentsOf: URL(filePath: list)), as: UTF8.self)
        return Set(text.split(separator: "\n").map(String.init))
    }

    func differs(_ first: String, _ second: String) throws -> Int32 {
        try run("/usr/bin/diff", ["-r", "--no-dereference", path(first), path(second)])
    }

    func inode(_ name: String) throws -> ino_t {
        var status = stat()
        try #require(lstat(path(name), &status) == 0)
        return status.st_ino
    }

    func tar(_ arguments: [String], input: ByteBuffer? = nil) throws -> Int32 {
        guard let input else { return try run("/usr/bin/tar", arguments) }
        let file = base + "/given.tar"
        try Data(input.readableBytesView).write(to: URL(filePath: file))
        return try run("/usr/bin/tar", arguments + ["-f", file])
    }

    private func run(_ program: String, _ arguments: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.environment = ["LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"]
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
