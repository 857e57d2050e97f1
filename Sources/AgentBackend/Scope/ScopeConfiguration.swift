/// What a scope has of its own, over what the scopes around it have.
public struct ScopeConfiguration: Sendable {
    /// For its commands: over the environment of the scope around it, under the call's own.
    public var environment: Environment
    /// Takes a record of the operations made through the scope. Nil: that of the scope around it.
    public var operationsLogger: (any OperationsLogger)?
    /// Which of them. Nil: as the scope around it; at the outermost, those that change something.
    public var logMode: OperationsLogMode?
    /// What is not to be read in records, besides what the scopes around it name and the values of environment
    /// variables, which are never in them.
    public var redactedPatterns: [RegularExpression]

    public init(
        environment: Environment = Environment(),
        operationsLogger: (any OperationsLogger)? = nil,
        logMode: OperationsLogMode? = nil,
        redactedPatterns: [RegularExpression] = []
    ) {
        self.environment = environment
        self.operationsLogger = operationsLogger
        self.logMode = logMode
        self.redactedPatterns = redactedPatterns
    }
}
