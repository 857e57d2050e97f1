/// The files that a run works on, each of every org.
struct FileSet {
    private let settings: LoadSettings

    init(_ settings: LoadSettings) {
        self.settings = settings
    }

    /// Makes them, or replaces them.
    func write(interrupts: Int32? = nil) throws(LoadFailure) {
        try callEach(.write, interrupts)
    }

    /// Throws unless each holds what one single write left there.
    func check(interrupts: Int32? = nil) throws(LoadFailure) {
        try callEach(.read, interrupts)
    }

    private func callEach(_ operation: LoadOperation, _ interrupts: Int32?) throws(LoadFailure) {
        var settings = settings
        settings.operation = operation
        // One place for each file.
        settings.connections = settings.tokens.count
        settings.depth = settings.files
        try LoadRun(settings, interrupts: interrupts).makeEachCallOnce()
    }
}
