/// Directories in which version control keeps what is its own.
enum VersionControl {
    static func keepsDirectory(_ name: UnsafeRawBufferPointer) -> Bool {
        directories.contains { name.elementsEqual($0) }
    }

    private static let directories = [".git", ".hg", ".svn", ".bzr", "_darcs", "CVS"].map { Array($0.utf8) }
}
