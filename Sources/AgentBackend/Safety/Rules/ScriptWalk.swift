/// What is known at a place of a script: the working directory, what flows into a command, and in which function's
/// body it stands.
struct ScriptWalk {
    private struct Group {
        /// What the directory becomes again at the end of a subshell.
        let outerDirectory: TargetPath??
        /// Something downloaded flows into the group.
        let isInputDownloaded: Bool
        /// Where among the groups the function is that this one belongs to.
        let function: Int?
        /// Of a function's body.
        var body: FunctionBody?

        // Of the pipeline at this place.
        var isDownloaded = false
        var isPipeDownloaded = false
        var isAfterPipe = false
        var callsFunction = false

        // Of all of it.
        var hasDownloaded = false
        var hasCalledFunction = false
    }

    private struct FunctionBody {
        let name: [UInt8]
        var calls = 0
        var isConcurrent = false
    }

    /// Nil: not known.
    var directory: TargetPath?
    /// Some function calls itself more than once at a time.
    private(set) var hasMultiplied = false
    /// Never empty: the first is the script.
    private var groups: [Group]
    /// Of the function whose body begins next.
    private var functionName: [UInt8]?

    init(directory: TargetPath?) {
        self.directory = directory
        groups = [Group(outerDirectory: nil, isInputDownloaded: false, function: nil)]
    }

    private var group: Group {
        get { groups[groups.count - 1] }
        _modify { yield &groups[groups.count - 1] }
    }

    var hasDownloaded: Bool { groups[0].hasDownloaded }

    /// Whether what the command at this place reads was downloaded.
    var isInputDownloaded: Bool { group.isInputDownloaded || group.isPipeDownloaded }

    // MARK: Groups and pipelines

    mutating func open(isSubshell: Bool) {
        let body = functionName.map { FunctionBody(name: $0) }
        functionName = nil
        groups.append(
            Group(
                outerDirectory: isSubshell ? .some(directory) : nil,
                isInputDownloaded: isInputDownloaded,
                function: body == nil ? group.function : groups.count,
                body: body
            )
        )
    }

    mutating func close() {
        guard groups.count > 1 else { return }
        endPipeline(isBackground: false)
        let closed = groups.removeLast()
        if let outer = closed.outerDirectory { directory = outer }
        if closed.hasDownloaded { download() }
        if let body = closed.body {
            if body.isConcurrent, body.calls > 1 { hasMultiplied = true }
        } else if closed.hasCalledFunction {
            noteCall()
        }
    }

    mutating func function(_ name: [UInt8]) {
        functionName = name
    }

    mutating func pipe() {
        if group.isDownloaded { group.isPipeDownloaded = true }
        if group.callsFunction { noteConcurrency() }
        group.isAfterPipe = true
    }

    mutating func endPipeline(isBackground: Bool) {
        if isBackground, group.callsFunction { noteConcurrency() }
        group.isDownloaded = false
        group.isPipeDownloaded = false
        group.isAfterPipe = false
        group.callsFunction = false
    }

    // MARK: Commands

    mutating func command(named name: [UInt8]) {
        functionName = nil
        guard let function = group.function, groups[function].body?.name == name else { return }
        groups[function].body?.calls += 1
        noteCall()
    }

    /// The command at this place writes what it downloads.
    mutating func download() {
        group.isDownloaded = true
        group.hasDownloaded = true
    }

    /// cd(1).
    mutating func changeDirectory(_ invocation: Invocation) {
        guard let target = invocation.operands.first else {
            directory = .workspace
            return
        }
        directory = target.literal?.elementsEqual("-".utf8) == true ? nil : TargetPath(target, in: directory)
    }

    private mutating func noteCall() {
        group.callsFunction = true
        group.hasCalledFunction = true
        if group.isAfterPipe { noteConcurrency() }
    }

    private mutating func noteConcurrency() {
        guard let function = group.function else { return }
        groups[function].body?.isConcurrent = true
    }
}
